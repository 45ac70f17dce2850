from __future__ import annotations

import numpy as np
import pytest

from dance2music.dance.detection import BODY_DETECTOR, FACE_DETECTOR, anchors, decode, merged, overlap


def test_there_is_an_anchor_for_every_answer_of_the_networks() -> None:
    assert anchors(BODY_DETECTOR).shape == (2254, 2)
    assert anchors(FACE_DETECTOR).shape == (896, 2)
    assert anchors(BODY_DETECTOR)[:3].tolist() == pytest.approx(np.array([[0.5, 0.5], [0.5, 0.5], [1.5, 0.5]]) / 28)
    assert anchors(BODY_DETECTOR)[-1].tolist() == pytest.approx([6.5 / 7, 6.5 / 7])


def test_an_answer_is_read_relative_to_its_anchor() -> None:
    boxes, logits = np.zeros((2254, 12), np.float32), np.full(2254, -9.0, np.float32)
    boxes[100] = [22.4, -11.2, 44.8, 67.2, *([11.2, 22.4] * 4)]
    logits[100] = 2.0
    (found,) = decode(boxes, logits, BODY_DETECTOR)
    x, y = anchors(BODY_DETECTOR)[100]
    assert found.score == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert found.box == pytest.approx([x + 0.1 - 0.1, y - 0.05 - 0.15, x + 0.1 + 0.1, y - 0.05 + 0.15], abs=1e-6)
    assert found.points == pytest.approx(np.tile([x + 0.05, y + 0.1], (4, 1)), abs=1e-6)
    assert decode(boxes, logits - 3.0, BODY_DETECTOR) == []


def test_answers_that_mean_the_same_are_averaged_by_their_scores() -> None:
    def thing(x: float) -> list[list[float]]:
        return [[x, 0.1], [x + 0.2, 0.5], [x + 0.1, 0.3]]

    found = merged(np.array([0.6, 0.9, 0.8]), np.array([thing(0.12), thing(0.10), thing(0.70)]))
    assert [round(thing.score, 2) for thing in found] == [0.9, 0.8]
    assert found[0].box[0] == pytest.approx((0.6 * 0.12 + 0.9 * 0.10) / 1.5)
    assert found[1].points[0].tolist() == pytest.approx([0.8, 0.3])


def test_overlap_is_intersection_over_union() -> None:
    boxes = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [2.0, 2.0, 3.0, 3.0]])
    assert overlap(boxes[0], boxes) == pytest.approx([1.0, 1 / 3, 0.0])
