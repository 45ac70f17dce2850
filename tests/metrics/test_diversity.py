from __future__ import annotations

import math

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.metrics.diversity import distances, mean_distance_between, mean_distance_within, mean_pairwise_distance, novelty


def test_mean_distance_of_a_right_triangle() -> None:
    assert mean_pairwise_distance(np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])) == pytest.approx((3 + 4 + 5) / 3)


def test_equal_pieces_have_no_diversity_and_one_piece_has_none_defined() -> None:
    piece = np.random.default_rng(0).normal(size=(1, 256)) * 1e4
    assert mean_pairwise_distance(np.repeat(piece, 5, axis=0)) == 0.0
    assert math.isnan(mean_pairwise_distance(piece))


def test_takes_are_compared_within_a_dance_only() -> None:
    a, b = np.array([[0.0], [1.0]]), np.array([[100.0], [103.0]])
    assert mean_distance_within([a, b, np.array([[7.0]])]) == 2.0
    assert math.isnan(mean_distance_within([np.array([[7.0]])]))


def test_a_copy_of_a_training_piece_has_no_novelty() -> None:
    training = np.array([[0.0, 0.0], [10.0, 0.0]])
    assert novelty(training, np.array([[10.0, 0.0], [10.0, 2.0], [4.0, 3.0]])).tolist() == [0.0, 2.0, 5.0]
    assert np.isnan(novelty(np.zeros((0, 2)), training)).all()


def test_distances_agree_with_the_definition() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 7)), rng.normal(size=(3, 7))
    assert np.allclose(distances(a, b), np.linalg.norm(a[:, None] - b[None], axis=-1))


def test_nan_embeddings_are_refused() -> None:
    with pytest.raises(InputError, match="finite embeddings"):
        mean_pairwise_distance(np.full((2, 2), math.nan))


def test_diversity_between_dances_is_that_of_one_piece_per_dance_on_average() -> None:
    x = np.random.default_rng(0).normal(size=(5, 4))
    dances = ["a", "a", "b", "b", "b"]
    drawn = [mean_pairwise_distance(x[[i, j]]) for i in (0, 1) for j in (2, 3, 4)]
    assert mean_distance_between(x, dances) == pytest.approx(np.mean(drawn))
    assert mean_distance_between(x, list("abcde")) == pytest.approx(mean_pairwise_distance(x))
    assert math.isnan(mean_distance_between(x, ["a"] * 5))
