"""Subtractive synthesis: saws and pulses of any number of detuned players through a low pass that moves.

One engine for synthesiser basses, stabs, leads, supersaws and pads, and, with per-partial phases, formants and vibrato, for what bows and
blows: string sections, choirs, brass, saxophone, flute. The filter's movement is a cross-fade between layers of one spectrum (`loops`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.loops import HIGHEST_SHARE, layered, loop_length, low_pass_gain, partial_loop
from dance2music.sound.patch import Tone, Voice
from dance2music.sound.randomness import noise, phases, uniforms

_LAYERS = 6
_REFERENCE_HZ = 262.0
_SHORT_LOOP_SECONDS, _LONG_LOOP_SECONDS = 1.0, 2.4


@dataclass(frozen=True)
class Analog:
    """Settings of a subtractive voice.

    Attributes
    ----------
    saw, pulse, sub : float, levels of a saw, of a pulse of ``pulse_width`` and of a sine an octave below.
    slope : float, the saw's partial n has the level ``n ** -slope``.
    detunes_cents : one value per player; players stand from left to right by ``width`` in 0..1.
    blended : bool, partials have phases of their own (many players); else those of one oscillator.
    cutoff_hz : (closed, open), of the filter for a C4; follows the pitch by ``tracking`` in 0..1.
    rest, peak : float in 0..1, place of the filter between closed and open when a hard note rests and where its envelope starts or goes.
    open_seconds, sweep_seconds : time to open (0: at once) and to fall from ``peak`` to ``rest``.
    softness : float in 0..1, how much less a soft note opens the filter.
    resonance, poles : of the filter.
    formants : (frequency in Hz, gain in dB, width in octaves) of bumps that stay where they are (bodies, vowels).
    attack_seconds, decay_seconds, sustain : of the level.
    drive : float, 0 is clean, 1 to 4 saturates.
    vibrato_cents, vibrato_hz, scoop_cents : of the pitch; a note starts ``scoop_cents`` below and arrives within some 60 ms.
    breath_db, breath_hz : level and middle of blown noise, or None.
    """

    saw: float = 1.0
    pulse: float = 0.0
    pulse_width: float = 0.5
    sub: float = 0.0
    slope: float = 1.0
    detunes_cents: tuple[float, ...] = (0.0,)
    width: float = 0.0
    blended: bool = False
    cutoff_hz: tuple[float, float] = (300.0, 6000.0)
    tracking: float = 0.4
    rest: float = 0.5
    peak: float = 0.9
    open_seconds: float = 0.0
    sweep_seconds: float = 0.2
    softness: float = 0.4
    resonance: float = 0.7
    poles: int = 4
    formants: tuple[tuple[float, float, float], ...] = ()
    attack_seconds: float = 0.003
    decay_seconds: float = 10.0
    sustain: float = 1.0
    drive: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.3
    scoop_cents: float = 0.0
    breath_db: float | None = None
    breath_hz: float = 3000.0


def analog(settings: Analog) -> Voice:
    """A voice with these settings."""
    return partial(_play, settings=settings)


def _play(tone: Tone, settings: Analog) -> np.ndarray:
    t = envelopes.times(tone.n_samples, tone.sample_rate)
    weights = np.stack([_weights(t, settings, openness) for openness in (1.0 - settings.softness, 1.0)])
    used = np.flatnonzero(weights.any(axis=(0, 2)))
    loops = _loops(tone, settings, used)
    out = np.stack([layered(loops, layers, tone.n_samples) for layers in weights[:, used]])
    if settings.vibrato_cents or settings.scoop_cents:
        out = _bend(out, tone, settings)
    if settings.breath_db is not None:
        _blow(out, tone, settings)
    if settings.drive:
        peak = float(np.abs(out[1]).max()) + 1e-9
        out = np.tanh(out * np.float32((0.5 + settings.drive) / peak))
    return envelopes.fade_in(out, settings.attack_seconds, sample_rate=tone.sample_rate)


def _weights(t: np.ndarray, settings: Analog, openness: float) -> np.ndarray:
    """Level of each filter setting over time, float32 [layers, blocks + 1]."""
    fall = envelopes.decay(np.maximum(t - settings.open_seconds, 0.0), settings.sweep_seconds)
    place: np.ndarray = settings.rest + (settings.peak - settings.rest) * fall
    if settings.open_seconds > 0:
        place = place * envelopes.swell(t + 0.25 * settings.open_seconds, settings.open_seconds)
    place = np.clip(place * openness, 0.0, 1.0) * (_LAYERS - 1)
    level = settings.sustain + (1.0 - settings.sustain) * envelopes.decay(t, settings.decay_seconds)
    share = np.maximum(0.0, 1.0 - np.abs(place[None] - np.arange(_LAYERS)[:, None])) * level
    return share.astype(np.float32)


def _loops(tone: Tone, settings: Analog, used: np.ndarray) -> np.ndarray:
    """The players through each used filter setting, float32 [K, C, L]."""
    many = len(settings.detunes_cents) > 1
    seconds = _LONG_LOOP_SECONDS if many else _SHORT_LOOP_SECONDS
    length, hz = loop_length(tone.hz, sample_rate=tone.sample_rate, seconds=seconds)
    step = tone.sample_rate / length
    bases: np.ndarray = np.rint(hz * 2.0 ** (np.array(settings.detunes_cents) / 1200.0) / step) * step
    harmonics: np.ndarray = np.arange(1.0, max(2, int(HIGHEST_SHARE * tone.sample_rate / hz)) + 1.0)
    pulse = 2.0 * np.sin(np.pi * harmonics * settings.pulse_width) / (harmonics * np.pi)
    spectrum: np.ndarray = settings.saw * harmonics**-settings.slope * 2.0 / np.pi + settings.pulse * pulse
    if settings.sub:
        bases, spectrum = bases / 2.0, _with_sub(spectrum, settings.sub)
    harmonics = np.arange(1.0, len(spectrum) + 1.0)
    frequencies = bases[:, None] * harmonics
    start = phases(len(bases), tone.key, 1)[:, None] if many else np.zeros((1, 1))
    angle = phases(frequencies.size, tone.key, 2).reshape(frequencies.shape) if settings.blended else start * harmonics
    closed, opened = settings.cutoff_hz
    cutoffs = np.geomspace(closed, opened, _LAYERS)[used] * (tone.hz / _REFERENCE_HZ) ** settings.tracking
    gains = np.stack([low_pass_gain(frequencies, c, resonance=settings.resonance, poles=settings.poles) for c in cutoffs])
    for center, gain_db, octaves in settings.formants:
        gains = gains * 10.0 ** (gain_db / 20.0 * np.exp(-0.5 * (np.log2(frequencies / center) / octaves) ** 2))
    gains = gains * spectrum / np.sqrt(len(bases))
    if settings.width and many:
        # High partials spread more than low ones, which stay in the middle.
        pans = np.linspace(-1.0, 1.0, len(bases))[np.argsort(uniforms(len(bases), tone.key, 3))]
        side = gains * (settings.width * pans[:, None] * np.clip(np.log2(frequencies / 110.0) / 2.0, 0.0, 1.0))
        gains = np.stack([gains, side], axis=1)
    else:
        gains = gains[:, None]
    flat = gains.reshape(*gains.shape[:2], -1)
    return partial_loop(frequencies.ravel(), flat, angle.ravel(), length=length, sample_rate=tone.sample_rate)


def _with_sub(spectrum: np.ndarray, sub: float) -> np.ndarray:
    """The spectrum counted from the octave below, whose first partial is the sub oscillator."""
    lower = np.zeros(2 * len(spectrum))
    lower[1::2] = spectrum
    lower[0] = sub
    return lower


def _bend(sound: np.ndarray, tone: Tone, settings: Analog) -> np.ndarray:
    """Vibrato that sets in after the attack, and a scoop into the note: the sound read at moved times."""
    t = np.arange(tone.n_samples) / tone.sample_rate
    swing = 2.0 ** (settings.vibrato_cents / 1200.0) - 1.0
    turn = 2.0 * np.pi * settings.vibrato_hz
    delay = swing / turn * envelopes.swell(t - 0.12, 0.35) * (1.0 - np.cos(turn * t))
    fall = 2.0 ** (settings.scoop_cents / 1200.0) - 1.0
    delay = delay + fall * 0.02 * (1.0 - envelopes.decay(t, 0.02))
    at = np.maximum((t - delay) * tone.sample_rate, 0.0)
    whole = np.minimum(at.astype(np.int64), tone.n_samples - 2)
    share = (at - whole).astype(np.float32)
    return sound[..., whole] * (1.0 - share) + sound[..., whole + 1] * share


def _blow(sound: np.ndarray, tone: Tone, settings: Analog) -> None:
    """Add breath noise under the note, stronger at its start."""
    from scipy.signal import butter, sosfilt

    assert settings.breath_db is not None
    high = min(settings.breath_hz * 2.0, 0.45 * tone.sample_rate)
    sections = butter(1, [settings.breath_hz / 2.0, high], btype="bandpass", fs=tone.sample_rate, output="sos").astype(np.float32)
    breath = sosfilt(sections, noise(tone.n_samples, tone.key, 4))
    curve = 1.0 + 3.0 * envelopes.decay(envelopes.times(tone.n_samples, tone.sample_rate), 0.04)
    rms = np.sqrt(np.mean(sound[1, 0] ** 2)) / (np.sqrt(np.mean(breath**2)) + 1e-9)
    sound[:, 0] += breath * envelopes.spread(curve, tone.n_samples) * np.float32(rms * 10.0 ** (settings.breath_db / 20.0))
