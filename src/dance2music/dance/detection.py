"""Where bodies and faces are in a picture: boxes and key points of a single-shot detector (Liu et al. 2016, "SSD"; Bazarevsky et al. 2019).

The network looks at a square picture and answers for a fixed grid of anchors; answers that are sure enough are decoded, and those that mean
the same thing are averaged by their scores. Sizes and thresholds are those of MediaPipe's public graphs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

MIN_SCORE = 0.5
_SAME_OVERLAP = 0.3
"""Intersection over union from which on two boxes are one."""
_ANCHORS_PER_LAYER = 2


@dataclass(frozen=True)
class DetectorConfig:
    """Side of the picture that a detector takes, the strides of its layers, and how many key points it gives."""

    size: int
    strides: tuple[int, ...]
    key_points: int


BODY_DETECTOR = DetectorConfig(224, (8, 16, 32, 32, 32), 4)
FACE_DETECTOR = DetectorConfig(128, (8, 16, 16, 16), 6)


class Detection(NamedTuple):
    """One thing that was found: score 0..1, box (left, top, right, bottom) [4] and key points [n, 2] in shares of the picture."""

    score: float
    box: np.ndarray
    points: np.ndarray


@cache
def anchors(config: DetectorConfig) -> np.ndarray:
    """Centres float32 [n, 2] of the anchors in shares of the picture: layers of one stride share their cells."""
    rows = []
    for stride in dict.fromkeys(config.strides):
        side = -(-config.size // stride)
        y, x = np.mgrid[0:side, 0:side]
        cells = np.stack([(x + 0.5) / side, (y + 0.5) / side], axis=-1).reshape(-1, 2)
        rows.append(np.repeat(cells, _ANCHORS_PER_LAYER * config.strides.count(stride), axis=0))
    return np.concatenate(rows).astype(np.float32)


def decode(boxes: np.ndarray, logits: np.ndarray, config: DetectorConfig, *, min_score: float = MIN_SCORE) -> list[Detection]:
    """What a detector's answers mean, the surest first.

    Parameters
    ----------
    boxes : float32 [n, 4 + 2 k], centre, size and k key points of each anchor, in pixels relative to its centre.
    logits : float32 [n].
    config : of the detector.
    min_score : answers below it are left out.
    """
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0)))
    sure = np.flatnonzero(scores >= min_score)
    if not len(sure):
        return []
    values = boxes[sure].reshape(len(sure), -1, 2) / config.size
    at = anchors(config)[sure]
    centre, half = values[:, 0] + at, 0.5 * values[:, 1]
    points = values[:, 2:] + at[:, None]
    found = np.concatenate([(centre - half)[:, None], (centre + half)[:, None], points], axis=1)
    return merged(scores[sure], found)


def merged(scores: np.ndarray, found: np.ndarray) -> list[Detection]:
    """Non-maximum suppression by weighted means: scores [n] and boxes with key points [n, 2 + k, 2] to one detection per thing."""
    left = np.argsort(-scores, kind="stable")
    detections = []
    while len(left):
        same = overlap(found[left[0], :2].reshape(4), found[left, :2].reshape(-1, 4)) > _SAME_OVERLAP
        same[0] = True
        mean = np.average(found[left[same]], axis=0, weights=scores[left[same]])
        detections.append(Detection(float(scores[left[0]]), mean[:2].reshape(4), mean[2:]))
        left = left[~same]
    return detections


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union [n] of a box [4] (left, top, right, bottom) with boxes [n, 4]."""
    size = np.maximum(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0.0)
    common = size[:, 0] * size[:, 1]
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + float(np.prod(box[2:] - box[:2])) - common
    return common / np.maximum(area, 1e-12)
