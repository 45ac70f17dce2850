"""Curves of a note over time, one value every `STEP` samples and linear between; attacks and releases by the sample.

All functions give float32.
"""

from __future__ import annotations

import numpy as np

STEP = 64
"""Samples between two values of a curve."""

_RAMP = (np.arange(STEP, dtype=np.float32) / STEP)[None]


def times(n_samples: int, sample_rate: int) -> np.ndarray:
    """Times in seconds of a curve's values for a note of ``n_samples``, float64 [blocks + 1]."""
    return np.arange(-(-n_samples // STEP) + 1) * (STEP / sample_rate)


def spread(curve: np.ndarray, n_samples: int) -> np.ndarray:
    """A curve [blocks + 1] at every sample, [n_samples]."""
    curve = np.asarray(curve, dtype=np.float32)
    return (curve[:-1, None] + np.diff(curve)[:, None] * _RAMP).reshape(-1)[:n_samples]


def decay(t: np.ndarray, seconds: float) -> np.ndarray:
    """Exponential fall to 1/e in ``seconds`` at times t [...]: float [...]."""
    return np.exp(-t / seconds)


def swell(t: np.ndarray, seconds: float) -> np.ndarray:
    """Raised-cosine rise from 0 to 1 in ``seconds`` at times t [...]: float [...]."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(t / max(seconds, 1e-6), 0.0, 1.0))


def fade_in(sound: np.ndarray, seconds: float, *, sample_rate: int) -> np.ndarray:
    """Sound [..., n] with a raised-cosine attack, in place."""
    n = min(max(1, round(seconds * sample_rate)), sound.shape[-1])
    sound[..., :n] *= (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
    return sound


def fade_out(sound: np.ndarray, seconds: float, *, sample_rate: int) -> np.ndarray:
    """Sound [..., n] whose end falls to 0 by a raised cosine, in place."""
    n = min(max(1, round(seconds * sample_rate)), sound.shape[-1])
    sound[..., sound.shape[-1] - n :] *= (0.5 + 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
    return sound


def release(seconds: float, sample_rate: int) -> np.ndarray:
    """Gain after a note's end, [m]: exponential, and down to zero at the last sample."""
    n = max(2, round(seconds * sample_rate))
    fall = np.exp(-5.0 * np.arange(n) / n)
    return ((fall - fall[-1]) / (1.0 - fall[-1])).astype(np.float32)
