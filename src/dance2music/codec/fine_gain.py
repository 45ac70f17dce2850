"""Gains finer in time than a codec's frames, by bands: an inverse STFT smears within its window, these give onsets back their edge.

A frame says log gains at equal parts of its hop for each of a few bands of frequency. Bands are what symmetric filters let through, log
gains are lines through the values; where all are zero the sound has the very bits that it had.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

FILTER_TAPS = 65
"""Length of the filters that cut bands out: transitions about 1.1 kHz wide at 22.05 kHz, ringing within 1.5 ms."""
LARGEST_LOG_GAIN = 3.0
_BLOCK = 512


@dataclass(frozen=True)
class FineGainConfig:
    """Bands of the fine gains, from each of ``edges_hz`` to the next, the last to half the sample rate; with no edges there are none.

    Each has ``slots`` gains per frame, at equal distances.
    """

    edges_hz: tuple[float, ...] = ()
    slots: int = 16

    @property
    def outputs(self) -> int:
        """Log gains per frame."""
        return len(self.edges_hz) * self.slots


@lru_cache(maxsize=8)
def band_filters(sample_rate: int, edges_hz: tuple[float, ...], taps: int = FILTER_TAPS) -> Tensor:
    """Symmetric filters float32 [bands, taps] of the bands that begin at ``edges_hz``; their sum lets through all above the first edge."""
    time = torch.arange(taps, dtype=torch.float64) - taps // 2
    window = torch.hann_window(taps + 2, periodic=False, dtype=torch.float64)[1:-1]
    cutoffs = torch.tensor(edges_hz, dtype=torch.float64)[:, None] * 2 / sample_rate
    above = (time == 0).double() - cutoffs * torch.sinc(cutoffs * time) * window
    return (above - torch.cat([above[1:], torch.zeros_like(above[:1])])).float()


def cut_bands(audio: Tensor, sample_rate: int, edges_hz: tuple[float, ...]) -> Tensor:
    """Bands [B, bands, N] of audio [B, N], zeros beyond its ends: `band_filters` by the Fourier transform, block by block."""
    length, taps = audio.shape[-1], FILTER_TAPS
    step = _BLOCK - taps + 1
    blocks = -(-length // step)
    padded = F.pad(audio, (taps // 2, blocks * step + taps - 1 - taps // 2 - length)).unfold(-1, _BLOCK, step)
    responses = torch.fft.rfft(band_filters(sample_rate, edges_hz).to(audio.device), n=_BLOCK)
    filtered = torch.fft.irfft(torch.fft.rfft(padded)[:, None] * responses[:, None], n=_BLOCK)[..., taps - 1 :]
    return filtered.flatten(2)[..., :length]


def apply_fine_gains(audio: Tensor, log_gains: Tensor, sample_rate: int, config: FineGainConfig) -> Tensor:
    """Audio [B, L * hop] with its bands multiplied by the exponentials of log gains [B, L, bands * slots], a band's slots in a row."""
    values = log_gains.clamp(max=LARGEST_LOG_GAIN).unflatten(-1, (-1, config.slots)).transpose(1, 2).flatten(2)
    lines = F.interpolate(values, size=audio.shape[-1], mode="linear", align_corners=False)
    return audio + (cut_bands(audio, sample_rate, config.edges_hz) * lines.expm1()).sum(dim=1)
