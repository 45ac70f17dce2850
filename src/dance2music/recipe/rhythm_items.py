"""Drawn dances that the rhythm network learns from: each a pure function of its seed, perturbed as cameras and trackers would."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dance2music.dance.kinematics import low_pass, resample
from dance2music.seeds import Corpus
from dance2music.synthetic.choreography import dance
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.synthetic.timing import MARGIN_SECONDS, at_times, hurried
from dance2music.types import BEATS_PER_BAR, GENRES, Motion


@dataclass(frozen=True)
class RhythmItem:
    """One drawn dance as a camera and a pose estimator would give it, and what is true of it."""

    motion: Motion
    beat_times_seconds: np.ndarray
    downbeat: int
    tempo_bpm: float


PARTS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (9, (13, 16, 18, 20, 22)), (9, (14, 17, 19, 21, 23)), (12, (15,)), (0, (1, 4, 7, 10)), (0, (2, 5, 8, 11)),
)  # fmt: skip
"""Limbs of the SMPL skeleton: the joint that a limb hangs on, and its joints."""


def draw_item(seed: int, *, seconds: float, augmented: bool = True) -> RhythmItem:
    """A dance with its beat grid, drawn from ``seed`` alone: half of them dance to a composed piece, half to bare beats of any tempo."""
    rng = np.random.default_rng([seed, Corpus.RHYTHM_ITEM])
    longer = seconds + MARGIN_SECONDS
    if rng.random() < 0.5:
        clip = synthetic_clip(seed, duration_seconds=longer, timing=None)
        assert clip.rhythm is not None
        motion, grid, downbeat = clip.motion, clip.rhythm.beat_times_seconds, clip.rhythm.downbeat
    else:
        grid, downbeat = _bare_grid(rng, longer), int(rng.integers(BEATS_PER_BAR))
        motion = _dance_to(grid, downbeat, seed, longer, rng)
    if augmented and rng.random() < 0.35:
        motion = _with_limbs_of(motion, _dance_to(grid, downbeat, seed + 1, longer, rng), rng)
    motion = hurried(motion, grid, seconds, rng)
    if augmented:
        motion = augment(motion, rng)
    inside = grid[(grid >= 0) & (grid <= seconds)]
    return RhythmItem(motion, grid, downbeat, float(60.0 / np.median(np.diff(inside))))


def _bare_grid(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Beat times around the clip: tempo log-uniform over the music range, sometimes with a slight drift, any phase."""
    tempo = float(np.exp(rng.uniform(np.log(76.0), np.log(140.0))))
    n_beats = int((seconds + 4.0) * tempo / 60.0) + 4
    drift = 1.0 + (rng.normal(0.0, 0.01) * np.linspace(-1, 1, n_beats - 1) if rng.random() < 0.3 else np.zeros(n_beats - 1))
    return np.concatenate([[0.0], np.cumsum(60.0 / tempo * drift)]) - rng.uniform(0.0, 3.9) * 60.0 / tempo


def _dance_to(grid: np.ndarray, downbeat: int, seed: int, seconds: float, rng: np.random.Generator) -> Motion:
    return dance(grid, genre=int(rng.integers(len(GENRES))), seed=seed, fps=60.0, duration_seconds=seconds, downbeat=downbeat)


def _with_limbs_of(motion: Motion, other: Motion, rng: np.random.Generator) -> Motion:
    """The dance with arms, or with some limbs, of another dance to the same beat."""
    joints = motion.joints.copy()
    taken = PARTS[:2] if rng.random() < 0.6 else [part for part in PARTS if rng.random() < 0.5]
    for anchor, limb in taken:
        joints[:, limb] = motion.joints[:, [anchor]] + other.joints[:, limb] - other.joints[:, [anchor]]
    return replace(motion, joints=joints)


def loosen(motion: Motion, rng: np.random.Generator) -> Motion:
    """Make a drawn dance less exact: every limb hurries and lags on its own, is used more or less, and sways beside the beat."""
    joints, fps = motion.joints.astype(np.float64), motion.fps
    t = np.arange(len(joints)) / fps
    common = _wobble(t, rng, rng.uniform(0.0, 0.03))
    out = at_times(joints, t + common, fps)
    spread, gain = rng.uniform(0.0, 0.06), rng.uniform(0.0, 0.6)
    size = float(np.ptp(joints[0, :, 1])) + 1e-6
    for anchor, limb in PARTS:
        own = t + common + _wobble(t, rng, spread) + rng.normal(0.0, 0.4 * spread)
        relative = at_times(joints[:, limb] - joints[:, [anchor]], own, fps)
        rest = relative.mean(axis=0, keepdims=True)
        out[:, limb] = out[:, [anchor]] + rest + (relative - rest) * np.exp(rng.normal(0.0, gain))
        if rng.random() < 0.15:  # a movement that has nothing to do with the beat
            wave = np.sin(2 * np.pi * (np.exp(rng.uniform(np.log(0.2), np.log(3.0))) * (t + _wobble(t, rng, 0.1)) + rng.random()))
            out[:, limb] += wave[:, None, None] * rng.normal(0.0, 0.02 * size, (1, 1, 3))
    return replace(motion, joints=out.astype(np.float32))


def _wobble(t: np.ndarray, rng: np.random.Generator, deviation: float) -> np.ndarray:
    """A slow random curve over times [T] with this standard deviation."""
    fps = 1.0 / (t[1] - t[0]) if len(t) > 1 else 1.0
    noise = low_pass(rng.normal(size=len(t)), fps=fps, cutoff_hz=float(rng.uniform(0.3, 1.2)))
    return deviation * noise / (noise.std() + 1e-9)


def augment(motion: Motion, rng: np.random.Generator) -> Motion:
    """Make a drawn dance look like one that was danced, filmed and tracked.

    Loose limbs, camera, zoom, frame rate, jitter, lost joints, smoothing.
    """
    if rng.random() < 0.75:
        motion = loosen(motion, rng)
    joints = motion.joints.astype(np.float64)
    count, n_joints, fps = len(joints), joints.shape[1], motion.fps
    joints = _view(joints, rng)
    size = float(np.ptp(joints[0, :, 1])) + 1e-6
    if rng.random() < 0.3:  # hand-held camera: slow pan and zoom
        sway = low_pass(rng.normal(size=(count, 1, 2)), fps=fps, cutoff_hz=0.5)
        joints = joints + sway / (sway.std() + 1e-9) * size * rng.uniform(0.0, 0.04)
        joints = joints * (1.0 + 0.05 * np.sin(2 * np.pi * (rng.uniform(0.02, 0.2) * np.arange(count) / fps + rng.random())))[:, None, None]
    target_fps = float(rng.choice([24.0, 25.0, 30.0, 30.0, 50.0, 60.0]))
    motion = resample(Motion(joints.astype(np.float32), motion.confidence.copy(), fps, motion.skeleton), target_fps)
    joints, confidence, fps = motion.joints.astype(np.float64), motion.confidence.copy(), target_fps
    count = len(joints)
    if rng.random() < 0.8:  # jitter of the pose estimator, quick and slow, not equal for all joints
        level = size * 10 ** rng.uniform(-3.3, -2.0) * np.exp(rng.normal(0.0, 0.5, (1, n_joints, 1)))
        slow = low_pass(rng.normal(size=joints.shape), fps=fps, cutoff_hz=float(rng.uniform(1.0, 6.0)))
        joints = joints + level * rng.normal(size=joints.shape) + 2.0 * level * slow / (slow.std() + 1e-9)
    if rng.random() < 0.3:  # outliers
        for _ in range(int(rng.integers(1, 12))):
            at, joint = int(rng.integers(count)), int(rng.integers(n_joints))
            joints[at : at + int(rng.integers(1, 4)), joint] += rng.normal(0.0, 0.15 * size, 2)
    if rng.random() < 0.4:  # lost joints: held in place without confidence
        for _ in range(int(rng.integers(1, 6))):
            at, length = int(rng.integers(count)), int(rng.uniform(0.2, 4.0) * fps)
            lost = rng.permutation(n_joints)[: int(rng.integers(1, 7))]
            joints[at : at + length, lost] = joints[at, lost]
            confidence[at : at + length, lost] = 0.0
    if rng.random() < 0.12:  # legs out of the picture
        legs = [1, 2, 4, 5, 7, 8, 10, 11] if rng.random() < 0.3 else [4, 5, 7, 8, 10, 11]
        joints[:, legs] = joints[:, :1] + rng.normal(0.0, 0.05 * size, (1, len(legs), 2))
        confidence[:, legs] = float(rng.choice([0.0, 0.3]))
    if rng.random() < 0.8:  # smoothing in the tracker, and of bodies that are softer than our puppet
        joints = low_pass(joints, fps=fps, cutoff_hz=float(np.exp(rng.uniform(np.log(1.5), np.log(8.0)))))
    return Motion(joints.astype(np.float32), confidence, fps, motion.skeleton)


def _view(joints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Joints [T, J, 3] as a camera sees them, [T, J, 2]: turned, tilted, with perspective, perhaps mirrored."""
    yaw, pitch = rng.normal(0.0, 0.5), rng.normal(0.0, 0.12)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    seen = joints @ (tilt @ turn).T
    distance = rng.uniform(2.5, 8.0)
    depth = np.maximum(distance - seen[..., 2:], 0.5)
    flat = seen[..., :2] * distance / depth if rng.random() < 0.8 else seen[..., :2]
    return flat * np.array([-1.0 if rng.random() < 0.5 else 1.0, 1.0])
