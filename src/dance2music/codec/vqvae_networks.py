"""Encoder and decoder of JukeBox's waveform autoencoders: strided and dilated convolutions, tensor names as published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.nn.convolution import Conv1d, lies_by_time

if TYPE_CHECKING:
    from dance2music.codec.vqvae_config import VQVAEConfig


class _Residual(nn.Module):
    """x + conv1x1(relu(dilated conv(relu(x))))."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.ReLU(), Conv1d(width, width, 3, padding=dilation, dilation=dilation), nn.ReLU(), Conv1d(width, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.model(x)


class _Resnet(nn.Module):
    """Residual blocks with dilations 1, g, g^2, ...; in decoders the other way round."""

    def __init__(self, width: int, depth: int, growth: int, *, reverse: bool) -> None:
        super().__init__()
        powers: Iterable[int] = reversed(range(depth)) if reverse else range(depth)
        self.model = nn.Sequential(*(_Residual(width, growth**power) for power in powers))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Raise(nn.ConvTranspose1d):
    """Twice as many samples: kernel 4, stride 2, padding 1.

    On a processor in half precision a plain convolution, laid out by time as in `convolve`, gives even and odd samples as channels of
    their own: the same sums in less time.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, 4, stride=2, padding=1)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """x [B, C, L] -> [B, C', 2 L]."""
        assert output_size is None and self.bias is not None
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            if not lies_by_time(x):
                return super().forward(x)
            return F.conv_transpose2d(x.unsqueeze(2), self.weight.unsqueeze(2), self.bias, (1, 2), (0, 1)).squeeze(2)
        after, even, odd, before = self.weight.unbind(2)
        nothing = torch.zeros_like(even)
        taps = torch.stack([torch.stack([before, even, nothing], -1), torch.stack([nothing, odd, after], -1)], 2)  # [C, C', 2, 3]
        dtype = torch.get_autocast_dtype("cpu")
        weight = taps.permute(1, 2, 0, 3).flatten(0, 1).unsqueeze(2).to(dtype, memory_format=torch.channels_last)
        x = x.unsqueeze(2).to(dtype, memory_format=torch.channels_last)
        y = F.conv2d(x, weight, self.bias.repeat_interleave(2), padding=(0, 1)).squeeze(2)
        return y.transpose(1, 2).unflatten(2, (-1, 2)).transpose(2, 3).flatten(1, 2).transpose(1, 2)


class _EncoderBlock(nn.Module):
    def __init__(self, config: VQVAEConfig, level: int, index: int) -> None:
        super().__init__()
        width, depth = config.width * config.multipliers[level], config.depth * config.multipliers[level]
        steps: list[nn.Module] = []
        for step in range(config.downs[index]):
            n_in = width if step else (config.dim if index else 1)
            strided = Conv1d(n_in, width, 4, stride=2, padding=1)
            steps.append(nn.Sequential(strided, _Resnet(width, depth, config.dilation_growth, reverse=False)))
        self.model = nn.Sequential(*steps, Conv1d(width, config.dim, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class _DecoderBlock(nn.Module):
    def __init__(self, config: VQVAEConfig, level: int, index: int) -> None:
        super().__init__()
        width, depth = config.width * config.multipliers[level], config.depth * config.multipliers[level]
        steps: list[nn.Module] = [Conv1d(config.dim, width, 3, padding=1)]
        for step in range(config.downs[index]):
            n_out = config.dim if step == config.downs[index] - 1 else width
            raised = Raise(width, n_out)
            steps.append(nn.Sequential(_Resnet(width, depth, config.dilation_growth, reverse=True), raised))
        self.model = nn.Sequential(*steps)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Encoder(nn.Module):
    """Waveform [B, 1, N] -> latents [B, E, L] of one level."""

    def __init__(self, config: VQVAEConfig, level: int) -> None:
        super().__init__()
        self.level_blocks = nn.ModuleList(_EncoderBlock(config, level, index) for index in range(level + 1))

    def forward(self, x: Tensor) -> Tensor:
        """Latents [B, E, L] of a waveform [B, 1, N]."""
        for block in self.level_blocks:
            x = block(x)
        return x


class Decoder(nn.Module):
    """Latents [B, E, L] -> waveform [B, 1, L * hop] of one level, not limited to -1..1."""

    def __init__(self, config: VQVAEConfig, level: int) -> None:
        super().__init__()
        self.level_blocks = nn.ModuleList(_DecoderBlock(config, level, index) for index in range(level + 1))
        self.out = Conv1d(config.dim, 1, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Waveform [B, 1, L * hop] of latents [B, E, L]."""
        for block in reversed(self.level_blocks):  # type: ignore[call-overload]
            z = block(z)
        return self.out(z)
