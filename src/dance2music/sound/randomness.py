"""Random numbers that are functions of a key and a position, so that the same seed gives the same bits in any order of calls.

`uniform` hashes integers (the finaliser of SplitMix64; Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA
2014); `noise` and `phases` are counter-based streams of numpy's Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
2011).
"""

from __future__ import annotations

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1


def uniform(*key: int) -> float:
    """One number in [0, 1) for a tuple of integers."""
    return _hash(*key) / 2.0**64


def noise(n: int, *key: int) -> np.ndarray:
    """White normal noise of variance 1, float32 [n]; shorter streams of the same key are beginnings of longer ones."""
    return np.random.Generator(np.random.Philox(key=_hash(*key))).standard_normal(n, dtype=np.float32)


def uniforms(n: int, *key: int) -> np.ndarray:
    """Numbers in [0, 1), float64 [n]."""
    return np.random.Generator(np.random.Philox(key=_hash(*key))).random(n)


def phases(n: int, *key: int) -> np.ndarray:
    """Angles in 0..2 pi, float64 [n]."""
    return 2.0 * np.pi * uniforms(n, *key)


def _hash(*key: int) -> int:
    """64 bits from integers: one SplitMix64 step for each."""
    state = 0
    for part in key:
        state = (state ^ (int(part) & _WORD)) + _GOLDEN & _WORD
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _WORD
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _WORD
        state ^= state >> 31
    return state
