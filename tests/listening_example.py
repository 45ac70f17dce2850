"""Music and types that the tests of listening tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dance2music.types import Audio

RATE = 22050
SECONDS = 1.5


def notes(seed: int, *, gain: float = 0.2, seconds: float = SECONDS) -> Audio:
    """Decaying notes of random pitch, four a second."""
    time = np.arange(round(seconds * RATE)) / RATE
    rng = np.random.default_rng(seed)
    y = np.zeros(len(time))
    for start in np.arange(0.0, seconds, 0.25):
        pitch = 220.0 * 2.0 ** (rng.integers(0, 12) / 12.0)
        y += np.exp(-8.0 * np.maximum(0.0, time - start)) * (time >= start) * np.sin(2 * np.pi * pitch * time)
    return Audio((gain * y)[None].astype(np.float32), RATE)


class Built(NamedTuple):
    """A listening test that was built: the listeners' folder, the key's file and its content, the folders that it was built from."""

    folder: Path
    key_path: Path
    key: dict[str, Any]
    sources: dict[str, Path]
