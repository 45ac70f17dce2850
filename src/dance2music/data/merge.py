"""Parts of a preparation become one prepared folder, with the bits of a preparation in one go: ``dance2music data merge``."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dance2music.data.maker import read_record, result_of
from dance2music.data.manifest import Listing, Skip
from dance2music.data.parts import PARTS, Result
from dance2music.data.prepare import finish
from dance2music.data.report import Report
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.leftovers import only_here

_FOLDERS = ("clips", "codes", "rows", PARTS)


def merge(out: str | Path, others: Sequence[str | Path] = ()) -> Report:
    """Write the manifest of a folder all of whose parts are made; a second call does the same again.

    Parameters
    ----------
    out : folder that parts were made into.
    others : folders that further parts were made into, whose files are linked or copied into ``out``.

    Raises
    ------
    InputError
        If a part is missing or was made otherwise than the others, a clip's files are not there, or as `prepare.finish`.
    """
    out = Path(out)
    for folder in (out, *others):
        if not (Path(folder) / PARTS).is_dir():
            raise InputError(f"{folder}: holds no part of a preparation; expected what 'dance2music data prepare --shard I/N' wrote")
    with only_here(out, "a preparation"):
        for other in others:
            _bring(Path(other), out)
        parts = _read_parts(out)
        first = parts[0]
        results: dict[str, Result] = {}
        for part in parts:
            if part["asked"] != first["asked"] or part["skipped"] != first["skipped"]:
                raise InputError(f"{out}: parts were made of other data or with other settings; expected the same; make them anew")
            for name in part["clips"]:
                results[name] = _result(out, name)
        about = {key: first["asked"][key] for key in ("dataset", "source", "visual")}
        listing = Listing([], [Skip(name, reason) for name, reason in first["skipped"]], first["notes"])
        return finish(out, about, listing, results)


def _read_parts(out: Path) -> list[dict[str, Any]]:
    """All parts, in order. Raises InputError if one is missing."""
    found: dict[int, dict[int, Path]] = {}
    for path in (out / PARTS).glob("*.json"):
        if named := re.fullmatch(r"(\d+)-of-(\d+)\.json", path.name):
            found.setdefault(int(named[2]), {})[int(named[1])] = path
    if len(found) != 1:
        counts = ", ".join(map(str, sorted(found))) or "none"
        raise InputError(f"{out / PARTS}: has parts of divisions by {counts}; expected those of one; remove the files of the others")
    ((count, paths),) = found.items()
    missing = [number for number in range(1, count + 1) if number not in paths]
    if missing:
        raise InputError(
            f"{out}: {len(missing)} of {count} parts are missing, first {missing[0]}; run 'data prepare --shard {missing[0]}/{count}'"
        )
    parts = []
    for number in range(1, count + 1):
        part = read_record(paths[number])
        if part is None or not part.keys() >= {"asked", "clips", "skipped", "notes"}:
            raise InputError(
                f"{paths[number]}: cannot be read; expected what a part wrote; run 'data prepare --shard {number}/{count}' again"
            )
        parts.append(part)
    return parts


def _result(out: Path, name: str) -> Result:
    path = out / "rows" / f"{name}.json"
    record = read_record(path)
    if record is None:
        raise InputError(f"{path}: cannot be read; expected what a part wrote of its clip; run that part again")
    row, skips = result_of(record, path)
    gone = [] if row is None else [file for file in (row.features, *row.codes.values()) if not (out / file).is_file()]
    if gone:
        raise InputError(f"{out / gone[0]}: is not there, which clip {name} needs; name the folder that holds it, or run its part again")
    return row, skips


def _bring(other: Path, out: Path) -> None:
    """Link, or else copy, the files of parts that lie elsewhere."""
    for path in sorted(path for name in _FOLDERS for path in (other / name).rglob("*") if path.is_file() and not path.name.startswith(".")):
        target = out / path.relative_to(other)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as temporary:
            with suppress(OSError):
                temporary.unlink()
                os.link(path, temporary)
                continue
            shutil.copyfile(path, temporary)
