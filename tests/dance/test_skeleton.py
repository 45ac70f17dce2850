from __future__ import annotations

import numpy as np
import pytest

from dance2music.dance.skeleton import FACE_MESH_INDEX, SKELETONS, body_joints, convert, mirror
from dance2music.errors import InputError
from dance2music.types import Motion

BODIES = [name for name in SKELETONS if name != "flow"]


def random_motion(skeleton: str, *, seed: int = 0, dims: int = 3) -> Motion:
    rng = np.random.default_rng(seed)
    count = len(SKELETONS[skeleton].joints)
    joints = rng.normal(size=(7, count, dims)).astype(np.float32)
    return Motion(joints, rng.uniform(0.2, 1.0, (7, count)).astype(np.float32), 30.0, skeleton)


@pytest.mark.parametrize(
    ("name", "count"), [("coco-17", 17), ("body-25", 25), ("smpl-24", 24), ("blazepose-33", 33), ("ballroom-23", 23), ("body-15", 15)]
)
def test_each_skeleton_has_the_joints_of_its_name(name: str, count: int) -> None:
    assert len(SKELETONS[name].joints) == count


def test_holistic_is_blazepose_two_hands_and_a_bit_of_face() -> None:
    joints = SKELETONS["holistic-83"].joints
    assert joints[:33] == SKELETONS["blazepose-33"].joints
    assert len(joints) == 33 + 21 + 21 + len(FACE_MESH_INDEX)


@pytest.mark.parametrize("name", BODIES)
def test_bones_and_pairs_lie_within_the_skeleton_and_connect_the_limbs(name: str) -> None:
    skeleton = SKELETONS[name]
    assert all(0 <= i < len(skeleton.joints) for bone in skeleton.bones for i in bone)
    assert (skeleton.index("left_knee"), skeleton.index("left_ankle")) in skeleton.bones
    assert len(skeleton.pairs) == sum(j.startswith("left_") for j in skeleton.joints)


@pytest.mark.parametrize("source", BODIES)
@pytest.mark.parametrize("target", BODIES)
def test_joints_that_both_skeletons_have_survive_a_round_trip(source: str, target: str) -> None:
    motion = random_motion(source)
    back = convert(convert(motion, target), source)
    shared = [j for j in SKELETONS[source].joints if j in SKELETONS[target].joints]
    index = [SKELETONS[source].index(j) for j in shared]
    assert len(shared) >= 12
    assert np.array_equal(back.joints[:, index], motion.joints[:, index])
    assert np.array_equal(back.confidence[:, index], motion.confidence[:, index])
    assert np.isfinite(back.joints).all()


def test_neck_and_pelvis_lie_midway_with_the_lesser_confidence() -> None:
    motion = random_motion("coco-17", dims=2)
    body = convert(motion, "body-25")
    left, right = SKELETONS["coco-17"].index("left_shoulder"), SKELETONS["coco-17"].index("right_shoulder")
    neck = SKELETONS["body-25"].index("neck")
    assert np.allclose(body.joints[:, neck], (motion.joints[:, left] + motion.joints[:, right]) / 2)
    assert np.array_equal(body.confidence[:, neck], np.minimum(motion.confidence[:, left], motion.confidence[:, right]))
    assert body.joints.shape == (7, 25, 2)


def test_joints_that_nobody_knows_have_no_confidence() -> None:
    body = convert(random_motion("smpl-24"), "body-25")
    assert (body.confidence[:, SKELETONS["body-25"].index("left_ear")] == 0).all()
    assert (body.confidence[:, SKELETONS["body-25"].index("left_knee")] > 0).all()


@pytest.mark.parametrize("name", list(SKELETONS))
def test_every_skeleton_gives_the_common_body_with_confidence(name: str) -> None:
    body = body_joints(random_motion(name))
    assert body.skeleton == "body-15" and body.joints.shape == (7, 15, 3)
    assert (body.confidence > 0).all()


def test_flow_cells_become_different_joints() -> None:
    motion = random_motion("flow", dims=2)
    body = body_joints(motion)
    assert sorted(body.joints[0, :, 0].tolist()) == sorted(motion.joints[0, :, 0].tolist())


def test_mirroring_twice_changes_nothing_and_once_swaps_the_sides() -> None:
    motion = random_motion("smpl-24")
    once = mirror(motion)
    left, right = SKELETONS["smpl-24"].index("left_wrist"), SKELETONS["smpl-24"].index("right_wrist")
    assert np.array_equal(once.joints[:, left], motion.joints[:, right] * np.array([-1, 1, 1], dtype=np.float32))
    assert np.array_equal(mirror(once).joints, motion.joints)


def test_unknown_skeletons_are_named() -> None:
    with pytest.raises(InputError, match="'coco-18'; expected one of"):
        convert(random_motion("coco-17"), "coco-18")
    with pytest.raises(InputError, match="cannot become flow"):
        convert(random_motion("coco-17"), "flow")
