"""Body, hands and face of a dancer as numbers per frame: what Creative-GAN's motion posture encoder takes (section 3.1.1 b).

The paper fits SMPL-X to each picture. Its body model may not be used freely, so here the 83 points of MediaPipe Holistic stand for the
same three: the body relative to the pelvis in body sizes, each hand relative to its wrist in hand sizes, the face relative to the nose in
head sizes, each point with its confidence. So a gesture is the same number wherever the dancer stands and however far the camera is.
"""

from __future__ import annotations

import numpy as np

from dance2music.dance.kinematics import body_size, resample
from dance2music.dance.skeleton import SKELETONS, convert
from dance2music.types import Motion

_JOINTS = SKELETONS["holistic-83"].joints
_BODY = np.array([i for i, name in enumerate(_JOINTS[:33])])
_HANDS = {side: np.array([i for i, name in enumerate(_JOINTS) if name.startswith(f"{side}_hand_")]) for side in ("left", "right")}
_FACE = np.arange(_JOINTS.index("forehead"), len(_JOINTS))
POSTURE_FEATURES = 3 * len(_JOINTS)
"""x, y and confidence of each of the 83 points: 249."""
_LEAST_SHARE = 0.02
"""A hand or head is taken to be at least this share of the body's size."""


def posture_features(motion: Motion, *, fps: float) -> np.ndarray:
    """Posture of a dance.

    Parameters
    ----------
    motion : Motion of any body skeleton; points that it does not have get confidence 0 and lie in the middle of their part.
    fps : float, of the features.

    Returns
    -------
    float32 [T, 249]: per point of ``holistic-83`` x, y (up) and confidence; positions clipped to -4..4.

    Raises
    ------
    InputError
        If the motion is a flow grid, which has no body.
    """
    motion = convert(resample(motion, fps), "holistic-83")
    points, confidence = motion.joints[..., :2].astype(np.float64), motion.confidence
    size = max(body_size(motion), 1e-6)
    at = {name: points[:, i] for i, name in enumerate(_JOINTS)}
    placed = np.zeros_like(points)
    pelvis = (at["left_hip"] + at["right_hip"]) / 2
    placed[:, _BODY] = (points[:, _BODY] - pelvis[:, None]) / size
    for side, index in _HANDS.items():
        placed[:, index] = _relative(points[:, index], at[f"{side}_hand_wrist"], confidence[:, index], size)
    placed[:, _FACE] = _relative(points[:, _FACE], at["nose"], confidence[:, _FACE], size)
    placed[confidence <= 0] = 0.0
    features = np.concatenate([np.clip(placed, -4.0, 4.0), confidence[..., None]], axis=-1)
    return features.reshape(len(features), POSTURE_FEATURES).astype(np.float32)


def _relative(points: np.ndarray, origin: np.ndarray, confidence: np.ndarray, size: float) -> np.ndarray:
    """Points [T, n, 2] about ``origin`` [T, 2], divided by their median spread over the frames in which they are seen."""
    offset = points - origin[:, None]
    seen = confidence.min(axis=1) > 0
    spread = np.median(np.linalg.norm(offset[seen], axis=-1).max(axis=1)) if seen.any() else 0.0
    return offset / max(float(spread), _LEAST_SHARE * size)
