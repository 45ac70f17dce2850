"""Files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dance2music.errors import InputError

_STEM_LETTERS = 32
"""Letters of a file's name that its temporary name repeats: few enough that a long name does not become too long."""


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and rename it to ``path`` on success; on any exception leave nothing behind.

    The temporary name keeps the suffix of ``path``, so that writers which go by it choose the same format.

    Raises
    ------
    InputError
        If the folder is missing or not writable, or the disk fills up.
    """
    temporary = _temporary_beside(Path(path))
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); free space or choose another output") from error
    finally:
        temporary.unlink(missing_ok=True)


def exists(path: Path) -> bool:
    """Whether there is such a file: raises InputError where there can be none."""
    try:
        return path.exists()
    except OSError as error:
        raise InputError(f"{path}: cannot be the name of a file ({error.strerror}); choose another") from error


def check_writable(path: str | Path) -> None:
    """Find out before a long computation whether `whole_file` will be able to create ``path``; leaves nothing behind.

    Raises
    ------
    InputError
        If ``path`` is a folder, or its folder is missing or not writable.
    """
    _temporary_beside(Path(path)).unlink()


def _temporary_beside(path: Path) -> Path:
    """Create an empty hidden file beside ``path`` with the same suffix."""
    folder = path.parent
    try:
        if not folder.is_dir():
            raise InputError(f"{path}: the folder {folder} does not exist; create it or choose another output")
        if path.is_dir():
            raise InputError(f"{path}: is a folder; expected the name of a file to write")
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:_STEM_LETTERS]}-", suffix=path.suffix, dir=folder)
        os.close(handle)
    except OSError as error:
        raise InputError(f"{path}: cannot write into {folder} ({error.strerror}); choose another output folder or name") from error
    return Path(name)
