"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dance2music.errors import InputError
from dance2music.files import check_writable, placed_together, whole_file, whole_folder
from dance2music.leftovers import MARK, only_here, sweep
from dance2music.names import as_text, fitting


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


@pytest.mark.parametrize(
    "name", ["\U0001f57a" * 63 + ".a", "a\nb.txt", "a\\b.txt", "$x$.txt", "\udcff\udcfe.txt", "-o.txt", "a." + "b" * 250]
)
def test_every_name_that_the_file_system_takes_can_be_written(tmp_path: Path, name: str) -> None:
    check_writable(tmp_path / name)
    with whole_file(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert names(tmp_path) == [name]


def test_a_name_that_is_too_long_is_found_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long"):
        check_writable(tmp_path / ("\u00e4" * 126 + ".text"))
    with pytest.raises(InputError, match="null"):
        check_writable(tmp_path / "a\0.txt")


def test_names_are_cut_by_whole_letters_and_shown_as_text() -> None:
    assert fitting("a" * 300, "-12.json") == "a" * 247 + "-12.json"
    assert fitting("\U0001f57a" * 70, ".png") == "\U0001f57a" * 62 + ".png"
    assert fitting("short", ".png") == "short.png"
    assert as_text("Ba$$in\x00\udcff.mp4\nline") == "Ba$$in\ufffd\ufffd.mp4\nline"
    assert len(as_text("x" * 1000)) < 250


def write(path: Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text)


def test_a_set_appears_together(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "old")
    with placed_together() as placing:
        write(tmp_path / "a.txt", "new")
        write(tmp_path / "b.txt", "new")
        placing.folder(tmp_path / "parts")
        write(tmp_path / "parts" / "c.txt", "new")
        placing.stale.append(tmp_path / "old.txt")
        assert [name for name in names(tmp_path) if not name.startswith(".")] == ["a.txt"]
        assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt", "b.txt", "parts"] and names(tmp_path / "parts") == ["c.txt"]
    assert sorted(placing.written) == [tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "parts" / "c.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_folders_and_files_of_a_set_may_be_read_as_the_user_lets_others_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with placed_together() as placing:
            placing.folder(tmp_path / "parts")
            write(tmp_path / "parts" / "a.txt", "new")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("parts", "parts/a.txt")] == [0o750, 0o640]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_of_a_set_that_is_broken_off_nothing_is_there(tmp_path: Path, error: type[BaseException]) -> None:
    write(tmp_path / "a.txt", "old")
    with pytest.raises(error), placed_together() as placing:
        write(tmp_path / "a.txt", "new")
        placing.folder(tmp_path / "parts")
        write(tmp_path / "parts" / "c.txt", "new")
        raise error
    assert names(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


def test_only_a_file_system_that_cannot_is_excused_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(number: int) -> None:
        def fsync(handle: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("os.fsync", fsync)

    failing(errno.ENOTSUP)
    write(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    failing(errno.EIO)
    with pytest.raises(InputError, match=r"b\.txt"):
        write(tmp_path / "b.txt", "new")
    assert names(tmp_path) == ["a.txt"]


def test_what_fails_within_a_set_takes_only_itself(tmp_path: Path) -> None:
    with placed_together() as placing:
        write(tmp_path / "a.txt", "new")
        with pytest.raises(ValueError, match="odd"), placed_together():
            write(tmp_path / "b.txt", "half of a part")
            placing.folder(tmp_path / "parts")
            write(tmp_path / "parts" / "c.txt", "half of a part")
            raise ValueError("odd")
    assert names(tmp_path) == ["a.txt"]


def test_a_set_that_is_interrupted_while_it_is_placed_is_placed_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, moved = Path.replace, []

    def replace(self: Path, target: Path) -> Path:
        moved.append(self)
        if len(moved) == 2:
            raise KeyboardInterrupt
        return real(self, target)

    with pytest.raises(KeyboardInterrupt), placed_together():
        write(tmp_path / "a.txt", "new")
        write(tmp_path / "b.txt", "new")
        monkeypatch.setattr(Path, "replace", replace)
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if not path.name.startswith(".")} == {"a.txt": "new", "b.txt": "new"}


KILLED = """
import os, signal, sys
from pathlib import Path
from dance2music.files import placed_together, whole_file, whole_folder
folder, moment = Path(sys.argv[1]), sys.argv[2]
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
if moment == "file":
    with whole_file(folder / "a.txt") as temporary:
        temporary.write_text("half"); die()
if moment == "folder":
    with whole_folder(folder / "made") as made:
        (made / "a.txt").write_text("half"); die()
real, moved = Path.replace, []
def replace(self, target):
    moved.append(self)
    if len(moved) == int(moment): die()
    return real(self, target)
with placed_together() as placing:
    for name in "abc":
        with whole_file(folder / f"{name}.txt") as temporary:
            temporary.write_text("new")
    placing.stale.append(folder / "stale.txt")
    Path.replace = replace
"""


@pytest.mark.parametrize("moment", ["file", "folder", "1", "2", "3", "4"])
def test_what_a_killed_run_left_is_swept_and_a_set_that_it_had_begun_to_place_is_finished(tmp_path: Path, moment: str) -> None:
    for name in ("a.txt", "b.txt", "stale.txt"):
        write(tmp_path / name, "old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    assert any(MARK in name for name in names(tmp_path))
    sweep(tmp_path, again=True)
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    whole = {"a.txt": "new", "b.txt": "new", "c.txt": "new"}
    assert texts == (whole if moment in "234" else {"a.txt": "old", "b.txt": "old", "stale.txt": "old"})


def test_what_a_live_run_writes_is_left_alone(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt") as temporary, whole_folder(tmp_path / "made") as made:
        temporary.write_text("x")
        sweep(tmp_path, again=True)
        assert temporary.exists() and made.is_dir()
    assert names(tmp_path) == ["a.txt", "made"]


def test_a_list_of_a_stranger_reaches_nothing_outside_its_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "gift", tmp_path / "precious.txt"
    folder.mkdir()
    outside.write_text("mine")
    left = folder / f".x{MARK}abcdefgh"
    left.write_text("theirs")
    for n, content in enumerate(
        (f'{{"moves": [["{left.name}", "../precious.txt"]], "stale": []}}', '{"moves": [], "stale": ["../precious.txt"]}', "[]", "{", "1")
    ):
        (folder / f".outputs{MARK}abcdefg{n}.set").write_text(content)
    (folder / f".link{MARK}abcdefgh").symlink_to(outside)
    sweep(folder, again=True)
    assert outside.read_text() == "mine"


def test_a_second_run_in_a_folder_is_told(tmp_path: Path) -> None:
    refused = pytest.raises(InputError, match="a training is running there already; wait for it")
    with only_here(tmp_path, "a training"), refused, only_here(tmp_path, "a training"):
        pass
    with only_here(tmp_path, "a training"):
        pass


def test_what_is_written_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        said.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real_sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", lambda self, target: (said.append("name"), real_replace(self, target))[1])
    write(tmp_path / "a.txt", "x")
    assert said == ["file", "name", "folder"]
    said.clear()
    with whole_file(tmp_path / "a.txt", durable=False) as temporary:
        temporary.write_text("y")
    assert said == ["name"]
