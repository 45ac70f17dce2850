from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from dance2music.dance.kinematics import kinematic_beats_aist, kinetic_velocity_aist
from dance2music.errors import InputError
from dance2music.metrics.rhythm import (
    beat_alignment,
    beat_alignment_aist,
    beat_f,
    nearest_distance,
    onset_z,
    shift_lift,
    shifted_alignments,
)
from dance2music.music.beats import aist_beat_frames
from dance2music.types import Audio

SHARED = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).parents[3] / "shared"))


@pytest.mark.parametrize("case", ["T120", "T600"])
def test_aist_score_agrees_with_the_published_tool(case: str) -> None:
    path = SHARED / "spec" / "oracles" / "beat_alignment.json"
    if not path.exists():
        pytest.skip(f"the oracle {path} is not here; set DANCE2MUSIC_SHARED")
    expected = json.loads(path.read_text())[case]
    frames = int(case[1:])
    steps = np.random.RandomState(0).standard_normal((frames, 24, 3)).astype(np.float32).astype(np.float64)
    joints = np.cumsum(gaussian_filter1d(steps, sigma=6, axis=0), axis=0).astype(np.float32)
    music = np.arange(10, frames, 30)
    assert kinematic_beats_aist(joints).tolist() == expected["mint_motion_beats"]
    assert kinetic_velocity_aist(joints)[:8] == pytest.approx(expected["mint_envelope_first8"], rel=1e-5)
    assert beat_alignment_aist(joints, music) == pytest.approx(expected["mint_score_sigma3frames"], abs=1e-9)
    motion = kinematic_beats_aist(joints)
    assert beat_alignment(music, motion, sigma_seconds=3.0) == pytest.approx(expected["mint_dir_reversed_music_to_motion"], abs=1e-9)
    in_seconds = beat_alignment(motion / 60, music / 60, sigma_seconds=3.0)
    assert in_seconds == pytest.approx(expected["same_beats_sigma3_in_seconds"], abs=1e-9)


@pytest.mark.parametrize(("rate", "fps", "bpm"), [(44_100, 60.0, 130.0), (22_050, 60.0, 80.0), (22_050, 30.0, 120.0)])
def test_beats_for_the_aist_score_are_those_of_its_tool_by_frame_rate_and_start_tempo(
    tmp_path: Path, rate: int, fps: float, bpm: float
) -> None:
    """The tool's settings, written out: librosa loads at 512 samples per frame, its tracker starts at the tempo in the piece's name."""
    import librosa
    import soundfile

    time = np.arange(12 * rate) / rate
    beats = np.random.default_rng(3).normal(0, 1, len(time)) * np.exp(-30 * ((time + 0.1) % (60 / 127)))
    samples = np.stack([0.2 * beats, 0.1 * np.roll(beats, 700)]).astype(np.float32)
    soundfile.write(tmp_path / "music.wav", samples.T, rate, subtype="FLOAT")
    sr = round(fps * 512)
    y, _ = librosa.load(tmp_path / "music.wav", sr=sr)
    envelope = librosa.onset.onset_strength(y=y, sr=sr)
    _, expected = librosa.beat.beat_track(onset_envelope=envelope, sr=sr, hop_length=512, start_bpm=bpm, tightness=100)
    found = aist_beat_frames(Audio(samples, rate), fps=fps, start_bpm=bpm)
    assert len(found) > 10 and found.tolist() == expected.tolist()
    joints = np.cumsum(gaussian_filter1d(np.random.default_rng(1).normal(0, 1, (round(12 * fps), 24, 3)), fps / 10, axis=0), axis=0)
    score = beat_alignment_aist(joints.astype(np.float32), Audio(samples, rate), fps=fps, start_bpm=bpm)
    dance = kinematic_beats_aist(joints.astype(np.float32), fps=fps)
    distances = np.abs(dance[:, None] - expected[None]).min(axis=1)
    assert score == pytest.approx(np.exp(-(distances**2) / (2 * (3 * fps / 60) ** 2)).mean())


def test_the_start_tempo_of_the_aist_score_matters_and_silence_has_no_beats() -> None:
    clicks = np.zeros((1, 22_050 * 8), np.float32)
    clicks[0, :: round(22_050 * 60 / 150)] = 1.0
    slow, fast = (aist_beat_frames(Audio(clicks, 22_050), start_bpm=bpm) for bpm in (75.0, 150.0))
    assert np.median(np.diff(fast)) < np.median(np.diff(slow))
    assert len(aist_beat_frames(Audio(np.zeros((1, 22_050), np.float32), 22_050))) == 0


def test_alignment_of_a_beat_one_sigma_off_is_exp_of_minus_a_half() -> None:
    assert beat_alignment(np.array([1.0, 2.0]), np.array([2.05, 1.0])) == pytest.approx((1.0 + np.exp(-0.5)) / 2)


def test_alignment_without_any_beats_is_zero() -> None:
    assert beat_alignment(np.array([]), np.array([1.0])) == 0.0
    assert beat_alignment(np.array([1.0]), np.array([])) == 0.0


def test_alignment_refuses_nan_and_a_sigma_of_zero() -> None:
    with pytest.raises(InputError, match="finite"):
        beat_alignment(np.array([np.nan]), np.array([1.0]))
    with pytest.raises(InputError, match="sigma_seconds"):
        beat_alignment(np.array([1.0]), np.array([1.0]), sigma_seconds=0.0)


def test_lift_is_high_in_time_and_about_zero_for_unrelated_music() -> None:
    beats = np.arange(0.25, 20.0, 0.5)
    right = shift_lift(beats, beats, 20.0)
    assert right["beat_alignment"] == pytest.approx(1.0)
    assert right["lift"] == right["beat_alignment"] - right["shifted_mean"] > 0.6
    assert 0 < right["shifted_error"] < 0.05
    lifts = []
    for seed in range(40):
        unrelated = np.sort(np.random.default_rng(seed).uniform(0, 20, 40))
        lifts.append(shift_lift(beats, unrelated, 20.0, n=50, seed=seed)["lift"])
    assert abs(np.mean(lifts)) < 0.03


def test_lift_has_an_interval_and_a_p_value() -> None:
    beats = np.arange(0.25, 20.0, 0.5)
    right = shift_lift(beats, beats, 20.0)
    assert right["lift_low"] < right["lift"] < right["lift_high"] <= 1.0 and right["p"] < 0.05
    p = [shift_lift(beats, np.random.default_rng(seed).uniform(0, 20, 40), 20.0, n=99, seed=seed)["p"] for seed in range(60)]
    assert 0.4 < np.mean(p) < 0.6 and min(p) >= 0.01  # uniform for unrelated music
    assert shift_lift(beats, np.zeros(0), 20.0)["p"] == 1.0


def test_the_reverse_direction_averages_over_the_beats_of_the_music() -> None:
    dance, dense = np.array([1.0, 2.0]), np.arange(0.0, 3.0, 0.1)
    assert beat_alignment(dance, dense) == pytest.approx(1.0) and beat_alignment(dense, dance) < 0.4


def test_shifts_wrap_around_and_are_drawn_from_the_seed() -> None:
    chance = shifted_alignments(np.array([1.0]), np.array([2.0]), 4.0, n=4000, seed=1)
    expected = 0.05 * np.sqrt(2 * np.pi) / 4.0  # a Gaussian of sigma 50 ms under a uniform distance
    assert chance.mean() == pytest.approx(expected, rel=0.15)
    assert (chance[:50] == shifted_alignments(np.array([1.0]), np.array([2.0]), 4.0, n=50, seed=1)).all()


def test_lift_is_negative_off_the_beat_and_zero_for_dense_music() -> None:
    beats = np.arange(0.25, 20.0, 0.5)
    assert shift_lift(beats, beats + 0.25, 20.0)["lift"] < -0.2
    assert abs(shift_lift(beats, np.arange(0.0, 20.0, 0.01), 20.0)["lift"]) < 0.01


def test_lift_is_the_same_for_the_same_seed() -> None:
    beats, music = np.arange(0.25, 9.0, 0.5), np.arange(0.3, 9.0, 0.61)
    assert shift_lift(beats, music, 9.0, seed=3) == shift_lift(beats, music, 9.0, seed=3)
    assert shift_lift(beats, music, 9.0, seed=3) != shift_lift(beats, music, 9.0, seed=4)
    with pytest.raises(InputError, match="duration_seconds"):
        shift_lift(beats, music, 0.0)


def test_f_measure_matches_beats_one_to_one() -> None:
    reference = np.array([1.0, 2.0, 3.0, 4.0])
    assert beat_f(reference, reference + 0.06) == 1.0
    assert beat_f(reference, reference + 0.08) == 0.0
    # two estimates beside the first beat: one matches; precision 1/2, recall 1/4
    assert beat_f(reference, np.array([0.98, 1.02])) == pytest.approx(1 / 3)
    assert beat_f(reference, np.array([])) == 0.0


def test_onset_z_counts_standard_deviations_above_the_mean() -> None:
    envelope = np.zeros(1000)
    envelope[::50] = 1.0
    expected = (1.0 - envelope.mean()) / envelope.std()
    assert onset_z(envelope, 100.0, np.array([0.0, 0.5, 1.0])) == pytest.approx(expected)
    assert onset_z(envelope, 100.0, np.array([0.25, 0.75])) == pytest.approx(-envelope.mean() / envelope.std())
    assert onset_z(envelope, 100.0, np.array([0.52]), reach_seconds=0.02) == pytest.approx(expected)
    assert onset_z(np.ones(10), 100.0, np.array([0.0])) == 0.0
    assert onset_z(envelope, 100.0, np.array([99.0])) == 0.0


def test_nearest_distance_agrees_with_the_full_table() -> None:
    rng = np.random.default_rng(0)
    points, targets = rng.uniform(0, 10, 30), rng.uniform(2, 8, 7)
    assert np.allclose(nearest_distance(points, targets), np.abs(points[:, None] - targets[None]).min(axis=1))
