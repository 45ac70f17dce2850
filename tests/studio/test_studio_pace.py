"""The time left that is told is steady: it is not told before it means something, does not jump, and comes to its end in time."""

from __future__ import annotations

import itertools

import pytest

from dance2music.studio.pace import IN_ROUNDS, STAGES, Pace, Steady

WATCHED = [
    (0.0, "start", 0.0), (5.4, "look", 0.0), (5.6, "watch", 0.0), (13.3, "watch", 0.05), (16.2, "watch", 0.157), (18.6, "watch", 0.317),
    (21.1, "watch", 0.477), (25.1, "watch", 0.637), (27.1, "watch", 0.797), (27.9, "watch", 0.997), (28.3, "rhythm", 0.0),
    (28.6, "load", 0.0), (28.7, "music", 0.0), (29.2, "music", 0.14), (29.8, "music", 0.43), (30.4, "music", 0.6), (31.8, "music", 0.66),
    (32.8, "music", 0.83), (33.8, "music", 0.94), (34.6, "finish", 0.0), (35.6, "write", 0.0), (36.0, "stems", 0.0), (37.0, "stems", 1.0),
]  # fmt: skip
"""When a film of two dancers of 10 s said what while it was watched, in seconds; the estimates then went from 12 to 24 and back."""
END = 37.2


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("dance2music.studio.pace.time.monotonic", lambda: now[0])
    return now


def told(clock: list[float], known: dict[str, float], *, end: float = END) -> list[tuple[float, float]]:
    """What is told of the film every quarter of a second: (moment, seconds left)."""
    pace = Pace(STAGES["dance"], None, known, in_rounds="dance" in IN_ROUNDS)
    waiting, found, begun = list(WATCHED), [], clock[0]
    for tick in range(int(4 * end)):
        clock[0] = begun + tick / 4
        while waiting and waiting[0][0] <= tick / 4:
            _, stage, share = waiting.pop(0)
            pace.at(stage, share)
            if stage == "watch":
                pace.seconds = 10.0
        left = pace.told_seconds()
        if left is not None:
            found.append((tick / 4, left))
    return found


USUAL = {
    "start": 0.27,
    "look": 0.01,
    "watch": 1.13,
    "rhythm": 0.02,
    "load": 0.01,
    "music": 0.3,
    "finish": 0.05,
    "write": 0.02,
    "stems": 0.06,
}
"""Seconds per second of dance that the stages of the record take."""


@pytest.mark.parametrize("slower", [0.5, 1.0, 2.0])
def test_what_is_told_neither_rises_nor_falls_by_half(clock: list[float], slower: float) -> None:
    found = told(clock, {stage: slower * share for stage, share in USUAL.items()})
    for (_, before), (_, after) in itertools.pairwise(found):
        assert after <= before + 0.25, "by no more than a second per second"
        assert before - after <= 0.25 + 0.15 * before
    if slower >= 1.0:
        assert all(after <= before for (_, before), (_, after) in itertools.pairwise(found)), "stands rather than rises"
    if slower == 1.0:
        assert all(abs(left - (END - moment)) < 0.35 * (END - moment) + 2.0 for moment, left in found)
    assert found[-1][1] < 3.0


@pytest.mark.parametrize("slower", [2.0, 3.0])
def test_a_machine_that_is_slower_than_it_was_is_noticed_before_half_of_the_time(clock: list[float], slower: float) -> None:
    found = told(clock, {stage: share / slower for stage, share in USUAL.items()})
    assert all(after <= before + 0.5 for (_, before), (_, after) in itertools.pairwise(found)), "by no more than two seconds per second"
    half = [left / (END - moment) for moment, left in found if 0.5 < moment / END < 0.8]
    assert min(half) > 0.65, "it was told that a quarter to two fifths of it are left"


def test_nothing_is_told_before_anything_is_known(clock: list[float]) -> None:
    assert told(clock, {})[0][0] > 0.15 * END, "on a machine that has not shown its pace yet a share of the work is waited for"
    known = {stage: 0.2 for stage in STAGES["dance"] if stage not in ("draw", "preview")}
    assert 5.0 < told(clock, known)[0][0] < 7.0, "from when the length of the dance is known"


def test_time_that_was_told_runs_with_the_clock_and_stands_where_the_estimate_is_a_little_higher() -> None:
    steady = Steady()
    assert steady.told(20.0, 0.0) == 20.0
    assert steady.told(19.0, 1.0) == pytest.approx(19.0)
    assert steady.told(22.0, 1.25) == pytest.approx(19.0), "stands"
    assert steady.told(26.0, 1.5) == pytest.approx(19.25), "rises a second per second where it was too low"
    assert steady.told(60.0, 1.75) == pytest.approx(19.75), "and two where it was far too low"
    assert 15.0 < steady.told(2.0, 2.0) < 19.5, "and falls slowly where it was too high"


def test_takes_that_are_made_one_after_the_other_are_all_counted(clock: list[float]) -> None:
    pace = Pace(STAGES["takes"], 10.0, dict.fromkeys(STAGES["takes"], 0.1), times=3, in_rounds=True)
    each = 2.0
    pace.at("music", 0.0)
    assert pace.left_seconds() == pytest.approx(4 * each + 2 * 4 * each)
    for stage in ("finish", "write", "stems", "music"):
        clock[0] += each
        pace.at(stage, 0.0)
    assert pace.left_seconds() == pytest.approx(4 * each + 4 * each)
    clock[0] += each
    pace.at("stems", 0.0)
    assert pace.left_seconds() == pytest.approx(each + 4 * each)
