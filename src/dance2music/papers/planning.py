"""What a training will take, before it begins: ``dance2music train gan --plan`` runs a few of its steps beside its folder."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor

from dance2music.papers.gan_step import GanTrainer, GanTraining
from dance2music.papers.runs import gan_training, open_codec, open_perceptual, open_segments
from dance2music.train.checkpoints import read_checkpoint
from dance2music.train.segments import SegmentBatches
from dance2music.train.start import start_fabric

_FIRST, _STEPS = 2, 5
"""Steps that warm up, and steps that are measured."""


@dataclass(frozen=True)
class Plan:
    """What a training takes on this machine, by a few of its steps.

    Attributes
    ----------
    segments, steps, done : of the data, of the training, and how many of these its folder has.
    step_seconds, read_seconds : of a step with its data, and the share that reading takes where no process reads ahead.
    batch_size : segments of a step.
    weights_bytes : weights, gradients, both moments of Adam and the averaged weights.
    peak_bytes : the most memory that was used: of the GPU, or of the process.
    device : where.
    """

    segments: int
    steps: int
    done: int
    step_seconds: float
    read_seconds: float
    batch_size: int
    weights_bytes: int
    peak_bytes: int
    device: str

    def lines(self) -> list[str]:
        """The plan to print."""
        left, epochs = self.steps - self.done, self.steps * self.batch_size / self.segments
        held, most = self.weights_bytes / 2**20, self.peak_bytes / 2**20
        return [
            f"{self.segments} segments; {self.steps} steps of {self.batch_size} are {epochs:.1f} epochs",
            f"{self.step_seconds:.3f} s a step on {self.device}, {self.read_seconds:.3f} s of them reading: "
            f"{self.batch_size / self.step_seconds:.1f} segments a second",
            f"{self.done} steps are done, {left} are left: {timedelta(seconds=round(left * self.step_seconds))}",
            f"{held:.0f} MiB of weights, gradients, moments and average; {most:.0f} MiB at most in all",
        ]


def plan_gan(preset: str, data: str | Path, codec_file: str | Path, out: str | Path, settings: list[str]) -> Plan:
    """Take a few steps of a training as `runs.run_gan` would begin it, and leave nothing.

    Raises
    ------
    InputError
        As `runs.run_gan`.
    """
    config = gan_training(preset, settings)
    perceptual, codec = open_perceptual(config), open_codec(codec_file, config.codec, config.level)
    with tempfile.TemporaryDirectory(prefix="d2m-plan-") as folder:
        segments = open_segments(data, config, codec, out if Path(out).is_dir() else folder)
        short = replace(config.loop, steps=_FIRST + _STEPS, warmup_steps=0, workers=0, save_every_steps=10**9, save_every_seconds=1e9)
        trainer = GanTrainer(start_fabric(config.loop), replace(config, loop=short), codec, perceptual=perceptual)
        noise = getattr(config.generator, "noise_dim", 0)
        batches = _Timed(SegmentBatches(segments, batch_size=config.batch_size, seed=config.loop.seed, noise_dim=noise, gain=config.gain))
        begun = 0.0
        for step, batch in (loop := trainer.loop(batches, folder)):
            if step == _FIRST:
                begun, batches.seconds = time.perf_counter() - batches.last, batches.last
            trainer.step(batch, loop)
            if step == _FIRST + _STEPS - 1:
                seconds = time.perf_counter() - begun
        device = trainer.fabric.device
        found = read_checkpoint(Path(out), device=torch.device("cpu")) if Path(out).is_dir() else None
        return Plan(
            segments=len(segments),
            steps=config.loop.steps,
            done=0 if found is None else int(found[1]["step"]),
            step_seconds=seconds / _STEPS,
            read_seconds=batches.seconds / _STEPS,
            batch_size=config.batch_size,
            weights_bytes=_weights_bytes(trainer, config),
            peak_bytes=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _most_memory(),
            device=torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads",
        )


class _Timed(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Batches, and the seconds that they take."""

    def __init__(self, batches: SegmentBatches) -> None:
        self.batches, self.seconds, self.last = batches, 0.0, 0.0

    def __getitem__(self, step: int) -> Mapping[str, Tensor]:  # type: ignore[override]
        begun = time.perf_counter()
        batch = self.batches[step]
        self.last = time.perf_counter() - begun
        self.seconds += self.last
        return batch


def _weights_bytes(trainer: GanTrainer, config: GanTraining) -> int:
    trained = sum(p.numel() * p.element_size() for p in trainer.networks.parameters())
    frozen = sum(p.numel() * p.element_size() for p in trainer.codec.parameters())
    return 4 * trained + sum(p.numel() * p.element_size() for p in trainer.g_params) + frozen


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
