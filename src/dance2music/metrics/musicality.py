"""Whether a sound is music at all, by three simple measures: pulse, key, harmonic share. Pure functions of one piece."""

from __future__ import annotations

import numpy as np

from dance2music.music.beats import mono, onset_envelope
from dance2music.types import Audio

_PULSE_LAGS_SECONDS = (0.33, 1.0)
_MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""Key profiles of Krumhansl & Kessler 1982."""


def pulse_clarity(audio: Audio) -> float:
    """Largest autocorrelation of onset strength at lags of 0.33 to 1 s, 0..1; 0 for silence or under a second of sound."""
    envelope, fps = onset_envelope(audio)
    envelope = envelope - envelope.mean()
    energy = float(envelope @ envelope)
    first, last = (round(lag * fps) for lag in _PULSE_LAGS_SECONDS)
    if energy <= 0 or len(envelope) <= first + 1:
        return 0.0
    lags = range(first, min(last, len(envelope) - 1) + 1)
    return max(0.0, max(float(envelope[lag:] @ envelope[:-lag]) for lag in lags) / energy)


def key_clarity(audio: Audio) -> float:
    """Best correlation of the mean chroma with the 24 key profiles (Krumhansl 1990), -1..1; 0 for silence."""
    import librosa

    y = mono(audio)
    if not np.any(y):
        return 0.0
    chroma = librosa.feature.chroma_stft(y=y, sr=audio.sample_rate).mean(axis=1)
    if chroma.std() == 0:
        return 0.0
    return max(float(np.corrcoef(chroma, np.roll(profile, k))[0, 1]) for profile in (_MAJOR_PROFILE, _MINOR_PROFILE) for k in range(12))


def harmonic_share(audio: Audio) -> float:
    """Share of the energy that median filtering assigns to the harmonic part (Fitzgerald 2010), 0..1; 0 for silence."""
    import librosa

    y = mono(audio)
    if not np.any(y):
        return 0.0
    harmonic, percussive = librosa.effects.hpss(y)
    h, p = float((harmonic**2).sum()), float((percussive**2).sum())
    return h / (h + p) if h + p > 0 else 0.0
