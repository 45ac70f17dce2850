"""SoundNet (Aytar et al. 2016), eight layers: the perceptual network of Creative-GAN Eq. 10, with weights that the user brings.

Neither its weights nor anything trained with them comes with this package. Files are read without unpickling: torch files of tensors,
safetensors, and numpy archives (``.npz``) of plain arrays, with the names of the known conversions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.checkpoint import fill, read_torch_state
from dance2music.errors import InputError

FULL_SCALE = 256.0
"""SoundNet hears samples in -256..256."""

_LAYERS = ((16, 64, 8), (32, 32, 8), (64, 16, 1), (128, 8, 1), (256, 4, 4), (512, 4, 1), (1024, 4, 1))
"""Channels, kernel and max pooling of conv1..conv7; all have stride 2 and half a kernel of padding."""
OBJECTS, SCENES = 1000, 401

WHERE = "SoundNet's weights are those of github.com/cvondrick/soundnet (MIT licence; conversion for numpy: eborboihuc/SoundNet-tensorflow)"


@dataclass(frozen=True)
class SoundNetConfig:
    """``compared`` are the layers (1..7) whose features the perceptual loss compares; the paper does not say which."""

    compared: tuple[int, ...] = (5, 6, 7)


class SoundNet(nn.Module):
    """Strided convolutions over the waveform, each with batch norm and ReLU; two heads for objects and scenes."""

    sample_rate = 22050

    def __init__(self, config: SoundNetConfig = SoundNetConfig()) -> None:
        super().__init__()
        self.config = config
        n_in = 1
        for i, (channels, kernel, _) in enumerate(_LAYERS, start=1):
            self.add_module(f"conv{i}", nn.Conv1d(n_in, channels, kernel, stride=2, padding=kernel // 2))
            self.add_module(f"batchnorm{i}", nn.BatchNorm1d(channels))
            n_in = channels
        self.conv8_objs = nn.Conv1d(n_in, OBJECTS, 8, stride=2)
        self.conv8_scns = nn.Conv1d(n_in, SCENES, 8, stride=2)

    def features(self, audio: Tensor) -> list[Tensor]:
        """Audio [B, C, N] in -1..1 -> what the layers ``config.compared`` give after ReLU, before pooling: Tensor [B, C_i, L_i] each."""
        layers = self._layers(audio, max(self.config.compared))
        return [layers[i - 1] for i in self.config.compared]

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Audio [B, C, N] of at least 5 s in -1..1 -> logits of 1000 objects and 401 scenes, [B, C, L] each.

        Raises
        ------
        InputError
            If the audio is too short for the last layer.
        """
        x = self._layers(audio, len(_LAYERS))[-1]
        if x.shape[-1] < self.conv8_objs.kernel_size[0]:
            raise InputError(f"audio: {audio.shape[-1]} samples are too short for SoundNet's last layer; expected 5 s or more")
        return self.conv8_objs(x), self.conv8_scns(x)

    def _layers(self, audio: Tensor, count: int) -> list[Tensor]:
        x, layers = audio.mean(dim=1, keepdim=True) * FULL_SCALE, []
        for i, (_, _, pool) in enumerate(_LAYERS[:count], start=1):
            x = F.relu(self.get_submodule(f"batchnorm{i}")(self.get_submodule(f"conv{i}")(x)))
            layers.append(x)
            x = F.max_pool1d(x, pool) if pool > 1 else x
        return layers


def load_soundnet(path: str | Path, config: SoundNetConfig = SoundNetConfig()) -> SoundNet:
    """SoundNet with the weights of a file, frozen and in evaluation mode.

    Parameters
    ----------
    path : ``.pt``, ``.pth`` (tensors by name), ``.safetensors`` or ``.npz``. Understood are the names of this class (``conv1.weight``,
        ``batchnorm1.running_mean``), of nested blocks (``conv1.0.weight``, ``conv1.1.running_mean``), and of the TensorFlow conversion
        (``conv1.weights``, ``conv1.mean``); kernels may be [out, in, k], [out, in, k, 1] or TensorFlow's [k, 1, in, out].
    config : which layers are compared.

    Raises
    ------
    InputError
        If the file cannot be read without unpickling, or tensors are missing, unknown or of another shape.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected SoundNet's weights; {WHERE}")
    if path.suffix == ".npy":
        raise InputError(
            f"{path}: holds Python objects, which are never unpickled here; expected .npz, .pt or .safetensors; if you trust it: "
            "d = numpy.load(f, allow_pickle=True, encoding='latin1').item(); "
            "numpy.savez('sound8.npz', **{f'{layer}.{name}': v for layer in d for name, v in d[layer].items()})"
        )
    model = SoundNet(config)
    own = model.state_dict()
    state = {}
    for name, value in _tensors(path).items():
        name = _own_name(name)
        if name.endswith("num_batches_tracked"):
            continue
        state[name] = _own_shape(value, own[name].shape) if name in own else value
    state |= {name: value for name, value in own.items() if name.endswith("num_batches_tracked")}
    fill(model, state, where=str(path))
    return model.eval().requires_grad_(False)


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {name: torch.from_numpy(archive[name]).float() for name in archive.files}
        except (ValueError, OSError, TypeError) as error:
            raise InputError(f"{path}: cannot be read as an archive of plain arrays ({error}); save arrays by name, not objects") from error
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path}: cannot be read as safetensors ({error}); get it again") from error
    return read_torch_state(path)


_NORM = {"weight": "weight", "bias": "bias", "running_mean": "running_mean", "running_var": "running_var",
         "gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var",
         "num_batches_tracked": "num_batches_tracked"}  # fmt: skip


def _own_name(name: str) -> str:
    """Name of this class for one of the known names; others stay as they are."""
    parts = name.replace("/", ".").replace(":0", "").split(".")
    parts = parts[1:] if parts[0].lower() == "soundnet" else parts
    layer = {"conv8": "conv8_objs", "conv8_2": "conv8_scns"}.get(parts[0], parts[0])
    number = re.fullmatch(r"conv(\d)", layer)
    norm_block = len(parts) == 3 and parts[1] == "1" and parts[2] in _NORM
    if number and (norm_block or parts[-1] in ("gamma", "beta", "mean", "var")):
        return f"batchnorm{number[1]}.{_NORM[parts[-1]]}"
    return f"{layer}.{ {'weights': 'weight', 'biases': 'bias'}.get(parts[-1], parts[-1]) }"


def _own_shape(value: Tensor, shape: torch.Size) -> Tensor:
    """A kernel as [out, in, k]; anything that is of no known form stays as it is, and `fill` refuses it."""
    if value.ndim == 4 and value.shape[-1] == 1 and value.shape[:-1] == shape:
        return value[..., 0]
    if value.ndim == 4 and value.shape[1] == 1 and value[:, 0].permute(2, 1, 0).shape == shape:
        return value[:, 0].permute(2, 1, 0).contiguous()
    return value
