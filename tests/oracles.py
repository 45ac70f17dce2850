"""Reproducible weights and reference outputs of the published systems, for parity tests: ``from oracles import filled, oracle``."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

SHARED = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).resolve().parents[2] / "shared"))
"""Folder with reference data beside the repository; tests that need it skip where it is missing."""


def shared(path: str) -> Path:
    """A file or folder of the reference data; skips the test where it is missing."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"reference data {path} is not at hand (set DANCE2MUSIC_SHARED)")
    return found


def oracle(name: str) -> Any:
    """Reference outputs: an npz as a mapping of arrays, a json as its content."""
    path = shared(f"spec/oracles/{name}")
    return json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else np.load(path)


def manifest(name: str) -> dict[str, list[int]]:
    """Tensor name -> shape of a published state dict."""
    return {entry["name"]: entry["shape"] for entry in oracle(f"{name}.manifest.json")["entries"]}


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


def assert_network_close(ours: Tensor | np.ndarray, reference: np.ndarray) -> None:
    """Largest difference at most 1e-4 of the largest absolute reference value, plus 1e-5."""
    difference = np.abs(np.asarray(ours, dtype=np.float64) - reference).max()
    limit = 1e-4 * np.abs(reference).max() + 1e-5
    assert difference <= limit, f"differs by {difference:.3g}, allowed {limit:.3g}"
