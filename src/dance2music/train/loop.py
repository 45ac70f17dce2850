"""The training loop's plumbing on Lightning Fabric: seeds, data order, learning rate, logs, checkpoints, resuming with the same bits.

A training script keeps its own loop in sight::

    fabric = start_fabric(config)
    loop = Loop(fabric, config, out_dir, model=model, optimizers={"model": optimizer}, data=dataset)
    for step, batch in loop:
        loop.update("model", {"mel": ..., "commitment": ...}, {"mel": 1.0, "commitment": 0.1})

The data of a step is ``dataset[step]``, a pure function of the seed and the step; so nothing about the data has to be saved. Only
`Loop.update` moves weights: one optimiser after the other where there are several.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from dance2music.errors import InputError, TrainingDiverged
from dance2music.leftovers import only_here
from dance2music.train.checkpoints import end_lines, read_checkpoint, write_checkpoint
from dance2music.train.processes import UnwrappedStrategy, average_gradients, broadcast_first
from dance2music.train.random_state import random_state, restore_random_state

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoopConfig:
    """What every training run has. The learning rate warms up linearly and falls to ``final_factor`` of itself along a cosine.

    Gradients are clipped to a norm of ``grad_clip``; 0 leaves them as they are.
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


def start_fabric(config: LoopConfig) -> Fabric:
    """Launched Fabric with the config's device and precision, seeded; ``threads`` > 0 limits torch's threads.

    Under ``torchrun`` its number of processes is taken (`train.processes`).
    """
    if config.threads > 0:
        torch.set_num_threads(config.threads)
    local, world = (int(os.environ.get(name, 1)) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    fabric = Fabric(
        accelerator=config.accelerator,
        devices=local if world > 1 else config.devices,
        num_nodes=max(1, world // local),
        strategy=UnwrappedStrategy() if world > 1 else "auto",
        precision=config.precision,  # type: ignore[arg-type]
    )
    fabric.launch()
    fabric.seed_everything(config.seed + fabric.global_rank, verbose=False)
    return fabric


def learning_rate_at(config: LoopConfig, step: int) -> float:
    """Learning rate of a step (0-based): linear warm-up, then half a cosine that ends at the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return config.learning_rate * (config.final_factor + (1 - config.final_factor) * cosine)


class WeightAverage:
    """Exponential moving average of a module's parameters; it follows faster at the start: decay min(decay, (1 + n) / (10 + n))."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.shadow = {name: value.detach().clone() for name, value in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take the module's parameters into the average."""
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        for name, value in module.named_parameters():
            self.shadow[name].lerp_(value, 1 - decay)

    def state_dict_of(self, module: nn.Module) -> dict[str, Tensor]:
        """The module's state dict (Tensor [...] by name) with averaged parameters in place of its own."""
        return {name: self.shadow.get(name, value).detach().clone() for name, value in module.state_dict().items()}


class Update(NamedTuple):
    """What moved weights: the weighted sum of an update's terms, Tensor [], and the norm of its gradient before clipping, Tensor []."""

    total: Tensor
    gradient_norm: Tensor


def weighted_total(terms: Mapping[str, Tensor], weights: Mapping[str, float] | None = None) -> Tensor:
    """Sum of scalar terms, each times its weight (all 1 by default): Tensor []. A weight of 0 leaves its term out, whatever it is.

    Parameters
    ----------
    weights : has every name of ``terms``, and may have more.
    """
    return torch.stack([value if weights is None else weights[name] * value for name, value in _counting(terms, weights)]).sum()


def _counting(terms: Mapping[str, Tensor], weights: Mapping[str, float] | None) -> list[tuple[str, Tensor]]:
    assert weights is None or terms.keys() <= weights.keys(), f"terms without a weight: {sorted(terms.keys() - weights.keys())}"
    return [(name, value) for name, value in terms.items() if weights is None or weights[name]]


class Loop:
    """Iterates over ``(step, data[step])`` from where the folder's last checkpoint ends; saves, logs and averages weights on the way.

    Parameters
    ----------
    fabric : a launched Fabric.
    out_dir : folder for ``checkpoint.pt``, ``log.jsonl`` and TensorBoard's events; made if missing.
    model : everything that is trained, as one module (not wrapped by Fabric). All its parameters **and buffers** are saved. It is brought
        to Fabric's device; with several processes it starts as on the first one, whose buffers all have after every step.
    optimizers : by name, of plain torch, for `update`; their learning rate is the schedule times their group's ``scale`` (default 1).
    data : map-style dataset; item ``step`` is the batch of that step (with several processes: this process's share of it,
        `train.processes.process_share`).
    average : whether weights are averaged, or the part of the model whose are.
    about : what the run is (its kind, level, data set, ...); a checkpoint that says otherwise is refused.

    Raises
    ------
    InputError
        If the folder's checkpoint belongs to another model, config or ``about``.
    """

    def __init__(
        self,
        fabric: Fabric,
        config: LoopConfig,
        out_dir: str | Path,
        *,
        model: nn.Module,
        optimizers: Mapping[str, Optimizer],
        data: Dataset[Any],
        average: bool | nn.Module = True,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self.fabric, self.config, self.data = fabric, config, data
        self.about = dict(about or {})
        self.model, self.optimizers = model.to(fabric.device), dict(optimizers)
        self._scaled: dict[str, Any] = {name: fabric.setup_optimizers(optimizer) for name, optimizer in self.optimizers.items()}
        self.out_dir = Path(out_dir)
        self.out_dir.mkdir(parents=True, exist_ok=True)
        self.averaged = average if isinstance(average, nn.Module) else model
        self.average = WeightAverage(self.averaged, config.ema_decay) if average is not False else None
        self.step = 0
        self._saved_step = 0
        self._sums: dict[str, list[float]] = {}
        self._writer: Any = None
        if not self._resumed():
            broadcast_first(fabric, _tensors_of(model).values())
            if self.average is not None:
                self.average = WeightAverage(self.averaged, config.ema_decay)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        torch.set_flush_denormal(True)  # the thread's own: what is made after a training has the bits that it has without one
        alone = only_here(self.out_dir, "a training") if self.fabric.is_global_zero else nullcontext()
        try:
            with alone:
                if self.fabric.is_global_zero:
                    end_lines(self.out_dir / "log.jsonl")
                yield from self._steps()
        finally:
            torch.set_flush_denormal(False)

    def _steps(self) -> Iterator[tuple[int, Any]]:
        config = self.config
        loader: DataLoader[Any] = DataLoader(
            self.data,
            batch_size=None,
            sampler=range(self.step, config.steps),  # type: ignore[arg-type]
            num_workers=config.workers,
            prefetch_factor=8 if config.workers else None,
            # A loader draws its base seed from this generator instead of the global one, so that resuming does not disturb the latter.
            generator=torch.Generator().manual_seed(config.seed),
        )
        saved_at = logged_at = time.monotonic()
        logged_step = self.step
        for batch in loader:
            rate = learning_rate_at(config, self.step)
            for optimizer in self.optimizers.values():
                for group in optimizer.param_groups:
                    group["lr"] = rate * group.get("scale", 1.0)
            yield self.step, self.fabric.to_device(batch)
            broadcast_first(self.fabric, self.model.buffers())
            if self.average is not None:
                self.average.update(self.averaged)
            self.step += 1
            now = time.monotonic()
            if self.step % config.log_every_steps == 0 or self.step == config.steps:
                self._write_log(rate, (self.step - logged_step) / max(now - logged_at, 1e-9))
                logged_at, logged_step = now, self.step
            due = self.step % config.save_every_steps == 0
            due = due or (self.fabric.world_size == 1 and now - saved_at > config.save_every_seconds)  # clocks differ between processes
            if due or self.step == config.steps:
                self.save()
                saved_at = now
        if self._writer is not None:
            self._writer.close()

    @property
    def just_saved(self) -> bool:
        """Whether the coming step is the first after a regular save."""
        return self.step > 0 and self.step % self.config.save_every_steps == 0

    def update(self, name: str, terms: Mapping[str, Tensor], weights: Mapping[str, float] | None = None) -> Update:
        """One step of one optimiser: the only place where a training moves weights.

        Total, check, backward, mean over processes, clipping to ``config.grad_clip``, check of the gradient, step. Gradients that other
        updates left on the optimiser's parameters do not count. Every term is logged under its name, the gradient's norm as
        ``NAME_gradient``, and the total as ``NAME_total`` unless it is but one term.

        Parameters
        ----------
        name : of the optimiser, a key of ``optimizers``.
        terms : scalar Tensor [] by name, before weighting; at least one that counts has a gradient.
        weights : by term; None weighs all alike. A term of weight 0 counts for nothing, but is checked and logged.

        Returns
        -------
        Update, both detached.

        Raises
        ------
        TrainingDiverged
            If a term or the gradient is no number; no weight of this optimiser has moved then.
        """
        optimizer = self.optimizers[name]
        self.check(**terms)
        total = weighted_total(terms, weights)
        optimizer.zero_grad()
        self.fabric.backward(total)
        average_gradients(self.fabric, [parameter for group in optimizer.param_groups for parameter in group["params"]])
        limit = self.config.grad_clip or math.inf
        norm = self.fabric.clip_gradients(self.model, optimizer, max_norm=limit, error_if_nonfinite=False)
        assert norm is not None
        if self.config.precision != "16-mixed":  # where an overflow only lets the scaler skip the step
            self.check(**{f"{name}_gradient": norm})
        self._scaled[name].step()
        self.log(**terms, **{f"{name}_gradient": norm})
        if len(_counting(terms, weights)) > 1:
            self.log(**{f"{name}_total": total})
        return Update(total.detach(), norm)

    def log(self, **values: Tensor | float) -> None:
        """Add values (Tensor [] or float) of this step; their means since the last line are written every ``log_every_steps``."""
        for name, value in values.items():
            self._sums.setdefault(name, []).append(float(value.detach() if isinstance(value, Tensor) else value))

    def check(self, **terms: Tensor | float) -> None:
        """Stop the run if a term (Tensor [] or float) is not a number, before it moves any weight; the last checkpoint stays as it is.

        Raises
        ------
        TrainingDiverged
            The message names the step and the terms.
        """
        values = torch.stack([torch.as_tensor(value, device=self.fabric.device, dtype=torch.float32).detach() for value in terms.values()])
        if bool(values.isfinite().all()):
            return
        odd = [f"{name} is {value:g}" for name, value in zip(terms, values.tolist()) if not math.isfinite(value)]
        path = self.out_dir / "checkpoint.pt"
        kept = f"{path} keeps step {self._saved_step}" if path.exists() else "there is no checkpoint yet"
        raise TrainingDiverged(
            f"step {self.step}: {', '.join(odd)}; {kept}; go on from there with a lower learning rate, or look at the data"
        )

    def write(self, **values: float) -> None:
        """Write values at once as a line of their own, with the step."""
        if not self.fabric.is_global_zero:
            return
        line = {"step": self.step, **values}
        with (self.out_dir / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._writer is None and find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.out_dir))
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, self.step)
        logger.info(" ".join(f"{name} {value:.4g}" for name, value in line.items()))

    def save(self) -> None:
        """Write ``checkpoint.pt`` whole: parameters and all buffers, optimisers, averaged weights, step, random states."""
        random_states: list[Any] = [random_state()]
        if self.fabric.world_size > 1:
            gathered: list[Any] = [None] * self.fabric.world_size
            torch.distributed.all_gather_object(gathered, random_states[0])
            random_states = gathered
        self._saved_step = self.step
        if not self.fabric.is_global_zero:
            return
        state: dict[str, Any] = {
            "step": self.step,
            "seed": self.config.seed,
            "about": self.about,
            "model": _tensors_of(self.model),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "average": None if self.average is None else {"count": self.average.count, "shadow": self.average.shadow},
            "random": random_states[0],
            "random_of_others": random_states[1:],
            "sums": self._sums,
        }
        write_checkpoint(self.out_dir, state)

    def _resumed(self) -> bool:
        """Go on from the last checkpoint that can be read, if there is one."""
        found = read_checkpoint(self.out_dir, device=self.fabric.device)
        if found is None:
            return False
        path, state = found
        had = state.get("about", {})
        changed = [f"{name} {had[name]!r}, not {value!r}" for name, value in self.about.items() if name in had and had[name] != value]
        if changed:
            raise InputError(f"{path}: is of another run, with {', '.join(changed)}; resume with the same or choose another folder")
        own = _tensors_of(self.model)
        odd = {
            n
            for n in own.keys() | state["model"].keys()
            if n not in own or n not in state["model"] or own[n].shape != state["model"][n].shape
        }
        if odd or state["optimizers"].keys() != self.optimizers.keys() or state["seed"] != self.config.seed:
            what = f"tensors differ ({', '.join(sorted(odd)[:3])})" if odd else "its seed or optimisers differ"
            raise InputError(f"{path}: is of another run, {what}; expected the same config; resume with that or choose another folder")
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(state["model"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        if self.average is not None and state["average"] is not None:
            self.average.count = state["average"]["count"]
            for name, value in self.average.shadow.items():
                value.copy_(state["average"]["shadow"][name])
        self.step, self._sums = state["step"], state["sums"]
        self._saved_step = self.step
        states = [state["random"], *state.get("random_of_others", [])]
        if self.fabric.global_rank < len(states):
            restore_random_state(states[self.fabric.global_rank])
        logger.info("resuming at step %d of %d from %s", self.step, self.config.steps, path)
        return True

    def _write_log(self, rate: float, speed: float) -> None:
        means = {name: sum(values) / len(values) for name, values in self._sums.items() if values}
        self._sums = {}
        if self.fabric.world_size > 1 and means:
            every = torch.tensor(list(means.values()), dtype=torch.float64, device=self.fabric.device)
            torch.distributed.all_reduce(every)
            means = dict(zip(means, (every / self.fabric.world_size).tolist()))
        self.write(**means, learning_rate=rate, steps_per_second=speed)


def averaged(model: nn.Module, loop: Loop) -> None:
    """Put a loop's averaged weights into the model that it trained, and set it to evaluation."""
    assert loop.average is not None, "this loop was built without an average"
    model.load_state_dict(loop.average.state_dict_of(model))
    model.eval()


def _tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers, those that a state dict leaves out too: what the bits of the next step depend on."""
    return {name: value.detach() for name, value in [*model.named_parameters(), *model.named_buffers()]}
