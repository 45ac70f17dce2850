"""One dance to music of every genre, and several takes of it: Creative-GAN section 5, by the default method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import tiny
from dance2music.metrics.diversity import mean_pairwise_distance
from dance2music.metrics.genre import EmbeddedGenre
from dance2music.takes.methods import DEFAULT, load_method
from dance2music.takes.take import Take, make_takes
from dance2music.types import GENRES, Conditioning

TARGETS = ("break", "house", "waack", "krump")


@pytest.fixture(scope="module")
def takes() -> dict[str, list[Take]]:
    """Two takes of one dance in each of a few genres."""
    method, made = load_method(DEFAULT.name), {}
    for target in TARGETS:
        made[target] = make_takes(method, _asked(target), seeds=[5, 6])
    return made


def _asked(genre: str) -> Conditioning:
    return replace(tiny.conditioning(6.0), genre=GENRES.index(genre))


def test_music_of_one_dance_is_heard_as_the_genre_asked_for_more_often_than_by_chance(
    takes: dict[str, list[Take]],
) -> None:
    judge = EmbeddedGenre()
    right = [judge.classify(take.audio) == GENRES.index(genre) for genre, both in takes.items() for take in both]
    assert np.mean(right) >= 0.35, right  # chance is 0.1


def test_the_genre_changes_the_notes_and_the_tempo_stays_that_of_the_dance(takes: dict[str, list[Take]]) -> None:
    scores = [both[0].score for both in takes.values()]
    assert all(score is not None for score in scores)
    assert [score.genre for score in scores if score is not None] == [GENRES.index(genre) for genre in TARGETS]
    assert len({round(score.tempo_bpm, 6) for score in scores if score is not None}) == 1
    notes = {tuple(note for track in score.tracks for note in track.notes) for score in scores if score is not None}
    assert len(notes) == len(TARGETS)


def test_takes_of_one_dance_are_different_music(takes: dict[str, list[Take]]) -> None:
    judge = EmbeddedGenre()
    for both in takes.values():
        embeddings = np.stack([judge.piece(take.audio) for take in both])
        assert mean_pairwise_distance(embeddings) > 0.1
