"""Peaks between samples, for tests."""

from __future__ import annotations

import numpy as np
from scipy.signal import resample_poly

from dance2music.types import Audio


def true_peak(audio: Audio) -> float:
    """Largest absolute value of sound [C, N] between its samples too, on a grid eight times as fine; 1 is full scale."""
    return float(np.abs(resample_poly(audio.samples.astype(np.float64), 8, 1, axis=-1)).max(initial=0.0))
