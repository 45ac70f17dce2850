"""A prepared folder becomes shards and comes back, bit by bit: ``dance2music data pack``, ``unpack`` and ``check``."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance2music.data.manifest import ABOUT, MANIFEST, SKIPPED, ClipRow, Progress, Skip, read_manifest, write_lines
from dance2music.data.prepare import same_place
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.leftovers import only_here
from dance2music.parallel import Engine, engine
from dance2music.scale.places import Place
from dance2music.scale.prepare import indexes_there, read_about, read_indexes, write_about
from dance2music.scale.shards import SHARD_BYTES, OpenShard, ShardIndex, numbered, read_index, shard_name, whole_shard, write_shard
from dance2music.scale.table import TABLE, ClipTable, is_sharded, parquet
from dance2music.work import Cancel

_OF_ALL = ("dataset", "source", "visual")
"""What of `ABOUT` is the same for all states of one preparation."""


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
        If the folder is not prepared or holds shards already, or the place cannot be written or holds other data.
    """
    source, place = Path(folder), Place(str(out))
    parquet()
    if is_sharded(source):
        raise InputError(f"{source}: holds shards already; expected a folder with a file per clip; unpack it first")
    if not place.remote and Path(out).resolve() == source.resolve():
        raise InputError(f"{out}: is the folder that is packed; choose another place")
    rows = read_manifest(source)
    about = _about(source)
    _check_same_shards(place, about, rows)
    groups = list(enumerate(_groups(source, rows, shard_bytes)))
    made = 0
    for done, new in enumerate(engine(executor, workers).map(_Packer(source, place), groups, ordered=False, cancel=cancel), start=1):
        made += new
        if progress is not None:
            progress(done, len(groups))
    indexes = read_indexes(place, len(groups))
    skipped = _skipped(source)
    write_about(place, about, len(groups), indexes, rows, skipped)
    return {"out": str(place), "clips": len(rows), "shards": len(groups), "made": made, "bytes": sum(index.size for index in indexes)}


def unpack(where: str | Path, out: str | Path, *, progress: Progress | None = None) -> int:
    """Write shards as a prepared folder with a file per clip, as it was before; returns the number of clips.

    Raises
    ------
    InputError
        If there are no shards, one is damaged, or the folder cannot be written or holds other data.
    """
    place, folder = Place(str(where)), Path(out)
    about = read_about(place)
    count = int(about.pop("shards"))
    _check_same_folder(folder, about, [row for index in read_indexes(place, count) for row in index.rows])
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
    """Read all shards of a place and what lists them: how many shards there are, and a line for each part that is damaged or missing.

    Raises InputError if the place holds none, or pyarrow is not installed."""
    place = Place(str(where))
    parquet()
    about = read_about(place)
    count, faults = int(about["shards"]), []
    try:
        listed = len(ClipTable(place))
        if listed != about.get("clips", listed):
            faults.append(f"{place}/{TABLE}: lists {listed} clips; expected the {about['clips']} of {ABOUT}; make it anew with 'data pack'")
    except InputError as error:
        faults.append(str(error))
    if place.size(SKIPPED) is None:
        faults.append(f"{place}/{SKIPPED}: is not there; expected what 'data prepare' or 'data pack' wrote; run it to its end")
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


def _check_same_shards(place: Place, about: Mapping[str, Any], rows: Sequence[ClipRow]) -> None:
    """Refuse a place that holds other data than what is to be packed; shards of a run that was ended count. Raises InputError."""
    try:
        had = _table_of(place.read(ABOUT))
    except FileNotFoundError:
        had = {}
    if had and "shards" not in had:
        raise InputError(f"{place}: holds a file per clip; expected a place of its own for shards; choose another place")
    indexes = indexes_there(place, [number for number, name in numbered(place) if name.endswith(".json")])
    _check_same(str(place), had, [row for index in indexes if index is not None for row in index.rows], about, rows)


def _check_same_folder(folder: Path, about: Mapping[str, Any], rows: Sequence[ClipRow]) -> None:
    """Refuse a folder that holds other data than what is to be unpacked. Raises InputError."""
    if is_sharded(folder):
        raise InputError(f"{folder}: holds shards; expected a folder of its own for a file per clip; choose another folder")
    if not (folder / MANIFEST).exists():
        if any((folder / "rows").glob("*.json")):
            raise InputError(f"{folder}: holds a preparation that was not ended; expected a folder of its own; choose another or remove it")
        return
    try:
        had = _table_of((folder / ABOUT).read_bytes())
    except OSError:
        had = {}
    _check_same(str(folder), had, read_manifest(folder), about, rows)


def _table_of(text: bytes) -> dict[str, Any]:
    """The table of a JSON text; an empty one where it is none."""
    try:
        value = json_value(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _check_same(where: str, had: Mapping[str, Any], held: Sequence[ClipRow], about: Mapping[str, Any], rows: Sequence[ClipRow]) -> None:
    """Refuse what is there if it is no earlier state of what comes: it is of another data set, all of it was made with other settings or of
    other files, or a clip of it would be lost. Raises InputError."""
    keys = {row.name: row.key for row in rows}
    differs = [f"{name} {had[name]!r}, not {about[name]!r}" for name in _OF_ALL if name in had and had[name] != about.get(name)]
    if differs and "source" in had and same_place(str(had["source"]), str(about.get("source"))):  # relative once, as typed
        differs = [line for line in differs if not line.startswith("source ")]
    lost = [row.name for row in held if row.name not in keys]
    if lost:
        differs.append(f"{len(lost)} clips that are not among these, first {lost[0]!r}")
    elif held and all(row.key != keys[row.name] for row in held):
        differs.append("clips of the same names made of other files or with other settings")
    if differs:
        raise InputError(
            f"{where}: holds another preparation ({'; '.join(differs)}); expected the same one or nothing; "
            "choose another folder or remove it"
        )


def _about(folder: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json_value((folder / ABOUT).read_text(encoding="utf-8"))
        return {key: about[key] for key in _OF_ALL}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / ABOUT}: cannot be read ({error}); expected what 'data prepare' wrote; run it to its end") from error


def _skipped(folder: Path) -> list[Skip]:
    try:
        lines = (folder / SKIPPED).read_text(encoding="utf-8").splitlines()
        return [Skip(str(values["name"]), str(values["reason"])) for values in map(json_value, lines)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / SKIPPED}: cannot be read ({error}); expected what 'data prepare' wrote; run it to its end") from error
