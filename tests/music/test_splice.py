"""A section of one piece in another: outside it nothing changes."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.music.audio import to_int16
from dance2music.music.splice import SEAM_SECONDS, spliced, spliced_audio
from dance2music.types import Audio, Note, Score, Span, Track

RATE = 1000


def sound(value: float, seconds: float = 4.0) -> Audio:
    return Audio(np.full((2, round(seconds * RATE)), value, dtype=np.float32), RATE)


_GRID = (np.arange(-1.0, 7.0, 0.5), 2, 4.0, 0, 0, False)


def score(pitch: int, *, swing: float = 0.5, role: str = "bass") -> Score:
    """A note of a beat on every beat, two beats a second."""
    notes = [Note(float(beat), 1.0, pitch, 80) for beat in range(-2, 10)]
    return Score([Track(role, 0, notes)], *_GRID, swing=swing, seed=7)


@pytest.mark.parametrize("span", [Span(1.0, 2.0), Span(0.0, 1.0), Span(3.0, 4.0), Span(0.0, 4.0), Span(0.1, 3.9)])
def test_sound_changes_in_the_section_and_its_seams_alone(span: Span) -> None:
    kept, drawn = sound(0.25), sound(0.75)
    samples = spliced_audio(kept, drawn, span).samples
    begin, end, seam = (round(t * RATE) for t in (*span, SEAM_SECONDS))
    assert samples.shape == kept.samples.shape and samples.dtype == np.float32
    assert (samples[:, begin:end] == 0.75).all()
    assert (samples[:, : max(0, begin - seam)] == 0.25).all() and (samples[:, end + seam :] == 0.25).all()
    assert np.abs(np.diff(samples, axis=1)).max() < 0.01  # no step: the fade takes a quarter of a second


def test_a_part_of_the_other_piece_is_enough() -> None:
    rng = np.random.default_rng(0)
    kept, drawn = (Audio(rng.standard_normal((2, 4000)).astype(np.float32), RATE) for _ in range(2))
    part = Audio(drawn.samples[:, 700:2400], RATE)
    whole = spliced_audio(kept, drawn, Span(1.0, 2.0))
    assert np.array_equal(spliced_audio(kept, part, Span(1.0, 2.0), first=700).samples, whole.samples)


def test_a_seam_is_the_same_with_a_sound_and_with_its_file_of_16_bits() -> None:
    rng = np.random.default_rng(1)
    kept, drawn = (Audio(rng.uniform(-0.9, 0.9, (2, 4000)).astype(np.float32), RATE) for _ in range(2))
    read = Audio(to_int16(kept.samples) / np.float32(32767.0), RATE)
    written = [to_int16(spliced_audio(sound, drawn, Span(1.0, 2.0), as_written=True).samples) for sound in (kept, read)]
    assert np.array_equal(written[0], written[1])
    plain = [to_int16(spliced_audio(sound, drawn, Span(1.0, 2.0)).samples) for sound in (kept, read)]
    assert not np.array_equal(plain[0], plain[1]), "some sample of a seam would be another"


def test_a_section_of_the_same_sound_leaves_it_as_it_is() -> None:
    rng = np.random.default_rng(0)
    audio = Audio(rng.standard_normal((1, 4000)).astype(np.float32), RATE)
    assert np.allclose(spliced_audio(audio, audio, Span(1.0, 2.0)).samples, audio.samples, atol=1e-6)


def test_notes_that_begin_in_the_section_are_the_other_pieces() -> None:
    result = spliced(score(40), score(50), Span(1.0, 2.0))
    assert [note.pitch for note in result.tracks[0].notes] == [40] * 4 + [50] * 2 + [40] * 6
    assert [note.start_beats for note in result.tracks[0].notes] == [float(beat) for beat in range(-2, 10)]
    assert result.seed == 7 and result.key == 0


def test_held_notes_end_at_the_borders_of_the_section() -> None:
    kept, drawn = score(40), score(50)
    kept.tracks[0].notes[:] = [Note(0.0, 8.0, 40, 80)]
    drawn.tracks[0].notes[:] = [Note(2.0, 8.0, 50, 80)]
    before, inside = spliced(kept, drawn, Span(1.0, 2.0)).tracks[0].notes
    assert (before.start_beats, before.duration_beats) == (0.0, pytest.approx(2.0))
    assert (inside.start_beats, inside.duration_beats) == (2.0, pytest.approx(2.0))


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (Note(0.0, 3.5, 40, 60), [(0.0, 3.5)]),  # both hold it: one note, as long as the new piece has it
        (Note(1.0, 9.0, 40, 60), [(0.0, 4.0)]),  # to the end of the section at most
        (Note(1.0, 2.0, 50, 60), [(0.0, 2.0), (2.0, 1.0)]),  # another chord: from the border on
        (Note(1.0, 1.9, 50, 60), [(0.0, 2.0)]),  # too little is left of it
    ],
)
def test_what_is_held_where_a_section_begins_is_heard(drawn: Note, expected: list[tuple[float, float]]) -> None:
    kept, new = score(40, role="pad"), score(50, role="pad")
    kept.tracks[0].notes[:], new.tracks[0].notes[:] = [Note(0.0, 8.0, 40, 80)], [drawn]
    notes = spliced(kept, new, Span(1.0, 2.0)).tracks[0].notes
    assert [(note.start_beats, note.duration_beats) for note in notes] == [(a, pytest.approx(b)) for a, b in expected]
    assert notes[0].velocity == 80


def test_no_drum_is_held_into_a_section() -> None:
    kept, new = (Score([Track("drums", 0, [Note(0.0, 8.0, 36, 80)], True)], *_GRID) for _ in range(2))
    (note,) = spliced(kept, new, Span(1.0, 2.0)).tracks[0].notes
    assert note.duration_beats == pytest.approx(2.0)


def test_a_section_from_the_beginning_has_the_chord_that_is_under_way() -> None:
    kept, drawn = score(40), score(50)
    kept.tracks[0].notes[:] = [Note(-1.0, 4.0, 40, 80), Note(3.0, 1.0, 40, 80)]  # the music begins at beat 0
    drawn.tracks[0].notes[:] = [Note(-1.0, 3.0, 50, 80)]
    first, second = spliced(kept, drawn, Span(0.0, 1.0)).tracks[0].notes
    assert (first.pitch, first.start_beats, first.duration_beats) == (50, -1.0, 3.0)
    assert (second.pitch, second.start_beats) == (40, 3.0)


def test_a_section_to_the_end_rings_as_what_was_drawn() -> None:
    kept, drawn = score(40), score(50)
    drawn.tracks[0].notes[:] = [Note(6.0, 4.0, 50, 80)]  # the music ends at beat 8
    assert spliced(kept, drawn, Span(3.0, 4.0)).tracks[0].notes[-1] == Note(6.0, 4.0, 50, 80)


def test_a_role_that_only_one_of_the_pieces_has_is_there_where_it_belongs() -> None:
    result = spliced(score(40), score(60, role="lead"), Span(1.0, 2.0))
    bass, lead = (next(track for track in result.tracks if track.role == role) for role in ("bass", "lead"))
    assert len(bass.notes) == 10 and [note.start_beats for note in lead.notes] == [2.0, 3.0]


def test_swung_notes_are_in_the_section_if_they_sound_in_it() -> None:
    kept, drawn = score(40, swing=0.75), score(50, swing=0.75)
    kept.tracks[0].notes.append(Note(1.75, 0.25, 40, 80))  # swung to 1.875 beats, 0.9375 s
    for begin_seconds, stays in ((0.95, True), (0.92, False)):
        starts = [note.start_beats for note in spliced(kept, drawn, Span(begin_seconds, 2.0)).tracks[0].notes]
        assert (1.75 in starts) == stays
