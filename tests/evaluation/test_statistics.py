from __future__ import annotations

import math

import numpy as np
import pytest

from dance2music.evaluation.statistics import bootstrap_interval, bootstrap_set, excludes_zero, paired_difference


def test_the_interval_of_normal_values_is_that_of_the_textbook() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    interval = bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert interval.mean == pytest.approx(values.mean()) and interval.n == 400
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    inside = [(i := bootstrap_interval(rng.normal(0, 1, 30), seed=k, resamples=400)).low <= 0 <= i.high for k in range(200)]
    assert 0.88 <= np.mean(inside) <= 0.99


def test_undefined_values_are_left_out_and_counted_out() -> None:
    interval = bootstrap_interval(np.array([1.0, math.nan, 3.0]))
    assert (interval.mean, interval.n) == (2.0, 2)
    one = bootstrap_interval(np.array([5.0]))
    assert (one.mean, one.n) == (5.0, 1) and math.isnan(one.low) and not excludes_zero(one)  # one clip says nothing of others
    nothing = bootstrap_interval(np.array([math.nan]))
    assert nothing.n == 0 and math.isnan(nothing.mean) and not excludes_zero(nothing)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.arange(10.0) ** 2
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_a_paired_difference_is_found_where_unpaired_spread_hides_it() -> None:
    rng = np.random.default_rng(0)
    clips = rng.normal(0, 10, 30)
    better = paired_difference(clips + 0.5 + rng.normal(0, 0.2, 30), clips)
    assert excludes_zero(better) and better.p == pytest.approx(1 / 2001)
    same = paired_difference(clips + rng.normal(0, 1.0, 30), clips)
    assert same.p is not None and same.p > 0.05
    assert paired_difference(np.array([]), np.array([])).p == 1.0


def test_few_clips_cannot_be_significant() -> None:
    found = paired_difference(np.ones(3), np.zeros(3))
    assert found.p is not None and found.p > 0.2  # two of eight sign patterns reach it


def test_two_dances_have_a_distance_but_no_interval() -> None:
    def distance(rows: np.ndarray) -> float:
        return 3.0 if len(np.unique(rows)) == 2 else math.nan

    interval = bootstrap_set(distance, 2)
    assert interval.mean == 3.0 and interval.n == 2 and math.isnan(interval.low) and math.isnan(interval.high)
    assert bootstrap_set(lambda rows: 1.0, 2).low == 1.0  # what is the same in every resample is known


def test_a_set_value_keeps_its_own_centre() -> None:
    values = np.arange(20.0)
    interval = bootstrap_set(lambda rows: float(len(np.unique(rows))), len(values))
    assert interval.mean == 20.0  # resamples have fewer distinct members
    assert interval.low <= 20.0 <= interval.high
    assert math.isnan(bootstrap_set(lambda rows: math.nan, 3).mean)
