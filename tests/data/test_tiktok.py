"""TikTok dance-music: names, keypoints, lists."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from dance2music.data.features import clip_features
from dance2music.data.lists import find_list, read_list, segment_of
from dance2music.data.manifest import segment_name
from dance2music.data.tiktok import list_tiktok, song_of
from dance2music.errors import InputError
from layouts import write_dance_video, write_released

CLIPS = {"train": ("000000_0_0_seg3", "000000_0_0_seg10", "000001_4_12_seg1"), "test": ("000007_7_188_seg3",)}


def released(folder: Path, clips: dict[str, tuple[str, ...]] = CLIPS) -> Path:
    return write_released(folder, "tiktok", clips, width=75, frames=60)


def test_a_name_tells_the_song() -> None:
    assert song_of("000007_7_188", where="list") == "tiktok7"
    with pytest.raises(InputError, match="list: '7_188' is no TikTok clip"):
        song_of("7_188", where="list")


def test_released_keypoints_stay_as_they_are_and_have_no_genre(tmp_path: Path) -> None:
    listing = list_tiktok(released(tmp_path))
    assert [(s.name, s.song, s.split, s.genre) for s in listing.sources] == [
        ("000000_0_0_seg3", "tiktok0", "train", None), ("000000_0_0_seg10", "tiktok0", "train", None),
        ("000001_4_12_seg1", "tiktok4", "train", None), ("000007_7_188_seg3", "tiktok7", "test", None),
    ]  # fmt: skip
    made = clip_features(listing.sources[1])
    assert np.array_equal(made.arrays["keypoints"], np.load(tmp_path / "tiktok/motion_s2/000000_0_0_seg10.npy"))
    assert made.arrays["visual"].shape == (1, 2048) and made.arrays["visual"][0, 0] == 1.0 and "smpl" not in made.arrays
    assert segment_name(listing.sources[1].name, 1) == "000000_0_0_seg10"


def test_the_folder_may_be_named_itself_and_lists_may_lie_elsewhere(tmp_path: Path) -> None:
    data = released(tmp_path / "data")
    lists = tmp_path / "lists"
    lists.mkdir()
    for path in data.glob("tiktok_audio_*.txt"):
        path.rename(lists / path.name)
    for path in data.glob("tiktok_*.txt"):
        path.unlink()
    assert len(list_tiktok(data / "tiktok", lists=lists).sources) == 4


def test_entries_without_files_are_reported(tmp_path: Path) -> None:
    released(tmp_path)
    (tmp_path / "tiktok/motion_s2/000000_0_0_seg3.npy").unlink()
    (tmp_path / "tiktok/audio_s2/000001_4_12_seg1.wav").unlink()
    listing = list_tiktok(tmp_path)
    assert [(skip.name, skip.reason.split(" is not in")[0]) for skip in listing.skipped] == [
        ("000000_0_0_seg3", "in the list, but its motion"), ("000001_4_12_seg1", "in the list, but its music"),
    ]  # fmt: skip
    assert listing.notes == ["tiktok_audio_train_segment.txt: 2 of 3 entries have no files"]


def test_lists_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    released(tmp_path)
    motion = tmp_path / "tiktok_motion_train_segment.txt"
    lines = motion.read_text().splitlines()
    motion.write_text("\n".join([lines[1], lines[0], lines[2]]))
    with pytest.raises(InputError, match=r"tiktok_motion_train_segment.txt line 1: .*seg10.npy.*seg3.wav"):
        list_tiktok(tmp_path)
    motion.write_text("\n".join(lines[:2]))
    with pytest.raises(InputError, match=r"2 entries, but tiktok_audio_train_segment.txt has 3"):
        list_tiktok(tmp_path)


def test_a_song_in_both_splits_is_refused(tmp_path: Path) -> None:
    released(tmp_path, CLIPS | {"test": ("000009_4_200_seg1",)})
    with pytest.raises(InputError, match="song 'tiktok4' is in two splits"):
        list_tiktok(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [(np.full((60, 75), np.nan), "NaN or infinite motion in 60 of 60 frames"), (np.zeros((60, 74)), r"array \(60, 74\)"),
     (np.zeros((60, 25, 3)), r"expected keypoints as \[T, 75\]")],
)  # fmt: skip
def test_keypoints_of_another_kind_are_refused(tmp_path: Path, values: np.ndarray, message: str) -> None:
    released(tmp_path)
    np.save(tmp_path / "tiktok/motion_s2/000000_0_0_seg3.npy", values)
    with pytest.raises(InputError, match=message):
        clip_features(list_tiktok(tmp_path).sources[0])


def test_cut_videos_give_the_listed_segments(tmp_path: Path) -> None:
    entries = [f"./tiktok/audio_s2/{name}.wav\n" for name in ("000000_0_0_seg2", "000000_0_0_seg1", "000000_0_1_seg1")]
    (tmp_path / "tiktok_audio_train_segment.txt").write_text("".join(entries))
    write_dance_video(tmp_path / "videos" / "000000_0_0.mp4", 4.5)
    (tmp_path / "keypoints").mkdir()
    np.save(tmp_path / "keypoints" / "000000_0_0.npy", np.random.default_rng(0).uniform(1, 100, (135, 75)))
    listing = list_tiktok(tmp_path)
    assert [(s.name, s.segments) for s in listing.sources] == [("000000_0_0", (1, 2))]
    assert [skip.name for skip in listing.skipped] == ["000000_0_1"]
    made = clip_features(listing.sources[0])
    assert made.segments == (1, 2) and made.arrays["keypoints"].shape == (135, 75) and made.arrays["flow"][:, 4].all()


def test_the_published_lists_hold_2384_and_307_segments_without_a_shared_song(shared_dir: Path) -> None:
    lists = shared_dir / "data" / "lists"
    if not lists.is_dir():
        pytest.skip(f"{lists} is missing")
    songs = {}
    for split, segments, videos in (("train", 2384, 392), ("test", 307, 53)):
        path = find_list(lists, f"tiktok_audio_{split}_segment")
        assert path is not None
        clips = [segment_of(entry, where=str(path))[0] for entry in read_list(path)]
        assert (len(clips), len(set(clips))) == (segments, videos)
        songs[split] = {song_of(clip, where=str(path)) for clip in clips}
    assert not songs["train"] & songs["test"]


def test_the_layout_of_no_dances_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark = Path(__file__).parents[2] / "benchmarks" / "tiktok_layout.py"
    for given, said in ((["--clips", "0"], "--clips 0: expected at least 1"), (["--seconds", "1"], "--seconds 1: expected at least")):
        monkeypatch.setattr(sys, "argv", [str(benchmark), str(tmp_path / "out"), *given])
        with pytest.raises(SystemExit, match="2"):
            runpy.run_path(str(benchmark), run_name="__main__")
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
