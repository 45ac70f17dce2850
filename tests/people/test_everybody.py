from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from crowds import Coded, pictures
from dance2music.dance import pose, tracking
from dance2music.dance.pose import POSE_ESTIMATORS, estimate_dancers
from dance2music.people import crowd
from dance2music.people.everybody import watch_everybody
from dance2music.types import Dancer

FRAMES = 144
CODED = tracking.Method("blazepose-33", Coded, crowd=Coded)


@pytest.fixture(autouse=True)
def coded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POSE_ESTIMATORS, "coded", CODED)


def dancers(*people: Callable[[int], float | None], clothes: tuple[int, ...] = (0, 1, 2), count: int = FRAMES) -> tuple[Dancer, ...]:
    return estimate_dancers(pictures(count, *people, clothes=clothes), method="coded", fps=24.0)


def place(dancer: Dancer, frame: int) -> float:
    """Where a dancer is, in pixels."""
    return float(dancer.motion.joints[frame, 23:25, 0].mean() * 120)


def walking(begin: float, end: float) -> Callable[[int], float]:
    return lambda i: begin + (end - begin) * i / FRAMES


@pytest.mark.parametrize("clothes", [(0, 1), (0, 0)])
def test_two_who_cross_keep_their_identities(clothes: tuple[int, int]) -> None:
    found = dancers(walking(30, 170), walking(170, 30), clothes=clothes)
    assert len(found) == 2
    ways = sorted((place(one, 5), place(one, FRAMES - 5)) for one in found)
    assert ways[0] == pytest.approx((35, 165), abs=4) and ways[1] == pytest.approx((165, 35), abs=4)


def test_two_in_different_clothes_who_meet_and_turn_back_keep_their_identities() -> None:
    found = dancers(lambda i: 98 - abs(i - 72), lambda i: 102 + abs(i - 72))
    assert len(found) == 2
    for one in found:
        assert abs(place(one, 5) - place(one, FRAMES - 5)) < 8


def test_who_leaves_and_comes_back_is_the_same_and_is_known_to_have_been_away() -> None:
    found = dancers(lambda i: 40.0 + i % 5, lambda i: 150.0 + i % 4 if i < 48 or i >= 96 else None)
    assert [len(one.seen) for one in found] == [1, 2]
    away = found[1]
    assert away.seen[0].end_seconds == pytest.approx(2.0, abs=0.3) and away.seen[1].begin_seconds == pytest.approx(4.0, abs=0.3)
    assert (away.motion.confidence[60:84] == 0).all() and (found[0].motion.confidence[60:84] > 0.8).all()


def test_somebody_who_comes_later_is_somebody_else() -> None:
    found = dancers(lambda i: 50.0, lambda i: 150.0 if i >= 72 else None)
    assert len(found) == 2
    assert found[1].seen[0].begin_seconds == pytest.approx(3.0, abs=0.3)


def test_one_after_the_other_in_other_clothes_are_two_and_in_the_same_clothes_one() -> None:
    first, second = (lambda i: 60.0 if i < 60 else None), (lambda i: 140.0 if i >= 84 else None)
    assert len(dancers(first, second, clothes=(0, 1))) == 2
    assert len(dancers(first, second, clothes=(0, 0))) == 1


def test_one_dancer_alone_is_followed_as_without_looking_for_others() -> None:
    (one,) = dancers(lambda i: 60.0 + 20 * np.sin(i / 9))
    alone = tracking.Method("blazepose-33", Coded)
    watched = watch_everybody(pictures(FRAMES, lambda i: 60.0 + 20 * np.sin(i / 9)), alone)
    bodies = [body for piece in watched.pieces for body in piece.bodies]
    assert len(bodies) == FRAMES and all(body is not None for body in bodies)
    assert place(one, 50) == pytest.approx(float(bodies[50][23, 0]) + 4, abs=1.0)  # type: ignore[index]


def test_the_result_does_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for workers in (1, 2, 3):
        monkeypatch.setattr("dance2music.people.everybody.WORKERS", workers)
        found = dancers(walking(30, 170), walking(170, 30), lambda i: 100.0 if 100 <= i < 120 else None)
        results.append([one.motion.joints for one in found])
    assert all(len(results[0]) == len(other) for other in results)
    assert all(np.array_equal(a, b) for other in results[1:] for a, b in zip(results[0], other))


def test_of_too_many_people_some_are_followed_and_a_warning_says_so(caplog: pytest.LogCaptureFixture) -> None:
    crowds = [(lambda i, x=x: float(x)) for x in range(10, 200, 20)]
    found = estimate_dancers(pictures(48, *crowds, clothes=(0,) * len(crowds)), method="coded", fps=24.0)
    assert len(found) == crowd.MOST_FOLLOWED
    assert f"{len(crowds)} people" in caplog.text and str(crowd.MOST_FOLLOWED) in caplog.text


def test_who_is_there_for_a_moment_is_nobody() -> None:
    found = dancers(lambda i: 50.0, lambda i: 150.0 if 30 <= i < 40 else None)
    assert len(found) == 1
    assert pose.LEAST_SECONDS > 10 / 24
