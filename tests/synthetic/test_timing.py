"""Drawn dancers with the timing of real ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dance2music.synthetic.timing import TimingConfig, at_times, hurried
from dance2music.types import Motion

PLAIN = TimingConfig(lead_beats=0.2, lead_spread=0.0, arm_lead_beats=0.1, arm_lead_spread=0.0, bounce_share=0.0)
GRID = np.arange(-1.0, 8.0, 0.5)


def gliding(seconds: float = 5.0, fps: float = 60.0) -> Motion:
    """All joints move along x by 1 per second; the wrist moves along z in the chest's frame, too."""
    t = np.arange(round(seconds * fps)) / fps
    joints = np.zeros((len(t), 24, 3), np.float32)
    joints[..., 0] = t[:, None]
    joints[:, 20, 2] = t
    return Motion(joints, np.ones(joints.shape[:2], np.float32), fps, "smpl-24")


def test_the_body_is_ahead_by_its_lead_and_the_arms_by_more() -> None:
    out = hurried(gliding(), GRID, 4.0, np.random.default_rng(0), PLAIN)
    t = np.arange(len(out.joints)) / 60.0
    assert len(out.joints) == 240
    assert out.joints[:, 7, 0] == pytest.approx(t + 0.1, abs=0.01)  # a fifth of a beat of half a second
    assert out.joints[:, 20, 2] == pytest.approx(t + 0.15, abs=0.01)


def test_a_bounce_elsewhere_moves_the_trunk_and_leaves_the_feet() -> None:
    motion = gliding()
    t = np.arange(len(motion.joints)) / motion.fps
    joints = motion.joints.copy()
    bounce = (0.1 * np.cos(4 * np.pi * t)).astype(np.float32)
    joints[..., 1] = bounce[:, None]
    still = replace(PLAIN, lead_beats=0.0, arm_lead_beats=0.0)
    moved = hurried(replace(motion, joints=joints), GRID, 4.0, np.random.default_rng(3), replace(still, bounce_share=1.0))
    assert moved.joints[:, 7, 1] == pytest.approx(bounce[:240], abs=0.01)
    trunk = moved.joints[30:210, 0, 1]
    assert np.abs(trunk - bounce[30:210]).max() > 0.03 and np.ptp(trunk) == pytest.approx(0.2, abs=0.05)


def test_times_between_frames_are_read_linearly_and_the_ends_are_held() -> None:
    values = np.array([[0.0, 0.0], [2.0, 4.0]])
    assert at_times(values, np.array([-1.0, 0.05, 9.0]), 10.0).tolist() == [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]
