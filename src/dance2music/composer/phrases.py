"""Which phrase of a piece is which: songs say one thing most of the time, and another before it tires.

Sections of one kind share a phrase (`recalled` and the composer's materials). Where more than four of its phrases follow each other, the
third of every four is another one: A A B A, then A A C A. An intro, which has no melody yet, does not count; of what leads back to the song
all phrases of the piece count as following each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from dance2music.rhythm.sections import has_form
from dance2music.types import BEATS_PER_BAR, Section

PHRASE_BARS, SHORT_PHRASE_BARS = 4, 2
"""Bars of a phrase, and in a dance so short that it has one section."""
KINDS = (("intro", "groove", "drop", "outro"), ("build", "break"))
"""Sections that share a phrase: the song's, and another for what leads back to it."""
_TIRING = 4
_OTHERS = 3


class Phrase(NamedTuple):
    """Beats from ``begin_beat`` to ``end_beat``, of which of `KINDS`, and whether it is that one's phrase, 0, or another one."""

    begin_beat: int
    end_beat: int
    kind: int
    letter: int


def phrases_of(sections: Sequence[Section]) -> list[Phrase]:
    """The phrases of all sections but the ending, in order; each begins anew in a section, whose last may be shorter."""
    bars = PHRASE_BARS if has_form(sections) else SHORT_PHRASE_BARS
    cut = [
        (begin, min(begin + bars * BEATS_PER_BAR, section.end_beat), kind, section.name)
        for section in sections
        for kind, names in enumerate(KINDS)
        if section.name in names
        for begin in range(section.begin_beat, section.end_beat, bars * BEATS_PER_BAR)
    ]
    found = []
    runs = [list(run) for kind, run in groupby(cut, key=lambda phrase: phrase[2]) if not kind]
    for together in [*runs, [phrase for phrase in cut if phrase[2]]]:
        intro = sum(name == "intro" for *_, name in together)
        for place, (begin, end, kind, name) in enumerate(together, start=-intro):
            other = len(together) - intro > _TIRING and place >= 0 and place % 4 == 2 and name != "drop"
            found.append(Phrase(begin, end, kind, 1 + place // 4 % _OTHERS if other else 0))
    return sorted(found)
