"""A look at the files that a command names, before what reads them is imported: a wrong name is told at once."""

from __future__ import annotations

from pathlib import Path

from dance2music.errors import InputError


def check_there(path: Path | None, expected: str, *, folder: bool = False) -> None:
    """Refuse a name that nothing has.

    Parameters
    ----------
    path : as it was given; None where it was not.
    expected : what should be there.
    folder : whether that is a folder.

    Raises
    ------
    InputError
        If nothing is there that can be looked at, or no folder where one is expected.
    """
    if path is None:
        return
    try:
        path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected {expected}; check the name and its permissions") from error
    except ValueError as error:
        raise InputError(f"{path}: cannot be the name of a file ({error}); expected {expected}; check the name") from error
    if folder and not path.is_dir():
        raise InputError(f"{path}: is no folder; expected {expected}; check the name")
