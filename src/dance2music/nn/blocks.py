"""Building blocks that several networks share; all are convolutional over time, so that any length works."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, layer norm, two pointwise layers, residual (Liu et al. 2022, in one dimension).

    Works on [B, C, L]. With ``condition_dim`` the normalised features are scaled and shifted by a vector per item (FiLM). ``scale`` is what
    the scale of the residual starts from; ``approximate`` is that of `torch.nn.functional.gelu`; ``names`` are those of the two pointwise
    layers in weight files.
    """

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: int = 7,
        dilation: int = 1,
        expansion: int = 3,
        condition_dim: int = 0,
        scale: float = 0.1,
        approximate: str = "none",
        names: tuple[str, str] = ("expand", "project"),
    ) -> None:
        super().__init__()
        self.approximate, self.names = approximate, names
        padding = dilation * (kernel_size - 1) // 2
        self.depthwise = nn.Conv1d(channels, channels, kernel_size, padding=padding, dilation=dilation, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.film = nn.Linear(condition_dim, 2 * channels) if condition_dim else None
        self.add_module(names[0], nn.Linear(channels, expansion * channels))
        self.add_module(names[1], nn.Linear(expansion * channels, channels))
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """x [B, C, L], condition [B, condition_dim] -> [B, C, L]."""
        y = self.norm(self.depthwise(x).transpose(1, 2))  # [B, L, C]
        if self.film is not None:
            assert condition is not None, "this block was built with condition_dim and needs a condition"
            gain, shift = self.film(condition).unsqueeze(1).chunk(2, dim=-1)
            y = y * (1 + gain) + shift
        expand, project = (self.get_submodule(name) for name in self.names)
        y = project(F.gelu(expand(y), approximate=self.approximate))
        return x + (y * self.scale).transpose(1, 2)
