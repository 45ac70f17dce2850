"""SMPL rotations of joint positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance2music.dance.rotations import smpl_features_of_joints
from dance2music.dance.smpl import forward_kinematics, joints_of_features
from dance2music.errors import InputError
from dance2music.synthetic.synthetic import synthetic_clip


def posed(frames: int = 40, *, seed: int = 0) -> np.ndarray:
    """Joints of the average body in random poses."""
    rng = np.random.default_rng(seed)
    return forward_kinematics(rng.normal(0, 0.7, (frames, 72)), rng.normal(0, 1, (frames, 3)))


def test_forward_kinematics_gives_the_positions_back() -> None:
    joints = posed()
    back = joints_of_features(smpl_features_of_joints(joints))
    # The upper spine carries three bones, whose rest directions may turn against each other in no pose of the model: exact.
    assert np.abs(back - joints).max() < 1e-5


def test_rotations_are_rotations_even_upside_down() -> None:
    upside_down = posed(1) * [1.0, -1.0, -1.0]
    straight = np.repeat(forward_kinematics(np.zeros((1, 72)), np.zeros((1, 3))), 2, axis=0)
    straight[1, 4:] *= [1.0, -1.0, 1.0]
    for joints in (posed(), upside_down, straight):
        matrices = smpl_features_of_joints(joints)[:, 3:].reshape(-1, 3, 3).astype(np.float64)
        assert np.allclose(matrices @ matrices.transpose(0, 2, 1), np.eye(3), atol=1e-5)
        assert np.allclose(np.linalg.det(matrices), 1.0, atol=1e-5)


def test_a_body_of_another_size_is_scaled() -> None:
    joints = posed()
    assert np.allclose(smpl_features_of_joints(100.0 * joints)[:, 3:], smpl_features_of_joints(joints)[:, 3:], atol=1e-5)


def test_drawn_dancers_keep_the_directions_of_their_limbs() -> None:
    joints = synthetic_clip(3, duration_seconds=2.0).motion.joints
    back = joints_of_features(smpl_features_of_joints(joints))
    for a, b in ((1, 4), (4, 7), (16, 18), (18, 20), (17, 19), (19, 21)):  # thighs, shins, arms
        first, second = (np.asarray(j[:, b] - j[:, a]) for j in (joints, back))
        cosine = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
        assert cosine.min() > 0.999


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"expected \[T, 24, 3\]"):
        smpl_features_of_joints(np.zeros((5, 25, 3)))


def test_real_dancers_come_back_within_a_tenth_of_a_millimetre(shared_dir: Path) -> None:
    files = sorted((shared_dir / "data" / "aistpp").glob("*.npz"))
    if not files:
        pytest.skip("the AIST++ sequences are not here")
    for file in files:
        with np.load(file) as archive:
            joints = forward_kinematics(archive["smpl_poses"], archive["smpl_trans"])
        assert np.abs(joints_of_features(smpl_features_of_joints(joints)) - joints).max() < 1e-4
