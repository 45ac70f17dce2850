"""The folder of a listening test: names hidden, pictures the same, equally long and loud, whole or not there."""

from __future__ import annotations

import json
import math
from pathlib import Path

import av
import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.evaluation.controls import fixed_clicks
from dance2music.listening import build as build_module
from dance2music.listening.build import build
from dance2music.listening.design import ListeningConfig, Sample, assign
from dance2music.listening.media import beeps_in, find_clips, media_files, sound_of
from dance2music.music.audio import load_audio, save_wav
from dance2music.music.loudness import loudness
from listening_example import SECONDS, Built, notes
from videos import write_video


def test_the_folder_is_complete_and_its_page_loads_nothing_from_afar(built: Built) -> None:
    assert {path.name for path in built.folder.iterdir()} == {"index.html", "listen.css", "listen.js", "test.js", "media"}
    files = {row["file"] for row in built.key["media"].values()}
    assert {f"media/{path.name}" for path in (built.folder / "media").iterdir()} == files
    for name in ("index.html", "listen.css", "listen.js", "test.js"):
        text = (built.folder / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "//cdn" not in text


def test_nothing_in_the_folder_tells_which_method_made_what(built: Built) -> None:
    page = (built.folder / "test.js").read_text(encoding="utf-8")
    for word in ("ours", "cmt", 'original"', "shifted", "click", 'noise"', "dance0", "check", "secret"):
        assert word not in page, word
    for path in (built.folder / "media").glob("*.mp4"):
        with av.open(str(path)) as video:
            assert set(video.metadata) <= {"major_brand", "minor_version", "compatible_brands", "encoder"}
        assert b"secret" not in path.read_bytes() and b"ours" not in path.read_bytes()


def test_the_key_lies_outside_and_tells_all(built: Built) -> None:
    assert json.loads(built.key_path.read_text()) == json.loads(json.dumps(built.key))
    assert built.folder not in built.key_path.parents
    used = {name for session in built.key["sessions"] for trial in session for name in trial["samples"]}
    assert used == set(built.key["media"])
    assert {m["source"] for m in built.key["media"].values()} == {"ours", "cmt", "original", "shifted", "click", "noise", ""}
    assert not any(m["source"] == "cmt" and not m["video"] for m in built.key["media"].values())


def test_every_sample_is_as_long_and_as_loud_as_the_others(built: Built) -> None:
    for row in built.key["media"].values():
        sound = load_audio(built.folder / row["file"], mono=False)
        assert sound.duration_seconds == pytest.approx(SECONDS, abs=0.05)
        if not row["beeps"]:
            # Clicks are nearly all peak: the limiter holds them back, and the key says so.
            assert loudness(sound) == pytest.approx(-23.0, abs=3.0 if row["source"] == "click" else 0.7), row
    assert all(" of click: " in text for text in built.key["quieter_than_the_rest"])


def test_all_versions_of_a_dance_have_the_very_same_pictures(built: Built) -> None:
    def pictures(row: dict[str, object]) -> bytes:
        with av.open(str(built.folder / str(row["file"]))) as video:
            return b"".join(bytes(packet) for packet in video.demux(video.streams.video[0]) if packet.size)

    rows = [row for row in built.key["media"].values() if row["video"] and row["clip"] == "dance0"]
    assert len(rows) > 3 and len({pictures(row) for row in rows}) == 1
    with av.open(str(built.folder / rows[0]["file"])) as video:
        assert video.streams.video[0].codec_context.name == "h264" and video.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert video.streams.audio[0].codec_context.name == "aac"


def test_beeps_come_as_often_as_they_are_counted() -> None:
    for beeps in range(1, 6):
        sound = beeps_in(notes(0), beeps, np.random.default_rng(beeps)).samples[0]
        quiet = np.concatenate([[True], np.abs(sound) < 1e-6, [True]])
        # A beep is a stretch of sound between two silences of at least 20 ms.
        blocks = quiet[: len(quiet) // 440 * 440].reshape(-1, 440).all(axis=1)
        starts = np.count_nonzero(blocks[:-1] & ~blocks[1:])
        assert starts in (beeps, beeps + 1)  # the music before the beeps counts where it does not begin at once


def test_shifted_music_is_the_same_music_from_another_place(sources: dict[str, Path]) -> None:
    (clip, _) = find_clips({"ours": sources["ours"]}, sources["original"], None, pictures=False)
    plain, moved = (
        sound_of(clip, Sample(clip.name, source), np.random.default_rng(3), shifted_source="original", loudness_lufs=-23.0).samples[0]
        for source in ("original", "shifted")
    )
    spectrum = np.fft.rfft(plain) * np.conj(np.fft.rfft(moved))
    lag = int(np.argmax(np.fft.irfft(spectrum, len(plain))))
    assert min(lag, len(plain) - lag) / len(plain) > 0.15
    assert np.corrcoef(plain, np.roll(moved, lag))[0, 1] > 0.95
    clicks = sound_of(clip, Sample(clip.name, "click"), np.random.default_rng(0), shifted_source="original", loudness_lufs=-23.0)
    assert clicks.duration_seconds == pytest.approx(fixed_clicks(SECONDS, 44100).duration_seconds, abs=0.01)


def test_a_clip_is_as_long_as_its_shortest_version(tmp_path: Path, sources: dict[str, Path]) -> None:
    (tmp_path / "short").mkdir()
    for c in range(2):
        save_wav(notes(c, seconds=1.2), tmp_path / "short" / f"dance{c}.music.wav")
    clips = find_clips({"short": tmp_path / "short"}, sources["original"], None, pictures=True)
    assert [clip.seconds for clip in clips] == pytest.approx([1.2, 1.2])
    with pytest.raises(InputError, match=r"dance0\.music\.wav: 1\.20 s long; expected at least 1\.5 s"):
        find_clips({"short": tmp_path / "short"}, sources["original"], None, pictures=True, seconds=1.5)


def test_files_that_do_not_match_are_named_and_can_be_left_out(tmp_path: Path, sources: dict[str, Path]) -> None:
    (tmp_path / "some").mkdir()
    save_wav(notes(0), tmp_path / "some" / "dance1.wav")
    with pytest.raises(InputError, match=r"some: no sound for dance0 \(1 of 2 clips\).*--common"):
        find_clips({"ours": sources["ours"], "some": tmp_path / "some"}, None, None, pictures=False)
    (clip,) = find_clips({"ours": sources["ours"], "some": tmp_path / "some"}, None, None, pictures=False, common=True)
    assert clip.name == "dance1" and math.isclose(clip.seconds, SECONDS, abs_tol=0.01)
    (tmp_path / "other").mkdir()
    save_wav(notes(0), tmp_path / "other" / "elsewhere.wav")
    with pytest.raises(InputError, match="expected files of the same names"):
        find_clips({"ours": sources["ours"], "other": tmp_path / "other"}, None, None, pictures=False, common=True)
    with pytest.raises(InputError, match="no video of this dance"):
        find_clips({"ours": sources["ours"]}, None, None, pictures=True)


def test_folders_without_music_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        media_files(tmp_path / "missing")
    with pytest.raises(InputError, match="holds no sound or video"):
        media_files(tmp_path)


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path, sources: dict[str, Path]) -> None:
    (tmp_path / "bad").mkdir()
    for c in range(2):
        write_video(tmp_path / "bad" / f"dance{c}.mp4", seconds=SECONDS, audio=False)
    with pytest.raises(InputError, match="has no sound"):
        build(tmp_path / "test", {"ours": sources["ours"]}, original=tmp_path / "bad")
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]
    with pytest.raises(InputError, match="lies inside the folder for the listeners"):
        build(tmp_path / "test", {"ours": sources["ours"]}, key=tmp_path / "test" / "key.json")
    with pytest.raises(InputError, match="is there already"):
        build(tmp_path / "bad", {"ours": sources["ours"]}, config=ListeningConfig(parts=("quality",)))


def test_quality_alone_needs_neither_videos_nor_the_original(tmp_path: Path, sources: dict[str, Path]) -> None:
    config = ListeningConfig(parts=("quality",), listeners=1, rated_items=2, checks=0, compressed=True)
    key = build(tmp_path / "deep" / "test", {"ours": sources["ours"]}, config=config, key=tmp_path / "k.json")
    assert {m["source"] for m in key["media"].values()} == {"ours", "noise", ""}
    assert {path.suffix for path in (tmp_path / "deep" / "test" / "media").iterdir()} == {".m4a"}
    assert not (tmp_path / "deep" / "test.key.json").exists() and (tmp_path / "k.json").exists()


def test_the_test_cannot_be_unblinded_by_working_it_out_again(built: Built) -> None:
    """Whoever knows methods, dances, settings and this program tries names and orders of items, and times and order of files."""
    page = (built.folder / "test.js").read_text(encoding="utf-8")
    public = json.loads(page[page.index("{") : page.rindex("}") + 1])
    media, sources = built.key["media"], ["ours", "cmt", "original", "shifted", "click", "noise", ""]
    names = {
        build_module._opaque(salt, Sample(clip, source, beeps), video)
        for salt in (0, built.key["config"]["seed"], -1)
        for clip in built.key["clips"]
        for source in sources
        for beeps in range(4)
        for video in (False, True)
    }
    assert not names & public["media"].keys()
    config = ListeningConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in built.key["config"].items()})
    guessed = assign(config, list(built.key["clips"]), built.key["methods"], original=True)
    told = [
        (media[name]["clip"], media[name]["source"]) == (sample.clip, sample.source)
        for rows, trials in zip(public["sessions"], guessed)
        for row, trial in zip(rows, trials)
        for name, sample in zip(row["samples"], trial.samples)
        if not trial.training and not sample.beeps
    ]
    assert len(told) > 20 and sum(told) < 0.5 * len(told), f"{sum(told)} of {len(told)} were worked out"
    assert "salt" not in page and str(built.key["salt"]) not in page
    assert list(public["media"]) == sorted(public["media"]), "the order of names says nothing"
    assert len({path.stat().st_mtime_ns for path in built.folder.rglob("*")}) == 1
    assert [entry["file"] for entry in public["media"].values()] == [media[name]["file"] for name in sorted(media)]


def test_two_builds_of_a_test_share_no_name(sources: dict[str, Path], tmp_path: Path) -> None:
    config = ListeningConfig(parts=("quality",), listeners=1, rated_items=2, checks=0, controls=False)
    first, second = (build(tmp_path / name, {"ours": sources["ours"]}, config=config) for name in ("a", "b"))
    assert not first["media"].keys() & second["media"].keys() and first["salt"] != second["salt"]
