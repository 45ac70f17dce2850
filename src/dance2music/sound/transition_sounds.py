"""What leads from one section to the next: risers, downlifters, impacts, reversed cymbals, crashes; and the crackle of old records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dance2music.errors import InputError
from dance2music.sound import envelopes
from dance2music.sound.loops import bands
from dance2music.sound.metals import Metal
from dance2music.sound.randomness import noise, uniforms

TransitionKind = Literal["riser", "downlifter", "impact", "reverse", "crash"]
KINDS: tuple[TransitionKind, ...] = ("riser", "downlifter", "impact", "reverse", "crash")

_BANDS = 10
_LOW_HZ, _HIGH_HZ = 220.0, 11000.0
_REFERENCE_RMS = 0.06
_CRASH = Metal(low_hz=1900.0, hiss=1.0, cloud=0.9, lines=220, decay_seconds=(1.0, 0.5), strike=0.5, width=0.8)
_CRACKLES_PER_SECOND = 9.0
_LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Transition:
    """One effect at a border between sections.

    Attributes
    ----------
    time_seconds : float, the border. Risers and reversed cymbals end there; downlifters, impacts and crashes begin there.
    kind : one of `KINDS`.
    length_seconds : float > 0; of impacts and crashes the longest ring.
    level : float, linear; 1 is the usual level.
    """

    time_seconds: float
    kind: TransitionKind
    length_seconds: float = 2.0
    level: float = 1.0


def place_transitions(transitions: Sequence[Transition], out: np.ndarray, *, sample_rate: int, seed: int) -> None:
    """Add transitions to ``out``, float32 [2, N], in place; what lies before 0 or after the end is cut.

    Raises
    ------
    InputError
        If a kind is unknown, or a time, length or level is not a number or out of range.
    """
    for index, transition in enumerate(transitions):
        _check(transition)
        if not _heard(transition, out.shape[-1] / sample_rate):
            continue
        sound = _sound(transition, sample_rate, seed, index) * np.float32(transition.level)
        at = round(transition.time_seconds * sample_rate)
        if transition.kind in ("riser", "reverse"):
            at -= sound.shape[-1]
        cut, n = max(0, -at), min(sound.shape[-1], out.shape[-1] - at)
        if n > cut:
            out[:, at + cut : at + n] += sound[:, cut:n]


def _heard(transition: Transition, seconds: float) -> bool:
    """Whether it may sound between 0 s and ``seconds``; none is longer than `_LONGEST_SECONDS`."""
    reach = min(transition.length_seconds, _LONGEST_SECONDS) + 0.01
    before = transition.kind in ("riser", "reverse")
    begin, end = (transition.time_seconds - reach * before, transition.time_seconds + reach * (not before))
    return begin < seconds + 0.01 and end > -0.01


def vinyl(n_samples: int, *, sample_rate: int, seed: int) -> np.ndarray:
    """Crackle and hiss of a record at rms 0.01, float32 [2, n_samples]."""
    from dance2music.sound.effects import filtered, high_pass, low_pass

    count = max(1, round(_CRACKLES_PER_SECOND * n_samples / sample_rate))
    common = noise(n_samples, seed, 81, 2)
    out = np.stack([common + noise(n_samples, seed, 81, channel) for channel in range(2)]) * np.float32(0.18)
    at = np.minimum((uniforms(count, seed, 82) * n_samples).astype(int), n_samples - 1)
    size = (14.0 * uniforms(count, seed, 83) ** 4 + 2.0) * np.where(uniforms(count, seed, 84) < 0.5, -1.0, 1.0)
    pan = uniforms(count, seed, 85)
    np.add.at(out[0], at, (size * (1.0 - 0.5 * pan)).astype(np.float32))
    np.add.at(out[1], at, (size * (0.5 + 0.5 * pan)).astype(np.float32))
    out = filtered(out, np.concatenate([high_pass(500.0, sample_rate=sample_rate), low_pass(6500.0, sample_rate=sample_rate)]))
    return np.asarray(out * np.float32(0.01 / (np.sqrt(np.mean(out**2)) + 1e-9)))


def _check(transition: Transition) -> None:
    if transition.kind not in KINDS:
        raise InputError(f"transition {transition.kind!r}: unknown kind; expected one of {', '.join(KINDS)}; correct it")
    numbers = (transition.time_seconds, transition.length_seconds, transition.level)
    if not all(np.isfinite(numbers)) or transition.length_seconds <= 0 or transition.level < 0:
        raise InputError(
            f"transition {transition.kind!r} at {transition.time_seconds} s: length {transition.length_seconds} s, "
            f"level {transition.level}; expected finite numbers, a length above 0 and a level of at least 0; correct it"
        )


def _sound(transition: Transition, sample_rate: int, seed: int, index: int) -> np.ndarray:
    """The whole effect, float32 [2, n]."""
    n = max(8, round(min(transition.length_seconds, _LONGEST_SECONDS) * sample_rate))
    if transition.kind == "riser":
        return _sweep(n, sample_rate, seed, index)
    if transition.kind == "downlifter":
        return np.ascontiguousarray(_sweep(n, sample_rate, seed, index)[:, ::-1])
    if transition.kind == "impact":
        return _impact(n, sample_rate, seed, index)
    mid, side = _CRASH(sample_rate, 1000 + seed + index)[1]
    crash = np.stack([mid + side, mid - side])[:, :n] * np.float32(0.12)
    envelopes.fade_out(crash, 0.25 * n / sample_rate, sample_rate=sample_rate)
    return np.ascontiguousarray(crash[:, ::-1]) if transition.kind == "reverse" else crash


def _sweep(n: int, sample_rate: int, seed: int, index: int) -> np.ndarray:
    """Noise whose middle rises over five octaves while it swells, with a tone that rises along; the last 20 ms fall."""
    from scipy.fft import irfft, next_fast_len

    length = int(next_fast_len(n, real=True))
    axis = np.arange(length // 2 + 1) * (sample_rate / length)
    centers = np.geomspace(_LOW_HZ, min(_HIGH_HZ, 0.4 * sample_rate), _BANDS)
    shape = bands(axis, centers) * (axis > 0.5 * _LOW_HZ) / np.sqrt(np.maximum(axis, _LOW_HZ))
    t = envelopes.times(n, sample_rate) * sample_rate / n
    out = np.zeros((2, n), dtype=np.float32)
    weights = np.exp(-0.5 * ((np.arange(_BANDS)[:, None] - t * (_BANDS - 1)) / 1.4) ** 2) * (0.05 + 0.95 * t**1.6)
    for channel in range(2):
        bins = len(axis)
        hiss = noise(bins, seed, 91, index, channel) + 1j * noise(bins, seed, 92, index, channel)
        for band, weight in zip(shape, weights):
            out[channel] += irfft(hiss * band, length)[:n].astype(np.float32) * envelopes.spread(weight, n)
    out *= np.float32(_REFERENCE_RMS / (np.sqrt(np.mean(out[:, n // 2 :] ** 2)) + 1e-9))
    seconds = np.arange(n) / n
    turns = np.cumsum(110.0 * 2.0 ** (2.0 * seconds)) / sample_rate
    tone = np.tanh(2.0 * np.sin(2.0 * np.pi * (turns - np.floor(turns)))) * 0.02 * seconds**2
    return envelopes.fade_out(out + tone.astype(np.float32), 0.02, sample_rate=sample_rate)


def _impact(n: int, sample_rate: int, seed: int, index: int) -> np.ndarray:
    """A deep boom and a splash of noise that darkens."""
    from dance2music.sound.effects import filtered, low_pass

    t = np.arange(n) / sample_rate
    turns = np.cumsum(38.0 + 60.0 * envelopes.decay(t, 0.06)) / sample_rate
    boom = 0.35 * np.tanh(1.5 * np.sin(2.0 * np.pi * turns) * envelopes.decay(t, 0.45))
    out = np.empty((2, n), dtype=np.float32)
    for channel in range(2):
        hiss = noise(n, seed, 95, index, channel)
        dark = filtered(hiss, low_pass(900.0, sample_rate=sample_rate))
        splash = 0.12 * dark * envelopes.decay(t, 0.35) + 0.03 * hiss * envelopes.decay(t, 0.12)
        out[channel] = boom + splash
    envelopes.fade_in(out, 0.001, sample_rate=sample_rate)
    return envelopes.fade_out(out, 0.3 * n / sample_rate, sample_rate=sample_rate)
