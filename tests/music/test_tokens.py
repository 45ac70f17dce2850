from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dance2music.composer.compose import compose_corpus_piece
from dance2music.errors import InputError
from dance2music.music.tokens import FOLEY, INVERSE_MV, PerformanceTokenizer, TimedNote, notes_of, score_of
from dance2music.types import Rhythm


def random_notes(seed: int, seconds: float, n: int) -> list[TimedNote]:
    rng = np.random.default_rng(seed)
    pitches = rng.permutation(np.arange(21, 109))[: min(n, 88)]
    notes = []
    for i in range(n):
        onset = float(rng.uniform(0, seconds - 0.5))
        notes.append(TimedNote(onset, onset + float(rng.uniform(0.26, 0.5)), int(pitches[i % len(pitches)]), int(rng.integers(24, 107))))
    return sorted(notes)


def test_the_two_vocabularies_have_the_published_sizes_and_every_id_stands_for_one_event() -> None:
    for config, size, bases in (
        (FOLEY, 243, {"note_on": 0, "note_off": 88, "velocity": 176, "shift": 208}),
        (INVERSE_MV, 310, {"note_on": 2, "note_off": 90, "shift": 178, "velocity": 278}),
    ):
        tokenizer = PerformanceTokenizer(config)
        assert tokenizer.vocabulary == size
        assert tokenizer.base == bases


def test_inverse_mv_round_trip_is_exact_on_the_10_ms_grid() -> None:
    tokenizer = PerformanceTokenizer(INVERSE_MV)
    notes = sorted(
        TimedNote(round(n.onset_seconds, 2), round(n.offset_seconds, 2), n.pitch, 4 * ((n.velocity - 1) // 4) + 1)
        for n in random_notes(0, 20.0, 60)
    )
    back = tokenizer.decode(tokenizer.encode(notes))
    assert [(n.pitch, n.velocity) for n in back] == [(n.pitch, n.velocity) for n in notes]
    np.testing.assert_allclose([n[:2] for n in back], [n[:2] for n in notes], atol=1e-6)


def test_foley_shifts_drift_less_than_16_ms_in_30_s_when_the_rest_is_carried_on() -> None:
    notes = random_notes(1, 30.0, 88)
    tokenizer = PerformanceTokenizer(FOLEY)
    back = tokenizer.decode(tokenizer.encode(notes))
    assert len(back) == len(notes)
    by_pitch = {n.pitch: n for n in back}
    assert max(abs(by_pitch[n.pitch].onset_seconds - n.onset_seconds) for n in notes) < 0.016


def test_foley_without_carrying_loses_the_time_that_was_measured_on_the_published_form() -> None:
    losses = []
    for seed in range(20):
        times = np.sort(np.random.default_rng(seed).uniform(0, 6.0, 72))
        tokenizer = PerformanceTokenizer(replace(FOLEY, carry=False))
        notes = [TimedNote(float(t), 7.0, 21 + i % 88, 64) for i, t in enumerate(times)]
        last = max(n.onset_seconds for n in tokenizer.decode(tokenizer.encode(notes)))
        losses.append(times[-1] - last)
    assert 0.25 < np.mean(losses) < 0.45  # 0.35 s in 6 s of 12 random events a second


def test_a_velocity_above_the_last_level_is_written_and_read_as_the_last() -> None:
    tokenizer = PerformanceTokenizer(FOLEY)
    [note] = tokenizer.decode(tokenizer.encode([TimedNote(0.0, 1.0, 60, 127)]))
    assert note.velocity == 106


def test_a_note_that_never_ends_lasts_a_second_in_foley_and_to_the_last_event_in_inverse_mv() -> None:
    for config, expected in ((FOLEY, 1.0), (INVERSE_MV, 0.5)):
        tokenizer = PerformanceTokenizer(config)
        shift = int(np.argmin(np.abs(np.array(config.shift_seconds) - 0.5)))
        on = tokenizer.base["note_on"] + 39
        [note] = tokenizer.decode([on, tokenizer.base["shift"] + shift])
        assert note.pitch == 60
        assert note.offset_seconds == pytest.approx(expected)


def test_nothing_after_the_end_is_played() -> None:
    tokenizer = PerformanceTokenizer(FOLEY)
    ids = tokenizer.encode([TimedNote(0.0, 0.5, 60, 64)])
    assert tokenizer.decode([*ids, FOLEY.end, *tokenizer.encode([TimedNote(0.0, 0.5, 72, 64)])]) == tokenizer.decode(ids)


def test_any_ids_at_all_can_be_read() -> None:
    rng = np.random.default_rng(3)
    for config in (FOLEY, INVERSE_MV):
        tokenizer = PerformanceTokenizer(config)
        notes = tokenizer.decode(rng.integers(0, tokenizer.vocabulary, 2000).tolist())
        assert all(n.offset_seconds > n.onset_seconds and 21 <= n.pitch <= 108 and 1 <= n.velocity <= 127 for n in notes)


def test_a_score_becomes_notes_in_seconds_and_a_score_again() -> None:
    score = compose_corpus_piece(5, duration_seconds=8.0)
    notes = notes_of(score)
    rhythm = Rhythm(score.beat_times_seconds, score.downbeat, score.tempo_bpm, 1.0, np.zeros(0))
    back = notes_of(score_of(notes, rhythm, duration_seconds=8.0, genre=score.genre))
    np.testing.assert_allclose([n[:2] for n in back], [n[:2] for n in notes], atol=1e-6)


def test_a_score_without_such_notes_is_refused() -> None:
    score = compose_corpus_piece(5, duration_seconds=8.0)
    score.tracks = [track for track in score.tracks if track.is_drum]
    with pytest.raises(InputError, match="no notes"):
        notes_of(score)
