from __future__ import annotations

import numpy as np
import pytest

from crowds import SHIRTS, body_at, pictures
from dance2music.people.bodies import PATCHES, colour_distance, colours, elsewhere, hips, middle, same, trunk_length


def test_the_middle_of_the_trunk_and_its_length_are_those_of_shoulders_and_hips() -> None:
    body = body_at(80)
    assert middle(body) == pytest.approx([80, 50]) and hips(body) == pytest.approx([80, 60])
    assert trunk_length(body) == pytest.approx(0.25 * 90)  # a quarter of the body's height is more than its 20 pixels


def test_a_body_that_moved_faster_than_anybody_can_is_elsewhere() -> None:
    assert not elsewhere(body_at(50), body_at(57), 1 / 24)
    assert elsewhere(body_at(50), body_at(60), 1 / 24)
    assert not elsewhere(body_at(50), body_at(60), 2 / 24)


def test_two_readings_of_one_body_are_the_same_and_neighbours_are_not() -> None:
    assert same(body_at(50), body_at(53)) and not same(body_at(50), body_at(60))


def test_colours_are_those_of_the_clothes_and_unknown_outside_the_picture() -> None:
    (picture,) = pictures(1, lambda i: 60.0, clothes=(1,))
    assert np.allclose(colours(picture.image, body_at(60)), np.array(SHIRTS[1]) / 255)
    outside = colours(picture.image, body_at(400))
    assert outside.shape == (PATCHES, 3) and np.isnan(outside).all()
    assert np.isnan(colour_distance(outside, outside))


def test_the_distance_of_colours_looks_at_what_both_show() -> None:
    one, other = np.zeros((PATCHES, 3)), np.zeros((PATCHES, 3))
    other[0] = 0.3, 0.4, 0.0
    assert colour_distance(one, other) == pytest.approx(0.5 / PATCHES)
    other[1:] = np.nan
    assert colour_distance(one, other) == pytest.approx(0.5)
