"""What a genre's tables hold, and the drum sounds and instruments that all genres choose from; the tables themselves are in `styles`.

Notation: one character per 16th step, blanks ignored, one or two bars.
Drums: ``-`` rest, ``o`` ghost, ``m`` medium, ``x`` hit, ``X`` accent, ``r`` two 32nds, ``t`` three in the step.
Bass: ``-`` rest, ``_`` hold, ``R`` root, ``8`` octave, ``5`` fifth, ``3`` third, ``7`` seventh, ``6`` sixth, ``4`` fourth, ``a`` approach
to the next root from a semitone below, ``b`` from above. Chords: ``-`` rest, ``_`` hold, ``x`` chord, ``X`` accented chord.
Melody: ``-`` rest, ``_`` hold, ``x`` note. Harmony: chord names in C major or C minor, ``|`` between bars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DRUM_LANES: tuple[tuple[str, int], ...] = (
    ("kick", 36), ("snare", 38), ("side_stick", 37), ("clap", 39), ("closed_hat", 42), ("pedal_hat", 44), ("open_hat", 46), ("low_tom", 45),
    ("mid_tom", 47), ("high_tom", 50), ("crash", 49), ("ride", 51), ("tambourine", 54), ("conga", 63), ("cowbell", 56),
)  # fmt: skip
"""All drum sounds that the composer uses: name and General MIDI pitch."""

DRUM_PITCH: dict[str, int] = dict(DRUM_LANES)

PROGRAMS: tuple[int, ...] = (
    0, 4, 5, 7, 10, 11, 16, 27, 28, 32, 33, 36, 38, 39, 45, 48, 50, 52, 56, 61, 62, 65, 73, 80, 81, 89,
)  # fmt: skip
"""All General MIDI programs (from 0) that the composer uses for pitched roles."""

FILLS: tuple[Mapping[str, str], ...] = (
    {"snare": "--------x-xxxxxx"},
    {"snare": "--------x-x-----", "high_tom": "-----------x----", "mid_tom": "------------x-x-", "low_tom": "-------------x-x"},
    {"snare": "------------xxxX", "kick": "------------x---"},
    {"high_tom": "--------x-x-----", "mid_tom": "-----------xx---", "low_tom": "-------------xxx", "kick": "--------x---x---"},
    {"snare": "------------r-xX", "open_hat": "----------x-----", "kick": "------------x---"},
    {"snare": "--------o-ooxoxX", "kick": "--------x---x---"},
    {"clap": "------------x-xX", "kick": "------------x---"},
)  # fmt: skip
"""Drum fills: the steps from the first written one on replace the groove (hats and rides included)."""


@dataclass(frozen=True)
class GenreStyle:
    """Tables of one genre; see the module docstring for the notation.

    ``extra`` are drum layers added at high energy, ``light`` is the groove of calm bars. ``stop_chance`` and ``break_chance`` are per
    section, for stop-time bars and breakdowns that the composer draws when no energy is given.
    """

    tempi_bpm: tuple[float, ...]
    swings: tuple[float, ...]
    grooves: tuple[Mapping[str, str], ...]
    light: Mapping[str, str]
    extra: Mapping[str, str]
    fills: tuple[int, ...]
    bass_lines: tuple[str, ...]
    major: tuple[str, ...]
    minor: tuple[str, ...]
    comping: tuple[str, ...]
    melody: tuple[str, ...]
    scale: str
    programs: Mapping[str, tuple[int, ...]]
    swing_unit_beats: float = 0.25
    walking: float = 0.0
    stop_chance: float = 0.1
    break_chance: float = 0.1
    pad_chance: float = 0.5
    lead_chance: float = 0.75
    keys: tuple[int, ...] = field(default=(0, 2, 3, 4, 5, 7, 9, 10))


def steps(pattern: str) -> str:
    """A pattern without its blanks: 16 or 32 characters, one per 16th step."""
    text = pattern.replace(" ", "")
    assert len(text) in (16, 32), f"a pattern has 16 or 32 steps: {pattern!r}"
    return text
