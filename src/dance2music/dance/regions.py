"""Turned squares and rectangles of a picture: cut out for a network, and what the network finds in them brought back to the picture.

Conventions as in MediaPipe's public graphs (its calculators ``AlignmentPointsRects``, ``DetectionsToRects``, ``RectTransformation``,
``ImageToTensor`` and ``LandmarkProjection``): the middle of pixel (0, 0) is the origin, y points down, angles are in radians, a region
whose angle is 0 stands upright, and outside the picture its edge goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

UPRIGHT = math.pi / 2
"""Direction of a vector that points up in the picture, as `Region.along` takes it."""


@dataclass(frozen=True)
class Region:
    """A turned rectangle: centre, size in pixels, angle in radians."""

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0

    @classmethod
    def along(cls, start: np.ndarray, end: np.ndarray, *, direction: float = UPRIGHT) -> Region:
        """The square around ``start`` [2] that ``end`` [2] lies on the edge of, turned so that the line between them has ``direction``."""
        side = 2.0 * math.hypot(float(end[0] - start[0]), float(end[1] - start[1]))
        return cls(float(start[0]), float(start[1]), side, side, turn(start, end, direction))

    @classmethod
    def around(cls, points: np.ndarray, start: np.ndarray, end: np.ndarray, *, direction: float = 0.0) -> Region:
        """The smallest upright box around points [n, 2], with the angle that brings the line from ``start`` to ``end`` to ``direction``."""
        low, high = points.min(axis=0), points.max(axis=0)
        x, y = 0.5 * (low + high)
        width, height = high - low
        return cls(float(x), float(y), float(width), float(height), turn(start, end, direction))

    def grown(self, scale: float, *, shift_y: float = 0.0) -> Region:
        """A square of ``scale`` times its longer side, moved down along its own axis by ``shift_y`` of its height first."""
        x = self.x - self.height * shift_y * math.sin(self.angle)
        y = self.y + self.height * shift_y * math.cos(self.angle)
        side = scale * max(self.width, self.height)
        return replace(self, x=x, y=y, width=side, height=side)

    def projected(self, points: np.ndarray) -> np.ndarray:
        """Points [n, 2] in shares 0..1 of the region as pixels [n, 2] of the picture."""
        x, y = (points[:, 0] - 0.5) * self.width, (points[:, 1] - 0.5) * self.height
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        return np.stack([self.x + cosine * x - sine * y, self.y + sine * x + cosine * y], axis=1)

    def crop(self, image: np.ndarray, size: int, *, black_outside: bool = False) -> np.ndarray:
        """The region as a picture uint8 [size, size, 3] of an image uint8 [H, W, 3]; bilinear, outside it the image's edge, or black."""
        from PIL import Image

        corners = self.projected(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        piece, left, top = (image, 0, 0) if black_outside else _cut(image, corners)
        cosine, sine = math.cos(self.angle) * self.width / size, math.sin(self.angle) * self.width / size
        down, across = math.cos(self.angle) * self.height / size, -math.sin(self.angle) * self.height / size
        x, y = corners[0] - [left, top] + 0.5  # Pillow's pixels have their middles at .5
        steps = (cosine, across, x - 0.5 * (cosine + across), sine, down, y - 0.5 * (sine + down))
        turned = Image.fromarray(piece).transform((size, size), Image.Transform.AFFINE, steps, Image.Resampling.BILINEAR)
        return np.asarray(turned)


def turn(start: np.ndarray, end: np.ndarray, direction: float) -> float:
    """Angle in -pi..pi by which the line from ``start`` [2] to ``end`` [2] has to be turned back to have ``direction``."""
    angle = direction - math.atan2(-float(end[1] - start[1]), float(end[0] - start[0]))
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))


def _cut(image: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, int, int]:
    """The upright part of an image around some corners, its edge continued outside, with the place of its first column and row."""
    height, width = image.shape[:2]
    left, top = (int(v) for v in np.floor(corners.min(axis=0)) - 1)
    right, bottom = (int(v) for v in np.ceil(corners.max(axis=0)) + 2)
    x0, x1 = min(max(left, 0), width - 1), max(min(right, width), 1)
    y0, y1 = min(max(top, 0), height - 1), max(min(bottom, height), 1)
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    margins = ((max(y0 - top, 0), max(bottom - y1, 0)), (max(x0 - left, 0), max(right - x1, 0)), (0, 0))
    piece = np.pad(image[y0:y1, x0:x1], margins, mode="edge")
    return piece, x0 - margins[1][0], y0 - margins[0][0]
