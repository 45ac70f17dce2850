"""The tables of the genres fit their notation and the palette."""

from __future__ import annotations

import pytest

from dance2music.composer.genres import DRUM_LANES, DRUM_PITCH, FILLS, PROGRAMS, steps
from dance2music.composer.harmony import SCALES, parse_progression
from dance2music.composer.styles import STYLES
from dance2music.types import GENRES, ROLES


def test_the_palette_is_small_and_without_doubles() -> None:
    assert len(set(PROGRAMS)) == len(PROGRAMS) <= 26
    assert len(DRUM_PITCH) == len(set(DRUM_PITCH.values())) == len(DRUM_LANES) <= 16
    used = {program for style in STYLES for programs in style.programs.values() for program in programs}
    assert used == set(PROGRAMS)


@pytest.mark.parametrize("genre", range(10), ids=GENRES)
def test_every_pattern_follows_its_notation(genre: int) -> None:
    style = STYLES[genre]
    for groove in (*style.grooves, style.light, style.extra, *(FILLS[i] for i in style.fills)):
        assert all(lane in DRUM_PITCH and set(steps(row)) <= set("-omxXrt") for lane, row in groove.items())
    assert all(set(steps(line)) <= set("-_R853764ab") for line in style.bass_lines)
    assert all(set(steps(row)) <= set("-_xX") for row in style.comping)
    assert all(set(steps(row)) <= set("-_x") and steps(row).startswith(("x", "-")) for row in style.melody)


@pytest.mark.parametrize("genre", range(10), ids=GENRES)
def test_every_genre_offers_variety(genre: int) -> None:
    style = STYLES[genre]
    assert len(style.tempi_bpm) == 6 and len(style.grooves) >= 3 and len(style.bass_lines) >= 3 and len(style.comping) >= 3
    assert set(style.programs) == set(ROLES) - {"drums"}
    for text in (*style.major, *style.minor):
        assert len(parse_progression(text)) in (1, 2, 4, 8)
    assert all((style.scale, minor) in SCALES for minor in (True, False))


def test_house_is_the_only_genre_with_other_tempi() -> None:
    usual = (80.0, 90.0, 100.0, 110.0, 120.0, 130.0)
    assert [GENRES[i] for i, style in enumerate(STYLES) if style.tempi_bpm != usual] == ["house"]
    assert STYLES[GENRES.index("house")].tempi_bpm == (110.0, 115.0, 120.0, 125.0, 130.0, 135.0)
