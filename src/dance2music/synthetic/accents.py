"""What a drawn dancer hears in the music: its accents and its silences."""

from __future__ import annotations

import itertools

import numpy as np

from dance2music.types import Score


def accents_of(score: Score, grid: np.ndarray) -> np.ndarray:
    """Strength of the music on each quarter of a beat [4 * len(grid)] from ``grid[0]``: velocities of all notes that start there."""
    strength = np.zeros(4 * len(grid))
    for track in score.tracks:
        weight = 1.0 if track.is_drum else 0.5
        for note in track.notes:
            step = round((note.start_beats - float(grid[0])) * 4)
            if 0 <= step < len(strength):
                strength[step] += weight * note.velocity / 127.0
    return strength


def silences(accents: np.ndarray, grid: np.ndarray) -> list[tuple[float, float]]:
    """Spans (start in beats, length in beats) of one to four beats in which no note starts, between notes.

    ``accents`` is [4 * len(grid)] as of `accents_of`, ``grid`` [n_beats].
    """
    out = []
    sounding = np.flatnonzero(accents > 0)
    for a, b in itertools.pairwise(sounding):
        length = (int(b) - int(a)) / 4.0
        if 1.0 < length <= 4.5:
            out.append((float(grid[0]) + (int(a) + 1) / 4.0, length - 0.5))
    return out


def to_accents(accents: np.ndarray | None, start: float, onsets: list[float], rng: np.random.Generator) -> list[float]:
    """Some onsets, in beats after ``start`` beats into the accents [4 * n_beats], moved to the strongest accent within half a beat."""
    if accents is None:
        return onsets
    out = []
    for at in onsets:
        around = np.arange(-2, 3) / 4.0
        steps = np.clip(np.round((start + at + around) * 4).astype(int), 0, len(accents) - 1)
        strength = accents[steps] - 0.3 * np.abs(around) * accents.max()
        out.append(at + float(around[int(np.argmax(strength))]) if rng.random() < 0.35 and strength.max() > 0 else at)
    return sorted(set(out))
