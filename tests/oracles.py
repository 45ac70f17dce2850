"""Reproducible weights and reference outputs of the published systems, for parity tests: ``from oracles import filled, oracle``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity_weights import filled, filled_state, normal, weight
from torch import Tensor

__all__ = ["assert_network_close", "filled", "filled_state", "manifest", "normal", "oracle", "shared", "weight"]

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


def assert_network_close(ours: Tensor | np.ndarray, reference: np.ndarray) -> None:
    """Largest difference at most 1e-4 of the largest absolute reference value, plus 1e-5."""
    difference = np.abs(np.asarray(ours, dtype=np.float64) - reference).max()
    limit = 1e-4 * np.abs(reference).max() + 1e-5
    assert difference <= limit, f"differs by {difference:.3g}, allowed {limit:.3g}"
