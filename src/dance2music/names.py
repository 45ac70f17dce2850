"""Names of files: short enough to be one, and as they can be shown."""

from __future__ import annotations

import os
from pathlib import Path

LONGEST_NAME_BYTES = 255
_SHOWN_LETTERS = 200


def as_text(name: str | Path, *, longest: int | None = _SHOWN_LETTERS) -> str:
    """A name, or a text with names in it, as it can be shown.

    Line breaks stay; other control characters, and bytes that are no letters, become �; lines of more than ``longest`` letters lose their
    middle.
    """

    def shown(letter: str) -> str:
        return letter if letter.isprintable() and not "\ud800" <= letter <= "\udfff" else "�"

    lines = ("".join(map(shown, line)) for line in str(name).split("\n"))
    if longest is None:
        return "\n".join(lines)
    half = longest // 2
    return "\n".join(line if len(line) <= longest else f"{line[:half]}…{line[-half:]}" for line in lines)


def fitting(stem: str, ending: str) -> str:
    """A file name of a stem, cut by whole letters where it has to be, and an ending: at most `LONGEST_NAME_BYTES`."""
    while stem and len(os.fsencode(stem + ending)) > LONGEST_NAME_BYTES:
        stem = stem[:-1]
    return stem + ending
