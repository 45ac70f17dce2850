"""What a preparation takes on machines that are not there yet: ``dance2music data plan``.

Pieces of work go to workers that are free, one after the other, as an engine gives them. A clip takes a drawn time (log-normal about the
measured mean), some workers are slow, machines fail now and then: what was under way is done again, and the machine is missed until it is
back. The clock, processor time, storage and cost of that follow from it; nothing is fitted.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from dance2music.config import override
from dance2music.errors import ConfigError, InputError
from dance2music.seeds import SIMULATION

_MOST_WORKERS = 10**6
_GIVE_UP = 100
_LONGEST_SECONDS = 100 * 365.25 * 86400
_RANGES: dict[str, tuple[float, float]] = {
    "clips": (1, 10**8), "nodes": (1, _MOST_WORKERS), "workers_per_node": (1, _MOST_WORKERS), "clips_per_piece": (1, 10**8),
    "clip_seconds": (0.001, 86400), "clip_spread": (0, 10), "bytes_per_clip": (0, 10**12), "worker_bytes": (0, 10**13),
    "start_seconds": (0, 86400), "give_seconds": (0, 3600), "slow_share": (0, 1), "slow_factor": (1, 1000),
    "node_failures_per_day": (0, 86400), "back_seconds": (0, 30 * 86400), "node_price_per_hour": (0, 10**6),
    "storage_price_per_gb_month": (0, 10**6), "seed": (0, 2**63 - 1),
}  # fmt: skip
"""Least and most of each setting: within them a clip takes its time, a slow worker is no faster, and no sum loses its meaning."""


@dataclass(frozen=True)
class Load:
    """What there is to do, and on what.

    Attributes
    ----------
    clips, nodes, workers_per_node : numbers of each.
    clips_per_piece : clips in a piece of work: 1 for a folder, those of a shard for shards.
    clip_seconds, clip_spread : mean of a clip on one processor, measured, and its standard deviation as a share of it.
    bytes_per_clip, worker_bytes : of what is written, and of a worker's memory.
    start_seconds : until a worker works.
    give_seconds : that the driver takes to give a piece and take its result: all workers wait for the same driver.
    slow_share, slow_factor : share of workers that are slow, and how many times as long they take.
    node_failures_per_day, back_seconds : how often a machine fails, and how long it is away.
    node_price_per_hour, storage_price_per_gb_month : in any currency.
    seed : of what is drawn.
    """

    clips: int = 100_000
    nodes: int = 1
    workers_per_node: int = 8
    clips_per_piece: int = 128
    clip_seconds: float = 1.5
    clip_spread: float = 0.3
    bytes_per_clip: float = 1.5e6
    worker_bytes: float = 1.2e9
    start_seconds: float = 20.0
    give_seconds: float = 0.002
    slow_share: float = 0.02
    slow_factor: float = 3.0
    node_failures_per_day: float = 0.01
    back_seconds: float = 600.0
    node_price_per_hour: float = 0.4
    storage_price_per_gb_month: float = 0.023
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"{name}: {value}; expected {least:,} to {most:,}; correct it")
        if self.nodes * self.workers_per_node > _MOST_WORKERS:
            raise InputError(
                f"nodes x workers_per_node: {self.nodes * self.workers_per_node}; expected 1 to {_MOST_WORKERS:,} workers; take fewer"
            )


@dataclass(frozen=True)
class Forecast:
    """What it takes: seconds of the clock and of all processors, the efficiency (work that counts over processors that are held), pieces
    done twice, bytes and cost."""

    wall_seconds: float
    processor_seconds: float
    efficiency: float
    repeated: int
    storage_bytes: float
    memory_bytes_per_node: float
    node_cost: float
    storage_cost_per_month: float

    def line(self, load: Load) -> str:
        """A row of a table."""
        wall = str(timedelta(seconds=round(self.wall_seconds)))
        return (
            f"{load.clips:>10} clips {load.nodes:>5} nodes {wall:>18} {self.processor_seconds / 3600:>10.1f} core-h "
            f"{self.efficiency:>6.1%} {self.memory_bytes_per_node / 1e9:>6.1f} GB/node {self.storage_bytes / 1e9:>9.1f} GB "
            f"{self.repeated:>5} again {self.node_cost:>9.2f} + {self.storage_cost_per_month:.2f}/month"
        )


def measured(settings: Sequence[str]) -> Load:
    """The default load with what was measured, ``name=value`` each. Raises InputError if a name is none, or a value out of its range."""
    load = Load()
    for text in settings:
        try:
            load = override(load, [text])
        except ConfigError as error:
            name, sign, _ = text.partition("=")
            if not sign or name not in _RANGES:
                raise
            least, most = _RANGES[name]
            raise InputError(f"--set {text}: is none of the right kind ({error}); expected {least:,} to {most:,}; correct it") from error
    return load


def simulate(load: Load) -> Forecast:
    """Deal out all pieces once, with stragglers and failures, by the seed of the load. Raises InputError if machines fail too often for
    that, or it takes more than a hundred years."""
    rng = np.random.default_rng([load.seed, SIMULATION])
    workers = load.nodes * load.workers_per_node
    counts = np.full(-(-load.clips // load.clips_per_piece), load.clips_per_piece)
    counts[-1] = load.clips - load.clips_per_piece * (len(counts) - 1)
    seconds = _piece_seconds(rng, load, counts)
    slow = np.where(rng.random(workers) < load.slow_share, load.slow_factor, 1.0)
    rate = load.node_failures_per_day / 86400
    fails = rng.exponential(1 / rate, load.nodes) if rate else np.full(load.nodes, np.inf)
    free = [(load.start_seconds, worker) for worker in range(min(workers, len(counts)))]
    heapq.heapify(free)
    todo, again, turns = list(range(len(counts)))[::-1], 0, 0
    driver = end = used = 0.0
    while todo:
        turns += 1
        if turns > _GIVE_UP * (len(counts) + workers):
            raise InputError(f"pieces of {seconds.mean():.0f} s: machines fail too often for them to end; expected smaller pieces")
        at, worker = heapq.heappop(free)
        if at > _LONGEST_SECONDS:
            raise InputError(f"{load.clips} clips on {load.nodes} nodes: take more than 100 years; expected less; take more nodes")
        node = worker // load.workers_per_node
        if fails[node] <= at:  # it was away meanwhile
            back = fails[node] + load.back_seconds
            fails[node] = back + rng.exponential(1 / rate)
            heapq.heappush(free, (max(at, back) + load.start_seconds, worker))
            continue
        piece = todo.pop()
        driver = max(at, driver) + load.give_seconds
        took = float(seconds[piece]) * float(slow[worker])
        if fails[node] < driver + took:
            used += max(0.0, fails[node] - driver)  # it may have failed while it waited for the driver
            again += 1
            todo.append(piece)
            heapq.heappush(free, (float(fails[node]) + 1e-9, worker))
            continue
        used += took
        end = max(end, driver + took)
        heapq.heappush(free, (driver + took, worker))
    if end > _LONGEST_SECONDS:
        raise InputError(f"{load.clips} clips on {load.nodes} nodes: take more than 100 years; expected less; take more nodes")
    useful = float(seconds.sum())
    storage = load.clips * load.bytes_per_clip
    return Forecast(
        wall_seconds=end,
        processor_seconds=used,
        efficiency=useful / (end * workers),
        repeated=again,
        storage_bytes=storage,
        memory_bytes_per_node=load.worker_bytes * load.workers_per_node,
        node_cost=end / 3600 * load.nodes * load.node_price_per_hour,
        storage_cost_per_month=storage / 1e9 * load.storage_price_per_gb_month,
    )


def _piece_seconds(rng: np.random.Generator, load: Load, counts: np.ndarray) -> np.ndarray:
    """Seconds float [pieces] of each piece: sums of log-normal clips, by their mean and variance where there are many."""
    variance = np.log1p(load.clip_spread**2)
    if load.clips_per_piece == 1:
        return load.clip_seconds * rng.lognormal(-variance / 2, np.sqrt(variance), len(counts))
    spread = load.clip_spread / np.sqrt(counts)
    variances = np.log1p(spread**2)
    return counts * load.clip_seconds * rng.lognormal(-variances / 2, np.sqrt(variances))
