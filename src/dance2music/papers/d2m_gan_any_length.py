"""D2M-GAN for music of any length: the same parts, with every convolution over time.

Motion and pictures pass convolutions with residual stacks at their own frame rate, are fused by concatenation, brought to the pace of the
codec's latents, and pass the VQ generator: wide kernels, residual stacks, sigma * tanh. Works for any codec.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.methods.base import quantized, whole_only
from dance2music.nn.conv_stack import ResidualBlock
from dance2music.nn.convolution import SLOPE, WeightNormConv1d
from dance2music.rhythm.clock import clock_features
from dance2music.types import GENRES, Codec, Conditioning, Latents, Span

STILL = 0.02
"""A feature whose deviation is below this hardly moves."""


@dataclass(frozen=True)
class TemporalD2MGanConfig:
    """Sizes of the temporal D2M-GAN.

    Attributes
    ----------
    motion, visual : widths of the features per frame; visual features that come once per clip, [B, 1, V], are held.
    channels : of the encoders; the generator begins with the same and halves them with each of ``doublings``.
    doublings : how often the generator doubles its pace on the way to the latents; the rest is interpolated at its beginning.
    kernel_size : of the convolutions between residual stacks (section 3.2: relatively large), odd.
    sigma : factor after tanh; it must exceed the largest latent of the codec.
    standardize : whether each motion feature has its mean over the clip taken away and is brought to unit deviation.
    clock : whether the visual encoder sees the beat grid (`rhythm.clock`) in the place of pictures; ``visual`` is its width then.
    """

    motion: int = 80
    visual: int = 5
    latent_dim: int = 64
    channels: int = 192
    visual_channels: int = 64
    genre_dim: int = 32
    doublings: int = 1
    kernel_size: int = 15
    dilations: tuple[int, ...] = (1, 3, 9, 27)
    sigma: float = 100.0
    standardize: bool = False
    clock: bool = False


class TemporalD2MGan(nn.Module):
    """Motion, pictures and genre in, latents out, at any length: a `methods.base.LatentNetwork`. There is no noise in it.

    Departs from the released code in how weights begin, see `_begin`: with its, or torch's, a new generator's latents hardly change over
    time, and a quantiser hears one code, which training may never leave.
    """

    def __init__(self, config: TemporalD2MGanConfig) -> None:
        super().__init__()
        self.config = config
        k = config.kernel_size
        assert k % 2 == 1, "an even kernel would shift the music against the dance"
        self.motion = _Encoder(config.motion, config.channels, config.dilations)
        self.visual = _Encoder(config.visual, config.visual_channels, config.dilations)
        self.genre_embed = nn.Embedding(len(GENRES), config.genre_dim)
        channels = config.channels
        self.fusion = nn.Conv1d(channels + config.visual_channels + config.genre_dim, channels, 1)
        self.first = _Stage(channels, channels, k, config.dilations)
        self.stages = nn.ModuleList(
            _Stage(max(channels >> i, 32), max(channels >> (i + 1), 32), k, config.dilations[:2]) for i in range(config.doublings)
        )
        self.out = nn.Conv1d(max(channels >> config.doublings, 32), config.latent_dim, 7, padding=3)
        _begin(self)
        with torch.no_grad():
            self.out.weight /= config.sigma

    def forward(self, motion: Tensor, visual: Tensor, genre: Tensor, *, n_frames: int) -> Tensor:
        """Latents of a dance.

        Parameters
        ----------
        motion : float Tensor [B, T, F].
        visual : float Tensor [B, T_v, V] over the same time, or [B, V] for all of it.
        genre : int64 Tensor [B].
        n_frames : number of latents that cover that time.

        Returns
        -------
        Tensor [B, E, n_frames], within -sigma..sigma.
        """
        visual = visual[:, None] if visual.ndim == 2 else visual
        motion = _standardized(motion) if self.config.standardize else motion
        pace = -(-n_frames // 2**self.config.doublings)
        parts = [_resample_time(self.motion(motion.transpose(1, 2)), pace), _resample_time(self.visual(visual.transpose(1, 2)), pace)]
        parts.append(self.genre_embed(genre)[:, :, None].expand(-1, -1, pace))
        x = self.first(self.fusion(torch.cat(parts, dim=1)))
        for stage in self.stages:
            x = stage(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.config.sigma * torch.tanh(self.out(F.leaky_relu(x[..., :n_frames], SLOPE)))

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """See `methods.base.MusicGenerator.generate`: the same for every seed, whole pieces only."""
        whole_only(span, "d2m-gan")
        genre = torch.tensor([conditioning.genre])
        z = self(conditioning.motion[None], seen_by(self.config, conditioning)[None], genre, n_frames=n_frames)
        return [quantized(z[0], codec)] * len(seeds)


def seen_by(config: TemporalD2MGanConfig, conditioning: Conditioning) -> Tensor:
    """What the visual encoder of a network looks at: float32 [T_v, V], pictures or the clock of the dance."""
    if not config.clock:
        return conditioning.visual
    motion, seconds = conditioning.motion.numpy(), conditioning.duration_seconds
    return torch.from_numpy(clock_features(conditioning.rhythm, motion, fps=conditioning.fps, duration_seconds=seconds))


class _Stage(nn.Module):
    """Leaky ReLU, a wide convolution, a residual stack."""

    def __init__(self, in_channels: int, channels: int, kernel_size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, channels, kernel_size, padding=kernel_size // 2)
        self.stack = _Stack(channels, dilations)

    def forward(self, x: Tensor) -> Tensor:
        return self.stack(self.conv(F.leaky_relu(x, SLOPE)))


class _Encoder(nn.Module):
    """Features at their own pace [B, F, T] -> [B, C, T]."""

    def __init__(self, features: int, channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = nn.Conv1d(features, channels, 5, padding=2)
        self.stack = _Stack(channels, dilations)

    def forward(self, x: Tensor) -> Tensor:
        return self.stack(self.conv(x))


class _Stack(nn.Module):
    """Residual blocks that work on sequences shorter than their dilation too, by repeating the ends."""

    def __init__(self, channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(channels, dilation) for dilation in dilations)
        self.least = max(dilations) + 1

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[-1]
        x = F.pad(x, (0, max(0, self.least - n)), mode="replicate")
        for block in self.blocks:
            x = block(x)
        return x[..., :n]


def _begin(model: nn.Module) -> None:
    """Draw weights so that what varies over time at the beginning of the network does so as much at its end (He et al. 2015).

    No biases; the two ways through a residual block share its variance.
    """
    blocks = [module for module in model.modules() if isinstance(module, ResidualBlock)]
    shared = {id(end) for block in blocks for end in (block.shortcut, block.block[-1])}
    linear = {id(block.shortcut) for block in blocks} | {id(m.conv) for m in model.modules() if isinstance(m, _Encoder)}
    for module in model.modules():
        if not isinstance(module, nn.Conv1d):
            continue
        weight = torch.empty(module.out_channels, module.in_channels, *module.kernel_size)
        nn.init.kaiming_normal_(weight, a=1.0 if id(module) in linear else SLOPE)  # 1: no activation before it
        weight /= 2**0.5 if id(module) in shared else 1.0
        assert module.bias is not None
        nn.init.zeros_(module.bias)
        with torch.no_grad():
            if isinstance(module, WeightNormConv1d):
                module.weight_v.copy_(weight)
                module.weight_g.copy_(weight.flatten(1).norm(dim=1).view(-1, 1, 1))
            else:
                module.weight.copy_(weight)


def _standardized(x: Tensor) -> Tensor:
    """x [B, T, F] with mean 0 and deviation 1 over T; what hardly moves is not blown up."""
    deviation, mean = torch.std_mean(x, dim=1, keepdim=True, correction=0)
    return (x - mean) / (deviation + STILL)


def _resample_time(x: Tensor, n: int) -> Tensor:
    """x [B, C, T] drawn out or in to [B, C, n] over the same time."""
    return F.interpolate(x, size=n, mode="linear", align_corners=False)
