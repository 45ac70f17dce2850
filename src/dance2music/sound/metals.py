"""Hats, rides, crashes, tambourines, shakers: noise, clouds of inharmonic partials and detuned squares, in bands that die at their own
rates.

Cymbals ring long below and short above (Rossing, "Science of Percussion Instruments", 2000, chapter 9); drum machines make hats from six
square waves above 7 kHz. Every sound is float32 [2, 2, n]: soft and hard, mid and side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.loops import bands
from dance2music.sound.randomness import noise, phases, uniforms

_BANDS = 5
_SQUARES_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
"""Oscillators of a well-known drum machine's hats and cymbals, Hz."""


@dataclass(frozen=True)
class Metal:
    """Settings of a cymbal or anything that rattles.

    Attributes
    ----------
    low_hz, high_hz : where the sound begins and where it starts to fall off above.
    hiss, cloud, squares : levels of noise, of ``lines`` random partials, and of the squares' harmonics.
    decay_seconds : (of the lowest band, of the highest).
    ping_hz, ping : frequency and level of a clear stroke tone (ride), dying in ``ping_seconds``.
    strike : level of the stick's first 2 ms, and how much louder all is then; ``attack_seconds``: rise (shakers take long).
    strokes : more than one: jingles that follow each other within some 10 ms.
    tilt_db : per octave, of the whole.
    width : level of the side signal.
    """

    low_hz: float = 6500.0
    high_hz: float = 15000.0
    hiss: float = 1.0
    cloud: float = 0.5
    squares: float = 0.0
    lines: int = 120
    decay_seconds: tuple[float, float] = (0.03, 0.022)
    ping_hz: float = 0.0
    ping: float = 0.0
    ping_seconds: float = 0.25
    strike: float = 0.6
    attack_seconds: float = 0.0003
    strokes: int = 1
    tilt_db: float = 0.0
    width: float = 0.3

    def __call__(self, sample_rate: int, variant: int) -> np.ndarray:
        from scipy.fft import irfft, next_fast_len

        n = round((0.02 * self.strokes + 6.0 * max(self.decay_seconds)) * sample_rate)
        length = int(next_fast_len(n, real=True))
        spectra = np.stack([self._spectrum(length, sample_rate, variant, channel) for channel in range(2)])
        spectra[1] *= self.width
        axis = np.arange(length // 2 + 1) * (sample_rate / length)
        centers = np.geomspace(self.low_hz, min(16000.0, 0.45 * sample_rate), _BANDS)
        layers = irfft(spectra * bands(axis, centers)[:, None], length, axis=-1).astype(np.float32)[..., :n]
        layers /= np.sqrt(np.mean(layers.sum(axis=0)[0] ** 2)) + 1e-9
        t = np.arange(n) / sample_rate
        decays = np.geomspace(*self.decay_seconds, _BANDS)
        out = np.zeros((2, 2, n), dtype=np.float32)
        for k, (layer, seconds) in enumerate(zip(layers, decays)):
            fall = envelopes.decay(t, seconds).astype(np.float32)
            out[0] += layer * fall * np.float32(0.75**k)
            out[1] += layer * fall
        if self.strike:
            # The stroke itself: what rings is loudest in its first milliseconds.
            out *= (1.0 + 2.5 * self.strike * envelopes.decay(t, 0.0025)).astype(np.float32)
        stick = noise(n, variant, 5) * envelopes.decay(t, 0.0012)
        for i, hard in enumerate((0.5, 1.0)):
            out[i, 0] += (2.0 * self.strike * hard * stick).astype(np.float32)
            if self.ping:
                tone = np.sin(2 * np.pi * self.ping_hz * t) + 0.5 * np.sin(2 * np.pi * 1.483 * self.ping_hz * t + 1.0)
                out[i, 0] += (self.ping * tone * envelopes.decay(t, self.ping_seconds) * (0.6 + 0.4 * hard)).astype(np.float32)
        out = self._rattled(out, sample_rate, variant)
        out = _high_passed(out, 0.7 * self.low_hz, sample_rate)
        return envelopes.fade_out(envelopes.fade_in(out, self.attack_seconds, sample_rate=sample_rate), 0.02, sample_rate=sample_rate)

    def _spectrum(self, length: int, sample_rate: int, variant: int, channel: int) -> np.ndarray:
        """Noise, cloud and squares between the corner frequencies, complex64 [length // 2 + 1]."""
        bins = length // 2 + 1
        axis = np.maximum(np.arange(bins) * (sample_rate / length), 1.0)
        shape = 1.0 / np.sqrt((1.0 + (self.low_hz / axis) ** 6) * (1.0 + (axis / self.high_hz) ** 6))
        shape *= 10.0 ** (self.tilt_db * np.log2(axis / self.low_hz) / 20.0)
        spectrum = self.hiss * (noise(bins, variant, 1, channel) + 1j * noise(bins, variant, 2, channel)) / np.sqrt(2.0)
        if self.cloud:
            # The instrument's modes are the same in each stroke; their phases are not.
            top = min(17000.0, 0.46 * sample_rate)
            hz = self.low_hz * 0.7 * (top / (0.7 * self.low_hz)) ** uniforms(self.lines, 31, channel)
            level = self.cloud * np.sqrt(bins / self.lines) * (0.4 + uniforms(self.lines, 32, channel))
            turns = phases(self.lines, variant, 3, channel)
            np.add.at(spectrum, np.rint(hz * length / sample_rate).astype(int), level * np.exp(1j * turns))
        if self.squares:
            for k, base in enumerate(_SQUARES_HZ):
                n = np.arange(1, int(0.46 * sample_rate / base), 2)
                partials = n * base * (1.0 + 0.002 * channel)
                turns = phases(len(n), variant, 4, channel, k)
                strength = self.squares * np.sqrt(bins) * 18.0 / n
                np.add.at(spectrum, np.rint(partials * length / sample_rate).astype(int), strength * np.exp(1j * turns))
        return (spectrum * shape).astype(np.complex64)

    def _rattled(self, sound: np.ndarray, sample_rate: int, variant: int) -> np.ndarray:
        """Several strokes close together, each softer or louder than the last."""
        if self.strokes == 1:
            return sound
        out = np.zeros_like(sound)
        for stroke, (wait, level) in enumerate(zip(uniforms(self.strokes, variant, 6), uniforms(self.strokes, variant, 7))):
            at = round((0.011 * stroke + 0.004 * wait * (stroke > 0)) * sample_rate)
            out[..., at:] += sound[..., : sound.shape[-1] - at] * np.float32(1.0 if stroke == 0 else 0.4 + 0.4 * level)
        return out


def _high_passed(x: np.ndarray, hz: float, sample_rate: int) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(2, hz, btype="highpass", fs=sample_rate, output="sos").astype(np.float32), x))
