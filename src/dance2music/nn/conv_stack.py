"""Convolution stacks of D2M-GAN: what its appendix prints as tables is here a tuple of rows, so that paper and released code are data.

Tensor names are those of the released code, so that its checkpoints load as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dance2music.nn.convolution import SLOPE, Conv1d, Reflection, WeightNormConv1d
from dance2music.nn.laid_out import can_lay_out
from dance2music.nn.long_convolution import LongConvolution, pays
from dance2music.nn.residual_points import FEWEST_CHANNELS, ResidualAtPoints, residual


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
    weights are laid out as `convolve` needs them; in float32 on a processor those of wide blocks as `nn.laid_out` does. The model is
    changed and returned; it can neither be trained as before nor loaded into afterwards.
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
    for module in model.modules() if dtype == torch.float32 else ():
        if isinstance(module, ResidualAtPoints) and can_lay_out(module.get_buffer("taps")):
            module.lay_out()
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
