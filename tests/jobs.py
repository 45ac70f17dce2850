"""Requests to the main job, and a tracker without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dance2music.generation.request import Request

SECONDS = 3.0
FEW_CANDIDATES = Path(__file__).with_name("few")
"""First on a Python's path: it makes two takes for each that is kept, as the fixture ``few_candidates`` does in this process."""


class Bobbing:
    """A tracker that sees the same bobbing dancer in every picture, so that no network has to look at them."""

    def __init__(self) -> None:
        self.frame = 0

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        self.frame += 1
        rng = np.random.default_rng(0)
        joints = np.concatenate([rng.uniform(0.3, 0.7, (33, 3)), np.full((33, 1), 0.9)], axis=1).astype(np.float32)
        joints[:, 1] += 0.05 * np.sin(self.frame * 0.4)
        joints[:, 0] *= image.shape[1]
        joints[:, 1:3] *= image.shape[0]
        return joints

    def forget(self) -> None:
        self.frame = 0


def request(video: Path | None, **options: Any) -> Request:
    return Request(**{"video": video, "genre": "house", "method": "composer", "plot": False} | options)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
