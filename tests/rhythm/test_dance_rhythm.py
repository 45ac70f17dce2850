"""Tempo, phase and downbeat of dances whose beats are known."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.rhythm import estimate
from dance2music.rhythm.estimate import MUSIC_RANGE_BPM, estimate_rhythm
from dance2music.types import Motion


def bouncing_dance(
    tempo_bpm: float, *, seconds: float = 10.0, fps: float = 30.0, first_beat_seconds: float = 0.2, noise: float = 0.005, seed: int = 0
) -> Motion:
    """A figure that steps from pose to pose and rests on each beat: minima of its speed are its beats."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * fps)) / fps
    beat = (t - first_beat_seconds) * tempo_bpm / 60.0
    whole = np.floor(beat).astype(int)
    part = beat - whole
    eased = part - np.sin(2 * np.pi * part) / (2 * np.pi)
    poses = rng.normal(size=(whole.max() + 4, 17, 3)) * 0.3
    base = rng.normal(size=(17, 3))
    low = whole - whole.min()
    joints = base + poses[low] + (poses[low + 1] - poses[low]) * eased[:, None, None]
    joints = joints + noise * rng.normal(size=joints.shape)
    return Motion(joints.astype(np.float32), np.ones(joints.shape[:2], np.float32), fps, "coco-17")


def phase_error_seconds(grid: np.ndarray, tempo_bpm: float, first_beat_seconds: float) -> float:
    beat = (grid - first_beat_seconds) * tempo_bpm / 60.0
    return float(np.abs(beat - np.round(beat)).mean() * 60.0 / tempo_bpm)


@pytest.mark.parametrize("tempo_bpm", [84.0, 101.0, 126.0])
def test_a_dance_that_rests_on_each_beat_gives_its_tempo_and_phase(tempo_bpm: float) -> None:
    rhythm = estimate_rhythm(bouncing_dance(tempo_bpm))
    assert rhythm.tempo_bpm == pytest.approx(tempo_bpm, rel=0.02)
    assert phase_error_seconds(rhythm.beat_times_seconds, tempo_bpm, 0.2) < 0.05


@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.3, 14.0, 40.0])
def test_the_grid_covers_the_whole_clip_and_the_longer_music(seconds: float) -> None:
    for longer in (None, seconds + 5.0):
        grid = estimate_rhythm(bouncing_dance(100.0, seconds=seconds), duration_seconds=longer).beat_times_seconds
        assert len(grid) >= 2 and (np.diff(grid) > 0).all()
        assert grid[0] <= 0 and grid[-1] >= (longer or seconds) - 1e-6


@pytest.mark.parametrize("moved_seconds", [-0.9, 0.9])
def test_the_grid_covers_the_clip_wherever_its_beats_are_moved(moved_seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "follow", lambda grid, *_: grid + moved_seconds)
    grid = estimate_rhythm(bouncing_dance(100.0, seconds=6.0)).beat_times_seconds
    assert grid[0] <= 0.0 and grid[-1] >= 6.0


def test_a_given_tempo_is_kept_and_the_phase_still_found() -> None:
    rhythm = estimate_rhythm(bouncing_dance(100.0), tempo_bpm=100.0)
    assert np.diff(rhythm.beat_times_seconds) == pytest.approx(0.6)
    assert phase_error_seconds(rhythm.beat_times_seconds, 100.0, 0.2) < 0.05


def test_a_slow_drift_of_tempo_is_followed() -> None:
    fps, seconds = 30.0, 40.0
    steady = bouncing_dance(100.0, seconds=seconds * 1.2, fps=fps, noise=0.0)
    t = np.arange(round(seconds * fps)) / fps
    warped = t + 0.05 * t**2 / seconds  # tempo rises from 100 to 110 bpm
    index = np.clip(np.round(warped * fps).astype(int), 0, len(steady.joints) - 1)
    rhythm = estimate_rhythm(Motion(steady.joints[index], steady.confidence[index], fps, "coco-17"))
    grid = rhythm.beat_times_seconds
    inside = grid[(grid > 3) & (grid < seconds - 3)]
    assert phase_error_seconds(inside + 0.05 * inside**2 / seconds, 100.0, 0.2) < 0.07


def test_confidence_is_higher_for_a_dance_than_for_noise() -> None:
    dance = bouncing_dance(104.0)
    noise = np.random.default_rng(1).normal(size=dance.joints.shape).astype(np.float32)
    sure = estimate_rhythm(dance).confidence
    unsure = estimate_rhythm(Motion(noise, dance.confidence, dance.fps, "coco-17")).confidence
    assert 0 <= unsure < sure <= 1


@pytest.mark.parametrize(("skeleton", "n_joints"), [("flow", 15), ("blazepose-33", 33)])
def test_flow_energy_alone_gives_the_tempo(skeleton: str, n_joints: int) -> None:
    t = np.arange(300) / 30.0
    energy = (1 - np.cos(2 * np.pi * (t - 0.2) * 96 / 60)).astype(np.float32)
    still = np.zeros((300, n_joints, 2), np.float32)
    rhythm = estimate_rhythm(Motion(still, np.zeros((300, n_joints), np.float32), 30.0, skeleton, flow_energy=energy))
    assert rhythm.tempo_bpm == pytest.approx(96, rel=0.02)
    assert phase_error_seconds(rhythm.beat_times_seconds, 96, 0.2) < 0.04


def test_a_figure_that_never_moves_gets_a_steady_grid_of_low_confidence() -> None:
    still = Motion(np.zeros((90, 17, 3), np.float32), np.ones((90, 17), np.float32), 30.0, "coco-17")
    rhythm = estimate_rhythm(still)
    assert MUSIC_RANGE_BPM[0] <= rhythm.tempo_bpm <= MUSIC_RANGE_BPM[1]
    assert rhythm.confidence < 0.2


def test_ten_minutes_are_tracked_without_a_slip() -> None:
    rhythm = estimate_rhythm(bouncing_dance(95.0, seconds=600.0))
    assert rhythm.tempo_bpm == pytest.approx(95, rel=0.01)
    assert phase_error_seconds(rhythm.beat_times_seconds, 95.0, 0.2) < 0.06


def test_the_same_motion_gives_the_same_rhythm() -> None:
    first, second = estimate_rhythm(bouncing_dance(90.0)), estimate_rhythm(bouncing_dance(90.0))
    assert (first.beat_times_seconds == second.beat_times_seconds).all() and first.downbeat == second.downbeat


def test_unusable_input_is_refused_in_one_line() -> None:
    one_frame = Motion(np.zeros((1, 17, 3), np.float32), np.ones((1, 17), np.float32), 30.0, "coco-17")
    with pytest.raises(InputError, match="at least 2 frames"):
        estimate_rhythm(one_frame)
    nan = bouncing_dance(100.0)
    nan.joints[3, 2] = np.nan
    with pytest.raises(InputError, match="no numbers"):
        estimate_rhythm(nan)
    with pytest.raises(InputError, match="40 to 240"):
        estimate_rhythm(bouncing_dance(100.0), tempo_bpm=5.0)
    with pytest.raises(InputError, match="not positive"):
        estimate_rhythm(bouncing_dance(100.0), duration_seconds=0.0)


def test_alternatives_are_other_rhythms_and_less_probable() -> None:
    rhythm = estimate_rhythm(bouncing_dance(100.0))
    assert 1 <= len(rhythm.alternatives) <= 4
    shares = [rhythm.confidence, *(other.probability for other in rhythm.alternatives)]
    assert shares == sorted(shares, reverse=True) and sum(shares) <= 1.0 + 1e-6
    for other in rhythm.alternatives:
        near = abs(other.tempo_bpm / rhythm.tempo_bpm - 1) <= 0.04
        off = np.abs(rhythm.beat_times_seconds - other.first_beat_seconds).min() * other.tempo_bpm / 60.0
        assert other.first_beat_seconds >= 0.0 and (not near or off > 0.15)


def test_beats_that_are_known_are_kept_and_only_their_downbeat_is_found() -> None:
    beats = np.arange(-0.3, 11.0, 0.6)
    rhythm = estimate_rhythm(bouncing_dance(100.0), beat_times_seconds=beats)
    assert rhythm.beat_times_seconds is beats and rhythm.tempo_bpm == pytest.approx(100.0) and rhythm.confidence == 1.0
    assert 0 <= rhythm.downbeat < 4 and rhythm.alternatives == ()
