"""What can be heard of rhythm in sound: mel-spectrogram, onset strength, onsets, beats (librosa with stated settings)."""

from __future__ import annotations

import numpy as np

from dance2music.types import Audio

ONSET_HOP_LENGTH = 512
"""Hop of the onset envelope in samples: librosa's default, and that of the published rhythm scores."""


def mono(audio: Audio) -> np.ndarray:
    """Mean of the channels, float32 [N]."""
    return audio.samples.mean(axis=0)


def onset_envelope(audio: Audio, *, hop_length: int = ONSET_HOP_LENGTH) -> tuple[np.ndarray, float]:
    """Onset strength [T] (librosa's spectral flux of the mel-spectrogram), and its frames per second."""
    import librosa

    return librosa.onset.onset_strength(y=mono(audio), sr=audio.sample_rate, hop_length=hop_length), audio.sample_rate / hop_length


def onset_times(audio: Audio) -> np.ndarray:
    """Onsets in seconds, as librosa picks them with its own settings; empty where the sound is silent."""
    import librosa

    y = mono(audio)
    if not np.any(y):
        return np.zeros(0)
    return librosa.onset.onset_detect(y=y, sr=audio.sample_rate, hop_length=ONSET_HOP_LENGTH, units="time")


def beat_times(audio: Audio, *, start_bpm: float = 120.0) -> tuple[float, np.ndarray]:
    """Tempo in bpm and beats in seconds by librosa's dynamic programming tracker; (0, empty) where the sound is silent."""
    import librosa

    y = mono(audio)
    if not np.any(y):
        return 0.0, np.zeros(0)
    tempo, beats = librosa.beat.beat_track(y=y, sr=audio.sample_rate, hop_length=ONSET_HOP_LENGTH, start_bpm=start_bpm, units="time")
    return float(np.atleast_1d(tempo)[0]), beats


def log_mel(audio: Audio, *, n_mels: int = 128, hop_length: int = 256) -> np.ndarray:
    """Mel-spectrogram in decibels below its loudest bin, float32 [n_mels, T]."""
    import librosa

    power = librosa.feature.melspectrogram(y=mono(audio), sr=audio.sample_rate, n_fft=1024, hop_length=hop_length, n_mels=n_mels)
    return librosa.power_to_db(power, ref=np.max)
