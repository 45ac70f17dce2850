from __future__ import annotations

import numpy as np

from dance2music.rhythm.impact import IMPACT_FPS, best_chain, directogram, find_peaks, impact_envelope, visual_beats
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.types import Motion


def swinging(period_seconds: float, seconds: float) -> Motion:
    """All joints go to and fro and stop hard at each end."""
    t = np.arange(round(seconds * IMPACT_FPS)) / IMPACT_FPS
    phase = (t % period_seconds) / period_seconds
    x = np.where(phase < 0.35, phase / 0.35, 1.0) * np.where((t // period_seconds) % 2 == 0, 1.0, -1.0)
    joints = np.zeros((len(t), 24, 3), np.float32)
    joints[..., 0] = x[:, None]
    joints[:, 15, 1] = 1.7
    return Motion(joints, np.ones(joints.shape[:2], np.float32), IMPACT_FPS, "smpl-24")


def test_visual_beats_lie_where_the_motion_stops() -> None:
    beats = visual_beats(swinging(0.8, 12.0)).times_seconds
    stops = np.arange(0, 15) * 0.8 + 0.35 * 0.8
    inside = beats[(beats > 1) & (beats < 11)]
    assert len(inside) >= 8
    assert np.median(np.abs(inside[:, None] - stops[None]).min(axis=1)) < 0.12


def test_a_dance_that_does_not_move_has_no_visual_beats() -> None:
    motion = swinging(0.8, 4.0)
    still = Motion(np.zeros_like(motion.joints), motion.confidence, motion.fps, motion.skeleton)
    assert len(visual_beats(still).times_seconds) == 0


def test_a_dance_of_two_frames_is_no_error() -> None:
    clip = synthetic_clip(1, duration_seconds=1.0).motion
    short = Motion(clip.joints[:3], clip.confidence[:3], clip.fps, clip.skeleton)
    assert len(visual_beats(short).times_seconds) == 0


def test_the_directogram_weighs_directions_by_how_far_joints_go() -> None:
    displacement = np.zeros((1, 2, 2))
    displacement[0, 0] = 3.0, 0.0
    histogram = directogram(displacement)
    assert histogram.sum() == 1.5
    assert np.count_nonzero(histogram[0]) >= 1


def test_a_longer_stretch_above_the_99th_percentile_is_a_cut_and_counts_nothing() -> None:
    histogram = np.zeros((300, 128))
    histogram[100:] = 5.0
    assert impact_envelope(histogram).max() <= 1.0


def test_the_chain_takes_all_peaks_unless_a_gap_costs_more_than_it_brings() -> None:
    peaks = np.array([0, 15, 17, 30])
    chain = best_chain(peaks, np.array([0.9, 0.9, 0.3, 0.9]))
    assert chain.tolist() == [0, 15, 30]
    assert best_chain(np.array([], dtype=int), np.array([])).tolist() == []


def test_peaks_stand_out_of_their_surroundings() -> None:
    envelope = np.full(40, 0.5)
    envelope[[10, 25]] = 0.9
    assert find_peaks(envelope).tolist() == [10, 25]
