"""How long a job will take: the stages that are ahead of it, and how long each took before on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

FIXED_SECONDS = 10.0
"""A stage takes about as long as if the dance were so much longer: part of its work does not depend on the length."""
LEARNING = 0.5
"""Weight of the last job beside what was known."""
USUAL_SECONDS = 30.0
"""Length of a dance that nobody has looked at yet."""
OVERDUE = 0.1
"""A stage that takes longer than was expected goes on for at least this share of what it took so far."""
MEANINGFUL_SECONDS, MEANINGFUL_SHARE = 2.0, 0.15
"""The time left is told from so many seconds on; on a machine that has not shown its pace yet from this share of the work on."""
USUAL_WEIGHT_SECONDS = 2.0
"""How slow the machine is now is judged as if it had done so much at its usual speed, too: a short stage tells little."""
LEAST_SLOWNESS, MOST_SLOWNESS = 0.5, 5.0
BEFORE_SHARES = 0.4
"""A stage that took longer than this share of its usual time and, of the rest, the share that it has told, is late."""
UNSTEADY = ("start", "load")
"""Stages that are short where things are in memory already: they tell of a machine up to twice as slow, and never of a faster one."""
RARE = ("draw", "preview")
"""Stages that most dances do without."""
TURN_SECONDS, TURN_SHARE = 1.0, 0.04
"""What is told takes so long to turn to a new estimate, and longer by this share of itself."""
RISE_FROM = 0.25
"""What is told rises only where the estimate is higher by this share of it, and by no more than a second per second; else it stands."""

STAGES: dict[str, tuple[str, ...]] = {
    "dance": ("start", "draw", "look", "watch", "rhythm", "preview", "load", "music", "finish", "write", "stems"),
    "takes": ("start", "load", "rhythm", "music", "finish", "write", "stems"),
    "section": ("start", "load", "music", "finish", "write"),
    "stems": ("start", "load", "stems"),
    "voices": ("start", "load", "finish", "write", "stems"),
    "export": ("start", "load", "mix", "write"),
    "listen": ("start", "load", "write"),
}
"""Kind of job -> its stages in order."""
IN_ROUNDS = ("dance", "takes")
"""Kinds of jobs whose takes go through their stages one after the other."""
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
    stages : its stages in order; ``times`` how often the stages of one take come.
    seconds : of the dance; None until somebody has looked at the video.
    known : seconds per stage and second of dance, as learned.
    in_rounds : whether takes are made one after the other, each through all of its stages.
    """

    stages: tuple[str, ...]
    seconds: float | None
    known: Mapping[str, float]
    times: int = 1
    in_rounds: bool = False
    stage: str = ""
    share: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=lambda: time.monotonic())
    _entered: float = field(default_factory=lambda: time.monotonic())
    _since: float = field(default_factory=lambda: time.monotonic())
    _first: tuple[float, float] = (0.0, 0.0)
    _round: int = 0
    _done: list[tuple[str, float]] = field(default_factory=list)
    _steady: Steady = field(default_factory=lambda: Steady())

    def at(self, stage: str, share: float) -> None:
        """The job is in a stage, and has done so much of it."""
        now = time.monotonic()
        if self.stage:
            self.spent[self.stage] = self.spent.get(self.stage, 0.0) + now - self._since
        if stage != self.stage or share < self.share:
            self._done += [(self.stage, now - self._entered)] if self.stage in self.stages else []
            self._round += self._place(stage) < self._place(self.stage) and _repeats(stage) and _repeats(self.stage)
            self._entered, self._first = now, (now, 0.0)
        elif share > self.share > 0.0 == self._first[1]:  # the first report came late: the stage had to get ready
            self._first = self._since, self.share
        self._since, self.stage, self.share = now, stage, share

    def left_seconds(self) -> float:
        """Seconds that it has left, as far as one can tell now."""
        if self.stage not in self.stages:
            return sum(map(self._expected, self.stages))
        left = self._left_here() + sum(map(self._expected, self.stages[self._place(self.stage) + 1 :]))
        if self.in_rounds:
            left += max(0, self.times - 1 - self._round) * sum(self._expected(stage) for stage in self.stages if _repeats(stage))
        return left

    def told_seconds(self) -> float | None:
        """The same as it is told: steady; None while nobody can tell."""
        now, left = time.monotonic(), self.left_seconds()
        spent = now - self._begun
        sure = all(stage in self.known for stage in self.stages if stage not in RARE) or spent > MEANINGFUL_SHARE * (spent + left)
        if self._steady.empty and (self.seconds is None or spent < MEANINGFUL_SECONDS or not sure):
            return None
        return self._steady.told(left, now)

    def learned(self) -> dict[str, float]:
        """Stage -> what to expect of it next time, of a job that is done."""
        self.at(self.stage, 1.0)
        per = {stage: spent / self._scale / (self.times if _repeats(stage) else 1) for stage, spent in self.spent.items()}
        return {stage: (1 - LEARNING) * self._per_second(stage) + LEARNING * value for stage, value in per.items()}

    def _per_second(self, stage: str) -> float:
        return self.known.get(stage, FIRST_PACES.get(stage, 0.05))

    def _expected(self, stage: str) -> float:
        """Seconds of a stage, of one take where those are made one after the other, at the speed that the machine has now."""
        return self._usual(stage) * self._slowness()

    def _usual(self, stage: str) -> float:
        """The same at the speed that it had before."""
        return self._per_second(stage) * self._scale * (self.times if _repeats(stage) and not self.in_rounds else 1)

    def _slowness(self) -> float:
        """How many times longer than before things take now: by the stages that are done, each by its length, and the one it is in."""
        took = usual = USUAL_WEIGHT_SECONDS
        for stage, spent in self._done:
            meant = self._usual(stage)
            took += min(max(spent, meant), 2.0 * meant) if stage in UNSTEADY else spent
            usual += meant
        if self.stage in self.stages and self.stage not in UNSTEADY:
            meant, spent = self._usual(self.stage), time.monotonic() - self._entered
            weight = max(0.0, 2.0 * self.share - 1.0)
            took, usual = took + weight * (self._since - self._entered + self._own()[1]), usual + weight * meant
            due = (BEFORE_SHARES + (1.0 - BEFORE_SHARES) * self.share if self.share else 1.0) * meant
            if spent > due:
                took, usual = took + (1.0 - weight) * spent, usual + (1.0 - weight) * due
        return min(max(took / usual, LEAST_SLOWNESS), MOST_SLOWNESS)

    def _own(self) -> tuple[float, float]:
        """How much the speed of the stage it is in tells (0 to 1), and the seconds that were left of it by that at its last report."""
        (begun, before), trust = self._first, min(1.0, 2.0 * self.share - 0.2)
        return (trust, (1.0 - self.share) * (self._since - begun) / (self.share - before)) if trust > 0.0 else (0.0, 0.0)

    def _left_here(self) -> float:
        """Seconds of the stage it is in: the more of it is done, the more its own speed counts, which each report shows anew."""
        now, expected, share = time.monotonic(), self._expected(self.stage), self.share
        left = max(expected - (self._since - self._entered), 0.5 * (1.0 - share) * expected)
        trust, own = self._own()
        left += trust * (own - left)
        return max(left - (now - self._since), OVERDUE * (1.0 - share) * (now - self._entered))

    def _place(self, stage: str) -> int:
        return self.stages.index(stage) if stage in self.stages else -1

    @property
    def _scale(self) -> float:
        return (USUAL_SECONDS if self.seconds is None else self.seconds) + FIXED_SECONDS


class Steady:
    """Time left as it is told: it runs with the clock and turns to other estimates little by little, and rather stands than rises."""

    def __init__(self) -> None:
        self._told: float | None = None
        self._at = 0.0

    @property
    def empty(self) -> bool:
        """Whether nothing was told yet."""
        return self._told is None

    def told(self, left_seconds: float, now: float) -> float:
        """What to tell of an estimate at a time in seconds."""
        before, passed = self._told, now - self._at
        self._at = now
        if before is None:
            self._told = left_seconds
            return left_seconds
        due = max(before - passed, 0.0)
        gap = left_seconds - due
        turned = due + gap * (1.0 - math.exp(-passed / (TURN_SECONDS + TURN_SHARE * due)))
        rise = 2.0 * passed if gap > before else passed if gap > RISE_FROM * before else 0.0
        self._told = min(turned, before + rise)
        return self._told


def _repeats(stage: str) -> bool:
    return stage in ("music", "finish", "write", "stems")
