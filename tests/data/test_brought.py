"""What a user brings to a data set: visual vectors and labels; and clips that nobody foresaw."""

from __future__ import annotations

import math
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dance2music.cli.main import app
from dance2music.data import maker
from dance2music.data.dataset import PreparedConfig, PreparedSegments
from dance2music.data.features import clip_features
from dance2music.data.folder import drawn_split
from dance2music.data.manifest import Source
from dance2music.data.prepare import PrepareConfig, prepare
from dance2music.errors import InputError
from dance2music.train.segments import Prepared
from layouts import write_aist, write_pairs, write_released


def write_vectors(folder: Path, clip: str, count: int, width: int = 2048) -> Path:
    """As ``data visual`` writes them: vector K of a clip holds K."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(1, count + 1):
        np.save(folder / f"{clip}_seg{k}.npy", np.full((1, width), float(k), np.float32))
    return folder


def test_motion_of_double_precision_is_read_as_well(tmp_path: Path) -> None:
    data = write_aist(tmp_path / "data")
    for path in data.rglob("motions/*.pkl"):
        table = pickle.loads(path.read_bytes())
        table |= {name: table[name].astype(np.float64) for name in ("smpl_poses", "smpl_trans", "smpl_scaling")}
        path.write_bytes(pickle.dumps(table, protocol=4))
    assert prepare(data, "aist", tmp_path / "out").made == 4


def test_a_clip_that_raises_anything_is_skipped_named_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = write_pairs(tmp_path / "data", ("bad", "good")), tmp_path / "out"

    def fails(source: Source, **settings: bool) -> object:
        if source.name == "bad":
            raise ZeroDivisionError("division by zero\nin the middle")
        return clip_features(source, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(maker, "clip_features", fails)
        report = prepare(data, "folder", out)
    assert [row.name for row in report.rows] == ["good"]
    assert [(skip.name, skip.reason) for skip in report.skipped] == [
        ("bad", "could not be read: ZeroDivisionError (division by zero in the middle)")
    ]
    again = prepare(data, "folder", out)
    assert (again.made, again.kept, len(again.rows)) == (1, 1, 2)


def test_labels_that_are_added_make_no_clip_anew(tmp_path: Path) -> None:
    data, out = write_pairs(tmp_path / "data", ("a", "b")), tmp_path / "out"
    prepare(data, "folder", out)
    (data / "clips.csv").write_text("name,song,split,genre,tempo_bpm\na,One,test,house,120\nb,Two,train,krump,\n")
    report = prepare(data, "folder", out)
    assert (report.made, report.kept) == (0, 2)
    assert [(row.song, row.split, row.genre, row.tempo_bpm) for row in report.rows] == [
        ("One", "test", "house", 120.0), ("Two", "train", "krump", None),
    ]  # fmt: skip
    assert PreparedSegments(out, PreparedConfig(motion="features"), split="test").row(0).genre == "house"


def test_empty_splits_and_genres_of_one_song_are_announced(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_pairs(data / "train" / "house", ("a", "b"))
    write_pairs(data / "train" / "pop", ("c",), first_seed=2)
    lines = list(prepare(data, "folder", tmp_path / "out").table())
    assert lines[0].split() == ["train", "3", "clips", "6", "segments", "3", "songs"]
    assert [line.split(":")[0].split() for line in lines[1:3]] == [["validation", "none"], ["test", "none"]]
    assert "genres of a single song: pop (train):" in lines[3]
    write_pairs(tmp_path / "plain", ("x", "y"))
    drawn = [drawn_split(name) for name in ("x", "y")]
    said = f"2 songs had no split and drew one by their names: {drawn.count('train')} train, {drawn.count('validation')} validation"
    assert any(said in note for note in prepare(tmp_path / "plain", "folder", tmp_path / "drawn").notes)


def test_visual_vectors_of_a_folder_enter_and_segments_without_one_are_left_out(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data", ("a", "b"))
    write_vectors(tmp_path / "i3d", "a", 1)
    out = ("--out", str(tmp_path / "out"), "--visual-features", str(tmp_path / "i3d"), "--workers", "1")
    done = CliRunner().invoke(app, ["data", "prepare", str(data), "--dataset", "folder", *out], catch_exceptions=False)
    assert done.exit_code == 0
    assert "a_seg2: has no visual vector" in done.stdout and "b: has no visual vector b_seg1.npy in" in done.stdout
    segments = PreparedSegments(tmp_path / "out", split=drawn_split("a"))
    assert segments.names == ["a_seg1"] and segments[0]["visual"].tolist() == [1.0] * 2048
    write_vectors(tmp_path / "i3d", "a", 2)
    assert prepare(data, "folder", tmp_path / "out", PrepareConfig(visual_features=tmp_path / "i3d")).rows[0].segments == (1, 2)
    with pytest.raises(InputError, match=r"has visual vectors of none of 2 clips; expected files as a_seg1.npy; .*data visual'"):
        prepare(data, "folder", tmp_path / "other", PrepareConfig(visual_features=tmp_path / "out"))
    np.save(tmp_path / "i3d" / "a_seg2.npy", np.zeros((1, 7), np.float32))
    skips = prepare(data, "folder", tmp_path / "out2", PrepareConfig(visual_features=write_vectors(tmp_path / "i3d", "b", 2))).skipped
    assert "visual vectors of [7, 2048] numbers; expected one width" in skips[0].reason


def test_a_listed_segment_whose_vector_is_missing_is_left_out_where_others_have_theirs(tmp_path: Path) -> None:
    clips = {"train": ("000000_0_0_seg3", "000000_0_1_seg1")}
    data = write_released(tmp_path / "data", "tiktok", clips, width=75, frames=60)
    (data / "tiktok" / "video_s2" / "000000_0_1_seg1.npy").unlink()
    report = prepare(data, "tiktok", tmp_path / "out")
    assert [row.name for row in report.rows] == ["000000_0_0_seg3"]
    assert "in the list, but its visual vector is not in" in report.skipped[0].reason
    (data / "tiktok" / "video_s2" / "000000_0_0_seg3.npy").unlink()
    assert len(prepare(data, "tiktok", tmp_path / "none").rows) == 2
    with pytest.raises(InputError, match=r"segment 000000_0_0_seg3 has no visual vector, .* --visual-features, or train blind"):
        Prepared(tmp_path / "none", motion="keypoints", flow=False, genres=False, vectors=True)
    brought = prepare(data, "tiktok", tmp_path / "none", PrepareConfig(visual_features=write_vectors(tmp_path / "i3d", "000000_0_1", 1)))
    assert [row.name for row in brought.rows] == ["000000_0_1_seg1"]
    assert Prepared(tmp_path / "none", motion="keypoints", flow=False, genres=False, vectors=True)[0]["visual"][0] == 1.0


def test_posture_is_kept_only_if_asked_for(tmp_path: Path) -> None:
    data, out = write_pairs(tmp_path / "data", ("a",)), tmp_path / "out"
    prepare(data, "folder", out)
    split = drawn_split("a")
    with pytest.raises(InputError, match=r"has no 'posture' motion; .*'data prepare --posture'"):
        PreparedSegments(out, PreparedConfig(motion="posture"), split=split)
    prepare(data, "folder", out, PrepareConfig(posture=True))
    assert PreparedSegments(out, PreparedConfig(motion="posture"), split=split)[0]["motion"].shape == (60, 249)


def test_a_missing_genre_says_how_to_give_one(tmp_path: Path) -> None:
    prepare(write_pairs(tmp_path / "data", ("a",)), "folder", tmp_path / "out")
    with pytest.raises(InputError, match=r"segment a_seg1 has no genre, .* names of folders or in clips.csv \(name,genre\)"):
        Prepared(tmp_path / "out", motion="features", flow=True, split=drawn_split("a"))


@pytest.mark.parametrize("kind", ["pipe", "nan", "large"])
def test_a_visual_vector_that_is_none_has_its_clip_skipped_and_is_named(tmp_path: Path, kind: str) -> None:
    data, vectors = write_pairs(tmp_path / "data", ("a", "b")), write_vectors(tmp_path / "i3d", "b", 2)
    bad = vectors / "a_seg1.npy"
    if kind == "pipe":
        os.mkfifo(bad)
    else:
        np.save(bad, np.array([1.0, math.nan if kind == "nan" else 1e300]))
    report = prepare(data, "folder", tmp_path / "out", PrepareConfig(visual_features=vectors))
    (skip,) = report.skipped
    told = "is no file that can be read twice" if kind == "pipe" else "a visual vector with 1 of 2 numbers that are none (NaN) or too large"
    assert [row.name for row in report.rows] == ["b"] and skip.name == "a" and f"{bad}: {told}" in skip.reason


def test_a_clip_whose_music_is_a_pipe_is_skipped_and_not_waited_for(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data", ("a", "b"))
    (data / "a.wav").unlink()
    os.mkfifo(data / "a.wav")
    (skip,) = prepare(data, "folder", tmp_path / "out").skipped
    assert skip.name == "a" and "a.wav: is no file that can be read twice (a pipe or device); expected the music of a" in skip.reason
