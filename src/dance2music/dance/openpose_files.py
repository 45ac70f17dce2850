"""Folders of OpenPose files as they come: one JSON per frame, named by its number, some missing, torn, or not of a frame at all."""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.documents import json_value
from dance2music.errors import InputError

logger = logging.getLogger(__name__)

JOINTS = 25
MAX_FRAMES = 1_000_000
_MAX_FILE_BYTES = 8 << 20
_NUMBER = re.compile(r"(\d{1,15})(?:_keypoints)?$")


def read_openpose(folder: Path) -> tuple[np.ndarray, int]:
    """Key points of the person who is followed, and how many frames of the video lie from one to the next.

    Files go by the number in their names, unpadded too; a number without a file, a file that is torn and a frame without a person are gaps
    (NaN). Other JSON files are left out. What was left out is said.

    Returns
    -------
    float64 [T, 25, 3] (x, y in pixels with y down, confidence), and int.

    Raises
    ------
    InputError
        If there are no frames, two files have the same number, or the points are not those of BODY-25.
    """
    files = [path for path in folder.glob("*.json") if not path.name.startswith(".")]
    if not files:
        raise InputError(f"{folder}: no .json files; expected OpenPose output, one file per frame")
    numbered: dict[int, Path] = {}
    others: list[Path] = []
    for path in sorted(files):
        found = _NUMBER.search(path.stem)
        if found is None:
            others.append(path)
            continue
        number = int(found[1])
        if number in numbered:
            raise InputError(
                f"{folder}: {numbered[number].name} and {path.name} are both frame {number}; expected one recording; put each in a folder"
            )
        numbered[number] = path
    if not numbered:
        raise InputError(f"{others[0]}: is no OpenPose frame; expected names that end in its number, as dance_000000000012_keypoints")
    numbers = sorted(numbered)
    step = math.gcd(*(number - numbers[0] for number in numbers)) or 1
    count = (numbers[-1] - numbers[0]) // step + 1
    if count > MAX_FRAMES:
        raise InputError(f"{folder}: frames {numbers[0]} to {numbers[-1]}; expected at most {MAX_FRAMES}; cut the recording into parts")
    frames = np.full((count, JOINTS, 3), np.nan)
    torn: list[Path] = []
    last: np.ndarray | None = None
    for number in numbers:
        bodies = _bodies(numbered[number])
        if bodies is None:
            torn.append(numbered[number])
        elif bodies:
            last = frames[(number - numbers[0]) // step] = _same_person(bodies, last)
    if len(torn) == len(numbers):
        raise InputError(f"{torn[0]}: is no OpenPose frame; expected people with pose_keypoints_2d (BODY-25, 75 numbers)")
    for what, paths in (("no frames and left out", others), ("torn: their frames are filled from those around", torn)):
        if paths:
            logger.warning("%s: %d files are %s (%s%s)", folder, len(paths), what, paths[0].name, ", ..." if len(paths) > 1 else "")
    if step > 1:
        logger.warning("%s: only every frame of %d is there", folder, step)
    return frames, step


def _bodies(path: Path) -> list[np.ndarray] | None:
    """The people in a frame whom something is seen of, each [25, 3]; None where the file cannot be read."""
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise InputError(f"{path}: has {path.stat().st_size / 1e6:.0f} MB; expected one OpenPose frame")
        people = json_value(path.read_text(encoding="utf-8"))["people"]
        rows: list[Any] = [person["pose_keypoints_2d"] for person in people if person.get("pose_keypoints_2d")]
        points = [np.array(row, dtype=np.float64) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    for body in points:
        if body.shape != (3 * JOINTS,):
            size = body.size if body.ndim == 1 else body.shape
            raise InputError(f"{path}: pose_keypoints_2d has {size} numbers; expected 75 (BODY-25), run OpenPose with its default model")
    shaped = [body.reshape(JOINTS, 3) for body in points]
    return [body for body in shaped if (np.nan_to_num(body[:, 2]) > 0).any()]


def _same_person(bodies: list[np.ndarray], last: np.ndarray | None) -> np.ndarray:
    """The body nearest to the last one; at first the largest."""

    def middle(body: np.ndarray) -> np.ndarray:
        return body[body[:, 2] > 0, :2].mean(axis=0)

    if last is None:
        return max(bodies, key=lambda b: float(np.ptp(b[b[:, 2] > 0, 1])))
    return min(bodies, key=lambda b: float(np.linalg.norm(middle(b) - middle(last))))
