"""How long a job will take: the stages that are ahead of it, and how long each took before on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

FIXED_SECONDS = 10.0
"""A stage takes about as long as if the dance were so much longer: part of its work does not depend on the length."""
LEARNING = 0.5
"""Weight of the last job beside what was known."""

STAGES: dict[str, tuple[str, ...]] = {
    "dance": ("start", "draw", "look", "watch", "rhythm", "preview", "music", "finish", "write", "stems"),
    "takes": ("start", "load", "rhythm", "music", "finish", "write", "stems"),
    "section": ("start", "load", "music", "finish", "write"),
    "stems": ("start", "load", "stems"),
    "voices": ("start", "load", "finish", "write", "stems"),
    "export": ("start", "load", "mix", "write"),
    "listen": ("start", "load", "write"),
}
"""Kind of job -> its stages in order."""
FIRST_PACES: dict[str, float] = {
    "start": 0.05, "draw": 0.1, "look": 0.01, "load": 0.02, "watch": 0.2, "rhythm": 0.03, "preview": 0.0, "music": 0.2, "finish": 0.02,
    "write": 0.04, "stems": 0.1, "mix": 0.05,
}  # fmt: skip
"""Seconds of a stage per second of dance (`FIXED_SECONDS` more), until this machine has shown its own."""


@dataclass
class Pace:
    """Where a job is and how long it has left.

    Attributes
    ----------
    stages : its stages in order; ``seconds`` of the dance; ``times`` how often the stages of one take come.
    known : seconds per stage and second of dance, as learned.
    """

    stages: tuple[str, ...]
    seconds: float
    known: Mapping[str, float]
    times: int = 1
    stage: str = ""
    share: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def at(self, stage: str, share: float) -> None:
        """The job is in a stage, and has done so much of it."""
        now = time.monotonic()
        if self.stage:
            self.spent[self.stage] = self.spent.get(self.stage, 0.0) + now - self._since
        self._since, self.stage, self.share = now, stage, share

    def left_seconds(self) -> float:
        """Seconds that it has left, as far as one can tell."""
        if self.stage not in self.stages:
            return sum(map(self._expected, self.stages))
        here = self._expected(self.stage)
        done = self.spent.get(self.stage, 0.0) + time.monotonic() - self._since
        if self.share > 0.15:  # it shows its own speed by now
            here = self.share * done / self.share + (1 - self.share) * here if self.share < 0.5 else done / self.share
        ahead = self.stages[self.stages.index(self.stage) + 1 :]
        return max(here - done, 0.5) + sum(map(self._expected, ahead))

    def learned(self) -> dict[str, float]:
        """Stage -> what to expect of it next time, of a job that is done."""
        self.at(self.stage, 1.0)
        scale = self.seconds + FIXED_SECONDS
        per = {stage: spent / scale / (self.times if _repeats(stage) else 1) for stage, spent in self.spent.items()}
        return {stage: (1 - LEARNING) * self._per_second(stage) + LEARNING * value for stage, value in per.items()}

    def _per_second(self, stage: str) -> float:
        return self.known.get(stage, FIRST_PACES.get(stage, 0.05))

    def _expected(self, stage: str) -> float:
        return self._per_second(stage) * (self.seconds + FIXED_SECONDS) * (self.times if _repeats(stage) else 1)


def _repeats(stage: str) -> bool:
    return stage in ("music", "finish", "write", "stems")
