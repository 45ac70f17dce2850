"""A crude sound of a score: band-limited saws and noise bursts, exact in pitch, time and phase, with no timbre of its own.

It is the source of a source-filter pair (Wang, Takaki & Yamagishi 2019, neural source-filter models): a network that works frame by frame
cannot know where in its cycle a held tone is, and without that plays noise at the right loudness. The sketch tells it; the
network (`methods.performer`) makes instruments and drums of it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dance2music.composer.genres import DRUM_LANES
from dance2music.methods.roll import NoteTable

_TABLE_SIZE = 2048
_MAX_HARMONICS = 24
_DECAY_SECONDS = 1.2
_RELEASE_SECONDS = 0.04
_NOTE_LEVEL = 0.12
_DRUM_LEVEL = 0.35
_DRUM_SECONDS = 0.25
_THUMPS_HZ = {"kick": 55.0, "low_tom": 90.0, "mid_tom": 120.0, "high_tom": 160.0, "conga": 220.0}
"""Drums that are sketched as a falling tone; all others are bursts of noise."""
_NOISE_DECAY_SECONDS = {"crash": 0.5, "ride": 0.3, "open_hat": 0.2, "snare": 0.08, "clap": 0.06}


def sketch(table: NoteTable, n_samples: int, *, sample_rate: int, hop_length: int) -> np.ndarray:
    """Sketch of all notes of a table whose frames are ``hop_length`` samples long.

    Returns
    -------
    float32 [n_samples]; the same notes give the same samples wherever they lie.
    """
    out = np.zeros(n_samples, dtype=np.float32)
    for onset, offset, role, pitch, velocity in zip(table.onset, table.offset, table.role, table.pitch, table.velocity):
        start = int(onset) * hop_length
        if role < 0:
            sound = _drum(int(pitch), sample_rate) * np.float32(_DRUM_LEVEL * velocity)
        else:
            sound = _note(int(pitch), (int(offset) - int(onset)) * hop_length, sample_rate) * np.float32(_NOTE_LEVEL * velocity)
        first, last = max(0, -start), min(len(sound), n_samples - start)
        if last > first:
            out[start + first : start + last] += sound[first:last]
    return out


@lru_cache(maxsize=4096)
def _note(pitch: int, length: int, sample_rate: int) -> np.ndarray:
    """A decaying band-limited saw of ``length`` samples and a short release."""
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    t = np.arange(length + round(_RELEASE_SECONDS * sample_rate))
    index = (t * (hz / sample_rate) * _TABLE_SIZE).astype(np.int64) % _TABLE_SIZE
    envelope = np.exp(-t / (_DECAY_SECONDS * sample_rate)) * np.clip((len(t) - t) / (len(t) - length), 0.0, 1.0)
    return (_wave(min(_MAX_HARMONICS, int(0.45 * sample_rate / hz)))[index] * envelope).astype(np.float32)


@lru_cache(maxsize=64)
def _wave(harmonics: int) -> np.ndarray:
    """One cycle of a saw with that many harmonics."""
    phase = 2 * np.pi * np.arange(_TABLE_SIZE) / _TABLE_SIZE
    return sum((np.sin(k * phase) / k for k in range(1, max(1, harmonics) + 1)), np.zeros(_TABLE_SIZE))


@lru_cache(maxsize=64)
def _drum(lane: int, sample_rate: int) -> np.ndarray:
    """A falling tone or a burst of noise, always the same for a lane."""
    name = DRUM_LANES[lane][0]
    t = np.arange(round(_DRUM_SECONDS * sample_rate)) / sample_rate
    if name in _THUMPS_HZ:
        cycles = _THUMPS_HZ[name] * (t + 0.03 * (1 - np.exp(-t / 0.03)))
        return (np.sin(2 * np.pi * cycles) * np.exp(-t / 0.1)).astype(np.float32)
    noise = np.random.default_rng(lane).normal(0.0, 0.5, len(t))
    return (noise * np.exp(-t / _NOISE_DECAY_SECONDS.get(name, 0.04))).astype(np.float32)
