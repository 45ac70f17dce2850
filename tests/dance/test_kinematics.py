from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dance2music.dance.kinematics import (
    FEATURE_SLICES,
    MOTION_FEATURES,
    body_size,
    energy,
    kinematic_beats,
    kinematic_beats_aist,
    kinetic_velocity,
    low_pass,
    minima,
    motion_features,
    resample,
)
from dance2music.dance.motion_files import load_motion
from dance2music.dance.skeleton import SKELETONS, convert
from dance2music.dance.smpl import forward_kinematics
from dance2music.errors import InputError
from dance2music.metrics.rhythm import beat_alignment_aist, beat_f, shift_lift
from dance2music.types import Motion

SHARED = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).parents[3] / "shared"))


def smpl(poses: np.ndarray, translation: np.ndarray, *, fps: float) -> Motion:
    joints = forward_kinematics(poses, translation)
    return Motion(joints, np.ones(joints.shape[:2], dtype=np.float32), fps, "smpl-24")


def waving(
    *, seconds: float = 10.0, fps: float = 30.0, beat_seconds: float = 0.5, phase_seconds: float = 0.1, noise: float = 0.0
) -> Motion:
    """A body whose arms swing to and fro and turn round exactly on the beat: each beat is a kinematic beat."""
    times = np.arange(round(seconds * fps)) / fps
    swing = np.cos(np.pi * (times - phase_seconds) / beat_seconds)
    poses = np.zeros((len(times), 72))
    poses[:, 16 * 3 + 2], poses[:, 17 * 3 + 2] = 0.9 * swing, 0.9 * swing
    motion = smpl(poses, np.tile([0.0, 1.2, 0.0], (len(times), 1)), fps=fps)
    jitter = np.random.default_rng(0).normal(0, noise, motion.joints.shape) if noise else 0.0
    return replace(motion, joints=(motion.joints + jitter).astype(np.float32))


def turns(seconds: float, beat_seconds: float = 0.5, phase_seconds: float = 0.1) -> np.ndarray:
    return np.arange(phase_seconds, seconds - 0.05, beat_seconds)


def test_low_pass_keeps_a_line_halves_power_at_the_cut_off_and_does_not_delay() -> None:
    fps = 100.0
    times = np.arange(1000) / fps
    assert np.allclose(low_pass(np.ones(50), fps=fps, cutoff_hz=5.0), 1.0)
    wave = np.sin(2 * np.pi * 5.0 * times)
    smooth = low_pass(wave, fps=fps, cutoff_hz=5.0)
    assert np.allclose(smooth[100:-100], wave[100:-100] / np.sqrt(2), atol=0.01)


def test_low_pass_ignores_samples_without_weight() -> None:
    values = np.arange(20.0)
    weights = np.ones(20)
    values[7], weights[7] = 1000.0, 0.0
    assert low_pass(values, fps=30.0, cutoff_hz=5.0, weights=weights)[7] == pytest.approx(7.0, abs=0.05)


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
@pytest.mark.parametrize("noise", [0.0, 0.008])
def test_turning_points_of_a_swing_are_kinematic_beats(fps: float, noise: float) -> None:
    beats = kinematic_beats(waving(fps=fps, noise=noise))
    assert beat_f(turns(10.0), beats, window_seconds=0.05) > 0.9


def test_kinematic_beats_do_not_depend_on_size_place_or_dimensions() -> None:
    motion = waving(noise=0.005)
    beats = kinematic_beats(motion)
    moved = replace(motion, joints=motion.joints * 120.0 + 50.0)
    flat = replace(motion, joints=motion.joints[..., :2])
    assert np.allclose(kinematic_beats(moved), beats, atol=1e-3)
    assert np.allclose(kinematic_beats(flat), beats)
    assert np.allclose(kinetic_velocity(moved), kinetic_velocity(motion), rtol=1e-3)


def test_joints_without_confidence_do_not_count() -> None:
    motion = convert(waving(), "coco-17")
    wrist = SKELETONS["coco-17"].index("left_wrist")
    joints, confidence = motion.joints.copy(), motion.confidence.copy()
    joints[:, wrist] += np.random.default_rng(0).normal(0, 1.0, joints[:, wrist].shape)
    confidence[:, wrist] = 0.0
    noisy = replace(motion, joints=joints, confidence=confidence)
    assert beat_f(turns(10.0), kinematic_beats(noisy), window_seconds=0.05) > 0.9


def test_standing_still_has_no_beats_no_speed_and_no_energy() -> None:
    motion = smpl(np.zeros((90, 72)), np.zeros((90, 3)), fps=30.0)
    assert len(kinematic_beats(motion)) == 0
    assert np.allclose(kinetic_velocity(motion), 0.0)
    assert np.allclose(energy(motion), 0.0)


def test_minima_are_found_between_frames() -> None:
    times = np.arange(100) / 30.0
    found = minima((times - 1.515) ** 2, fps=30.0, min_distance_seconds=0.2)
    assert found == pytest.approx([1.515], abs=1e-6)


def test_minima_of_something_too_short_are_none() -> None:
    assert len(minima(np.zeros(2), fps=30.0, min_distance_seconds=0.2)) == 0


def test_body_size_is_the_torso_and_turning_away_does_not_shrink_it() -> None:
    motion = waving()
    upright = body_size(motion)
    assert 0.4 < upright < 0.6
    joints = motion.joints.copy()
    joints[:100, :, 1] = joints[:100, :1, 1]  # a third of the time bent double towards the camera
    assert body_size(replace(motion, joints=joints)) == pytest.approx(upright, rel=0.01)
    assert body_size(replace(motion, joints=np.zeros_like(motion.joints))) == 1.0


def test_energy_is_low_when_calm_and_high_when_wild() -> None:
    motion = waving(seconds=20.0)
    joints = motion.joints.copy()
    joints[:300] = joints[:1]
    level = energy(replace(motion, joints=joints))
    assert level.min() >= 0.0 and level.max() <= 1.0 and level.dtype == np.float32
    assert level[:250].max() < 0.1 and level[350:].min() > 0.6


def test_resampling_keeps_duration_and_course() -> None:
    motion = replace(waving(fps=60.0), flow_energy=np.linspace(0, 1, 600, dtype=np.float32))
    slow = resample(motion, 30.0)
    assert slow.joints.shape == (300, 24, 3) and slow.fps == 30.0
    assert slow.flow_energy is not None and slow.flow_energy[150] == pytest.approx(0.5, abs=0.01)
    assert np.abs(slow.joints[5:-5] - motion.joints[10:-10:2]).max() < 0.01
    assert resample(motion, 60.0) is motion
    with pytest.raises(InputError, match="fps"):
        resample(motion, 0.0)


def test_feature_slices_tile_the_features() -> None:
    stops = [0]
    for block in FEATURE_SLICES.values():
        assert block.start == stops[-1]
        stops.append(block.stop)
    assert stops[-1] == MOTION_FEATURES == 80


@pytest.mark.parametrize("skeleton", [name for name in SKELETONS if name != "flow"])
@pytest.mark.parametrize("dims", [2, 3])
def test_features_have_one_shape_for_every_source(skeleton: str, dims: int) -> None:
    motion = convert(waving(seconds=2.0), skeleton)
    features = motion_features(replace(motion, joints=motion.joints[..., :dims]), fps=30.0)
    assert features.shape == (60, MOTION_FEATURES) and features.dtype == np.float32
    assert np.isfinite(features).all() and np.abs(features).max() <= 4.0


def test_features_do_not_depend_on_size_and_place() -> None:
    motion = waving(seconds=3.0)
    moved = replace(motion, joints=motion.joints * 300.0 + 1000.0)
    assert np.allclose(motion_features(moved, fps=30.0), motion_features(motion, fps=30.0), atol=2e-3)


def test_features_say_what_their_names_say() -> None:
    fps, count = 30.0, 120
    rising = np.zeros((count, 3))
    rising[:, 1] = np.arange(count) / fps  # one metre per second upwards, the whole body
    motion = smpl(np.zeros((count, 72)), rising, fps=fps)
    features = motion_features(motion, fps=fps)[20:-20]
    speed = 1.0 / body_size(motion)
    velocity = features[:, FEATURE_SLICES["velocity"]].reshape(-1, 15, 2) * 4.0
    assert np.allclose(velocity[..., 0], 0.0, atol=1e-4) and np.allclose(velocity[..., 1], speed, rtol=1e-3)
    assert np.allclose(features[:, FEATURE_SLICES["part_speed"]] * 4.0, speed, rtol=1e-3)
    assert np.allclose(features[:, FEATURE_SLICES["kinetic"]][:, 0] * 2.0, speed, rtol=1e-3)
    assert np.allclose(features[:, FEATURE_SLICES["vertical"]][:, 1] * 2.0, speed, rtol=1e-3)
    assert np.allclose(features[:, FEATURE_SLICES["confidence"]], 1.0)
    position = features[:, FEATURE_SLICES["position"]].reshape(-1, 15, 2)
    assert np.allclose(np.ptp(position, axis=0), 0.0, atol=1e-4)
    assert position[0, SKELETONS["body-15"].index("head"), 1] > 1.0


def test_features_of_very_short_motions_exist() -> None:
    for count in (0, 1, 2):
        motion = Motion(np.zeros((count, 15, 2), np.float32), np.ones((count, 15), np.float32), 30.0, "body-15")
        assert motion_features(motion, fps=30.0).shape == (count, MOTION_FEATURES)
        assert kinetic_velocity(motion).shape == (count,) and energy(motion).shape == (count,)


def test_no_aist_beat_lies_in_the_first_ten_frames() -> None:
    joints = np.cumsum(np.random.default_rng(0).normal(size=(300, 24, 3)), axis=0).astype(np.float32)
    assert kinematic_beats_aist(joints).min() > 10


def test_original_music_of_real_dances_scores_above_chance() -> None:
    files, music = sorted((SHARED / "data" / "aistpp").glob("*.npz")), SHARED / "data" / "aist_music_features.npz"
    if not files or not music.exists():
        pytest.skip("the AIST++ sequences are not here; set DANCE2MUSIC_SHARED")
    scores, lifts = [], []
    with np.load(music) as features:
        for file in files:
            with np.load(file) as sequence:
                joints, piece = sequence["joints"], str(sequence["piece"])
            beats = np.flatnonzero(features[piece][: len(joints), 34] > 0)
            scores.append(beat_alignment_aist(joints, beats))
            lifts.append(shift_lift(kinematic_beats(load_motion(file)), beats / 60.0, len(joints) / 60.0)["lift"])
    assert np.mean(scores) == pytest.approx(0.33, abs=0.01)  # of all 20 test sequences: 0.298
    assert np.mean(lifts) > 0.08
