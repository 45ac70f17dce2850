"""What a comparison with an oracle is: its rows, its tolerances, how far apart two arrays are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

NETWORK = 1e-4
SMALL = 1e-5
"""A network may differ by `NETWORK` of the largest reference value plus this much."""
LOSS = 1e-4
STEP = 1e-3
LOOSE = 0.1
"""After Adam's first step, whose size hangs on signs only."""
SURE = 1e-2
"""Margin of squared distance above which a code must be the same."""


@dataclass(frozen=True)
class Row:
    """One comparison: of what, under which weights, and how far apart."""

    what: str
    rule: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return bool(np.isfinite(self.difference) and self.difference <= self.tolerance)


class Worst:
    """The comparison that comes nearest to its limit, of several that make one row."""

    def __init__(self, what: str, rule: str, tolerance: float = NETWORK, small: float = SMALL) -> None:
        self.what, self.rule, self.tolerance, self.small = what, rule, tolerance, small
        self.difference, self.allowed = 0.0, tolerance

    def add(self, ours: Any, reference: Any) -> None:
        """Compare two arrays of the same shape."""
        a, b = (np.asarray(x.detach() if isinstance(x, Tensor) else x, dtype=np.float64) for x in (ours, reference))
        if a.shape != b.shape:
            self.difference = float("inf")
            return
        peak = max(float(np.abs(b).max(initial=0.0)), 1e-30)
        difference, allowed = float(np.abs(a - b).max(initial=0.0)) / peak, self.tolerance + self.small / peak
        if not np.isfinite(difference):
            difference = float("inf")
        if difference * self.allowed >= self.difference * allowed:
            self.difference, self.allowed = difference, allowed

    def row(self) -> Row:
        return Row(self.what, self.rule, self.difference, self.allowed)


def stats(x: Tensor | np.ndarray) -> np.ndarray:
    """Mean, population deviation, largest absolute value, count."""
    x = np.asarray(x, dtype=np.float64)
    return np.array([x.mean(), x.std(), np.abs(x).max(), x.size])


def add_stats(worst: Worst, ours: Tensor, reference: np.ndarray, *strided: Tensor) -> None:
    """Compare statistics; they are of the whole array or of one of its ``strided`` parts, as their count says."""
    chosen = next((x for x in (ours, *strided) if x.numel() == int(reference[3])), ours)
    worst.add(stats(chosen)[3:], reference[3:])
    for value, expected in zip(stats(chosen)[:3], reference[:3]):
        worst.add([value, reference[2]], [expected, reference[2]])  # on the scale of the values themselves
