"""Networks whose features say how alike two sounds are: the phi of Creative-GAN Eq. 10.

The paper takes SoundNet, whose weights a user may bring (`perception.soundnet`). The embedded default is `PerceptualNet`: a trunk of
strided convolutions like SoundNet's, on log-mel frames, which this project trains to tell genre, tempo and sounding roles of composed music
(`recipe.perceptual`). Both have `sample_rate` and ``features(audio [B, C, N]) -> list of Tensor [B, C_i, L_i]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.music.mel import log_mel
from dance2music.types import GENRES, ROLES


class FeatureNet(Protocol):
    """What the perceptual loss needs of a network; it is frozen, and gradients pass through it to the audio."""

    sample_rate: int

    def features(self, audio: Tensor) -> list[Tensor]:
        """Audio [B, C, N] at `sample_rate` in -1..1 -> features [B, C_i, L_i] of the layers that are compared."""
        ...


@dataclass(frozen=True)
class PerceptualConfig:
    """Sizes of the embedded perceptual network; ``compared`` are the layers (0-based) whose features the loss compares."""

    sample_rate: int = 22050
    n_fft: int = 1024
    hop_length: int = 256
    n_mels: int = 64
    channels: tuple[int, ...] = (64, 96, 128, 160, 192, 192)
    strides: tuple[int, ...] = (1, 2, 2, 2, 2, 1)
    dilations: tuple[int, ...] = (1, 1, 1, 1, 1, 2)
    kernel_size: int = 5
    late_kernel_size: int = 3
    """Kernel of the last two layers."""
    compared: tuple[int, ...] = (0, 1, 2, 3)


class PerceptualOutput(NamedTuple):
    """What the network says of a sound: logits of genre [B, G] and of sounding roles [B, R], octaves of tempo above 100 bpm [B]."""

    genre: Tensor
    roles: Tensor
    tempo_octaves: Tensor


class PerceptualNet(nn.Module):
    """Log-mel frames, strided convolutions with batch norm and ReLU, mean and maximum over time, three heads."""

    def __init__(self, config: PerceptualConfig = PerceptualConfig()) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.sample_rate
        widths = (config.n_mels, *config.channels)
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        for i, (stride, dilation) in enumerate(zip(config.strides, config.dilations)):
            k = config.kernel_size if i < len(config.strides) - 2 else config.late_kernel_size
            self.convs.append(nn.Conv1d(widths[i], widths[i + 1], k, stride, dilation * (k // 2), dilation, bias=False))
            self.norms.append(nn.BatchNorm1d(widths[i + 1]))
        self.dropout = nn.Dropout(0.2)
        self.out = nn.Linear(2 * widths[-1], len(GENRES) + len(ROLES) + 1)

    def features(self, audio: Tensor) -> list[Tensor]:
        """Audio [B, C, N] -> features of its mono mix by the layers ``config.compared``, each [B, C_i, L_i] and of about unit variance."""
        layers = self._layers(audio, max(self.config.compared) + 1)
        return [layers[i] for i in self.config.compared]

    def forward(self, audio: Tensor) -> PerceptualOutput:
        """Audio [B, C, N] -> `PerceptualOutput`."""
        x = self._layers(audio, len(self.convs))[-1]
        y = self.out(self.dropout(torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=-1)))
        genre, roles, tempo = y.split([len(GENRES), len(ROLES), 1], dim=-1)
        return PerceptualOutput(genre, roles, tempo.squeeze(-1))

    def _layers(self, audio: Tensor, count: int) -> list[Tensor]:
        config = self.config
        mel = log_mel(audio.mean(dim=1), config.sample_rate, config.n_fft, config.hop_length, config.n_mels, floor=1e-4)
        x = (mel + 4.0) / 3.0  # about zero mean and unit variance over music
        layers = []
        for conv, norm in list(zip(self.convs, self.norms))[:count]:
            x = F.relu(norm(conv(x)))
            layers.append(x)
        return layers


@cache
def embedded_perceptual() -> PerceptualNet:
    """The perceptual network that comes with the package, frozen, loaded once."""
    from dance2music.checkpoint import load_embedded

    model = load_embedded("perceptual", expected="perceptual")
    assert isinstance(model, PerceptualNet)
    return model.requires_grad_(False)
