"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dance2music.errors import InputError
from dance2music.files import check_writable, whole_file


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_when_all_is_written(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert names(tmp_path) == [temporary.name]
        assert temporary.suffix == ".txt"
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "half"


def test_the_file_that_was_written_takes_the_place_of_the_old_one_at_once(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("from before")
    with target.open() as reader, whole_file(target) as temporary:
        temporary.write_text("new")
        written = temporary.stat().st_ino
        # whoever reads the old file must never see a half of the new one
        assert reader.read() == target.read_text() == "from before"
    assert target.stat().st_ino == written and target.read_text() == "new"


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with whole_file(tmp_path / "a.txt"):
            pass
    finally:
        after = os.umask(before)
    assert after == 0o027
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, MemoryError])
def test_nothing_is_left_behind_when_writing_is_broken_off(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a.txt").write_text("from before")
    with pytest.raises(error), whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise error
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "from before"


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.txt: cannot be written .*No space left on device") as caught, whole_file(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_errors_meant_for_the_user_pass_through(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^mine$"), whole_file(tmp_path / "a.txt"):
        raise InputError("mine")


@pytest.mark.parametrize("write", [check_writable, lambda path: whole_file(path).__enter__()], ids=["check_writable", "whole_file"])
def test_places_where_nothing_can_be_written_are_told(
    tmp_path: Path, write: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"folder .*nowhere does not exist"):
        write(tmp_path / "nowhere" / "a.txt")
    with pytest.raises(InputError, match="is a folder"):
        write(tmp_path)
    with pytest.raises(InputError, match=r"cannot write .*too long"):
        write(tmp_path / f"{'a' * 300}.txt")

    def refuse(**settings: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("dance2music.files.tempfile.mkstemp", refuse)  # tests may run as root, who may write everywhere
    with pytest.raises(InputError, match=r"cannot write into .*Permission denied"):
        write(tmp_path / "a.txt")
    assert names(tmp_path) == []


def test_check_writable_leaves_nothing_and_takes_nothing_away(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from before")
    check_writable(tmp_path / "a.txt")
    check_writable(tmp_path / "b.txt")
    assert names(tmp_path) == ["a.txt"]


def test_no_file_stays_open(tmp_path: Path) -> None:
    def lowest_free() -> int:
        descriptor = os.dup(0)
        os.close(descriptor)
        return descriptor

    before = lowest_free()
    check_writable(tmp_path / "a.txt")
    with whole_file(tmp_path / "a.txt"):
        pass
    assert lowest_free() == before


def test_a_name_without_a_folder_is_written_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with whole_file("a.txt") as temporary:
        temporary.write_text("x")
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["a" * 251 + ".txt", "ein Tanz: größer.txt", ".hidden"])
def test_long_and_odd_names_can_be_written(tmp_path: Path, name: str) -> None:
    with whole_file(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert names(tmp_path) == [name]
