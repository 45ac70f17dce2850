"""A prepared folder becomes shards and comes back, bit by bit: ``dance2music data pack``, ``unpack`` and ``check``."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance2music.data.manifest import ABOUT, MANIFEST, SKIPPED, ClipRow, Progress, Skip, read_manifest, write_lines
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.leftovers import only_here
from dance2music.parallel import Engine, engine
from dance2music.scale.places import Place
from dance2music.scale.prepare import read_about, read_indexes, write_about
from dance2music.scale.shards import SHARD_BYTES, OpenShard, ShardIndex, read_index, shard_name, whole_shard, write_shard
from dance2music.scale.table import is_sharded, parquet
from dance2music.work import Cancel


def pack(
    folder: str | Path,
    out: str | Path,
    *,
    shard_bytes: int = SHARD_BYTES,
    workers: int = 1,
    executor: str | Engine = "process",
    cancel: Cancel | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a prepared folder as shards and return what they are; a second call makes only what is missing or changed.

    Parameters
    ----------
    folder : a prepared folder, a file per clip.
    out : a local folder or an address.
    shard_bytes : a shard ends with the clip that reaches it.
    workers, executor, cancel : as `data.prepare.prepare`.
    progress : called with (shards done, of).

    Raises
    ------
    InputError
        If the folder is not prepared or holds shards already, or the place cannot be written.
    """
    source, place = Path(folder), Place(str(out))
    parquet()
    if is_sharded(source):
        raise InputError(f"{source}: holds shards already; expected a folder with a file per clip; unpack it first")
    if not place.remote and Path(out).resolve() == source.resolve():
        raise InputError(f"{out}: is the folder that is packed; choose another place")
    rows = read_manifest(source)
    groups = list(enumerate(_groups(source, rows, shard_bytes)))
    made = 0
    for done, new in enumerate(engine(executor, workers).map(_Packer(source, place), groups, ordered=False, cancel=cancel), start=1):
        made += new
        if progress is not None:
            progress(done, len(groups))
    indexes = read_indexes(place, len(groups))
    skipped = _skipped(source)
    write_about(place, _about(source), len(groups), indexes, rows, skipped)
    return {"out": str(place), "clips": len(rows), "shards": len(groups), "made": made, "bytes": sum(index.size for index in indexes)}


def unpack(where: str | Path, out: str | Path, *, progress: Progress | None = None) -> int:
    """Write shards as a prepared folder with a file per clip, as it was before; returns the number of clips.

    Raises
    ------
    InputError
        If there are no shards, one is damaged, or the folder cannot be written.
    """
    place, folder = Place(str(where)), Path(out)
    about = read_about(place)
    count = int(about.pop("shards"))
    try:
        for name in ("clips", "codes", "rows"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be made ({error.strerror}); choose another folder") from error
    rows: list[ClipRow] = []
    with only_here(folder, "an unpacking"):
        for number, shard in enumerate(_opened(place, count)):
            for row in shard.index.rows if shard is not None else ():
                assert shard is not None
                for kind, file in (("features", row.features), *row.codes.items()):
                    (folder / file).parent.mkdir(parents=True, exist_ok=True)
                    with whole_file(folder / file) as temporary:
                        temporary.write_bytes(shard.file(row.name, kind))
                rows.append(row)
            if progress is not None:
                progress(number + 1, count)
        with whole_file(folder / SKIPPED) as temporary:
            temporary.write_bytes(place.read(SKIPPED))
        write_lines(folder / MANIFEST, (row.to_json() for row in rows))
        with whole_file(folder / ABOUT) as temporary:
            temporary.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return len(rows)


def check(where: str | Path, *, progress: Progress | None = None) -> tuple[int, list[str]]:
    """Read all shards of a place: how many there are, and a line for each that is damaged. Raises InputError if the place holds none."""
    place = Place(str(where))
    count = int(read_about(place)["shards"])
    faults = []
    for number in range(count):
        try:
            _ = list(_opened(place, count, [number]))
        except InputError as error:
            faults.append(str(error))
        if progress is not None:
            progress(number + 1, count)
    return count, faults


def _opened(place: Place, count: int, numbers: Sequence[int] | None = None) -> Iterator[OpenShard | None]:
    """Shards one after the other, those of a server by way of a scratch folder; None for one without clips."""
    with tempfile.TemporaryDirectory(prefix="d2m-unpack-") as scratch:
        for number in range(count) if numbers is None else numbers:
            index = read_index(place, number)
            if index is None:
                raise InputError(f"{place}/{shard_name(number)}: its index is missing; expected all {count} shards; make it anew")
            yield open_shard(place, number, index, Path(scratch)) if index.rows else None
            (Path(scratch) / f"{number:06d}.tar").unlink(missing_ok=True)


def open_shard(place: Place, number: int, index: ShardIndex, cache: Path) -> OpenShard:
    """A shard, copied into a local folder if it lies elsewhere. Raises InputError if it is missing or damaged."""
    if not place.remote:
        return OpenShard(place.path(shard_name(number)), index)
    path = cache / f"{number:06d}.tar"
    for again in (True, False):  # a copy may be damaged, or removed by another process that needs it no more
        try:
            if not path.is_file() or path.stat().st_size != index.size:
                place.fetch(shard_name(number), path)
            return OpenShard(path, index)
        except FileNotFoundError as error:
            if not again:
                raise InputError(f"{place}/{shard_name(number)}: is missing; expected the shard of its index; run 'data check'") from error
        except InputError as error:
            path.unlink(missing_ok=True)
            if not again:
                raise InputError(str(error).replace(str(path), f"{place}/{shard_name(number)}")) from error
    raise AssertionError


@dataclass(frozen=True)
class _Packer:
    """Packs single shards; goes to the workers. Gives whether a shard was made now."""

    folder: Path
    place: Place

    def __call__(self, task: tuple[int, Sequence[ClipRow]]) -> bool:
        number, rows = task
        key = hashlib.sha256("\n".join(row.to_json() for row in rows).encode()).hexdigest()
        if whole_shard(self.place, number, key):
            return False
        with tempfile.TemporaryDirectory(prefix="d2m-shard-") as scratch:
            write_shard(self.place, number, rows, self.folder, key=key, scratch=Path(scratch))
        return True


def _groups(folder: Path, rows: Sequence[ClipRow], shard_bytes: int) -> Iterator[list[ClipRow]]:
    group: list[ClipRow] = []
    size = 0
    for row in rows:
        for file in (row.features, *row.codes.values()):
            try:
                size += (folder / file).stat().st_size
            except OSError as error:
                raise InputError(
                    f"{folder / file}: cannot be read ({error.strerror}), which clip {row.name} needs; prepare it again"
                ) from error
        group.append(row)
        if size >= shard_bytes:
            yield group
            group, size = [], 0
    if group:
        yield group


def _about(folder: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json_value((folder / ABOUT).read_text(encoding="utf-8"))
        return {key: about[key] for key in ("dataset", "source", "visual")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / ABOUT}: cannot be read ({error}); expected what 'data prepare' wrote; run it to its end") from error


def _skipped(folder: Path) -> list[Skip]:
    try:
        lines = (folder / SKIPPED).read_text(encoding="utf-8").splitlines()
        return [Skip(str(values["name"]), str(values["reason"])) for values in map(json_value, lines)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / SKIPPED}: cannot be read ({error}); expected what 'data prepare' wrote; run it to its end") from error
