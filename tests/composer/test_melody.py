"""Rules of a tune: what weighs fits its chord, nothing drones, what returns returns, and all but pitch is as it was written."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dance2music.composer.compose import compose
from dance2music.composer.melody import HIGHEST, LOWEST, tuneful
from dance2music.metrics.production import lead_repetition
from dance2music.types import GENRES, Note, Score, Section, Track

BARS = 8
FORM = (Section(0, 4 * BARS, "groove", 1.0),)
CHORDS = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67))
"""C, F, G, C: a bar each."""


def score_of(lead: list[Note]) -> Score:
    """A lead over chords in C major."""
    chords = [Note(4.0 * bar, 4.0, pitch, 70) for bar in range(BARS) for pitch in CHORDS[bar % 4]]
    tracks = [Track("chords", 0, chords), Track("lead", 80, lead)]
    return Score(tracks, np.arange(4.0 * BARS + 1) * 0.5, 0, 2.0 * BARS, GENRES.index("pop"), 0, False, sections=FORM)


def lead_of(score: Score) -> list[Note]:
    return [note for track in score.tracks if track.role == "lead" for note in track.notes]


def test_a_melody_that_drones_is_given_other_pitches() -> None:
    drone = [Note(0.5 * i, 0.4, 72, 90) for i in range(8 * BARS)]
    pitches = Counter(note.pitch for note in lead_of(tuneful(score_of(drone))))
    assert max(pitches.values()) / len(drone) < 0.6 and len(pitches) > 1


def test_what_weighs_is_no_semitone_above_a_tone_of_its_chord() -> None:
    clashing = [Note(4.0 * bar + beat, 1.0, 12 + CHORDS[bar % 4][beat % 3] + 1, 90) for bar in range(BARS) for beat in range(4)]
    for note in lead_of(tuneful(score_of(clashing))):
        chord = {pitch % 12 for pitch in CHORDS[int(note.start_beats // 4) % 4]}
        assert note.pitch % 12 in chord or (note.pitch - 1) % 12 not in chord


def test_a_line_that_keeps_the_rules_stays_as_it_was_written() -> None:
    line = [
        (0, 76),
        (1, 74),
        (2, 72),
        (3, 67),
        (4, 69),
        (5, 72),
        (6, 74),
        (7, 72),
        (8, 71),
        (9, 74),
        (10, 79),
        (11, 74),
        (12, 72),
        (14, 76),
    ]
    written = [Note(16.0 * half + beat, 0.9, pitch, 90) for half in range(2) for beat, pitch in line]
    kept = [a.pitch == b.pitch for a, b in zip(written, lead_of(tuneful(score_of(written))))]
    assert np.mean(kept) > 0.8


def test_bars_that_return_return() -> None:
    motif = [(0.0, 72), (1.5, 77), (2.0, 77), (3.0, 70)]
    hook = [Note(4.0 * bar + beat, 0.5, pitch, 90) for bar in range(BARS) for beat, pitch in motif]
    made = tuneful(score_of(hook))
    assert [note.pitch for note in lead_of(made)] != [note.pitch for note in hook]
    assert lead_repetition(made) >= 0.75


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4 * 4 * BARS - 1), st.integers(0, 127), st.integers(1, 127)), max_size=60), st.booleans())
def test_only_pitches_change_and_only_by_a_little(drawn: list[tuple[int, int, int]], minor: bool) -> None:
    lead = [Note(step / 4, 0.25, pitch, velocity) for step, pitch, velocity in sorted(set(drawn))]
    score = score_of(lead)
    score.minor = minor
    made = tuneful(score)
    assert made.tracks[0] == score.tracks[0] and len(lead_of(made)) == len(lead)
    for before, after in zip(lead, lead_of(made)):
        assert before._replace(pitch=after.pitch) == after
        assert before.pitch == after.pitch or LOWEST <= after.pitch <= HIGHEST
    assert lead_of(tuneful(score)) == lead_of(made), "nothing is drawn"


def test_composed_melodies_have_more_steps() -> None:
    form, steps = (Section(0, 16, "groove", 0.6), Section(16, 32, "drop", 1.0)), []
    for genre in range(len(GENRES)):
        score = compose(genre, seed=3, beat_times_seconds=np.arange(40) * 0.5, duration_seconds=16.0, sections=form)
        if len(lead_of(score)) > 8:
            steps.append((share_of_steps(lead_of(score)), share_of_steps(lead_of(tuneful(score)))))
    before, after = np.mean(steps, axis=0)
    assert len(steps) >= 5 and after > before + 0.05


def share_of_steps(notes: list[Note]) -> float:
    """Share of intervals of one or two semitones."""
    sizes = np.abs(np.diff([note.pitch for note in notes]))
    return float(np.mean((sizes > 0) & (sizes < 3)))
