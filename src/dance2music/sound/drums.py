"""Kick, snare, clap, stick, snap and toms. Each sound is made soft and hard, in a few variants that differ as strokes do.

Every function gives float32 [2, C, n]: a soft and a hard stroke, mono (C = 1) or mid and side (C = 2), from its very first sample on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.randomness import noise, uniform


@dataclass(frozen=True)
class Kick:
    """A sine that falls from ``start_hz`` to ``end_hz`` in about ``fall_seconds``, held and then dying in ``decay_seconds``.

    ``click``: level of a click of 2 ms below ``click_hz``; ``knock``: level of a second, faster fall from above 1 kHz; ``shell``: level of
    a damped second mode (acoustic drums); ``drive`` saturates; ``hold_seconds``: full level before the decay. ``beater``: level of what
    strikes the head, noise about ``beater_hz`` that dies in ``beater_seconds``: what is left of a kick on the loudspeaker of a phone.
    """

    start_hz: float = 210.0
    end_hz: float = 50.0
    fall_seconds: float = 0.022
    decay_seconds: float = 0.13
    hold_seconds: float = 0.03
    click: float = 0.25
    click_hz: float = 6000.0
    knock: float = 0.3
    shell: float = 0.0
    drive: float = 1.2
    beater: float = 0.5
    beater_hz: float = 3200.0
    beater_seconds: float = 0.006

    def __call__(self, sample_rate: int, variant: int) -> np.ndarray:
        seconds = self.hold_seconds + 6.5 * self.decay_seconds
        t = np.arange(round(seconds * sample_rate)) / sample_rate
        out = np.empty((2, 1, len(t)), dtype=np.float32)
        tune = 1.0 + 0.006 * (uniform(variant, 1) - 0.5)
        struck = _band(noise(len(t), variant, 3), 0.6 * self.beater_hz, 1.7 * self.beater_hz, sample_rate)
        struck = struck * envelopes.decay(t, self.beater_seconds)
        for i, (reach, click) in enumerate(((0.6, 0.35), (1.0, 1.0))):
            sweep = (self.start_hz - self.end_hz) * reach * envelopes.decay(t, self.fall_seconds)
            chirp = 1100.0 * self.knock * click * envelopes.decay(t, 0.0022)
            turns = np.cumsum(self.end_hz * tune + sweep + chirp) / sample_rate
            body = np.sin(2.0 * np.pi * turns) * np.exp(-np.maximum(t - self.hold_seconds, 0.0) / self.decay_seconds)
            if self.shell:
                body += self.shell * np.sin(2.0 * np.pi * turns * 1.59 + 0.4) * envelopes.decay(t, 0.035)
            body = np.tanh(self.drive * body) / np.tanh(self.drive)
            hit = _low_passed(noise(len(t), variant, 2), self.click_hz, sample_rate) * envelopes.decay(t, 0.0016)
            out[i, 0] = body + self.click * click * hit + self.beater * click * struck
        envelopes.fade_in(out, 0.0004, sample_rate=sample_rate)
        return envelopes.fade_out(out, 0.02, sample_rate=sample_rate)


@dataclass(frozen=True)
class Snare:
    """Two modes of the head, ``body_hz`` and 1.72 times that, which die in ``body_seconds``, and the wires: noise from ``wire_hz`` up to
    ``bright_hz`` that dies in ``wire_seconds``. ``crack`` is the level of the first milliseconds; ``gate_seconds`` above 0 cuts the wires
    off (gated room of the eighties) after holding them; ``ring`` is an overtone of the shell, ``metal`` an industrial clang."""

    body_hz: float = 190.0
    body_seconds: float = 0.055
    body: float = 0.75
    wire_hz: float = 1500.0
    bright_hz: float = 11000.0
    wire_seconds: float = 0.085
    wires: float = 0.7
    crack: float = 0.5
    gate_seconds: float = 0.0
    ring: float = 0.0
    metal: float = 0.0
    drive: float = 0.8
    attack_seconds: float = 0.0003
    width: float = 0.15

    def __call__(self, sample_rate: int, variant: int) -> np.ndarray:
        seconds = max(7.0 * self.wire_seconds, 7.0 * self.body_seconds, self.gate_seconds + 0.05)
        t = np.arange(round(seconds * sample_rate)) / sample_rate
        tune = 1.0 + 0.012 * (uniform(variant, 1) - 0.5)
        pitch = self.body_hz * tune * (1.0 + 0.35 * envelopes.decay(t, 0.006))
        turns = 2.0 * np.pi * np.cumsum(pitch) / sample_rate
        fall = envelopes.decay(t, self.body_seconds)
        body = self.body * (np.sin(turns + 0.5) * fall + 0.55 * np.sin(1.72 * turns + 1.0) * fall**1.7)
        ring = self.ring * np.sin(2.0 * np.pi * 3.1 * self.body_hz * t) * envelopes.decay(t, 0.12)
        if self.metal:
            ring = ring + self.metal * sum(
                np.sin(2.0 * np.pi * hz * tune * t + 0.7 * hz) * envelopes.decay(t, 0.09) for hz in (611.0, 987.0, 1433.0, 2141.0, 3307.0)
            )
        if self.gate_seconds:
            wire = np.clip((self.gate_seconds - t) / 0.025, 0.0, 1.0) * (0.45 + 0.55 * envelopes.decay(t, self.wire_seconds))
        else:
            wire = 0.75 * envelopes.decay(t, self.wire_seconds) + 0.25 * envelopes.decay(t, self.wire_seconds / 4.0)
        wire = wire * (1.0 + 1.6 * self.crack * envelopes.decay(t, 0.003))
        crack = 1.8 * self.crack * envelopes.decay(t, 0.0022)
        out = np.empty((2, 2, len(t)), dtype=np.float32)
        hisses = [_band(_tilted(noise(len(t), variant, 2 + c), sample_rate), self.wire_hz, self.bright_hz, sample_rate) for c in range(2)]
        dull = [_low_passed(hiss, 4500.0, sample_rate) for hiss in hisses]
        cracks = _low_passed(noise(len(t), variant, 5), 9000.0, sample_rate)
        for i, source in enumerate((dull, hisses)):
            amount = (0.75, 1.0)[i]
            mid = body + ring * amount + 2.6 * self.wires * amount * wire * source[0] + crack * amount * cracks
            out[i, 0] = np.tanh(self.drive * mid) if self.drive else mid
            out[i, 1] = 1.6 * self.width * self.wires * wire * source[1]
        envelopes.fade_in(out, self.attack_seconds, sample_rate=sample_rate)
        return envelopes.fade_out(out, 0.02, sample_rate=sample_rate)


@dataclass(frozen=True)
class Clap:
    """Hands that do not meet at once: ``bursts`` of noise ``gap_seconds`` apart and a tail of ``tail_seconds``, between two frequencies."""

    bursts: int = 3
    gap_seconds: float = 0.0095
    tail_seconds: float = 0.065
    low_hz: float = 900.0
    high_hz: float = 5200.0
    width: float = 0.45

    def __call__(self, sample_rate: int, variant: int) -> np.ndarray:
        t = np.arange(round((self.bursts * self.gap_seconds + 6.0 * self.tail_seconds) * sample_rate)) / sample_rate
        envelope = np.zeros_like(t)
        begin = 0.0
        for burst in range(self.bursts):
            last = burst == self.bursts - 1
            since = t - begin
            fall = 0.25 * np.exp(-since / self.tail_seconds) + 0.75 * np.exp(-since / 0.012) if last else np.exp(-since / 0.0032)
            envelope = np.where(since >= 0.0, fall * (0.8 if last else 1.2 if burst == 0 else 0.95), envelope)
            begin += self.gap_seconds * (0.9 + 0.2 * uniform(variant, 7, burst))
        out = np.empty((2, 2, len(t)), dtype=np.float32)
        for channel, level in enumerate((1.0, self.width)):
            hiss = _band(noise(len(t), variant, 11 + channel), self.low_hz, self.high_hz, sample_rate)
            for i, bright in enumerate((0.55, 1.0)):
                out[i, channel] = level * envelope * (_low_passed(hiss, 6500.0 * bright, sample_rate) + 0.06 * bright * hiss)
        return envelopes.fade_out(envelopes.fade_in(out, 0.0003, sample_rate=sample_rate), 0.02, sample_rate=sample_rate)


@dataclass(frozen=True)
class Stick:
    """Something short and hard: a few damped partials (frequency in Hz, level, seconds) and a click of ``click`` level. Side sticks,
    claves, wood blocks, cowbells, triangles, agogos; ``squared`` makes the partials square waves, as drum machines' cowbells are."""

    partials: tuple[tuple[float, float, float], ...] = (
        (480.0, 0.5, 0.018),
        (820.0, 0.8, 0.014),
        (1730.0, 1.0, 0.012),
        (3150.0, 0.4, 0.006),
    )
    click: float = 0.5
    squared: bool = False
    high_pass_hz: float = 250.0

    def __call__(self, sample_rate: int, variant: int) -> np.ndarray:
        t = np.arange(round(7.0 * max(seconds for _, _, seconds in self.partials) * sample_rate)) / sample_rate
        tune = 1.0 + 0.008 * (uniform(variant, 1) - 0.5)
        out = np.zeros((2, 1, len(t)), dtype=np.float32)
        for hz, level, seconds in self.partials:
            for i, bright in enumerate((min(1.0, 900.0 / hz), 1.0)):
                overtones = [k for k in ((1, 3, 5, 7, 9) if self.squared else (1,)) if hz * k < 0.45 * sample_rate]
                wave = sum(np.sin(2.0 * np.pi * hz * tune * k * t) / k for k in overtones)
                out[i, 0] += (level * (0.4 + 0.6 * bright) * wave * envelopes.decay(t, seconds)).astype(np.float32)
        click = noise(len(t), variant, 2) * envelopes.decay(t, 0.0012)
        out[0, 0] += 0.3 * self.click * click
        out[1, 0] += self.click * click
        out = _high_passed(out, self.high_pass_hz, sample_rate)
        return envelopes.fade_out(envelopes.fade_in(out, 0.0003, sample_rate=sample_rate), 0.01, sample_rate=sample_rate)


@dataclass(frozen=True)
class Skin:
    """A tom, conga, bongo or timbale: a head whose pitch falls to ``hz`` from ``bend`` times that, a second mode, and the slap of the hand
    or stick between ``slap_hz`` and twice that."""

    hz: float = 110.0
    bend: float = 1.5
    bend_seconds: float = 0.04
    decay_seconds: float = 0.22
    second: float = 0.35
    slap: float = 0.35
    slap_hz: float = 2500.0
    slap_seconds: float = 0.006

    def __call__(self, sample_rate: int, variant: int) -> np.ndarray:
        t = np.arange(round(6.0 * self.decay_seconds * sample_rate)) / sample_rate
        tune = 1.0 + 0.01 * (uniform(variant, 1) - 0.5)
        out = np.empty((2, 1, len(t)), dtype=np.float32)
        slap = _band(noise(len(t), variant, 2), self.slap_hz, 2.0 * self.slap_hz, sample_rate) * envelopes.decay(t, self.slap_seconds)
        for i, hard in enumerate((0.45, 1.0)):
            pitch = self.hz * tune * (1.0 + (self.bend - 1.0) * hard * envelopes.decay(t, self.bend_seconds))
            turns = 2.0 * np.pi * np.cumsum(pitch) / sample_rate
            body = np.sin(turns) * envelopes.decay(t, self.decay_seconds)
            body = body + self.second * hard * np.sin(1.59 * turns + 0.5) * envelopes.decay(t, 0.4 * self.decay_seconds)
            out[i, 0] = np.tanh(0.9 * body) + 2.0 * self.slap * hard * slap
        return envelopes.fade_out(envelopes.fade_in(out, 0.0004, sample_rate=sample_rate), 0.02, sample_rate=sample_rate)


def _tilted(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Noise that falls by 6 dB per octave above 4 kHz, as wires do."""
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(1, 4000.0, fs=sample_rate, output="sos").astype(np.float32), x))


def _low_passed(x: np.ndarray, hz: float, sample_rate: int) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    hz = min(hz, 0.45 * sample_rate)
    return np.asarray(sosfilt(butter(2, hz, fs=sample_rate, output="sos").astype(np.float32), np.asarray(x, dtype=np.float32)))


def _high_passed(x: np.ndarray, hz: float, sample_rate: int) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(2, hz, btype="highpass", fs=sample_rate, output="sos").astype(np.float32), x))


def _band(x: np.ndarray, low_hz: float, high_hz: float, sample_rate: int) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    high = min(high_hz, 0.45 * sample_rate)
    sections = butter(2, [min(low_hz, 0.8 * high), high], btype="bandpass", fs=sample_rate, output="sos")
    return np.asarray(sosfilt(sections.astype(np.float32), x))
