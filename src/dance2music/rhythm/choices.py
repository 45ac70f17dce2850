"""What a user knows better than the estimate: half or double time, beats that lie elsewhere, or the beats themselves, tapped.

`Choice` says what is wanted, `choose` makes a rhythm of it, `read_taps` reads a file of taps; `span_of_bars` finds bars that a user names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dance2music.errors import InputError
from dance2music.types import BEATS_PER_BAR, Rhythm, Span
from dance2music.video.container import MAX_SECONDS

TEMPO_LIMITS_BPM = (40.0, 240.0)
"""Tempi that a user may ask for."""
LEAST_TAPS = 4
STEADY_TAPS_BEATS = 0.12
"""Taps within this many beats of a steady tempo are taken to mean it; others are the beats as they are."""
MOST_SHIFT_BEATS = 4.0


@dataclass(frozen=True)
class Choice:
    """What is changed of an estimated rhythm.

    Attributes
    ----------
    half_time, double_time : every second beat only, or beats between the beats, too; not both.
    shift_beats : how far the beats are moved, in beats of the rhythm that comes out; 0.5 puts them between the beats.
    taps_seconds : times of beats, at least four, increasing, or None; they take the place of the estimated grid.
    """

    half_time: bool = False
    double_time: bool = False
    shift_beats: float = 0.0
    taps_seconds: tuple[float, ...] | None = None

    @property
    def any(self) -> bool:
        """Whether anything is changed."""
        return self != Choice()


AS_READ = Choice()
"""The rhythm as it is read."""


def check_choice(choice: Choice, *, where: str = "taps") -> None:
    """Refuse what cannot be done: raises InputError. ``where`` names the taps."""
    if choice.half_time and choice.double_time:
        raise InputError("--half-time and --double-time: expected one of them; leave one out")
    if not -MOST_SHIFT_BEATS <= choice.shift_beats <= MOST_SHIFT_BEATS:
        raise InputError(f"--shift-beats {choice.shift_beats:g}: expected {-MOST_SHIFT_BEATS:g} to {MOST_SHIFT_BEATS:g} beats")
    if choice.taps_seconds is None:
        return
    taps = np.asarray(choice.taps_seconds, dtype=np.float64)
    if len(taps) < LEAST_TAPS:
        raise InputError(f"{where}: {len(taps)} taps; expected at least {LEAST_TAPS}, one per beat, in seconds; tap on")
    if not np.isfinite(taps).all():
        raise InputError(f"{where}: has taps that are no finite numbers; expected times in seconds; correct the file")
    wrong = np.flatnonzero(np.diff(taps) <= 0)
    if len(wrong):
        at = int(wrong[0]) + 1
        raise InputError(f"{where}: tap {at + 1} at {taps[at]:g} s is not after tap {at} at {taps[at - 1]:g} s; expected increasing times")
    if taps[0] < 0.0 or taps[-1] > MAX_SECONDS:
        raise InputError(f"{where}: taps from {taps[0]:g} to {taps[-1]:g} s; expected times within the dance, from 0 on; correct the file")
    close = int(np.argmin(np.diff(taps)))
    if 60.0 / float(np.diff(taps)[close]) > 2 * TEMPO_LIMITS_BPM[1]:
        apart = float(np.diff(taps)[close])
        raise InputError(f"{where}: taps {close + 1} and {close + 2} are {apart:.2g} s apart; expected one tap per beat; take one out")
    bpm = 60.0 / float(np.median(np.diff(taps)))
    if not TEMPO_LIMITS_BPM[0] <= bpm <= TEMPO_LIMITS_BPM[1]:
        raise InputError(f"{where}: taps at {bpm:.0f} bpm; expected {TEMPO_LIMITS_BPM[0]:g} to {TEMPO_LIMITS_BPM[1]:g}, one tap per beat")


def check_tempo(tempo_bpm: float) -> None:
    """Refuse a tempo that is no beat's: raises InputError."""
    low, high = TEMPO_LIMITS_BPM
    if not low <= tempo_bpm <= high:
        raise InputError(f"the rhythm chosen is {tempo_bpm:.0f} bpm; expected {low:g} to {high:g}; choose another")


def read_taps(path: str | Path) -> tuple[float, ...]:
    """Times in seconds of a text file with one tap per line; empty lines and what follows ``#`` do not count.

    Raises
    ------
    InputError
        If the file cannot be read or a line is no number; `check_choice` looks at what the numbers are.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as taps ({error}); expected a text file with one time in seconds per line") from error
    taps = []
    for number, line in enumerate(lines, start=1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        try:
            taps.append(float(word))
        except ValueError as error:
            raise InputError(f"{path} line {number}: {word[:40]!r} is no time in seconds; expected one number per line") from error
    check_choice(Choice(taps_seconds=tuple(taps)), where=str(path))
    return tuple(taps)


def tapped_grid(taps_seconds: tuple[float, ...], duration_seconds: float) -> np.ndarray:
    """Beat times float64 [n] that cover a dance, of taps that may miss beats.

    Taps that keep a tempo give it by least squares; others are beats themselves, missed ones evenly between. Raises InputError if they
    begin behind the dance's end.
    """
    taps = np.asarray(taps_seconds, dtype=np.float64)
    if taps[0] > duration_seconds:
        raise InputError(f"taps: the first is at {taps[0]:g} s, the dance ends at {duration_seconds:g} s; expected times within the dance")
    interval = float(np.median(np.diff(taps)))
    beats = np.concatenate([[0.0], np.cumsum(np.maximum(1.0, np.round(np.diff(taps) / interval)))])
    period, first = np.polyfit(beats, taps, 1)
    if np.abs(taps - first - period * beats).max() > STEADY_TAPS_BEATS * period:
        inside = np.interp(np.arange(beats[-1] + 1), beats, taps)
        ahead, behind = inside[1] - inside[0], inside[-1] - inside[-2]
    else:
        inside, ahead, behind = first + period * np.arange(beats[-1] + 1), period, period
    before = np.arange(max(0, int(np.ceil(inside[0] / ahead))), 0, -1)
    after = np.arange(1, 1 + max(0, int(np.ceil((duration_seconds - inside[-1]) / behind))))
    return np.concatenate([inside[0] - ahead * before, inside, inside[-1] + behind * after])


def choose(rhythm: Rhythm, choice: Choice, duration_seconds: float) -> Rhythm:
    """The rhythm with another metrical level or with its beats elsewhere; the grid still covers 0 to the end.

    In half time the beats with the downbeats stay. The first downbeat stays where it was, or the beat nearest to it becomes one. Taps are
    not looked at here: `tapped_grid` has made the rhythm's grid of them. Raises InputError if the tempo that comes out is no beat's.
    """
    grid, downbeat = rhythm.beat_times_seconds, rhythm.downbeat
    if choice.half_time:
        wide = _widened(grid, 2)
        grid, downbeat = wide[(downbeat + 2) % 2 :: 2], (downbeat + 2) // 2
    elif choice.double_time:
        position = np.arange(2 * len(grid) - 1) / 2.0
        grid, downbeat = np.interp(position, np.arange(len(grid)), grid), 2 * downbeat
    if choice.shift_beats:
        margin = int(np.ceil(abs(choice.shift_beats))) + 1
        wide = _widened(grid, margin)
        grid = np.interp(np.arange(margin, margin + len(grid)) + choice.shift_beats, np.arange(len(wide)), wide)
    grid, downbeat = _covering(grid, downbeat, duration_seconds)
    tempo_bpm = float(60.0 / np.median(np.diff(grid)))
    check_tempo(tempo_bpm)
    return replace(rhythm, beat_times_seconds=grid, downbeat=downbeat, tempo_bpm=tempo_bpm)


def _widened(grid: np.ndarray, count: int) -> np.ndarray:
    """The grid with so many beats more on either side, at its outer tempi."""
    steps = np.arange(1, count + 1)
    return np.concatenate([grid[0] - steps[::-1] * (grid[1] - grid[0]), grid, grid[-1] + steps * (grid[-1] - grid[-2])])


def _covering(grid: np.ndarray, downbeat: int, duration_seconds: float) -> tuple[np.ndarray, int]:
    """The beats that cover 0 to the end, and the index 0..3 of the first downbeat among them."""
    short = max(0.0, grid[0], duration_seconds - grid[-1]) / min(grid[1] - grid[0], grid[-1] - grid[-2])
    count = int(np.ceil(short)) + 1
    wide, downbeat = _widened(grid, count), downbeat + count
    first = int(np.searchsorted(wide, 0.0, side="right")) - 1
    last = int(np.searchsorted(wide, duration_seconds, side="left")) + 1
    return wide[first : max(last, first + 2)], (downbeat - first) % BEATS_PER_BAR


def span_of_bars(rhythm: Rhythm, first: float, last: float, *, duration_seconds: float) -> Span:
    """Section from the beginning of bar ``first`` to that of bar ``last``, within ``duration_seconds``.

    Bar 1 begins with the first downbeat at or after 0 s; bar 0 is what comes before it; the last bar ends with the dance.

    Raises
    ------
    InputError
        If the dance has no such bars.
    """
    beat, final = rhythm.beat_at(np.array([0.0, duration_seconds]))
    offset = BEATS_PER_BAR * np.ceil((beat - 1e-3) / BEATS_PER_BAR)
    begins, ends = -1 if offset - beat > 1e-3 else 0, int(np.ceil((final - offset - 1e-3) / BEATS_PER_BAR))
    if not begins + 1 <= first < last <= ends + 1:
        raise InputError(f"bars {first:g} to {last:g}: expected some of {begins + 1} to {ends + 1} (the dance's end), the earlier first")
    begin, end = rhythm.time_at(offset + BEATS_PER_BAR * (np.array([first, last]) - 1))
    return Span(max(float(begin), 0.0), min(float(end), duration_seconds))
