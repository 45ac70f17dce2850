"""Opinion scores, win rates and agreement of raters against numbers of the literature and numbers done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.listening.statistics import krippendorff_alpha, mean_opinion_score, sign_test, wilson

NAN = math.nan
KRIPPENDORFF_2011 = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)
"""Four observers, twelve units: the worked example of "Computing Krippendorff's alpha-reliability"."""


def test_alpha_is_that_of_the_worked_example() -> None:
    assert krippendorff_alpha(KRIPPENDORFF_2011, ordinal=False) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(KRIPPENDORFF_2011) == pytest.approx(0.815, abs=5e-4)


def test_alpha_is_one_for_agreement_and_below_zero_for_its_opposite() -> None:
    assert krippendorff_alpha(np.array([[1, 3, 5.0], [1, 3, 5.0]])) == pytest.approx(1.0)
    assert krippendorff_alpha(np.array([[1, 5.0], [5, 1.0]])) < 0.0


def test_alpha_of_random_raters_is_near_zero() -> None:
    ratings = np.random.default_rng(0).integers(1, 6, (8, 400)).astype(float)
    assert abs(krippendorff_alpha(ratings)) < 0.03


def test_alpha_has_no_value_where_there_is_nothing_to_agree_upon() -> None:
    assert math.isnan(krippendorff_alpha(np.full((3, 4), 2.0)))
    assert math.isnan(krippendorff_alpha(np.array([[1.0, NAN], [NAN, 2.0]])))
    with pytest.raises(InputError, match=r"expected \[raters, units\]"):
        krippendorff_alpha(np.zeros(3))


def test_wilson_is_that_of_the_formula_and_keeps_within_0_and_1() -> None:
    # p = 0.8, n = 10, z = 1.96: (0.8 + 0.19207 +- 1.95996 * sqrt(0.016 + 0.0096036)) / 1.38415
    assert wilson(8, 10) == pytest.approx((0.8, 0.490162, 0.943318), abs=1e-5)
    assert wilson(0, 5).low == 0.0 and wilson(0, 5).high == pytest.approx(0.434482, abs=1e-5)
    assert wilson(5, 5).high == pytest.approx(1.0)
    with pytest.raises(InputError, match="at least one trial"):
        wilson(0, 0)


def test_sign_test_is_exact() -> None:
    assert sign_test(5, 5) == pytest.approx(2 / 32)
    assert sign_test(1, 2) == 1.0 and sign_test(0, 0) == 1.0


def test_a_mean_opinion_has_a_wider_interval_when_listeners_differ_than_when_votes_do() -> None:
    listeners = np.repeat(np.arange(10), 10)
    clips = np.tile(np.arange(10), 10)
    by_listener = mean_opinion_score(np.where(listeners % 2, 5.0, 1.0), listeners, clips)
    by_vote = mean_opinion_score(np.where((listeners + clips) % 2, 5.0, 1.0), listeners, clips)
    assert by_listener.value == by_vote.value == 3.0
    assert by_listener.high - by_listener.low > 2.0 > 3 * (by_vote.high - by_vote.low) / 2
    assert by_listener.low < 3.0 < by_listener.high


def test_a_mean_opinion_of_equal_votes_has_no_width_and_of_none_is_an_error() -> None:
    assert mean_opinion_score(np.full(6, 4.0), np.arange(6) % 3, np.arange(6) // 3) == (4.0, 4.0, 4.0)
    with pytest.raises(InputError, match="at least one"):
        mean_opinion_score(np.zeros(0), np.zeros(0), np.zeros(0))
