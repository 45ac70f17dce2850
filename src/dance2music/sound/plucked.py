"""Strings and bars that are struck or plucked and ring: piano, guitars, clavinet, acoustic and electric basses, pizzicato, vibraphone,
music box.

Each partial starts at a level given by the place of the pluck and dies at a rate that grows with its frequency (Fletcher and Rossing, "The
Physics of Musical Instruments", 1998, chapters 2, 9, 12 and 19); stiffness makes strings sharp in their upper partials. Partials share a
few bands, and a band has one decay.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.loops import HIGHEST_SHARE, bands, layered, loop_length, low_pass_gain, partial_loop
from dance2music.sound.patch import Tone, Voice
from dance2music.sound.randomness import noise, phases

_BANDS = 6
_MAX_PARTIALS = 90
_REFERENCE_HZ = 262.0
_LOOP_SECONDS, _LONG_LOOP_SECONDS = 1.3, 2.6


@dataclass(frozen=True)
class Plucked:
    """Settings of a plucked or struck voice.

    Attributes
    ----------
    slope : float, partial n starts with the level ``n ** -slope``.
    place : float in 0..0.5, where along the string it is struck: partials with a node there are missing. 0: no such comb.
    stiffness : float B in f_n = n f sqrt(1 + B n^2).
    ratios : frequencies of the partials relative to the first, for bars; () for strings.
    decay_seconds : of the fundamental of a C4; halves for ``decay_octaves`` octaves up. ``bright_decay_hz``: where partials die twice as
    fast. aftersound : float in 0..1, part that rings four times as long.
    cutoff_hz : (soft, hard) low pass by the touch. ``tracking`` in 0..1: how far it follows the pitch.
    strings : int, 1 or more; more of them beat slightly, and spread by ``width``.
    knock_db, knock_hz, knock_seconds : noise of the hammer or pick relative to the note.
    tremolo_hz, tremolo : of a vibraphone's fans; moves between left and right by ``width``.
    drive : float, 0 is clean.
    """

    slope: float = 1.0
    place: float = 0.13
    stiffness: float = 0.0
    ratios: tuple[float, ...] = ()
    decay_seconds: float = 1.0
    decay_octaves: float = 1.5
    bright_decay_hz: float = 1200.0
    aftersound: float = 0.0
    cutoff_hz: tuple[float, float] = (1200.0, 5000.0)
    tracking: float = 0.5
    strings: int = 1
    width: float = 0.0
    knock_db: float | None = None
    knock_hz: float = 1500.0
    knock_seconds: float = 0.006
    tremolo_hz: float = 0.0
    tremolo: float = 0.0
    attack_seconds: float = 0.001
    drive: float = 0.0


def plucked(settings: Plucked) -> Voice:
    """A voice with these settings."""
    return partial(_play, settings=settings)


def _play(tone: Tone, settings: Plucked) -> np.ndarray:
    seconds = _LONG_LOOP_SECONDS if tone.hz < 120.0 else _LOOP_SECONDS
    length, hz = loop_length(tone.hz, sample_rate=tone.sample_rate, seconds=seconds)
    frequencies, amplitudes = _partials(hz, tone.sample_rate, settings)
    centers = np.geomspace(hz, max(9000.0, 2.0 * hz), _BANDS)
    gains = bands(frequencies, centers) * amplitudes
    angle = phases(len(frequencies), tone.key, 1)
    rows = [partial_loop(frequencies, gains, angle, length=length, sample_rate=tone.sample_rate)]
    if settings.strings > 1:
        # A second string one bin away beats with the first; half of it goes to the side.
        step = tone.sample_rate / length
        other = partial_loop(frequencies + step, gains, phases(len(frequencies), tone.key, 2), length=length, sample_rate=tone.sample_rate)
        high = np.clip(np.log2(centers / 130.0) / 2.0, 0.0, 1.0)[:, None].astype(np.float32)
        rows = [rows[0] + 0.5 * other, settings.width * high * other]
    loops = np.stack(rows, axis=1)
    t = envelopes.times(tone.n_samples, tone.sample_rate)
    fundamental = settings.decay_seconds * 2.0 ** (-np.log2(hz / _REFERENCE_HZ) / settings.decay_octaves)
    falls = fundamental / (1.0 + centers / settings.bright_decay_hz)
    curves = (1.0 - settings.aftersound) * envelopes.decay(t, falls[:, None]) + settings.aftersound * envelopes.decay(t, 4 * falls[:, None])
    track = (hz / _REFERENCE_HZ) ** settings.tracking
    out = np.empty((2, loops.shape[1], tone.n_samples), dtype=np.float32)
    for i, cutoff in enumerate(settings.cutoff_hz):
        weights = curves * low_pass_gain(centers, cutoff * track, poles=2)[:, None]
        out[i] = layered(loops, weights.astype(np.float32), tone.n_samples)
    if settings.tremolo:
        wave = envelopes.spread(np.sin(2.0 * np.pi * settings.tremolo_hz * t), tone.n_samples) * np.float32(settings.tremolo)
        out = np.stack([out[:, 0] * (1.0 + wave * (1.0 - settings.width)), out[:, 0] * wave * settings.width], axis=1)
    if settings.knock_db is not None:
        _knock(out, tone, settings)
    if settings.drive:
        out = np.tanh(out * np.float32((0.5 + settings.drive) / (np.abs(out[1]).max() + 1e-9)))
    return envelopes.fade_in(out, settings.attack_seconds, sample_rate=tone.sample_rate)


def _partials(hz: float, sample_rate: int, settings: Plucked) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and first levels of all partials, float64 [P] each."""
    if settings.ratios:
        ratios = np.array(settings.ratios)
        return hz * ratios, np.maximum(1.0, np.arange(1.0, len(ratios) + 1)) ** -settings.slope
    n = np.arange(1, min(_MAX_PARTIALS, max(2, int(HIGHEST_SHARE * sample_rate / hz))) + 1)
    comb = np.abs(np.sin(np.pi * n * settings.place)) + 0.04 if settings.place else 1.0
    return n * hz * np.sqrt(1.0 + settings.stiffness * n**2), n**-settings.slope * comb


def _knock(sound: np.ndarray, tone: Tone, settings: Plucked) -> None:
    """Add the noise of the strike, in place; a soft one has half of it."""
    from scipy.signal import butter, sosfilt

    assert settings.knock_db is not None
    n = min(tone.n_samples, round(8 * settings.knock_seconds * tone.sample_rate))
    high = min(settings.knock_hz * 1.8, 0.45 * tone.sample_rate)
    sections = butter(1, [settings.knock_hz / 1.8, high], btype="bandpass", fs=tone.sample_rate, output="sos").astype(np.float32)
    fall = np.exp(-np.arange(n) / (settings.knock_seconds * tone.sample_rate)).astype(np.float32)
    knock = sosfilt(sections, noise(n, tone.key, 3)) * fall
    envelopes.fade_out(knock, 0.25 * n / tone.sample_rate, sample_rate=tone.sample_rate)
    level = float(np.abs(sound[1, 0]).max()) * 10.0 ** (settings.knock_db / 20.0) / (float(np.abs(knock).max()) + 1e-9)
    sound[0, 0, :n] += np.float32(0.4 * level) * knock
    sound[1, 0, :n] += np.float32(level) * knock
