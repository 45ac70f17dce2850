"""Where in its bars a dance is, as curves that a network can see: the beat grid and the dancer's energy, frame by frame.

Neither paper gives its generator the beat; the weights that come with the package were trained with these curves in the place of the
pictures (docs/paper_map.md).
"""

from __future__ import annotations

import numpy as np

from dance2music.dance.kinematics import FEATURE_SLICES, low_pass
from dance2music.types import BEATS_PER_BAR, Rhythm

CLOCK_FPS = 60.0
CYCLES_BEATS = (16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25)
"""Lengths in beats of the cycles whose sine and cosine are given, from four bars to a 16th."""
CLOCK_FEATURES = 2 * len(CYCLES_BEATS) + 2
"""Width of `clock_features`."""

_ENERGY_CUTOFF_HZ = 0.5
_MIDDLE_BPM = 105.0


def clock_features(rhythm: Rhythm, motion: np.ndarray, *, fps: float, duration_seconds: float) -> np.ndarray:
    """Clock of a dance.

    Parameters
    ----------
    rhythm : its beat grid.
    motion : float [T, F], `dance.kinematics.motion_features` at ``fps``.
    duration_seconds : so long a clock is returned.

    Returns
    -------
    float32 [round(duration * `CLOCK_FPS`), `CLOCK_FEATURES`] : sine and cosine of each of `CYCLES_BEATS` from the first downbeat; octaves
    of tempo above 105 bpm; how much the dancer moves, -1..1 between the calmest and the wildest of this dance.
    """
    times = np.arange(max(1, round(duration_seconds * CLOCK_FPS))) / CLOCK_FPS
    beats = rhythm.beat_at(times)
    turns = 2 * np.pi * beats[:, None] / np.asarray(CYCLES_BEATS)
    bpm = 60.0 * np.gradient(beats, 1 / CLOCK_FPS) if len(times) > 1 else np.full(1, rhythm.tempo_bpm)
    octaves = np.log2(np.clip(low_pass(bpm, fps=CLOCK_FPS, cutoff_hz=0.5), 40.0, 250.0) / _MIDDLE_BPM)
    slow = low_pass(np.asarray(motion)[:, FEATURE_SLICES["kinetic"]][:, 0], fps=fps, cutoff_hz=_ENERGY_CUTOFF_HZ)
    low, high = np.percentile(slow, [5, 95])
    energy = np.interp(times, np.arange(len(slow)) / fps, np.clip((slow - low) / max(high - low, 0.25), 0.0, 1.0))
    return np.concatenate([np.sin(turns), np.cos(turns), octaves[:, None], 2 * energy[:, None] - 1], axis=1).astype(np.float32)


def bar_of(beats: np.ndarray) -> np.ndarray:
    """Index int64 [...] of the bar that positions [...] in beats from the first downbeat lie in."""
    return np.floor(np.asarray(beats) / BEATS_PER_BAR + 1e-9).astype(np.int64)
