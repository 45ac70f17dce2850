"""The best held-out value of a run until now, and how long ago it was."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Judge:
    """Kept with a checkpoint, so that a resumed run knows its best.

    Attributes
    ----------
    best : the lowest value seen, None before the first.
    step : after how many steps it was seen.
    since : how many values were seen after it.
    """

    best: float | None = None
    step: int = 0
    since: int = 0

    def see(self, value: float, step: int) -> bool:
        """Take the value after ``step`` steps; whether it is the best until now. The same value of the same step counts once."""
        if (value, step) == (self.best, self.step):
            return True
        if math.isfinite(value) and (self.best is None or value < self.best):
            self.best, self.step, self.since = value, step, 0
            return True
        self.since += 1
        return False
