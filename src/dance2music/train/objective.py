"""The weighted sum of an update's terms, and what an update was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


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
    return torch.stack([value if weights is None else weights[name] * value for name, value in counting(terms, weights)]).sum()


def counting(terms: Mapping[str, Tensor], weights: Mapping[str, float] | None) -> list[tuple[str, Tensor]]:
    """The scalar terms (Tensor [] by name) whose weight is not 0."""
    assert weights is None or terms.keys() <= weights.keys(), f"terms without a weight: {sorted(terms.keys() - weights.keys())}"
    return [(name, value) for name, value in terms.items() if weights is None or weights[name]]
