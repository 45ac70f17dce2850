"""Discriminators over codec latents: real or generated at several scales, and which genre."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from dance2music.nn.convolution import SLOPE, Reflection, WeightNormConv1d
from dance2music.types import GENRES


@dataclass(frozen=True)
class LatentDiscriminatorConfig:
    """Sizes of the temporal multi-scale discriminator."""

    latent_dim: int = 64
    channels: int = 128
    layers: int = 4
    scales: int = 3
    kernel_size: int = 5


class LatentDiscriminator(nn.Module):
    """Windows of latents, judged at several time scales (D2M-GAN section 3.3, Creative-GAN's patches).

    Departs from D2M-GAN's appendix Table 5, which flattens the latents [B, E, L] to one channel: here the codebook dimension is the
    channel axis and the convolution runs over time, so that a window is a stretch of time.
    """

    def __init__(self, config: LatentDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.stacks = nn.ModuleList(self._stack(config) for _ in range(config.scales))

    @staticmethod
    def _stack(config: LatentDiscriminatorConfig) -> nn.ModuleList:
        k, C = config.kernel_size, config.channels
        layers = [weight_norm(nn.Conv1d(config.latent_dim, C, k, padding=k // 2))]
        layers += [weight_norm(nn.Conv1d(C, C, k, stride=2, padding=k // 2)) for _ in range(config.layers - 2)]
        return nn.ModuleList([*layers, weight_norm(nn.Conv1d(C, 1, 3, padding=1))])

    def forward(self, z: Tensor) -> list[list[Tensor]]:
        """z [B, E, L] -> per scale the activations of each layer; the last is the map of logits [B, 1, L_s]."""
        features = []
        for scale, stack in enumerate(self.stacks):
            x = F.avg_pool1d(z, 2**scale) if scale else z
            layers = []
            for layer in stack[:-1]:  # type: ignore[index]
                x = F.leaky_relu(layer(x), 0.2)
                layers.append(x)
            features.append([*layers, stack[-1](x)])  # type: ignore[index]
        return features


class GenreDiscriminator(nn.Module):
    """Two bidirectional LSTM layers over latents, mean over time, one logit per genre (Creative-GAN section 3.3)."""

    def __init__(self, latent_dim: int = 64, hidden: int = 256) -> None:
        super().__init__()
        self.lstm = nn.LSTM(latent_dim, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.out = nn.Linear(2 * hidden, len(GENRES))

    def forward(self, z: Tensor) -> Tensor:
        """z [B, E, L] -> logits [B, G]."""
        y, _ = self.lstm(z.transpose(1, 2))
        return self.out(y.mean(dim=1))


@dataclass(frozen=True)
class ConvLayer:
    """One convolution of a discriminator block, padded by ``reflected`` and then ``zeros`` values at both ends."""

    channels: int
    kernel_size: int
    stride: int = 1
    groups: int = 1
    zeros: int = 0
    reflected: int = 0


@dataclass(frozen=True)
class ReshapedDiscriminatorConfig:
    """The published multi-scale discriminator; the defaults are the released code's, appendix Table 5 is in `sizes.DISCRIMINATORS`."""

    rows: tuple[ConvLayer, ...] = (
        ConvLayer(32, 16, reflected=7),
        ConvLayer(128, 41, stride=4, groups=8, zeros=20),
        ConvLayer(512, 41, stride=4, groups=32, zeros=20),
        ConvLayer(1024, 41, stride=4, groups=128, zeros=20),
        ConvLayer(1024, 41, stride=4, groups=256, zeros=20),
        ConvLayer(512, 5, zeros=2),
        ConvLayer(1, 3, zeros=1),
    )
    scales: int = 3
    rows_as_channels: int = 0
    """So many rows of latents are input channels, without the reshape (D2M-GAN Table 5); 0 lays them one after another into one."""


class ReshapedDiscriminator(nn.Module):
    """Three discriminator blocks over the reshaped latents and the same at half and a quarter of the pace (section 3.3).

    The reshape lays the E rows of the latents one after another into one channel. The last layer is a map of logits, each of which judges a
    window; `losses.discriminator_hinge` averages over them. Tensor names are those of the released code.
    """

    def __init__(self, config: ReshapedDiscriminatorConfig = ReshapedDiscriminatorConfig()) -> None:
        super().__init__()
        self.config = config
        self.model = nn.ModuleDict({f"disc_{scale}": _Block(config.rows, config.rows_as_channels or 1) for scale in range(config.scales)})

    def forward(self, z: Tensor) -> list[list[Tensor]]:
        """z [B, E, L] -> per scale the activations of each layer; the last is the map of logits [B, 1, L_s]."""
        x = z if self.config.rows_as_channels else z.flatten(1).unsqueeze(1)
        features = []
        for block in self.model.values():
            features.append(block(x))
            x = F.avg_pool1d(x, 4, stride=2, padding=1, count_include_pad=False)
        return features


class _Block(nn.Module):
    """One scale: x [B, channels, N] -> activations of each layer."""

    def __init__(self, rows: tuple[ConvLayer, ...], channels: int) -> None:
        super().__init__()
        self.model = nn.ModuleDict()
        for i, row in enumerate(rows):
            conv = WeightNormConv1d(channels, row.channels, row.kernel_size, stride=row.stride, padding=row.zeros, groups=row.groups)
            padding = [Reflection(row.reflected)] if row.reflected else []
            last = i == len(rows) - 1
            self.model[f"layer_{i}"] = conv if last else nn.Sequential(*padding, conv, nn.LeakyReLU(SLOPE, inplace=True))
            channels = row.channels

    def forward(self, x: Tensor) -> list[Tensor]:
        layers = []
        for layer in self.model.values():
            x = layer(x)
            layers.append(x)
        return layers
