"""What can be heard of tones in sound: how clearly it has a key, and how much of it is tones rather than hits.

These are `metrics.musicality`'s key clarity and harmonic share for ranking takes while a user waits: from one spectrogram, without
librosa, whose import and estimate of the tuning cost more than the music. Values agree to within a few hundredths (tests).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dance2music.music.beats import ONSET_FFT, ONSET_HOP_LENGTH, mono
from dance2music.types import Audio

MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""Key profiles of Krumhansl & Kessler 1982."""

_HOP_LENGTH = 2 * ONSET_HOP_LENGTH
_MEDIAN_SECONDS = 0.7
_MEDIAN_BINS = 31
"""Widths of librosa's medians; its frames are twice as many, which changes little but the work."""
_HIGHEST_HZ = 4000.0
"""Above it lies too little of the energy of music to change the harmonic share."""
_CENTRE_PITCH, _OCTAVES = 81.0, 2.0
"""Tones count for the key most around 880 Hz, less two octaves from there."""


def tones(audio: Audio) -> dict[str, float]:
    """``key_clarity`` -1..1 and ``harmonic_share`` 0..1 of a sound; both 0 for silence."""
    magnitude = _spectrum(audio)
    if not magnitude.any():
        return {"key_clarity": 0.0, "harmonic_share": 0.0}
    return {"key_clarity": _key_clarity(magnitude, audio.sample_rate), "harmonic_share": _harmonic_share(magnitude, audio.sample_rate)}


def _spectrum(audio: Audio) -> np.ndarray:
    """Magnitudes float32 [bins, T]."""
    from scipy.fft import rfft
    from scipy.signal.windows import hann

    window = hann(ONSET_FFT, sym=False).astype(np.float32)
    padded = np.pad(mono(audio).astype(np.float32, copy=False), ONSET_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, ONSET_FFT)[::_HOP_LENGTH]
    return np.ascontiguousarray(np.abs(rfft(frames * window, axis=1)).T)


def _key_clarity(magnitude: np.ndarray, sample_rate: int) -> float:
    chroma = _pitch_classes(len(magnitude), sample_rate) @ np.square(magnitude)
    loudest = chroma.max(axis=0)
    mean = (chroma[:, loudest > 0] / loudest[loudest > 0]).mean(axis=1)
    if mean.std() == 0:
        return 0.0
    return float(np.corrcoef(mean, _profiles())[0, 1:].max())


def _harmonic_share(magnitude: np.ndarray, sample_rate: int) -> float:
    """Energy under a soft mask by medians along time and along frequency (Fitzgerald 2010)."""
    from scipy.ndimage import median_filter

    magnitude = magnitude[: 1 + int(_HIGHEST_HZ * ONSET_FFT / sample_rate)]
    frames = 2 * (round(_MEDIAN_SECONDS * sample_rate / _HOP_LENGTH) // 2) + 1
    along_time = np.square(median_filter(magnitude, size=(1, frames)))
    along_frequency = np.square(median_filter(magnitude, size=(_MEDIAN_BINS, 1)))
    total = along_time + along_frequency
    mask = np.divide(along_time, total, out=np.full_like(total, 0.5), where=total > 0)
    harmonic, percussive = (float(np.square(magnitude * share).sum(dtype=np.float64)) for share in (mask, 1.0 - mask))
    return harmonic / (harmonic + percussive) if harmonic + percussive > 0 else 0.0


@lru_cache(maxsize=4)
def _pitch_classes(n_bins: int, sample_rate: int) -> np.ndarray:
    """How much each bin's energy counts for each pitch class, C first, float32 [12, n_bins]."""
    hz = np.arange(1, n_bins) * sample_rate / ONSET_FFT
    pitch = 69.0 + 12.0 * np.log2(hz / 440.0)
    width = np.maximum(1.0, np.diff(pitch, append=pitch[-1]))
    apart = (pitch[None] - np.arange(12)[:, None] + 6.0) % 12.0 - 6.0
    weights = np.exp(-0.5 * (2.0 * apart / width) ** 2)
    weights /= np.sqrt(np.square(weights).sum(axis=0))
    weights *= np.exp(-0.5 * ((pitch - _CENTRE_PITCH) / (12.0 * _OCTAVES)) ** 2)
    return np.pad(weights, ((0, 0), (1, 0))).astype(np.float32)


@lru_cache(maxsize=1)
def _profiles() -> np.ndarray:
    """All 24 keys, float64 [24, 12]."""
    return np.stack([np.roll(profile, k) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for k in range(12)])
