"""Another beat grid for a dance: half or double time, moved, tapped, or a tempo and a first beat that were chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dance2music.errors import InputError
from dance2music.types import BEATS_PER_BAR, Rhythm

SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
LEAST_TAPS = 4


def changed(rhythm: Rhythm, asked: Mapping[str, Any], duration_seconds: float) -> Rhythm:
    """The rhythm as it is asked for; what is left out stays.

    Parameters
    ----------
    asked : some of ``taps_seconds`` (when the beat was tapped), ``tempo_bpm`` with ``first_beat_seconds`` (a steady grid), ``factor``
        (0.5 for half, 2 for double time), ``shift_beats``, ``shift_downbeat`` (whole beats).

    Raises
    ------
    InputError
        If the grid that comes out has a tempo that is no beat, or too few taps are given.
    """
    beats, downbeat = rhythm.beat_times_seconds, rhythm.downbeat
    if taps := asked.get("taps_seconds"):
        period, first = tapped(np.asarray(taps, dtype=np.float64))
        beats, downbeat = steady(period, first, duration_seconds), 0
    elif asked.get("tempo_bpm"):
        _check(float(asked["tempo_bpm"]))
        beats, downbeat = steady(60.0 / float(asked["tempo_bpm"]), float(asked.get("first_beat_seconds", 0.0)), duration_seconds), 0
    if asked.get("factor") == 0.5:
        beats, downbeat = beats[downbeat % 2 :: 2], downbeat // 2
    elif asked.get("factor") == 2:
        at = np.arange(2 * len(beats) - 1) / 2
        beats, downbeat = np.interp(at, np.arange(len(beats)), beats), 2 * downbeat
    if shift := float(asked.get("shift_beats", 0.0)):
        beats = beats + shift * float(np.median(np.diff(beats)))
    downbeat = (downbeat + int(asked.get("shift_downbeat", 0))) % BEATS_PER_BAR
    beats, downbeat = covering(beats, downbeat, duration_seconds)
    tempo = float(60.0 / np.median(np.diff(beats)))
    _check(tempo)
    return replace(rhythm, beat_times_seconds=beats, downbeat=downbeat, tempo_bpm=tempo, confidence=1.0)


def tapped(taps_seconds: np.ndarray) -> tuple[float, float]:
    """Period in seconds and first beat of taps [n], by least squares over the beats that they fall on; a tap left out leaves a gap.

    Raises InputError if there are fewer than `LEAST_TAPS`.
    """
    taps = np.unique(taps_seconds)
    if len(taps) < LEAST_TAPS:
        raise InputError(f"taps: {len(taps)}; expected at least {LEAST_TAPS}; tap along for a bar or more")
    _check(60.0 / max(float(np.median(np.diff(taps))), 1e-6))
    steps = np.round(np.diff(taps) / np.median(np.diff(taps)))
    counts = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1.0))])
    period, first = np.polyfit(counts, taps, 1)
    return float(period), float(first)


def steady(period_seconds: float, first_seconds: float, duration_seconds: float) -> np.ndarray:
    """Beats [n] of one tempo from the first one on; a first beat behind the end is moved ahead by whole bars."""
    bar = BEATS_PER_BAR * period_seconds
    first_seconds -= bar * max(0.0, float(np.ceil((first_seconds - duration_seconds) / bar)))
    return first_seconds + period_seconds * np.arange(max(2, int(np.ceil((duration_seconds - first_seconds) / period_seconds)) + 1))


def covering(beats: np.ndarray, downbeat: int, duration_seconds: float) -> tuple[np.ndarray, int]:
    """The grid [n] carried on at both ends until it covers the dance, the downbeat within the first bar of it."""
    first, last = float(beats[1] - beats[0]), float(beats[-1] - beats[-2])
    before = max(0, int(np.ceil(beats[0] / first)))
    after = max(0, int(np.ceil((duration_seconds - beats[-1]) / last)))
    beats = np.concatenate([beats[0] - first * np.arange(before, 0, -1), beats, beats[-1] + last * np.arange(1, after + 1)])
    downbeat += before
    early = max(0, int(np.searchsorted(beats, 0.0)) - 1)  # of beats before the dance the last one is enough
    return beats[early:], (downbeat - early) % BEATS_PER_BAR


def _check(tempo_bpm: float) -> None:
    if not SLOWEST_BPM <= tempo_bpm <= FASTEST_BPM:
        raise InputError(f"{tempo_bpm:.1f} bpm: expected {SLOWEST_BPM:g} to {FASTEST_BPM:g}; choose another factor, or tap more evenly")
