"""What the studio adds to the form of a score: effects at the borders of its sections, and the ring of its ending.

Risers lead up to drops, an impact and a crash stand on them; a downlifter falls into a break; a reversed cymbal leads into everything else
and into the ending of a piece with sections. In a short one it would cover the last beats that there are to count.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from dance2music.rhythm.sections import SHORTEST_FADE_SECONDS, ending_of, has_form, ring_seconds
from dance2music.sound.transition_sounds import Transition
from dance2music.types import BEATS_PER_BAR, Score, Section

_RISER_BARS, _FALL_BARS, _REVERSE_BEATS = 2.0, 1.0, 2.0
_LEAST_SECONDS = 0.3


def border_effects(score: Score) -> list[Transition]:
    """Effects at the borders of a score's sections, in order; none for a score without sections.

    An effect that leads to a border is no longer than the section before it.
    """
    form = score.sections
    return [effect for before, after in itertools.pairwise(form) for effect in _effects(score, before, after, led=has_form(form))]


def fade_seconds(score: Score) -> float:
    """Length of the fall to silence at the end: most of the ring of an ending, next to nothing without one."""
    ending = ending_of(score.sections)
    if ending is None:
        return SHORTEST_FADE_SECONDS
    return ring_seconds(_seconds(score, ending.begin_beat), score.duration_seconds)


def _effects(score: Score, before: Section, after: Section, *, led: bool) -> Iterator[Transition]:
    border = after.begin_beat
    at = _seconds(score, border)

    def since(beats: float) -> float:
        return max(_LEAST_SECONDS, at - _seconds(score, max(border - beats, before.begin_beat)))

    def until(beats: float) -> float:
        return max(_LEAST_SECONDS, _seconds(score, border + beats) - at)

    if after.name == "drop":
        yield Transition(at, "riser", since(_RISER_BARS * BEATS_PER_BAR), 0.6)
        yield Transition(at, "impact", until(BEATS_PER_BAR), 0.8)
    elif after.name == "break":
        yield Transition(at, "downlifter", until(_FALL_BARS * BEATS_PER_BAR), 0.5)
    elif led:
        yield Transition(at, "reverse", since(_REVERSE_BEATS), 0.5)
    if after.name == "ending":
        yield Transition(at, "impact", until(BEATS_PER_BAR), 0.4)


def _seconds(score: Score, beat: float) -> float:
    return float(score.time_at(np.array([beat]))[0])
