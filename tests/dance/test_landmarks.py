from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dance2music.dance import landmarks
from dance2music.dance.landmarks import DETAILS, BodyEstimator, DetailEstimator, load_mediapipe
from dance2music.dance.tflite import without_output
from dance2music.synthetic.drawing import Look, draw_frames, example_dance

SIZE = (640, 360)
WRISTS = [15, 16]


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return list(draw_frames(example_dance(1.0)[0], size=SIZE, fps=15.0, look=Look()))


def network() -> bytes:
    folder = Path(load_mediapipe().__file__).parents[1]
    return (folder / "modules/pose_landmark/pose_landmark_full.tflite").read_bytes()


def test_without_its_mask_the_network_of_the_body_finds_the_same_joints_to_the_bit(pictures: list[np.ndarray]) -> None:
    whole = network()
    light = without_output(whole, (1, 256, 256, 1))
    assert len(light) == len(whole) and light != whole
    assert without_output(light, (1, 256, 256, 1)) == light, "the mask is gone"
    assert without_output(whole, (1, 1, 1, 7)) == whole, "there is no such output"
    found = []
    for model in (whole, light):
        estimator = BodyEstimator()
        estimator._follow = landmarks._Graph(landmarks._FOLLOW, network=load_mediapipe().packet_creator.create_string(model))
        found.append([estimator.detect(picture) for picture in pictures[:4]])
    for a, b in zip(*found):
        assert a is not None and b is not None and np.array_equal(a, b)


def test_a_body_is_found_where_the_package_itself_finds_it(pictures: list[np.ndarray]) -> None:
    estimator = BodyEstimator()
    with landmarks.quiet():
        from mediapipe.python.solutions.pose import Pose

        package = Pose(smooth_landmarks=False)
        off = []
        for picture in pictures:
            ours, theirs = estimator.detect(picture), package.process(picture).pose_landmarks
            assert ours is not None and theirs is not None
            there = np.array([(p.x * SIZE[0], p.y * SIZE[1]) for p in theirs.landmark])
            sure = ours[:, 3] > 0.9
            off.append(np.linalg.norm(ours[sure, :2] - there[sure], axis=1))
    assert np.median(np.concatenate(off)) < 1.0  # in pixels of a dancer 290 high


def test_a_forgotten_dancer_is_found_as_if_for_the_first_time(pictures: list[np.ndarray]) -> None:
    estimator = BodyEstimator()
    first = estimator.detect(pictures[3])
    after = [estimator.detect(picture) for picture in (pictures[0], pictures[9])]
    estimator.forget()
    again = estimator.detect(pictures[3])
    assert first is not None and again is not None and after[-1] is not None
    assert np.array_equal(first, again)


def test_nobody_is_found_in_an_empty_picture_and_again_once_there_is_somebody(pictures: list[np.ndarray]) -> None:
    estimator = BodyEstimator()
    assert estimator.detect(np.full_like(pictures[0], 200)) is None
    assert estimator.detect(pictures[0]) is not None


def test_hands_and_face_are_found_on_the_body_that_was_found(pictures: list[np.ndarray]) -> None:
    body, detail = BodyEstimator(), DetailEstimator()
    near = []
    for picture in pictures:
        joints = body.detect(picture)
        assert joints is not None
        parts = detail.detect(picture, joints)
        assert parts.shape == (DETAILS, 4) and parts.dtype == np.float32
        for wrist, start in zip(WRISTS, (0, 21)):
            part = parts[start : start + 21]
            assert np.isfinite(part).all() or np.isnan(part).all(), "a hand is found whole or not at all"
            if np.isfinite(part).all():
                near.append(float(np.linalg.norm(part[0, :2] - joints[wrist, :2])))
    assert len(near) >= 5 and np.median(near) < 20.0


def test_details_do_not_depend_on_what_was_seen_before_forgetting(pictures: list[np.ndarray]) -> None:
    body, detail = BodyEstimator(), DetailEstimator()
    joints = [body.detect(picture) for picture in pictures[:3]]
    assert joints[0] is not None and joints[2] is not None
    first = detail.detect(pictures[2], joints[2])
    detail.detect(pictures[0], joints[0])
    detail.forget()
    assert np.array_equal(first, detail.detect(pictures[2], joints[2]), equal_nan=True)


def test_the_framework_is_loaded_alone_and_the_package_stays_whole() -> None:
    program = """
import sys
from dance2music.dance.landmarks import load_mediapipe
load_mediapipe()
assert not {"matplotlib", "sounddevice", "mediapipe.python.solutions"} & set(sys.modules)
import mediapipe
assert mediapipe.__version__ and mediapipe.solutions.pose.Pose and mediapipe.tasks and mediapipe.Image
assert type(mediapipe).__name__ == "module" and not hasattr(mediapipe, "no_such_thing")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
