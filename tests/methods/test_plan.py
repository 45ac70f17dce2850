"""Score to plan and back, and what the grid rounds."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.composer.compose import compose
from dance2music.methods.plan import (
    DRUM_ROLL,
    FIRST_ONSET,
    HOLD,
    STEPS_PER_BAR,
    Vocabulary,
    bars_of,
    collect_voicings,
    plan_from_score,
    score_from_plan,
    transposition,
)
from dance2music.types import GENRES, Note, Score, Track


def score_of(*tracks: Track, key: int = 0) -> Score:
    return Score(list(tracks), np.arange(12) * 0.5, 0, 4.0, genre=1, key=key, minor=True)


@pytest.mark.parametrize("genre", range(len(GENRES)))
def test_the_plan_of_a_plan_is_the_plan(genre: int) -> None:
    score = compose(genre, seed=genre, duration_seconds=12.0)
    vocabulary = Vocabulary(collect_voicings([score]))
    plan = plan_from_score(score, vocabulary)
    again = plan_from_score(
        score_from_plan(plan, vocabulary, beat_times_seconds=score.beat_times_seconds, downbeat=score.downbeat, duration_seconds=12.0),
        vocabulary,
    )
    for name in ("drums", "bass", "chords", "lead", "pad"):
        np.testing.assert_array_equal(getattr(plan, name), getattr(again, name), err_msg=name)
    assert (plan.first_bar, plan.genre, plan.key, plan.minor, plan.swing) == (
        again.first_bar,
        again.genre,
        again.key,
        again.minor,
        again.swing,
    )


def test_every_drum_onset_of_the_score_is_in_the_plan() -> None:
    score = compose(0, seed=4, duration_seconds=10.0)
    plan = plan_from_score(score, Vocabulary(collect_voicings([score])))
    drums = next(t for t in score.tracks if t.is_drum)
    steps = {int(np.floor((n.start_beats - plan.first_bar * 4) * 4 + 1e-3)) for n in drums.notes}
    assert set(np.flatnonzero(plan.drums.any(axis=1))) == steps


def test_a_held_chord_is_one_onset_and_holds() -> None:
    chord = Track("chords", 0, [Note(1.0, 1.0, p, 80) for p in (60, 64, 67)])
    vocabulary = Vocabulary([(60, 64, 67)])
    plan = plan_from_score(score_of(chord), vocabulary)
    assert plan.n_steps % STEPS_PER_BAR == 0
    assert plan.chords[4:9].tolist() == [FIRST_ONSET, HOLD, HOLD, HOLD, 0]


def test_two_hits_within_a_step_are_a_roll() -> None:
    hats = Track("drums", 0, [Note(0.0, 0.1, 42, 80), Note(0.125, 0.1, 42, 80)], is_drum=True)
    plan = plan_from_score(score_of(hats), Vocabulary([(60,)]))
    assert plan.drums[0].max() == DRUM_ROLL


def test_plans_do_not_depend_on_the_key() -> None:
    vocabulary = Vocabulary([(60, 64, 67)])
    plans = [
        plan_from_score(score_of(Track("chords", 0, [Note(0, 1, p + transposition(key), 80) for p in (60, 64, 67)]), key=key), vocabulary)
        for key in (0, 3, 9)
    ]
    assert all(np.array_equal(plan.chords, plans[0].chords) for plan in plans)


def test_an_unknown_voicing_becomes_the_one_that_shares_most_pitch_classes() -> None:
    vocabulary = Vocabulary([(60, 64, 67), (62, 65, 69)])
    assert vocabulary.index((60, 64, 67, 72)) == 0
    assert vocabulary.index((50, 53, 57)) == 1


@pytest.mark.parametrize(("start", "end", "expected"), [(0.0, 4.0, (0, 1)), (-0.5, 4.0, (-1, 2)), (0.2, 4.1, (0, 2)), (-4.0, 0.0, (-1, 1))])
def test_bars_cover_the_clip(start: float, end: float, expected: tuple[int, int]) -> None:
    assert bars_of(start, end) == expected


def test_emphasis_multiplies_the_velocities_of_its_steps() -> None:
    hits = Track("drums", 0, [Note(step / 4, 0.1, 36, 110) for step in range(8)], is_drum=True)
    bass = Track("bass", 36, [Note(step / 4, 0.2, 40, 90) for step in range(8)])
    plan = plan_from_score(score_of(hits, bass), Vocabulary([(60,)]))
    emphasis = np.where(np.arange(plan.n_steps) % 4 == 0, 2.0, 0.5)
    given = {"beat_times_seconds": np.arange(12) * 0.5, "downbeat": 0, "duration_seconds": 4.0}
    plain, stressed = (score_from_plan(plan, Vocabulary([(60,)]), emphasis=e, **given) for e in (None, emphasis))  # type: ignore[arg-type]
    for before, after in zip(plain.tracks, stressed.tracks):
        assert [n.velocity for n in after.notes] == pytest.approx(
            [min(127, n.velocity * emphasis[round(n.start_beats * 4)]) for n in before.notes], abs=0.51
        )
