"""Another sound over the music: a clip's own, to which the music gives way while it is heard (ducking), within one limit for both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dance2music.music.loudness import limiter_gain, loudness, normalized
from dance2music.types import Audio

BLOCK_SECONDS = 0.01
KNEE_DB = 6.0
BELOW_LOUD_DB = 20.0
FLOOR_DB = -50.0
"""What ducks is a sound above this level of full scale that lies less than `BELOW_LOUD_DB` under its own loud parts (95 % of blocks)."""


@dataclass(frozen=True)
class DuckConfig:
    """How music gives way.

    Attributes
    ----------
    depth_db : by how many dB it is lowered; 0 leaves it alone.
    attack_seconds : how long before the other sound it begins to give way, to be down when that begins.
    release_seconds : how long it takes to come back.
    """

    depth_db: float = 0.0
    attack_seconds: float = 0.06
    release_seconds: float = 0.5


class Mixed(NamedTuple):
    """Music and another sound together, and the gain of each at every sample, float32 [N]: the products add up to ``audio``."""

    audio: Audio
    music_gain: np.ndarray
    other_gain: np.ndarray


def duck_gain(other: Audio, config: DuckConfig) -> np.ndarray:
    """Gain float32 [N] in 0..1 of music under another sound [C, N]: a side chain with look-ahead.

    In dB the gain is ``-depth_db`` where the other sound lies `KNEE_DB` or more above the threshold, less in proportion below; it falls
    in a straight line over the attack and rises in one over the release.
    """
    n, block = other.samples.shape[-1], max(1, round(BLOCK_SECONDS * other.sample_rate))
    n_blocks = -(-n // block)
    power = np.zeros(n_blocks * block, dtype=np.float32)
    power[:n] = np.square(other.samples).mean(axis=0)
    level = 10.0 * np.log10(power.reshape(n_blocks, block).mean(axis=1, dtype=np.float64) + 1e-12)
    if config.depth_db == 0 or not n or level.max() < FLOOR_DB:
        return np.ones(n, dtype=np.float32)
    threshold = max(FLOOR_DB, float(np.percentile(level[level >= FLOOR_DB], 95)) - BELOW_LOUD_DB)
    wanted = config.depth_db * np.clip((level - threshold) / KNEE_DB, 0.0, 1.0)
    rise, fall = (
        config.depth_db * BLOCK_SECONDS / max(seconds, BLOCK_SECONDS) for seconds in (config.attack_seconds, config.release_seconds)
    )
    reduction = _slopes(_slopes(wanted[::-1], rise)[::-1], fall)
    middle = (np.arange(n_blocks) + 0.5) * block
    return (10.0 ** (-np.interp(np.arange(n), middle, reduction) / 20.0)).astype(np.float32)


def mixed(music: Audio, other: Audio, *, level_db: float, duck: DuckConfig, ceiling_db: float = -1.0) -> Mixed:
    """Music [C, N] with another sound [D, N] in it, as loud as the music alone was, true peaks at most ``ceiling_db`` dB of full scale.

    Parameters
    ----------
    other : of the music's rate and length.
    level_db : gain of the other sound beside the music; 0 as it is.
    """
    assert music.sample_rate == other.sample_rate and music.samples.shape[-1] == other.samples.shape[-1]
    music_gain, other_gain = duck_gain(other, duck), np.float32(10.0 ** (level_db / 20.0))
    total = Audio(music.samples * music_gain + other.samples * other_gain, music.sample_rate)
    gain_db, target_lufs = None, loudness(music)
    if math.isfinite(target_lufs):
        gain_db = normalized(total, target_lufs=target_lufs, ceiling_db=ceiling_db)[1]
    gain = np.float32(1.0 if gain_db is None else 10.0 ** (gain_db / 20.0))
    total.samples[:] *= gain
    curve = limiter_gain(total, ceiling_db=ceiling_db)
    if curve is None:
        return Mixed(total, music_gain * gain, np.full_like(music_gain, other_gain * gain))
    return Mixed(Audio(total.samples * curve, music.sample_rate), music_gain * (gain * curve), other_gain * (gain * curve))


def _slopes(curve: np.ndarray, step: float) -> np.ndarray:
    """The lowest curve [n] that is nowhere below ``curve`` and falls by at most ``step`` from one place to the next."""
    fallen = np.arange(len(curve)) * step
    return np.asarray(np.maximum.accumulate(curve + fallen) - fallen)
