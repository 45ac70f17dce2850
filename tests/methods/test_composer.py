"""The composer as a method: it writes for this dance's beats, energy and accents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import tiny
from dance2music.methods.composer import Composer, accents_at_steps, emphasized, energy_at_beats, strongest_of_bars
from dance2music.types import GENRES, Note, Rhythm, Score, Track


def notes(score) -> list:  # type: ignore[no-untyped-def, type-arg]
    return [(track.role, *note) for track in score.tracks for note in track.notes]


def test_the_score_has_the_beats_length_and_genre_of_the_dance() -> None:
    given = tiny.conditioning(6.0, "waack")
    (score,) = Composer().generate(given, [0])
    assert np.array_equal(score.beat_times_seconds, given.rhythm.beat_times_seconds) and score.downbeat == given.rhythm.downbeat
    assert score.duration_seconds == given.duration_seconds and GENRES[score.genre] == "waack"


def test_a_seed_is_a_take() -> None:
    given = tiny.conditioning()
    first, again, other = Composer().generate(given, [3, 3, 4])
    assert notes(first) == notes(again) and notes(first) != notes(other)


def test_energy_follows_how_much_the_dancer_moves() -> None:
    given = tiny.conditioning(6.0)
    motion = given.motion.clone()
    motion[: len(motion) // 2] *= 0.1
    beats = given.rhythm.beat_times_seconds
    energy = energy_at_beats(replace(given, motion=motion))
    assert energy.shape == beats.shape and energy.min() >= 0 and energy.max() <= 1
    assert energy[beats > 3.5].mean() > energy[beats < 2.5].mean() + 0.3


def test_accents_lie_where_the_dancer_comes_to_rest() -> None:
    rhythm = Rhythm(np.arange(-0.5, 4.0, 0.5), 1, 120.0, 1.0, np.array([1.0, 2.126]))
    accents = accents_at_steps(rhythm)
    times = rhythm.time_at(np.arange(len(accents)) / 4 - rhythm.downbeat)
    assert times[np.argsort(-accents)[:2]] == pytest.approx([1.0, 2.125]) and accents.max() == pytest.approx(1.0)
    assert not accents_at_steps(replace(rhythm, kinematic_beats_seconds=np.zeros(0))).any()


def test_the_beat_is_stated_more_and_what_the_dancer_stresses_is_not_softened() -> None:
    rhythm = Rhythm(np.arange(-0.5, 4.0, 0.5), 1, 120.0, 1.0, np.array([1.125]))
    hits = Track("drums", 0, [Note(step / 4, 0.1, 36, 100) for step in range(16)], is_drum=True)
    score = Score([hits], rhythm.beat_times_seconds, 1, 4.0, genre=1, key=0, minor=True)
    heard = {round(n.start_beats * 4): n.velocity for n in emphasized(score, accents_at_steps(rhythm)).tracks[0].notes}
    assert heard[9] == 100 and all(heard[step] > 100 for step in range(0, 16, 4))
    assert all(heard[step] < 90 for step in range(16) if step % 4 and step != 9)
    assert hits.notes[1].velocity == 100


def test_a_bar_keeps_its_strongest_accent_alone() -> None:
    accents = np.random.default_rng(0).random(11 * 4)
    kept = strongest_of_bars(accents, downbeat=3)
    bars = [kept[:12], kept[12:28], kept[28:]]
    assert [int(np.count_nonzero(bar)) for bar in bars] == [1, 1, 1]
    assert [float(bar.max()) for bar in bars] == [accents[:12].max(), accents[12:28].max(), accents[28:].max()]
