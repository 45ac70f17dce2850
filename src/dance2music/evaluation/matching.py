"""Which generated file belongs to which reference, video and motion: by name, and an error that says what does not match."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from dance2music.errors import InputError

SOUND_SUFFIXES = (
    *(".wav", ".flac", ".aiff", ".aif", ".ogg", ".opus", ".oga", ".mp3", ".m4a", ".aac"),
    *(".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"),
)
"""Suffixes that may hold music, the one that is taken first where a name has several."""

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
MOTION_SUFFIXES = (".npz", ".npy", ".pkl", ".json")
BEATS_SUFFIX = ".beats"
"""Annotated beats beside a reference: ``NAME.beats``, one time in seconds per line."""

_MADE = re.compile(r"^(?P<dance>.+?)\.music(?:-(?P<take>\d+))?$")
_TAKE = re.compile(r"^(?P<dance>.+)-(?P<take>\d+)$")


@dataclass(frozen=True)
class Match:
    """One generated file and its partners; ``dance`` is the name that these share, ``take`` counts from 0."""

    name: str
    dance: str
    take: int
    generated: Path
    reference: Path | None = None
    beats: Path | None = None
    video: Path | None = None
    motion: Path | None = None


def match(
    generated: Path, *, reference: Path | None = None, videos: Path | None = None, motion: Path | None = None, partial: bool = False
) -> tuple[list[Match], list[str]]:
    """Matches in order of names, and what was left out.

    ``DANCE.wav``, ``DANCE.music.mp4`` (as ``generate`` writes it), ``DANCE-2.wav`` and ``DANCE.music-2.mp4`` (takes) belong to ``DANCE``.

    Parameters
    ----------
    generated : folder of music.
    reference, videos, motion : folders of the dances' own music, of videos, of motion files (or OpenPose folders), or None.
    partial : leave out what does not match, where it would be an error.

    Raises
    ------
    InputError
        If a folder is missing or holds nothing of its kind, or names do not match and ``partial`` is not set.
    """
    music = _files(generated, SOUND_SUFFIXES, "generated music")
    partners = {
        "reference": None if reference is None else _files(reference, SOUND_SUFFIXES, "reference music"),
        "videos": None if videos is None else _files(videos, VIDEO_SUFFIXES, "videos"),
        "motion": None if motion is None else _files(motion, MOTION_SUFFIXES, "motion files", folders=True),
    }
    given = {kind: files for kind, files in partners.items() if files is not None}
    folders = {"reference": reference, "videos": videos, "motion": motion}
    known = set().union(*given.values()) if given else None
    named = {name: _dance_and_take(name, known) for name in music}
    wrong: list[str] = []
    for kind, files in given.items():
        alone = [name for name, (dance, _) in named.items() if dance not in files]
        unused = [name for name in files if name not in {dance for dance, _ in named.values()}]
        if alone:
            wrong.append(f"{generated}: {_some(alone)} without a file of that name in {folders[kind]}")
        if unused:
            wrong.append(f"{folders[kind]}: {_some(unused)} without generated music in {generated}")
    kept = {name: found for name, found in named.items() if all(found[0] in files for files in given.values())}
    if wrong and (not partial or not kept):
        raise InputError(f"{'; '.join(wrong)}; expected the same names (NAME, NAME.music, NAME-1, NAME.music-1); rename, or pass --partial")
    _check_takes(kept, generated)

    def partner(kind: str, dance: str) -> Path | None:
        return given[kind][dance] if kind in given else None

    matches = []
    for name, (dance, take) in sorted(kept.items(), key=lambda item: (item[1], item[0])):
        found = partner("reference", dance)
        beats = None if found is None else found.with_suffix(BEATS_SUFFIX)
        matches.append(
            Match(
                name, dance, take, music[name], found, beats if beats is not None and beats.is_file() else None,
                partner("videos", dance), partner("motion", dance),
            )
        )  # fmt: skip
    return matches, wrong


def read_beats(path: Path) -> list[float]:
    """Times of an annotation, one number per line (further columns, as of a downbeat, and lines with # are left out).

    Raises
    ------
    InputError
        If the file cannot be read or has a line without a number.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return sorted(float(line.split()[0]) for line in lines if line.strip() and not line.startswith("#"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as beats ({error}); expected one time in seconds per line") from error


def sounds(folder: Path, what: str) -> dict[str, Path]:
    """Sound files of a folder by name without suffix, in order."""
    return _files(folder, SOUND_SUFFIXES, what)


def _files(folder: Path, suffixes: Iterable[str], what: str, *, folders: bool = False) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected {what} ({', '.join(suffixes)}); check the path")
    order = {suffix: i for i, suffix in enumerate(suffixes)}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: (order.get(p.suffix.lower(), 99), p.name)):
        if path.name.startswith("."):
            continue
        # Of one name, systems write letters with accents as one or as two characters.
        if path.is_file() and path.suffix.lower() in order:
            found.setdefault(normalize("NFC", path.stem), path)
        elif folders and path.is_dir():
            found.setdefault(normalize("NFC", path.name), path)
    if not found:
        raise InputError(f"{folder}: holds no {what}; expected files with one of {', '.join(suffixes)}")
    return dict(sorted(found.items()))


def _dance_and_take(name: str, known: set[str] | None) -> tuple[str, int]:
    """The dance that a generated file is for, and its take. Without partners to look up, only what ``generate`` adds is taken off."""
    if known is not None and name in known:
        return name, 0
    for pattern in (_MADE, _TAKE) if known is not None else (_MADE,):
        found = pattern.match(name)
        if found and (known is None or found["dance"] in known):
            return found["dance"], int(found["take"] or 0)
    return name, 0


def _check_takes(named: Mapping[str, tuple[str, int]], folder: Path) -> None:
    seen: dict[tuple[str, int], str] = {}
    for name, key in named.items():
        if key in seen:
            raise InputError(f"{folder}: {seen[key]} and {name} are both take {key[1]} of {key[0]}; expected one; rename or remove one")
        seen[key] = name


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} ({shown})"
