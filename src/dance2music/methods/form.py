"""The form of a piece as a network reads it: per 16th note its section, how much goes on there, and how far the borders are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dance2music.rhythm.sections import has_form, section_at
from dance2music.types import BEATS_PER_BAR, SECTION_NAMES, STEPS_PER_BEAT, Section

_PHRASE_BARS, _BARS_AHEAD = 4, 2
FORM_DIM = len(SECTION_NAMES) + 2 + _PHRASE_BARS + _BARS_AHEAD + 1


def form_features(sections: Sequence[Section], *, first_bar: int, n_steps: int) -> np.ndarray:
    """What the form says at each step.

    Parameters
    ----------
    sections : of `rhythm.sections`; without any, all is 0.
    first_bar : bar, from the first downbeat, that step 0 begins.
    n_steps : steps S.

    Returns
    -------
    float32 [S, FORM_DIM]: one of `SECTION_NAMES`; its level; whether the piece has more sections than one and the ending; the bar's
    place in a phrase of four from the section's beginning; whether it is the last or last but one before a border; whether a drop is next.
    """
    assert n_steps % (STEPS_PER_BEAT * BEATS_PER_BAR) == 0, "plans have whole bars"
    rows = np.zeros((n_steps, FORM_DIM), dtype=np.float32)
    for start in range(0, n_steps, STEPS_PER_BEAT):
        beat = first_bar * BEATS_PER_BAR + start // STEPS_PER_BEAT
        section = section_at(sections, beat)
        if section is None:
            break
        index = sections.index(section)
        place = (beat - section.begin_beat) // BEATS_PER_BAR
        ahead = (section.end_beat - 1 - beat) // BEATS_PER_BAR
        values = [float(name == section.name) for name in SECTION_NAMES]
        values += [section.level, float(has_form(sections))]
        values += [float(place % _PHRASE_BARS == bar) for bar in range(_PHRASE_BARS)]
        values += [float(ahead == bar) for bar in range(_BARS_AHEAD)]
        values += [float(index + 1 < len(sections) and sections[index + 1].name == "drop")]
        rows[start : start + STEPS_PER_BEAT] = values
    return rows
