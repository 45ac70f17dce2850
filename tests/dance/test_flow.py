from __future__ import annotations

import numpy as np
import pytest

from dance2music.dance.flow import VISUAL_FEATURES, VISUAL_SLICES, FlowMeter, flow_motion, visual_features
from dance2music.dance.kinematics import kinematic_beats, motion_features
from dance2music.metrics.rhythm import beat_f
from dance2music.types import Motion

HEIGHT, WIDTH = 90, 160
TEXTURE = np.kron(np.random.default_rng(0).integers(0, 255, (12, 12)), np.ones((4, 4))).astype(np.uint8)


def picture(x: float, y: float = 20.0) -> np.ndarray:
    """A textured square at (x, y) on black, placed to a tenth of a pixel."""
    from PIL import Image

    grey = np.asarray(
        Image.fromarray(TEXTURE).transform((WIDTH, HEIGHT), Image.Transform.AFFINE, (1, 0, -x, 0, 1, -y), Image.Resampling.BILINEAR)
    )
    return np.repeat(grey[..., None], 3, axis=2)


def swinging(*, beat_seconds: float = 0.5, seconds: float = 6.0, fps: float = 30.0) -> FlowMeter:
    meter = FlowMeter()
    for time in np.arange(round(seconds * fps)) / fps:
        meter.add(picture(55.0 + 20.0 * np.cos(np.pi * time / beat_seconds)), float(time))
    return meter


def test_energy_grows_with_speed_and_is_per_second() -> None:
    def steady(pixels_per_frame: float, fps: float) -> float:
        meter = FlowMeter()
        for i in range(10):
            meter.add(picture(30.0 + pixels_per_frame * i), i / fps)
        return float(meter.energy(np.array([4.5 / fps]))[0])

    slow = steady(1.0, 30.0)
    assert slow > 0
    assert steady(2.0, 30.0) == pytest.approx(2 * slow, rel=0.35)
    assert steady(1.0, 60.0) == pytest.approx(2 * slow, rel=0.05)


def test_a_moving_camera_is_taken_out() -> None:
    noise = np.kron(np.random.default_rng(1).integers(0, 255, (60, 120)), np.ones((4, 4))).astype(np.uint8)
    meter = FlowMeter()
    for i in range(8):
        view = noise[20 : 20 + HEIGHT, 2 * i : 2 * i + WIDTH]
        meter.add(np.repeat(view[..., None], 3, axis=2), i / 30.0)
    pan = 2 * 30.0 / HEIGHT
    assert meter.energy(np.array([0.1]))[0] < 0.35 * pan


def test_repeated_pictures_are_passed_over() -> None:
    twice, once = FlowMeter(), FlowMeter()
    for i in range(20):
        twice.add(picture(30.0 + 2 * (i // 2)), i / 60.0)
        if i % 2 == 0:
            once.add(picture(30.0 + 2 * (i // 2)), i / 60.0)
    grid = np.arange(10) / 60.0
    assert np.allclose(twice.energy(grid), once.energy(grid))


def test_flow_motion_turns_where_the_picture_turns() -> None:
    motion = flow_motion(swinging(), fps=30.0, count=180, source="flow")
    assert motion.skeleton == "flow" and motion.joints.shape == (180, 15, 2) and motion.source == "flow"
    beats = kinematic_beats(motion)
    assert beat_f(np.arange(0.5, 5.9, 0.5), beats, window_seconds=0.05) > 0.85
    assert motion_features(motion, fps=30.0).std() > 0.01


def test_flow_of_a_moving_square_points_where_it_moves() -> None:
    meter = FlowMeter()
    for i in range(6):
        meter.add(picture(20.0, 10.0 + 3 * i), i / 30.0)
    cells = meter.cells(np.array([0.1]))[0]
    assert cells[:, 1].min() < -0.02 and abs(cells[:, 1].min()) > 3 * np.abs(cells[:, 0]).max()  # downwards is negative


def test_a_video_without_any_motion_gives_zeros() -> None:
    meter = FlowMeter()
    for i in range(5):
        meter.add(picture(30.0), i / 30.0)
    assert np.allclose(meter.energy(np.arange(5) / 30.0), 0.0)
    assert np.isfinite(flow_motion(meter, fps=30.0, count=5, source="").joints).all()


def test_features_are_zero_without_video_and_tell_known_from_unknown() -> None:
    motion = flow_motion(swinging(), fps=30.0, count=180, source="")
    features = visual_features(motion, fps=30.0)
    assert features.shape == (180, VISUAL_FEATURES) and features.dtype == np.float32
    assert (features[:, VISUAL_SLICES["known"]] == 1.0).all() and features[:, VISUAL_SLICES["energy"]].max() > 0.5
    assert max(s.stop for s in VISUAL_SLICES.values()) == VISUAL_FEATURES
    blind = Motion(motion.joints, motion.confidence, 30.0, "flow", None)
    assert (visual_features(blind, fps=15.0) == 0).all() and len(visual_features(blind, fps=15.0)) == 90
