from __future__ import annotations

import numpy as np
import pytest

from dance2music.baselines.compound_words import (
    BAR,
    BEAT,
    CLASSES,
    DENSITY,
    END,
    I_BEAT,
    INSTRUMENT,
    NOTE,
    P_BEAT,
    RHYTHM,
    STRENGTH,
    TICKS_PER_BAR,
    TYPE,
    tracks_of,
    words_of,
)
from dance2music.composer.compose import compose_corpus_piece
from dance2music.types import Note, Score, Track


def grid_score(seed: int) -> Score:
    rng = np.random.default_rng(seed)
    tracks = []
    for role, program, drums in (("drums", 0, True), ("bass", 33, False), ("chords", 0, False)):
        starts = rng.integers(0, 64, 30)
        notes = {(int(s), int(p)): int(d) for s, p, d in zip(starts, rng.integers(30, 80, 30), rng.integers(1, 17, 30))}
        notes[(0, 36)] = 4
        tracks.append(Track(role, program, [Note(s / 4, d / 4, p, 80) for (s, p), d in sorted(notes.items())], is_drum=drums))
    return Score(tracks, np.arange(20) * 0.5, 0, 8.0, 0, 0, False)


@pytest.mark.parametrize("seed", range(5))
def test_words_give_a_score_on_the_grid_back_as_it_was(seed: int) -> None:
    score = grid_score(seed)
    back = {track.role: sorted(track.notes) for track in tracks_of(words_of(score))}
    assert back == {track.role: sorted(track.notes) for track in score.tracks}


def test_density_counts_the_ticks_of_a_bar_down_to_one() -> None:
    words = words_of(compose_corpus_piece(11, duration_seconds=20.0))
    bars = np.flatnonzero((words[:, TYPE] == RHYTHM) & (words[:, BEAT] == BAR))
    for first, last in zip(bars, [*bars[1:], len(words) - 1]):
        beats = [w for w in words[first + 1 : last] if w[TYPE] == RHYTHM]
        ticks = sorted({int(w[BEAT]) for w in beats})
        assert words[first][DENSITY] == len(ticks) + 1
        for word in beats:
            assert word[DENSITY] == len(ticks) - ticks.index(int(word[BEAT]))
        if beats:
            assert beats[-1][DENSITY] == 1


def test_strength_is_the_number_of_notes_that_follow() -> None:
    words = words_of(compose_corpus_piece(12, duration_seconds=20.0))
    for i, word in enumerate(words):
        if word[TYPE] == RHYTHM and word[BEAT] != BAR:
            n = next(j for j, w in enumerate(words[i + 1 :]) if w[TYPE] != NOTE)
            assert word[STRENGTH] == n
            assert (words[i + 1 : i + 1 + n, INSTRUMENT] == word[INSTRUMENT]).all()


def test_ids_stay_inside_their_classes_and_positions_grow() -> None:
    for seed in range(20):
        words = words_of(compose_corpus_piece(seed, duration_seconds=30.0))
        assert (words[:, : len(CLASSES)] < np.array(CLASSES)).all()
        assert words.min() >= 0
        assert words[-1, TYPE] == END
        assert (np.diff(words[:-1, I_BEAT]) >= 0).all()
        assert words[:-1, P_BEAT].min() >= 1
        assert words[:, P_BEAT].max() <= 101


def test_an_empty_score_is_an_end_and_a_pick_up_begins_in_the_bar_before() -> None:
    assert words_of(Score([], np.arange(8) * 0.5, 0, 4.0, 0, 0, False)).tolist() == [[0] * 10]
    score = Score([Track("lead", 24, [Note(-0.5, 0.5, 60, 80), Note(0.0, 1.0, 62, 80)])], np.arange(8) * 0.5, 0, 4.0, 0, 0, False)
    words = words_of(score)
    assert words[1, BEAT] - 1 == TICKS_PER_BAR - 2
    [track] = tracks_of(words, first_bar=-1)
    assert track.notes == score.tracks[0].notes
