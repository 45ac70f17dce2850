"""What a dance looks like in eighteen numbers that mean the same for a drawn, a filmed and a captured dancer.

Lengths are in torsos and speeds in torsos per second, of x and y of the common body; most are ratios or shares. They are what people name
when they tell street dances apart: tempo, energy, footwork, levels, arm lines, stops, bounce, travel.
"""

from __future__ import annotations

import numpy as np

from dance2music.dance.kinematics import VELOCITY_CUTOFF_HZ, body_size, low_pass, resample
from dance2music.dance.skeleton import SKELETONS, body_joints
from dance2music.types import Motion

TRAITS: tuple[str, ...] = (
    "tempo", "energy", "feet_to_arms", "trunk_to_arms", "lowest", "levels", "arm_extension", "arm_height", "arm_stops", "arm_snap",
    "bounce", "eighths", "lean", "travel", "stance", "lift", "turning", "jerk",
)  # fmt: skip
"""Names, in order."""
_NEED_LEGS = {"feet_to_arms", "lowest", "levels", "eighths", "stance", "lift"}
_NEED_ARMS = {"feet_to_arms", "trunk_to_arms", "arm_extension", "arm_height", "arm_stops", "arm_snap"}
_FPS = 30.0
_SEEN = 0.3
_HIGH_PASS_HZ = 0.35


def dance_traits(motion: Motion, tempo_bpm: float) -> np.ndarray:
    """Traits float64 [len(TRAITS)] of a dance; NaN where the limbs that one needs were not seen, all but the tempo for a flow grid.

    Parameters
    ----------
    motion : Motion of at least two frames.
    tempo_bpm : of the dance's beats.
    """
    body = body_joints(resample(motion, _FPS))
    traits = dict.fromkeys(TRAITS, np.nan) | {"tempo": np.log(tempo_bpm / 100.0)}
    if motion.skeleton == "flow" or len(body.joints) < 2:
        return np.array([traits[name] for name in TRAITS])
    at = SKELETONS["body-15"].index
    xy = low_pass(body.joints[..., :2], fps=_FPS, cutoff_hz=VELOCITY_CUTOFF_HZ, weights=body.confidence[..., None]) / body_size(body)
    joint = {name: xy[:, at(name)] for name in SKELETONS["body-15"].joints}
    speed = np.linalg.norm(np.gradient(xy, axis=0), axis=-1) * _FPS
    pelvis, neck, left, right = joint["pelvis"], joint["neck"], joint["left_ankle"], joint["right_ankle"]
    feet = speed[:, [at("left_ankle"), at("right_ankle")]].mean(axis=1)
    trunk = speed[:, [at("pelvis"), at("neck")]].mean()
    wrists = np.stack([joint["left_wrist"], joint["right_wrist"]], axis=1)
    shoulders = np.stack([joint["left_shoulder"], joint["right_shoulder"]], axis=1)
    arms = np.linalg.norm(np.gradient(wrists - pelvis[:, None], axis=0), axis=-1).mean(axis=1) * _FPS
    whole = speed.mean(axis=1)
    level = pelvis[:, 1] - np.minimum(left[:, 1], right[:, 1])
    beat_hz = tempo_bpm / 60.0
    traits |= {
        "energy": np.log(whole.mean() + 0.02),
        "feet_to_arms": np.log((feet.mean() + 0.05) / (arms.mean() + 0.05)),
        "trunk_to_arms": np.log((trunk + 0.05) / (arms.mean() + 0.05)),
        "lowest": np.percentile(level, 5) / max(np.percentile(level, 95), 1e-3),
        "levels": np.log(level.std() + 0.02),
        "arm_extension": np.linalg.norm(wrists - shoulders, axis=-1).mean(),
        "arm_height": (wrists - shoulders)[..., 1].mean(),
        "arm_stops": (arms < 0.3 * np.percentile(arms, 75)).mean(),
        "arm_snap": np.log((np.percentile(arms, 95) + 1e-3) / (np.percentile(arms, 50) + 0.05)),
        "bounce": np.log(_swing(pelvis[:, 1], beat_hz) + _swing(pelvis[:, 1], beat_hz / 2) + 0.01),
        "eighths": np.log((_swing(feet, 2 * beat_hz) + 0.02) / (_swing(feet, beat_hz) + 0.02)),
        "lean": np.abs(neck[:, 0] - pelvis[:, 0]).mean(),
        "travel": np.log(pelvis[:, 0].std() + 0.05),
        "stance": np.abs(left[:, 0] - right[:, 0]).mean(),
        "lift": np.log(np.percentile(np.abs(left[:, 1] - right[:, 1]), 90) + 0.03),
        "turning": np.abs(shoulders[:, 0, 0] - shoulders[:, 1, 0]).std(),
        "jerk": np.log((np.abs(np.gradient(whole)).mean() * _FPS + 0.01) / (whole.mean() + 0.02)),
    }
    for sides, needed in ((("ankle", "knee"), _NEED_LEGS), (("wrist", "shoulder"), _NEED_ARMS)):
        limbs = [at(f"{side}_{part}") for side in ("left", "right") for part in sides]
        if body.confidence[:, limbs].mean() < _SEEN:
            traits |= dict.fromkeys(needed, np.nan)
    return np.array([traits[name] for name in TRAITS], dtype=np.float64)


def _swing(curve: np.ndarray, hz: float) -> float:
    """Amplitude of a curve [T] at a frequency."""
    curve = curve - low_pass(curve, fps=_FPS, cutoff_hz=_HIGH_PASS_HZ)
    taper = np.hanning(len(curve) + 2)[1:-1]
    return float(2.0 * np.abs((curve * taper * np.exp(-2j * np.pi * hz * np.arange(len(curve)) / _FPS)).sum()) / taper.sum())
