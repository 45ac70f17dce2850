"""Held sound from spectra: partials are laid into the bins of one long inverse Fourier transform, which gives a loop without a seam.

The idea is Paul Nasca's PADsynth (2006): a loop of one to three seconds holds any number of detuned players at no cost. Here a sound is a
few such loops that share their phases (layers): the same partials through several filter settings, or in several bands. What a filter
envelope or a string's decay does over time is then a weight per layer, and a note of any length is a weighted sum of slices (`layered`).

Shapes: K layers, C channels (1: mono; 2: mid and side, so left is mid + side), P partials, n samples.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dance2music.sound.envelopes import spread

HIGHEST_SHARE = 0.46
"""Partials above this share of the sample rate are left out."""

_PERIODS_EXACT_CENTS = 1.5


@lru_cache(maxsize=32)
def _smooth_lengths(low: int, high: int) -> np.ndarray:
    """Even lengths whose only prime factors are 2, 3, 5 and 7, which transform fast."""
    found = {2 * a * b * c * d for a in _powers(2, high) for b in _powers(3, high) for c in _powers(5, high) for d in _powers(7, high)}
    return np.array(sorted(v for v in found if low <= v <= high))


def _powers(base: int, limit: int) -> list[int]:
    values = [1]
    while values[-1] * base <= limit:
        values.append(values[-1] * base)
    return values


def loop_length(hz: float, *, sample_rate: int, seconds: float) -> tuple[int, float]:
    """Length of a loop in samples near ``seconds`` that holds whole periods of ``hz``, and the frequency that it then has (within 1.5 cents
    from 27 Hz up)."""
    lengths = _smooth_lengths(round(seconds * sample_rate), round(1.35 * seconds * sample_rate))
    periods = np.maximum(1.0, np.round(lengths * hz / sample_rate))
    cents = np.abs(1200.0 * np.log2(periods * sample_rate / lengths / hz))
    good = np.flatnonzero(cents < _PERIODS_EXACT_CENTS)
    best = int(good[0]) if len(good) else int(np.argmin(cents))
    return int(lengths[best]), float(periods[best] * sample_rate / lengths[best])


def partial_loop(frequencies_hz: np.ndarray, amplitudes: np.ndarray, phases: np.ndarray, *, length: int, sample_rate: int) -> np.ndarray:
    """Sum of sines at the bins nearest to their frequencies.

    Parameters
    ----------
    frequencies_hz, phases : float [P]; partials too near half the sample rate are left out.
    amplitudes : float [..., P].

    Returns
    -------
    float32 [..., length], to be repeated end to end.
    """
    from scipy.fft import irfft

    bins = np.rint(frequencies_hz * length / sample_rate).astype(np.int64)
    kept = np.flatnonzero((bins > 0) & (frequencies_hz < HIGHEST_SHARE * sample_rate))
    kept = kept[np.argsort(bins[kept], kind="stable")]
    spectrum = np.zeros((*amplitudes.shape[:-1], length // 2 + 1), dtype=np.complex64)
    if len(kept):
        # Partials that share a bin are added up.
        places, firsts = np.unique(bins[kept], return_index=True)
        turns = (-0.5j * length) * np.exp(1j * phases[kept])
        spectrum[..., places] = np.add.reduceat(amplitudes[..., kept] * turns, firsts, axis=-1)
    return np.asarray(irfft(spectrum, length, axis=-1), dtype=np.float32)


def layered(loops: np.ndarray, weights: np.ndarray, n_samples: int, *, offset: int = 0) -> np.ndarray:
    """Layers with weights that change over time, added up.

    Parameters
    ----------
    loops : float32 [K, C, L].
    weights : float32 [K, blocks + 1], one weight per layer every `envelopes.STEP` samples; linear between.
    offset : where in the loop the note begins.

    Returns
    -------
    float32 [C, n_samples].
    """
    length = loops.shape[-1]
    out = np.zeros((loops.shape[1], n_samples), dtype=np.float32)
    for loop, weight in zip(loops, weights):
        if not weight.any():
            continue
        curve = spread(weight, n_samples)
        at, begin = offset % length, 0
        while begin < n_samples:
            part = min(length - at, n_samples - begin)
            out[:, begin : begin + part] += loop[:, at : at + part] * curve[begin : begin + part]
            at, begin = 0, begin + part
    return out


def bands(frequencies_hz: np.ndarray, centers_hz: np.ndarray) -> np.ndarray:
    """Share of each partial in each band, float64 [K, P]: triangles on a logarithmic axis that add up to one."""
    position = np.interp(np.log(np.maximum(frequencies_hz, 1.0)), np.log(centers_hz), np.arange(len(centers_hz)))
    return np.maximum(0.0, 1.0 - np.abs(position[None] - np.arange(len(centers_hz))[:, None]))


def low_pass_gain(frequencies_hz: np.ndarray, cutoff_hz: np.ndarray | float, *, resonance: float = 0.7, poles: int = 4) -> np.ndarray:
    """Magnitude [...] at frequencies [...] of a resonant low pass: the second pair of a four-pole filter is flat (Butterworth)."""
    u = frequencies_hz / cutoff_hz
    gain = 1.0 / np.sqrt((1.0 - u**2) ** 2 + (u / resonance) ** 2)
    return gain if poles == 2 else gain / np.sqrt(1.0 + u**4)
