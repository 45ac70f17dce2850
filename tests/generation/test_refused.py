"""What the main job refuses, in one line and before the work; what is left when it cannot go on."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny
import videos
from dance2music import checkpoint
from dance2music.dance.motion_files import save_motion
from dance2music.errors import InputError
from dance2music.generation import job, outputs, pipeline
from dance2music.generation.regenerate import SectionRequest
from dance2music.generation.regenerate import run as draw_section
from dance2music.generation.request import Request, resolve
from dance2music.takes.methods import load_method
from dance2music.takes.take import Source, make_takes
from jobs import SECONDS, names, request

pytestmark = pytest.mark.usefixtures("few_candidates")


@pytest.mark.parametrize(("seconds", "fps"), [(0.3, 60.0), (700.0, 20.0)])
def test_a_motion_that_is_too_short_or_too_long_is_refused(tmp_path: Path, seconds: float, fps: float) -> None:
    np.savez(tmp_path / "dance.npz", joints=np.random.default_rng(0).random((round(seconds * fps), 24, 3)), fps=fps)
    with pytest.raises(InputError, match=r"expected (1 s to 600 s|at most 10 minutes)"):
        job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "song.wav"))


BAD: dict[str, Callable[[Path], Path]] = {
    "truncated": videos.truncated,
    "truncated with its index": lambda path: videos.truncated(path, index_first=True),
    "empty": videos.empty,
    "text": videos.renamed_text,
    "sound only": videos.audio_only,
    "cover picture": videos.song_with_cover,
    "missing": lambda path: path,
    "folder": lambda path: (path.mkdir(), path)[1],
    "0.3 s": lambda path: videos.write_video(path, seconds=0.3),
    "11 min": lambda path: videos.write_video(path, seconds=660.0, fps=1.0, audio=False),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_videos_are_refused_in_one_line_before_they_are_watched(tmp_path: Path, seen: list[Path], kind: str) -> None:
    video = BAD[kind](tmp_path / "clip.mp4")
    before = names(tmp_path)
    with pytest.raises(InputError) as error:
        job.run(request(video, out=tmp_path / "out.mp4"))
    assert str(video) in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400
    assert not seen and names(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"genre": "salsa"}, "genre 'salsa': unknown; expected one of break, pop"),
        ({"method": "magic"}, "method 'magic': unknown; expected one of planned, composer, memory, d2m-gan, creative-gan"),
        ({"tempo_bpm": 300.0}, "--tempo 300: expected 40 to 240"),
        ({"tempo_bpm": float("nan")}, "--tempo nan: expected 40 to 240"),
        ({"takes": 0}, "--takes 0: expected 1 to"),
        ({"seed": -1}, "--seed -1: expected"),
        ({"seed": 2**60}, "--seed 1152921504606846976: expected a whole number from 0 to 9007199254740992"),
        ({"method": "memory", "midi": Path("out.mid")}, "method 'memory' has no notes"),
        ({"out": Path("nowhere/out.mp4")}, "nowhere does not exist"),
        ({"out": Path("out.gif")}, r"out\.gif: unknown kind of output '\.gif'; expected a name that ends in \.mp4, .*\.wav, .*\.m4a"),
        ({"audio": Path("out.aiff")}, r"--audio out\.aiff: expected the name of a file to write that ends in \.wav"),
        ({"markers": Path("out.xml")}, r"--markers out\.xml: expected the name of a file to write that ends in \.csv or \.txt"),
        ({"stems": Path(__file__)}, r"--stems .*test_refused\.py: expected a folder"),
        ({"sound": "loud"}, "--sound 'loud': unknown; method 'composer' can be heard as studio, soundfont"),
        ({"sound": "soundfont", "soundfont": __file__}, "test_refused.py: not a SoundFont 2 file"),
        ({"sample_rate": 8000}, "--sample-rate 8000: expected 44100 or 48000 Hz"),
        ({"keep_original_db": 90.0}, "--keep-original 90: expected -60 to 20"),
        ({"keep_original_db": -6.0, "duck_db": -3.0}, "--duck -3: expected 0 to 60"),
        ({"duck_db": 9.0}, "--duck 9: there is nothing to give way to"),
        ({"from_motion": Path("dance.npz")}, "either a video or --from-motion"),
    ],
)
def test_bad_options_are_refused_before_the_work(video: Path, seen: list[Path], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        job.run(request(video, **options))
    assert not seen and names(video.parent) == {video.name}


def test_neither_input_nor_an_output_of_the_wrong_kind_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="either a video"):
        job.run(request(None))
    with pytest.raises(InputError, match="expected -o"):
        job.run(request(None, from_motion=tmp_path / "dance.npz"))
    with pytest.raises(InputError, match=r"the output is music; expected a name that ends in \.wav"):
        job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "out.mp4"))


def test_the_input_is_never_overwritten(video: Path, seen: list[Path], tmp_path: Path) -> None:
    before = video.read_bytes()
    with pytest.raises(InputError, match="is the input itself"):
        job.run(request(video, out=video))
    (tmp_path / "dance.json").write_text("{}")
    with pytest.raises(InputError, match="is the input itself"):
        job.run(request(None, from_motion=tmp_path / "dance.json", out=tmp_path / "dance.wav"))
    taps = tmp_path / "taps.txt"
    taps.write_text("0.1\n0.6\n1.1\n1.6\n")
    with pytest.raises(InputError, match=r"taps\.txt: is the input itself"):
        job.run(request(video, tap=taps, markers=taps))
    with pytest.raises(InputError, match="cannot be the name of a file"):
        job.run(request(video, out=tmp_path / f"{'a' * 300}.mp4"))
    assert video.read_bytes() == before and not seen


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_is_refused(video: Path, seen: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot write into"):
        job.run(request(video, out=folder / "out.mp4"))
    assert not seen


def test_a_folder_in_which_no_file_can_be_made_is_refused(video: Path, seen: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("dance2music.files.tempfile.mkstemp", refuse)
    with pytest.raises(InputError, match=r"cannot write into .* \(Permission denied\)"):
        job.run(request(video))
    assert not seen


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_no_file(video: Path, seen: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = resolve(request(video, wav=True, plot=True))
    monkeypatch.setattr(job, "resolve", lambda _: resolved)
    monkeypatch.setattr("dance2music.video.mux._write", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        job.run(request(video, wav=True, plot=True))
    assert names(video.parent) == {video.name}


@pytest.mark.parametrize("where, suffix", [("soundfile.write", ".wav"), ("matplotlib.figure.Figure.savefig", ".png")])
def test_what_the_disk_has_no_room_for_beside_the_music_is_named(
    video: Path, seen: list[Path], monkeypatch: pytest.MonkeyPatch, where: str, suffix: str
) -> None:
    monkeypatch.setattr(where, full_disk)
    (report,) = job.run(request(video, wav=True, plot=True))
    (missing,) = report["not_written"].items()
    assert missing[0].endswith(suffix) and "No space left on device" in missing[1]
    assert names(video.parent) == {video.name} | {f"{video.stem}.music{kept}" for kept in {".mp4", ".wav", ".png", ".json"} - {suffix}}


def test_an_interruption_leaves_no_file(video: Path, seen: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        assert len(names(video.parent)) > 2, "some files of the take are there by now"
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "describe", interrupt)
    with pytest.raises(KeyboardInterrupt):
        job.run(request(video, wav=True, midi=video.with_name("n.mid"), stems=video.with_name("stems")))
    assert names(video.parent) == {video.name}


def test_weights_that_were_tampered_with_are_refused_before_the_work(
    video: Path, seen: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = checkpoint.resources.files("dance2music") / "weights"
    weights = tmp_path / "package" / "weights"
    weights.mkdir(parents=True)
    data = bytearray((source / "rhythm.safetensors").read_bytes())
    (weights / "rhythm.safetensors").write_bytes(data)
    (weights / "dance_genre.safetensors").write_bytes(data)  # intact, but of another kind
    digest = checkpoint.sha256_of(weights / "dance_genre.safetensors")
    (weights / "sha256.json").write_text(json.dumps({"dance_genre.safetensors": digest}))
    monkeypatch.setattr(checkpoint.resources, "files", lambda _: tmp_path / "package")
    pipeline.dance_genre_classifier.cache_clear()
    with pytest.raises(InputError, match="holds a 'rhythm'; expected dance-genre"):
        job.run(request(video, genre=None))
    data[-1] ^= 1
    (weights / "dance_genre.safetensors").write_bytes(data)
    with pytest.raises(InputError, match="sha256 differs"):
        job.run(request(video, genre=None))
    pipeline.dance_genre_classifier.cache_clear()
    assert not seen


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("seed", "1", "option seed: '1' is of type str; expected a whole number"),
        ("seed", True, "option seed: True is of type bool; expected a whole number"),
        ("takes", 1.5, "option takes: 1.5 is of type float; expected a whole number"),
        ("settings", "a=b", "option settings: 'a=b' is of type str; expected a list of texts"),
        ("instruments", "drums", "option instruments: 'drums' is of type str; expected a list of texts"),
        ("instruments", [1], r"option instruments: \[1\] is of type list; expected a list of texts"),
        ("sound", None, "option sound: None is of type NoneType; expected a text"),
        ("method", None, "option method: None is of type NoneType; expected a text"),
        ("genre", 3, "option genre: 3 is of type int; expected a text or None"),
        ("tempo_bpm", "120", "option tempo_bpm: '120' is of type str; expected a number or None"),
        ("denoise", "no", "option denoise: 'no' is of type str; expected True or False"),
        ("out", 3, "option out: 3 is of type int; expected the name of a file or None"),
        ("midi", "a\0.mid", "option midi: .* expected the name of a file or None"),
    ],
)
def test_an_option_of_another_type_is_refused_in_one_line(option: str, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        job.generate("dance.mp4", **({"out": "out.mp4"} | {option: value}))
    assert "\n" not in str(error.value)


def test_numbers_of_numpy_and_lists_are_as_good_as_pythons_own() -> None:
    given: Any = {"seed": np.int64(3), "tempo_bpm": np.float32(120), "settings": ["a=b"], "weights": "w"}
    assert Request(**given) == Request(seed=3, tempo_bpm=120.0, settings=("a=b",), weights=Path("w"))
    assert type(Request(**given).seed) is int and type(Request(tempo_bpm=120).tempo_bpm) is float
    with pytest.raises(InputError, match="option settings: 'beams=2' is of type str"):
        load_method("dance2music-offline", settings="beams=2")
    with pytest.raises(InputError, match="option begin: '1' is of type str; expected a number"):
        SectionRequest(take=Path("a.take"), begin="1", end=2.0)  # type: ignore[arg-type]


def test_a_take_of_a_method_that_makes_whole_pieces_is_kept_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, seen: list[Path]
) -> None:
    save_motion(tiny.conditioning(2.0).dance, tmp_path / "dance.npz")  # type: ignore[arg-type]
    for method, words in (("dance2music-offline", 1), ("composer", 0)):
        caplog.clear()
        job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "o.wav", take=tmp_path / "o.take", method=method))
        told = [record.getMessage() for record in caplog.records if "no section of it can be drawn again" in record.getMessage()]
        assert len(told) == words and (tmp_path / "o.take").exists()


def test_a_section_is_never_written_over_the_motion_that_its_take_was_made_for(tmp_path: Path, seen: list[Path]) -> None:
    """The report of a take made from motion in JSON would have the name of that file."""
    motion = tmp_path / "dance.json"
    motion.write_text("{}")
    (take,) = make_takes(load_method("composer"), tiny.conditioning(4.0), seeds=[0])
    dataclasses.replace(take, source=Source(motion, "0" * 64, is_video=False)).save(tmp_path / "kept.take")
    for given in ({"out": tmp_path / "dance.wav"}, {"out": tmp_path / "again.wav", "kept": tmp_path / "kept.take"}):
        with pytest.raises(InputError, match=r"(dance\.json|kept\.take): is the input itself and would be overwritten"):
            draw_section(SectionRequest(take=tmp_path / "kept.take", begin=1.0, end=2.0, **given))
    assert motion.read_text() == "{}" and names(tmp_path) == {"dance.json", "kept.take"}


def test_without_a_section_a_take_gives_its_music_again_bit_by_bit(tmp_path: Path, seen: list[Path]) -> None:
    save_motion(tiny.conditioning(3.0).dance, tmp_path / "dance.npz")  # type: ignore[arg-type]
    job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "first.wav", take=tmp_path / "first.take"))
    report = draw_section(SectionRequest(take=tmp_path / "first.take", out=tmp_path / "again.wav"))
    assert (tmp_path / "again.wav").read_bytes() == (tmp_path / "first.wav").read_bytes()
    assert "section" not in report and "drawn_again" not in report


def test_a_codec_that_plays_the_videos_own_music_says_so_where_there_is_none(tmp_path: Path, seen: list[Path]) -> None:
    silent = videos.write_video(tmp_path / "silent.mp4", seconds=SECONDS, audio=False)
    with pytest.raises(InputError, match="has no sound, and jukebox-reconstruction plays the video's own"):
        job.run(request(silent, method="jukebox-reconstruction"))
    assert not seen
