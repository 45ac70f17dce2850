from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from dance2music.baselines.dance2music_offline import (
    Dance2MusicSearch,
    SearchConfig,
    block_means,
    correlation,
    cosine_similarity,
    pose_vectors,
    search,
    similarity_of_notes,
)
from dance2music.errors import InputError
from dance2music.generation import pipeline
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.types import Conditioning, Motion


@pytest.fixture(scope="module")
def conditioning() -> Conditioning:
    return pipeline.condition(synthetic_clip(7, duration_seconds=6.0).motion, genre="pop")


def random_walk(seed: int, n_frames: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(n_frames, 36)), axis=0)


def test_block_means_give_the_correlation_of_the_enlarged_matrices() -> None:
    D = cosine_similarity(random_walk(0, 60))
    notes = np.random.default_rng(1).integers(0, 5, (4, 10))
    means, squares = block_means(random_walk(0, 60), 6)
    fast = correlation(notes, means, squares)
    for melody, value in zip(notes, fast):
        M = np.kron(similarity_of_notes(melody[:, None], melody[None]), np.ones((6, 6)))
        assert value == pytest.approx(np.corrcoef(D.ravel(), M.ravel())[0, 1], abs=1e-9)


def test_running_sums_of_the_whole_objective_equal_the_correlation_of_everything() -> None:
    means, squares = block_means(random_walk(2, 150), 6)
    whole = replace(SearchConfig(), objective="whole")
    melody = search(means, squares, whole, first_class=2)
    best = correlation(melody[None], means, squares)[0]
    rng = np.random.default_rng(3)
    for _ in range(20):
        other = melody.copy()
        other[rng.integers(1, len(other))] = rng.integers(5)
        assert correlation(other[None], means, squares)[0] <= best + 0.05
    window = search(means, squares, SearchConfig(), first_class=2)
    assert best > correlation(window[None], means, squares)[0]


def test_a_dance_of_two_poses_in_turn_gives_a_melody_of_two_notes_in_turn() -> None:
    a, b = np.random.default_rng(4).normal(size=(2, 36))
    poses = np.repeat(np.stack([a, b] * 6), 6, axis=0)
    melody = search(*block_means(poses, 6), SearchConfig(), first_class=2)
    assert len(set(melody[2::2])) == 1
    assert len(set(melody[3::2])) == 1
    assert melody[4] != melody[5]


def test_a_wide_beam_finds_at_least_what_a_narrow_one_finds() -> None:
    for seed in range(5):
        blocks = block_means(random_walk(seed, 60), 6)
        rewards = [correlation(search(*blocks, replace(SearchConfig(), beams=beams), first_class=2)[None], *blocks)[0] for beams in (1, 50)]
        assert rewards[1] >= rewards[0]


def test_the_melody_keeps_to_five_notes_and_fifths_of_a_second(conditioning: Conditioning) -> None:
    [score] = Dance2MusicSearch().generate(conditioning, [0])
    [track] = score.tracks
    assert {n.pitch for n in track.notes} <= {60, 62, 64, 67, 69}
    onsets = score.time_at(np.array([n.start_beats for n in track.notes]))
    np.testing.assert_allclose(onsets / 0.2, np.round(onsets / 0.2), atol=1e-6)
    assert track.notes[0].pitch == 64


def test_the_same_seed_gives_the_same_melody_and_others_begin_elsewhere(conditioning: Conditioning) -> None:
    model = Dance2MusicSearch()
    once, again, *others = model.generate(conditioning, [0, 0, 1, 2, 3, 4, 5, 6])
    assert once.tracks[0].notes == again.tracks[0].notes
    assert any(other.tracks[0].notes != once.tracks[0].notes for other in others)


def test_a_held_pose_holds_the_note(conditioning: Conditioning) -> None:
    assert conditioning.dance is not None
    still = replace(conditioning.dance, joints=np.repeat(conditioning.dance.joints[:1], len(conditioning.dance.joints), axis=0))
    model = Dance2MusicSearch(replace(SearchConfig(), hold_similarity=0.999))
    [score] = model.generate(replace(conditioning, dance=still), [0])
    assert len(score.tracks[0].notes) == 1


def test_a_dance_that_never_moves_still_gives_music(conditioning: Conditioning) -> None:
    assert conditioning.dance is not None
    joints = np.zeros_like(conditioning.dance.joints)
    still: Motion = replace(conditioning.dance, joints=joints)
    [score] = Dance2MusicSearch().generate(replace(conditioning, dance=still), [0])
    assert score.tracks[0].notes
    assert np.isfinite(pose_vectors(still, 6.0)).all()


def test_without_joints_the_method_says_what_it_needs(conditioning: Conditioning) -> None:
    with pytest.raises(InputError, match="joints"):
        Dance2MusicSearch().generate(replace(conditioning, dance=None), [0])


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(InputError, match="window, whole"):
        SearchConfig(objective="best")


def test_rows_of_the_dance_matrix_that_are_looked_at_apart_give_the_whole() -> None:
    poses = random_walk(5, 6 * 61 + 3)
    means, squares = block_means(poses, 6)
    D = cosine_similarity(poses)[: 6 * 61, : 6 * 61].reshape(61, 6, 61, 6)
    assert np.allclose(means, D.mean(axis=(1, 3))) and np.allclose(squares, np.square(D).mean(axis=(1, 3)))


def test_a_long_dance_never_holds_its_whole_matrix() -> None:
    poses = random_walk(6, 9000)  # five minutes, whose matrix has 648 MB
    tracemalloc.start()
    means, _ = block_means(poses, 6)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert means.shape == (1500, 1500) and peak < 120e6
