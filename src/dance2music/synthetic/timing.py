"""The timing of real dancers for drawn ones: moves that are through their beat earlier, and a bounce anywhere in it.

The drawn dancer arrives on the beat and rests after it, so limbs are slowest a fifth of a beat after the beat. Real dancers turn on the
beat itself: over the development dances of AIST++ the ankles are slowest .04 beats after it, the wrists .07 before it, and the pelvis is
as often high on the beat as low. What is drawn here closes that gap; `benchmarks/motion_statistics.py` prints both sides of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dance2music.dance.kinematics import low_pass
from dance2music.types import Motion

_ARMS: tuple[tuple[int, ...], ...] = ((13, 16, 18, 20, 22), (14, 17, 19, 21, 23))
_CHEST = 9
_LEG_SHARE = {1: 0.9, 2: 0.9, 4: 0.5, 5: 0.5, 7: 0.0, 8: 0.0, 10: 0.0, 11: 0.0}
"""How much of the pelvis's bounce the joints of the legs make; all others make all of it."""


@dataclass(frozen=True)
class TimingConfig:
    """How far ahead of the drawn dancer a real one moves, in beats, and how much dancers differ (standard deviations)."""

    lead_beats: float = 0.16
    lead_spread: float = 0.04
    arm_lead_beats: float = 0.07
    """Of the arms, beyond that of the body."""
    arm_lead_spread: float = 0.06
    bounce_share: float = 0.5
    """Share of dancers whose bounce lies anywhere in the beat."""


REAL_TIMING = TimingConfig()
"""Of the dancers of AIST++'s development dances (`benchmarks/motion_statistics.py`)."""
MARGIN_SECONDS = 0.5
"""A dance that is to be hurried is drawn so much longer than it is wanted."""


def hurried(motion: Motion, grid: np.ndarray, seconds: float, rng: np.random.Generator, config: TimingConfig = REAL_TIMING) -> Motion:
    """A drawn dance with the timing of real dancers.

    Parameters
    ----------
    motion : Motion [T, 24, 3], skeleton "smpl-24", of at least ``seconds``; what is read beyond its end is its last pose.
    grid : float64 [n], the beats that it was drawn to, in seconds.
    seconds : length of the result.
    rng : draws the dancer's habits.
    """
    lead = rng.normal(config.lead_beats, config.lead_spread)
    arm_lead = lead + rng.normal(config.arm_lead_beats, config.arm_lead_spread)
    t = np.arange(round(seconds * motion.fps)) / motion.fps
    joints = motion.joints.astype(np.float64)
    out = at_times(joints, _later(t, grid, lead), motion.fps)
    for arm in _ARMS:
        hung = joints[:, arm] - joints[:, [_CHEST]]
        out[:, arm] = out[:, [_CHEST]] + at_times(hung, _later(t, grid, arm_lead), motion.fps)
    if rng.random() < config.bounce_share:
        height = joints[:, 0, 1] - low_pass(joints[:, 0, 1], fps=motion.fps, cutoff_hz=0.4)
        change = at_times(height, _later(t, grid, lead + rng.random()), motion.fps) - at_times(height, _later(t, grid, lead), motion.fps)
        share = np.array([_LEG_SHARE.get(joint, 1.0) for joint in range(joints.shape[1])])
        out[..., 1] += change[:, None] * share
    return replace(motion, joints=out.astype(np.float32), confidence=np.ones(out.shape[:2], np.float32))


def _later(t: np.ndarray, grid: np.ndarray, beats: float) -> np.ndarray:
    """Times so many beats after the times ``t``, by the grid and its outer tempi beyond it."""
    count = np.arange(len(grid), dtype=np.float64)
    step = (grid[1] - grid[0], grid[-1] - grid[-2])
    wide = np.concatenate([[grid[0] - 4 * step[0]], grid, [grid[-1] + 4 * step[1]]])
    at = np.concatenate([[-4.0], count, [count[-1] + 4.0]])
    return np.interp(np.interp(t, wide, at) + beats, at, wide)


def at_times(values: np.ndarray, seconds: np.ndarray, fps: float) -> np.ndarray:
    """Values [T, ...] at ``fps``, read at other times [T'] by linear interpolation."""
    position = np.clip(seconds * fps, 0, len(values) - 1)
    low = position.astype(int)
    part = (position - low).reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray(values[low] * (1 - part) + values[np.minimum(low + 1, len(values) - 1)] * part)
