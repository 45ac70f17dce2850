"""Convolution stacks of D2M-GAN: what its appendix prints as tables is here a tuple of rows, so that paper and released code are data.

Tensor names are those of the released code, so that its checkpoints load as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.models.long_convolution import LongConvolution, long_convolution, pays
from dance2music.models.residual_points import FEWEST_CHANNELS, ResidualAtPoints, residual

SLOPE = 0.2
"""Of every leaky ReLU (released code)."""
_FEWEST_IN_A_GROUP = 16


@dataclass(frozen=True)
class Row:
    """A convolution: a row of the appendix's Tables 1-3 and, with ``stack``, the residual stack below it.

    ``reflected`` and ``zeros`` are values added at both ends, in this order. ``before`` and ``after`` are activations around the
    convolution: '', 'relu' or 'leaky'.
    """

    channels: int
    kernel_size: int
    stride: int = 1
    zeros: int = 0
    reflected: int = 0
    stack: bool = True
    before: str = ""
    after: str = ""

    def length(self, n: int) -> int:
        """Length of the output for an input of length ``n``."""
        return (n + 2 * (self.zeros + self.reflected) - self.kernel_size) // self.stride + 1


@dataclass(frozen=True)
class StackConfig:
    """Rows, the dilations of each residual stack, and whether the hidden convolutions are followed by batch norm.

    The appendix (Table 4) has three dilations, the released code a fourth. D2M-GAN section 3.2 calls batch norm crucial; the
    released code has none.
    """

    rows: tuple[Row, ...]
    dilations: tuple[int, ...] = (1, 3, 9, 27)
    batch_norm: bool = False

    def length(self, n: int) -> int:
        """Length of the output for an input of length ``n``."""
        for row in self.rows:
            n = row.length(n)
        return n


def convolve(conv: nn.Conv1d, x: Tensor, weight: Tensor) -> Tensor:
    """What ``conv`` makes of x [B, C, L] with a weight [C', C / groups, k]: the same sums in the way that takes a processor least time.

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
    """Weight [O, I, k] in groups as [O, n I, k] in an n-th of them, each of n old ones side by side, with zeros from one to another."""
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


class ResidualBlock(nn.Module):
    """conv1x1(x) + conv1x1(leaky(dilated conv3(leaky(x)))), padded by reflection (appendix Table 4)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            Reflection(dilation),
            WeightNormConv1d(channels, channels, 3, dilation=dilation),
            nn.LeakyReLU(SLOPE),
            WeightNormConv1d(channels, channels, 1),
        )
        self.shortcut = WeightNormConv1d(channels, channels, 1)
        self._dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, L] -> [B, C, L]; L must be longer than the dilation. In training in bfloat16 wide ones go by `residual_points`."""
        wide = x.shape[1] >= FEWEST_CHANNELS and x.device.type == "cpu" and x.dtype == torch.bfloat16
        if wide and torch.is_grad_enabled() and isinstance(self.shortcut, WeightNormConv1d):
            shortcut, first, last = self._parts()
            return residual(x, shortcut, first, last, self._dilation, SLOPE)
        return self.shortcut(x) + self.block(x)

    def at_points(self) -> ResidualAtPoints:
        """The same block for inference."""
        shortcut, first, last = self._parts()
        return ResidualAtPoints(shortcut, first, last, self._dilation, SLOPE)

    def _parts(self) -> list[tuple[Tensor, Tensor]]:
        """Weight and bias of the shortcut, of the first and of the last convolution."""
        return [_tensors(conv) for conv in (self.shortcut, self.block[2], self.block[4])]  # type: ignore[arg-type]


def _tensors(conv: WeightNormConv1d) -> tuple[Tensor, Tensor]:
    """Weight and bias."""
    assert conv.bias is not None
    return conv.normed(), conv.bias


_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "leaky": lambda: nn.LeakyReLU(SLOPE)}


def conv_stack(in_channels: int, config: StackConfig, *tail: nn.Module) -> nn.Sequential:
    """The rows of a table as one flat sequence [B, in_channels, L] -> [B, C, L'], with ``tail`` at its end."""
    modules: list[nn.Module] = []
    for row in config.rows:
        if row.before:
            modules.append(_ACTIVATIONS[row.before]())
        if row.reflected:
            modules.append(Reflection(row.reflected))
        modules.append(Conv1d(in_channels, row.channels, row.kernel_size, stride=row.stride, padding=row.zeros))
        if config.batch_norm and row is not config.rows[-1]:
            modules.append(nn.BatchNorm1d(row.channels))
        if row.after:
            modules.append(_ACTIVATIONS[row.after]())
        if row.stack:
            modules += [ResidualBlock(row.channels, dilation) for dilation in config.dilations]
        in_channels = row.channels
    return nn.Sequential(*modules, *tail)


def init_plain_convolutions(model: nn.Module) -> None:
    """Draw the weights of plain convolutions from a normal distribution with deviation 0.02, as the released code.

    Its same line for convolutions with weight norm has no effect: it writes a tensor that is derived from others. These keep torch's
    default, as do all others.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv1d) and not isinstance(module, WeightNormConv1d):
            nn.init.normal_(module.weight, std=0.02)


def fold_weight_norm(model: nn.Module, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Make a model ready for inference: the same outputs but for rounding, in less time.

    Wide residual blocks become `ResidualAtPoints` and convolutions of many taps `LongConvolution`, which multiply less, and a plain
    convolution takes the place of every other `WeightNormConv1d`. In a ``dtype`` of half precision the whole model is cast to it, and
    weights are laid out as `convolve` needs them. The model is changed and returned; it can neither be trained as before nor loaded into
    afterwards.
    """
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, ResidualBlock) and child.shortcut.in_channels >= FEWEST_CHANNELS:
                setattr(parent, name, child.at_points())
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, WeightNormConv1d):
                plain = Conv1d(child.in_channels, child.out_channels, child.kernel_size[0], child.stride[0], int(child.padding[0]),
                               child.dilation[0], child.groups, device="meta")  # fmt: skip
                plain.weight = nn.Parameter(child.normed().detach(), requires_grad=False)
                plain.bias = child.bias
                setattr(parent, name, plain.train(child.training))
            elif isinstance(child, Conv1d) and child.stride == child.dilation == (1,) and child.groups == 1 and pays(child.weight):
                setattr(parent, name, LongConvolution(child.weight, child.bias, int(child.padding[0])))
    if dtype != torch.float32:
        for module in model.to(dtype).modules():
            if isinstance(module, Conv1d):
                weight = module.weight.detach().transpose(1, 2).contiguous().transpose(1, 2)
                module.weight = nn.Parameter(weight, requires_grad=False)
    return model


@dataclass(frozen=True)
class MotionEncoderConfig:
    """Sizes of the motion encoder.

    Attributes
    ----------
    frames, features : of the motion, 2 seconds: 120 x 219 for AIST++, 60 x 75 for TikTok.
    over_time : the convolution runs over time and the features are its channels. Without, as in the released code, each frame passes
        a linear layer of width ``hidden``, frames are the channels and the convolution runs over those ``hidden`` numbers.
    out : width of the encoded motion.
    """

    stack: StackConfig
    frames: int = 120
    features: int = 219
    over_time: bool = False
    hidden: int = 800
    out: int = 1024


class MotionEncoder(nn.Module):
    """Motion of two seconds to one vector: D2M-GAN section 3.2, appendix Table 1."""

    def __init__(self, config: MotionEncoderConfig) -> None:
        super().__init__()
        self.config = config
        length = config.frames if config.over_time else config.hidden
        self.lin1 = nn.Identity() if config.over_time else nn.Linear(config.features, config.hidden)
        self.lin2 = nn.Linear(config.stack.length(length), config.out)
        self.model = conv_stack(config.features if config.over_time else config.frames, config.stack)
        init_plain_convolutions(self)

    def forward(self, motion: Tensor) -> Tensor:
        """motion [B, T, F] -> [B, 1, out]."""
        return self.lin2(self.before_last(motion))

    def before_last(self, motion: Tensor) -> Tensor:
        """Output [B, 1, n] of the convolutions, before the last linear layer."""
        x = motion.transpose(1, 2) if self.config.over_time else self.lin1(motion)
        return self.model(x)
