"""What runs that were killed left behind, and locks where two runs would meet.

Unfinished files and folders have names with `MARK` in them, and whoever writes one holds a lock (``flock``) on it, which ends with the
process however that ends. Whoever writes into a folder first removes what nobody holds there any more.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dance2music.errors import InputError

try:
    import fcntl
except ImportError:  # not POSIX: nothing is locked, nothing swept
    fcntl = None  # type: ignore[assignment]

MARK = "-d2m_"
LEFT_LIST = ".set"
"""Suffix of a list of what goes where (`files.placed_together`)."""
_LEFT = re.compile(rf"\..*{MARK}[a-z0-9_]{{8}}(\.[^/]*)?", re.DOTALL)
_MOST_FOLDERS = 16
TAKEN = -1
"""What `locked` gives where another has the lock."""
_swept: set[Path] = set()


@contextmanager
def only_here(folder: Path, doing: str) -> Iterator[None]:
    """Keep a second run out of a folder while the block lasts.

    Raises
    ------
    InputError
        If another run is in it; ``doing`` says what runs there, as "a training".
    """
    handle = locked(folder, wait=False)
    if handle == TAKEN:
        raise InputError(f"{folder}: {doing} is running there already; wait for it to end, or choose another folder")
    try:
        yield
    finally:
        release(handle)


def sweep(folder: Path, *, again: bool = False) -> None:
    """Finish the sets that killed runs left in a folder, and remove their other leftovers; once per process, or ``again``."""
    try:
        folder = folder.resolve()
        if fcntl is None or (folder in _swept and not again):
            return
        _swept.add(folder)
        left = [Path(entry.path) for entry in os.scandir(folder) if _LEFT.fullmatch(entry.name)]
    except OSError:
        return
    for path in sorted(left, key=lambda path: path.suffix != LEFT_LIST):
        with suppress(OSError, ValueError, TypeError, KeyError):
            lock = locked(path, wait=False)
            if lock is None or lock == TAKEN:
                continue
            try:
                if path.suffix == LEFT_LIST:
                    with suppress(OSError, ValueError, TypeError, KeyError):
                        _finish(path)
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            finally:
                release(lock)


def _finish(path: Path) -> None:
    """Put the rest of a set in place. A list only ever names files of its own folder, whoever wrote it.

    A set that is spread over folders has a list in each. One is the head, written last and removed last: as long as it is there the set
    is to be finished, without it the set was never complete.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    names = [*(name for move in content["moves"] for name in move), *content["stale"]]
    if not all(isinstance(name, str) and Path(name).name == name for name in names):
        return
    head = content.get("head")
    if head is not None and not os.path.lexists(head):
        return
    for temporary, name in content["moves"]:
        if _LEFT.fullmatch(temporary) and path.with_name(temporary).exists():
            path.with_name(temporary).replace(path.with_name(name))
    for name in content["stale"]:
        path.with_name(name).unlink(missing_ok=True)
    for folder in content.get("others", [])[:_MOST_FOLDERS]:
        if Path(folder).resolve() != path.parent.resolve():
            sweep(Path(folder), again=True)


def locked(path: Path, *, wait: bool = True) -> int | None:
    """A handle that holds the lock on a file or folder; None where there are no locks, `TAKEN` where another has it."""
    if fcntl is None:
        return None
    handle = None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if handle is not None:
            os.close(handle)
        return TAKEN if error.errno in (errno.EWOULDBLOCK, errno.EACCES) and handle is not None else None
    return handle


def release(lock: int | None) -> None:
    """Give a lock back."""
    if lock is not None and lock != TAKEN:
        os.close(lock)
