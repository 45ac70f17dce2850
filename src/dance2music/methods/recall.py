"""Phrases that return: a plan in which the sections of one kind are made of one phrase, replayed, and of a second where it would tire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dance2music.composer.phrases import phrases_of
from dance2music.methods.plan import FIRST_ONSET, PITCHED_ROLES, Plan
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Section


def recalled(plan: Plan, sections: Sequence[Section]) -> Plan:
    """The plan with the pitched roles of one phrase replayed in every phrase of its kind and letter; drums go on as they are.

    Letters are those of `composer.phrases`. The first of each kind is the phrase with the most lead notes, else its first whole one: that
    is what is remembered of a piece. Another letter is the phrase whose melody is most unlike those that there are, by share of steps.
    """
    rows: dict[str, Any] = {role: getattr(plan, role).copy() for role in PITCHED_ROLES}
    offset = plan.first_bar * BEATS_PER_BAR
    phrases = []
    for phrase in phrases_of(sections):
        begin, end = ((beat - offset) * STEPS_PER_BEAT for beat in (phrase.begin_beat, phrase.end_beat))
        steps = range(max(begin, 0), min(end, plan.n_steps))
        if len(steps):
            phrases.append((steps, phrase.kind, phrase.letter))
    for kind in sorted({kind for _, kind, _ in phrases}):
        own = [(steps, letter) for steps, of, letter in phrases if of == kind]
        longest = max(len(steps) for steps, _ in own)
        whole = [steps for steps, _ in own if len(steps) == longest]
        sources: dict[int, range] = {}
        for letter in sorted({letter for _, letter in own}):
            sources[letter] = max(whole, key=lambda steps: (_unlike(plan, steps, list(sources.values())), _lead_notes(plan, steps)))
        for steps, letter in own:
            source = sources[letter].start
            for role, row in rows.items():
                row[steps.start : steps.stop] = getattr(plan, role)[source : source + len(steps)]
    return replace(plan, **rows)


def _unlike(plan: Plan, phrase: range, others: Sequence[range]) -> float:
    """Least share of steps at which a phrase begins another melody note, or none where another phrase does; 0 without others."""
    own = _melody(plan, phrase)
    return min((float(np.mean(own != _melody(plan, other))) for other in others), default=0.0)


def _melody(plan: Plan, phrase: range) -> np.ndarray:
    notes = plan.lead[phrase.start : phrase.stop]
    return np.where(notes >= FIRST_ONSET, notes, 0)


def _lead_notes(plan: Plan, phrase: range) -> int:
    return int(np.count_nonzero(plan.lead[phrase.start : phrase.stop] >= FIRST_ONSET))
