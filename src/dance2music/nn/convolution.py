"""One-dimensional convolutions that compute the same with fewer multiplications."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.nn.long_convolution import long_convolution, pays

SLOPE = 0.2
"""Of every leaky ReLU (released code)."""

_FEWEST_IN_A_GROUP = 16


def convolve(conv: nn.Conv1d, x: Tensor, weight: Tensor) -> Tensor:
    """What ``conv`` makes of x [B, C, L] with a weight [C', C / groups, k]: the same sums, in the form that is fastest on a processor.

    In half precision (a network of bfloat16, or autocast) memory is laid out by time, channels last. Torch's 1-d convolution copies
    that back, its 2-d one does not, so this is the 2-d one with a height of 1; its output keeps the layout for those that follow. The same
    in full precision for what comes by time, as a codebook's entries do, and needs no gradient. In groups with a stride, s neighbours
    become s channels of a convolution without a stride: wider groups, of which discriminators have many; in half precision groups with few
    outputs are joined, since torch is slow at those. In bfloat16 many taps between many channels go by `long_convolution`.
    """
    (stride,), (padding,), (dilation,) = conv.stride, map(int, conv.padding), conv.dilation
    device = x.device.type
    autocast = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if autocast else weight.dtype
    if conv.groups > 1 and stride > 1 and dilation == 1:
        joined = 1 if dtype == torch.float32 else math.gcd(conv.groups, max(1, _FEWEST_IN_A_GROUP * conv.groups // conv.out_channels))
        n = (x.shape[2] + 2 * padding - weight.shape[2]) // stride + 1
        x, weight, padding = _without_stride(x, weight, stride, padding)
        weight = _joined(weight, conv.groups, joined)
        return F.conv1d(x, weight, conv.bias, padding=padding, groups=conv.groups // joined)[:, :, :n]
    if dtype == torch.bfloat16 and stride == dilation == conv.groups == 1 and pays(weight):
        return long_convolution(x.to(dtype), weight, conv.bias, padding)
    if (dtype == torch.float32 and not lies_by_time(x)) or conv.groups > 1 or weight.shape[1] == 1:
        return F.conv1d(x, weight, conv.bias, stride, padding, dilation, conv.groups)
    x = x.unsqueeze(2).to(dtype, memory_format=torch.channels_last)
    weight = weight.unsqueeze(2).to(dtype, memory_format=torch.channels_last)
    return F.conv2d(x, weight, conv.bias, (1, stride), (0, padding), (1, dilation)).squeeze(2)


def lies_by_time(x: Tensor) -> bool:
    """Whether x [B, C, L] is laid out by time in a processor's memory already and no gradient is asked for: then it stays so."""
    return x.stride(1) == 1 < x.shape[1] and x.device.type == "cpu" and not torch.is_grad_enabled()


def _without_stride(x: Tensor, weight: Tensor, stride: int, padding: int) -> tuple[Tensor, Tensor, int]:
    """x [B, C, L] and weight [O, I, k] as [B, C s, M] and [O, I s, ceil(k / s)], and the padding with which these do without a stride.

    What they give beyond the length of the convolution's output is to be left out.
    """
    taps, n = -(-weight.shape[2] // stride), (x.shape[2] + 2 * padding - weight.shape[2]) // stride + 1
    inside = padding // stride if padding % stride == 0 else 0
    before = padding - stride * inside
    M = max(-(-(before + x.shape[2]) // stride), n + taps - 1 - 2 * inside)
    if before or M * stride > x.shape[2]:
        x = F.pad(x, (before, M * stride - before - x.shape[2]))
    weight = F.pad(weight, (0, stride * taps - weight.shape[2])).unflatten(2, (taps, stride))
    return x.unflatten(2, (M, stride)).transpose(2, 3).flatten(1, 2), weight.transpose(2, 3).flatten(1, 2), inside


def _joined(weight: Tensor, groups: int, n: int) -> Tensor:
    """Grouped weight [O, I, k] as [O, n I, k] for an n-th of the groups: n old groups side by side in a new one, zeros between them."""
    if n == 1:
        return weight
    O, I, k = weight.shape
    apart = weight.view(groups // n, n, O // groups, 1, I, k) * torch.eye(n, dtype=weight.dtype, device=weight.device).view(n, 1, n, 1, 1)
    return apart.view(O, n * I, k)


class Conv1d(nn.Conv1d):
    """Plain convolution by `convolve`."""

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, L] -> [B, C', L']."""
        return convolve(self, x, self.weight)


class Reflection(nn.ReflectionPad1d):
    """Padding by reflection that keeps the layout of memory."""

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, L] -> [B, C, L + 2 padding]."""
        return F.pad(x.unsqueeze(2), (*self.padding, 0, 0), mode="reflect").squeeze(2)


class WeightNormConv1d(nn.Conv1d):
    """Convolution with weight norm (Salimans & Kingma 2016); its tensors are ``weight_g`` and ``weight_v``, as in published files."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, padding: int = 0, dilation: int = 1,
                 groups: int = 1) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=padding, dilation=dilation, groups=groups)
        direction = self.weight.detach()
        del self.weight
        self.weight_g = nn.Parameter(direction.flatten(1).norm(dim=1).view(-1, 1, 1))
        self.weight_v = nn.Parameter(direction)

    def normed(self) -> Tensor:
        """The weight [out, in / groups, k] that the convolution uses."""
        return torch._weight_norm(self.weight_v, self.weight_g, 0)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, L] -> [B, C', L']."""
        return convolve(self, x, self.normed())
