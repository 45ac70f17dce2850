"""A data set becomes shards in a folder or a bucket: a shard is one piece of work, which a worker makes by itself and puts in place whole.

Workers share nothing but the place: a shard's clips are prepared in a scratch folder of the worker's machine. What is there and was made
of the same files with the same settings is not made again, however a run before ended; so a run of one part (`data.parts.Part`) beside
others needs nothing else. `finish` then writes the manifest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance2music.data.maker import Maker
from dance2music.data.manifest import ABOUT, SKIPPED, ClipRow, Progress, Skip, Source, check_leaks
from dance2music.data.parts import PARTS, Part
from dance2music.data.prepare import DEFAULT, PrepareConfig, check_place, list_clips, make_folders
from dance2music.data.report import Report, gaps
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.parallel import Engine, engine
from dance2music.scale.places import Place
from dance2music.scale.shards import ShardIndex, numbered, read_index, whole_shard, write_shard
from dance2music.scale.table import parquet, write_table
from dance2music.work import Cancel

CLIPS_PER_SHARD = 128
"""Of ten seconds each with codes, about 200 MB."""
_READERS = 16


def prepare_shards(
    source: str | Path,
    dataset: str,
    out: str | Path,
    config: PrepareConfig = DEFAULT,
    *,
    clips_per_shard: int = CLIPS_PER_SHARD,
    workers: int = 1,
    executor: str | Engine = "process",
    part: Part | None = None,
    cancel: Cancel | None = None,
    progress: Progress | None = None,
) -> Report:
    """Prepare a data set as shards; a second call makes only what is missing or changed.

    Parameters
    ----------
    source, dataset, config, workers, executor, part, cancel : as `data.prepare.prepare`.
    out : a local folder or an address.
    clips_per_shard : another number makes all shards anew.
    progress : called with (shards done, of).

    Raises
    ------
    InputError
        As `data.prepare.prepare`, and if the place cannot be written.
    """
    folder, place = Path(source), Place(str(out))
    parquet()
    if clips_per_shard < 1:
        raise InputError(f"clips per shard: {clips_per_shard}; expected at least 1, for example {CLIPS_PER_SHARD}")
    listing = list_clips(folder, dataset, config)
    label = config.codec_label
    groups = [listing.sources[at : at + clips_per_shard] for at in range(0, len(listing.sources), clips_per_shard)]
    own = list(enumerate(groups)) if part is None else part.of(list(enumerate(groups)))
    about = {"dataset": dataset, "source": str(folder.resolve()), "visual": config.visual}
    _check_same(place, about)
    made = kept = 0
    for done, (new, old) in enumerate(
        engine(executor, workers).map(
            _ShardMaker(place, config.visual, config.codec, label, config.posture), own, ordered=False, cancel=cancel
        ),
        start=1,
    ):
        made, kept = made + new, kept + old
        if progress is not None:
            progress(done, len(own))
    asked = about | {"codec": label}
    told = {"asked": asked, "shards": len(groups), "skipped": [(s.name, s.reason) for s in listing.skipped], "notes": list(listing.notes)}
    of = part or Part(1, 1)
    place.write(f"{PARTS}/{of.number}-of-{of.count}.json", json.dumps(told).encode())
    if part is None:
        return dataclasses.replace(finish(place), made=made, kept=kept)
    notes = [*listing.notes, f"part {part}: run the others, then 'dance2music data merge {place}'"]
    return Report([], [], made, kept, notes)


@dataclass(frozen=True)
class _ShardMaker:
    """Makes single shards; goes to the workers. Gives the numbers of usable clips that were made now and were there."""

    place: Place
    visual: bool
    codec: str | None
    codec_label: str
    posture: bool

    def __call__(self, task: tuple[int, Sequence[Source]]) -> tuple[int, int]:
        number, clips = task
        with tempfile.TemporaryDirectory(prefix="d2m-shard-") as name:
            scratch = Path(name)
            maker = Maker(scratch, self.visual, self.codec, self.codec_label, self.posture)
            about = [(maker.key(clip), clip.name, clip.song, clip.split, clip.genre, clip.tempo_bpm) for clip in clips]
            key = hashlib.sha256(json.dumps([self.codec_label, about]).encode()).hexdigest()
            there = whole_shard(self.place, number, key)
            if there is not None:
                return 0, len(there.rows)
            make_folders(scratch, self.codec)
            results = [maker(clip)[1] for clip in clips]
            rows = [row for row, _ in results if row is not None]
            write_shard(
                self.place, number, rows, scratch, key=key, scratch=scratch, skipped=[skip for _, skips in results for skip in skips]
            )
        return len(rows), 0


def finish(where: str | Path | Place, others: Sequence[str | Path] = ()) -> Report:
    """Write the manifest of shards that are all there, and what they are: the end of a preparation, and ``data merge``.

    Raises
    ------
    InputError
        If a shard is missing, parts were made with other settings, a song is in two splits, or nothing can be used.
    """
    place = where if isinstance(where, Place) else Place(str(where))
    if others:
        raise InputError(f"{place}: shards of several places are not brought together; expected all parts written to one place")
    parts = _read_parts(place)
    first = parts[0]
    for one in parts:
        if (one["asked"], one["shards"]) != (first["asked"], first["shards"]):
            raise InputError(f"{place}: parts were made of other data or with other settings; expected the same; make them anew")
    count = int(first["shards"])
    indexes = read_indexes(place, count)
    rows = [row for index in indexes for row in index.rows]
    skipped = [Skip(name, reason) for name, reason in first["skipped"]]
    skipped += sorted((skip for index in indexes for skip in index.skipped), key=lambda skip: skip.name)
    write_about(place, first["asked"], count, indexes, rows, skipped)
    return Report(rows, skipped, 0, len(rows), [*first["notes"], *gaps(rows)])


def write_about(
    place: Place, about: dict[str, Any], count: int, indexes: Sequence[ShardIndex], rows: Sequence[ClipRow], skipped: Sequence[Skip]
) -> None:
    """Write what was skipped, the manifest, and what the data set is; remove shards of an earlier, longer row of them.

    Raises InputError as `finish`."""
    where = str(about["source"])
    place.write(SKIPPED, "".join(json.dumps(dataclasses.asdict(skip)) + "\n" for skip in skipped).encode())
    if not rows:
        first = f"; first: {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise InputError(f"{where}: none of {len(skipped)} clips can be used{first}; see {place}/{SKIPPED}")
    check_leaks(rows, where=where, same_held_out=True)

    def placed() -> Iterator[tuple[int, int, ClipRow]]:
        for number, index in enumerate(indexes):
            for position, row in enumerate(index.rows):
                yield number, position, row

    with tempfile.TemporaryDirectory(prefix="d2m-table-") as scratch:
        write_table(place, placed(), Path(scratch))
    whole = {key: about[key] for key in ("dataset", "source", "visual")} | {
        "clips": len(rows), "skipped": len(skipped), "codecs": sorted({name for row in rows for name in row.codes}), "shards": count,
    }  # fmt: skip
    place.write(ABOUT, (json.dumps(whole, indent=2) + "\n").encode())
    for number, name in numbered(place):
        if number >= count:
            place.remove(name)


def read_indexes(place: Place, count: int) -> list[ShardIndex]:
    """The indexes of all shards. Raises InputError if one is missing or damaged."""
    found = indexes_there(place, range(count))
    missing = [number for number, index in enumerate(found) if index is None]
    if missing:
        raise InputError(f"{place}: {len(missing)} of {count} shards are missing, first {missing[0]}; run the preparation again")
    return [index for index in found if index is not None]


def indexes_there(place: Place, numbers: Iterable[int]) -> list[ShardIndex | None]:
    """The indexes of some shards, None for one that is not whole yet. Raises InputError if one is damaged."""
    with ThreadPoolExecutor(_READERS if place.remote else 1) as pool:
        return list(pool.map(lambda number: read_index(place, number), numbers))


def read_about(place: Place) -> dict[str, Any]:
    """What the data set of a place is. Raises InputError if the place holds none."""
    try:
        about: dict[str, Any] = json_value(place.read(ABOUT))
        int(about["shards"])
    except FileNotFoundError as error:
        raise InputError(f"{place}: holds no shards; expected what 'data pack' or 'data prepare' wrote; run it to its end") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{place}/{ABOUT}: is not that of shards ({error}); expected what 'data pack' wrote; pack it again") from error
    return about


def _read_parts(place: Place) -> list[dict[str, Any]]:
    parts = []
    for name in place.names(PARTS):
        try:
            part: dict[str, Any] = json_value(place.read(f"{PARTS}/{name}"))
            _ = part["asked"]["source"], int(part["shards"]), part["skipped"], part["notes"]
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{place}/{PARTS}/{name}: cannot be read ({error}); run that part again") from error
        parts.append(part)
    if not parts:
        raise InputError(f"{place}: holds no part of a preparation; expected what 'dance2music data prepare' wrote")
    return parts


def _check_same(place: Place, about: dict[str, Any]) -> None:
    """Refuse a place that holds another data set. Raises InputError."""
    try:
        had: dict[str, Any] = json_value(place.read(ABOUT))
    except (FileNotFoundError, ValueError):
        return
    if had.get("dataset") != about["dataset"] or "shards" not in had:
        raise InputError(
            f"{place}: holds the data set {had.get('dataset')!r}, or a file per clip; expected a place of its own; choose another --out"
        )
    check_place(had, Path(about["source"]), place)
