"""Sounds without a soundfont: sums of decaying sines for instruments, sweeps and noise for drums. Plain, always there, the same bits.

For machines without any soundfont, and for the notes that one has no sound for. What is *not* here: velocity layers, levels (see
`music.synth`, which treats these sounds as it does those of a soundfont).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_HIGHEST_SHARE = 0.45
"""Partials above this share of the sample rate are left out."""


@dataclass(frozen=True)
class Timbre:
    """A family of instruments: level of the partials (partial n has ``n ** -slope``), seconds in which a held note fades to 1/e (0: never),
    attack and release in seconds; ``odd`` leaves out even partials."""

    slope: float
    decay_seconds: float
    attack_seconds: float
    release_seconds: float
    odd: bool = False


_PLUCKED = Timbre(1.2, 0.9, 0.002, 0.25)
_FAMILIES: tuple[Timbre, ...] = (
    Timbre(1.6, 1.6, 0.002, 0.3),  # piano
    Timbre(2.2, 0.7, 0.001, 0.5),  # bells
    Timbre(1.4, 0.0, 0.01, 0.1),  # organ
    _PLUCKED,  # guitar
    Timbre(1.5, 1.4, 0.004, 0.15),  # bass
    Timbre(1.2, 0.0, 0.06, 0.3),  # strings
    Timbre(1.3, 0.0, 0.08, 0.35),  # ensemble
    Timbre(1.0, 0.0, 0.03, 0.15),  # brass
    Timbre(1.3, 0.0, 0.03, 0.12, odd=True),  # reed
    Timbre(2.4, 0.0, 0.04, 0.12),  # pipe
    Timbre(1.0, 0.0, 0.005, 0.12),  # synthesiser lead
    Timbre(1.6, 0.0, 0.15, 0.6),  # synthesiser pad
    Timbre(1.6, 1.2, 0.02, 0.5),  # effects
    _PLUCKED,  # plucked instruments of the world
    Timbre(2.0, 0.3, 0.001, 0.2),  # tuned percussion
    Timbre(1.0, 0.3, 0.001, 0.2),  # noises
)
"""The sixteen families of eight programs each of General MIDI."""


def tone(sample_rate: int, program: int, pitch: int, seconds: float) -> tuple[np.ndarray, float]:
    """A note that is held, longer by its release, and that release in seconds: float64 [N] in -1..1, float.

    Parameters
    ----------
    program, pitch : 0..127, General MIDI.
    seconds : for how long it may be held.
    """
    timbre = _FAMILIES[program // 8]
    t = np.arange(max(1, round((seconds + timbre.release_seconds) * sample_rate))) / sample_rate
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    out = np.zeros_like(t)
    for n in range(1, 17, 2 if timbre.odd else 1):
        if n * hertz > _HIGHEST_SHARE * sample_rate:
            break
        # Higher partials die away faster, as on strings and plates.
        fade = np.exp(-t * n**0.5 / timbre.decay_seconds) if timbre.decay_seconds else 1.0
        out += n**-timbre.slope * np.sin(2 * np.pi * n * hertz * t) * fade
    out *= np.minimum(t / timbre.attack_seconds, 1.0)
    return out / max(float(np.abs(out).max()), 1e-9), timbre.release_seconds


def drum(sample_rate: int, pitch: int) -> np.ndarray:
    """A drum of the General MIDI drum map, float64 [N] in -1..1: kicks and toms are falling sines, the others noise of their own colour."""
    t = np.arange(round(0.6 * sample_rate)) / sample_rate
    if pitch in (35, 36) or pitch in (41, 43, 45, 47, 48, 50):
        low, decay = (48.0, 0.14) if pitch < 37 else (70.0 + 12.0 * (pitch - 41), 0.18)
        swept = low * t + 2.2 * low * 0.03 * (1 - np.exp(-t / 0.03))  # the phase of a frequency that falls to ``low``
        return np.sin(2 * np.pi * swept) * np.exp(-t / decay)
    noise = np.random.default_rng(pitch).standard_normal(len(t))
    bright = np.diff(noise, prepend=0.0)
    if pitch in (38, 40):
        out = (0.6 * noise + 0.8 * np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.09)
    else:
        out = bright * np.exp(-t / {42: 0.03, 44: 0.03, 46: 0.18, 49: 0.35, 51: 0.25, 57: 0.35}.get(pitch, 0.06))
    return np.asarray(out / np.abs(out).max())
