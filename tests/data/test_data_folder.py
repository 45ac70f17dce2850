"""Plain folders of videos and pairs, and the composed corpus, as data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import videos
from dance2music.data.composed import list_composed
from dance2music.data.features import clip_features
from dance2music.data.folder import drawn_split, known_genre, list_folder
from dance2music.errors import InputError
from dance2music.synthetic.synthetic import write_corpus
from layouts import write_music, write_pairs


def test_videos_and_pairs_in_folders_named_by_split_and_genre(tmp_path: Path) -> None:
    write_pairs(tmp_path / "train" / "HO", ("chacha_01",))
    write_pairs(tmp_path / "test" / "waack", ("waltz_01",))
    videos.write_video(tmp_path / "train" / "clip.mp4", seconds=2.0)
    write_music(tmp_path / "train" / "lonely.wav", 2.0, 5)
    np.savez(tmp_path / "train" / "mute.npz", joints=np.zeros((50, 23, 3)), fps=25.0)
    listing = list_folder(tmp_path)
    assert [(s.name, s.split, s.genre, s.motion is None, s.video is None) for s in listing.sources] == [
        ("chacha_01", "train", 5, False, True), ("clip", "train", None, True, False), ("waltz_01", "test", 6, False, True),
    ]  # fmt: skip
    assert {skip.name: skip.reason for skip in listing.skipped} == {
        "lonely": "is music without a video or motion file of that name",
        "mute": "is motion without music or a video of that name",
    }


def test_ballroom_like_pairs_give_all_layouts_of_motion(tmp_path: Path) -> None:
    made = clip_features(list_folder(write_pairs(tmp_path, ("rumba_01",), seconds=4.0)).sources[0])
    assert {name: values.shape for name, values in made.arrays.items()} == {
        "features": (120, 80), "flow": (120, 5), "keypoints": (120, 75), "smpl": (240, 219), "audio": (88200,),
    }  # fmt: skip
    assert made.segments == (1, 2) and made.arrays["audio"].dtype == np.int16 and abs(int(made.arrays["audio"].max())) > 30000
    points = made.arrays["keypoints"].reshape(120, 25, 3)
    assert np.median(points[:, 8, :2]) == pytest.approx(128.0, abs=8.0)  # the pelvis is in the middle of the notional picture
    assert points[..., 2].min() >= 0.0 and points[..., 2].max() <= 1.0


def test_the_table_counts_over_the_folders(tmp_path: Path) -> None:
    write_pairs(tmp_path / "train" / "house", ("a", "b"))
    (tmp_path / "clips.csv").write_text("name,song,split,genre,tempo_bpm\na,Song One,test,KR,104\nb,,,,\n")
    first, second = list_folder(tmp_path).sources
    assert (first.song, first.split, first.genre, first.tempo_bpm) == ("Song One", "test", 7, 104.0)
    assert (second.song, second.split, second.genre, second.tempo_bpm) == ("b", "train", 5, None)


@pytest.mark.parametrize(
    ("table", "message"),
    [("name,song\nmissing,x\n", "1 entries have no file, first 'missing'"), ("name,colour\na,red\n", "line 2: expected columns"),
     ("name,genre\na,polka\n", "clips.csv line 2: genre 'polka'; expected one of"),
     ("name,tempo_bpm\na,fast\n", "clips.csv line 2: tempo_bpm 'fast'; expected 20 to 400"),
     ("name,tempo_bpm\na,120\n\nb,999\n", "clips.csv line 4: tempo_bpm '999'"),
     ("", "clips.csv: is an empty table; expected columns name, song"), ("name,song\n", "clips.csv: is an empty table"),
     ("name,song,split\na,one\n", "line 2: has 2 values; expected 3"), ("name,song\na,b\0c\n", "line 2: .* control character"),
     ("name,song\na\x1bb,x\n", "line 2: .* control character"), ("name,split\na,dev\n", "split 'dev'"), ("name\na\na\n", "is there twice"),
     ("name,song,split\na,one,train\nb,one,test\n", r"song 'one' is in two splits, train \(a\) and test \(b\)")],
)  # fmt: skip
def test_a_broken_table_is_refused_with_its_line(tmp_path: Path, table: str, message: str) -> None:
    write_pairs(tmp_path, ("a", "b"))
    (tmp_path / "clips.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        list_folder(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no videos and no pairs"):
        list_folder(tmp_path)


def test_the_drawn_split_holds_out_about_a_tenth_and_never_moves() -> None:
    splits = [drawn_split(f"song {i}") for i in range(2000)]
    assert 150 < splits.count("test") < 250 and 150 < splits.count("validation") < 250
    assert splits == [drawn_split(f"song {i}") for i in range(2000)]


def test_genres_go_by_name_or_code_in_any_case() -> None:
    assert [known_genre(text) for text in ("House", "ho", "la-hip-hop", "LH", "polka")] == [5, 5, 4, 4, None]


def test_nan_in_joints_and_a_clip_below_two_seconds_are_refused(tmp_path: Path) -> None:
    write_pairs(tmp_path, ("short",), seconds=1.5)
    with pytest.raises(InputError, match=r"short: motion and music share 1.5\d? s; expected at least a segment of 2 s"):
        clip_features(list_folder(tmp_path).sources[0])
    joints = np.random.default_rng(0).normal(size=(100, 23, 3))
    joints[7, 3] = np.nan
    np.savez(tmp_path / "short.npz", joints=joints, fps=25.0)
    with pytest.raises(InputError, match="NaN or infinite motion in 1 of 100 frames"):
        clip_features(list_folder(tmp_path).sources[0])


def test_an_unreadable_video_is_refused_in_one_line(tmp_path: Path) -> None:
    videos.renamed_text(tmp_path / "talk.mp4")
    with pytest.raises(InputError) as error:
        clip_features(list_folder(tmp_path).sources[0])
    assert "talk.mp4" in str(error.value) and "\n" not in str(error.value)


def test_a_composed_corpus_is_a_data_set_with_known_beats(tmp_path: Path) -> None:
    write_corpus(tmp_path, 3, 7, duration_seconds=2.5, filmed_share=0.0, workers=1)
    train, validation, test = list_composed(tmp_path).sources
    assert (train.split, validation.split, test.split) == ("train", "validation", "test") and train.song != test.song
    made = clip_features(train)
    assert made.arrays["smpl"].shape == (150, 219) and made.segments == (1,)
    assert np.array_equal(made.arrays["beat_times_seconds"], train.beat_times_seconds)
    with pytest.raises(InputError, match="is no composed corpus"):
        list_composed(tmp_path / "elsewhere")


def test_a_corpus_without_music_is_skipped_with_the_reason(tmp_path: Path) -> None:
    write_corpus(tmp_path, 1, 3, duration_seconds=2.5, filmed_share=0.0, audio=False, workers=1)
    listing = list_composed(tmp_path)
    assert not listing.sources and "without its music" in listing.skipped[0].reason


def test_real_ballroom_pairs_are_read(shared_dir: Path, tmp_path: Path) -> None:
    pair = shared_dir / "data" / "ballroom" / "waltz_04.npz"
    if not pair.is_file():
        pytest.skip(f"{pair} is missing")
    for path in (pair, pair.with_suffix(".ogg")):
        (tmp_path / path.name).symlink_to(path)
    made = clip_features(list_folder(tmp_path).sources[0])
    assert made.segments == tuple(range(1, 29))
    rotations = made.arrays["smpl"][:, 3:].reshape(-1, 3, 3)
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-5)
