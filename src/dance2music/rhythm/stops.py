"""Stops of a dance that several readings of it agree on: moments worth an accent of the music.

One reading of kinematic beats is half noise: two of the same clip agree with an F-measure of .60. So the velocity is read in several ways,
of the whole body and of arms, legs and trunk alone, each smoothed a little and more, and a stop is where most of them have a minimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dance2music.dance.kinematics import body_size, low_pass, minima
from dance2music.dance.skeleton import SKELETONS, body_joints
from dance2music.types import Motion

AGREEMENT_SECONDS = 0.07
"""Readings agree that have a minimum so near."""
GROUPS: dict[str, tuple[str, ...]] = {
    "arms": ("left_elbow", "left_wrist", "right_elbow", "right_wrist"),
    "legs": ("left_knee", "left_ankle", "right_knee", "right_ankle"),
    "trunk": ("head", "neck", "pelvis", "left_shoulder", "right_shoulder", "left_hip", "right_hip"),
}
CUTOFFS_HZ = (3.0, 4.5, 7.0)
_REACH_SECONDS = 0.4
_MIN_DISTANCE_SECONDS = 0.2
_KERNEL_SECONDS = 0.03


HIT_AGREEMENT, HIT_DEPTH = 0.7, 0.6
"""A stop is worth a hit from here on. On eleven clips 70 % of such stops (n = 27) lay within 70 ms of one that another pose estimator and
another definition see, where 25 % do by chance and 60 % of the kinematic beats."""
HIT_DISTANCE_SECONDS = 0.7


class Stops(NamedTuple):
    """Times in seconds, increasing, the share of readings that agree on each, and how deep the stop is (0 a turn in passing, 1 stillness).

    float64 [n] each.
    """

    times_seconds: np.ndarray
    agreement: np.ndarray
    depth: np.ndarray


def agreed_stops(motion: Motion) -> Stops:
    """The moments at which most readings of the dance stop; none for one without joints (skeleton ``flow``) or under half a second long."""
    if motion.skeleton == "flow" or motion.duration_seconds < 0.5:
        return Stops(np.zeros(0), np.zeros(0), np.zeros(0))
    readings = [(minima(curve, fps=motion.fps, min_distance_seconds=_MIN_DISTANCE_SECONDS), curve) for curve in _curves(motion)]
    grid = np.arange(0.0, motion.duration_seconds, 0.005)
    near = np.array([_nearest(grid, times) for times, _ in readings])
    density = np.exp(-0.5 * (near / _KERNEL_SECONDS) ** 2).sum(axis=0)
    peaks = minima(-density, fps=200.0, min_distance_seconds=_MIN_DISTANCE_SECONDS)
    agreement = (np.array([_nearest(peaks, times) for times, _ in readings]) <= AGREEMENT_SECONDS).mean(axis=0) if len(peaks) else peaks
    depth = np.mean([_depth(curve, motion.fps, peaks) for _, curve in readings], axis=0) if len(peaks) else peaks
    return Stops(peaks, agreement, depth)


def hit_times(motion: Motion) -> np.ndarray:
    """The stops that are worth a hit of the music, float64 [n] in seconds, `HIT_DISTANCE_SECONDS` apart: of near ones the clearer."""
    times, agreement, depth = agreed_stops(motion)
    kept: list[float] = []
    for i in np.argsort(-agreement * depth, kind="stable"):
        clear = agreement[i] >= HIT_AGREEMENT and depth[i] >= HIT_DEPTH
        if clear and all(abs(times[i] - other) >= HIT_DISTANCE_SECONDS for other in kept):
            kept.append(float(times[i]))
    return np.array(sorted(kept))


def _curves(motion: Motion) -> list[np.ndarray]:
    """Speeds [T] in body sizes per second: of all joints and of each group, at each smoothing."""
    body = body_joints(motion)
    at, size = SKELETONS["body-15"].index, body_size(motion)
    curves = []
    for cutoff_hz in CUTOFFS_HZ:
        smooth = low_pass(body.joints[..., :2], fps=motion.fps, cutoff_hz=cutoff_hz, weights=body.confidence[..., None])
        speed = np.linalg.norm(np.gradient(smooth, axis=0), axis=-1) * motion.fps / size
        curves.append(speed.mean(axis=1))
        curves.extend(speed[:, [at(joint) for joint in joints]].mean(axis=1) for joints in GROUPS.values())
    return curves


def _nearest(times: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Distance [n] of times [n] to the nearest of others [m], infinite where there are none."""
    if not len(to):
        return np.full(len(times), np.inf)
    return np.asarray(np.abs(times[:, None] - to[None]).min(axis=1))


def _depth(curve: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    """How far a speed [T] falls at times [n], relative to its highest within `_REACH_SECONDS` before, 0..1."""
    reach, found = round(_REACH_SECONDS * fps), []
    for time in times:
        i = min(round(time * fps), len(curve) - 1)
        before, here = curve[max(0, i - reach) : i + 1].max(), curve[max(0, i - 2) : i + 3].min()
        found.append(1.0 - here / before if before > 1e-6 else 0.0)
    return np.array(found)
