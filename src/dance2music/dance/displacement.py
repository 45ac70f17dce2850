"""How far each part of a picture has moved in the next one: dense optical flow by least squares, from coarse to fine.

Lucas and Kanade 1981 at every pixel: the displacement that explains the differences in a small window best, refined from level to level
of a pyramid (Bouguet 2000). For small grey pictures; where a window has no texture nothing moves.
"""

from __future__ import annotations

import numpy as np

COARSEST = 10
"""Pixels of the shorter side from which on no coarser level is made."""
_WINDOW = 7
_STIFFNESS = 30.0
"""Added to the squared gradients of a window, in grey levels squared per pixel squared: noise alone moves nothing, and what has no texture
stands still."""


def displacement(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Displacement float32 [..., h, w, 2] in pixels (x right, y down) of each pixel of ``before`` in ``after``, both float32 [..., h, w].

    Grey levels are 0..255. Many pairs of pictures at once take half the time that they take one after the other.
    """
    levels = [(before, after)]
    while min(levels[-1][0].shape[-2:]) >= 2 * COARSEST:
        levels.append((_halved(levels[-1][0]), _halved(levels[-1][1])))
    flow = np.zeros((*levels[-1][0].shape, 2), np.float32)
    for a, b in reversed(levels):
        flow = _refined(a, b, flow if flow.shape[:-1] == a.shape else 2.0 * _doubled(flow, a.shape[-2:]))
    return flow


def _refined(before: np.ndarray, after: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The flow after one step of Gauss and Newton; a second one follows the noise, on filmed dances."""
    slope_y, slope_x = np.gradient(before, axis=(-2, -1))
    xx, xy, yy = (_window(a * b) for a, b in ((slope_x, slope_x), (slope_x, slope_y), (slope_y, slope_y)))
    change = before - _moved(after, flow)
    u, v = flow[..., 0], flow[..., 1]
    x, y = _window(slope_x * change) + xx * u + xy * v, _window(slope_y * change) + xy * u + yy * v
    xx, yy = xx + _STIFFNESS, yy + _STIFFNESS
    found = np.stack([yy * x - xy * y, xx * y - xy * x], axis=-1) / (xx * yy - xy * xy)[..., None]
    return np.clip(found, flow - 1.0, flow + 1.0)


def _moved(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The pictures [..., h, w] read at each pixel plus its flow, bilinear, their edges continued."""
    height, width = image.shape[-2:]
    x = np.clip(np.arange(width, dtype=np.float32) + flow[..., 0], 0.0, width - 1.001)
    y = np.clip(np.arange(height, dtype=np.float32)[:, None] + flow[..., 1], 0.0, height - 1.001)
    column, row = x.astype(np.int32), y.astype(np.int32)
    x, y = x - column.astype(np.float32), y - row.astype(np.float32)
    first = np.arange(0, image.size, height * width, dtype=np.int32).reshape(*image.shape[:-2], 1, 1)
    at = first + row * width + column
    flat = image.reshape(-1)
    upper = flat[at] * (1.0 - x) + flat[at + 1] * x
    lower = flat[at + width] * (1.0 - x) + flat[at + width + 1] * x
    return upper * (1.0 - y) + lower * y


def _window(values: np.ndarray) -> np.ndarray:
    """Mean [..., h, w] over the window around each pixel."""
    from scipy.ndimage import uniform_filter

    return uniform_filter(values, _WINDOW, mode="nearest", axes=(-2, -1))


def _halved(image: np.ndarray) -> np.ndarray:
    """Means over squares of two by two pixels; an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in image.shape[-2:])
    pairs = image[..., :height, :width].reshape(*image.shape[:-2], height // 2, 2, width // 2, 2)
    return pairs.mean(axis=(-3, -1))


def _doubled(flow: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Each pixel twice in both directions, the last ones once more where the shape is odd."""
    rows = np.minimum(np.arange(shape[0]) // 2, flow.shape[-3] - 1)
    columns = np.minimum(np.arange(shape[1]) // 2, flow.shape[-2] - 1)
    return flow[..., rows, :, :][..., columns, :]
