"""Kinetic velocity, kinematic beats, energy, and the motion features that the learned parts see.

Kinematic beats are the local minima of the kinetic velocity (Li et al. 2021, AIST++, arXiv:2101.08779, section 5; Creative-GAN section 4):
the instants at which a move ends or turns. Everything here works on the common body of `skeleton.body_joints` and in body sizes, so that
2-D and 3-D sources, near and far dancers give the same numbers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dance2music.dance.skeleton import SKELETONS, body_joints, skeleton
from dance2music.errors import InputError
from dance2music.types import Motion

VELOCITY_CUTOFF_HZ = 5.0
"""Cut-off of the zero-phase low-pass on joints before speeds are taken: dance moves lie below it, the jitter of pose estimation above."""

MIN_BEAT_DISTANCE_SECONDS = 0.25
"""Two kinematic beats of video motion lie at least this far apart: an eighth note at 120 bpm. (AIST++'s order 10 at 60 fps is 0.17 s.)"""

AIST_FPS = 60.0
AIST_ORDER_FRAMES = 10

_TORSO_PERCENTILE = 80.0
_PARTS: tuple[tuple[str, ...], ...] = (
    ("head",), ("neck", "pelvis", "left_shoulder", "right_shoulder", "left_hip", "right_hip"),
    ("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"), ("left_knee", "left_ankle"), ("right_knee", "right_ankle"),
)  # fmt: skip

_J = len(SKELETONS["body-15"].joints)
FEATURE_SLICES: dict[str, slice] = {}
"""Layout of `motion_features`: name of a block of features to its slice of the last axis."""
for _name, _width in (
    ("position", 2 * _J), ("velocity", 2 * _J), ("part_speed", len(_PARTS)), ("part_acceleration", len(_PARTS)),
    ("kinetic", 2), ("vertical", 3), ("root", 2), ("confidence", 1),
):  # fmt: skip
    _start = max((s.stop for s in FEATURE_SLICES.values()), default=0)
    FEATURE_SLICES[_name] = slice(_start, _start + _width)
MOTION_FEATURES = FEATURE_SLICES["confidence"].stop
"""D_m, the width of `motion_features`."""


def low_pass(values: np.ndarray, *, fps: float, cutoff_hz: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Zero-phase Gaussian low-pass along the first axis, optionally weighted.

    Weighted, it is the normalised convolution ``G * (w x) / (G * w)`` (Knutsson & Westin 1993): samples without confidence are filled from
    their neighbours and do not disturb them.

    Parameters
    ----------
    values : float [T, ...].
    fps : float, frames per second.
    cutoff_hz : float, frequency at which the gain is -3 dB.
    weights : float [T, ...] broadcastable to ``values``, or None.

    Returns
    -------
    float64 [T, ...]
    """
    from scipy.ndimage import gaussian_filter1d

    sigma = np.sqrt(np.log(2.0)) / (2.0 * np.pi * cutoff_hz) * fps
    values = np.asarray(values, dtype=np.float64)
    if sigma < 0.05 or len(values) < 2:
        return values
    if weights is None:
        return gaussian_filter1d(values, sigma, axis=0, mode="nearest")
    weights = np.asarray(weights, dtype=np.float64) + 1e-6
    above = gaussian_filter1d(values * weights, sigma, axis=0, mode="nearest")
    return above / gaussian_filter1d(np.broadcast_to(weights, values.shape), sigma, axis=0, mode="nearest")


def resample(motion: Motion, fps: float) -> Motion:
    """The same motion at another frame rate, by linear interpolation (after a low-pass where frames are dropped).

    Raises
    ------
    InputError
        If ``fps`` is not positive.
    """
    if fps <= 0:
        raise InputError(f"fps: {fps}; expected a positive number of frames per second")
    if abs(fps - motion.fps) < 1e-9:
        return motion
    count = max(1, round(motion.duration_seconds * fps))
    old, new = np.arange(len(motion.joints)) / motion.fps, np.arange(count) / fps

    def change(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1).astype(np.float64)
        if fps < motion.fps:
            flat = low_pass(flat, fps=motion.fps, cutoff_hz=0.4 * fps)
        out = np.stack([np.interp(new, old, column) for column in flat.T], axis=-1)
        return out.reshape(count, *values.shape[1:]).astype(np.float32)

    flow = None if motion.flow_energy is None else change(motion.flow_energy)
    return replace(motion, joints=change(motion.joints), confidence=change(motion.confidence), fps=float(fps), flow_energy=flow)


def body_size(motion: Motion) -> float:
    """Length of the torso (neck to pelvis in the x-y plane) in the unit of the joints: a high percentile, since bending shortens it.

    Returns
    -------
    float > 0; 1.0 for a motion without extent.
    """
    body = body_joints(motion)
    at = SKELETONS["body-15"].index
    torso = np.linalg.norm(body.joints[:, at("neck"), :2] - body.joints[:, at("pelvis"), :2], axis=-1)
    seen = np.minimum(body.confidence[:, at("neck")], body.confidence[:, at("pelvis")]) > 0
    size = float(np.percentile(torso[seen] if seen.any() else torso, _TORSO_PERCENTILE)) if len(torso) else 0.0
    if size <= 1e-6:
        size = float(np.ptp(body.joints[..., 1])) / 3.0 if body.joints.size else 0.0
    return size if size > 1e-6 else 1.0


def kinetic_velocity(motion: Motion, *, cutoff_hz: float = VELOCITY_CUTOFF_HZ) -> np.ndarray:
    """Mean speed of the joints of the common body, in body sizes per second.

    Joints are low-passed (`low_pass`, weighted by confidence), then differentiated centrally; the mean over joints is weighted by
    confidence. x and y are used, so that 2-D and 3-D sources agree. For skeleton ``flow`` it is the energy of the optical flow.

    Parameters
    ----------
    motion : Motion
    cutoff_hz : float, of the low-pass.

    Returns
    -------
    float64 [T]
    """
    if motion.skeleton == "flow" and motion.flow_energy is not None:
        return low_pass(motion.flow_energy, fps=motion.fps, cutoff_hz=cutoff_hz)
    body = body_joints(motion)
    if len(body.joints) < 2:
        return np.zeros(len(body.joints))
    smooth = low_pass(body.joints[..., :2], fps=motion.fps, cutoff_hz=cutoff_hz, weights=body.confidence[..., None])
    speed = np.linalg.norm(np.gradient(smooth, axis=0), axis=-1) * motion.fps / body_size(body)
    weights = low_pass(body.confidence, fps=motion.fps, cutoff_hz=cutoff_hz / 5) + 1e-3
    return (speed * weights).sum(axis=1) / weights.sum(axis=1)


def kinematic_beats(
    motion: Motion, *, cutoff_hz: float = VELOCITY_CUTOFF_HZ, min_distance_seconds: float = MIN_BEAT_DISTANCE_SECONDS
) -> np.ndarray:
    """Kinematic beats of filmed motion: local minima of `kinetic_velocity`.

    A minimum counts when no lower value lies within ``min_distance_seconds`` and it is no flat spot (standing still is not a beat). Times
    are refined below the frame by a parabola through the three lowest frames.

    Parameters
    ----------
    motion : Motion
    cutoff_hz : float, of the low-pass before speeds are taken.
    min_distance_seconds : float

    Returns
    -------
    float64 [n], seconds, increasing.
    """
    velocity = kinetic_velocity(motion, cutoff_hz=cutoff_hz)
    return minima(velocity, fps=motion.fps, min_distance_seconds=min_distance_seconds)


def minima(curve: np.ndarray, *, fps: float, min_distance_seconds: float) -> np.ndarray:
    """Times in seconds of the local minima of a curve [T], at least ``min_distance_seconds`` apart, none at the very ends."""
    from scipy.signal import find_peaks

    if len(curve) < 3:
        return np.zeros(0)
    prominence = 0.02 * float(np.percentile(curve, 90) - np.percentile(curve, 10)) + 1e-9
    found, _ = find_peaks(-curve, distance=max(1, round(min_distance_seconds * fps)), prominence=prominence)
    before, here, after = curve[found - 1], curve[found], curve[found + 1]
    bend = before - 2.0 * here + after
    shift = np.where(bend > 1e-12, 0.5 * (before - after) / np.maximum(bend, 1e-12), 0.0)
    return (found + np.clip(shift, -0.5, 0.5)) / fps


def kinematic_beats_aist(joints: np.ndarray, *, fps: float = AIST_FPS) -> np.ndarray:
    """Kinematic beats with AIST++'s settings (Li et al. 2021; the score tool of its authors): no smoothing, strict minima of order 10.

    Parameters
    ----------
    joints : float [T, 24, 3], SMPL joints.
    fps : float, frames per second; the order is 10 frames at 60 fps, and as long in seconds at others.

    Returns
    -------
    int64 [n], frames. The velocity of frame 0 is 0, hence no beat lies in frames 1 to 10.
    """
    from scipy.signal import argrelextrema

    return argrelextrema(kinetic_velocity_aist(joints), np.less, order=max(1, round(AIST_ORDER_FRAMES * fps / AIST_FPS)))[0]


def kinetic_velocity_aist(joints: np.ndarray) -> np.ndarray:
    """Sum over joints of the distance moved since the frame before, float32 [T]; 0 for frame 0. ``joints`` is float [T, J, 3]."""
    velocity = np.zeros_like(joints, dtype=np.float32)
    velocity[1:] = joints[1:] - joints[:-1]
    return np.linalg.norm(velocity, axis=2).sum(axis=1)


def energy(motion: Motion, *, cutoff_hz: float = 1.0) -> np.ndarray:
    """How much the dancer moves, slowly varying and normalised within the clip: 0 is its calm, 1 its wild moments.

    The kinetic velocity under a ``cutoff_hz`` low-pass, its 5th percentile mapped to 0 and its 95th to 1; the range is at least half a
    body size per second, so that the jitter of a standing dancer stays near 0.

    Returns
    -------
    float32 [T] in 0..1
    """
    velocity = kinetic_velocity(motion)
    slow = low_pass(velocity, fps=motion.fps, cutoff_hz=cutoff_hz)
    if len(slow) == 0:
        return np.zeros(0, dtype=np.float32)
    floor = 0.5 if motion.skeleton != "flow" else 1e-3
    low, high = np.percentile(slow, [5, 95])
    return np.clip((slow - low) / max(high - low, floor), 0.0, 1.0).astype(np.float32)


def motion_features(motion: Motion, *, fps: float) -> np.ndarray:
    """Features of a dance for the learned parts, the same for 2-D and 3-D sources: x and y of the common body, in body sizes and seconds.

    The blocks of the last axis are named in `FEATURE_SLICES`:

    - ``position`` 30: joints relative to the pelvis (x, y alternate), in body sizes.
    - ``velocity`` 30: of each joint, including the movement of the whole body, in body sizes per second, divided by 4.
    - ``part_speed`` 6, ``part_acceleration`` 6: mean speed, and mean magnitude of acceleration, of head, torso, left and right arm, left
      and right leg, divided by 4 and 40.
    - ``kinetic`` 2: kinetic velocity, and its derivative, divided by 2 and 20.
    - ``vertical`` 3: height of the pelvis above its running mean of 2 s, its velocity, and the velocity of the head relative to it.
    - ``root`` 2: velocity of the pelvis, slow part only (travel).
    - ``confidence`` 1: mean over the joints.

    Parameters
    ----------
    motion : Motion
    fps : float, of the features.

    Returns
    -------
    float32 [T, D_m = 80], clipped to -4..4.
    """
    body = body_joints(resample(motion, fps))
    count = len(body.joints)
    if count == 0:
        return np.zeros((0, MOTION_FEATURES), dtype=np.float32)
    size = body_size(body)
    xy = low_pass(body.joints[..., :2], fps=fps, cutoff_hz=8.0, weights=body.confidence[..., None]) / size
    derive = (lambda x: np.gradient(x, axis=0) * fps) if count > 1 else np.zeros_like
    velocity = derive(xy)
    acceleration = derive(low_pass(velocity, fps=fps, cutoff_hz=VELOCITY_CUTOFF_HZ))
    at = skeleton("body-15").index
    parts = [[at(joint) for joint in part] for part in _PARTS]
    speed, push = np.linalg.norm(velocity, axis=-1), np.linalg.norm(acceleration, axis=-1)
    kinetic = kinetic_velocity(body)
    pelvis, head = xy[:, at("pelvis")], xy[:, at("head")]
    height = pelvis[:, 1] - low_pass(pelvis[:, 1], fps=fps, cutoff_hz=0.25)
    blocks = {
        "position": (xy - pelvis[:, None]).reshape(count, -1),
        "velocity": velocity.reshape(count, -1) / 4.0,
        "part_speed": np.stack([speed[:, part].mean(axis=1) for part in parts], axis=1) / 4.0,
        "part_acceleration": np.stack([push[:, part].mean(axis=1) for part in parts], axis=1) / 40.0,
        "kinetic": np.stack([kinetic / 2.0, derive(kinetic) / 20.0], axis=1),
        "vertical": np.stack([height, derive(pelvis[:, 1]) / 2.0, derive(head[:, 1] - pelvis[:, 1]) / 2.0], axis=1),
        "root": low_pass(derive(pelvis), fps=fps, cutoff_hz=0.5),
        "confidence": body.confidence.mean(axis=1, keepdims=True),
    }
    features = np.zeros((count, MOTION_FEATURES), dtype=np.float32)
    for name, block in blocks.items():
        features[:, FEATURE_SLICES[name]] = block
    return np.clip(features, -4.0, 4.0)
