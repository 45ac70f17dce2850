"""Clashes between roles and tones that a piece does not have, read from notes."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.metrics.clashes import clash_share, foreign_share, velocities_in
from dance2music.types import Note, Score, Span, Track

BEATS = np.arange(9) * 0.5


def piece(**roles: list[Note]) -> Score:
    """Four seconds at 120 bpm of these notes."""
    return Score(
        [Track(role, 0, notes, is_drum=role == "drums") for role, notes in roles.items()], BEATS, 0, 4.0, genre=0, key=0, minor=False
    )


def test_a_minor_second_or_ninth_between_roles_clashes_and_a_major_seventh_does_not() -> None:
    bass = [Note(0.0, 4.0, 36, 90)]
    for pitch, share in ((37, 0.5), (49, 0.5), (61, 0.5), (47, 0.0), (43, 0.0), (48, 0.0)):
        assert clash_share(piece(bass=bass, lead=[Note(2.0, 2.0, pitch, 90)]), Span(0.0, 2.0)) == pytest.approx(share, abs=0.02)


def test_neither_one_role_nor_drums_clash_with_themselves() -> None:
    assert clash_share(piece(chords=[Note(0.0, 4.0, 60, 90), Note(0.0, 4.0, 61, 90)]), Span(0.0, 2.0)) == 0
    assert clash_share(piece(bass=[Note(0.0, 4.0, 36, 90)], drums=[Note(0.0, 4.0, 37, 90)]), Span(0.0, 2.0)) == 0
    assert clash_share(piece(bass=[]), Span(0.0, 2.0)) == 0


def test_only_the_section_counts() -> None:
    score = piece(bass=[Note(0.0, 8.0, 36, 90)], lead=[Note(4.0, 4.0, 37, 90)])
    assert clash_share(score, Span(0.0, 2.0)) == 0 and clash_share(score, Span(2.0, 4.0)) == 1


def test_tones_that_the_rest_of_a_piece_has_in_any_octave_are_not_foreign() -> None:
    score = piece(bass=[Note(0.0, 4.0, 36, 90)], lead=[Note(4.0, 3.0, 72, 90), Note(7.0, 1.0, 66, 90)])
    assert foreign_share(score, Span(2.0, 4.0)) == pytest.approx(0.25, abs=0.02)
    assert foreign_share(score, Span(0.0, 4.0)) == 0, "a piece has all that it has"


def test_the_velocities_of_a_section_are_of_what_begins_in_it_drums_too() -> None:
    score = piece(bass=[Note(0.0, 8.0, 36, 90), Note(4.0, 1.0, 36, 70)], drums=[Note(4.0, 0.25, 38, 110), Note(6.0, 0.25, 38, 50)])
    assert sorted(velocities_in(score, Span(2.0, 3.0))) == [70, 110]
    assert len(velocities_in(piece(bass=[]), Span(0.0, 2.0))) == 0
