"""Noise that is a function of a seed and of where it is: the same bits in whatever pieces a sound is made.

Counter-based (Salmon et al. 2011, Philox): the raw 64-bit words of numpy's `Philox`, whose stream numpy guarantees, become numbers by
whole-number arithmetic, so that machines and versions agree.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_BLOCK_FRAMES = 64
_HALVES = 4
"""Uniform 16-bit numbers that are added up to one number of about normal distribution (Irwin and Hall 1927)."""


def complex_noise(seed: int, first_frame: int, n_frames: int, bins: int) -> Tensor:
    """Complex noise of mean square 1 at frames ``first_frame`` to ``first_frame + n_frames``, complex64 [n_frames, bins].

    Parameters
    ----------
    seed : int, any; taken modulo 2**64.
    first_frame : int >= 0, position of the first frame in the sound.
    bins : numbers per frame; with another number of them it is other noise.
    """
    assert first_frame >= 0 and n_frames >= 0, (first_frame, n_frames)
    first, last = first_frame // _BLOCK_FRAMES, -(-(first_frame + n_frames) // _BLOCK_FRAMES)
    blocks = [_block(seed, index, bins) for index in range(first, last)] or [np.zeros((0, 2 * bins), np.float32)]
    start = first_frame - first * _BLOCK_FRAMES
    return torch.view_as_complex(torch.from_numpy(np.concatenate(blocks)[start : start + n_frames].reshape(n_frames, bins, 2)))


def _block(seed: int, index: int, bins: int) -> np.ndarray:
    """Frames ``index * _BLOCK_FRAMES`` and the following, float32 [_BLOCK_FRAMES, 2 * bins] of mean square 1/2."""
    words = np.random.Philox(counter=[0, index, 0, 0], key=[seed % 2**64, 0]).random_raw(_BLOCK_FRAMES * 2 * bins)
    halves = words.astype("<u8", copy=False).view("<u2").reshape(-1, _HALVES)
    sums = halves[:, 0].astype(np.int32) + halves[:, 1] + halves[:, 2] + halves[:, 3] - _HALVES * (2**16 - 1) // 2
    scale = np.sqrt(12.0 / _HALVES / 2.0) / 2**16
    return (sums * np.float32(scale)).astype(np.float32).reshape(_BLOCK_FRAMES, 2 * bins)
