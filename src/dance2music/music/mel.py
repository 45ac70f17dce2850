"""Mel filters and framed spectra in torch, shared by the codec's features, its losses and the quality metrics.

The filters are those of ``librosa.filters.mel`` to rounding (tests). They are written out because every run of ``generate`` needs them and
importing librosa, with numba, takes 0.4 s of processor and 60 MB, for which ten lines are the better price.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


@lru_cache(maxsize=32)
def mel_filters(sample_rate: int, n_fft: int, n_mels: int, f_min: float = 0.0, f_max: float | None = None) -> Tensor:
    """Triangular filters float32 [n_mels, n_fft // 2 + 1] on Slaney's mel scale (linear below 1 kHz), each of unit area in Hz."""
    f_max = sample_rate / 2 if f_max is None else f_max
    edges = _mel_to_hz(np.linspace(_hz_to_mel(f_min), _hz_to_mel(f_max), n_mels + 2))
    bins = np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    rising = (bins[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins[None]) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return torch.from_numpy(triangles.astype(np.float32))


def mel_band_of(hz: float, sample_rate: int, n_mels: int) -> float:
    """Position of a frequency on the axis of the bands of `mel_filters`: 0 at the lower edge of the first, ``n_mels`` above the last."""
    return float(_hz_to_mel(hz) / _hz_to_mel(sample_rate / 2) * (n_mels + 1)) - 0.5


@lru_cache(maxsize=32)
def hann(n_fft: int) -> Tensor:
    """Periodic Hann window float32 [n_fft]."""
    return torch.hann_window(n_fft)


def stft(audio: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Complex spectrum [..., F, L] of audio [..., N] of two axes or more; frames centred by zero padding: N // hop + 1 of them."""
    window = hann(n_fft).to(audio.device)
    padded = F.pad(audio.flatten(0, -2), (n_fft // 2, n_fft // 2))
    spectrum = torch.stft(padded, n_fft, hop_length, window=window, center=False, return_complex=True)
    return spectrum.unflatten(0, audio.shape[:-1])


def log_mel(audio: Tensor, sample_rate: int, n_fft: int = 1024, hop_length: int = 256, n_mels: int = 80, floor: float = 1e-5) -> Tensor:
    """Natural logarithm of mel magnitudes [..., M, L] of audio [..., N], at least two axes; floored at ``floor``."""
    power = torch.view_as_real(stft(audio, n_fft, hop_length)).square().sum(dim=-1)
    magnitude = (power + 1e-14).sqrt()
    filters = mel_filters(sample_rate, n_fft, n_mels).to(audio.device)
    return (filters @ magnitude).clamp_min(floor).log()


def published_log_mel(audio: Tensor, sample_rate: int, n_mels: int = 128) -> Tensor:
    """Base-10 logarithm of mel magnitudes [B, C, M, N // 256] of audio [B, C, N] as D2M-GAN's code has it: the theta of its Eq. 7.

    Frames of 1024 samples at a hop of 256, without centring; the ends are padded by reflection; floored at 1e-5.
    """
    n_fft, hop_length = 1024, 256
    margin = (n_fft - hop_length) // 2
    padded = F.pad(audio, (margin, margin), mode="reflect").flatten(0, 1)
    spectrum = torch.stft(padded, n_fft, hop_length, window=hann(n_fft).to(audio.device), center=False, return_complex=True)
    magnitude = (torch.view_as_real(spectrum).square().sum(dim=-1) + 1e-14).sqrt()
    mels = mel_filters(sample_rate, n_fft, n_mels).to(audio.device) @ magnitude
    return mels.clamp_min(1e-5).log10().unflatten(0, audio.shape[:-1])


def _hz_to_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000.0 else 15.0 + 27.0 * np.log(hz / 1000.0) / np.log(6.4)


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15.0, mel * 200 / 3, 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0))
