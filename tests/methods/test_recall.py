"""Phrases that return in a plan."""

from __future__ import annotations

import numpy as np

from dance2music.methods.plan import FIRST_ONSET, STEPS_PER_BAR, Plan
from dance2music.methods.recall import recalled
from dance2music.types import Section

FORM = (
    Section(0, 16, "intro", 0.3), Section(16, 48, "drop", 1.0), Section(48, 64, "break", 0.2), Section(64, 80, "groove", 0.6),
    Section(80, 83, "ending", 0.6),
)  # fmt: skip


def plan_of(bars: int, *, first_bar: int = 0, seed: int = 0) -> Plan:
    rng = np.random.default_rng(seed)
    n = bars * STEPS_PER_BAR
    rows = {name: rng.integers(0, 6, n).astype(np.int16) for name in ("bass", "chords", "lead", "pad")}
    drums, dynamics = rng.integers(0, 4, (n, 15)).astype(np.uint8), rng.integers(0, 4, n).astype(np.uint8)
    return Plan(drums, **rows, dynamics=dynamics, first_bar=first_bar, genre=0, key=0, minor=True, swing=0, programs=(0, 0, 0, 0))


def bars_of(row: np.ndarray) -> np.ndarray:
    return row.reshape(-1, STEPS_PER_BAR)


def test_sections_of_a_kind_have_one_phrase_and_drums_go_on() -> None:
    plan = plan_of(21)
    plan.lead[8 * STEPS_PER_BAR : 12 * STEPS_PER_BAR] = FIRST_ONSET + 1  # the phrase with most of a melody
    again = recalled(plan, FORM)
    for role in ("bass", "chords", "lead", "pad"):
        bars, before = bars_of(getattr(again, role)), bars_of(getattr(plan, role))
        for first in (0, 4, 8, 16):
            np.testing.assert_array_equal(bars[first : first + 4], before[8:12])
        np.testing.assert_array_equal(bars[12:16], before[12:16])
        np.testing.assert_array_equal(bars[20], before[20])
    np.testing.assert_array_equal(again.drums, plan.drums)
    assert not (plan.lead[: 4 * STEPS_PER_BAR] == FIRST_ONSET + 1).all(), "the plan itself is not changed"


def test_a_short_dance_returns_after_two_bars_whatever_bar_the_plan_begins_in() -> None:
    plan = plan_of(6, first_bar=-1)
    again = recalled(plan, (Section(0, 16, "groove", 0.6), Section(16, 19, "ending", 0.6)))
    bars = bars_of(again.lead)
    np.testing.assert_array_equal(bars[1:3], bars[3:5])
    np.testing.assert_array_equal(bars[[0, 5]], bars_of(plan.lead)[[0, 5]])


def test_of_many_phrases_every_third_is_the_one_whose_melody_is_most_unlike() -> None:
    plan = plan_of(24)
    plan.lead[:] = FIRST_ONSET + 1
    plan.lead[20 * STEPS_PER_BAR :] = FIRST_ONSET + 2
    again = recalled(plan, (Section(0, 48, "groove", 0.6), Section(48, 96, "groove", 0.6), Section(96, 99, "ending", 0.6)))
    assert [int(phrase[0]) - FIRST_ONSET for phrase in again.lead.reshape(6, -1)] == [1, 1, 2, 1, 1, 1]


def test_without_sections_nothing_returns() -> None:
    plan = plan_of(8)
    np.testing.assert_array_equal(recalled(plan, ()).lead, plan.lead)
