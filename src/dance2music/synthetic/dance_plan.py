"""What a dance is composed on: the dancer, their clock and stance, and the sheet that steps, arms and torso are written to."""

from __future__ import annotations

import numpy as np

from dance2music.synthetic import moves
from dance2music.synthetic.accents import accents_of
from dance2music.synthetic.dancer import Dancer
from dance2music.synthetic.performance import Sheet
from dance2music.types import BEATS_PER_BAR, Rhythm, Score

PHRASE_BEATS = 2 * BEATS_PER_BAR
"""Dancers count in eights."""


class Plan:
    """One dance being composed onto its ``sheet``. Beats count from the first downbeat."""

    def __init__(
        self, rhythm: Rhythm, style: moves.Style, dancer: Dancer, rng: np.random.Generator, duration: float,
        score: Score | None, energy: np.ndarray | None,
    ) -> None:  # fmt: skip
        self.style, self.dancer, self.rng = style, dancer, rng
        self.first = float(np.floor(rhythm.beat_at(np.zeros(1))[0])) - 1.0
        self.last = float(np.ceil(rhythm.beat_at(np.array([duration]))[0])) + 2.0
        grid = np.arange(self.first - PHRASE_BEATS, self.last + PHRASE_BEATS + 1.0)
        noise = rng.normal(0.0, dancer.drift_seconds, len(grid))
        drift = np.empty_like(noise)
        level = 0.0
        for i, x in enumerate(noise):
            level = 0.7 * level + 0.7 * float(x)
            drift[i] = level
        clock = np.maximum.accumulate(rhythm.time_at(grid) + dancer.bias_seconds + drift + 1e-6 * np.arange(len(grid)))
        self.sheet = Sheet(grid, clock)
        self.energy = None if energy is None else np.asarray(energy, dtype=np.float64)
        self.energy_at = rhythm.downbeat
        self.accents = None if score is None else accents_of(score, grid)
        self.facing = float(rng.normal(0.0, 0.3))
        self.centre = rng.normal(0.0, 0.15, 2)
        self.stance = [np.zeros(2), np.zeros(2)]
        self.landed = [-1e9, -1e9]
        self.lean = float(rng.uniform(0.0, 0.15))
        self.shape = np.exp(rng.normal(0.0, float(rng.choice([0.1, 0.25, 0.45])), PHRASE_BEATS))  # some counts are danced larger
        self.shape[BEATS_PER_BAR:] = 0.6 * self.shape[BEATS_PER_BAR:] + 0.4 * self.shape[:BEATS_PER_BAR]

    def when(self, beat: float, *, exact: bool = False) -> float:
        """Time of a move that belongs to ``beat``, with this dancer's timing."""
        jitter = 0.0 if exact else float(self.rng.normal(0.0, self.dancer.jitter_seconds))
        return float(np.interp(beat, self.sheet.grid, self.sheet.clock)) + jitter

    def size(self, beat: float) -> float:
        """How large a move at ``beat`` is: the dancer's amplitude, the energy of the music, more on downbeats."""
        scale = self.dancer.amplitude * self.style.amplitude * float(self.shape[int(np.floor(beat + 0.01)) % PHRASE_BEATS])
        scale *= 1.12 if abs(beat % BEATS_PER_BAR) < 0.1 else 1.0
        if self.energy is not None and len(self.energy):
            scale *= float(self.energy[int(np.clip(round(beat) + self.energy_at, 0, len(self.energy) - 1))])
        return scale * float(np.exp(self.rng.normal(0.0, 0.08 + 0.2 * self.dancer.sloppy)))
