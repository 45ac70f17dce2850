"""The form of a piece from its dance: sections by how much the dancer moves, an ending on the last downbeat, stops at freezes.

Bars are put together into sections of 4 or 8 so that each is as even as can be in the dancer's energy: borders then stand where the energy
is new (Foote 2000 looks for them in music so), and on the phrase grid. The section with the most energy is the drop; what each of the
others is follows from its level and its neighbours.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from dance2music.dance.kinematics import FEATURE_SLICES, low_pass
from dance2music.types import BEATS_PER_BAR, Conditioning, Rhythm, Section

SHORTEST_FORM_SECONDS = 12.0
"""Shorter dances have no sections but the ending: their music is under way when they begin."""
_LENGTHS_BARS = (4, 8)
_FIRST_BARS, _LAST_BARS = range(2, 6), range(2, 8)
"""The first and the last section may be shorter: a clip begins and ends anywhere in a phrase."""
_WHOLE_BEATS = BEATS_PER_BAR - 0.5
"""A bar of which less lies in the clip is none of the two that a first section has at least."""
_SECTION_COST = 0.04
"""What another section costs, in shares of the whole spread of the energy."""
_SPREAD = 0.2
"""Sections of a dance whose energy differs by less than this are not pulled apart farther than that says."""
_DROP_LEVEL, _HIGH_LEVEL, _LOW_LEVEL = 0.85, 0.6, 0.4
_CONTRAST = 0.1
"""Where no two sections differ by so much, none is the drop: the dancer stands, or moves as much all the time."""

_RING_SECONDS, _RING_SHARE = 0.5, 0.2
"""The ending leaves at least so much, of short clips this share of their length."""
_EARLIEST_DOWNBEAT, _EARLIEST_ENDING, _EARLIEST_OF_ALL = 0.65, 0.8, 0.5
"""Shares of a clip that lie before an ending on a downbeat, on another beat, and on whatever beat there is."""

_HELD_SHARE = 0.3
"""Of its ring an ending is at its full level for so long."""
SHORTEST_FADE_SECONDS = 0.01
"""Fall to silence of music that is cut or plays on to its end: enough not to click."""

_ENERGY_CUTOFF_HZ = 0.5
_LEAST_SPREAD = 0.25
_FREEZE_SHARE, _FREEZE_SPEED = 0.12, 0.12
"""A freeze moves less than this share of the dance's usual speed, and less than this many body sizes per second."""
_LONGEST_FREEZE_BEATS = 4


def energy_at_beats(conditioning: Conditioning) -> np.ndarray:
    """How much the dancer moves around each beat of the grid, 0..1 within the clip: float64 [n_beats]."""
    kinetic = conditioning.motion[:, FEATURE_SLICES["kinetic"]][:, 0].numpy().astype(np.float64)
    slow = low_pass(kinetic, fps=conditioning.fps, cutoff_hz=_ENERGY_CUTOFF_HZ)
    times = np.arange(len(slow)) / conditioning.fps
    return np.interp(conditioning.rhythm.beat_times_seconds, times, within_dance(slow))


def within_dance(energy: np.ndarray) -> np.ndarray:
    """Energies [N] of a dance as 0..1 from about its calmest to about its wildest moment; those of an even dance stay close together."""
    low, high = np.percentile(energy, [5, 95])
    return np.clip((energy - low) / max(high - low, _LEAST_SPREAD), 0.0, 1.0)


def plan_sections(energy: np.ndarray, rhythm: Rhythm, duration_seconds: float, *, ending: bool = True) -> tuple[Section, ...]:
    """The form of music for a dance.

    Parameters
    ----------
    energy : float [n_beats] in 0..1, of the dance at the beats of the grid (`energy_at_beats`).
    rhythm : the beat grid.
    duration_seconds : length of the music.
    ending : whether the music ends on a last chord; without, it plays on to the end, for clips that loop or are joined to others.

    Returns
    -------
    tuple of Section, in order, without gaps, from the bar that the music begins in; the last is the ending, from its downbeat to past the
    end, or without one the last section, to past the end. Dances under `SHORTEST_FORM_SECONDS` have one section before it; those of a beat
    or two have none at all, but for a last section that plays on.
    """
    end = int(np.ceil(float(rhythm.beat_at(np.array([duration_seconds]))[0]) + 1e-6))
    last_beat = ending_beat(rhythm, duration_seconds)
    if not ending:
        last_beat = end
    if last_beat is None:
        return ()
    start = float(rhythm.beat_at(np.zeros(1))[0])
    first = int(np.floor(start / BEATS_PER_BAR + 1e-6))
    begun = BEATS_PER_BAR * (first + 1) - start < _WHOLE_BEATS
    last = max(first + 1, last_beat // BEATS_PER_BAR)
    levels = np.array([_bar_energy(energy, rhythm.downbeat, bar) for bar in range(first, last)])
    if duration_seconds < SHORTEST_FORM_SECONDS or len(levels) < begun + min(_FIRST_BARS) + min(_LAST_BARS):
        lengths = [len(levels)]
    else:
        lengths = _lengths(levels, begun=begun)
    borders = np.concatenate([[0], np.cumsum(lengths)])
    means = np.array([levels[a:b].mean() for a, b in itertools.pairwise(borders)])
    scaled = _scaled(means)
    names = _names(scaled, ending=ending) if len(means) > 1 else ["groove"]
    sections = [
        Section(BEATS_PER_BAR * (first + int(a)), BEATS_PER_BAR * (first + int(b)), name, round(float(level), 3))
        for a, b, name, level in zip(borders[:-1], borders[1:], names, scaled)
    ]
    whole = sections[-1]
    sections[-1] = Section(whole.begin_beat, last_beat, whole.name, whole.level)  # what is not on a downbeat comes a little later
    return (*sections, Section(last_beat, max(end, last_beat + 1), "ending", whole.level)) if ending else tuple(sections)


def ending_beat(rhythm: Rhythm, duration_seconds: float) -> int | None:
    """The beat, from the first downbeat, that the music ends on: the last downbeat with time enough behind it to ring out.

    In a clip so short that more than a third of it would be left, the last middle of a bar, else the last beat, with time enough and
    a fifth of it left at most; None where there is no such beat in its second half.
    """
    room = min(_RING_SECONDS, _RING_SHARE * duration_seconds)
    times = [share * duration_seconds for share in (_EARLIEST_DOWNBEAT, _EARLIEST_ENDING, _EARLIEST_OF_ALL)]
    downbeat, usual, earliest, end = rhythm.beat_at(np.array([*times, duration_seconds - room]))
    for unit, begin in ((BEATS_PER_BAR, downbeat), (BEATS_PER_BAR // 2, usual), (1, usual), (1, earliest)):
        beat = unit * int(np.floor(float(end) / unit + 1e-6))
        if beat >= begin:
            return beat
    return None


def ring_seconds(ending_seconds: float, duration_seconds: float) -> float:
    """How long the fall to silence of an ending is: it is held at its full level first."""
    return max(SHORTEST_FADE_SECONDS, (1.0 - _HELD_SHARE) * (duration_seconds - ending_seconds))


def freezes(conditioning: Conditioning) -> list[tuple[float, float]]:
    """Where the dancer stands still for a beat to a bar: (begin, end) in beats from the first downbeat, within the clip.

    Standing for longer is no freeze but a rest, and what holds at the very beginning or end is none either.
    """
    speed = conditioning.motion[:, FEATURE_SLICES["kinetic"]][:, 0].numpy().astype(np.float64)
    still = speed < min(_FREEZE_SHARE * float(np.percentile(speed, 75)), _FREEZE_SPEED)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(int)))
    found = []
    for begin, end in edges.reshape(-1, 2):
        if begin == 0 or end == len(still) or end / conditioning.fps >= conditioning.duration_seconds:
            continue
        first, last = conditioning.rhythm.beat_at(np.array([begin, end]) / conditioning.fps)
        if 1.0 <= last - first <= _LONGEST_FREEZE_BEATS:
            found.append((float(first), float(last)))
    return found


def ending_of(sections: Sequence[Section]) -> Section | None:
    """The ending, where there is one."""
    return sections[-1] if sections and sections[-1].name == "ending" else None


def has_form(sections: Sequence[Section]) -> bool:
    """Whether there are more sections than one, the ending not counted."""
    return len(sections) - (ending_of(sections) is not None) > 1


def section_at(sections: Sequence[Section], beat: float) -> Section | None:
    """The section that a position in beats lies in: before the first that one, behind the last none but the ending. None without any."""
    if not sections:
        return None
    return next((section for section in sections if beat < section.end_beat - 1e-6), sections[-1])


def _bar_energy(energy: np.ndarray, downbeat: int, bar: int) -> float:
    at = np.clip(np.arange(BEATS_PER_BAR) + BEATS_PER_BAR * bar + downbeat, 0, len(energy) - 1)
    return float(energy[at].mean())


def _lengths(levels: np.ndarray, *, begun: bool) -> list[int]:
    """Lengths in bars of the sections of n bars whose energies are ``levels`` [n]: the cheapest way through (dynamic programming).

    ``begun`` tells that the first bar had begun before the clip: the first section has one more.
    """
    n, first_bars = len(levels), range(min(_FIRST_BARS) + begun, max(_FIRST_BARS) + 1 + begun)
    total = np.concatenate([[0.0], np.cumsum(levels)])
    squares = np.concatenate([[0.0], np.cumsum(levels**2)])
    spread = max(float(np.sum((levels - levels.mean()) ** 2)), 0.01 * n)
    best: list[tuple[float, int]] = [(0.0, 0)] + [(np.inf, 0)] * n
    for end in range(1, n + 1):
        for length in range(1, end + 1):
            begin = end - length
            usual = length in _LENGTHS_BARS
            if not (usual or (begin == 0 and length in first_bars) or (end == n and length in _LAST_BARS)):
                continue
            uneven = squares[end] - squares[begin] - (total[end] - total[begin]) ** 2 / length
            cost = best[begin][0] + uneven / spread + _SECTION_COST
            if cost < best[end][0]:
                best[end] = (cost, length)
    if not np.isfinite(best[n][0]):
        return [n]
    lengths = []
    while n:
        lengths.append(best[n][1])
        n -= lengths[-1]
    return lengths[::-1]


def _scaled(means: np.ndarray) -> np.ndarray:
    """Levels of sections [K] in 0.2..1 of their mean energies: the calmest and the wildest stand at the ends where they differ enough."""
    low, high = float(means.min()), float(means.max())
    return np.asarray(np.clip(0.6 + 0.8 * (means - 0.5 * (low + high)) / max(high - low, _SPREAD), 0.0, 1.0))


def _names(levels: np.ndarray, *, ending: bool) -> list[str]:
    """What each section is, by its level, its place and what follows; what plays on does not thin out."""
    if float(np.ptp(levels)) < _CONTRAST:
        return ["groove"] * len(levels)
    peak = int(np.argmax(levels))
    drops = [i == peak or (level >= _DROP_LEVEL * levels[peak] and level >= _DROP_LEVEL) for i, level in enumerate(levels)]
    names = []
    for i, level in enumerate(levels):
        if drops[i]:
            names.append("drop")
        elif i == 0:
            names.append("intro" if level < _HIGH_LEVEL or drops[1] else "groove")
        elif i == len(levels) - 1:
            names.append("outro" if ending else "groove")
        elif drops[i + 1]:
            names.append("build")
        else:
            names.append("break" if level < _LOW_LEVEL else "groove")
    return names
