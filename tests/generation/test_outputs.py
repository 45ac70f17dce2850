"""What a take is written as: sound files by suffix, stems, notes, markers, the clip's own sound."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import videos
from dance2music.errors import InputError
from dance2music.generation import job
from dance2music.generation.request import Request
from dance2music.music.audio import load_audio
from dance2music.music.loudness import loudness, true_peak_db
from dance2music.people.dancers import of_motion
from dance2music.rhythm.choices import TEMPO_LIMITS_BPM
from dance2music.synthetic.drawing import example_dance
from dance2music.takes.take import LEAD_SECONDS
from dance2music.types import BEATS_PER_BAR, ROLES, Dancer
from dance2music.video.container import VideoInfo

SECONDS = 3.0
pytestmark = pytest.mark.usefixtures("few_candidates")


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small video with a quiet tone."""
    return videos.write_video(tmp_path_factory.mktemp("bars") / "clip.mp4", seconds=SECONDS)


@pytest.fixture
def video(bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the drawn dance is seen."""

    def read_dancers(video: VideoInfo, *, details: bool = True, progress: Callable[[float], None] | None = None) -> tuple[Dancer, ...]:
        return (of_motion(example_dance(SECONDS)[0]),)

    monkeypatch.setattr("dance2music.generation.job.read_dancers", read_dancers)
    return Path(shutil.copy(bars, tmp_path / "clip.mp4"))


def made(video: Path, **options: Any) -> dict[str, Any]:
    (report,) = job.run(Request(**{"video": video, "genre": "house", "method": "composer", "plot": False} | options))
    return report


@pytest.mark.parametrize(
    ("suffix", "subtype"), [(".wav", "PCM_24"), (".flac", "PCM_24"), (".ogg", "VORBIS"), (".mp3", "MPEG_LAYER_III"), (".m4a", None)]
)
def test_a_name_of_a_sound_file_gives_the_music_alone(video: Path, suffix: str, subtype: str | None) -> None:
    out = video.with_name(f"song{suffix}")
    report = made(video, out=out)
    assert report["output"] == str(out)
    assert {path.name for path in video.parent.iterdir()} == {"clip.mp4", out.name, "song.json"}
    if subtype is not None:
        info = soundfile.info(out)
        assert (info.subtype, info.channels, info.samplerate) == (subtype, 2, 48_000)
    audio = load_audio(out, mono=False)
    assert audio.samples.shape[0] == 2 and audio.sample_rate == 48_000 and audio.duration_seconds == pytest.approx(SECONDS, abs=0.06)


def test_a_sound_file_is_written_beside_the_video_at_the_rate_asked_for(video: Path) -> None:
    made(video, audio=video.with_name("mix.flac"), wav=True, sample_rate=44_100)
    assert soundfile.info(video.with_name("mix.flac")).samplerate == 44_100
    assert load_audio(video.with_name("clip.music.mp4")).sample_rate == 44_100
    assert np.array_equal(load_audio(video.with_name("mix.flac")).samples, load_audio(video.with_name("clip.music.wav")).samples)


def test_the_tempo_that_is_told_for_a_loop_makes_it_whole_bars(video: Path) -> None:
    assert "loop" not in made(video)
    jumps = made(video, ending=False, tempo_bpm=100.0)["loop"]
    bars = jumps["beats"] / BEATS_PER_BAR
    assert jumps["bars"] == max(1, round(bars)) and abs(bars - round(bars)) > 0.05
    joins = made(video, ending=False, tempo_bpm=jumps["tempo_bpm"])["loop"]
    for tempo_bpm in TEMPO_LIMITS_BPM:
        told = made(video, ending=False, tempo_bpm=tempo_bpm)["loop"]["tempo_bpm"]
        assert TEMPO_LIMITS_BPM[0] <= told <= TEMPO_LIMITS_BPM[1], "the advice can be followed"
    assert joins["beats"] == pytest.approx(BEATS_PER_BAR * jumps["bars"], abs=0.02) and joins["bars"] == jumps["bars"]
    assert joins["in_time"] and not jumps["in_time"]


@pytest.mark.parametrize(("method", "sound", "rate"), [("composer", "studio", 48_000), ("composer", "soundfont", 22_050)])
def test_stems_add_up_to_the_mix(video: Path, method: str, sound: str, rate: int) -> None:
    made(video, method=method, sound=sound, denoise=False, out=video.with_name("mix.wav"), stems=video.with_name("stems"))
    stems = {path.stem: load_audio(path, mono=False) for path in video.with_name("stems").iterdir()}
    assert {"drums", "bass"} <= stems.keys() and {stem.sample_rate for stem in stems.values()} == {rate}
    total, mix = sum(stem.samples for stem in stems.values()), load_audio(video.with_name("mix.wav"), mono=False).samples
    if sound == "soundfont":  # the mix is made louder after it was summed
        gain = float((mix * total).sum() / np.square(total).sum())
        total = total * gain
    middle = slice(mix.shape[-1] // 10, -mix.shape[-1] // 10)
    assert np.sqrt(np.square(total - mix)[:, middle].mean()) < (1e-5 if sound == "studio" else 4e-2)


def test_the_clip_s_own_sound_is_kept_and_the_stems_add_up_with_it(video: Path) -> None:
    report = made(video, out=video.with_name("mix.wav"), stems=video.with_name("stems"), keep_original_db=3.0, duck_db=9.0)
    assert report["original_sound"] == {"level_db": 3.0, "duck_db": 9.0}
    mix = load_audio(video.with_name("mix.wav"), mono=False)
    stems = {path.stem: load_audio(path, mono=False).samples for path in video.with_name("stems").iterdir()}
    assert np.abs(sum(stems.values()) - mix.samples).max() < 1e-4
    tone = np.abs(np.fft.rfft(stems["original"][0]))
    assert abs(np.argmax(tone) / SECONDS - 440) < 1
    assert report["loudness"]["integrated_lufs"] == pytest.approx(loudness(mix), abs=0.02)
    assert report["loudness"]["true_peak_dbtp"] == pytest.approx(true_peak_db(mix), abs=0.02) and true_peak_db(mix) < -0.9
    plain = made(video, out=video.with_name("plain.wav"))
    assert report["sync"] == plain["sync"], "sync is measured on the music"


def test_a_clip_without_sound_has_none_to_keep(tmp_path: Path) -> None:
    silent = videos.write_video(tmp_path / "silent.mp4", audio=False)
    with pytest.raises(InputError, match=r"--keep-original: .*silent\.mp4 has no sound to keep"):
        made(silent, keep_original_db=0.0)
    with pytest.raises(InputError, match="a motion file has no sound"):
        made(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "o.wav", keep_original_db=0.0)  # type: ignore[arg-type]


def test_loudness_stands_in_the_report_and_in_the_picture_s_title(video: Path) -> None:
    from dance2music.generation.outputs import title_of

    report = made(video)
    level = report["loudness"]
    assert level["integrated_lufs"] == pytest.approx(-14.0, abs=0.7) and level["true_peak_dbtp"] <= -0.95 and level["range_lu"] is not None
    title = title_of(report)
    assert "LUFS" in title and "dBTP" in title and f"range {level['range_lu']:.1f} LU" in title
    assert "LUFS" not in title_of(report | {"loudness": dict.fromkeys(level)})


def test_markers_name_every_beat(video: Path) -> None:
    report = made(video, markers=video.with_name("m.csv"), tempo_bpm=120.0)
    rows = [line.split(",") for line in video.with_name("m.csv").read_text().splitlines()]
    assert rows[0] == ["begin_seconds", "end_seconds", "kind", "name"]
    beats = [row for row in rows[1:] if row[2] in ("beat", "downbeat")]
    inside = [time for time in report["beat_times_seconds"] if 0 <= time < report["duration_seconds"]]
    assert [float(row[0]) for row in beats] == pytest.approx([max(0.0, time - LEAD_SECONDS) for time in inside], abs=1e-3)
    assert np.diff([i for i, row in enumerate(beats) if row[2] == "downbeat"]) == pytest.approx(4)
    sections = [(float(row[0]), float(row[1])) for row in rows[1:] if row[2] == "section"]
    assert sections[0][0] == 0.0 and sections[-1][1] == pytest.approx(report["duration_seconds"], abs=1e-3)
    assert [end for _, end in sections[:-1]] == [begin for begin, _ in sections[1:]]


def test_markers_lie_on_the_notes_of_the_drums(video: Path) -> None:
    made(video, markers=video.with_name("m.csv"), midi=video.with_name("m.mid"), tempo_bpm=120.0)
    beats = [float(line.split(",")[0]) for line in video.with_name("m.csv").read_text().splitlines()[1:] if "beat," in line]
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(str(video.with_name("m.mid")))
    strokes = np.array([note.start for track in midi.instruments if track.is_drum for note in track.notes])
    nearest = np.array([np.abs(strokes - beat).min() for beat in beats[1:]])
    assert np.median(nearest) < 0.003


def test_the_same_markers_are_labels_for_audacity(video: Path) -> None:
    made(video, markers=video.with_name("m.csv"), tempo_bpm=120.0)
    rows = [line.split(",") for line in video.with_name("m.csv").read_text().splitlines()]
    made(video, markers=video.with_name("m.txt"), tempo_bpm=120.0)
    labels = [line.split("\t") for line in video.with_name("m.txt").read_text().splitlines()]
    assert [label[:2] for label in labels] == [row[:2] for row in rows[1:]] and labels[0][2].split()[0] in ("beat", "downbeat", "section")


def test_what_fails_beside_the_music_costs_nothing_but_itself(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that cannot be drawn, markers for which the disk is full: the music is kept, and all is said."""

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("Expected end of text, found '$'\n(at char 0)")

    def full(*_: object) -> None:
        raise InputError("m.csv: cannot be written (No space left on device); free space")

    monkeypatch.setattr("dance2music.generation.plot.plot_result", refuse)
    monkeypatch.setattr("dance2music.generation.outputs.save_markers", full)
    out, stems = video.with_name("o.mp4"), video.with_name("stems")
    out.with_suffix(".png").write_text("of another run")
    stems.mkdir()
    for role in (*ROLES, "effects"):
        (stems / f"{role}.wav").write_text("of another run")
    report = made(video, out=out, plot=True, markers=video.with_name("m.csv"), stems=stems, seed=4)
    assert report["not_written"] == {
        str(out.with_suffix(".png")): "Expected end of text, found '$' (at char 0)",
        str(video.with_name("m.csv")): "m.csv: cannot be written (No space left on device); free space",
    }
    left = {path.name for path in video.parent.iterdir()}
    assert left == {"clip.mp4", "o.mp4", "o.json", "stems"}, "an older picture does not stand beside the new music"
    assert not all((stems / f"{role}.wav").exists() for role in ROLES), "not everybody plays with this seed"
    assert all(path.read_bytes()[:4] == b"RIFF" for path in stems.iterdir())
    assert set(report["files"]) == {str(out), str(out.with_suffix(".json")), *(str(path) for path in stems.iterdir())}


def test_takes_that_follow_a_failure_are_not_lost(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, written = job.write_take, []

    def write_take(*args: Any, **options: Any) -> dict[str, Any]:
        if written:
            raise InputError("o-2.wav: cannot be written (No space left on device); free space")
        written.append(real(*args, **options))
        return written[0]

    monkeypatch.setattr(job, "write_take", write_take)
    (report,) = job.run(Request(video=video, genre="house", method="composer", plot=False, takes=2, out=video.with_name("o.wav")))
    assert list(report["not_written"]) == [str(video.with_name("o-2.wav"))]
    assert {path.name for path in video.parent.iterdir()} == {"clip.mp4", "o-1.wav", "o-1.json"}


def test_names_of_255_bytes_and_odd_letters_are_written_to_the_end(bars: Path, tmp_path: Path) -> None:
    from dance2music.generation.request import resolve

    for stem in ("a" * 251, "Ba$$in \udcff\n{x}", "\U0001f57a" * 62):
        clip = Path(shutil.copy(bars, tmp_path / f"{stem}.mp4"))
        for takes in (1, 2):
            files = [path.name for files in resolve(Request(video=clip, takes=takes)).outputs for path in files.all()]
            assert len(set(files)) == 3 * takes and all(len(name.encode(errors="surrogateescape")) <= 255 for name in files)
        (files,) = resolve(Request(video=clip, out=tmp_path / f"{stem[:-1]}b.mp4")).outputs
        assert files.music.name == f"{stem[:-1]}b.mp4"
