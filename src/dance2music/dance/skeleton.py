"""Joint sets and the conversions between them.

A skeleton is a list of joint names from one common vocabulary, so that a conversion is a matter of names: a joint that the source has is
copied, one that it lacks is a weighted mean of others where that is an honest estimate (the neck lies between the shoulders), and
otherwise sits on a neighbour with confidence 0. Left and right are the dancer's own.

Joint orders: COCO-17 (Lin et al. 2014), BODY-25 and OpenPose-18 (Cao et al. 2019), SMPL-24 (Loper et al. 2015), BlazePose-33 and 21 hand
points (Bazarevsky et al. 2020; Zhang et al. 2020), ballroom-23 (Tang et al. 2018). ``holistic-83`` is BlazePose-33, then 21 left and 21
right hand points, then 8 points of the face mesh: enough to see hands, mouth and the tilt of the head at 1 kB per frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dance2music.errors import InputError
from dance2music.types import Motion


@dataclass(frozen=True)
class Skeleton:
    """Names of the joints in order, the bones to draw, and the left/right pairs as index pairs."""

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    pairs: tuple[tuple[int, int], ...]

    def index(self, joint: str) -> int:
        """Index of a joint by name."""
        return self.joints.index(joint)


def _sided(*names: str) -> tuple[str, ...]:
    """Each name with the sides left and right, in this order."""
    return tuple(f"{side}_{name}" for name in names for side in ("left", "right"))


_FINGERS = tuple(f"{finger}_{part}" for finger in ("thumb", "index", "middle", "ring", "pinky") for part in (1, 2, 3, 4))
_HAND_BONES = tuple(
    pair for f in ("thumb", "index", "middle", "ring", "pinky")
    for pair in (("hand_wrist", f"hand_{f}_1"), *((f"hand_{f}_{p}", f"hand_{f}_{p + 1}") for p in (1, 2, 3)))
)  # fmt: skip


def _hand(side: str) -> tuple[str, ...]:
    return (f"{side}_hand_wrist", *(f"{side}_hand_{finger}" for finger in _FINGERS))


_BODY = ("head", "neck", "pelvis", *_sided("shoulder", "elbow", "wrist", "hip", "knee", "ankle"))
_COCO = ("nose", *_sided("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"))
_BODY25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", "pelvis",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear",
    "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
_OPENPOSE18 = (
    *_BODY25[:8], *_BODY25[9:12], *_BODY25[12:15], "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
_SMPL = (
    "pelvis", "left_hip", "right_hip", "spine_low", "left_knee", "right_knee", "spine_mid", "left_ankle", "right_ankle", "spine_high",
    "left_big_toe", "right_big_toe", "neck", "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
_BLAZE = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer", "left_ear", "right_ear",
    "left_mouth", "right_mouth",
    *_sided("shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel", "big_toe"),
)  # fmt: skip
# Sides of the ballroom data were not established by its authors: side a is called left here.
_BALLROOM = (
    "head_front", "head_back", "spine_mid",
    "left_shoulder", "left_elbow", "left_wrist", "left_hand", "left_hip", "left_knee", "left_ankle", "left_heel", "left_big_toe",
    "right_shoulder", "right_elbow", "right_hand", "right_pinky", "right_hip", "right_knee", "right_ankle", "right_heel", "right_big_toe",
    "right_wrist", "left_pinky",
)  # fmt: skip
FACE_MESH_INDEX: tuple[int, ...] = (10, 152, 13, 14, 291, 61, 334, 105)
"""Points of MediaPipe's 468-point face mesh that ``holistic-83`` keeps, in the order of its last 8 joints."""
_FACE = ("forehead", "chin", "upper_lip", "lower_lip", *_sided("mouth_corner", "brow"))

FLOW_ROWS, FLOW_COLUMNS = 5, 3
_FLOW = tuple(f"cell_{row}_{column}" for row in range(FLOW_ROWS) for column in range(FLOW_COLUMNS))

_BONES = (
    ("head", "neck"), ("nose", "neck"), ("neck", "pelvis"), ("pelvis", "left_hip"), ("pelvis", "right_hip"),
    ("neck", "left_shoulder"), ("neck", "right_shoulder"),
    *((f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("ankle", "heel"), ("ankle", "big_toe"),
        ("heel", "big_toe"), ("wrist", "hand"), ("wrist", "index"), ("wrist", "pinky"), ("wrist", "thumb"), ("eye", "ear"),
        ("neck", "collar"), *_HAND_BONES)),
    ("left_eye", "nose"), ("right_eye", "nose"), ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"), ("left_mouth", "right_mouth"),
    ("head_front", "head_back"), ("head_back", "spine_mid"), ("pelvis", "spine_low"), ("spine_low", "spine_mid"),
    ("spine_mid", "spine_high"), ("spine_high", "neck"), ("left_mouth_corner", "upper_lip"), ("right_mouth_corner", "upper_lip"),
    ("left_mouth_corner", "lower_lip"), ("right_mouth_corner", "lower_lip"),
)  # fmt: skip


def _skeleton(name: str, joints: tuple[str, ...]) -> Skeleton:
    at = {joint: i for i, joint in enumerate(joints)}
    assert len(at) == len(joints), f"{name}: a joint is named twice"
    bones = tuple((at[a], at[b]) for a, b in _BONES if a in at and b in at)
    if "neck" in at:  # the line between the shoulders already runs through the neck
        bones = tuple(b for b in bones if b != (at.get("left_shoulder"), at.get("right_shoulder")))
    pairs = tuple((at[j], at["right" + j[4:]]) for j in joints if j.startswith("left_") and "right" + j[4:] in at)
    return Skeleton(name, joints, bones, pairs)


SKELETONS: dict[str, Skeleton] = {
    name: _skeleton(name, joints)
    for name, joints in {
        "body-15": _BODY,
        "coco-17": _COCO,
        "body-25": _BODY25,
        "openpose-18": _OPENPOSE18,
        "smpl-24": _SMPL,
        "blazepose-33": _BLAZE,
        "ballroom-23": _BALLROOM,
        "holistic-83": (*_BLAZE, *_hand("left"), *_hand("right"), *_FACE),
        "flow": _FLOW,
    }.items()
}
"""Every joint set by name. ``body-15`` is the common body that all learned parts see; ``flow`` is the grid of the optical-flow fallback."""

# Ways to estimate a joint that a skeleton lacks, best first: weights over other joints, which may be estimated in turn.
_ESTIMATES: dict[str, tuple[dict[str, float], ...]] = {
    "neck": ({"left_shoulder": 0.5, "right_shoulder": 0.5},),
    "pelvis": ({"left_hip": 0.5, "right_hip": 0.5},),
    "head": ({"left_ear": 0.5, "right_ear": 0.5}, {"head_front": 0.5, "head_back": 0.5}),
    "spine_low": ({"pelvis": 0.78, "neck": 0.22},),
    "spine_mid": ({"pelvis": 0.52, "neck": 0.48},),
    "spine_high": ({"pelvis": 0.42, "neck": 0.58},),
    "nose": ({"head_front": 1.0},),
    "head_front": ({"nose": 1.0}, {"head": 1.0}),
    "head_back": ({"head": 1.0},),
}
# Where a joint is put, with confidence 0, when nothing above knows it.
_STAND_IN: dict[str, str] = {"nose": "head", "head": "neck", "left_collar": "left_shoulder", "right_collar": "right_shoulder"}
for _side in ("left", "right"):
    _ESTIMATES |= {
        f"{_side}_collar": ({"neck": 0.6, f"{_side}_shoulder": 0.4},),
        f"{_side}_hand": (
            {f"{_side}_hand_middle_1": 1.0},
            {f"{_side}_index": 0.5, f"{_side}_pinky": 0.5},
        ),
        f"{_side}_hand_wrist": ({f"{_side}_wrist": 1.0},),
        f"{_side}_mouth": ({f"{_side}_mouth_corner": 1.0},),
        f"{_side}_mouth_corner": ({f"{_side}_mouth": 1.0},),
        f"{_side}_eye_inner": ({f"{_side}_eye": 0.6, "nose": 0.4},),
    }
    _STAND_IN |= {
        f"{_side}_{a}": b if b in ("head", "nose") else f"{_side}_{b}"
        for a, b in {
            "eye": "nose", "ear": "head", "eye_inner": "eye", "eye_outer": "eye", "mouth": "nose", "mouth_corner": "nose", "brow": "eye",
            "hand": "wrist", "index": "hand", "pinky": "hand", "thumb": "hand", "hand_wrist": "wrist",
            "heel": "ankle", "big_toe": "ankle", "small_toe": "big_toe",
        }.items()
    }  # fmt: skip
    _STAND_IN |= {f"{_side}_hand_{finger}": f"{_side}_hand" for finger in _FINGERS}
_STAND_IN |= {"forehead": "head", "chin": "nose", "upper_lip": "nose", "lower_lip": "nose"}

# The flow grid is not a body; its cells stand where a body that fills the grid would have its joints.
_FLOW_BODY: dict[str, str] = {
    "head": "cell_0_1", "neck": "cell_1_1", "pelvis": "cell_2_1", "left_elbow": "cell_0_2", "right_elbow": "cell_0_0",
    "left_shoulder": "cell_1_2", "right_shoulder": "cell_1_0", "left_wrist": "cell_2_2", "right_wrist": "cell_2_0",
    "left_hip": "cell_3_1", "right_hip": "cell_4_1", "left_knee": "cell_3_2", "right_knee": "cell_3_0",
    "left_ankle": "cell_4_2", "right_ankle": "cell_4_0",
}  # fmt: skip


def skeleton(name: str) -> Skeleton:
    """Skeleton by name.

    Raises
    ------
    InputError
        If there is no skeleton of this name.
    """
    if name not in SKELETONS:
        raise InputError(f"skeleton: {name!r}; expected one of {', '.join(SKELETONS)}")
    return SKELETONS[name]


def convert(motion: Motion, to: str) -> Motion:
    """The same motion on another joint set.

    Parameters
    ----------
    motion : Motion, joints [T, J, 2 or 3].
    to : str, a key of `SKELETONS`.

    Returns
    -------
    Motion, joints [T, J', 2 or 3]. Estimated joints have the least confidence of what they were estimated from; a joint that the source
    knows nothing of lies on a neighbour and has confidence 0.

    Raises
    ------
    InputError
        If a skeleton is unknown, or a body is asked of a joint set that is none and the other way round.
    """
    source, target = skeleton(motion.skeleton), skeleton(to)
    if source.name == target.name:
        return motion
    if target.name == "flow":
        raise InputError(f"skeleton: {source.name} cannot become flow; flow comes from a video only")
    known: dict[str, tuple[np.ndarray, np.ndarray]] = {
        name: (motion.joints[:, i], motion.confidence[:, i]) for i, name in enumerate(source.joints)
    }
    if source.name == "flow":
        known |= {body: known[cell] for body, cell in _FLOW_BODY.items()}
    resolved = [_resolve(name, known, frozenset()) for name in target.joints]
    joints = np.stack([position for position, _ in resolved], axis=1).astype(np.float32)
    confidence = np.stack([c for _, c in resolved], axis=1).astype(np.float32)
    return replace(motion, joints=joints, confidence=confidence, skeleton=target.name)


def _resolve(name: str, known: dict[str, tuple[np.ndarray, np.ndarray]], asking: frozenset[str]) -> tuple[np.ndarray, np.ndarray]:
    """Position [T, 2 or 3] and confidence [T] of a joint: its own, an estimate, or a stand-in."""
    if name in known:
        return known[name]
    estimate = _estimate(name, known, asking)
    if estimate is None:
        neighbour = _STAND_IN[name]
        position, confidence = _resolve(neighbour, known, asking | {name})
        estimate = position, np.zeros_like(confidence)
    known[name] = estimate
    return estimate


def _estimate(name: str, known: dict[str, tuple[np.ndarray, np.ndarray]], asking: frozenset[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Weighted mean of known or estimable joints, or None where no estimate exists."""
    if name in known:
        return known[name]
    if name in asking:
        return None
    for weights in _ESTIMATES.get(name, ()):
        parts = [(_estimate(other, known, asking | {name}), weight) for other, weight in weights.items()]
        found = [(part, weight) for part, weight in parts if part is not None]
        if len(found) == len(parts):
            position = sum(part[0].astype(np.float64) * weight for part, weight in found)
            return np.asarray(position, dtype=np.float32), np.min([part[1] for part, _ in found], axis=0)
    return None


def body_joints(motion: Motion) -> Motion:
    """The common body (``body-15``) that every skeleton can provide; the view of a motion that all learned parts share."""
    return convert(motion, "body-15")


def mirror(motion: Motion) -> Motion:
    """Left and right exchanged and x negated: the dance in a mirror."""
    order = np.arange(len(skeleton(motion.skeleton).joints))
    for left, right in skeleton(motion.skeleton).pairs:
        order[[left, right]] = right, left
    joints = motion.joints[:, order].copy()
    joints[..., 0] *= -1.0
    return replace(motion, joints=joints, confidence=motion.confidence[:, order])
