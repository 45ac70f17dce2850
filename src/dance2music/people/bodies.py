"""Bodies in pictures, compared with each other: where they are, how large, whether two are one, and what they wear.

A body is float32 [33, 4], BlazePose's joints: x, y, z in pixels (y down) and visibility.
"""

from __future__ import annotations

import numpy as np

TRUNK = [11, 12, 23, 24]
_SHOULDERS, _HIPS = [11, 12], [23, 24]
MAX_TRUNK_SPEED = 8.0
"""In lengths of the trunk per second, about 4 m/s: what moves faster from frame to frame is the tracker jumping to somebody else."""
SAME_BODY = 0.3
"""Two bodies whose joints are this near on average, in lengths of the trunk, are one that was read twice."""
MIN_VISIBILITY = 0.3
"""Mean visibility of the joints of a body that is taken for one."""
_ACROSS = np.array([0.25, 0.5, 0.75])
PATCHES = 5
"""Places of a body whose colours are looked at: chest, waist, thighs, shins, upper arms."""


def trunk_length(body: np.ndarray) -> float:
    """Length of the trunk of a body [33, 4] in pixels, at least a quarter of the body's height in the picture."""
    trunk = float(np.linalg.norm(body[_SHOULDERS, :2].mean(0) - body[_HIPS, :2].mean(0)))
    return max(trunk, 0.25 * float(np.ptp(body[:33, 1])), 1.0)


def middle(body: np.ndarray) -> np.ndarray:
    """Middle of the trunk of a body [33, 4], float [2] in pixels."""
    return np.asarray(body[TRUNK, :2].mean(0))


def hips(body: np.ndarray) -> np.ndarray:
    """Middle of the hips of a body [33, 4], float [2] in pixels."""
    return np.asarray(body[_HIPS, :2].mean(0))


def elsewhere(before: np.ndarray, after: np.ndarray, seconds: float) -> bool:
    """True if the second body [33, 4], so many seconds later, can hardly be the first: too far off, or of quite another size."""
    size = trunk_length(before), trunk_length(after)
    moved = float(np.linalg.norm(middle(before) - middle(after))) / size[0]
    return moved > 0.05 + MAX_TRUNK_SPEED * max(seconds, 0.01) or not 0.5 < size[1] / size[0] < 2.0


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two bodies [33, 4] in one picture are one."""
    apart = np.linalg.norm(a[:33, :2] - b[:33, :2], axis=1).mean()
    return bool(apart < SAME_BODY * 0.5 * (trunk_length(a) + trunk_length(b)))


def colours(image: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Mean colours float [PATCHES, 3], 0..1, of a body's clothes in a picture uint8 [H, W, 3]; NaN for what lies outside it."""
    xy = body[:, :2]
    shoulders, hips = xy[_SHOULDERS], xy[_HIPS]

    def between(a: np.ndarray, b: np.ndarray, shares: np.ndarray) -> np.ndarray:
        return np.asarray(a + (b - a) * shares[:, None])

    left, right = (between(shoulders[side], hips[side], np.array([0.25, 0.4, 0.6, 0.75])) for side in (0, 1))
    rows = [between(left[i], right[i], _ACROSS) for i in range(4)]
    legs = [(between(xy[23 + s], xy[25 + s], _ACROSS), between(xy[25 + s], xy[27 + s], _ACROSS)) for s in (0, 1)]
    arms = [between(xy[11 + s], xy[13 + s], np.array([0.2, 0.35, 0.5])) for s in (0, 1)]
    places = [
        np.concatenate(rows[:2]), np.concatenate(rows[2:]), np.concatenate([legs[0][0], legs[1][0]]),
        np.concatenate([legs[0][1], legs[1][1]]), np.concatenate(arms),
    ]  # fmt: skip
    return np.stack([_mean_colour(image, points) for points in places])


def _mean_colour(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Median colour float [3], 0..1, at points [n, 2] of a picture; NaN where fewer than half of them lie in it."""
    x, y = np.round(points).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
    if 2 * inside.sum() < len(points):
        return np.full(3, np.nan)
    return np.asarray(np.median(image[y[inside], x[inside]], axis=0) / 255.0)


def colour_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance between two sets of colours [PATCHES, 3], 0..1.7; NaN if they have no patch in common."""
    apart = np.linalg.norm(a - b, axis=1)
    return float(np.nanmean(apart)) if np.isfinite(apart).any() else float("nan")
