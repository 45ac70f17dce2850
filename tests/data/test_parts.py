"""A preparation in parts: the bits of one in one go, and a line for what cannot be put together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dance2music.cli.main import app
from dance2music.data.merge import merge
from dance2music.data.parts import Part
from dance2music.data.prepare import prepare
from dance2music.errors import InputError
from layouts import write_pairs


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a prepared folder by relative path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {name: path.read_bytes() for path in files if not (name := str(path.relative_to(folder))).startswith("parts/")}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data`` of five clips, one of them too short, ``serial`` prepared in one go, ``parts`` in three."""
    home = tmp_path_factory.mktemp("parts")
    data = write_pairs(home / "data", ("a", "b", "c", "e"))
    write_pairs(data, ("d",), seconds=1.0)
    prepare(data, "folder", home / "serial")
    for number in (3, 1, 2):
        prepare(data, "folder", home / "parts", part=Part(number, 3))
    return home


def test_parts_are_all_clips_in_order_and_none_twice() -> None:
    for count in range(1, 9):
        assert [item for number in range(1, count + 1) for item in Part(number, count).of(range(5))] == list(range(5))


def test_merged_parts_have_the_bits_of_a_preparation_in_one_go(home: Path) -> None:
    assert not (home / "parts" / "manifest.jsonl").exists()
    report = merge(home / "parts")
    assert [row.name for row in report.rows] == ["a", "b", "c", "e"] and [skip.name for skip in report.skipped] == ["d"]
    assert contents(home / "parts") == contents(home / "serial")
    merge(home / "parts")
    assert contents(home / "parts") == contents(home / "serial")


def test_parts_of_other_machines_are_brought(home: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        prepare(home / "data", "folder", tmp_path / f"m{number}", part=Part(number, 2))
    with pytest.raises(InputError, match=r"1 of 2 parts are missing, first 2; run 'data prepare --shard 2/2'"):
        merge(tmp_path / "m1")
    merge(tmp_path / "m1", [tmp_path / "m2"])
    assert contents(tmp_path / "m1") == contents(home / "serial")


def test_a_part_is_resumed_and_a_lost_file_is_named(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "parts", tmp_path / "out")
    again = prepare(home / "data", "folder", tmp_path / "out", part=Part(1, 3))
    assert (again.made, again.kept) == (0, 1)
    (tmp_path / "out" / "clips" / "a.npz").unlink()
    with pytest.raises(InputError, match=r"clips/a.npz: is not there, which clip a needs"):
        merge(tmp_path / "out")
    assert prepare(home / "data", "folder", tmp_path / "out", part=Part(1, 3)).made == 1
    merge(tmp_path / "out")


@pytest.mark.parametrize("text", ["5/4", "0/4", "1", "a/b", "1/0", "-1/4", "1/1000000000000", "1/1000001"])
def test_a_part_that_cannot_be_is_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--shard .*: expected I/N with I from 1 to N and N at most 1000000, for"):
        Part.parse(text)


def test_the_command_makes_a_part_and_merges(home: Path, tmp_path: Path) -> None:
    words = ["data", "prepare", str(home / "data"), "--dataset", "folder", "--out", str(tmp_path / "out"), "--workers", "1"]
    made = CliRunner().invoke(app, [*words, "--shard", "1/1"], catch_exceptions=False)
    assert f"part 1/1: run the others, then 'dance2music data merge {tmp_path / 'out'}'" in made.output
    merged = CliRunner().invoke(app, ["data", "merge", str(tmp_path / "out")], catch_exceptions=False)
    assert "4 clips of all parts" in merged.output and contents(tmp_path / "out") == contents(home / "serial")
