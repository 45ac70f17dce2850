"""A step of the papers' generators with its batch in parts: the gradients of the parts add up before weights move.

Terms are means over a batch, so that parts of one size give the batch's gradient, but where a network looks at a batch as a whole (batch
normalisation). The discriminators learn on all parts before the generator does; what is generated for them is generated again then, with
the same noise, so that no part's activations are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dance2music.train.objective import weighted_total

if TYPE_CHECKING:
    from dance2music.losses import Features
    from dance2music.train.loop import Loop


def step_in_parts(trainer: Any, batch: Mapping[str, Tensor], loop: Loop) -> dict[str, Tensor]:
    """As `GanTrainer.step`, of a batch (Tensor [B, ...] by name) in ``config.accumulate`` parts; terms, Tensor [], are their means.

    Parameters
    ----------
    trainer : the `GanTrainer`.

    Raises
    ------
    TrainingDiverged
        If a term or a gradient is no number.
    """
    parts = _parts(batch, trainer.config.accumulate)
    weights = vars(trainer.config.weights)
    seen: list[Features] = []
    told: dict[str, Tensor] = {}
    sums: dict[str, Tensor] = {}
    _forget(loop, "discriminator")
    for i, part in enumerate(parts):
        real, _ = trainer.targets(part)
        with torch.no_grad(), trainer.fabric.autocast():
            fake = trainer.generate(part, real.shape[-1])
        terms, seen_real = trainer.discriminator_terms(real, fake, part["genre"])
        seen.append([[layer.detach() for layer in scale] for scale in seen_real])
        _add(sums, terms)
        if i < len(parts) - 1:
            trainer.fabric.backward(weighted_total(terms) / len(parts))
    means = _with_mean(terms, sums, len(parts))
    told["discriminator_gradient"] = loop.update("discriminator", means, add=True).gradient_norm
    told |= means
    sums = {}
    with trainer.discriminators_fixed():
        _forget(loop, "generator")
        for i, part in enumerate(parts):
            real, entries = trainer.targets(part)
            with trainer.fabric.autocast():
                fake = trainer.generate(part, real.shape[-1])
            terms = trainer.generator_terms(fake, seen[i]) | trainer.distances(fake, real, entries, part["audio"])
            _add(sums, terms)
            if i < len(parts) - 1:
                trainer.fabric.backward(weighted_total(terms, weights) / len(parts))
        means = _with_mean(terms, sums, len(parts))
        told["generator_total"], told["generator_gradient"] = loop.update("generator", means, weights, add=True)
    return {name: value.detach() for name, value in (told | means).items()}


def _parts(batch: Mapping[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    pieces = {name: value.tensor_split(count) for name, value in batch.items()}
    return [{name: pieces[name][i] for name in pieces} for i in range(count)]


def _forget(loop: Loop, name: str) -> None:
    loop.optimizers[name].zero_grad()


def _add(sums: dict[str, Tensor], terms: Mapping[str, Tensor]) -> None:
    for name, value in terms.items():
        sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach()


def _with_mean(last: Mapping[str, Tensor], sums: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Terms whose value is the mean over all parts and whose gradient is the last part's share."""
    return {name: sums[name] / count + (value - value.detach()) / count for name, value in last.items()}
