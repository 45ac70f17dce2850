"""Shapes land where they should, to a part of a pixel, with smooth edges."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.synthetic.canvas import Canvas

RED, WHITE = (255, 0, 0), (255, 255, 255)


def black(height: int = 40, width: int = 60) -> Canvas:
    return Canvas(np.zeros((height, width, 3), np.uint8))


def centre_of_mass(canvas: Canvas) -> tuple[float, float]:
    weight = canvas.image[..., 0].astype(float)
    y, x = np.mgrid[0 : weight.shape[0], 0 : weight.shape[1]]
    return float((weight * x).sum() / weight.sum()), float((weight * y).sum() / weight.sum())


@pytest.mark.parametrize(("x", "y"), [(20.0, 10.0), (33.25, 21.75)])
def test_a_disc_lies_around_its_centre_and_has_its_area(x: float, y: float) -> None:
    canvas = black()
    canvas.disc(np.array([x, y]), 6.0, RED)
    assert centre_of_mass(canvas) == pytest.approx((x, y), abs=0.03)
    assert canvas.image[..., 0].sum() / 255 == pytest.approx(np.pi * 36, rel=0.02)
    assert canvas.image[..., 1:].max() == 0
    assert ((canvas.image[..., 0] > 0) & (canvas.image[..., 0] < 255)).any(), "its edge is smooth"


def test_a_limb_reaches_from_end_to_end_and_tapers() -> None:
    canvas = black()
    canvas.limb(np.array([10.0, 20.0]), np.array([45.0, 20.0]), (12.0, 4.0), WHITE)
    thickness = canvas.image[..., 0].sum(axis=0) / 255
    assert thickness[10] == pytest.approx(12.0, abs=0.3) and thickness[45] == pytest.approx(4.0, abs=0.3)
    assert thickness[3] == 0 and thickness[5] > 0 and thickness[46] > 0 and thickness[48] == 0


def test_a_limb_without_length_is_a_disc_and_a_part_of_an_ellipse_is_that_part() -> None:
    canvas = black()
    canvas.limb(np.array([20.0, 20.0]), np.array([20.0, 20.0]), (10.0, 10.0), WHITE)
    assert canvas.image[..., 0].sum() / 255 == pytest.approx(np.pi * 25, rel=0.03)
    half = black()
    half.ellipse(np.array([30.0, 20.0]), (10.0, 8.0), WHITE, begin=np.pi, end=2 * np.pi)
    assert half.image[..., 0].sum() / 255 == pytest.approx(np.pi * 40, rel=0.03)
    assert centre_of_mass(half)[1] < 20.0, "the upper half: y points down"


def test_what_is_painted_outside_the_picture_does_no_harm_and_the_ground_stays_as_it_was() -> None:
    ground = np.full((20, 30, 3), 7, np.uint8)
    canvas = Canvas(ground)
    canvas.line(np.array([-500.0, -80.0]), np.array([-20.0, 900.0]), 3.0, RED)
    canvas.disc(np.array([29.0, 19.0]), 4.0, RED)
    assert (ground == 7).all() and (canvas.image[:10, :20] == 7).all() and canvas.image[19, 29, 0] == 255
