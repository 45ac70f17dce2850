"""The habits of one dancer of the drawn dances: how large, how precise, how late, at which metrical level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance2music.synthetic.puppet import Body


@dataclass(frozen=True)
class Dancer:
    """Habits of one dancer.

    ``bias_seconds`` is how late (or early) all moves come, ``drift_seconds`` the slow and ``jitter_seconds`` the quick part of the timing
    error (standard deviations), ``amplitude`` and ``groove`` scale moves and bounce, ``level`` stretches the periods of all moves (2: half
    time), ``sloppy`` 0..1 blurs and drops moves, ``early`` is how far a move runs through its beat (0 arrives on it), in beats.
    ``calm`` dancers are legato: no rests, no snap; ``inertia_seconds`` softens the arms.
    """

    body: Body
    bias_seconds: float
    drift_seconds: float
    jitter_seconds: float
    amplitude: float
    groove: float
    level: float
    sloppy: float
    early: float
    snap: float
    calm: bool
    inertia_seconds: float

    @classmethod
    def draw(cls, rng: np.random.Generator, tempo_bpm: float, *, quick_style: float = 0.0, calm_style: float = 0.1) -> Dancer:
        """A random dancer; at quick tempi more of them move in half time, at slow tempi more in double time (``quick_style`` adds to that).

        A share ``calm_style`` of them hardly moves: long slow lines, no bounce.
        """
        sloppy = float(rng.beta(1.3, 2.5))
        slow = 0.15 + 0.25 * float(np.clip((tempo_bpm - 95.0) / 40.0, 0.0, 1.0))
        quick = (0.12 + quick_style) * float(np.clip((105.0 - tempo_bpm) / 25.0, 0.0, 1.0))
        level = float(rng.choice([0.5, 1.0, 2.0], p=[quick, 1.0 - quick - slow, slow]))
        calm = bool(rng.random() < calm_style)
        slower = float(rng.choice([1.0, 2.0, 4.0], p=[0.25, 0.5, 0.25])) if calm else 1.0
        return cls(
            body=Body.draw(rng),
            bias_seconds=float(np.clip(rng.normal(0.005, 0.025), -0.07, 0.07)),
            drift_seconds=float(rng.uniform(0.005, 0.012) + 0.018 * sloppy),
            jitter_seconds=float(rng.uniform(0.008, 0.02) + 0.03 * sloppy),
            amplitude=float(np.clip(np.exp(rng.normal(-0.05, 0.4)), 0.3, 1.7)) * (0.55 if calm else 1.0),
            groove=float(np.clip(np.exp(rng.normal(-0.2, 0.7)), 0.05, 2.2)) * (0.2 if calm else 1.0),
            level=max(level, 1.0) * slower if calm else level,
            sloppy=sloppy,
            early=float(rng.choice([0.0, rng.uniform(-0.2, 0.2)], p=[0.75, 0.25])),
            snap=float(np.exp(rng.normal(0.0, 0.25))),
            calm=calm,
            inertia_seconds=float(rng.uniform(0.02, 0.07)),
        )
