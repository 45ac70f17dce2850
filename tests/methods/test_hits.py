"""Drum hits on a dancer's stops."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.methods.hits import LEAST, LOUD, NEAR_SECONDS, STYLES, with_hits
from dance2music.types import GENRES, Note, Score, Track


def score(genre: str = "break", *, swing: float = 0.5) -> Score:
    kicks = [Note(float(beat), 0.25, 36, 90) for beat in range(8)]
    hats = [Note(beat / 2, 0.25, 42, 60) for beat in range(16)]
    tracks = [Track("drums", 0, sorted(kicks + hats), True), Track("bass", 33, [Note(0.0, 1.0, 40, 90)])]
    return Score(tracks, np.arange(10) * 0.5, 0, 4.0, GENRES.index(genre), 0, False, swing)


def new_notes(before: Score, after: Score) -> list[Note]:
    return [note for note in after.tracks[0].notes if note not in before.tracks[0].notes]


def test_a_drum_near_a_stop_is_made_louder_and_no_stroke_is_added() -> None:
    plain = score()
    made = with_hits(plain, np.array([1.0 + 0.8 * NEAR_SECONDS]))
    assert len(made.tracks[0].notes) == len(plain.tracks[0].notes)
    assert new_notes(plain, made) == [Note(2.0, 0.25, 36, LOUD)]
    assert plain.tracks[0].notes == score().tracks[0].notes, "the score itself stays as it is"


@pytest.mark.parametrize("swing", [0.5, 0.62])
def test_elsewhere_a_stroke_sounds_at_the_stop_itself(swing: float) -> None:
    plain = score(swing=swing)
    made = new_notes(plain, with_hits(plain, np.array([1.33])))
    assert [note.pitch for note in made] == list(STYLES["break"].drums) and {note.velocity for note in made} == {LEAST}
    assert plain.time_at(np.array([note.start_beats for note in made])) == pytest.approx(1.33)


def test_a_genre_with_a_steady_beat_takes_hits_on_its_grid() -> None:
    plain = score("house")
    (note,) = new_notes(plain, with_hits(plain, np.array([1.30])))
    assert note.start_beats * 4 == round(note.start_beats * 4) and abs(plain.time_at(np.array([note.start_beats]))[0] - 1.30) <= 0.0625


def test_scores_without_drums_and_stops_outside_the_piece_are_left_alone() -> None:
    plain = score()
    silent = Score(plain.tracks[1:], plain.beat_times_seconds, 0, 4.0, 0, 0, False)
    assert with_hits(silent, np.array([1.0])) is silent and with_hits(plain, np.zeros(0)) is plain
    assert with_hits(plain, np.array([-0.5, 4.2])).tracks[0].notes == plain.tracks[0].notes


def test_every_genre_has_its_hits() -> None:
    assert set(STYLES) == set(GENRES)


@pytest.mark.parametrize("swing", [0.5, 0.54, 0.667])
@pytest.mark.parametrize("unit", [0.25, 0.5])
def test_positions_and_times_of_a_swung_score_are_inverse(swing: float, unit: float) -> None:
    swung = Score([], np.array([-0.4, 0.1, 0.62, 1.1, 1.65, 2.2]), 1, 2.0, 0, 0, False, swing, unit)
    beats = np.linspace(-1.5, 4.5, 61)
    assert swung.beat_at(swung.time_at(beats)) == pytest.approx(beats, abs=1e-9)
