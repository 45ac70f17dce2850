"""A second reading of when a dancer stops, kept apart from the one that music is made and chosen by.

No definition of a kinematic beat is the true one: two usual readings of the same dances agree with an F-measure of about .6, and music
that was chosen by one of them looks better in time by it than by any other. What is reported is therefore this reading. It shares no joint
with the first where the skeleton has joints beyond the common body (fingers, heels, toes, spine, eyes), its speed is of raw frames and
smoothed afterwards, and its minima are found by another rule. Nothing that makes or ranks music looks at it.
"""

from __future__ import annotations

import numpy as np

from dance2music.dance.kinematics import low_pass
from dance2music.dance.skeleton import SKELETONS, skeleton
from dance2music.types import Motion

SMOOTHING_HZ = 1.6
"""Cut-off of the low-pass on the mean speed: a Gaussian of a twelfth of a second."""
ORDER_SECONDS = 0.05
"""A minimum is lower than all values within this time."""
LEAST_JOINTS = 6
"""With fewer joints beyond the common body all joints are read."""


def second_joints(name: str) -> list[int]:
    """Joints of a skeleton, by index, that the second reading looks at: those that the common body does not have, or all."""
    joints = skeleton(name).joints
    first = {*SKELETONS["body-15"].joints, "left_ear", "right_ear"}  # the head is estimated from the ears
    own = [i for i, joint in enumerate(joints) if joint not in first]
    return own if len(own) >= LEAST_JOINTS else list(range(len(joints)))


def second_speed(motion: Motion) -> np.ndarray:
    """Mean speed of the joints of the second reading, smoothed, float64 [T], in units of the joints per second; of flow its energy."""
    if motion.skeleton == "flow" and motion.flow_energy is not None:
        return low_pass(motion.flow_energy, fps=motion.fps, cutoff_hz=SMOOTHING_HZ)
    if len(motion.joints) < 2:
        return np.zeros(len(motion.joints))
    chosen = second_joints(motion.skeleton)
    xy = motion.joints[:, chosen, :2].astype(np.float64)
    speed = np.linalg.norm(np.diff(xy, axis=0), axis=-1) * motion.fps
    seen = np.minimum(motion.confidence[1:, chosen], motion.confidence[:-1, chosen]) + 1e-3
    mean = (speed * seen).sum(axis=1) / seen.sum(axis=1)
    # A difference belongs to the time between its frames.
    between = np.interp(np.arange(len(xy)), np.arange(len(mean)) + 0.5, mean)
    return low_pass(between, fps=motion.fps, cutoff_hz=SMOOTHING_HZ)


def second_beats(motion: Motion) -> np.ndarray:
    """Kinematic beats float64 [n] in seconds by the second reading: strict minima of `second_speed`."""
    from scipy.signal import argrelextrema

    speed = second_speed(motion)
    if len(speed) < 3 or not np.ptp(speed) > 0:
        return np.zeros(0)
    found = argrelextrema(speed, np.less, order=max(1, round(ORDER_SECONDS * motion.fps)))[0]
    return np.asarray(found / motion.fps, dtype=np.float64)
