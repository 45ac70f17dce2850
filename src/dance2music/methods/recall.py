"""Phrases that return: a plan in which the sections of one kind are made of one phrase, replayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dance2music.methods.plan import FIRST_ONSET, PITCHED_ROLES, Plan
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Section

PHRASE_BARS, SHORT_PHRASE_BARS = 4, 2
"""Bars of a phrase, and in a dance so short that it has one section."""
_MATERIALS = (("intro", "groove", "drop", "outro"), ("build", "break"))
"""Sections that share a phrase: the song's, and another for what leads back to it."""


def recalled(plan: Plan, sections: Sequence[Section]) -> Plan:
    """The plan with the pitched roles of one phrase replayed in every phrase of sections of its kind; drums go on as they are.

    Each kind has the phrase with the most lead notes, else its first whole one: that is what is remembered of a piece.
    """
    rows: dict[str, Any] = {role: getattr(plan, role).copy() for role in PITCHED_ROLES}
    bars = PHRASE_BARS if len(sections) > 2 else SHORT_PHRASE_BARS
    for names in _MATERIALS:
        phrases = [phrase for section in sections if section.name in names for phrase in _phrases(plan, section, bars)]
        if len(phrases) < 2:
            continue
        longest = max(len(phrase) for phrase in phrases)
        source = max((phrase for phrase in phrases if len(phrase) == longest), key=lambda phrase: _lead_notes(plan, phrase))
        for phrase in phrases:
            for role, row in rows.items():
                row[phrase.start : phrase.stop] = getattr(plan, role)[source.start : source.start + len(phrase)]
    return replace(plan, **rows)


def _phrases(plan: Plan, section: Section, bars: int) -> list[range]:
    """The steps of the phrases of a section within the plan, from its beginning on; the last may be shorter."""
    offset, length = plan.first_bar * BEATS_PER_BAR, bars * BEATS_PER_BAR * STEPS_PER_BEAT
    begin, end = ((beat - offset) * STEPS_PER_BEAT for beat in (section.begin_beat, section.end_beat))
    whole = [range(max(at, 0), min(at + length, end, plan.n_steps)) for at in range(begin, end, length)]
    return [phrase for phrase in whole if len(phrase)]


def _lead_notes(plan: Plan, phrase: range) -> int:
    return int(np.count_nonzero(plan.lead[phrase.start : phrase.stop] >= FIRST_ONSET))
