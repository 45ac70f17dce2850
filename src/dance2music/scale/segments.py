"""Segments for training out of shards: few shards are open at a time, in an order that is drawn from the seed.

An epoch goes through the shards in a drawn order, some at a time (a window), and through the segments of a window in a drawn order. So the
order is a pure function of seed, epoch and place in it: it does not depend on the number of processes, and a run that resumes at a step
meets what it would have met. A window of all shards is a full shuffle.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from dance2music.data.dataset import PreparedConfig, segment_item
from dance2music.data.features import LAYOUT_FPS
from dance2music.data.manifest import ClipRow, segment_name
from dance2music.errors import ConfigError, InputError
from dance2music.scale.pack import open_shard
from dance2music.scale.places import Place
from dance2music.scale.shards import OpenShard, read_index, shard_name
from dance2music.scale.table import ClipTable
from dance2music.seeds import GanStep

WINDOW = 4
"""Shards that are shuffled into each other."""


class ShardedSegments(Dataset[dict[str, Tensor]]):
    """Segments of one split of a sharded data set, with the items of `data.dataset.PreparedSegments`.

    Parameters
    ----------
    where : the place of the shards, a local folder or an address.
    config : what a segment holds.
    split : "train", "validation" or "test".
    window : so many shards are shuffled into each other; twice as many are kept open, and copied where they lie elsewhere.
    cache : local folder for copies of shards from elsewhere; by default one of the user's, by the address.

    Raises
    ------
    InputError
        If there is no manifest, the split is empty, or clips lack the motion layout or the codes that are asked for.
    ConfigError
        If the layout is unknown.
    """

    def __init__(
        self,
        where: str | Path,
        config: PreparedConfig | None = None,
        *,
        split: str = "train",
        window: int = WINDOW,
        cache: str | Path | None = None,
    ) -> None:
        config = config or PreparedConfig()
        if config.motion not in ("smpl", "keypoints", "features"):
            raise ConfigError(f"motion {config.motion!r}; expected smpl, keypoints or features")
        self.config, self.window = config, max(1, window)
        self.place = Place(str(where))
        self.table = ClipTable(self.place, split)
        self.codec = _checked(self.table, config)
        self._numbers, self._before = self.table.shards()
        self._cache = Path(cache) if cache is not None else _cache_of(self.place)
        self._open: OrderedDict[int, OpenShard] = OrderedDict()
        self._process = os.getpid()
        self._orders: OrderedDict[tuple[int, int, int], np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        return int(self.table.starts[-1])

    def order(self, seed: int, epoch: int, begin: int, end: int) -> list[int]:
        """Indices of the segments at the places ``begin`` to ``end`` (not included) of an epoch's order."""
        shards = self._drawn((seed, epoch, -1), len(self._numbers))
        sizes = np.diff(self._before)[shards]
        ends = np.cumsum(sizes)
        edges = np.append(0, ends[self.window - 1 :: self.window])
        if edges[-1] != ends[-1]:
            edges = np.append(edges, ends[-1])
        found: list[int] = []
        while begin < end:
            turn = int(np.searchsorted(edges, begin, side="right")) - 1
            own = shards[turn * self.window : (turn + 1) * self.window]
            places = np.concatenate([np.arange(self._before[s], self._before[s + 1]) for s in own])
            drawn = places[self._drawn((seed, epoch, turn), len(places))]
            until = min(end, int(edges[turn + 1]))
            found += drawn[begin - edges[turn] : until - edges[turn]].tolist()
            begin = until
        return found

    def _drawn(self, key: tuple[int, int, int], n: int) -> np.ndarray:
        """A permutation of n by seed, epoch and window (-1: of the shards); those used last are kept."""
        if key not in self._orders:
            seed, epoch, turn = key
            self._orders[key] = np.random.default_rng([seed, epoch, GanStep.SHARDS, turn + 1]).permutation(n)
            while len(self._orders) > 6:
                self._orders.popitem(last=False)
        self._orders.move_to_end(key)
        return self._orders[key]

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        shard, row, position = self._find(index)
        coded = shard.arrays(row.name, self.codec) if self.codec else None
        return segment_item(self.config, row, position, index, shard.arrays(row.name, "features"), coded)

    def row(self, index: int) -> ClipRow:
        """The row of a segment's clip."""
        return self._find(index)[1]

    @property
    def names(self) -> Sequence[str]:
        """``CLIP_segK`` of every segment, in the order of ``index``; made one by one, as they are asked for."""
        return _Names(self)

    @property
    def nameless(self) -> str | None:
        """Name of the first segment without a genre; None where all have one."""
        return self._first_of(self.table.genreless)

    @property
    def unseen(self) -> str | None:
        """Name of the first segment without a visual vector; None where all have one."""
        return self._first_of(self.table.lacking("visual"))

    def _first_of(self, clip: int | None) -> str | None:
        return None if clip is None else self.names[int(self.table.starts[clip])]

    def _find(self, index: int) -> tuple[OpenShard, ClipRow, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        clip = int(np.searchsorted(self.table.starts, index, side="right")) - 1
        shard = self._shard(int(self.table.shard[clip]))
        return shard, shard.index.rows[int(self.table.position[clip])], index - int(self.table.starts[clip])

    def _shard(self, number: int) -> OpenShard:
        """An open shard; those used last stay open."""
        if self._process != os.getpid():  # a loader's process
            self._open, self._process = OrderedDict(), os.getpid()
        if number not in self._open:
            index = read_index(self.place, number)
            if index is None:
                raise InputError(f"{self.place}/{shard_name(number)}: its index is missing, which the manifest names; run 'data check'")
            self._open[number] = open_shard(self.place, number, index, self._cache)
            while len(self._open) > 2 * self.window:
                gone, _ = self._open.popitem(last=False)
                if self.place.remote:
                    (self._cache / f"{gone:06d}.tar").unlink(missing_ok=True)
        self._open.move_to_end(number)
        return self._open[number]


class _Names(Sequence[str]):
    def __init__(self, segments: ShardedSegments) -> None:
        self.segments = segments

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        _, row, position = self.segments._find(index)
        return segment_name(row.name, row.segments[position])


def _checked(table: ClipTable, config: PreparedConfig) -> str:
    """The codec's full name, or "". Raises InputError if clips lack what is asked for."""
    for arrays in table.arrays:
        names = arrays.split(",")
        if config.motion not in names:
            there = ", ".join(name for name in LAYOUT_FPS if name in names)
            raise InputError(
                f"{table.place}: clips have no {config.motion!r} motion; they have {there}; choose one (smpl needs 3-D motion)"
            )
    if not config.codec:
        return ""
    found = {tuple(name for name in codes.split(",") if name.startswith(config.codec)) for codes in table.codes}
    if len(found) != 1 or len(next(iter(found))) != 1:
        raise InputError(
            f"{table.place}: clips have codes of {'; '.join(table.codes) or 'no codec'}; expected one {config.codec!r} in all; "
            "prepare them with --codec, or name the codec in full"
        )
    return next(iter(found))[0]


def _cache_of(place: Place) -> Path:
    """Where copies of a place's shards are kept. Raises InputError if that cannot be made."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "dance2music" / "shards" / hashlib.sha256(place.where.encode()).hexdigest()[:12]
    if not place.remote:
        return Path(tempfile.gettempdir())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be made ({error.strerror}) for copies of shards; set XDG_CACHE_HOME to another folder"
        ) from error
    return folder
