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

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from dance2music.errors import InputError, TrainingDiverged
from dance2music.leftovers import only_here
from dance2music.train.average import WeightAverage
from dance2music.train.checkpoints import read_checkpoint, write_checkpoint
from dance2music.train.judge import Judge
from dance2music.train.log import RunLog
from dance2music.train.objective import Update, counting, weighted_total
from dance2music.train.processes import average_gradients, broadcast_first, items_of, synchronise_batch_norm
from dance2music.train.random_state import random_state, restore_random_state
from dance2music.train.record import changes_accepted, differences, plain_settings, write_config
from dance2music.train.start import LoopConfig, learning_rate_at
from dance2music.work import keeps

logger = logging.getLogger(__name__)


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
    settings : the whole config dataclass of the training, kept in ``config.json`` and the checkpoint (`train.record`).

    Raises
    ------
    InputError
        If the folder's checkpoint belongs to another model, config or ``about``, or was begun with other settings.
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
        settings: Any = None,
    ) -> None:
        self.fabric, self.config, self.data = fabric, config, data
        self.about, self.settings = dict(about or {}), {} if settings is None else plain_settings(settings)
        self.model, self.optimizers = model.to(fabric.device), dict(optimizers)
        self._scaled: dict[str, Any] = {name: fabric.setup_optimizers(optimizer) for name, optimizer in self.optimizers.items()}
        self.out_dir = Path(out_dir)
        self.out_dir.mkdir(parents=True, exist_ok=True)
        self.averaged = average if isinstance(average, nn.Module) else model
        self.average = WeightAverage(self.averaged, config.ema_decay) if average is not False else None
        self.step = 0
        self._saved_step = 0
        self._sums: dict[str, list[float]] = {}
        self._log = RunLog(self.out_dir, config.steps)
        self.judged = Judge()
        self._changes: list[Any] = []
        synchronise_batch_norm(fabric, model)
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
                    self._log.begin(self.step)
                    write_config(self.out_dir, self.about, self.settings, self._changes)
                    self._tell_kept()
                if not self.stopped:
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
            items = items_of(batch) * self.fabric.world_size
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
                self._write_log(rate, (self.step - logged_step) / max(now - logged_at, 1e-9), items)
                logged_at, logged_step = now, self.step
            due = self.step % config.save_every_steps == 0
            due = due or (self.fabric.world_size == 1 and now - saved_at > config.save_every_seconds)  # clocks differ between processes
            if due or self.stopped or self.step == config.steps:
                self.save()
                saved_at = now
            if self.stopped:
                logger.info("stops at step %d: the best validation was at step %d", self.step, self.judged.step)
                break
        self._log.close()

    @property
    def just_saved(self) -> bool:
        """Whether the coming step is the first after a regular save."""
        return self.due(self.config.save_every_steps)

    def due(self, every: int) -> bool:
        """Whether the coming step is the first after a multiple of ``every`` steps; of 0 it never is."""
        return every > 0 and self.step > 0 and self.step % every == 0

    @property
    def stopped(self) -> bool:
        """Whether `judge` has seen no better value for too long (``patience``): the run ends after the step under way."""
        return 0 < self.config.patience <= self.judged.since

    def judge(self, value: float) -> bool:
        """Take a held-out value of the weights as they are, the lower the better; whether it is the best until now (`Judge`)."""
        seen = torch.tensor([value], dtype=torch.float64, device=self.fabric.device)
        broadcast_first(self.fabric, [seen])  # all go by the first process's value
        return self.judged.see(float(seen), self.step)

    def update(self, name: str, terms: Mapping[str, Tensor], weights: Mapping[str, float] | None = None, *, add: bool = False) -> Update:
        """One step of one optimiser: the only place where a training moves weights.

        Total, check, backward, mean over processes, clipping to ``config.grad_clip``, check of the gradient, step. Gradients that other
        updates left on the optimiser's parameters do not count. Every term is logged under its name, the gradient's norm as
        ``NAME_gradient``, and the total as ``NAME_total`` unless it is but one term.

        Parameters
        ----------
        name : of the optimiser, a key of ``optimizers``.
        terms : scalar Tensor [] by name, before weighting; at least one that counts has a gradient.
        weights : by term; None weighs all alike. A term of weight 0 counts for nothing, but is checked and logged.
        add : to the gradients that are there, those of the parts of a batch before this one (`papers.parts`).

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
        if not add:
            optimizer.zero_grad()
        self.fabric.backward(total)
        average_gradients(self.fabric, [parameter for group in optimizer.param_groups for parameter in group["params"]])
        limit = self.config.grad_clip or math.inf
        norm = self.fabric.clip_gradients(self.model, optimizer, max_norm=limit, error_if_nonfinite=False)
        assert norm is not None
        overflow = self._scaler is not None and not bool(norm.isfinite())  # then the scaler skips the step and scales less
        if not overflow:
            self.check(**{f"{name}_gradient": norm})
            self.log(**{f"{name}_gradient": norm})
        if self._scaler is not None:
            self.log(**{f"{name}_skipped": float(overflow)})
        self._scaled[name].step()
        self.log(**terms)
        if len(counting(terms, weights)) > 1:
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
        if self.fabric.is_global_zero:
            self._log.write(self.step, values)

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
            "settings": self.settings,
            "changes": self._changes,
            "judged": vars(self.judged),
            "scaler": {} if self._scaler is None else self._scaler.state_dict(),
        }
        write_checkpoint(self.out_dir, state)
        self._tell_kept()

    def _tell_kept(self) -> None:
        """For whoever interrupts the run."""
        there = (self.out_dir / "checkpoint.pt").exists()
        keeps(f"{self.out_dir} keeps " + (f"step {self._saved_step}: the same command goes on from there" if there else "no step yet"))

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
        other = differences(state.get("settings", {}), self.settings)
        if other and not changes_accepted():
            raise InputError(
                f"{self.out_dir}: was begun with other settings: {'; '.join(other)}; give the same, choose another folder, or go on with "
                "the new ones by --accept-changes"
            )
        self._changes = [*state.get("changes", []), *([{"step": state["step"], "changed": other}] if other else [])]
        if other:
            logger.warning("%s: goes on with other settings: %s", self.out_dir, "; ".join(other))
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
        self.judged = Judge(**state.get("judged", {}))
        if self._scaler is not None and state.get("scaler"):
            self._scaler.load_state_dict(state["scaler"])
        states = [state["random"], *state.get("random_of_others", [])]
        if self.fabric.global_rank < len(states):
            restore_random_state(states[self.fabric.global_rank])
        if self.step < self.config.steps:
            logger.info("resuming at step %d of %d from %s", self.step, self.config.steps, path)
        else:
            logger.info("%s keeps step %d, and loop.steps is %d: the run is complete", path, self.step, self.config.steps)
        return True

    @property
    def _scaler(self) -> Any:
        """What scales gradients in half precision; None elsewhere."""
        return getattr(self.fabric.strategy.precision, "scaler", None)

    def _write_log(self, rate: float, speed: float, items: int) -> None:
        means = {name: sum(values) / len(values) for name, values in self._sums.items() if values}
        self._sums = {}
        if self.fabric.world_size > 1 and means:
            every = torch.tensor(list(means.values()), dtype=torch.float64, device=self.fabric.device)
            torch.distributed.all_reduce(every)
            means = dict(zip(means, (every / self.fabric.world_size).tolist()))
        left = (self.config.steps - self.step) / speed
        self.write(**means, learning_rate=rate, steps_per_second=speed, items_per_second=speed * items, seconds_left=left)


def _tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers, those that a state dict leaves out too: what the bits of the next step depend on."""
    return {name: value.detach() for name, value in [*model.named_parameters(), *model.named_buffers()]}
