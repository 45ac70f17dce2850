"""A picture that shapes are painted on with smooth edges, by the renderer of matplotlib (Agg): what drawn dancers are drawn with.

Places are in pixels, x to the right, y down; the middle of the first pixel is (0, 0).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Colour = tuple[int, int, int]

_HALF_TURN = np.linspace(0.5 * np.pi, 1.5 * np.pi, 10)
_TURN = np.linspace(0.0, 2.0 * np.pi, 25)[:-1]


class Canvas:
    """A picture to paint on; `image` is a view of it."""

    def __init__(self, background: np.ndarray) -> None:
        """``background`` is uint8 [H, W, 3], or with opacity [H, W, 4], which is quicker; it is copied."""
        from matplotlib.backends.backend_agg import RendererAgg
        from matplotlib.transforms import Affine2D

        height, width = background.shape[:2]
        self._renderer: Any = RendererAgg(width, height, 72.0)
        self._place = Affine2D.from_values(1.0, 0.0, 0.0, -1.0, 0.5, height - 0.5)
        self._style = self._renderer.new_gc()
        self._style.set_linewidth(0.0)
        self._style.set_snap(False)
        pixels = np.asarray(self._renderer.buffer_rgba())
        pixels[..., : background.shape[2]] = background
        if background.shape[2] == 3:
            pixels[..., 3] = 255
        self.image: np.ndarray = pixels[..., :3]

    def polygon(self, corners: np.ndarray, colour: Colour) -> None:
        """Fill a polygon of corners float [n, 2]."""
        from matplotlib.path import Path

        self._renderer.draw_path(self._style, Path(corners), self._place, tuple(c / 255.0 for c in colour))

    def disc(self, centre: np.ndarray, radius: float, colour: Colour) -> None:
        """Fill a circle around ``centre`` [2]."""
        self.ellipse(centre, (radius, radius), colour)

    def ellipse(
        self, centre: np.ndarray, radii: tuple[float, float], colour: Colour, *, begin: float = 0.0, end: float = 2 * np.pi
    ) -> None:
        """Fill an upright ellipse around ``centre`` [2], or of it the part between two angles (from the right, clockwise)."""
        angles = begin + (end - begin) / (2 * np.pi) * _TURN if end - begin > 6.28 else np.linspace(begin, end, len(_TURN))
        self.polygon(np.asarray(centre) + np.stack([radii[0] * np.cos(angles), radii[1] * np.sin(angles)], axis=1), colour)

    def limb(self, start: np.ndarray, end: np.ndarray, widths: tuple[float, float], colour: Colour) -> None:
        """Fill the shape between two points [2] with round ends; its widths there are diameters."""
        start, end = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
        along = end - start
        length = float(np.hypot(*along))
        along = along / length if length > 1e-9 else np.array([1.0, 0.0])
        across = np.array([-along[1], along[0]])
        cap = np.outer(np.cos(_HALF_TURN), along) + np.outer(np.sin(_HALF_TURN), across)
        self.polygon(np.concatenate([start + 0.5 * widths[0] * cap, end - 0.5 * widths[1] * cap]), colour)

    def line(self, start: np.ndarray, end: np.ndarray, width: float, colour: Colour) -> None:
        """Draw a line with round ends between two points [2]."""
        self.limb(start, end, (width, width), colour)
