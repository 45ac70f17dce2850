from __future__ import annotations

from dataclasses import replace

import numpy as np

from dance2music.dance.posture import POSTURE_FEATURES, posture_features
from dance2music.dance.skeleton import SKELETONS
from dance2music.types import Motion

HOLISTIC = SKELETONS["holistic-83"].joints


def dancer(seed: int = 0, frames: int = 30) -> Motion:
    """Every point of body, hands and face about a standing figure, with a little motion of its own."""
    rng = np.random.default_rng(seed)
    joints = np.repeat(rng.uniform(0.2, 0.8, (1, 83, 2)), frames, axis=0) + 0.01 * rng.standard_normal((frames, 83, 2))
    at = {name: i for i, name in enumerate(HOLISTIC)}
    joints[:, [at["left_shoulder"], at["right_shoulder"]], 1] = 0.8
    joints[:, [at["left_hip"], at["right_hip"]], 1] = 0.5
    return Motion(joints.astype(np.float32), np.ones((frames, 83), np.float32), 30.0, "holistic-83")


def positions(motion: Motion) -> np.ndarray:
    return posture_features(motion, fps=30.0).reshape(-1, 83, 3)[..., :2]


def test_there_are_three_numbers_for_each_point_of_body_hands_and_face() -> None:
    assert POSTURE_FEATURES == 249
    assert posture_features(dancer(), fps=60.0).shape == (60, 249)


def test_place_and_distance_of_the_dancer_do_not_matter() -> None:
    near = replace(dancer(), joints=dancer().joints * 2.5 + np.float32(0.7))
    assert np.allclose(positions(near), positions(dancer()), atol=2e-3)


def test_a_gesture_is_seen_in_the_hand_alone() -> None:
    moved = dancer()
    index = HOLISTIC.index("left_hand_index_4")
    moved.joints[10:, index] += 0.05
    change = np.abs(positions(moved) - positions(dancer())).max(axis=(0, 2))
    left = [i for i, name in enumerate(HOLISTIC) if name.startswith("left_hand_")]
    others = [i for i in range(83) if i not in left]
    assert change[index] > 0.02 and change[others].max() < 1e-4


def test_what_was_not_seen_has_no_confidence_and_lies_in_the_middle() -> None:
    body = Motion(dancer().joints[:, :33], np.ones((30, 33), np.float32), 30.0, "blazepose-33")
    features = posture_features(body, fps=30.0).reshape(30, 83, 3)
    hands = [i for i, name in enumerate(HOLISTIC) if "_hand_" in name and not name.endswith("hand_wrist")]
    assert np.all(features[:, hands] == 0.0)
    assert np.all(features[:, :33, 2] == 1.0)


def test_a_flow_grid_has_no_posture() -> None:
    cells = len(SKELETONS["flow"].joints)
    flow = Motion(np.zeros((4, cells, 2), np.float32), np.ones((4, cells), np.float32), 30.0, "flow")
    features = posture_features(flow, fps=30.0).reshape(4, 83, 3)
    assert np.isfinite(features).all()
