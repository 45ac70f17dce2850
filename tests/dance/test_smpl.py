from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dance2music.dance.smpl import PARENTS, REST_OFFSETS_METRES, forward_kinematics, joints_of_features, rotation_matrices, smpl_features
from dance2music.errors import InputError

SHARED = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).parents[3] / "shared"))


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    matrix = rotation_matrices(np.array([0.0, 0.0, np.pi / 2]))
    assert np.allclose(matrix @ [1, 0, 0], [0, 1, 0])


def test_the_body_at_rest_is_the_sum_of_its_offsets() -> None:
    joints = forward_kinematics(np.zeros((1, 72)), np.array([[1.0, 2.0, 3.0]]))[0]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        assert np.allclose(joints[joint] - joints[parent], REST_OFFSETS_METRES[joint], atol=1e-6)
    assert np.allclose(joints[0], np.array([1, 2, 3]) + REST_OFFSETS_METRES[0], atol=1e-6)
    height = joints[15, 1] - joints[10, 1]
    assert 1.3 < height < 1.7  # from the toes to the joint of the head


def test_turning_the_root_turns_the_whole_body_about_the_pelvis() -> None:
    poses = np.zeros((2, 72))
    poses[1, :3] = 0.0, np.pi / 2, 0.0
    rest, turned = forward_kinematics(poses, np.zeros((2, 3)))
    expected = (rest - rest[0]) @ rotation_matrices(poses[1, :3]).T
    assert np.allclose(turned - turned[0], expected, atol=1e-6)


def test_features_have_translation_then_rotations_and_lead_back_to_the_joints() -> None:
    rng = np.random.default_rng(0)
    poses, translation = rng.normal(0, 0.5, (5, 72)), rng.normal(size=(5, 3))
    features = smpl_features(poses, translation * 90.0, scaling=90.0)
    assert features.shape == (5, 219) and features.dtype == np.float32
    assert np.allclose(features[:, :3], translation, atol=1e-6)
    matrices = features[:, 3:].reshape(5, 24, 3, 3)
    assert np.allclose(matrices @ matrices.swapaxes(-1, -2), np.eye(3), atol=1e-5)
    assert np.allclose(joints_of_features(features), forward_kinematics(poses, translation), atol=1e-5)


def test_wrong_shapes_and_scalings_are_refused() -> None:
    with pytest.raises(InputError, match=r"\[T, 72\]"):
        smpl_features(np.zeros((4, 69)), np.zeros((4, 3)))
    with pytest.raises(InputError, match="scaling"):
        smpl_features(np.zeros((4, 72)), np.zeros((4, 3)), scaling=0.0)
    with pytest.raises(InputError, match="219"):
        joints_of_features(np.zeros((4, 216)))


def test_joints_of_real_sequences_agree_within_a_centimetre() -> None:
    files = sorted((SHARED / "data" / "aistpp").glob("*.npz"))
    if not files:
        pytest.skip("the AIST++ sequences are not here; set DANCE2MUSIC_SHARED")
    for file in files:
        with np.load(file) as sequence:
            joints = forward_kinematics(sequence["smpl_poses"], sequence["smpl_trans"])
            assert np.linalg.norm(joints - sequence["joints"], axis=-1).max() < 0.01
