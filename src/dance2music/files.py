"""Files written whole or not at all, alone or as a set.

What is being written lies hidden beside its place, held by its writer (`leftovers`). A set of files is renamed into place in one go, under
a list of what goes where; of a run that was killed in that moment the next one finishes the list.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from dance2music.errors import InputError
from dance2music.leftovers import LEFT_LIST, MARK, TAKEN, locked, release, sweep

_STEM_LETTERS = 32
"""Letters of a file's name that its temporary name repeats: few enough that a long name does not become too long."""
_SUFFIX_BYTES = 32
_PLACING_SECONDS = 2.0
"""How long a set waits for another that is being put into the same folder."""


@contextmanager
def whole_file(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and rename it to ``path`` on success; on any exception leave nothing behind.

    The temporary name keeps the suffix of ``path``, so that writers which go by it choose the same format. In a block of
    `placed_together` it is renamed at the end of that.

    Parameters
    ----------
    path : file to write.
    durable : whether it is on the disk, folder and all, before the block ends: false for what can be made again at no cost.

    Raises
    ------
    InputError
        If the folder is missing or not writable, or the disk fills up.
    """
    path, placing = Path(path), _placing.get()
    staged = None if placing is None else placing.folders.get(path.parent)
    temporary, lock = _temporary_beside(path if staged is None else staged / path.name)
    waits = False
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        if durable:
            _to_disk(temporary)
        if placing is None:
            temporary.replace(path)
            if durable:
                _to_disk(path.parent)
        elif staged is not None:
            temporary.replace(staged / path.name)
            placing.written.append(path)
        else:
            placing.add(temporary, path, lock)
            waits = True
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); free space or choose another output") from error
    finally:
        if not waits:
            temporary.unlink(missing_ok=True)
            release(lock)


@dataclass
class Placing:
    """Files that are put in place together. Made by `placed_together`.

    Attributes
    ----------
    written : final paths of what was written so far.
    stale : files of an earlier set that are to go when this one comes.
    """

    written: list[Path] = field(default_factory=list)
    stale: list[Path] = field(default_factory=list)
    folders: dict[Path, Path] = field(default_factory=dict)
    _waiting: dict[Path, tuple[Path, int | None]] = field(default_factory=dict)
    _locks: list[int | None] = field(default_factory=list)

    def add(self, temporary: Path, path: Path, lock: int | None) -> None:
        """Take over a temporary file and its lock."""
        if path in self._waiting:
            old, held = self._waiting.pop(path)
            old.unlink(missing_ok=True)
            release(held)
        else:
            self.written.append(path)
        self._waiting[path] = (temporary, lock)

    def folder(self, path: Path) -> None:
        """Have a folder that is not there yet appear with the set; files that are written into it lie in it then.

        Raises
        ------
        InputError
            If it cannot be made.
        """
        if path.exists() or path in self.folders:
            return
        try:
            made = Path(tempfile.mkdtemp(prefix=f".{path.name[:_STEM_LETTERS]}{MARK}", dir=path.parent))
            self._locks.append(locked(made))
            made.chmod(0o777 & ~_umask())
        except OSError as error:
            raise InputError(f"{path}: cannot be made ({error.strerror}); choose another folder") from error
        self.folders[path] = made

    def place(self) -> None:
        """Put all in place.

        Raises
        ------
        InputError
            If that cannot be done; nothing of what waited is left then.
        """
        moves = [(temporary, path) for path, (temporary, _) in self._waiting.items()]
        moves += [(made, path) for path, made in self.folders.items()]
        stale = [path for path in self.stale if path.is_file() and path not in self.written]
        if not moves:
            return
        parents = {path.parent for _, path in moves}
        try:
            with _briefly_locked(moves[0][1].parent):
                lists = [] if len(moves) + len(stale) == 1 else _write_lists(parents | {path.parent for path in stale}, moves, stale)
                try:
                    _move(moves, stale)
                except OSError:
                    raise
                except BaseException:  # interrupted in that moment: it is finished first
                    _move(moves, stale)
                    raise
                for parent in parents:
                    _to_disk(parent)
                for name, lock in lists:
                    name.unlink(missing_ok=True)
                    release(lock)
        except (OSError, InputError) as error:
            self.drop()
            raise InputError(f"{moves[0][1]}: cannot be put in place ({_reason(error)}); choose another output") from error
        self._let_go()

    def forget(self, since: int) -> None:
        """Leave nothing of what was written after the first ``since`` files."""
        for path in self.written[since:]:
            if path in self._waiting:
                temporary, lock = self._waiting.pop(path)
                temporary.unlink(missing_ok=True)
                release(lock)
        del self.written[since:]
        for path, made in [*self.folders.items()]:
            if path not in (written.parent for written in self.written):
                shutil.rmtree(made, ignore_errors=True)
                del self.folders[path]

    def drop(self) -> None:
        """Leave nothing of what waits."""
        for temporary, _ in self._waiting.values():
            temporary.unlink(missing_ok=True)
        for made in self.folders.values():
            shutil.rmtree(made, ignore_errors=True)
        self._let_go()

    def _let_go(self) -> None:
        for lock in [*(lock for _, lock in self._waiting.values()), *self._locks]:
            release(lock)
        self._waiting, self._locks, self.folders = {}, [], {}


_placing: ContextVar[Placing | None] = ContextVar("placing", default=None)


@contextmanager
def placed_together() -> Iterator[Placing]:
    """What `whole_file` writes in the block appears together at its end, or not at all if an exception ends it.

    Killed at any moment, a run leaves the old files or the new ones, none half-written; if in the moment of renaming, the next run that
    writes into the folder finishes it. A block in a block is part of it; an exception that ends the inner one takes its files only.
    """
    outer = _placing.get()
    if outer is not None:
        before = len(outer.written)
        try:
            yield outer
        except BaseException:
            outer.forget(before)
            raise
        return
    placing = Placing()
    held = _placing.set(placing)
    try:
        yield placing
    except BaseException:
        placing.drop()
        raise
    finally:
        _placing.reset(held)
    placing.place()


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Give a hidden folder beside ``path``, which must not be there, and rename it on success; on any exception leave nothing behind.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        made = Path(tempfile.mkdtemp(prefix=f".{path.name[:_STEM_LETTERS]}{MARK}", dir=path.parent))
    except OSError as error:
        raise InputError(f"{path}: cannot be made ({error.strerror}); choose another output folder") from error
    lock = locked(made)
    try:
        yield made
        made.chmod(0o777 & ~_umask())
        made.rename(path)
        _to_disk(path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); free space or choose another output") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
        release(lock)


def exists(path: Path) -> bool:
    """Whether there is such a file: raises InputError where there can be none."""
    try:
        return path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be the name of a file ({_reason(error)}); choose another") from error


def check_regular(path: Path, expected: str) -> None:
    """Refuse a pipe or device, which would be waited for: raises InputError, with what was ``expected``."""
    if not path.is_file():
        raise InputError(f"{path}: is no file that can be read twice (a pipe or device); expected {expected}; save it to one first")


def check_writable(path: str | Path) -> None:
    """Find out before a long computation whether `whole_file` will be able to create ``path``; leaves nothing behind.

    Raises
    ------
    InputError
        If ``path`` is a folder, or its folder is missing or not writable.
    """
    temporary, lock = _temporary_beside(Path(path))
    temporary.unlink(missing_ok=True)
    release(lock)


def _move(moves: list[tuple[Path, Path]], stale: list[Path]) -> None:
    for temporary, path in moves:
        if temporary.exists():
            temporary.replace(path)
    for path in stale:
        path.unlink(missing_ok=True)


def _write_lists(parents: set[Path], moves: list[tuple[Path, Path]], stale: list[Path]) -> list[tuple[Path, int | None]]:
    """Write which temporary file of each folder goes where, for `leftovers.sweep`; the list that the set hangs on last."""
    first, *others = sorted(parents)
    temporary, lock = _temporary_beside(first / "outputs.part")
    head = temporary.with_suffix(LEFT_LIST)
    written = [_write_list(_temporary_beside(parent / "outputs.part"), moves, stale, head=str(head.resolve())) for parent in others]
    return [*written, _write_list((temporary, lock), moves, stale, others=[str(parent.resolve()) for parent in others])]


def _write_list(
    place: tuple[Path, int | None], moves: list[tuple[Path, Path]], stale: list[Path], **about: object
) -> tuple[Path, int | None]:
    temporary, lock = place
    content = {
        "moves": [[a.name, b.name] for a, b in moves if b.parent == temporary.parent],
        "stale": [path.name for path in stale if path.parent == temporary.parent],
        **about,
    }
    temporary.write_text(json.dumps(content), encoding="utf-8")
    _to_disk(temporary)
    return temporary.replace(temporary.with_suffix(LEFT_LIST)), lock


def _temporary_beside(path: Path) -> tuple[Path, int | None]:
    """Create an empty hidden file beside ``path`` with the same suffix: its name, and the lock on it."""
    folder = path.parent
    try:
        if not folder.is_dir():
            raise InputError(f"{path}: the folder {folder} does not exist; create it or choose another output")
        with suppress(FileNotFoundError):
            os.lstat(path)
        if path.is_dir():
            raise InputError(f"{path}: is a folder; expected the name of a file to write")
        sweep(folder)
        suffix = path.suffix if len(os.fsencode(path.suffix)) <= _SUFFIX_BYTES else ""
        while True:
            handle, name = tempfile.mkstemp(prefix=f".{path.stem[:_STEM_LETTERS]}{MARK}", suffix=suffix, dir=folder)
            os.close(handle)
            lock = locked(Path(name))
            if lock is None or os.path.exists(name):
                return Path(name), lock
            release(lock)  # a sweep came between making and locking
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot write into {folder} ({_reason(error)}); choose another output folder or name") from error


@contextmanager
def _briefly_locked(folder: Path) -> Iterator[None]:
    """Hold a folder against other sets, which are there for a moment; a run that is in it for long (`only_here`) is not waited for."""
    end = time.monotonic() + _PLACING_SECONDS
    while (lock := locked(folder, wait=False)) == TAKEN and time.monotonic() < end:
        time.sleep(0.01)
    try:
        yield
    finally:
        release(lock)


def _to_disk(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk. Raises OSError where that fails and the system can tell."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # this file system cannot
            raise
    finally:
        os.close(handle)


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
