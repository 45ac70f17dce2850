"""Key points in the layout of OpenPose, as D2M-GAN's TikTok encoder reads them."""

from __future__ import annotations

import numpy as np

from dance2music.types import Motion

KEYPOINTS, KEYPOINT_FPS = 75, 30
"""Numbers per frame: 25 joints x (x, y, confidence); and frames per second."""

_TORSO_PIXELS, _MIDDLE_PIXELS = 64.0, 128.0
"""The notional picture: the torso is so long, and the dancer's middle lies at (128, 128)."""


def openpose_layout(motion: Motion) -> np.ndarray:
    """Keypoints float32 [T, 75] at 30 fps of any motion, in notional pixels: a torso of 64, its middle at (128, 128)."""
    from dance2music.dance.kinematics import body_size, resample
    from dance2music.dance.skeleton import convert, skeleton

    body = convert(resample(motion, KEYPOINT_FPS), "body-25")
    xy = body.joints[..., :2].astype(np.float64) * [1.0, -1.0]
    middle = np.median(xy[:, skeleton("body-25").index("pelvis")], axis=0)
    xy = (xy - middle) * (_TORSO_PIXELS / body_size(body)) + _MIDDLE_PIXELS
    return np.concatenate([xy, body.confidence[..., None]], axis=-1).reshape(len(xy), KEYPOINTS).astype(np.float32)
