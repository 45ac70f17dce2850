"""What the studio adds at the borders of a form, and how its ending falls to silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dance2music.composer.compose import compose
from dance2music.composer.shape import shaped
from dance2music.sound.borders import border_effects, fade_seconds
from dance2music.sound.render import render_studio, render_studio_stems
from dance2music.types import GENRES, Score, Section

FORM = (Section(0, 8, "intro", 0.3), Section(8, 16, "drop", 1.0), Section(16, 20, "break", 0.2), Section(20, 23, "ending", 0.4))
SECONDS = 11.3


def piece(form: tuple[Section, ...] = FORM) -> Score:
    grid = np.arange(32) * 0.5
    score = compose(GENRES.index("house"), seed=1, beat_times_seconds=grid, duration_seconds=SECONDS, sections=form)
    return shaped(replace(score, sections=form), seed=1)


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))


def test_each_border_has_effects_that_fit_what_begins_there() -> None:
    kinds = [(effect.kind, effect.time_seconds) for effect in border_effects(piece())]
    assert kinds == [("riser", 4.0), ("impact", 4.0), ("downlifter", 8.0), ("reverse", 10.0), ("impact", 10.0)]
    assert border_effects(replace(piece(), sections=())) == []


def test_nothing_covers_the_last_beats_of_a_short_piece() -> None:
    short = (Section(0, 20, "groove", 0.6), Section(20, 23, "ending", 0.6))
    assert [effect.kind for effect in border_effects(piece(short))] == ["impact"]


def test_an_effect_that_leads_to_a_border_is_no_longer_than_the_section_before() -> None:
    short = (Section(0, 2, "intro", 0.3), Section(2, 16, "drop", 1.0), Section(16, 23, "ending", 0.4))
    (riser, *_) = border_effects(replace(piece(), sections=short))
    assert riser.kind == "riser" and riser.length_seconds == pytest.approx(1.0)


def test_the_effects_are_heard_and_can_be_left_out() -> None:
    score = piece()
    assert not np.array_equal(render_studio(score).samples, render_studio(score, transitions=()).samples)
    effects = render_studio_stems(score)["effects"].samples
    assert level_db(effects[:, 48_000 * 7 // 2 : 48_000 * 4]) > level_db(effects[:, : 48_000 // 2]) + 20


def test_the_ending_rings_out_and_stems_still_add_up() -> None:
    score = piece()
    samples = render_studio(score).samples
    assert fade_seconds(score) == pytest.approx(0.7 * (SECONDS - 10.0)) and fade_seconds(replace(score, sections=())) < 0.05
    assert level_db(samples[:, -4800:]) < level_db(samples) - 20
    assert level_db(samples[:, 480_000 : 480_000 + 14_400]) > level_db(samples) - 6
    total = np.sum([stem.samples for stem in render_studio_stems(score).values()], axis=0)
    assert np.abs(total - samples).max() < 1e-4
