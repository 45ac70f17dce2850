"""The reading of a dance that is reported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dance2music.dance.kinematics import kinematic_beats
from dance2music.dance.second_reading import second_beats, second_joints, second_speed
from dance2music.dance.skeleton import SKELETONS, body_joints
from dance2music.synthetic.drawing import example_dance
from dance2music.types import Motion


@pytest.mark.parametrize("name", ["smpl-24", "blazepose-33", "body-25", "holistic-83"])
def test_it_looks_at_no_joint_of_the_first(name: str) -> None:
    names = {SKELETONS[name].joints[i] for i in second_joints(name)}
    assert len(names) >= 6 and not names & set(SKELETONS["body-15"].joints)


def test_the_first_reading_does_not_move_when_only_joints_of_the_second_do() -> None:
    motion, _ = example_dance(6.0)
    joints = motion.joints.copy()
    own = second_joints(motion.skeleton)
    joints[:, own] += np.random.default_rng(0).normal(0.0, 0.1, joints[:, own].shape).astype(np.float32)
    other = replace(motion, joints=joints)
    assert np.array_equal(body_joints(other).joints, body_joints(motion).joints)
    assert np.array_equal(kinematic_beats(other), kinematic_beats(motion)) and not np.array_equal(second_beats(other), second_beats(motion))


def test_a_body_that_stops_twice_a_second_has_its_beats_there() -> None:
    t = np.arange(300) / 30.0
    joints = np.zeros((300, 24, 3), np.float32)
    joints[..., 0] = (t - np.sin(4 * np.pi * t) / (4 * np.pi))[:, None]  # speed 1 - cos(4 pi t): at rest every half second
    motion = Motion(joints, np.ones((300, 24), np.float32), 30.0, "smpl-24")
    beats = second_beats(motion)
    assert beats == pytest.approx(np.arange(0.5, 9.6, 0.5), abs=0.02)


def test_one_who_stands_still_has_none_and_flow_is_read_by_its_energy() -> None:
    still = Motion(np.ones((60, 24, 3), np.float32), np.ones((60, 24), np.float32), 30.0, "smpl-24")
    assert len(second_beats(still)) == 0 and second_speed(still).max() == 0.0
    t = np.arange(150) / 30.0
    energy = (1 - np.cos(2 * np.pi * t)).astype(np.float32)
    flow = Motion(np.zeros((150, 15, 2), np.float32), np.ones((150, 15), np.float32), 30.0, "flow", flow_energy=energy)
    assert second_beats(flow) == pytest.approx([1.0, 2.0, 3.0, 4.0], abs=0.02)
