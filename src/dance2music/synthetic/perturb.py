"""What a camera and a pose estimator do to a dance: clean 3-D joints become noisy, incomplete 2-D joints at the frame rate of a video."""

from __future__ import annotations

import numpy as np

from dance2music.types import Motion

FILM_FPS: tuple[float, ...] = (24.0, 25.0, 30.0, 30.0, 30.0, 60.0)
"""Frame rates of videos, the common one more often."""

_LIMBS: tuple[tuple[int, ...], ...] = (
    (18, 20, 22),
    (19, 21, 23),
    (4, 7, 10),
    (5, 8, 11),
    (20, 22),
    (21, 23),
    (7, 10),
    (8, 11),
    (10, 11),
    (15,),
)
_SIDES = np.array([0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22])


def perturb(motion: Motion, rng: np.random.Generator) -> Motion:
    """A clean dance as a pose estimator would see it on film.

    Random camera (yaw, pitch, distance, slight shake), projection, frame rate of `FILM_FPS`, white and slow noise that differs by joint and
    grows with the joint's speed, smoothing, lost limbs (interpolated, confidence 0), now and then left and right swapped.

    Parameters
    ----------
    motion : Motion, float32 [T, 24, 3], skeleton "smpl-24", y up, in metres.
    rng : draws everything.

    Returns
    -------
    Motion, float32 [T', 24, 2], of the same duration; unit: the height of the dancer's picture is about 0.5 to 1.
    """
    assert motion.joints.ndim == 3 and motion.joints.shape[1:] == (24, 3), "perturb needs a motion of skeleton smpl-24 in 3-D"
    from scipy.ndimage import gaussian_filter1d

    fps = float(rng.choice(FILM_FPS))
    flat = _project(motion.joints.astype(np.float64), motion.fps, rng)
    count = max(2, round(motion.duration_seconds * fps))
    at = np.clip(np.arange(count) / fps * motion.fps, 0.0, len(flat) - 1.0)
    low = at.astype(int)
    high = np.minimum(low + 1, len(flat) - 1)
    share = (at - low)[:, None, None]
    flat = flat[low] * (1.0 - share) + flat[high] * share
    size = float(np.percentile(np.ptp(flat[:, :, 1], axis=1), 90)) + 1e-6

    quality = 10.0 ** float(rng.uniform(-3.2, -1.9))  # noise as a share of the body's height
    each = size * quality * np.exp(rng.normal(0.0, 0.5, (1, 24, 1))) * np.where(np.arange(24) >= 18, 1.5, 1.0)[None, :, None]
    speed = np.linalg.norm(np.gradient(flat, axis=0), axis=-1, keepdims=True) * fps / size
    slow = gaussian_filter1d(rng.normal(size=flat.shape), max(1.0, fps * float(rng.uniform(0.05, 0.25))), axis=0)
    flat = flat + each * (rng.normal(size=flat.shape) * (0.5 + 0.5 * speed) + 1.5 * slow / (slow.std() + 1e-9))

    confidence = np.clip(rng.normal(0.9, 0.06, (1, 24)) - 0.05 * speed[..., 0] + rng.normal(0.0, 0.02, flat.shape[:2]), 0.05, 1.0)
    if rng.random() < 0.3:  # left and right exchanged for a moment
        for _ in range(int(rng.integers(1, 4))):
            start = int(rng.integers(count))
            swapped = slice(start, start + int(rng.integers(1, 6)))
            flat[swapped] = flat[swapped][:, _SIDES]
    for _ in range(int(rng.poisson(1.2))):  # limbs lost for a while
        limb = list(_LIMBS[int(rng.integers(len(_LIMBS)))])
        start, length = int(rng.integers(count)), int(fps * rng.uniform(0.1, 1.5))
        _bridge(flat, limb, start, min(count, start + length))
        confidence[start : start + length, limb] = 0.0
    if rng.random() < 0.08:  # cut off by the edge of the picture
        joints = [7, 8, 10, 11] if rng.random() < 0.6 else [4, 5, 7, 8, 10, 11]
        for joint in joints:
            flat[:, joint] = (
                flat[:, 0] + np.median(flat[:, joint] - flat[:, 0], axis=0) + 3.0 * size * quality * rng.normal(size=(count, 2))
            )
        confidence[:, joints] = float(rng.uniform(0.0, 0.3))
    if rng.random() < 0.75:
        flat = gaussian_filter1d(flat, fps * float(rng.uniform(0.01, 0.07)), axis=0, mode="nearest")
    return Motion(flat.astype(np.float32), confidence.astype(np.float32), fps, motion.skeleton, source=motion.source + ", perturbed")


def _project(joints: np.ndarray, fps: float, rng: np.random.Generator) -> np.ndarray:
    """Joints [T, 24, 3] seen by a camera, [T, 24, 2], y up, in units of the picture's height; sometimes mirrored or shaking."""
    yaw, pitch = float(np.clip(rng.normal(0.0, 0.45), -1.3, 1.3)), float(rng.normal(-0.05, 0.12))
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0.0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]])
    centre = joints.mean(axis=(0, 1))
    seen = (joints - centre) @ turn.T
    distance = float(rng.uniform(2.5, 8.0))
    flat = seen[..., :2] / np.maximum(1.0 - seen[..., 2:] / distance, 0.3)
    flat = flat * float(rng.uniform(0.28, 0.5)) + [0.5 + rng.normal(0.0, 0.1), 0.5 + rng.normal(0.0, 0.05)]
    if rng.random() < 0.5:
        flat[..., 0] = 1.0 - flat[..., 0]
    if rng.random() < 0.25:  # held in the hand
        t = np.arange(len(flat)) / fps
        for axis in (0, 1):
            for _ in range(3):
                flat[..., axis] += (float(rng.normal(0.0, 0.008)) * np.sin(2 * np.pi * (rng.uniform(0.1, 1.5) * t + rng.random())))[:, None]
    return flat


def _bridge(flat: np.ndarray, joints: list[int], start: int, end: int) -> None:
    """Replace joints in frames [start, end) by a straight line between the frames around them, in place."""
    before, after = max(start - 1, 0), min(end, len(flat) - 1)
    share = ((np.arange(start, end) - before) / max(after - before, 1))[:, None, None]
    flat[start:end, joints] = flat[before, joints] * (1.0 - share) + flat[after, joints] * share
