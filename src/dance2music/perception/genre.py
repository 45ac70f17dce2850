"""The genre classifier of sound, trained on the composed corpus only; the one of dances is `perception.dance_genre`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dance2music.music.mel import mel_filters
from dance2music.nn.blocks import ConvNeXtBlock
from dance2music.types import GENRES


@dataclass(frozen=True)
class MusicGenreConfig:
    """Sizes of the classifier of sound."""

    sample_rate: int = 22050
    n_fft: int = 1024
    hop_length: int = 512
    n_mels: int = 64
    channels: int = 128
    dilations: tuple[int, ...] = (1, 3, 9, 27)


class MusicGenreClassifier(nn.Module):
    """Log-mel frames, dilated convolutions, mean and maximum over time, one logit per genre; `embed` gives the layer before."""

    def __init__(self, config: MusicGenreConfig = MusicGenreConfig()) -> None:
        super().__init__()
        self.config = config
        C = config.channels
        self.register_buffer("filters", mel_filters(config.sample_rate, config.n_fft, config.n_mels), persistent=False)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        self.inward = nn.Conv1d(config.n_mels, C, 3, padding=1)
        self.blocks = nn.ModuleList(ConvNeXtBlock(C, kernel_size=5, dilation=d, expansion=2) for d in config.dilations)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(2 * C, len(GENRES))

    def mel(self, audio: Tensor) -> Tensor:
        """audio [B, C, N] at ``config.sample_rate``, of any loudness -> mel amplitudes [B, n_mels, T] of its mono mix at RMS 1."""
        audio = audio.mean(dim=1)
        audio = audio / (audio.square().mean(dim=-1, keepdim=True).sqrt() + 1e-5)
        spectrum = torch.stft(audio, self.config.n_fft, self.config.hop_length, window=self.get_buffer("window"), return_complex=True)
        return self.get_buffer("filters") @ spectrum.abs()

    def embed_mel(self, mel: Tensor) -> Tensor:
        """Mel amplitudes [B, n_mels, T] -> embedding [B, 2 * channels]."""
        x = (mel + 1e-3).log()
        x = self.inward((x - x.mean(dim=(1, 2), keepdim=True)) / 3.0)
        for block in self.blocks:
            x = block(x)
        return torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=-1)

    def embed(self, audio: Tensor) -> Tensor:
        """audio [B, C, N] at ``config.sample_rate`` -> embedding [B, 2 * channels]; loudness does not matter."""
        return self.embed_mel(self.mel(audio))

    def classify_mel(self, mel: Tensor) -> Tensor:
        """Mel amplitudes [B, n_mels, T] -> logits [B, G]."""
        return self.out(self.dropout(self.embed_mel(mel)))

    def forward(self, audio: Tensor) -> Tensor:
        """audio [B, C, N] -> logits [B, G]."""
        return self.classify_mel(self.mel(audio))
