from __future__ import annotations

import numpy as np
import pytest

from crowds import body_at
from dance2music.people.bodies import PATCHES
from dance2music.people.crowd import Piece
from dance2music.people.identities import LinkConfig, identities, parts_of

TIMES = np.arange(200) / 24.0


def piece(start: int, places: list[float], colour: float = 0.5) -> Piece:
    colours = {frame: np.full((PATCHES, 3), colour) for frame in range(start, start + len(places), 6)}
    return Piece(start, [body_at(x) for x in places], colours=colours)


def test_pieces_are_cut_where_people_are_nearest() -> None:
    left, right = piece(0, list(np.linspace(50, 150, 101))), piece(0, list(np.linspace(150, 50, 101)))
    parts = parts_of([left, right])
    assert sorted((part.start, part.stop) for part in parts) == [(0, 50), (0, 50), (50, 101), (50, 101)]
    assert not parts[0].clean[-5:].any() and parts[0].clean[:30].all()


def test_a_piece_is_cut_where_its_clothes_change_for_good() -> None:
    one = piece(0, [80.0] * 60)
    for frame in (30, 36, 42, 48, 54):
        one.colours[frame] = np.full((PATCHES, 3), 0.9)
    assert [(part.start, part.stop) for part in parts_of([one])] == [(0, 28), (28, 60)]
    one.colours = {frame: np.full((PATCHES, 3), 0.9 if frame == 30 else 0.5) for frame in range(0, 60, 6)}
    assert len(parts_of([one])) == 1, "a single look at something else is an arm or a light"


def test_followers_that_changed_over_in_a_crossing_are_put_right_by_the_way_people_go() -> None:
    """Two readers meet at 100 and go back, each with the other's person: who walked on goes on walking."""
    out, back = np.linspace(50, 99, 50), np.linspace(99, 50, 50)
    left, right = piece(0, [*out, *back]), piece(0, [*(200 - out), *(200 - back)])
    people = identities([left, right], TIMES)
    assert len(people) == 2
    for parts in people:
        first, last = parts[0].piece.at(parts[0].start), parts[-1].piece.at(parts[-1].stop - 1)
        assert first is not None and last is not None
        assert abs(first[23:25, 0].mean() - last[23:25, 0].mean()) > 80


def test_clothes_outweigh_the_way_people_go() -> None:
    out, back = np.linspace(50, 99, 50), np.linspace(99, 50, 50)
    left, right = piece(0, [*out, *back], 0.2), piece(0, [*(200 - out), *(200 - back)], 0.8)
    people = identities([left, right], TIMES)
    assert sorted(len({id(part.piece) for part in parts}) for parts in people) == [1, 1]


@pytest.mark.parametrize(("colour", "count"), [(0.5, 1), (0.9, 2)])
def test_after_a_gap_the_same_clothes_are_the_same_person(colour: float, count: int) -> None:
    people = identities([piece(0, [60.0] * 60), piece(140, [150.0] * 60, colour)], TIMES)
    assert len(people) == count


def test_nobody_is_in_two_places_at_once() -> None:
    people = identities([piece(0, [60.0] * 90), piece(40, [150.0] * 90)], TIMES)
    assert len(people) == 2


def test_parts_of_a_moment_are_left_out() -> None:
    assert LinkConfig().least_seconds > 3 / 24
    assert [len(parts) for parts in identities([piece(0, [60.0] * 90), piece(40, [150.0] * 3)], TIMES)] == [1]
    assert identities([], TIMES) == []
