from __future__ import annotations

from pathlib import Path

import pytest

from dance2music.errors import InputError
from dance2music.evaluation.matching import match, read_beats


def folder(root: Path, name: str, *files: str) -> Path:
    made = root / name
    made.mkdir()
    for file in files:
        (made / file).write_bytes(b"")
    return made


def test_names_takes_and_what_generate_adds_are_matched(tmp_path: Path) -> None:
    generated = folder(tmp_path, "g", "a.wav", "b.music.mp4", "c-1.wav", "c-2.wav", "d-1.music-3.wav", "a.png", ".hidden.wav")
    reference = folder(tmp_path, "r", "a.ogg", "b.wav", "c.wav", "d-1.mp3", "c.beats")
    found, left_out = match(generated, reference=reference)
    assert [(m.dance, m.take, m.name) for m in found] == [
        ("a", 0, "a"), ("b", 0, "b.music"), ("c", 1, "c-1"), ("c", 2, "c-2"), ("d-1", 3, "d-1.music-3"),
    ]  # fmt: skip
    assert left_out == [] and found[2].beats == reference / "c.beats" and found[0].beats is None
    assert found[0].reference == reference / "a.ogg" and found[0].video is None


def test_without_partners_only_what_generate_adds_is_taken_off(tmp_path: Path) -> None:
    found, _ = match(folder(tmp_path, "g", "song-2.wav", "x.music-1.wav", "x.music-2.wav"))
    assert [(m.dance, m.take) for m in found] == [("song-2", 0), ("x", 1), ("x", 2)]


def test_the_sound_file_is_taken_where_a_video_of_that_name_lies_beside(tmp_path: Path) -> None:
    found, _ = match(folder(tmp_path, "g", "a.music.mp4", "a.music.wav", "a.music.json"))
    assert [m.generated.suffix for m in found] == [".wav"]


def test_what_does_not_match_is_named_on_both_sides(tmp_path: Path) -> None:
    generated, reference = folder(tmp_path, "g", "a.wav", "b.wav"), folder(tmp_path, "r", "b.wav", "c.wav", "d.wav")
    with pytest.raises(InputError, match=r"g: 1 \(a\) without a file of that name in .*r; .*r: 2 \(c, d\) without generated") as error:
        match(generated, reference=reference)
    assert "\n" not in str(error.value) and "--partial" in str(error.value)
    found, left_out = match(generated, reference=reference, partial=True)
    assert [m.name for m in found] == ["b"] and len(left_out) == 2
    with pytest.raises(InputError, match="without a file"):
        match(generated, reference=folder(tmp_path, "s", "z.wav"), partial=True)  # nothing is left


def test_motion_may_be_files_or_openpose_folders(tmp_path: Path) -> None:
    motion = folder(tmp_path, "m", "a.npz")
    (motion / "b").mkdir()
    found, _ = match(folder(tmp_path, "g", "a.wav", "b.wav"), motion=motion, videos=folder(tmp_path, "v", "a.mp4", "b.MOV"))
    assert [m.motion for m in found] == [motion / "a.npz", motion / "b"]
    assert [m.video.suffix for m in found if m.video] == [".mp4", ".MOV"]


def test_two_files_for_one_take_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="both take 1 of a"):
        match(folder(tmp_path, "g", "a-1.wav", "a.music-1.wav"), reference=folder(tmp_path, "r", "a.wav"))


def test_missing_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        match(tmp_path / "none")
    with pytest.raises(InputError, match="holds no generated music"):
        match(folder(tmp_path, "g", "a.txt"))


def test_beats_are_the_first_column_of_an_annotation(tmp_path: Path) -> None:
    path = tmp_path / "a.beats"
    path.write_text("# beats\n1.5 1\n\n0.5\t4\n")
    assert read_beats(path) == [0.5, 1.5]
    path.write_text("one\n")
    with pytest.raises(InputError, match="one time in seconds per line"):
        read_beats(path)


def test_every_usual_sound_file_and_every_way_to_write_a_letter_is_matched(tmp_path: Path) -> None:
    composed, decomposed = "\u00e9t\u00e9", "e\u0301te\u0301"
    for folder, names in {"made": [f"{composed}.music.opus", "b.aiff", "c.aif"], "own": [f"{decomposed}.opus", "b.m4a", "c.flac"]}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    (tmp_path / "own" / f"{decomposed}.beats").write_text("1.0\n")
    matches, wrong = match(tmp_path / "made", reference=tmp_path / "own")
    assert not wrong and [one.reference.name for one in matches if one.reference] == ["b.m4a", "c.flac", f"{decomposed}.opus"]
    assert matches[2].beats == tmp_path / "own" / f"{decomposed}.beats"
