"""Building blocks that several networks share; all are convolutional over time, so that any length works."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, layer norm, two pointwise layers, residual (Liu et al. 2022, in one dimension).

    Works on [B, C, L]. With ``condition_dim`` the normalised features are scaled and shifted by a vector per item (FiLM).
    """

    def __init__(self, channels: int, *, kernel_size: int = 7, dilation: int = 1, expansion: int = 3, condition_dim: int = 0) -> None:
        super().__init__()
        padding = dilation * (kernel_size - 1) // 2
        self.depthwise = nn.Conv1d(channels, channels, kernel_size, padding=padding, dilation=dilation, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.film = nn.Linear(condition_dim, 2 * channels) if condition_dim else None
        self.expand = nn.Linear(channels, expansion * channels)
        self.project = nn.Linear(expansion * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.1))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """x [B, C, L], condition [B, condition_dim] -> [B, C, L]."""
        y = self.norm(self.depthwise(x).transpose(1, 2))  # [B, L, C]
        if self.film is not None:
            assert condition is not None, "this block was built with condition_dim and needs a condition"
            gain, shift = self.film(condition).unsqueeze(1).chunk(2, dim=-1)
            y = y * (1 + gain) + shift
        y = self.project(F.gelu(self.expand(y)))
        return x + (y * self.scale).transpose(1, 2)


class CausalAttention(nn.Module):
    """Multi-head self-attention over steps that looks at most ``window`` steps back, with rotary positions and a cache for sampling."""

    def __init__(self, channels: int, *, heads: int, window: int) -> None:
        super().__init__()
        assert channels % (2 * heads) == 0, "head size must be even for rotary positions"
        self.heads, self.window = heads, window
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        half = channels // heads // 2
        self.register_buffer("frequencies", 10000.0 ** (-torch.arange(half) / half), persistent=False)

    def forward(self, x: Tensor, *, start: int = 0, cache: list[Tensor] | None = None) -> Tensor:
        """x [B, S, C] at positions start .. start + S - 1 -> [B, S, C]; ``cache`` holds keys and values of earlier steps."""
        B, S, C = x.shape
        q, k, v = self.qkv(x).view(B, S, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)  # [B, H, S, C/H] each
        positions = torch.arange(start, start + S, device=x.device)
        q, k = self._rotate(q, positions), self._rotate(k, positions)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
            k, v = k[:, :, -self.window :], v[:, :, -self.window :]
            cache[:] = [k, v]
            assert S == 1, "sampling feeds one step at a time"
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            distance = positions[:, None] - positions[None, :]
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=(distance >= 0) & (distance < self.window))
        return self.out(y.transpose(1, 2).reshape(B, S, C))

    def _rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        angles = positions[:, None].float() * self.get_buffer("frequencies")  # [S, half]
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class CausalBlock(nn.Module):
    """Pre-norm transformer block around `CausalAttention`."""

    def __init__(self, channels: int, *, heads: int, window: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention_norm, self.feed_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = CausalAttention(channels, heads=heads, window=window)
        self.feed = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, *, start: int = 0, cache: list[Tensor] | None = None) -> Tensor:
        """x [B, S, C] -> [B, S, C]."""
        x = x + self.dropout(self.attention(self.attention_norm(x), start=start, cache=cache))
        return x + self.dropout(self.feed(self.feed_norm(x)))
