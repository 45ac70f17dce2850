"""Validation of a training of the papers' generators, on songs that it does not learn from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor

from dance2music.train.loop import Loop
from dance2music.train.segments import SegmentBatches, Segments


class Trainer(Protocol):
    """What `HeldOut` needs of `gan_step.GanTrainer`."""

    fabric: Fabric
    config: Any
    networks: Any

    def targets(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Encoding and its codebook entries, Tensor [B, E, L] each."""

    def generate(self, batch: Mapping[str, Tensor], n_frames: int) -> Tensor:
        """Latents Tensor [B, E, n_frames]."""

    def distances(self, fake: Tensor, real: Tensor, entries: Tensor, audio: Tensor) -> dict[str, Tensor]:
        """The terms of latents Tensor [B, E, L] and music Tensor [B, 1, N] that have a weight."""


class HeldOut:
    """The terms that no discriminator judges, of the averaged generator on segments of the validation split.

    Parameters
    ----------
    segments : the first ``config.validation_batches`` batches of one order are looked at every time.
    """

    def __init__(self, trainer: Trainer, loop: Loop, segments: Segments) -> None:
        config = trainer.config
        self.trainer, self.loop = trainer, loop
        size = min(config.batch_size, len(segments))
        noise_dim = getattr(config.generator, "noise_dim", 0)
        self.batches = SegmentBatches(segments, batch_size=size, seed=config.loop.seed, noise_dim=noise_dim)
        self.count = min(config.validation_batches, -(-len(segments) // size))

    def is_best(self) -> bool:
        """Measure, log every term as ``validation_NAME``, their weighted sum as ``validation``; whether that is the lowest until now."""
        average, generator = self.loop.average, self.trainer.networks.generator
        assert average is not None
        raw = copy.deepcopy(generator.state_dict())
        generator.load_state_dict(average.state_dict_of(generator))
        generator.eval()
        with torch.no_grad():
            rows = [self._terms(self.trainer.fabric.to_device(self.batches[step])) for step in range(self.count)]
        generator.load_state_dict(raw)
        generator.train()
        means = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
        total = sum(getattr(self.trainer.config.weights, name) * value for name, value in means.items())
        self.loop.write(validation=total, **{f"validation_{name}": value for name, value in means.items()})
        return bool(means) and self.loop.judge(total)

    def _terms(self, batch: Mapping[str, Tensor]) -> dict[str, float]:
        real, entries = self.trainer.targets(batch)
        with self.trainer.fabric.autocast():
            fake = self.trainer.generate(batch, real.shape[-1])
        return {name: float(value) for name, value in self.trainer.distances(fake, real, entries, batch["audio"]).items()}
