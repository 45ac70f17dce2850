"""Frame features of a dance pooled at the 16th notes of its beat grid."""

from __future__ import annotations

import numpy as np

from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Rhythm


def pool_at_steps(features: np.ndarray, fps: float, rhythm: Rhythm, *, first_bar: int, n_steps: int) -> np.ndarray:
    """Mean of each feature over the half step before and after every 16th note.

    Parameters
    ----------
    features : float32 [T, D] at ``fps`` frames per second from time 0.
    rhythm : the beat grid; step s lies at beat ``first_bar * 4 + s / 4``.
    first_bar, n_steps : the steps wanted.

    Returns
    -------
    float32 [n_steps, D]; zero where a step lies wholly outside the clip.
    """
    beats = first_bar * BEATS_PER_BAR + (np.arange(n_steps + 1) - 0.5) / STEPS_PER_BEAT
    edges = np.clip(rhythm.time_at(beats) * fps, 0.0, len(features))
    total = np.concatenate([np.zeros((1, features.shape[1])), np.cumsum(features, axis=0, dtype=np.float64)])
    low = np.minimum(edges.astype(np.int64), len(features) - 1)
    at_edges = total[low] + (edges - low)[:, None] * features[low]
    width = np.diff(edges)[:, None]
    return np.where(width > 1e-6, np.diff(at_edges, axis=0) / np.maximum(width, 1e-6), 0.0).astype(np.float32)


def frames_from_steps(steps: np.ndarray, beats: np.ndarray, *, first_bar: int) -> np.ndarray:
    """Step features [S, D] read at positions in beats [L] by linear interpolation: float32 [L, D]."""
    position = np.clip((beats - first_bar * BEATS_PER_BAR) * STEPS_PER_BEAT, 0, len(steps) - 1)
    low = position.astype(np.int64)
    share = (position - low)[:, None]
    return (steps[low] * (1 - share) + steps[np.minimum(low + 1, len(steps) - 1)] * share).astype(np.float32)
