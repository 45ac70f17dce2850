"""Weights and inputs of the oracles: drawn by two rules from each tensor's name, and from numbered seeds."""

from __future__ import annotations

import zlib
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def weight(name: str, shape: tuple[int, ...] | list[int], rule: str) -> np.ndarray:
    """Value of one tensor under fill rule 'A' or 'B' (every one but the derived ``weight_g``), float64."""
    z = np.random.RandomState(zlib.crc32(name.encode()) & 0xFFFFFFFF).standard_normal(tuple(shape))
    if name.split(".")[-1] == "k":
        return z
    if len(shape) >= 2 and rule == "B":
        return 0.9 * z / np.sqrt(np.prod(shape[1:]))
    return 0.02 * z


def filled_state(shapes: dict[str, list[int]], rule: str) -> dict[str, Tensor]:
    """State dict of names and shapes under fill rule 'A' or 'B'."""
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        if name.endswith("weight_g"):
            direction = torch.from_numpy(weight(name[:-1] + "v", shapes[name[:-1] + "v"], rule).astype(np.float32))
            state[name] = direction.flatten(1).norm(dim=1).view(shape)
        else:
            state[name] = torch.from_numpy(weight(name, shape, rule).astype(np.float32))
    return state


def filled(model: M, rule: str) -> M:
    """The model with all tensors filled by rule 'A' or 'B', in evaluation mode."""
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    model.load_state_dict(filled_state(shapes, rule))
    return model.eval()


def normal(seed: int, *shape: int) -> Tensor:
    """Standard normal float32 tensor of ``numpy.random.RandomState(seed)``: the input of most oracles."""
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))
