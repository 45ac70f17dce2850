"""The statistics of `rhythm.limbs`, measured on dances whose beats are known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from dance2music.errors import ConfigError
from dance2music.rhythm.limbs import LEVELS, WITNESSES, LimbModel, components, limb_curves
from dance2music.types import Motion

MAX_DEVIATION_SECONDS = 0.03
"""Dances whose beats lie farther than this from a steady tempo are left out."""
_LEAST_SPREAD = 1e-3
_OFF_BEAT_HZ = (0.7, 4.0)


class Danced(NamedTuple):
    """A dance and the beats float64 [n] that it was danced to, in seconds."""

    motion: Motion
    beat_times_seconds: np.ndarray


def measure_limbs(dances: Iterable[Danced], *, fps: float, seed: int = 0) -> LimbModel:
    """Mean and covariance of the limbs' components over dances, the noise of each dance's own spectrum taken off.

    The phase at half the beat's frequency says nothing (which of two beats is first is not known), so its mean is 0 there and limbs are
    independent of each other.

    Raises
    ------
    ConfigError
        If too few of the dances are steady.
    """
    rng = np.random.default_rng(seed)
    levels = np.array(LEVELS)
    found, variances, away = [], [], []
    for dance in dances:
        grid = dance.beat_times_seconds
        period, first = np.polyfit(np.arange(len(grid)), grid, 1)
        if np.abs(grid - first - period * np.arange(len(grid))).max() > MAX_DEVIATION_SECONDS:
            continue
        curves = limb_curves(dance.motion, fps)
        times = np.arange(curves.values.shape[1]) / fps - first
        z, variance = components(curves, times, levels / period)
        found.append(z)
        variances.append(variance)
        other, spectrum = components(curves, times, rng.uniform(*_OFF_BEAT_HZ, 6))
        away.append((other / np.sqrt(spectrum + 1e-12)).T)
    if len(found) <= 2 * len(WITNESSES):
        raise ConfigError(
            f"limb_dances: {len(found)} steady dances to measure limbs on; expected more than {2 * len(WITNESSES)}; raise the setting"
        )
    z, variance, off = np.array(found), np.array(variances), np.concatenate(away)
    noise = (off.T @ off.conj()).real / len(off)
    noise /= np.sqrt(np.outer(np.diag(noise), np.diag(noise)))
    mean = z.mean(axis=0).T
    mean[0] = 0.0
    spread = np.zeros((len(LEVELS), len(WITNESSES), len(WITNESSES)), dtype=complex)
    for k in range(len(LEVELS)):
        residual, deviation = z[:, :, k] - mean[k], np.sqrt(variance[:, :, k])
        own = (deviation[:, :, None] * deviation[:, None] * noise).mean(axis=0)
        values, vectors = np.linalg.eigh(residual.T @ residual.conj() / len(residual) - own)
        spread[k] = (vectors * np.maximum(values, _LEAST_SPREAD)) @ vectors.conj().T
    spread[0] = np.diag(np.diag(spread[0]))
    return LimbModel(mean, spread, noise)
