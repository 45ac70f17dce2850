"""Every method that the papers compare with, through the one command: files, lengths, settings, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tiny
import videos
from dance2music.baselines.cmt import Cmt, CmtConfig
from dance2music.baselines.dance2music_online import Dance2MusicOnline, OnlineConfig
from dance2music.baselines.foley_music import FoleyMusic, FoleyMusicConfig
from dance2music.baselines.inverse_mv import InverseMv, InverseMvConfig
from dance2music.baselines.jukebox import JukeboxPrior, JukeboxPriorConfig
from dance2music.checkpoint import save_model
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.dance.motion_files import save_motion
from dance2music.dance.skeleton import skeleton
from dance2music.errors import ConfigError, InputError
from dance2music.generation import job, outputs, pipeline
from dance2music.generation.request import Request, resolve
from dance2music.methods.base import SOUNDS, Given
from dance2music.music.audio import load_audio
from dance2music.music.midi import load_midi
from dance2music.people.dancers import of_motion
from dance2music.synthetic.drawing import example_dance
from dance2music.takes.methods import METHODS, Method, load, load_method
from dance2music.takes.ranking import best_take
from dance2music.types import Motion

SECONDS = 3.0
SMALL: dict[str, tuple[Callable[[Any], nn.Module], Any]] = {
    "dance2music-online": (Dance2MusicOnline, OnlineConfig(channels=(4, 4, 4, 4, 4, 4), note_hidden=4, head=(8, 8, 8))),
    "foley-music": (FoleyMusic, FoleyMusicConfig(graph_channels=(8, 8), graph_strides=(1, 2), channels=16, heads=2, layers=1,
                                                 feed_channels=16, max_events=48, window_seconds=2.0)),
    "cmt": (Cmt, CmtConfig(channels=16, heads=2, layers=1, feed_channels=16, field_channels=(4,) * 7, progress_channels=4,
                           prefix_channels=4)),
    "inverse-mv": (InverseMv, InverseMvConfig(picture_size=16, picture_channels=(4, 4, 16), heads=2, layers=1, feed_channels=16,
                                              n_pictures=6, max_events=48)),
    "jukebox-random": (JukeboxPrior, JukeboxPriorConfig(vocabulary=tiny.CODEBOOK_SIZE * tiny.N_CODEBOOKS, context=16, channels=16,
                                                        layers=1)),
}  # fmt: skip
pytestmark = pytest.mark.usefixtures("few_candidates")
SYMBOLIC = ("dance2music-offline", "dance2music-online", "foley-music", "cmt", "inverse-mv")


@pytest.fixture(autouse=True)
def small_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dance2music.codec.embedded.embedded_codec", tiny.codec)


@cache
def motion() -> Motion:
    return example_dance(SECONDS)[0]


def model_file(folder: Path, method: str) -> Path | None:
    """An untrained network of the method, as a file of the user's own; none where it needs none."""
    if method not in SMALL:
        return None
    torch.manual_seed(0)
    build, config = SMALL[method]
    save_model(folder / "own.safetensors", build(config), config)
    return folder / "own.safetensors"


def request(folder: Path, method: str, **options: Any) -> Request:
    """A request for music to the drawn dance, from its joints."""
    if not (folder / "dance.npz").exists():
        save_motion(motion(), folder / "dance.npz")
    given = {"from_motion": folder / "dance.npz", "out": folder / "out.wav", "weights": model_file(folder, method)}
    return Request(**{**given, "method": method, "genre": "pop", "plot": False, **options})


@pytest.mark.parametrize("method", [*SYMBOLIC, "jukebox-random"])
def test_every_method_makes_music_as_long_as_the_dance_to_the_sample(tmp_path: Path, method: str) -> None:
    generator = load_method(method, weights=model_file(tmp_path, method))
    for seconds in (SECONDS, 1.234):
        conditioning = pipeline.condition(motion(), genre="pop", duration_seconds=seconds)
        take = best_take(generator, conditioning, seed=0)
        assert take.audio.samples.shape == (1, round(seconds * take.audio.sample_rate)) and take.candidates == 1
        assert np.isfinite(take.audio.samples).all()


def test_every_method_is_known_as_one_with_notes_or_without() -> None:
    methods = METHODS.values()
    assert all(set(method.sounds) <= set(SOUNDS) for method in methods)
    assert all(method.notes == ("studio" in method.sounds) for method in methods), "all notes can be heard in the studio"
    groups = [
        {method.name for method in methods if "soundfont" in method.sounds and "neural" not in method.sounds},
        {method.name for method in methods if method.sounds == ("neural",)},
        {method.name for method in methods if "neural" in method.sounds and method.notes},
    ]
    assert groups == [
        {"composer", *SYMBOLIC},
        {"memory", "d2m-gan", "creative-gan", "jukebox-random", "jukebox-reconstruction"},
        {"planned"},
    ]
    assert set.union(*groups) == set(METHODS) and sum(map(len, groups)) == len(METHODS)
    assert {method.name for method in methods if method.weights.startswith("a model file")} == set(SMALL)


@pytest.mark.parametrize("method", ["dance2music-offline", "cmt"])
def test_notes_and_stems_are_written_and_the_stems_add_up(tmp_path: Path, method: str) -> None:
    asked = request(tmp_path, method, midi=tmp_path / "notes.mid", stems=tmp_path / "stems", takes=2, out=tmp_path / "out.wav")
    reports = job.run(asked)
    for i, report in enumerate(reports, 1):
        resolved = resolve(asked)
        conditioning = pipeline.condition(motion(), genre="pop")
        take = best_take(load(resolved.method, resolved.given), conditioning, seed=i - 1)
        score = load_midi(tmp_path / f"notes-{i}.mid")
        assert take.score is not None and sorted(t.role for t in score.tracks) == sorted(t.role for t in take.score.tracks if t.notes)
        stems = [load_audio(path).samples for path in (tmp_path / f"stems-{i}").glob("*.wav")]
        assert 1 <= len(stems) <= len(score.tracks)  # CMT may write drums that no soundfont has
        assert np.abs(sum(stems) - take.audio.samples).max() < (len(stems) + 1) / 2**15
        assert {Path(name).name for name in report["files"]} >= {f"notes-{i}.mid", f"out-{i}.wav", f"out-{i}.json"}
        assert all(Path(name).is_file() for name in report["files"])


@pytest.mark.parametrize("method", ["composer", "planned", "cmt"])
def test_in_the_studio_music_is_mastered_stereo_and_its_stems_add_up(tmp_path: Path, method: str) -> None:
    asked = request(tmp_path, method, sound="studio", stems=tmp_path / "stems", out=tmp_path / "out.wav")
    (report,) = job.run(asked)
    music = load_audio(tmp_path / "out.wav", mono=False)
    assert report["sound"] == "studio" and "soundfont" not in report
    assert music.samples.shape == (2, round(SECONDS * 48_000)) and music.sample_rate == 48_000
    assert np.abs(music.samples[0] - music.samples[1]).max() > 1e-3, "both sides are not the same"
    assert 0.05 < np.abs(music.samples).max() < 1.0
    parts = [load_audio(path, mono=False).samples for path in (tmp_path / "stems").glob("*.wav")]
    assert len(parts) > 1 and np.abs(sum(parts) - music.samples).max() < (len(parts) + 1) / 2**15


def test_nothing_is_left_of_notes_and_stems_when_writing_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    asked = request(tmp_path, "dance2music-offline", midi=tmp_path / "notes.mid", stems=tmp_path / "stems")
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(outputs, "describe", stop)
    with pytest.raises(KeyboardInterrupt):
        job.run(asked)
    assert set(tmp_path.iterdir()) == before


def test_only_the_chosen_instruments_play(tmp_path: Path) -> None:
    (report,) = job.run(request(tmp_path, "cmt", instruments=("bass", "drums"), midi=tmp_path / "notes.mid"))
    assert {track.role for track in load_midi(tmp_path / "notes.mid").tracks} <= {"drums", "bass"}
    assert report["instruments"] == ["bass", "drums"]


def test_a_setting_changes_the_music_and_is_reported(tmp_path: Path) -> None:
    job.run(request(tmp_path, "dance2music-offline", out=tmp_path / "a.wav"))
    (report,) = job.run(request(tmp_path, "dance2music-offline", out=tmp_path / "b.wav", settings=("objective=whole", "program=11")))
    assert report["settings"] == ["objective=whole", "program=11"]
    assert (tmp_path / "a.wav").read_bytes() != (tmp_path / "b.wav").read_bytes()


def test_settings_do_not_stay_with_the_generator() -> None:
    from dance2music.methods.base import adjusted

    torch.manual_seed(0)
    plain = Cmt(SMALL["cmt"][1]).eval()
    other = adjusted(plain, ["density_control=1.0"])
    assert other.config.density_control == 1.0 and plain.config.density_control == 0.7
    assert other.word.weight is plain.word.weight


def test_a_report_names_the_soundfont_and_its_digest(tmp_path: Path) -> None:
    from dance2music.checkpoint import sha256_of
    from dance2music.music.synth import find_soundfonts

    font = shutil.copy(find_soundfonts()["timgm"], tmp_path / "mine.sf2")
    (own,) = job.run(request(tmp_path, "dance2music-offline", out=tmp_path / "a.wav", soundfont=str(font)))
    (default,) = job.run(request(tmp_path, "dance2music-offline", out=tmp_path / "b.wav"))
    assert own["soundfont"] == {"name": "mine.sf2", "sha256": sha256_of(font)} and default["soundfont"]["name"] == "TimGM6mb.sf2"
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("jukebox-random", {"midi": Path("a.mid")}, "method 'jukebox-random' has no notes"),
        ("cmt", {"midi": Path("a.wav")}, r"--midi a\.wav: expected .* \.mid or \.midi"),
        (
            "planned",
            {"stems": Path("stems"), "sound": "neural"},
            "--stems: as neural, the music of 'planned' is one recording without instruments; choose --sound studio",
        ),
        ("memory", {"sound": "studio"}, "--sound 'studio': method 'memory' can be heard as neural; choose one of these"),
        ("cmt", {"sound": "opera"}, "--sound 'opera': unknown; method 'cmt' can be heard as soundfont, studio; choose one of these"),
        ("cmt", {"sound": "studio", "soundfont": "timgm"}, "--soundfont: method 'cmt' plays no notes as studio"),
        ("creative-gan", {"level": "middle"}, "--level 'middle': unknown; expected one of high, low"),
        ("memory", {"soundfont": "fluid"}, "--soundfont: method 'memory' plays no notes"),
        ("cmt", {"soundfont": "nowhere.sf2"}, r"soundfont 'nowhere\.sf2': no such file; expected"),
        ("cmt", {"stems": Path("nowhere/stems")}, "--stems nowhere/stems: expected a folder"),
        ("foley-music", {"instruments": ("bass",)}, "--instruments: method 'foley-music' chooses its own; expected method cmt"),
        (
            "cmt",
            {"instruments": ("bass", "kazoo")},
            "--instruments bass,kazoo: expected one or more of drums, piano, guitar, bass, strings",
        ),
        ("cmt", {"settings": ("channels=3",)}, "--set channels=3: method 'cmt' has only the settings top_p"),
        ("composer", {"settings": ("top_p=1",)}, "method 'composer' has no settings"),
        ("foley-music", {"settings": ("mode=best",)}, "mode 'best': unknown; expected one of nucleus"),
        ("jukebox-reconstruction", {}, "has no music to code; expected a video with sound"),
        ("dance2music-online", {"level": "low", "weights": None}, "--level 'low': unknown; method 'dance2music-online' has no levels"),
        ("memory", {"weights": Path("own.safetensors")}, "--weights: method 'memory' has its weights in the package"),
        (
            "planned",
            {"weights": Path("own.safetensors")},
            "--weights: method 'planned' has its weights in the package; leave --weights out",
        ),
        ("", {"weights": Path("own.safetensors")}, "own.safetensors: no such file or folder; expected what 'dance2music train'"),
        ("cmt", {"tempo_bpm": 0.0}, "--tempo 0: expected 40 to 240"),
    ],
)
def test_what_a_method_cannot_do_is_refused_in_one_line(tmp_path: Path, method: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        job.run(request(tmp_path, method, **options))
    assert "\n" not in str(error.value) and not (tmp_path / "out.wav").exists()


def test_a_soundfont_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "song.sf2").write_bytes(b"RIFF\x10\0\0\0WAVEfmt and so on, to no good end")
    with pytest.raises(InputError, match=r"song\.sf2: not a SoundFont 2 file") as error:
        job.run(request(tmp_path, "dance2music-offline", soundfont=str(tmp_path / "song.sf2")))
    assert "\n" not in str(error.value)


def test_weights_of_another_method_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds a 'inverse-mv'; expected cmt for method 'cmt'; play it with --method inverse-mv"):
        load_method("cmt", weights=model_file(tmp_path, "inverse-mv"))


def test_a_method_without_its_weights_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dance2music import checkpoint

    (tmp_path / "weights").mkdir()
    monkeypatch.setattr(checkpoint.resources, "files", lambda _: tmp_path)
    with pytest.raises(InputError, match="embedded weights 'cmt': not in this installation") as error:
        load_method("cmt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("method", SYMBOLIC)
def test_a_dance_in_which_nobody_moves_is_no_error(tmp_path: Path, method: str) -> None:
    still = replace(motion(), joints=np.repeat(motion().joints[:1], len(motion().joints), axis=0))
    generator = load_method(method, weights=model_file(tmp_path, method))
    take = best_take(generator, pipeline.condition(still, genre="house"), seed=1)
    assert np.isfinite(take.audio.samples).all() and take.score is not None


@pytest.mark.parametrize("method", SYMBOLIC)
def test_motion_of_a_picture_without_a_dancer_is_enough(tmp_path: Path, method: str) -> None:
    rng = np.random.default_rng(0)
    n = len(skeleton("flow").joints)
    joints = np.cumsum(rng.normal(0, 0.02, (90, n, 2)), axis=0).astype(np.float32)
    flow = Motion(joints, np.zeros((90, n), np.float32), 30.0, "flow", flow_energy=rng.random(90).astype(np.float32))
    generator = load_method(method, weights=model_file(tmp_path, method))
    take = best_take(generator, pipeline.condition(flow, genre="house"), seed=1)
    assert take.audio.duration_seconds == pytest.approx(SECONDS, abs=1e-3)


def test_an_empty_score_is_silence_and_a_file_without_notes(tmp_path: Path) -> None:
    from dance2music.music.midi import save_midi
    from dance2music.music.synth import render, render_stems
    from dance2music.types import Score, Track

    for tracks in ([], [Track("lead", 0, [])]):
        empty = Score(tracks, np.arange(4.0), 0, 2.0, 0, 0, False)
        assert not render(empty).samples.any() and render(empty).samples.shape == (1, 44_100)
        assert not any(stem.samples.any() for stem in render_stems(empty).values())
        save_midi(empty, tmp_path / "empty.mid")
        with pytest.raises(InputError, match="holds 0 notes"):
            load_midi(tmp_path / "empty.mid")


def test_a_level_of_jukebox_needs_no_weights_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = VQVAEConfig(width=4, depth=1, codebook_size=8, multipliers=(1, 1, 1), untuned=True)
    torch.manual_seed(0)
    asked = []
    monkeypatch.setattr("dance2music.checkpoint.load_embedded", lambda name, expected: (asked.append((name, expected)), VQVAE(config))[1])
    hops = {level: load_method("jukebox-reconstruction", level=level).codec.hop_length  # type: ignore[union-attr]
            for level in ("high", "low", "finest", "high-untuned")}  # fmt: skip
    assert hops == {"high": 128, "low": 32, "finest": 8, "high-untuned": 128} and set(asked) == {("jukebox_vqvae", "vqvae")}
    with pytest.raises(InputError, match="--level 'middle': unknown; expected one of high, low, finest"):
        load_method("jukebox-reconstruction", level="middle")
    monkeypatch.setattr("dance2music.generation.job.read_dancers", lambda video, **_: (of_motion(motion()),))
    video = videos.write_video(tmp_path / "clip.mp4", seconds=SECONDS)
    (report,) = job.run(
        Request(video=video, out=tmp_path / "own.mp4", method="jukebox-reconstruction", level="low", genre="pop", plot=False)
    )
    assert report["codec"] == "embedded VQ-VAE, low" and report["preset"] == "jukebox-reconstruction-low"


def test_the_music_of_a_video_is_coded_and_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dance2music.generation.job.read_dancers", lambda video, **_: (of_motion(motion()),))
    video = videos.write_video(tmp_path / "clip.mp4", seconds=SECONDS)
    config = VQVAEConfig(levels=(1, 2), level=2, width=4, depth=1, codebook_size=8)
    torch.manual_seed(0)
    save_model(tmp_path / "vqvae.safetensors", VQVAE(config), config)
    heard = {}
    for level in ("high", "low"):
        out = tmp_path / f"{level}.mp4"
        (report,) = job.run(
            Request(video=video, out=out, method="jukebox-reconstruction", weights=tmp_path / "vqvae.safetensors", level=level,
                    genre="pop", plot=False, wav=True)
        )  # fmt: skip
        assert report["codec"] == "codec of vqvae.safetensors" and report["denoised"] is False
        heard[level] = load_audio(tmp_path / f"{level}.wav")
    assert heard["high"].samples.shape == heard["low"].samples.shape and not np.array_equal(heard["high"].samples, heard["low"].samples)
    with pytest.raises(InputError, match=r"holds the levels \(1, 2\); expected 0"):
        load_method("jukebox-reconstruction", weights=tmp_path / "vqvae.safetensors", level="finest")
    (report,) = job.run(Request(video=video, out=tmp_path / "own.mp4", method="jukebox-reconstruction", genre="pop", plot=False))
    assert report["codec"] == "embedded spectral codec" and json.loads((tmp_path / "own.json").read_text())["method"] == report["method"]


@pytest.mark.parametrize(
    ("module", "loader"), [("dance2music.methods.compozer", "load"), ("dance2music.methods.composer", "laod"), ("dance3music.x", "load")]
)
def test_a_record_that_names_what_is_not_there_says_so_in_one_line(module: str, loader: str) -> None:
    with pytest.raises(ConfigError, match=rf"method 'toy': its record names {module}:{loader}, which is not there"):
        load(Method("toy", "", module, loader), Given())
