from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from dance2music.dance.displacement import displacement

GROUND = gaussian_filter(np.random.default_rng(0).uniform(0, 255, (36, 64)), 1.2).astype(np.float32) * 2 - 128


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.4, 0.0), (-0.5, 0.6)])
def test_a_shift_of_the_picture_is_found_to_a_part_of_a_pixel(x: float, y: float) -> None:
    moved = shift(GROUND, (y, x), order=3, mode="nearest").astype(np.float32)
    flow = displacement(GROUND, moved)
    assert flow.shape == (36, 64, 2) and flow.dtype == np.float32
    assert np.median(flow[8:-8, 8:-8], axis=(0, 1)) == pytest.approx([x, y], abs=0.15)


def test_a_longer_way_is_found_in_its_direction_at_less_than_its_length() -> None:
    flow = displacement(GROUND, shift(GROUND, (2.0, -3.0), order=3, mode="nearest").astype(np.float32))
    x, y = np.median(flow[8:-8, 8:-8], axis=(0, 1))
    assert -3.0 < x < -1.0 and 0.5 < y < 2.0


def test_only_the_part_that_moves_is_seen_to_move() -> None:
    before, after = GROUND.copy(), GROUND.copy()
    thing = 2 * GROUND[:12, 40:54]
    before[12:24, 20:34], after[12:24, 21:35] = thing, thing
    flow = displacement(before, after)
    assert np.median(flow[14:22, 23:31, 0]) == pytest.approx(1.0, abs=0.3)
    assert np.abs(flow[:, 50:]).mean() < 0.05


@pytest.mark.parametrize("shape", [(16, 16), (37, 21), (9, 64), (3, 3)])
def test_pictures_without_texture_and_of_odd_sizes_stand_still(shape: tuple[int, int]) -> None:
    same = np.full(shape, 90.0, np.float32)
    assert displacement(same, same).shape == (*shape, 2) and not displacement(same, same).any()


def test_many_pairs_at_once_have_the_flow_of_each() -> None:
    pairs = [(GROUND, np.roll(GROUND, (y, x), (0, 1))) for y, x in ((0, 1), (1, 0), (-1, 1))]
    together = displacement(*(np.stack(pictures) for pictures in zip(*pairs)))
    assert together.shape == (3, 36, 64, 2)
    assert np.array_equal(together, np.stack([displacement(before, after) for before, after in pairs]))
