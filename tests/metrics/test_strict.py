from __future__ import annotations

import math

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.metrics.strict import continuity, onset_f, phase_error_ms, tempo_error, tempo_octave, tempo_right

GRID = np.arange(0.25, 10.0, 0.5)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 400])
def test_the_reference_is_ideal_and_silence_worst_for_any_number_of_beats(n: int) -> None:
    beats, none = GRID[0] + 0.5 * np.arange(n), np.zeros(0)
    undefined = n < 2
    assert onset_f(beats, beats) == pytest.approx(1.0 if n else math.nan, nan_ok=True)
    assert onset_f(beats, none) == pytest.approx(0.0 if n else math.nan, nan_ok=True)
    assert phase_error_ms(beats, beats) == pytest.approx(math.nan if undefined else 0.0, nan_ok=True)
    assert phase_error_ms(beats, none) == pytest.approx(math.nan if undefined else 250.0, nan_ok=True)
    assert continuity(beats, beats) == pytest.approx((math.nan if undefined else 1.0,) * 4, nan_ok=True)
    assert continuity(beats, none) == pytest.approx((math.nan if undefined else 0.0,) * 4, nan_ok=True)


def test_onsets_are_matched_one_to_one_within_the_window() -> None:
    assert onset_f(GRID, GRID + 0.049) == 1.0
    assert onset_f(GRID, GRID + 0.051) == 0.0
    assert onset_f(GRID, GRID + 0.06, window_seconds=0.07) == 1.0
    assert onset_f(np.array([1.0]), np.array([0.99, 1.01])) == pytest.approx(2 / 3)  # the second has no partner
    assert onset_f(np.array([2.0, 1.0]), np.array([1.0, 2.0])) == 1.0


def test_tempo_error_is_relative_and_forgives_octaves_only_when_asked() -> None:
    assert tempo_error(100.0, 103.0) == pytest.approx(0.03)
    assert tempo_error(100.0, 51.0) == pytest.approx(0.49)
    assert tempo_error(100.0, 51.0, octave=True) == pytest.approx(0.02)
    assert tempo_octave(100.0, 51.0) == 0.5 and tempo_octave(100.0, 190.0) == 2.0 and tempo_octave(100.0, 110.0) == 1.0
    assert tempo_error(100.0, 0.0) == tempo_error(100.0, 900.0) == 1.0
    assert math.isnan(tempo_error(0.0, 100.0)) and math.isnan(tempo_right(0.0, 100.0))
    assert (tempo_right(100.0, 103.9), tempo_right(100.0, 104.1), tempo_right(100.0, 204.0, octave=True)) == (1.0, 0.0, 1.0)
    assert (tempo_right(100.0, 50.0), tempo_right(100.0, 50.0, octave=True), tempo_right(100.0, 150.0, octave=True)) == (0.0, 1.0, 0.0)


def test_phase_error_is_the_shift_and_at_most_half_a_beat() -> None:
    assert phase_error_ms(GRID, GRID + 0.03) == pytest.approx(30.0)
    assert phase_error_ms(GRID, GRID + 0.25) == pytest.approx(250.0)
    unrelated = np.arange(0.0, 10.0, 0.5 * 1.137)
    assert 60.0 < phase_error_ms(GRID, unrelated) < 190.0


def test_off_beats_and_double_time_are_continuous_at_an_allowed_level_only() -> None:
    double = np.arange(0.25, 10.0, 0.25)
    assert continuity(GRID, double).cml_t == 0.0
    assert continuity(GRID, double).aml_t == pytest.approx(1.0, abs=0.05)
    assert continuity(GRID, GRID[1:] - 0.25).aml_t > 0.9 > continuity(GRID, GRID[1:] - 0.25).cml_t
    broken = np.concatenate([GRID[:6], GRID[6:] + 0.2])
    assert continuity(GRID, broken).cml_c == pytest.approx(0.3)


def test_nan_is_refused() -> None:
    for measure in (onset_f, phase_error_ms, continuity):
        with pytest.raises(InputError, match="finite"):
            measure(GRID, np.array([math.nan]))
