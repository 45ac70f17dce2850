"""A dance as a camera's frame shows it: the input of the symbolic methods, whose published forms start from keypoints in pixels."""

from __future__ import annotations

import numpy as np

from dance2music.dance.kinematics import resample
from dance2music.dance.skeleton import convert
from dance2music.types import Motion

_MARGIN = 1.1


def framed_joints(motion: Motion, *, skeleton: str, fps: float, duration_seconds: float) -> np.ndarray:
    """Joints float64 [T, J, 2] in -1..1 of a square frame around the whole dance, y down, so many that they last ``duration_seconds``.

    Where published code gets pixels of a video, the frame here is the square around all joints with a margin of a tenth: a dance from a
    motion file is seen like a filmed one. A missing joint is interpolated (`Motion`), not put into a corner; the last pose is held.
    """
    body = convert(resample(motion, fps), skeleton)
    xy = body.joints[..., :2].astype(np.float64) * np.array([1.0, -1.0])
    xy = xy[np.minimum(np.arange(max(1, round(duration_seconds * fps))), len(xy) - 1)]
    low, high = xy.min(axis=(0, 1)), xy.max(axis=(0, 1))
    half = max(float((high - low).max()) / 2 * _MARGIN, 1e-9)
    return (xy - (low + high) / 2) / half
