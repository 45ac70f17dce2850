"""Drawbar organ: nine sine partials, a percussive one that dies, the click of the keys, and a rotating loudspeaker.

Footages 16', 5 1/3', 8', 4', 2 2/3', 2', 1 3/5', 1 1/3', 1' sound at 1/2, 3/2, 1, 2, 3, 4, 5, 6 and 8 times the note.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.loops import layered, loop_length, partial_loop
from dance2music.sound.patch import Tone, Voice
from dance2music.sound.randomness import noise, phases

_FOOTAGES = np.array([0.5, 1.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0])
_STOP_DB = 3.0
"""Each of a drawbar's eight stops is three decibels."""


@dataclass(frozen=True)
class Organ:
    """Settings: ``drawbars`` 0..8 for each footage; ``percussion`` its level, at ``percussion_ratio`` times the note, dying in
    ``percussion_seconds``; ``click_db``; ``rotor_hz`` and ``rotor`` of the loudspeaker; ``decay_seconds`` of the whole (organ basses);
    ``drive`` saturates."""

    drawbars: tuple[int, ...] = (8, 8, 8, 0, 0, 0, 0, 0, 0)
    percussion: float = 0.6
    percussion_ratio: float = 3.0
    percussion_seconds: float = 0.15
    click_db: float = -22.0
    rotor_hz: float = 6.6
    rotor: float = 0.35
    decay_seconds: float = 60.0
    drive: float = 0.4


def organ(settings: Organ) -> Voice:
    """A voice with these settings."""
    return partial(_play, settings=settings)


def _play(tone: Tone, settings: Organ) -> np.ndarray:
    # The lowest footage is an octave below: whole periods of that one.
    length, half = loop_length(tone.hz / 2.0, sample_rate=tone.sample_rate, seconds=1.0)
    hz = 2.0 * half
    stops = np.array(settings.drawbars)
    levels = np.where(stops > 0, 10.0 ** (_STOP_DB * (stops - 8) / 20.0), 0.0)
    frequencies = np.append(hz * _FOOTAGES, hz * settings.percussion_ratio)
    treble = np.append(_FOOTAGES >= 1.5, False)
    gains = np.stack([np.append(levels, 0.0) * ~treble, np.append(levels, 0.0) * treble, np.append(np.zeros(9), settings.percussion)])
    loops = partial_loop(frequencies, gains, phases(10, tone.key, 1), length=length, sample_rate=tone.sample_rate)[:, None]
    t = envelopes.times(tone.n_samples, tone.sample_rate)
    whole = envelopes.decay(t, settings.decay_seconds)
    wave = np.sin(2.0 * np.pi * settings.rotor_hz * t)
    blow = whole * envelopes.decay(t, settings.percussion_seconds)
    out = np.empty((2, 2 if settings.rotor else 1, tone.n_samples), dtype=np.float32)
    for i, touch in enumerate((0.5, 1.0)):
        still = np.stack([whole, whole * (1.0 - 0.3 * settings.rotor * wave), touch * blow]).astype(np.float32)
        out[i, 0] = layered(loops, still, tone.n_samples)[0]
        if settings.rotor:
            moving = np.stack([0.0 * whole, whole * settings.rotor * np.roll(wave, 0), 0.0 * whole]).astype(np.float32)
            out[i, 1] = layered(loops, moving, tone.n_samples)[0]
    n = min(tone.n_samples, round(0.012 * tone.sample_rate))
    click = noise(n, tone.key, 2) * np.exp(-np.arange(n) / (0.002 * tone.sample_rate)).astype(np.float32)
    peak = float(np.abs(out[1, 0]).max())
    out[:, 0, :n] += np.float32(0.3 * peak * 10.0 ** (settings.click_db / 20.0)) * click
    out = np.tanh(out * np.float32(settings.drive / (peak + 1e-9))) if settings.drive else out
    return envelopes.fade_in(out, 0.003, sample_rate=tone.sample_rate)
