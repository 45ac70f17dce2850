"""Optical flow with total variation and an L1 data term (Zach, Pock & Bischof 2007; Sanchez, Meinhardt-Llopis & Facciolo 2013, IPOL 3).

What the flow streams of I3D and TSN were trained on. It minimises ``sum |grad u| + lambda |I1(x + u) - I0(x)|`` from coarse to fine: the
data term is made linear around the present flow (a warp), and then a threshold step and a dual projection take turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class TvL1Config:
    """Settings, named as in the paper; the values are the usual ones of the field."""

    tau: float = 0.25
    """Step of the dual projection."""
    data_weight: float = 0.15
    """lambda, for pictures of 0..255."""
    theta: float = 0.3
    """How tightly the two halves of the problem are tied."""
    scales: int = 5
    scale_step: float = 0.8
    warps: int = 5
    iterations: int = 30
    """Turns of threshold and projection per warp."""


def tv_l1(before: Tensor, after: Tensor, config: TvL1Config | None = None) -> Tensor:
    """Flow float32 [B, 2, H, W] in pixels (x right, y down) from pictures ``before`` to ``after``, float32 [B, 1, H, W] in 0..255."""
    config = config or TvL1Config()
    height, width = before.shape[-2:]
    sizes = [(max(16, round(height * config.scale_step**s)), max(16, round(width * config.scale_step**s))) for s in range(config.scales)]
    flow = before.new_zeros(len(before), 2, *sizes[-1])
    for size in reversed(sizes):
        ratio = flow.new_tensor([size[1] / flow.shape[-1], size[0] / flow.shape[-2]]).view(1, 2, 1, 1)
        flow = F.interpolate(flow, size, mode="bilinear", align_corners=False) * ratio
        flow = _at_one_scale(_scaled(before, size), _scaled(after, size), flow, config)
    return flow


def _at_one_scale(before: Tensor, after: Tensor, flow: Tensor, config: TvL1Config) -> Tensor:
    pull = config.data_weight * config.theta
    dual = flow.new_zeros(len(flow), 2, 2, *flow.shape[-2:])  # of each component of the flow: along x, along y
    slopes = _central(after)
    for _ in range(config.warps):
        around = flow
        warped, slope_x, slope_y = _warped(torch.cat([after, slopes], dim=1), flow).split(1, dim=1)
        slope = torch.cat([slope_x, slope_y], dim=1)
        steep = slope.square().sum(dim=1, keepdim=True)
        rest = warped - before
        for _ in range(config.iterations):
            residual = rest + (slope * (flow - around)).sum(dim=1, keepdim=True)
            step = torch.clamp(-residual / (steep + 1e-9), -pull, pull)
            flow = flow + step * slope + config.theta * _divergence(dual)
            grown = config.tau / config.theta * _forward(flow)
            dual = (dual + grown) / (1.0 + grown.square().sum(dim=2, keepdim=True).sqrt())
    return flow


def _scaled(images: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True) if images.shape[-2:] != size else images


def _central(images: Tensor) -> Tensor:
    """Central differences [B, 2, H, W] along x and y of [B, 1, H, W]."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    return torch.cat([padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2], padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]], dim=1) / 2


def _forward(flow: Tensor) -> Tensor:
    """Forward differences [B, 2, 2, H, W] of each component along x and y; 0 at the far edge."""
    along_x = F.pad(flow[..., :, 1:] - flow[..., :, :-1], (0, 1))
    along_y = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
    return torch.stack([along_x, along_y], dim=2)


def _divergence(dual: Tensor) -> Tensor:
    """Divergence [B, 2, H, W] of [B, 2, 2, H, W]: the negative adjoint of `_forward`."""
    x, y = F.pad(dual[:, :, 0, :, :-1], (1, 1)), F.pad(dual[:, :, 1, :-1, :], (0, 0, 1, 1))
    return x[..., 1:] - x[..., :-1] + y[..., 1:, :] - y[..., :-1, :]


def _warped(images: Tensor, flow: Tensor) -> Tensor:
    """Pictures [B, C, H, W] read at each pixel plus its flow, bilinear, their edges continued."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype) + flow[:, 0]
    y = torch.arange(height, dtype=flow.dtype)[:, None] + flow[:, 1]
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)
