"""SMPL rotations of joint positions: puts any 3-D dance into the 219 numbers that D2M-GAN takes of AIST++.

Positions do not tell how a limb is rolled about its own axis. Here each joint turns no further than its bones ask for: where several bones
start (pelvis, upper spine) by the rotation that fits them best (Kabsch 1976), elsewhere by the shortest turn. `dance.smpl` goes the other
way; bone lengths become those of the average adult.
"""

from __future__ import annotations

import numpy as np

from dance2music.dance.smpl import PARENTS, REST_OFFSETS_METRES, SMPL_FEATURES, SMPL_JOINTS
from dance2music.errors import InputError

_CHILDREN = tuple(tuple(child for child in range(SMPL_JOINTS) if PARENTS[child] == joint) for joint in range(SMPL_JOINTS))


def smpl_features_of_joints(joints: np.ndarray) -> np.ndarray:
    """The 219 motion features of joint positions.

    Parameters
    ----------
    joints : float [T, 24, 3], SMPL joints, y up; of any size: the body is scaled to the average adult.

    Returns
    -------
    float32 [T, 219], as `dance.smpl.smpl_features`: translation in metres (with that scale), then 24 rotation matrices.

    Raises
    ------
    InputError
        If the shape does not fit.
    """
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (SMPL_JOINTS, 3):
        raise InputError(f"joints: shape {joints.shape}; expected [T, {SMPL_JOINTS}, 3]")
    bones = joints[:, 1:] - joints[:, PARENTS[1:]]
    length = float(np.median(np.linalg.norm(bones, axis=-1), axis=0).sum())
    scale = float(np.linalg.norm(REST_OFFSETS_METRES[1:], axis=-1).sum()) / length if length > 0 else 1.0
    world = np.empty((len(joints), SMPL_JOINTS, 3, 3))
    local = np.empty_like(world)
    for joint in range(SMPL_JOINTS):
        parent = PARENTS[joint]
        above = world[:, parent] if parent >= 0 else np.broadcast_to(np.eye(3), (len(joints), 3, 3))
        children = list(_CHILDREN[joint])
        if children:
            rest = REST_OFFSETS_METRES[children]
            now = (joints[:, children] - joints[:, joint, None]) @ above  # in the frame of the parent
            local[:, joint] = _fit(rest, now) if len(children) > 1 else _shortest_turn(rest[0], now[:, 0])
        else:
            local[:, joint] = np.eye(3)
        world[:, joint] = above @ local[:, joint]
    translation = joints[:, 0] * scale - REST_OFFSETS_METRES[0]
    features = np.concatenate([translation, local.reshape(len(joints), -1)], axis=1).astype(np.float32)
    assert features.shape[1] == SMPL_FEATURES
    return features


def _fit(rest: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] that turn the directions at rest [C, 3] as near as can be to the current ones [T, C, 3]."""
    u, _, vt = np.linalg.svd(np.einsum("tci,cj->tij", _unit(now), _unit(rest)))
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    u[..., -1] *= np.where(sign == 0, 1.0, sign)[:, None]
    return np.asarray(u @ vt)


def _shortest_turn(rest: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] about the normal of both that turn the direction rest [3] into now [T, 3]."""
    from scipy.spatial.transform import Rotation

    a, b = _unit(rest), _unit(now)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, (b @ a)[:, None])
    across = np.cross(a, np.eye(3)[int(np.argmin(np.abs(a)))])  # any normal, for a turn by half a circle
    normal = np.where(sine > 1e-9, axis / np.maximum(sine, 1e-12), _unit(across))
    return Rotation.from_rotvec(normal * angle).as_matrix()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
