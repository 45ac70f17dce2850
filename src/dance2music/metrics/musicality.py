"""Whether a sound is music at all, by three simple measures: pulse, key, harmonic share. Pure functions of one piece."""

from __future__ import annotations

import numpy as np

from dance2music.music.beats import mono, onset_envelope, pulse_in
from dance2music.music.compiled import compiled_alone
from dance2music.music.tones import MAJOR_PROFILE, MINOR_PROFILE
from dance2music.types import Audio


def pulse_clarity(audio: Audio) -> float:
    """Largest autocorrelation of onset strength at lags of 0.33 to 1 s, 0..1; 0 for silence or under a second of sound.

    It falls with the length: a click track has 0.85 in 10 s and 0.64 in 2 s, since the first beat has nothing before it.
    """
    return pulse_in(*onset_envelope(audio))


def key_clarity(audio: Audio) -> float:
    """Best correlation of the mean chroma with the 24 key profiles (Krumhansl 1990), -1..1; 0 for silence."""
    import librosa

    y = mono(audio)
    if not np.any(y):
        return 0.0
    with compiled_alone("chroma_stft", str(y.dtype)):
        chroma = librosa.feature.chroma_stft(y=y, sr=audio.sample_rate).mean(axis=1)
    if chroma.std() == 0:
        return 0.0
    return max(float(np.corrcoef(chroma, np.roll(profile, k))[0, 1]) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for k in range(12))


def harmonic_share(audio: Audio) -> float:
    """Share of the energy that median filtering assigns to the harmonic part (Fitzgerald 2010), 0..1; 0 for silence."""
    import librosa

    y = mono(audio)
    if not np.any(y):
        return 0.0
    harmonic, percussive = librosa.effects.hpss(y)
    h, p = float((harmonic**2).sum()), float((percussive**2).sum())
    return h / (h + p) if h + p > 0 else 0.0
