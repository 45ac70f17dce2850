"""SMPL parameters: the 219 motion features of the papers, and joints by forward kinematics.

SMPL (Loper et al. 2015) poses a body by 24 rotations along a tree of joints. The 219 features of a frame are those of AIST++ (Li et al.
2021), which D2M-GAN takes: 3 numbers of translation, then 24 rotation matrices row by row. The mesh and the body shapes are not here.
"""

from __future__ import annotations

import numpy as np

from dance2music.errors import InputError

SMPL_JOINTS = 24
SMPL_FEATURES = 3 + 9 * SMPL_JOINTS
"""Width of the motion features: 219."""

AIST_FPS = 60.0

PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""Index of the parent of every joint in the order of `skeleton.SMPL`; -1 for the root."""

REST_OFFSETS_METRES = np.array([
    (-0.002, -0.223, 0.028), (0.070, -0.091, -0.007), (-0.068, -0.090, -0.004), (-0.003, 0.109, -0.027), (0.034, -0.375, -0.004),
    (-0.038, -0.383, -0.009), (0.006, 0.135, 0.001), (-0.014, -0.398, -0.044), (0.016, -0.398, -0.042), (0.002, 0.053, 0.025),
    (0.026, -0.056, 0.119), (-0.025, -0.048, 0.123), (-0.003, 0.214, -0.043), (0.079, 0.122, -0.034), (-0.082, 0.119, -0.039),
    (0.005, 0.065, 0.051), (0.091, 0.031, -0.009), (-0.096, 0.033, -0.009), (0.260, -0.013, -0.028), (-0.254, -0.013, -0.021),
    (0.249, 0.009, -0.001), (-0.255, 0.008, -0.006), (0.084, -0.008, -0.015), (-0.085, -0.006, -0.010),
])  # fmt: skip
"""Each joint of an average adult at rest relative to its parent, y up, in millimetre steps: the least squares fit to public motion data
that gives both rotations and joint positions. The first row is the pelvis relative to the translation."""


def rotation_matrices(axis_angle: np.ndarray) -> np.ndarray:
    """Rotation matrices float64 [..., 3, 3] of axis-angle vectors float [..., 3] in radians (Rodrigues)."""
    from scipy.spatial.transform import Rotation

    vectors = np.asarray(axis_angle, dtype=np.float64)
    return Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*vectors.shape, 3)


def smpl_features(poses: np.ndarray, translation: np.ndarray, *, scaling: float = 1.0) -> np.ndarray:
    """The 219 motion features of AIST++.

    Parameters
    ----------
    poses : float [T, 72], axis-angle of the 24 joints in radians.
    translation : float [T, 3].
    scaling : float, AIST++'s ``smpl_scaling``; the translation is divided by it.

    Returns
    -------
    float32 [T, 219]: translation (3), then 24 rotation matrices, each row by row.

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    poses, translation = _checked(poses, translation, scaling)
    matrices = rotation_matrices(poses.reshape(len(poses), SMPL_JOINTS, 3)).reshape(len(poses), -1)
    return np.concatenate([translation / scaling, matrices], axis=1).astype(np.float32)


def forward_kinematics(poses: np.ndarray, translation: np.ndarray, *, scaling: float = 1.0) -> np.ndarray:
    """Joints float32 [T, 24, 3] in metres, y up, of SMPL parameters (as `smpl_features`) on the average body."""
    poses, translation = _checked(poses, translation, scaling)
    return _pose_body(rotation_matrices(poses.reshape(len(poses), SMPL_JOINTS, 3)), translation / scaling)


def joints_of_features(features: np.ndarray) -> np.ndarray:
    """Joints float32 [T, 24, 3] in metres, y up, of the 219 motion features float [T, 219].

    Raises
    ------
    InputError
        If the features have another shape.
    """
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2 or features.shape[1] != SMPL_FEATURES:
        raise InputError(f"SMPL features: shape {features.shape}; expected [T, {SMPL_FEATURES}]")
    return _pose_body(features[:, 3:].reshape(len(features), SMPL_JOINTS, 3, 3), features[:, :3])


def _pose_body(rotations: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Walk the tree: rotations [T, 24, 3, 3] relative to the parents, translation [T, 3]."""
    turned = rotations.copy()
    joints = np.empty((len(rotations), SMPL_JOINTS, 3))
    joints[:, 0] = translation + REST_OFFSETS_METRES[0]
    for joint in range(1, SMPL_JOINTS):
        parent = PARENTS[joint]
        joints[:, joint] = joints[:, parent] + turned[:, parent] @ REST_OFFSETS_METRES[joint]
        turned[:, joint] = turned[:, parent] @ rotations[:, joint]
    return joints.astype(np.float32)


def _checked(poses: np.ndarray, translation: np.ndarray, scaling: float) -> tuple[np.ndarray, np.ndarray]:
    poses, translation = np.asarray(poses, dtype=np.float64), np.asarray(translation, dtype=np.float64)
    if poses.ndim != 2 or poses.shape[1] != 3 * SMPL_JOINTS or translation.shape != (len(poses), 3):
        raise InputError(f"SMPL: poses {poses.shape}, translation {translation.shape}; expected [T, 72] and [T, 3]")
    if not np.isfinite(scaling) or scaling <= 0:
        raise InputError(f"SMPL: scaling {scaling}; expected a positive number")
    return poses, translation
