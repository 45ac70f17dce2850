"""Deep basses that are one sine and what saturation makes of it: the sub, and the long 808 that drops into its pitch and glides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.patch import Tone, Voice


@dataclass(frozen=True)
class Sub:
    """Settings: ``drive`` (soft, hard) saturates and so adds odd partials; the pitch starts ``drop_octaves`` above and falls in
    ``drop_seconds``; connected notes glide in ``glide_seconds``; ``decay_seconds`` to 1/e; ``octave_db`` is the level of a sine an octave
    above, which small loudspeakers need."""

    drive: tuple[float, float] = (0.6, 1.4)
    drop_octaves: float = 0.0
    drop_seconds: float = 0.02
    glide_seconds: float = 0.07
    decay_seconds: float = 2.0
    octave_db: float = -14.0
    attack_seconds: float = 0.004


def sub(settings: Sub) -> Voice:
    """A voice with these settings."""
    return partial(_play, settings=settings)


def _play(tone: Tone, settings: Sub) -> np.ndarray:
    t = envelopes.times(tone.n_samples, tone.sample_rate)
    octaves = settings.drop_octaves * envelopes.decay(t, settings.drop_seconds)
    if tone.from_hz is not None:
        # A connected note slides instead of dropping in.
        octaves = np.log2(tone.from_hz / tone.hz) * (1.0 - envelopes.swell(t, settings.glide_seconds))
    turns = np.cumsum(envelopes.spread(tone.hz * 2.0**octaves, tone.n_samples), dtype=np.float64) / tone.sample_rate
    angle = (2.0 * np.pi * (turns - np.floor(turns))).astype(np.float32)
    wave = np.sin(angle) + np.float32(10.0 ** (settings.octave_db / 20.0)) * np.sin(2.0 * angle)
    level = envelopes.spread(envelopes.decay(t, settings.decay_seconds), tone.n_samples)
    out = np.empty((2, 1, tone.n_samples), dtype=np.float32)
    for i, drive in enumerate(settings.drive):
        out[i, 0] = np.tanh(np.float32(drive) * wave * level) / np.float32(np.tanh(drive))
    return envelopes.fade_in(out, settings.attack_seconds, sample_rate=tone.sample_rate)
