"""A section that is rendered alone is what the piece has there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dance2music.composer.compose import compose
from dance2music.music.splice import SEAM_SECONDS
from dance2music.sound.mix import genre_sound
from dance2music.sound.render import SAMPLE_RATE, render_measured, render_studio_stems
from dance2music.sound.section import render_section, render_section_stems
from dance2music.types import GENRES, Audio, Score, Span

SECONDS = 16.0
SPAN = Span(10.0, 12.0)


def piece(genre: int) -> Score:
    return compose(genre, seed=5, duration_seconds=SECONDS)


def seconds(audio: Audio, first: int, begin_seconds: float, end_seconds: float) -> np.ndarray:
    """Samples [C, n] of a part of the piece, of sound that begins at sample ``first`` of it."""
    begin, end = (round(t * audio.sample_rate) - first for t in (begin_seconds, end_seconds))
    assert begin >= 0 and end <= audio.samples.shape[-1]
    return audio.samples[:, begin:end]


@pytest.mark.parametrize("genre", range(len(GENRES)), ids=GENRES)
def test_a_section_alone_is_what_the_whole_piece_has_there(genre: int) -> None:
    score = piece(genre)
    whole, levels = render_measured(score, seed=3)
    assert levels is not None
    first, alone = render_section(score, SPAN, levels, seed=3)
    assert first > 0 and alone.samples.shape[-1] < 0.8 * whole.samples.shape[-1], "a window, not the piece"
    begin, end = SPAN.begin_seconds - SEAM_SECONDS, SPAN.end_seconds + SEAM_SECONDS
    there, here = seconds(whole, 0, begin, end), seconds(alone, first, begin, end)
    error_db = 10 * np.log10(np.mean((there - here) ** 2) / np.mean(there**2))
    # A record's noise is another; the limiter, which smooths by running sums, is the same to within rounding.
    assert error_db < (-25 if genre_sound(score).vinyl_db is not None else -100)


def test_the_stems_of_a_section_add_up_to_it() -> None:
    score = piece(GENRES.index("house"))
    _, levels = render_measured(score)
    assert levels is not None
    first, alone = render_section(score, SPAN, levels)
    begins, stems = render_section_stems(score, SPAN, levels)
    assert begins == first and np.allclose(sum(stem.samples for stem in stems.values()), alone.samples, atol=1e-5)


def test_a_section_at_the_end_falls_to_silence_with_the_piece() -> None:
    score = piece(GENRES.index("ballet-jazz"))
    whole, levels = render_measured(score)
    assert levels is not None
    first, alone = render_section(score, Span(SECONDS - 2.0, SECONDS), levels)
    assert first + alone.samples.shape[-1] == whole.samples.shape[-1]
    assert np.allclose(seconds(alone, first, SECONDS - 0.5, SECONDS), seconds(whole, 0, SECONDS - 0.5, SECONDS), atol=1e-4)


def test_a_section_at_the_beginning_begins_with_the_piece() -> None:
    score = piece(GENRES.index("house"))
    whole, levels = render_measured(score)
    assert levels is not None
    first, alone = render_section(score, Span(0.0, 1.0), levels)
    # A note's sound is made as long as the longest one of its pitch that is heard, which changes some last bits of it.
    assert first == 0 and np.allclose(alone.samples[:, :SAMPLE_RATE], whole.samples[:, :SAMPLE_RATE], atol=1e-3)


def test_silence_has_no_levels() -> None:
    score = piece(0)
    audio, levels = render_measured(replace(score, tracks=[]))
    assert levels is None and not audio.samples.any()
    assert not any(stem.samples.any() for stem in render_studio_stems(replace(score, tracks=[])).values())


def test_drums_in_a_piece_without_any_are_no_louder_than_they_would_be_in_the_whole() -> None:
    score = piece(GENRES.index("krump"))
    bare = replace(score, tracks=[track for track in score.tracks if not track.is_drum])
    _, levels = render_measured(bare)
    assert levels is not None and levels.drums_power == 0.0
    _, own = render_measured(score)
    assert own is not None
    span = Span(2.0, 4.0)
    first, alone = render_section(score, span, levels)
    _, given = render_section(score, span, levels._replace(drums_power=own.drums_power))
    measured = np.square(seconds(alone, first, 2.2, 3.8)).mean() / np.square(seconds(given, first, 2.2, 3.8)).mean()
    assert abs(10 * np.log10(measured)) < 1.0
