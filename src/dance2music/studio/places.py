"""Where each of several dancers is in the picture, for the numbers that the page shows over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.dance.skeleton import SKELETONS
from dance2music.documents import json_text
from dance2music.types import Dancer

RATE_HZ = 10.0
SMOOTH_SECONDS = 0.5
"""A number is to be read, not to jump with each joint: places are means over so long."""
ABOVE_HEAD = 0.11
"""From the nose to above the head, in heights of the body."""


def write_places(dancers: Sequence[Dancer], path: Path) -> bool:
    """Write `places_of` as JSON; False where there are not several dancers to tell apart."""
    if len(dancers) < 2:
        return False
    path.write_text(json_text({"rate_hz": RATE_HZ, "dancers": places_of(dancers)}), encoding="utf-8")
    return True


def places_of(dancers: Sequence[Dancer]) -> list[dict[str, Any]]:
    """Number, and ``x`` and ``y`` above the head at every 1 / `RATE_HZ` seconds, from the upper left corner of the picture in heights of
    the picture; None where the dancer is not seen.

    Parameters
    ----------
    dancers : as `people.dancers.numbered`, in image coordinates.
    """
    return [{"number": number, **_place(one)} for number, one in enumerate(dancers, start=1)]


def _place(dancer: Dancer) -> dict[str, list[float | None]]:
    motion = dancer.motion
    seen = motion.confidence.max(axis=1) > 0
    x, y = motion.joints[:, SKELETONS[motion.skeleton].index("nose"), :2].T
    y = 1.0 - y - ABOVE_HEAD * dancer.size
    frames = np.round(np.arange(0.0, motion.duration_seconds, 1.0 / RATE_HZ) * motion.fps).astype(int)
    frames = frames[frames < len(seen)]
    window = max(1, round(SMOOTH_SECONDS * motion.fps))
    weights = np.convolve(seen.astype(float), np.ones(window), mode="same")
    smooth = (np.convolve(values * seen, np.ones(window), mode="same") / np.maximum(weights, 1.0) for values in (x, y))
    return {name: [round(float(v), 4) if there else None for v, there in zip(of[frames], seen[frames])] for name, of in zip("xy", smooth)}
