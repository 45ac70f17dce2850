"""Published list files: one path or name per line, ``.txt`` or ``.txt.gz``; and the released layout of D2M-GAN's data, which they index.

The released folder holds 2 s segments ready made, ``audio_s2/SPLIT/CLIP_segK.wav`` (22,050 Hz), ``motion_s2/SPLIT/CLIP_segK.npy`` and
``video_s2/SPLIT/CLIP_segK.npy`` (a visual vector), and lists ``NAME_{audio,motion,video}_SPLIT_segment.txt`` whose lines belong together.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dance2music.data.manifest import Listing, Skip, Source, check_leaks
from dance2music.errors import InputError

_SEGMENT = re.compile(r"(?P<clip>.+)_seg(?P<k>[1-9]\d*)")


class About(NamedTuple):
    """What a clip's name says of it."""

    song: str
    genre: int | None
    tempo_bpm: float | None


def find_list(folder: Path, name: str) -> Path | None:
    """The list file ``name`` (``.txt`` or ``.txt.gz``) in a folder or, as first found, below it."""
    for pattern in (f"{name}.txt", f"{name}.txt.gz"):
        here = folder / pattern
        if here.is_file():
            return here
    found = sorted(path for pattern in (f"{name}.txt", f"{name}.txt.gz") for path in folder.rglob(pattern))
    return found[0] if found else None


def files_by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files with one of these suffixes in a folder and below it, by name without suffix; of several the first suffix, then path, counts."""
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and not p.name.startswith(".")):
        known = found.setdefault(path.stem, path)
        if suffixes.index(path.suffix.lower()) < suffixes.index(known.suffix.lower()):
            found[path.stem] = path
    return found


def read_list(path: Path) -> list[str]:
    """Entries of a list.

    Raises
    ------
    InputError
        If it cannot be read, is empty, has an empty line between others, or names something twice; the message names the line.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list ({error}); expected one name per line; get it again") from error
    lines = [line.strip() for line in text.rstrip().splitlines()]
    if not lines:
        raise InputError(f"{path}: is empty; expected one name per line; get it again")
    if "" in lines:
        raise InputError(f"{path} line {lines.index('') + 1}: has no entry; expected one name per line; get the list again")
    twice = next((line for line, count in Counter(lines).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{path}: names {twice!r} more than once; expected every entry once; get the list again")
    return lines


def segment_of(entry: str, *, where: str) -> tuple[str, int]:
    """Clip and K of an entry such as ``./tiktok/audio_s2/000007_7_188_seg3.wav``. Raises InputError if it has no ``_segK``."""
    match = _SEGMENT.fullmatch(PurePosixPath(entry).name.split(".")[0])
    if match is None:
        raise InputError(f"{where}: {entry!r} is no segment; expected CLIP_segK with K from 1; get the list again")
    return match["clip"], int(match["k"])


def list_released(folder: Path, lists: Path | None, *, data: str, about: Callable[[str, str], About]) -> Listing:
    """Clips of the released layout; each 2 s segment is a clip of its own.

    Parameters
    ----------
    folder : the folder that the entries of the lists start from, or the first folder that they name.
    lists : where the lists are; by default in ``folder`` or below it.
    data : prefix of the lists: "aist" or "tiktok".
    about : what a clip's name says, given the name and where it stands.

    Raises
    ------
    InputError
        If there are no lists, one is broken, those of a split differ, or a song is in two splits.
    """
    sources: list[Source] = []
    skipped: list[Skip] = []
    notes: list[str] = []
    for split in ("train", "test"):
        path = find_list(lists or folder, f"{data}_audio_{split}_segment")
        if path is None:
            continue
        music = read_list(path)
        others = {kind: _beside(path, music, kind) for kind in ("motion", "video")}
        seen = [_resolve(folder, path.parent, one) for one in others["video"]]
        missing = 0
        for i, entry in enumerate(music):
            where = f"{path} line {i + 1}"
            clip, k = segment_of(entry, where=where)
            song, genre, tempo = about(clip, where)
            name = f"{clip}_seg{k}"
            files = {kind: _resolve(folder, path.parent, one) for kind, one in
                     {"music": entry, "motion": others["motion"][i]}.items()}  # fmt: skip
            visual = seen[i]
            lacking = [kind for kind in ("music", "motion") if files[kind] is None]
            if visual is None and any(seen):  # where no segment has one, what needs them says so
                lacking.append("visual vector")
            if lacking or files["music"] is None:
                missing += 1
                skipped.append(Skip(name, f"in the list, but its {' and '.join(lacking)} is not in {folder}"))
                continue
            sources.append(
                Source(name, song, split, files["music"], files["motion"], genre=genre, tempo_bpm=tempo, visual=(visual,) if visual else ())
            )
        if missing:
            notes.append(f"{path.name}: {missing} of {len(music)} entries have no files")
    if not sources and not skipped:
        raise InputError(
            f"{lists or folder}: has no {data}_audio_train_segment.txt; expected the lists of the data set; give --lists FOLDER"
        )
    check_leaks(sources, where=str(folder))
    return Listing(sources, skipped, notes)


def _beside(path: Path, music: list[str], kind: str) -> list[str]:
    """Entries of the list of another kind for the same segments; where there is no such list, what they must be."""
    other = find_list(path.parent, path.name.split(".")[0].replace("_audio_", f"_{kind}_"))
    if other is None:
        return [str(PurePosixPath(entry.replace("audio_s2", f"{kind}_s2")).with_suffix(".npy")) for entry in music]
    entries = read_list(other)
    if len(entries) != len(music):
        raise InputError(f"{other}: {len(entries)} entries, but {path.name} has {len(music)}; expected the same segments; get both again")
    for i, (first, second) in enumerate(zip(music, entries), start=1):
        if PurePosixPath(first).stem != PurePosixPath(second).stem:
            raise InputError(
                f"{other} line {i}: {second!r}, but {path.name} has {first!r} there; expected the same segment; get both again"
            )
    return entries


def _resolve(folder: Path, beside: Path, entry: str) -> Path | None:
    """The file of an entry: below the folder, or below it without the entry's first folder, or beside the list."""
    relative = PurePosixPath(entry.removeprefix("./"))
    if relative.is_absolute() or ".." in relative.parts or "\0" in entry:
        return None
    shorter = PurePosixPath(*relative.parts[1:])
    return next((path for path in (folder / relative, folder / shorter, beside / relative) if path.is_file()), None)
