"""How close a sound is to its original, how far a set of pieces from another set, and how much noise is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dance2music.errors import InputError
from dance2music.types import Audio

if TYPE_CHECKING:
    from dance2music.codec.spectral import SpectralCodec

STFT_SIZES = (512, 1024, 2048)
"""Windows of `multi_resolution_stft` in samples: 23 to 93 ms at 22.05 kHz."""

LOG_FLOOR = 1e-5
NOISE_FFT = 2048
NOISE_BANDS = 64


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

    from dance2music.music.mel import log_mel

    _check_pair(reference, estimate)
    pair = torch.from_numpy(np.stack([reference, estimate]).astype(np.float32))
    mels = log_mel(pair, sample_rate)
    return float((mels[0] - mels[1]).abs().mean())


def si_sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB of samples [N], without mean removal (Le Roux et al. 2019, equations 2 and 3).

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


def multi_resolution_stft(reference: np.ndarray, estimate: np.ndarray, *, n_ffts: tuple[int, ...] = STFT_SIZES) -> float:
    """Multi-resolution STFT distance: spectral convergence plus L1 of log magnitudes, averaged over sizes (Yamamoto et al. 2020).

    Departs in the floor of the logarithm, 1e-5, below which nothing counts (silence would otherwise decide), and in hops of a quarter size.

    Parameters
    ----------
    reference, estimate : float [N], samples in -1..1, the same length.
    n_ffts : window sizes in samples.

    Returns
    -------
    float >= 0, 0 for equal signals. A silent reference has no convergence: that term is then 0 for silence and 1 for anything else.

    Raises
    ------
    InputError
        If the arrays are not one-dimensional and of the same, non-zero length.
    """
    import torch

    from dance2music.music.mel import stft

    _check_pair(reference, estimate)
    pair = torch.from_numpy(np.stack([reference, estimate]).astype(np.float32))
    total = 0.0
    for n_fft in n_ffts:
        r, e = stft(pair, n_fft, n_fft // 4).abs()
        norm, apart = float(r.norm()), float((r - e).norm())
        convergence = apart / norm if norm > 0 else float(apart > 0)
        total += convergence + float((r.clamp_min(LOG_FLOOR).log() - e.clamp_min(LOG_FLOOR).log()).abs().mean())
    return total / len(n_ffts)


def noise_likeness(audio: Audio) -> float:
    """How much of the sound is noise: spectral flatness of its frames, weighted by their energy (Johnston 1988).

    Flatness is the geometric over the arithmetic mean of the power in `NOISE_BANDS` bands of equal width, in frames of `NOISE_FFT` samples.
    White noise has 0.97 (its power varies within a band), a tone about 0; a click of all frequencies is as flat as noise.

    Returns
    -------
    float in 0..1; 1 for silence, which has nothing but its floor.
    """
    import torch

    from dance2music.music.beats import mono
    from dance2music.music.mel import stft

    y = mono(audio)
    if not np.any(y):
        return 1.0
    power = stft(torch.from_numpy(y.astype(np.float32))[None], NOISE_FFT, NOISE_FFT // 2)[0].abs().square().double().numpy()[1:]
    width = len(power) // NOISE_BANDS
    bands = power[: width * NOISE_BANDS].reshape(NOISE_BANDS, width, -1).mean(axis=1) + 1e-12
    energy = bands.sum(axis=0)
    flatness = np.exp(np.log(bands).mean(axis=0)) / bands.mean(axis=0)
    return float((flatness * energy).sum() / energy.sum())


def frechet_distance(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Fréchet distance of two sets of embeddings, taken as Gaussians (Dowson and Landau 1982; as FAD, Kilgour et al. 2019).

    Means nothing without the name of the embedding, what the reference set is, and n: it is biased upwards for small sets, the more so the
    wider the embedding.

    Parameters
    ----------
    reference, estimate : float [m, D], [n, D], embeddings of windows of music.

    Returns
    -------
    float >= 0; NaN for fewer than two rows in either set.

    Raises
    ------
    InputError
        If the widths differ or a value is not finite.
    """
    reference, estimate = np.asarray(reference, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if reference.ndim != 2 or estimate.ndim != 2 or reference.shape[1] != estimate.shape[1]:
        raise InputError(
            f"embeddings: shapes {list(reference.shape)} and {list(estimate.shape)}; expected [m, D] and [n, D] of one embedding"
        )
    if not (np.isfinite(reference).all() and np.isfinite(estimate).all()):
        raise InputError("embeddings: NaN or infinite values; expected finite ones")
    return frechet_from(moments(reference), moments(estimate))


class Moments(NamedTuple):
    """Mean float64 [D], covariance [D, D], and the symmetric root of that [D, D], of ``n`` embeddings."""

    n: int
    mean: np.ndarray
    covariance: np.ndarray
    root: np.ndarray


def moments(embeddings: np.ndarray, *, root: bool = True) -> Moments:
    """What `frechet_from` needs of embeddings float [n, D]; the root of the covariance is needed of the reference alone."""
    x = np.asarray(embeddings, dtype=np.float64)
    if len(x) < 2:
        return Moments(len(x), np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)))
    covariance = np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1])
    return Moments(len(x), x.mean(axis=0), covariance, _root(covariance) if root else covariance)


def frechet_from(reference: Moments, estimate: Moments) -> float:
    """`frechet_distance` of sets whose moments are known: one reference, many estimates."""
    if min(reference.n, estimate.n) < 2:
        return float("nan")
    # trace of (A B)^1/2 by the eigenvalues of A^1/2 B A^1/2, which is symmetric, so that nothing complex can come out
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(reference.root @ estimate.covariance @ reference.root), 0.0)).sum()
    apart = np.square(reference.mean - estimate.mean).sum()
    return max(0.0, float(apart + np.trace(reference.covariance) + np.trace(estimate.covariance) - 2.0 * cross))


def codec_reconstruction(audio: Audio, codec: SpectralCodec, *, middle_seconds: float | None = None) -> dict[str, float]:
    """What a codec makes of music: encoded, quantised, decoded, and compared with the original.

    D2M-GAN (section 4.2) has JukeBox reconstructions as the upper bound of its sound quality. Of generated music it says how far that lies
    from what the codec can say at all.

    Parameters
    ----------
    audio : Audio.
    codec : the codec.
    middle_seconds : take only so much from the middle of longer music.

    Returns
    -------
    dict with ``log_mel_l1`` (`log_mel_l1`, at the codec's rate) and ``si_sdr_db``, -100..100, 0 for silence that stays silent.
    """
    import torch

    from dance2music.music.audio import resample
    from dance2music.music.beats import mono

    y = mono(resample(audio, codec.sample_rate)).astype(np.float32)
    if middle_seconds is not None and (n := round(middle_seconds * codec.sample_rate)) < len(y):
        y = y[(len(y) - n) // 2 :][:n]
    with torch.no_grad():
        z_e = codec.encode(Audio(y[None], codec.sample_rate).to_tensor())
        made = Audio.from_tensor(codec.decode(codec.quantize(z_e).z, len(y)), codec.sample_rate).samples[0]
    ratio = si_sdr_db(y, made)
    return {
        "log_mel_l1": log_mel_l1(y, made, codec.sample_rate),
        "si_sdr_db": 0.0 if np.isnan(ratio) else float(np.clip(ratio, -100.0, 100.0)),
    }


def _root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric square root of a symmetric, positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _check_pair(reference: np.ndarray, estimate: np.ndarray) -> None:
    if np.ndim(reference) != 1 or np.shape(reference) != np.shape(estimate) or np.size(reference) == 0:
        raise InputError(
            f"audio pair: shapes {list(np.shape(reference))} and {list(np.shape(estimate))}; expected two equally long waveforms [N]"
        )
