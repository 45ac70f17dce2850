from __future__ import annotations

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.synthetic.choreography import dance
from dance2music.synthetic.company import Member, crossing, draw_company, standing
from dance2music.synthetic.drawing import Look
from dance2music.types import Motion

SIZE = (160, 120)
BEATS = np.arange(-2.0, 6.0, 0.5)
RED, BLUE = Look(shirt=(220, 30, 30)), Look(shirt=(30, 30, 220))


def short(seed: int = 1) -> Motion:
    return dance(BEATS, genre=5, seed=seed, duration_seconds=0.2, fps=30.0)


def amount(image: np.ndarray, channel: int) -> int:
    """Pixels in which one colour is much stronger than the others."""
    others = np.delete(image.astype(int), channel, axis=2).max(axis=2)
    return int((image[..., channel].astype(int) - others > 60).sum())


def test_everybody_is_in_the_picture_where_it_is_said_to_be() -> None:
    drawn = next(draw_company([standing(short(), RED, -1.0), standing(short(2), BLUE, 1.0)], size=SIZE, fps=30.0))
    assert drawn.image.shape == (120, 160, 3)
    for member, channel in ((0, 0), (1, 2)):
        x, y = drawn.trunks[member]
        around = drawn.image[int(y) - 4 : int(y) + 5, int(x) - 3 : int(x) + 4]
        assert amount(around, channel) > 20
    assert drawn.trunks[0, 0] < 80 < drawn.trunks[1, 0]


def test_the_nearer_one_hides_the_farther() -> None:
    for near, channel, hidden in ((0.4, 0, 2), (-0.4, 2, 0)):
        drawn = next(draw_company([standing(short(), RED, 0.0, near), standing(short(), BLUE, 0.0, -near)], size=SIZE, fps=30.0))
        assert amount(drawn.image, channel) > 3 * amount(drawn.image, hidden)


def test_who_is_away_is_not_drawn() -> None:
    members = [standing(short(), RED, -1.0), Member(short(2), BLUE, np.array([[1.0, 0.0, 0.0]]), np.zeros(1), (0.1, 9.0))]
    pictures = list(draw_company(members, size=SIZE, fps=30.0))
    assert [amount(picture.image, 2) > 0 for picture in pictures] == [False] * 3 + [True] * 3
    assert np.isnan(pictures[0].trunks[1]).all() and np.isfinite(pictures[-1].trunks).all()


def test_those_who_cross_change_sides_and_stay_apart_in_depth() -> None:
    for seed in range(4):
        one, other = crossing(seed, BEATS, duration_seconds=4.0)
        begins = [member.places_metres[0, 0] for member in (one, other)]
        assert begins[0] < -0.5 and begins[1] > 0.5
        assert min(member.places_metres[:, 0].max() for member in (one, other)) > 0.5
        assert abs(one.places_metres[0, 2] - other.places_metres[0, 2]) >= 0.3
        assert (np.diff(one.times_seconds) > 0).all() and one.times_seconds[-1] < 4.0


def test_half_of_the_pairs_wear_the_same_and_each_seed_is_the_same_again() -> None:
    pairs = [crossing(seed, BEATS, duration_seconds=3.0) for seed in range(24)]
    assert 6 <= sum(one.look == other.look for one, other in pairs) <= 18
    again = crossing(3, BEATS, duration_seconds=3.0)
    assert np.array_equal(again[0].motion.joints, pairs[3][0].motion.joints) and again[1].look == pairs[3][1].look


def test_an_empty_stage_is_refused() -> None:
    with pytest.raises(InputError, match="nobody"):
        next(draw_company([], size=SIZE, fps=30.0))
