from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from dance2music.dance.kinematics import body_size, kinematic_beats
from dance2music.dance.pose import estimate
from dance2music.dance.skeleton import SKELETONS
from dance2music.errors import InputError
from dance2music.metrics.rhythm import beat_f
from dance2music.synthetic.canvas import Canvas


@dataclass(frozen=True)
class Picture:
    image: np.ndarray
    time_seconds: float


SKIN, SHIRT, SLEEVE, JEANS, SHOE = (224, 172, 140), (190, 40, 50), (205, 60, 70), (50, 70, 130), (30, 30, 30)


def draw(canvas: Canvas, centre_x: float, swing: float, *, scale: float = 1.0) -> dict[str, tuple[float, float]]:
    """A figure of thick limbs whose arms swing (-1..1) and whose knees give; returns where its wrists and ankles are."""
    base_y = len(canvas.image) - 18.0

    def at(x: float, y: float) -> tuple[float, float]:
        return centre_x + scale * x, base_y - scale * y

    def limb(a: tuple[float, float], b: tuple[float, float], colour: tuple[int, int, int], width: float) -> None:
        canvas.line(np.array(a), np.array(b), scale * width, colour)

    joints: dict[str, tuple[float, float]] = {}
    for side, sign in (("right", -1), ("left", 1)):  # the dancer faces us: its right is on our left
        hip, ankle = at(sign * 17, 130), at(sign * 26, 8)
        knee = at(sign * (24 + 4 * abs(swing)), 70)
        limb(hip, knee, JEANS, 26)
        limb(knee, ankle, JEANS, 20)
        limb(ankle, at(sign * 36, 2), SHOE, 14)
        joints[f"{side}_ankle"] = ankle
    limb(at(0, 140), at(0, 205), SHIRT, 62)
    limb(at(-28, 218), at(28, 218), SHIRT, 26)
    for side, sign in (("right", -1), ("left", 1)):
        shoulder = at(sign * 36, 216)
        angle = 0.5 + 0.9 * swing
        elbow = at(sign * (36 + 46 * np.cos(angle)), 216 + 46 * np.sin(angle))
        wrist = at(sign * (36 + 46 * np.cos(angle) + 42 * np.cos(angle + 0.5)), 216 + 46 * np.sin(angle) + 42 * np.sin(angle + 0.5))
        limb(shoulder, elbow, SLEEVE, 20)
        limb(elbow, wrist, SKIN, 15)
        joints[f"{side}_wrist"] = wrist
    limb(at(0, 225), at(0, 245), SKIN, 20)
    canvas.ellipse(np.array(at(0, 268)), (22 * scale, 28 * scale), SKIN)
    canvas.ellipse(np.array(at(0, 284)), (23 * scale, 16 * scale), (60, 40, 20), begin=np.pi, end=2 * np.pi)
    for sign in (-1, 1):
        canvas.disc(np.array(at(sign * 9, 272)), 3 * scale, (20, 20, 20))
    limb(at(-8, 252), at(8, 252), (150, 50, 50), 3)
    return joints


def dance(times: np.ndarray, *, xs: tuple[float, ...] = (240.0,), width: int = 480, beat_seconds: float = 0.5) -> Iterator[Picture]:
    for time in times:
        stage = np.full((360, width, 3), (214, 220, 226), dtype=np.uint8)
        stage[320:] = 170, 160, 150
        canvas = Canvas(stage)
        for x in xs:
            draw(canvas, x, float(np.cos(np.pi * (time - 0.1) / beat_seconds)), scale=1.0 if x == xs[0] else 0.8)
        yield Picture(canvas.image.copy(), float(time))


def test_a_drawn_dancer_is_followed_on_its_own_time_stamps() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.024, 0.046, 85))  # about 29 frames per second, irregular
    motion = estimate(dance(times), fps=30.0)
    assert motion.skeleton == "holistic-83" and motion.fps == 30.0
    assert motion.joints.shape == (int(times[-1] * 30) + 1, 83, 3) and motion.joints.dtype == np.float32
    assert np.isfinite(motion.joints).all() and motion.confidence.min() >= 0 and motion.confidence.max() <= 1
    assert "100 %" in motion.source
    canvas = Canvas(np.zeros((360, 480, 3), np.uint8))
    errors = []
    for frame in range(5, len(motion.joints) - 3):
        true = draw(canvas, 240.0, float(np.cos(np.pi * (frame / 30.0 - 0.1) / 0.5)))
        for name, (x, y) in true.items():
            found = motion.joints[frame, SKELETONS["holistic-83"].index(name), :2]
            errors.append(np.hypot(found[0] - x / 360, found[1] - (1 - y / 360)))
    assert np.median(errors) < 0.15 * body_size(motion)  # in image heights; y is up and x is not squeezed
    beats = kinematic_beats(motion)
    assert beat_f(np.arange(0.6, times[-1] - 0.1, 0.5), beats[beats > 0.3], window_seconds=0.07) > 0.7
    assert motion.flow_energy is not None and motion.flow_energy.shape == (len(motion.joints),) and motion.flow_energy.max() > 0


def test_without_a_dancer_the_picture_itself_is_followed_and_a_warning_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def pictures() -> Iterator[Picture]:
        rng = np.random.default_rng(0)
        clouds = np.kron(rng.integers(60, 200, (30, 60)), np.ones((12, 12))).astype(np.uint8)
        for i in range(30):
            image = np.repeat(clouds[:200, : 320 - 0, None], 3, axis=2).copy()
            image[80:120, 20 + 5 * i : 60 + 5 * i] = 255
            yield Picture(image, i / 30.0)

    with caplog.at_level(logging.WARNING):
        motion = estimate(pictures(), method="body")
    assert motion.skeleton == "flow" and motion.source.startswith("optical flow")
    assert "following the motion of the picture instead" in caplog.text
    assert motion.flow_energy is not None and motion.flow_energy.max() > 0


def test_the_runtime_of_the_networks_does_not_chatter(capfd: pytest.CaptureFixture[str]) -> None:
    estimate(dance(np.arange(3) / 30.0), method="holistic")
    assert capfd.readouterr().err == ""


def test_progress_is_told_in_seconds_of_video() -> None:
    told: list[float] = []
    estimate(dance(np.arange(60) / 30.0), method="body", progress=told.append)
    assert told == sorted(told) and told[-1] == pytest.approx(59 / 30)


def test_nothing_and_an_unknown_estimator_are_refused() -> None:
    with pytest.raises(InputError, match="no frames"):
        estimate([])
    with pytest.raises(InputError, match="'alphapose'; expected one of holistic, body"):
        estimate([], method="alphapose")


def test_a_second_look_at_the_same_frames_gives_the_same_bits() -> None:
    times = np.arange(20) / 30.0
    first, second = estimate(dance(times)), estimate(dance(times))
    assert np.array_equal(first.joints, second.joints) and np.array_equal(first.confidence, second.confidence)
