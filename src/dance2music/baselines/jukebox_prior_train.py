"""Training of JukeBox's prior on the codes of composed music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dance2music.baselines.jukebox import JukeboxPrior, JukeboxPriorConfig, fold, prior_losses
from dance2music.seeds import RecipeStep
from dance2music.train.start import LoopConfig
from dance2music.train.symbolic import Batch, SymbolicTrainConfig, fit


class Coded(Protocol):
    """Music with its codes int64 [Q, L], as `recipe.pairs.Pair` has them."""

    @property
    def codes(self) -> np.ndarray | None:
        """int64 [Q, L], or None before they were made."""
        ...


@dataclass(frozen=True)
class JukeboxTrainConfig:
    """One run of the prior."""

    model: JukeboxPriorConfig = field(default_factory=JukeboxPriorConfig)
    training: SymbolicTrainConfig = field(
        default_factory=lambda: SymbolicTrainConfig(
            loop=LoopConfig(steps=2500, learning_rate=1e-3, warmup_steps=100, save_every_steps=250, precision="auto"), batch_size=8
        )
    )


class CodeLines(Dataset[Batch]):
    """Cuts of code lines; item ``step`` is the batch of that step."""

    def __init__(self, lines: Sequence[Tensor], config: JukeboxTrainConfig, *, seed: int) -> None:
        self.lines, self.config, self.seed = lines, config, seed

    def __getitem__(self, step: int) -> Batch:
        rng, n = np.random.default_rng([self.seed, step, RecipeStep.CODE_CUTS]), self.config.model.n_codebooks
        rows = []
        for _ in range(self.config.training.batch_size):
            line = self.lines[int(rng.integers(len(self.lines)))]
            start = int(rng.integers((len(line) - self.config.model.context) // n + 1)) * n
            rows.append(line[start : start + self.config.model.context])
        return {"codes": torch.stack(rows)}


def losses(model: JukeboxPrior, batch: Batch) -> dict[str, Tensor]:
    """What a batch of `CodeLines` loses, Tensors [], see `baselines.jukebox.prior_losses`."""
    return prior_losses(model, batch["codes"])


def train_jukebox(pairs: Sequence[Coded], held_out: Sequence[Coded], config: JukeboxTrainConfig, out_dir: str | Path) -> JukeboxPrior:
    """Train the prior on coded pairs; resumes what ``out_dir`` holds."""
    seed = config.training.loop.seed
    data, held = (CodeLines(lines_of(some, config.model), config, seed=s) for some, s in ((pairs, seed), (held_out, seed + 1)))
    return fit(JukeboxPrior(config.model), data, losses, config.training, out_dir, held_out=held)


def lines_of(pairs: Sequence[Coded], config: JukeboxPriorConfig) -> list[Tensor]:
    """Code line int64 [n_codebooks * L] of every pair (`baselines.jukebox.fold`)."""
    lines = []
    for pair in pairs:
        assert pair.codes is not None, "the prior trains on coded pairs (recipe.pairs.add_codes)"
        lines.append(fold(torch.from_numpy(pair.codes)[None], config)[0])
    return lines
