"""Pools of training items: drawn once by several processes, kept on disk in parts, met again at every epoch.

A part that is there is not drawn again: a pool that was stopped goes on where it was, and whole parts of a smaller pool serve a larger one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from dance2music.files import whole_file
from dance2music.parallel import Engine, engine
from dance2music.work import Cancel

logger = logging.getLogger(__name__)

Item = dict[str, np.ndarray]
PART_SIZE = 500


def pool_of(
    make: Callable[[int], Item],
    n: int,
    folder: Path,
    *,
    workers: int = 1,
    part_size: int = PART_SIZE,
    executor: str | Engine = "process",
    cancel: Cancel | None = None,
) -> Item:
    """Arrays [n, ...] by name, row i of which is ``make(i)``.

    Parameters
    ----------
    make : a picklable pure function of the index; arrays of one name have one shape.
    n : number of items.
    folder : where the parts are kept, ``NNNN.npz`` with ``part_size`` items each, the last one with what is left.
    workers : processes that draw.
    executor : `parallel.Engine` that runs them, or its name.
    cancel : stops between parts, and workers at any time; whole parts are kept.

    Raises
    ------
    InputError
        If a part cannot be written, or a worker dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [(start, min(part_size, n - start)) for start in range(0, n, part_size)]
    paths = [folder / f"{start // part_size:04d}{'' if size == part_size else f'-{size}'}.npz" for start, size in parts]
    missing = [(start, size, path) for (start, size), path in zip(parts, paths) if not path.exists()]
    written = engine(executor, workers).map(partial(_write_part, make), missing, ordered=False, cancel=cancel)
    for done, _ in enumerate(written, start=1):
        logger.info("%s: drew %d of %d parts", folder.name, done, len(missing))
    stored = []
    for path in paths:
        with np.load(path, allow_pickle=False) as part:
            stored.append({name: part[name] for name in part.files})
    return {name: np.concatenate([part[name] for part in stored]) for name in stored[0]}


def _write_part(make: Callable[[int], Item], part: tuple[int, int, Path]) -> None:
    start, size, path = part
    items = [make(start + i) for i in range(size)]
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **{name: np.stack([item[name] for item in items]) for name in items[0]})  # type: ignore[arg-type]
