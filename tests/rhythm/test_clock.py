"""The clock of a dance: where in its bars it is, as curves."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.dance.kinematics import FEATURE_SLICES, MOTION_FEATURES
from dance2music.rhythm.clock import CLOCK_FEATURES, CLOCK_FPS, CYCLES_BEATS, bar_of, clock_features
from dance2music.types import Rhythm


def rhythm(bpm: float, first_seconds: float, downbeat: int) -> Rhythm:
    return Rhythm(first_seconds + np.arange(40) * 60.0 / bpm, downbeat, bpm, 1.0, np.zeros(0))


def motion(seconds: float) -> np.ndarray:
    """A dancer who stands still, then moves."""
    features = np.zeros((round(30 * seconds), MOTION_FEATURES), dtype=np.float32)
    features[len(features) // 2 :, FEATURE_SLICES["kinetic"].start] = 2.0
    return features


def test_cycles_turn_once_in_their_length_from_the_first_downbeat_on() -> None:
    grid = rhythm(100.0, -0.8, 3)  # the first downbeat is at 1 s, a beat lasts 36 frames
    clock = clock_features(grid, motion(6.0), fps=30.0, duration_seconds=6.0)
    assert clock.shape == (360, CLOCK_FEATURES) and clock.dtype == np.float32
    for i, beats in enumerate(CYCLES_BEATS):
        sine, cosine = clock[:, i], clock[:, len(CYCLES_BEATS) + i]
        at = np.round((1.0 + np.arange(3) * 0.6 * beats) * CLOCK_FPS).astype(int)
        at = at[at < len(clock)]
        assert sine[at] == pytest.approx(0.0, abs=1e-4) and cosine[at] == pytest.approx(1.0, abs=1e-4)
        if 36 * beats % 4 == 0:
            assert sine[60 + round(9 * beats)] == pytest.approx(1.0, abs=1e-4)


def test_tempo_and_energy_stand_beside_the_cycles() -> None:
    seen = {bpm: clock_features(rhythm(bpm, -1.0, 0), motion(6.0), fps=30.0, duration_seconds=6.0) for bpm in (80.0, 105.0, 120.0)}
    octaves = {bpm: float(clock[180, -2]) for bpm, clock in seen.items()}
    assert octaves == pytest.approx({80.0: np.log2(80 / 105), 105.0: 0.0, 120.0: np.log2(120 / 105)}, abs=1e-3)
    energy = seen[80.0][:, -1]
    assert energy[10] == pytest.approx(-1.0, abs=0.05) and energy[-10] == pytest.approx(1.0, abs=0.05) and np.abs(energy).max() <= 1.0


def test_a_single_frame_and_a_still_dancer_have_a_clock_too() -> None:
    clock = clock_features(rhythm(100.0, 0.0, 0), np.zeros((1, MOTION_FEATURES), np.float32), fps=30.0, duration_seconds=0.01)
    assert clock.shape == (1, CLOCK_FEATURES) and np.isfinite(clock).all()


def test_bars_are_counted_from_the_first_downbeat() -> None:
    assert list(bar_of(np.array([-4.5, -4.0, -0.1, 0.0, 3.9, 4.0]))) == [-2, -1, -1, 0, 0, 1]
