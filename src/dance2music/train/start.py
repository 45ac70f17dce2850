"""What every training starts with: the settings of its loop, Fabric launched by them, and the learning rate of a step."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric

from dance2music.config import check_ranges
from dance2music.errors import ConfigError
from dance2music.nn.laid_out import multiplies_bfloat16
from dance2music.train.processes import UnwrappedStrategy

MANY = 10**12
"""More steps than anybody takes."""
logger = logging.getLogger(__name__)

PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")
ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
_RANKS = 10_000
"""Each process adds its number to the seed, which ends at 32 bits."""


@dataclass(frozen=True)
class LoopConfig:
    """What every training run has. The learning rate warms up linearly and falls to ``final_factor`` of itself along a cosine.

    Gradients are clipped to a norm of ``grad_clip``; 0 leaves them as they are.

    Attributes
    ----------
    precision : of Fabric, or 'auto': bf16-mixed on a device that multiplies in bfloat16, else 32-true.
    validate_every_steps : what a training that has held-out data does so often; 0 never.
    patience : stop after so many validations without a better one; 0 never.
    keep_every_steps : keep the weights of every so many steps, numbered; 0 none.
    """

    steps: int = 1000
    seed: int = 0
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    final_factor: float = 0.0
    ema_decay: float = 0.999
    grad_clip: float = 1.0
    precision: str = "32-true"
    accelerator: str = "auto"
    devices: int = 1
    threads: int = 0
    workers: int = 1
    save_every_steps: int = 500
    save_every_seconds: float = 300.0
    log_every_steps: int = 50
    validate_every_steps: int = 0
    patience: int = 0
    keep_every_steps: int = 0

    def __post_init__(self) -> None:
        check_ranges(
            self, steps=(0, MANY), seed=(0, 2**32 - 1 - _RANKS), learning_rate=(1e-12, 1000), warmup_steps=(0, MANY),
            final_factor=(0, 1000), ema_decay=(0, 1), grad_clip=(0, math.inf), precision=PRECISIONS, accelerator=ACCELERATORS,
            devices=(1, 4096), threads=(0, 4096), workers=(0, 512), save_every_steps=(1, MANY), save_every_seconds=(0, math.inf),
            log_every_steps=(1, MANY), validate_every_steps=(0, MANY), patience=(0, MANY), keep_every_steps=(0, MANY),
        )  # fmt: skip


def start_fabric(config: LoopConfig) -> Fabric:
    """Launched Fabric with the config's device and precision, seeded; ``threads`` > 0 limits torch's threads.

    Under ``torchrun`` its number of processes is taken (`train.processes`).

    Raises
    ------
    ConfigError
        If this machine does not have that device, or not so many.
    """
    if config.threads > 0:
        torch.set_num_threads(config.threads)
    local, world = (int(os.environ.get(name, 1)) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    if world == 1:
        _check_devices(config)
    fabric = Fabric(
        accelerator=config.accelerator,
        devices=local if world > 1 else config.devices,
        num_nodes=max(1, world // local),
        strategy=UnwrappedStrategy() if world > 1 else "auto",
        precision=_precision(config),  # type: ignore[arg-type]
    )
    fabric.launch()
    fabric.seed_everything(config.seed + fabric.global_rank, verbose=False)
    return fabric


def _precision(config: LoopConfig) -> str:
    """That of Fabric for the config's, see `LoopConfig`."""
    on_cpu = config.accelerator == "cpu" or (
        config.accelerator == "auto" and not torch.cuda.is_available() and not torch.backends.mps.is_available()
    )
    has = multiplies_bfloat16() if on_cpu else config.accelerator != "mps" and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    if config.precision == "auto":
        return "bf16-mixed" if has else "32-true"
    if config.precision.startswith("bf16") and on_cpu and not has:
        logger.warning("loop.precision %s: this processor does not multiply in bfloat16, 32-true is faster on it", config.precision)
    return config.precision


def _check_devices(config: LoopConfig) -> None:
    """Refuse devices that are not there: on a CPU, each is a process, and nothing else would stop their number."""
    gpus, mps = torch.cuda.device_count(), torch.backends.mps.is_available()
    kinds = ["auto", "cpu"] + ["gpu"] * (gpus > 0 or mps) + ["cuda"] * (gpus > 0) + ["mps"] * mps
    if config.accelerator not in kinds:
        raise ConfigError(f"loop.accelerator: {config.accelerator!r}, which this machine lacks; expected {' or '.join(kinds)}; set it so")
    there = (os.cpu_count() or 1) if config.accelerator == "cpu" or not (gpus or mps) else max(gpus, 1)
    if config.devices > there:
        raise ConfigError(f"loop.devices: {config.devices}; expected 1 to {there}, which this machine has; set it so")


def learning_rate_at(config: LoopConfig, step: int) -> float:
    """Learning rate of a step (0-based): linear warm-up, then half a cosine that ends at the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return config.learning_rate * (config.final_factor + (1 - config.final_factor) * cosine)
