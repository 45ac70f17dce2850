"""Differences beyond noise: found where they are, not where they are not, pairs used, many tests corrected for."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.experiments.compare import compare, comparison_text, holm, unpaired_difference
from results_example import results

N = 16
HARD = np.linspace(0.1, 0.8, N)
"""Dances differ far more than methods do."""


def test_holm_is_done_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1, never falling: 0.04, 0.06, 0.06, 0.5.
    assert holm(np.array([0.03, 0.01, 0.5, 0.02])) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])


def test_a_small_difference_that_every_dance_shows_is_beyond_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, N)
    found = compare(results("a", {"beat_f_70ms": HARD + 0.05 + noise}), results("b", {"beat_f_70ms": HARD}))
    (difference,) = found.differences
    assert difference.verdict == "a" and difference.paired and difference.difference.n == N
    assert difference.difference.low < 0.05 < difference.difference.high
    assert "a better" in comparison_text(found)


def test_where_less_is_better_the_lower_one_wins() -> None:
    found = compare(results("a", {"phase_error_ms": 100 * HARD + 9}), results("b", {"phase_error_ms": 100 * HARD}))
    assert found.differences[0].verdict == "b"
    other = compare(results("a", {"loudness_lufs": HARD + 1}), results("b", {"loudness_lufs": HARD}), metrics=None)
    assert other.differences[0].verdict == "differs"


def test_noise_is_called_noise() -> None:
    rng = np.random.default_rng(1)
    pairs = [
        compare(results("a", {"beat_f_70ms": rng.normal(size=N)}), results("b", {"beat_f_70ms": rng.normal(size=N)})) for _ in range(40)
    ]
    assert sum(bool(found.differences[0].verdict) for found in pairs) <= 5  # 2 expected at the level of 0.05


def test_other_dances_are_compared_without_pairs_and_that_is_said() -> None:
    b = results("b", {"beat_f_70ms": HARD}, dances=[f"other{i}" for i in range(N)])
    found = compare(results("a", {"beat_f_70ms": HARD + 0.05}), b)
    assert not found.differences[0].paired and found.differences[0].verdict == "" and found.n_common == 0
    assert any("no dances in common" in text for text in found.cautions)
    far = compare(results("a", {"beat_f_70ms": HARD + 2.0}), b)
    assert far.differences[0].verdict == "a"
    assert unpaired_difference(np.array([1.0]), np.array([2.0, 3.0])).p == 1.0


def test_too_few_dances_are_said_to_be_too_few() -> None:
    found = compare(results("a", {"beat_f_70ms": [0.9] * 5}), results("b", {"beat_f_70ms": [0.1] * 5}))
    assert found.differences[0].verdict == "" and any("evaluate at least 6 dances" in text for text in found.cautions)


def test_other_settings_and_lengths_are_cautioned_against() -> None:
    a, b = results("a", {"beat_f_70ms": HARD}), results("b", {"beat_f_70ms": HARD}, seconds=5.0)
    found = compare(a, dataclasses.replace(b, settings={"embedding": "another"}, versions={"numpy": "2"}))
    text = " ".join(found.cautions)
    assert "different settings: embedding" in text and "different versions of numpy" in text and "different length" in text


def test_undefined_values_are_left_out_and_the_report_is_json() -> None:
    a, b = HARD.copy(), HARD.copy()
    a[3] = np.nan
    found = compare(results("a", {"beat_f_70ms": a}), results("b", {"beat_f_70ms": b}))
    assert found.differences[0].difference.n == N - 1
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["n_common"] == N


def test_takes_of_a_dance_count_once() -> None:
    a = results("a", {"beat_f_70ms": HARD})
    twice = dataclasses.replace(a, clips=(*a.clips, *(dataclasses.replace(c, name=f"{c.name}2", take=1) for c in a.clips)))
    assert compare(twice, a).differences[0].difference.n == N


def test_unknown_metrics_and_nothing_in_common_are_refused() -> None:
    a = results("a", {"beat_f_70ms": HARD})
    with pytest.raises(InputError, match="metric 'taste' is unknown"):
        compare(a, a, metrics=("taste",))
    with pytest.raises(InputError, match="have no metric in common"):
        compare(a, results("b", {"phase_error_ms": HARD}))
