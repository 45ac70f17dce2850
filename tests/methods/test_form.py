"""The form as a network reads it."""

from __future__ import annotations

import numpy as np

from dance2music.methods.form import FORM_DIM, form_features
from dance2music.methods.plan import STEPS_PER_BAR
from dance2music.types import SECTION_NAMES, Section

SECTIONS = (Section(-4, 8, "intro", 0.2), Section(8, 24, "drop", 1.0), Section(24, 30, "ending", 1.0))


def bar(rows: np.ndarray, index: int, first_bar: int) -> np.ndarray:
    return rows[(index - first_bar) * STEPS_PER_BAR]


def test_every_step_has_its_section_its_level_and_its_place_in_a_phrase() -> None:
    rows = form_features(SECTIONS, first_bar=-1, n_steps=9 * STEPS_PER_BAR)
    assert rows.shape == (9 * STEPS_PER_BAR, FORM_DIM) and rows.dtype == np.float32
    names = [SECTION_NAMES[int(bar(rows, b, -1)[: len(SECTION_NAMES)].argmax())] for b in range(-1, 8)]
    assert names == ["intro"] * 3 + ["drop"] * 4 + ["ending"] * 2
    level, formed, *places = bar(rows, 2, -1)[len(SECTION_NAMES) : len(SECTION_NAMES) + 6]
    assert (level, formed, places) == (1.0, 1.0, [1.0, 0.0, 0.0, 0.0])


def test_the_bars_before_a_border_know_that_it_comes_and_what_behind_it() -> None:
    rows = form_features(SECTIONS, first_bar=-1, n_steps=9 * STEPS_PER_BAR)
    last, before, drop = bar(rows, 1, -1)[-3:], bar(rows, 0, -1)[-3:], bar(rows, 2, -1)[-3:]
    assert list(last) == [1.0, 0.0, 1.0] and list(before) == [0.0, 1.0, 1.0] and list(drop) == [0.0, 0.0, 0.0]


def test_without_sections_there_is_nothing_to_read() -> None:
    assert not form_features((), first_bar=0, n_steps=STEPS_PER_BAR).any()


def test_what_lies_before_the_first_section_belongs_to_it() -> None:
    rows = form_features(SECTIONS, first_bar=-3, n_steps=STEPS_PER_BAR)
    assert rows[0, SECTION_NAMES.index("intro")] == 1.0
