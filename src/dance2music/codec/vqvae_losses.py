"""Reconstruction losses of the Music VQ-VAE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Bandwidth(NamedTuple):
    """Statistics of the training music that scale the losses: variance, and mean Frobenius norm of its STFT (n_fft 2048)."""

    l2: float
    spectral: float


def lmix_loss(reference: Tensor, estimate: Tensor, *, linf_weight: float = 0.02, linf_k: int = 2048) -> Tensor:
    """Jukebox's ``lmix``: mean squared error plus 0.02 times the mean of each channel's 2048 largest squared errors; audio [B, C, N]."""
    squares = (reference - estimate).square()
    largest = squares.topk(min(linf_k, squares.shape[-1]), dim=-1).values
    return squares.mean() + linf_weight * largest.mean()


def multispectral_loss(reference: Tensor, estimate: Tensor) -> Tensor:
    """Frobenius distance of magnitude spectra of audio [B, C, N], mean over three resolutions and all channels (Jukebox, section 3.2)."""
    norms = []
    for n_fft, hop_length, window_length in ((2048, 240, 1200), (1024, 120, 600), (512, 50, 240)):
        difference = magnitude(reference, n_fft, hop_length, window_length) - magnitude(estimate, n_fft, hop_length, window_length)
        norms.append(difference.square().sum(dim=(-2, -1)).clamp_min(1e-20).sqrt())
    return torch.stack(norms).mean()


def magnitude(audio: Tensor, n_fft: int, hop_length: int, window_length: int) -> Tensor:
    """Magnitude spectrum [..., F, L] of audio [..., N], Hann window, frames centred by reflection."""
    window = torch.hann_window(window_length, device=audio.device)
    spectrum = torch.stft(audio.flatten(0, -2), n_fft, hop_length, window_length, window=window, return_complex=True)
    return (torch.view_as_real(spectrum).square().sum(dim=-1) + 1e-20).sqrt().unflatten(0, audio.shape[:-1])


def measure_bandwidth(batches: Iterable[Tensor]) -> Bandwidth:
    """`Bandwidth` of audio batches [B, C, N]: variance of all samples, mean Frobenius norm of each STFT (2048, hop 256, window 1200)."""
    total = squares = norms = 0.0
    count = items = 0
    for audio in batches:
        total += float(audio.double().sum())
        squares += float(audio.double().square().sum())
        count += audio.numel()
        norms += float(magnitude(audio, 2048, 256, 1200).square().sum(dim=(-2, -1)).sqrt().sum())
        items += audio[..., 0].numel()
    assert count > 0, "at least one batch is needed"
    return Bandwidth(squares / count - (total / count) ** 2, norms / items)
