from __future__ import annotations

import numpy as np
import pytest

from dance2music.dance.kinematics import FEATURE_SLICES, motion_features
from dance2music.errors import InputError
from dance2music.people.dancers import check_dancer, chosen, features_of_all, leading, liveliness, numbered, of_motion
from dance2music.synthetic.choreography import dance
from dance2music.types import Dancer, Motion, Span


def moving(seed: int, seconds: float = 4.0) -> Motion:
    return dance(np.arange(-2.0, seconds + 2.0, 0.5), genre=seed % 10, seed=seed, duration_seconds=seconds, fps=30.0)


def still(seconds: float = 4.0) -> Motion:
    motion = moving(1, seconds)
    return Motion(np.repeat(motion.joints[:1], len(motion.joints), axis=0), motion.confidence, motion.fps, motion.skeleton)


def seen(motion: Motion, size: float = 0.5, until: float = 4.0) -> Dancer:
    return Dancer(motion, size, 0.9, (Span(0.0, until),))


def test_dancers_are_numbered_by_size_times_time_seen() -> None:
    small, large, brief = seen(moving(1), 0.3), seen(moving(2), 0.6), seen(moving(3), 0.9, until=1.0)
    assert [one.size for one in numbered([small, brief, large])] == [0.6, 0.3, 0.9]


def test_shares_add_up_to_one_and_grow_with_size() -> None:
    one, other = numbered([seen(moving(1), 0.6), seen(moving(1), 0.3)])
    assert one.share + other.share == pytest.approx(1.0) and one.share == pytest.approx(2 / 3)


def test_who_stands_still_counts_nothing_unless_everybody_does() -> None:
    assert liveliness(still()) == 0.0 and liveliness(moving(1)) > 0.5
    assert [one.share for one in numbered([seen(still(), 0.9), seen(moving(1), 0.3)])] == [0.0, 1.0]
    assert [one.share for one in numbered([seen(still()), seen(still())])] == [0.5, 0.5]


def test_one_dancer_has_all_of_the_rhythm() -> None:
    assert numbered([seen(still())])[0].share == 1.0


def test_the_user_chooses_all_the_largest_or_a_number() -> None:
    people = numbered([seen(moving(1), 0.4), seen(moving(2), 0.6, until=1.0)])
    assert [one.share > 0 for one in chosen(people, "all")] == [True, True]
    assert [one.share for one in chosen(people, "largest")] == [0.0, 1.0]
    assert [one.share for one in chosen(people, "1")] == [1.0, 0.0]
    assert leading(chosen(people, "2")).size == 0.6


@pytest.mark.parametrize(
    ("people", "asked", "told"),
    [
        (2, "7", r"--dancer 7: 2 dancers are seen; expected a number from 1 to 2, all or largest"),
        (1, "2", r"--dancer 2: one dancer is seen"),
        (0, "1", r"--dancer 1: no dancer is seen; expected all"),
    ],
)
def test_a_dancer_who_is_not_there_is_refused_in_one_line(people: int, asked: str, told: str) -> None:
    found = numbered([seen(moving(k)) for k in range(people)]) if people else (Dancer(still(), 0.0, 0.0, ()),)
    with pytest.raises(InputError, match=told):
        chosen(found, asked)


@pytest.mark.parametrize("asked", ["everybody", "0", "-1", "1.5", "", "²"])
def test_what_names_no_dancer_is_refused(asked: str) -> None:
    with pytest.raises(InputError, match="--dancer"):
        check_dancer(asked)


def test_the_speed_of_all_is_their_mean_by_share_while_they_are_there() -> None:
    kinetic = FEATURE_SLICES["kinetic"]
    one, other = moving(1), moving(2)
    away = Motion(other.joints, np.where(np.arange(len(other.joints)) < 60, 1.0, 0.0)[:, None] * other.confidence, 30.0, other.skeleton)
    both = [Dancer(one, 0.5, 0.9, (), 0.75), Dancer(away, 0.5, 0.9, (), 0.25)]
    found, first = features_of_all(both, fps=30.0)[:, kinetic], motion_features(one, fps=30.0)[:, kinetic]
    second = motion_features(away, fps=30.0)[:, kinetic]
    assert np.allclose(found[:55], 0.75 * first[:55] + 0.25 * second[:55], atol=1e-6)
    assert np.allclose(found[65:], first[65:], atol=1e-6)
    assert np.array_equal(features_of_all(both[:1], fps=30.0), motion_features(one, fps=30.0))


def test_a_motion_without_a_body_is_a_dancer_who_is_seen_nowhere() -> None:
    motion = moving(1)
    assert of_motion(motion).seen == (Span(0.0, pytest.approx(4.0, abs=0.04)),)  # type: ignore[arg-type]
    assert of_motion(Motion(motion.joints, 0 * motion.confidence, 30.0, motion.skeleton)).seen == ()
