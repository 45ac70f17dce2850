"""Waveforms as the page draws them: the largest value of each hundredth of a second, one byte each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.types import Audio

RATE_HZ = 100


def write_waves(sounds: Mapping[str, Audio], path: Path) -> dict[str, Any]:
    """Write one row of bytes per sound, and tell their names and how many bytes a row has."""
    rows = {name: wave(audio) for name, audio in sounds.items()}
    path.write_bytes(b"".join(row.tobytes() for row in rows.values()))
    return {"names": list(rows), "rate_hz": RATE_HZ, "length": max((len(row) for row in rows.values()), default=0)}


def wave(audio: Audio) -> np.ndarray:
    """Largest absolute value in each hundredth of a second, uint8 [n]: 255 is full scale."""
    samples = np.abs(audio.samples).max(axis=0)
    hop = audio.sample_rate / RATE_HZ
    count = int(np.ceil(len(samples) / hop))
    starts = np.minimum(np.round(np.arange(count) * hop).astype(int), max(len(samples) - 1, 0))
    if not count:
        return np.zeros(0, dtype=np.uint8)
    return np.asarray(np.clip(np.maximum.reduceat(samples, starts) * 255.0, 0, 255).astype(np.uint8))
