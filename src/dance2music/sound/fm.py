"""Frequency modulation (Chowning, "The synthesis of complex audio spectra by means of frequency modulation", JAES 21, 1973): electric
pianos, slap bass, bells. A voice is a few pairs of modulator and carrier; the modulation index follows touch and time, so it brightens
when hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.patch import Tone, Voice

_REFERENCE_HZ = 262.0


@dataclass(frozen=True)
class Pair:
    """A modulator and its carrier: frequencies relative to the note, index for a soft and a hard touch, seconds in which the index falls to
    1/e of it (towards ``floor`` of it), level, and seconds in which the sound of a C4 falls to 1/e."""

    carrier: float
    modulator: float
    index: tuple[float, float]
    index_seconds: float
    level: float = 1.0
    decay_seconds: float = 1.5
    floor: float = 0.0


@dataclass(frozen=True)
class Fm:
    """Settings: ``pairs``; ``chorus_cents`` detunes a second copy that spreads to the sides; ``pan_hz`` and ``pan`` move it from left to
    right (suitcase tremolo); ``decay_octaves``: decays halve for so many octaves up; ``drive`` saturates."""

    pairs: tuple[Pair, ...]
    chorus_cents: float = 0.0
    pan_hz: float = 0.0
    pan: float = 0.0
    decay_octaves: float = 2.0
    attack_seconds: float = 0.001
    drive: float = 0.0


def fm(settings: Fm) -> Voice:
    """A voice with these settings."""
    return partial(_play, settings=settings)


def _play(tone: Tone, settings: Fm) -> np.ndarray:
    out = _sum(tone, settings, 0.0)[:, None]
    t = envelopes.times(tone.n_samples, tone.sample_rate)
    if settings.chorus_cents:
        other = _sum(tone, settings, settings.chorus_cents)[:, None]
        high = np.float32(np.clip(np.log2(tone.hz / 110.0) / 2.0, 0.0, 1.0))
        out = np.concatenate([out + 0.6 * other, 0.5 * high * other], axis=1)
    elif settings.pan:
        wave = envelopes.spread(settings.pan * np.sin(2.0 * np.pi * settings.pan_hz * t), tone.n_samples)
        out = np.concatenate([out, out * wave], axis=1)
    if settings.drive:
        out = np.tanh(out * np.float32((0.5 + settings.drive) / (np.abs(out[1]).max() + 1e-9)))
    return envelopes.fade_in(out, settings.attack_seconds, sample_rate=tone.sample_rate)


def _sum(tone: Tone, settings: Fm, cents: float) -> np.ndarray:
    """All pairs added up, soft and hard, float32 [2, n]."""
    hz = tone.hz * 2.0 ** (cents / 1200.0)
    turns = np.arange(tone.n_samples) * (hz / tone.sample_rate)
    t = envelopes.times(tone.n_samples, tone.sample_rate)
    shorter = 2.0 ** (-np.log2(hz / _REFERENCE_HZ) / settings.decay_octaves)
    out = np.zeros((2, tone.n_samples), dtype=np.float32)
    for pair in settings.pairs:
        if pair.carrier * hz > 0.45 * tone.sample_rate:
            continue
        # By Carson's rule sidebands reach index + 1 modulator frequencies; high notes are kept from folding back.
        room = max(0.0, (0.45 * tone.sample_rate - pair.carrier * hz) / (pair.modulator * hz) - 1.0)
        modulator = _sine(turns * pair.modulator)
        carrier = _angle(turns * pair.carrier)
        level = envelopes.spread(pair.level * envelopes.decay(t, pair.decay_seconds * shorter), tone.n_samples)
        fall = pair.floor + (1.0 - pair.floor) * envelopes.decay(t, pair.index_seconds)
        for i, index in enumerate(pair.index):
            out[i] += np.sin(carrier + envelopes.spread(min(index, room) * fall, tone.n_samples) * modulator) * level
    return out


def _angle(turns: np.ndarray) -> np.ndarray:
    """Angle in radians within one turn, float32: precise also late in a note."""
    return (2.0 * np.pi * (turns - np.floor(turns))).astype(np.float32)


def _sine(turns: np.ndarray) -> np.ndarray:
    return np.sin(_angle(turns))
