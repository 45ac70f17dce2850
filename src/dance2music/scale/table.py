"""The manifest of a sharded data set as Parquet: millions of rows are opened, filtered and dealt out without one Python object per row."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.data.manifest import SPLITS, ClipRow
from dance2music.errors import InputError
from dance2music.scale.places import Place

TABLE = "manifest.parquet"
_AT_ONCE = 20_000


def parquet() -> Any:
    """The module ``pyarrow.parquet``. Raises InputError where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(
            "pyarrow is not installed, which reads and writes manifests of shards; pip install 'dance2music[scale]'"
        ) from error
    return pyarrow.parquet


def _schema() -> Any:
    import pyarrow as pa

    few = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [("name", pa.string()), ("song", pa.string()), ("split", few), ("genre", few), ("tempo_bpm", pa.float32()),
         ("duration_seconds", pa.float32()), ("segments", pa.int32()), ("arrays", few), ("codes", few), ("music_sha256", pa.string()),
         ("shard", pa.int32()), ("position", pa.int32())]
    )  # fmt: skip


def write_table(place: Place, rows: Iterable[tuple[int, int, ClipRow]], scratch: Path) -> int:
    """Write the manifest and return its number of rows, from (shard, position in it, row), sorted by shard. Raises InputError as
    `Place.write`, and if pyarrow is not installed."""
    pq = parquet()
    import pyarrow as pa

    schema, count = _schema(), 0
    path = scratch / TABLE
    with pq.ParquetWriter(path, schema) as writer:
        batch: list[dict[str, Any]] = []

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            batch.clear()

        for shard, position, row in rows:
            batch.append(
                {"name": row.name, "song": row.song, "split": row.split, "genre": row.genre, "tempo_bpm": row.tempo_bpm,
                 "duration_seconds": row.duration_seconds, "segments": len(row.segments), "arrays": ",".join(sorted(row.arrays)),
                 "codes": ",".join(sorted(row.codes)), "music_sha256": row.music_sha256, "shard": shard, "position": position}
            )  # fmt: skip
            count += 1
            if len(batch) == _AT_ONCE:
                flush()
        flush()
    place.write(TABLE, path)
    path.unlink(missing_ok=True)
    return count


class ClipTable:
    """The clips of one split, in the order of their shards, as columns.

    Attributes
    ----------
    shard, position : int32 [n], the shard of a clip and its place in there.
    starts : int64 [n + 1], the number of the split's segments before each clip.
    arrays, codes : the different sets of names that clips have, joined by commas.
    genreless : the first clip without a genre, or None.

    Raises
    ------
    InputError
        If there is no manifest, it is damaged, or the split is empty.
    """

    def __init__(self, place: Place, split: str | None = None) -> None:
        pq = parquet()
        import pyarrow as pa

        columns = ["split", "genre", "segments", "arrays", "codes", "shard", "position"]
        source: Any = io.BytesIO(_content(place)) if place.remote else str(_there(place))
        try:
            found = pq.read_table(source, columns=columns, filters=None if split is None else [("split", "=", split)])
        except (pa.ArrowException, OSError, KeyError) as error:
            raise InputError(
                f"{place}/{TABLE}: cannot be read ({' '.join(str(error).split())[:120]}); make it anew with 'data merge'"
            ) from error
        if not len(found):
            raise InputError(
                f"{place}: no clip of split {split!r}; expected one of {', '.join(SPLITS)} that is there; choose another split"
            )
        self.place, self.split = place, split
        self.shard = found["shard"].to_numpy()
        self.position = found["position"].to_numpy()
        self.starts = np.concatenate([[0], np.cumsum(found["segments"].to_numpy(), dtype=np.int64)])
        self.arrays = [str(value) for value in found["arrays"].unique().to_pylist()]
        self._arrays = found["arrays"]
        self.codes = [str(value) for value in found["codes"].unique().to_pylist()]
        nulls = found["genre"].is_null().to_numpy()
        self.genreless = int(np.argmax(nulls)) if nulls.any() else None
        if (np.diff(self.shard) < 0).any():
            raise InputError(f"{place}/{TABLE}: its rows are not in the order of the shards; make it anew with 'data merge'")

    def __len__(self) -> int:
        return len(self.shard)

    def lacking(self, array: str) -> int | None:
        """The first clip without an array of that name; None where all have it."""
        sets = [names for names in self.arrays if array not in names.split(",")]
        if not sets:
            return None
        import pyarrow as pa
        import pyarrow.compute as pc

        return int(np.argmax(pc.is_in(self._arrays.cast(pa.string()), value_set=pa.array(sets)).to_numpy()))

    def shards(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the shards that hold some of the clips, int32 [S], and the number of segments before each, int64 [S + 1]."""
        numbers, first = np.unique(self.shard, return_index=True)
        return numbers, np.append(self.starts[first], self.starts[-1])

    def part(self, number: int, count: int) -> slice:
        """The clips of part ``number`` (from 1) of ``count``: a stretch of whole shards."""
        numbers, _ = self.shards()
        edges = [(number - 1 + k) * len(numbers) // count for k in (0, 1)]
        begin, end = (len(self) if edge == len(numbers) else int(np.searchsorted(self.shard, numbers[edge])) for edge in edges)
        return slice(begin, end)


def _content(place: Place) -> bytes:
    try:
        return place.read(TABLE)
    except FileNotFoundError as error:
        raise InputError(f"{place}/{TABLE}: is not there; expected what 'data prepare' or 'data pack' wrote; run it to its end") from error


def _there(place: Place) -> Path:
    path = place.path(TABLE)
    if not path.is_file():
        raise InputError(f"{path}: is not there; expected what 'data prepare' or 'data pack' wrote; run it to its end")
    return path


def is_sharded(where: str | Path) -> bool:
    """Whether a place holds shards instead of a file per clip: any address does, a local folder if it has their manifest."""
    place = Place(str(where))
    return place.remote or (place.path(TABLE)).is_file()


def labels_of(data: str | Path) -> set[tuple[str, str | None, str]]:
    """The different (split, genre, song) of the clips of a prepared folder, or of a place of shards. Raises InputError if it is neither."""
    from dance2music.data.manifest import read_manifest

    if not is_sharded(data):
        return {(row.split, row.genre, row.song) for row in read_manifest(data)}
    place, names = Place(str(data)), ["split", "genre", "song"]
    source: Any = io.BytesIO(_content(place)) if place.remote else str(_there(place))
    found = parquet().read_table(source, columns=names).group_by(names).aggregate([])
    return {(str(split), genre, str(song)) for split, genre, song in zip(*(found[name].to_pylist() for name in names))}
