"""How close a reconstruction is to its original: pure functions of two waveforms."""

from __future__ import annotations

import numpy as np

from dance2music.errors import InputError


def log_mel_l1(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Mean absolute difference of natural-log mel magnitudes: 80 Slaney mels to half the rate, Hann window 1024, hop 256, floor 1e-5.

    The setting of HiFi-GAN's mel loss (Kong et al. 2020). In units of log10 the value is this divided by ln 10 = 2.303.

    Parameters
    ----------
    reference, estimate : float [N], samples in -1..1, the same length.
    sample_rate : int, in Hz.

    Raises
    ------
    InputError
        If the arrays are not one-dimensional and of the same, non-zero length.
    """
    import torch

    from dance2music.codec.mel import log_mel

    _check_pair(reference, estimate)
    pair = torch.from_numpy(np.stack([reference, estimate]).astype(np.float32))
    mels = log_mel(pair, sample_rate)
    return float((mels[0] - mels[1]).abs().mean())


def si_sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, without mean removal (Le Roux et al. 2019, equations 2 and 3).

    Infinite for a scaled copy, minus infinity for an estimate that is orthogonal to the reference; 0/0 (silence) gives nan.

    Raises
    ------
    InputError
        If the arrays are not one-dimensional and of the same, non-zero length.
    """
    _check_pair(reference, estimate)
    reference, estimate = np.asarray(reference, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        target = reference * (np.dot(estimate, reference) / np.dot(reference, reference))
        return float(10 * np.log10(np.dot(target, target) / np.sum((estimate - target) ** 2)))


def _check_pair(reference: np.ndarray, estimate: np.ndarray) -> None:
    if np.ndim(reference) != 1 or np.shape(reference) != np.shape(estimate) or np.size(reference) == 0:
        raise InputError(
            f"audio pair: shapes {list(np.shape(reference))} and {list(np.shape(estimate))}; expected two equally long waveforms [N]"
        )
