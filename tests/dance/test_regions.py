from __future__ import annotations

import numpy as np
import pytest

from dance2music.dance.regions import Region


def test_a_region_along_a_body_stands_up_with_it() -> None:
    upright = Region.along(np.array([50.0, 60.0]), np.array([50.0, 20.0]))
    assert (upright.x, upright.y, upright.width, upright.height) == (50.0, 60.0, 80.0, 80.0)
    assert upright.angle == pytest.approx(0.0)
    lying = Region.along(np.array([50.0, 60.0]), np.array([90.0, 60.0]))
    assert lying.angle == pytest.approx(np.pi / 2)
    assert lying.projected(np.array([[0.5, 0.0]]))[0] == pytest.approx([90.0, 60.0]), "its upper edge is where the head is"


def test_a_region_grows_around_its_centre_and_is_moved_along_its_own_axis() -> None:
    box = Region(10.0, 20.0, 30.0, 40.0)
    assert box.grown(1.5) == Region(10.0, 20.0, 60.0, 60.0)
    assert box.grown(1.0, shift_y=-0.1).y == pytest.approx(16.0)
    turned = Region(10.0, 20.0, 40.0, 40.0, np.pi / 2).grown(1.0, shift_y=-0.1)
    assert (turned.x, turned.y) == pytest.approx((14.0, 20.0))


def ramp(height: int = 40, width: int = 50) -> np.ndarray:
    """A picture whose red is the column and whose green the row, times four."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([4 * x, 4 * y, np.full_like(x, 9)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("angle", [0.0, 0.3, -2.0])
def test_a_crop_shows_each_place_where_projection_says_it_is(angle: float) -> None:
    region = Region(24.0, 19.0, 18.0, 18.0, angle)
    crop = region.crop(ramp(), 36)
    y, x = np.mgrid[0:36, 0:36]
    places = region.projected(np.stack([x.ravel(), y.ravel()], axis=1) / 36.0)
    assert np.abs(crop[..., 0].ravel() / 4.0 - places[:, 0]).max() < 0.3 and np.abs(crop[..., 1].ravel() / 4.0 - places[:, 1]).max() < 0.3


def test_outside_the_picture_its_edge_goes_on_or_it_is_black() -> None:
    region = Region(0.0, 20.0, 40.0, 40.0)
    crop = region.crop(ramp(), 20)
    assert (crop[:, :9, 0] == 0).all() and (crop[:, :9, 2] == 9).all() and crop[10, 19, 0] > 60
    dark = region.crop(ramp(), 20, black_outside=True)
    assert (dark[:, :9] == 0).all() and (dark[:, 11:, 2] == 9).all()


@pytest.mark.parametrize("x", [-500.0, 2000.0])
def test_a_region_far_outside_shows_the_edge_and_takes_no_memory(x: float) -> None:
    crop = Region(x, 20.0, 60.0, 60.0).crop(ramp(), 16)
    assert crop.shape == (16, 16, 3) and (crop[..., 2] == 9).all()
