"""Losses of a codec whose decoder has a noise part: distances that reward noise where the music has noise, and see a comb as an ear does.

A distance of spectrograms frame by frame is least for one average sound, so it removes noise and puts a buzz of the frame rate in its
place. The energy distance of two draws is least where the draws vary as the music does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dance2music.music.mel import log_mel, stft

_RISE = 1.0
"""Log amplitude that an envelope must rise by within 128 samples to be an onset: 8.7 dB."""
_PEAK_SHARE = 4.0
"""Weight of the amplitude of onsets beside its logarithm."""


@dataclass(frozen=True)
class SpectralViews:
    """Log spectra that sounds are compared by, each with its weight in the mean absolute difference.

    ``mels`` are (window in samples, mel bands, weight), hops of a quarter window. ``fine`` is (window, weight) of a linear spectrum
    above ``fine_from_hz``, hops of a quarter window: wide enough to tell lines at the frame rate from what lies between them.
    """

    mels: tuple[tuple[int, int, float], ...] = ((128, 12, 0.3), (512, 40, 0.2), (1024, 80, 0.5), (2048, 128, 0.2))
    fine: tuple[int, float] = (4096, 0.3)
    fine_from_hz: float = 300.0
    floor: float = 1e-5


def views(audio: Tensor, sample_rate: int, config: SpectralViews) -> list[Tensor]:
    """Log spectra of audio [B, C, N], each [B, C, bands, frames] times its weight."""
    seen = [weight * log_mel(audio, sample_rate, n_fft, n_fft // 4, bands) for n_fft, bands, weight in config.mels]
    n_fft, weight = config.fine
    if weight:
        first = round(config.fine_from_hz * n_fft / sample_rate)
        power = torch.view_as_real(stft(audio, n_fft, n_fft // 4)[..., first:, :]).square().sum(dim=-1)
        floor = (config.floor * n_fft**0.5) ** 2
        seen.append(0.5 * weight * (power + floor).log())
    return seen


def distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Sum over views, Tensor [...] each, of the mean absolute difference: Tensor []."""
    return torch.stack([(a - b).abs().mean() for a, b in zip(first, second, strict=True)]).sum()


def energy_distance(reference: Sequence[Tensor], first: Sequence[Tensor], second: Sequence[Tensor], *, repulsion: float = 1.0) -> Tensor:
    """Generalised energy distance from two independent draws: half of d(r, a) + d(r, b) - repulsion * d(a, b).

    Gritsenko et al. 2020, "A Spectral Energy Distance for Parallel Speech Synthesis" (arXiv:2008.01160), Eq. 5, up to the term that is
    free of the model; its expectation is least where draws have the distribution of the reference, each number of a view by itself.

    Parameters
    ----------
    reference, first, second : views of the music and of two draws (`views`), Tensor [...] of equal shapes.
    repulsion : share of the last term; 0 is the plain distance, mean over the draws.
    """
    apart = distance(reference, first) + distance(reference, second)
    return 0.5 * (apart - repulsion * distance(first, second))


def average_spectrum(audio: Tensor, sample_rate: int, *, n_fft: int = 8192, from_hz: float = 300.0, floor: float = 1e-4) -> Tensor:
    """Natural log of the time-averaged power spectrum of audio [B, C, N], [B, C, F]: bins from ``from_hz`` on, hops of an eighth window.

    ``floor`` is added, as a share of the mean over bins; audio must be at least one window long, and only whole windows count.
    """
    assert audio.shape[-1] >= n_fft, f"audio of {audio.shape[-1]} samples; expected at least {n_fft}"
    window = torch.hann_window(n_fft, device=audio.device)
    spectrum = torch.stft(audio.flatten(0, -2), n_fft, n_fft // 8, window=window, center=False, return_complex=True)
    power = torch.view_as_real(spectrum).square().sum(dim=-1).mean(dim=-1)[:, round(from_hz * n_fft / sample_rate) :]
    power = power.unflatten(0, audio.shape[:-1])
    return (power + floor * power.mean(dim=-1, keepdim=True).detach() + 1e-10).log()


def average_spectrum_distance(reference: Tensor, estimate: Tensor, sample_rate: int, *, n_fft: int = 8192) -> Tensor:
    """Mean absolute difference of `average_spectrum`, audio [B, C, N]: the colour of a sound, and the lines of a buzz."""
    return (average_spectrum(reference, sample_rate, n_fft=n_fft) - average_spectrum(estimate, sample_rate, n_fft=n_fft)).abs().mean()


def averaged_mel_distance(
    reference: Tensor, estimate: Tensor, sample_rate: int, *, n_fft: int = 1024, n_mels: int = 80, n_frames: int = 8
) -> Tensor:
    """Mean absolute difference of log-mel magnitudes averaged over ``n_frames`` frames, audio [B, C, N]: Tensor [].

    Frames lie a quarter window apart. Over so long a time noise has its level and hardly its chance any more, so that each band is told
    how loud it should be. Frames at the end that make no whole average do not count.
    """

    def levels(audio: Tensor) -> Tensor:
        magnitude = log_mel(audio, sample_rate, n_fft, n_fft // 4, n_mels).exp()
        whole = magnitude[..., : magnitude.shape[-1] // n_frames * n_frames]
        return whole.unflatten(-1, (-1, n_frames)).mean(dim=-1).log()

    return (levels(reference) - levels(estimate)).abs().mean()


def onset_views(
    reference: Tensor, sounds: Sequence[Tensor], sample_rate: int, *, edges_hz: Sequence[float] = (2000.0, 4000.0, 6000.0, 8500.0)
) -> list[list[Tensor]]:
    """Envelopes near the onsets of a reference, of that and of other sounds, audio [B, C, N] all: of each two, [B, C, bands, frames].

    Envelopes are of windows of 64 samples, every 16; bands begin at ``edges_hz``. They are weighed by how far the reference rises nearby,
    mean weight 1, so that distances of these views hear how sharply hats and snares begin, and little else. The first are logarithms:
    levels count down to 30 dB below the loudest that is near in the reference, and to 60 dB below the loudest of all. The second are
    amplitudes as shares of that loudest one, times `_PEAK_SHARE`: they hear the short peak that a hit begins with.
    """
    n_fft, hop, reach = 64, 16, 24
    edges = [round(hz * n_fft / sample_rate) for hz in edges_hz] + [n_fft // 2 + 1]

    def powers(audio: Tensor) -> Tensor:
        power = torch.view_as_real(stft(audio, n_fft, hop)).square().sum(dim=-1)
        return torch.stack([power[..., a:b, :].sum(dim=-2) for a, b in itertools.pairwise(edges)], dim=-2)

    with torch.no_grad():
        known = powers(reference)
        near = F.max_pool1d(known.flatten(0, -3), 2 * reach + 1, 1, reach).view_as(known)
        floor = 1e-3 * near + 1e-6 * known.amax(dim=-1, keepdim=True) + 1e-8
        level = 0.5 * (known + floor).log()
        rise = (level[..., 8:] - level[..., :-8] - _RISE).clamp_min(0.0)
        rise = F.max_pool1d(F.pad(rise, (8, 0)).flatten(0, -3), 2 * reach + 1, 1, reach).view_as(known)
        weight = rise / (rise.mean() + 1e-3)
    heard = [powers(sound) for sound in (reference, *sounds)]
    return [[weight * (0.5 * (power + floor).log()), _PEAK_SHARE * weight * ((power + floor) / (near + floor)).sqrt()] for power in heard]
