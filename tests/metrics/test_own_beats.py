"""Beats of the music that a dancer heard."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.data.aist_beats import FIRST_BEAT_SECONDS, beats_by_name
from dance2music.metrics.own_beats import own_beat_scores


def test_the_name_of_a_sequence_tells_the_beats_of_its_piece() -> None:
    beats = beats_by_name("gHO_sFM_cAll_d19_mHO1_ch02", 10.0)
    assert beats is not None and beats[0] == FIRST_BEAT_SECONDS and np.diff(beats) == pytest.approx(60.0 / 115.0) and beats[-1] < 10.0
    assert beats_by_name("my_dance", 10.0) is None


def test_heard_beats_place_the_grid_where_they_are_clear_and_near() -> None:
    name, period = "gBR_sBM_c01_d04_mBR0_ch02", 0.75
    late = beats_by_name(name, 6.0, 0.07 + period * np.arange(8))
    half = beats_by_name(name, 6.0, 0.4 + period * np.arange(8))  # half a beat late: an error of the tracker
    assert late is not None and half is not None
    assert late[0] == pytest.approx(0.07) and half[0] == FIRST_BEAT_SECONDS


def test_the_own_beats_score_one_and_beats_between_them_nothing() -> None:
    own = 0.04 + 0.5 * np.arange(20)
    right = own_beat_scores(own, own + 0.02, 10.0, n=50, seed=0)
    assert right["own_beat_f_70ms"] == 1.0 and 0.1 < right["own_beat_f_shifted"] < 0.6
    assert right["own_beat_lift"] == pytest.approx(1.0 - right["own_beat_f_shifted"])
    near = own_beat_scores(own, own + 0.1, 10.0, n=10, seed=0)
    assert near["own_beat_f_70ms"] == 0.0 and near["own_beat_f_120ms"] == 1.0
    assert own_beat_scores(own, own + 0.25, 10.0, n=10, seed=0)["own_beat_f_120ms"] == 0.0
