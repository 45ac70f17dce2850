"""TSN (Wang et al. 2018): a ResNet-50 on a few snippets of a video, averaged; the visual input of Creative-GAN (section 3.1.1 a).

Module names are torchvision's. Files of mmaction2 (``backbone.conv1.conv.weight``) and of torchvision (``conv1.weight``) load as they are;
the weights are the user's to bring. What runs the two streams over a video is in `perception.extractors`.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.checkpoint import fill, read_torch_state
from dance2music.errors import InputError

TSN_FEATURES = 2048
"""Channels of ResNet-50 after its pooling: the features of one stream."""
SEGMENTS = 3
FLOW_FRAMES = 5
"""Flow fields of one snippet, x and y of each as channels."""
_DEPTHS = (3, 4, 6, 3)
_EXPANSION = 4

WHERE = (
    "models of TSN with a ResNet-50, for RGB and for flow, are in the model zoo of github.com/open-mmlab/mmaction2 "
    "(Apache-2.0; trained on Kinetics-400, whose videos are licensed by their uploaders)"
)


class _Bottleneck(nn.Module):
    def __init__(self, n_in: int, width: int, stride: int) -> None:
        super().__init__()
        n_out = width * _EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(n_in, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, n_out, 1, bias=False), nn.BatchNorm2d(n_out)
        changes = stride != 1 or n_in != n_out
        self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


class TSN(nn.Module):
    """One stream: ResNet-50 without its classifier, 23,508,032 parameters for RGB."""

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        n_in = 64
        for stage, depth in enumerate(_DEPTHS):
            width = 64 * 2**stage
            blocks = [_Bottleneck(n_in if i == 0 else width * _EXPANSION, width, 2 if i == 0 and stage else 1) for i in range(depth)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            n_in = width * _EXPANSION

    def forward(self, snippets: Tensor) -> Tensor:
        """Snippets [B, S, C, 224, 224] of S segments, normalised -> consensus [B, 2048]: the mean over segments and pictures."""
        x = snippets.flatten(0, 1)
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(len(_DEPTHS)):
            x = self.get_submodule(f"layer{stage + 1}")(x)
        return x.mean(dim=(2, 3)).view(*snippets.shape[:2], -1).mean(dim=1)


def load_tsn(path: str | Path, *, in_channels: int) -> TSN:
    """One stream with the weights of an mmaction2 or torchvision file (3 channels: RGB, 10: flow); the classifier is left out.

    Raises
    ------
    InputError
        If the file is missing (the message says where it is and under which licence), cannot be read safely, or does not fit, as when
        the streams are exchanged.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected TSN's weights; {WHERE}")
    state: dict[str, Tensor] = {}
    for name, value in read_torch_state(path).items():
        if not name.startswith(("cls_head.", "fc.", "data_preprocessor.")):
            state[_torchvision_name(name)] = value
    model = TSN(in_channels)
    counters = {name: torch.zeros_like(value) for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    fill(model, {**counters, **state}, where=str(path))
    return model.eval().requires_grad_(False)


def _torchvision_name(name: str) -> str:
    """``backbone.layer1.0.conv2.bn.weight`` of mmaction2 as ``layer1.0.bn2.weight``; torchvision's own names stay."""
    name = name.removeprefix("backbone.")
    name = name.replace("downsample.conv.", "downsample.0.").replace("downsample.bn.", "downsample.1.")
    return re.sub(r"conv(\d)\.bn\.", r"bn\1.", re.sub(r"conv(\d)\.conv\.", r"conv\1.", name))
