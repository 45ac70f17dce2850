"""Gain over time: ducking under the kick, and a compressor. Both give one gain per sample, float32 [n], which the caller multiplies.

Levels are looked at every `BLOCK_SECONDS`; gains are linear between.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dance2music.sound.effects import BLOCK

BLOCK_SECONDS = 0.002


def block_samples(sample_rate: int) -> int:
    """Samples of a block."""
    return max(1, round(BLOCK_SECONDS * sample_rate))


class Compression(NamedTuple):
    """Gain of each sample, float32 [n] in 0..1, and the mean power that it goes by; 0 for silence."""

    gain: np.ndarray
    mean_power: float


def ducking(
    times_seconds: np.ndarray, strengths: np.ndarray, n_samples: int, *, sample_rate: int, depth_db: float, release_seconds: float
) -> np.ndarray:
    """Gain that dips at each of the kick's strokes and is back after ``release_seconds``.

    Parameters
    ----------
    times_seconds, strengths : float [k]; a stroke of strength 1 dips by ``depth_db``.

    Returns
    -------
    float32 [n_samples], in 0..1.
    """
    block = block_samples(sample_rate)
    grid = np.arange(n_samples // block + 2) * (block / sample_rate)
    dip = np.zeros(len(grid))
    for time, strength in zip(times_seconds, strengths):
        first, last = np.searchsorted(grid, [time - 0.004, time + release_seconds])
        since = grid[first:last] - time
        # Down within some milliseconds before the stroke, held for a sixth of the release, then back.
        back = np.clip((since / release_seconds - 1 / 6) * 1.2, 0.0, 1.0)
        shape = np.where(since < 0, 1.0 + since / 0.004, 0.5 + 0.5 * np.cos(np.pi * back))
        dip[first:last] = np.maximum(dip[first:last], strength * shape)
    return _between(10.0 ** (-depth_db * dip / 20.0), block, n_samples)


def compression(
    sound: np.ndarray,
    *,
    sample_rate: int,
    ratio: float,
    over_db: float = 0.0,
    attack_seconds: float = 0.015,
    release_db_per_second: float = 60.0,
    most_db: float = 6.0,
    mean_power: float | None = None,
) -> Compression:
    """Gain that evens out what is louder than the sound's own mean power (plus ``over_db``) by ``ratio``, by at most ``most_db``.

    The level is that of the loudest channel; it falls by ``release_db_per_second`` at most, and the gain is smoothed over the attack, so
    transients pass.

    Parameters
    ----------
    sound : float32 [C, n].
    mean_power : of the piece that the sound is a section of; by default its own.
    """
    from scipy.ndimage import uniform_filter1d

    block = block_samples(sample_rate)
    n = sound.shape[-1]
    whole = n // block * block
    if whole == 0:
        return Compression(np.ones(n, dtype=np.float32), 0.0)
    part = BLOCK // block * block
    power = np.concatenate(
        [
            np.square(sound[:, i : min(i + part, whole)]).reshape(len(sound), -1, block).mean(axis=-1).max(axis=0)
            for i in range(0, whole, part)
        ]
    )
    mean = float(power.mean()) if mean_power is None else mean_power
    if mean <= 0.0:
        return Compression(np.ones(n, dtype=np.float32), 0.0)
    smooth = max(1, round(attack_seconds / BLOCK_SECONDS))
    level = 10.0 * np.log10(uniform_filter1d(power, smooth, mode="nearest") / mean + 1e-12)
    slope = release_db_per_second * block / sample_rate
    index = np.arange(len(level)) * slope
    level = np.maximum.accumulate(level + index) - index
    reduction = np.minimum(np.maximum(0.0, level - over_db) * (1.0 - 1.0 / ratio), most_db)
    return Compression(_between(10.0 ** (-uniform_filter1d(reduction, smooth, mode="nearest") / 20.0), block, n), mean)


def _between(gain: np.ndarray, block: int, n_samples: int) -> np.ndarray:
    """Block gains at every sample, linear between."""
    need = -(-n_samples // block) + 1
    gain = np.concatenate([gain, np.full(max(0, need - len(gain)), gain[-1])])[:need].astype(np.float32)
    ramp = (np.arange(block, dtype=np.float32) / block)[None]
    return (gain[:-1, None] + np.diff(gain)[:, None] * ramp).reshape(-1)[:n_samples]
