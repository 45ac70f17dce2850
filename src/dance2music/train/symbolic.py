"""Training of the symbolic baselines: one loop for all, and composed data that are made once and kept.

A model brings a data set (item ``step`` is the batch of that step) and a function from model and batch to its losses; the first
of them is what is minimised. What held-out batches lose is logged at every regular save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from dance2music.config import check_ranges
from dance2music.files import whole_file
from dance2music.parallel import Engine, engine
from dance2music.train.average import averaged
from dance2music.train.loop import Loop
from dance2music.train.processes import process_share
from dance2music.train.start import MANY, LoopConfig, start_fabric
from dance2music.work import Cancel

M = TypeVar("M", bound=nn.Module)
Batch = dict[str, Tensor]
Losses = Callable[[Any, Batch], dict[str, Tensor]]
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class SymbolicTrainConfig:
    """One run of a symbolic model; Adam's β and the schedule are the same for all."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=2000, learning_rate=5e-4, warmup_steps=200, save_every_steps=250))
    batch_size: int = 16
    n_pieces: int = 1000
    n_held_out: int = 60
    piece_seconds: float = 20.0
    held_out_batches: int = 6
    workers: int = 1

    def __post_init__(self) -> None:
        check_ranges(
            self, batch_size=(1, 65_536), n_pieces=(1, MANY), n_held_out=(1, MANY), piece_seconds=(0.1, 3600), held_out_batches=(1, MANY),
            workers=(1, 512),
        )  # fmt: skip


def fit(model: M, data: Dataset[Batch], losses: Losses, config: SymbolicTrainConfig, out_dir: str | Path, *, held_out: Dataset[Batch]) -> M:
    """Train a model and return it with its averaged weights, in evaluation mode; resumes what ``out_dir`` holds.

    Parameters
    ----------
    losses : from model and batch to scalar Tensor [] by name; the first is what is minimised, the others are only logged.
    held_out : the first ``config.held_out_batches`` items of it are measured at every regular save.

    Raises
    ------
    TrainingDiverged
        If a loss or the gradient is no number; the last checkpoint stays.
    """
    fabric = start_fabric(config.loop)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.loop.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    loop = Loop(
        fabric, config.loop, out_dir, model=model, optimizers={"model": optimizer}, data=process_share(fabric, data), settings=config
    )
    model.train()

    def report() -> None:
        model.eval()
        with torch.no_grad():
            rows = [losses(model, fabric.to_device(held_out[i])) for i in range(config.held_out_batches)]
        loop.write(**{f"held_out_{name}": float(torch.stack([row[name] for row in rows]).mean()) for name in rows[0]})
        model.train()

    for _, batch in loop:
        if loop.just_saved:
            report()
        with fabric.autocast():
            terms = losses(model, batch)
        loop.update("model", terms, {**dict.fromkeys(terms, 0.0), next(iter(terms)): 1.0})
    averaged(model, loop.average)
    report()
    return model.eval()


def kept(
    path: Path,
    make: Callable[[int], Arrays],
    seeds: Iterable[int],
    *,
    workers: int = 1,
    executor: str | Engine = "process",
    cancel: Cancel | None = None,
) -> list[Arrays]:
    """Arrays that ``make`` gives for each seed, from one npz file that is written the first time.

    Parameters
    ----------
    make : a picklable pure function of the seed.
    workers : processes that make them.
    executor : `parallel.Engine` that runs them, or its name.
    cancel : stops between seeds, and workers at any time; what was made is lost then.

    Raises
    ------
    InputError
        If the file cannot be written, or a worker dies.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        items = list(engine(executor, workers).map(make, seeds, cancel=cancel))
        stored = {f"{i}/{name}": value for i, item in enumerate(items) for name, value in item.items()}
        with whole_file(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **stored)  # type: ignore[arg-type]
    with np.load(path, allow_pickle=False) as data:
        result: dict[int, dict[str, np.ndarray]] = {}
        for key in data.files:
            index, name = key.split("/")
            result.setdefault(int(index), {})[name] = data[key]
    return [result[i] for i in sorted(result)]


def batch_of(rows: list[dict[str, np.ndarray]]) -> Batch:
    """Items of equal shapes [...] stacked into one batch [B, ...]."""
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
