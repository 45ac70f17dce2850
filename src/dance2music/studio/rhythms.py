"""Another beat grid for a dance: half or double time, moved, tapped, or a tempo and a first beat that were chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dance2music.rhythm.choices import TEMPO_LIMITS_BPM, Choice, check_choice, check_tempo, choose, tapped_grid
from dance2music.types import BEATS_PER_BAR, Rhythm

SLOWEST_BPM, FASTEST_BPM = TEMPO_LIMITS_BPM


def changed(rhythm: Rhythm, asked: Mapping[str, Any], duration_seconds: float) -> Rhythm:
    """The rhythm as it is asked for, by `rhythm.choices`; what is left out stays.

    Parameters
    ----------
    asked : some of ``taps_seconds`` (when the beat was tapped, the first on a downbeat), ``tempo_bpm`` with ``first_beat_seconds`` (a
        steady grid from a downbeat on), ``factor`` (0.5 for half, 2 for double time), ``shift_beats``, ``shift_downbeat`` (whole beats).

    Raises
    ------
    InputError
        If the grid that comes out has a tempo that is no beat, or the taps are none.
    """
    grid, downbeat = rhythm.beat_times_seconds, rhythm.downbeat
    choice = _choice(asked)
    if choice.taps_seconds is not None:
        grid = tapped_grid(choice.taps_seconds, duration_seconds)
        downbeat = int(np.argmin(np.abs(grid - choice.taps_seconds[0]))) % BEATS_PER_BAR
    elif asked.get("tempo_bpm"):
        check_tempo(float(asked["tempo_bpm"]))
        grid, downbeat = steady(60.0 / float(asked["tempo_bpm"]), float(asked.get("first_beat_seconds", 0.0)), duration_seconds), 0
    chosen = choose(replace(rhythm, beat_times_seconds=grid, downbeat=downbeat), choice, duration_seconds)
    return replace(chosen, downbeat=(chosen.downbeat + int(asked.get("shift_downbeat", 0))) % BEATS_PER_BAR, confidence=1.0)


def check_wish(asked: Mapping[str, Any], tempo_bpm: float) -> None:
    """Refuse what `changed` would of a rhythm of this tempo, as far as it can be told without its beats: raises InputError."""
    taps = _choice(asked).taps_seconds
    if taps is not None:
        tempo_bpm = 60.0 / float(np.median(np.diff(taps)))
    elif asked.get("tempo_bpm"):
        tempo_bpm = float(asked["tempo_bpm"])
    check_tempo(tempo_bpm * float(asked.get("factor") or 1.0))


def _choice(asked: Mapping[str, Any]) -> Choice:
    factor, taps = asked.get("factor"), asked.get("taps_seconds") or None
    choice = Choice(factor == 0.5, factor == 2, float(asked.get("shift_beats", 0.0)), None if taps is None else tuple(np.unique(taps)))
    check_choice(choice)
    return choice


def steady(period_seconds: float, first_seconds: float, duration_seconds: float) -> np.ndarray:
    """Beats [n] of one tempo from the first one on; a first beat behind the end is moved ahead by whole bars."""
    bar = BEATS_PER_BAR * period_seconds
    first_seconds -= bar * max(0.0, float(np.ceil((first_seconds - duration_seconds) / bar)))
    return first_seconds + period_seconds * np.arange(max(2, int(np.ceil((duration_seconds - first_seconds) / period_seconds)) + 1))
