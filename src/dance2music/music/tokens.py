"""Notes as performance events and back: one tokeniser, of which Foley Music's and InverseMV's are two settings.

A performance is a list of notes in seconds, written as note-on, note-off, velocity and time-shift events in the order of time (Oore et al.
2018). `notes_of` and `score_of` go between a `Score`, which counts in beats, and such notes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dance2music.errors import InputError
from dance2music.types import Note, Rhythm, Score, Track


class TimedNote(NamedTuple):
    """One note in seconds; pitch and velocity as in MIDI."""

    onset_seconds: float
    offset_seconds: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class TokenizerConfig:
    """How events become numbers.

    Attributes
    ----------
    first : id of the first event; smaller ids are reserved.
    ranges : the kinds of events in the order of their ids.
    velocities : velocity that each velocity event stands for, ascending.
    velocity_rounds_up : a velocity between two values becomes the upper one; else the lower.
    velocity_always : a velocity event before every note-on; else only where it changes.
    shift_seconds : time that each shift event stands for, ascending.
    step_seconds : grid that all times are rounded to first; 0 for none.
    carry : what a shift leaves of a gap is added to the next gap. Without it (as Foley Music's code does) it is lost, and the music runs
        fast: 0.35 s in 6 s of 12 random events a second.
    unended_seconds : length of a note that no note-off ends; 0 ends it with the last event.
    least_seconds : shorter notes are made so long when they are read; 0 drops those of no length.
    pad, end, start : ids of the special tokens; a start of -1 means that there is none.
    """

    first: int = 0
    ranges: tuple[str, ...] = ("note_on", "note_off", "velocity", "shift")
    lowest_pitch: int = 21
    highest_pitch: int = 108
    velocities: tuple[float, ...] = ()
    velocity_rounds_up: bool = False
    velocity_always: bool = True
    shift_seconds: tuple[float, ...] = ()
    step_seconds: float = 0.0
    carry: bool = True
    unended_seconds: float = 1.0
    least_seconds: float = 0.0
    default_velocity: int = 64
    pad: int = 0
    end: int = 1
    start: int = -1


FOLEY = TokenizerConfig(
    # 31 levels, and one id beyond them that a velocity above the last may be written as.
    velocities=(*(21 + 2.84 * i for i in range(31)), float("inf")),
    velocity_rounds_up=True,
    shift_seconds=tuple(1.15**k / 65 for k in range(32)),
    least_seconds=0.25,
    start=240,
    end=241,
    pad=242,
)
"""Foley Music's events (Gan et al. 2020): 243 ids, 32 geometric shifts of 15 ms to 1.2 s. ``carry=False`` is the published form."""

INVERSE_MV = TokenizerConfig(
    first=2,
    ranges=("note_on", "note_off", "shift", "velocity"),
    velocities=tuple(1.0 + 4 * i for i in range(32)),
    velocity_always=False,
    shift_seconds=tuple((k + 1) / 100 for k in range(100)),
    step_seconds=0.01,
    unended_seconds=0.0,
)
"""InverseMV's events (Lin & Yang 2021): 310 ids, 100 shifts of 10 ms to 1 s, a velocity event only where it changes."""


@dataclass
class PerformanceTokenizer:
    """Timed notes <-> event ids, without the special tokens of start and end, which the models add."""

    config: TokenizerConfig
    base: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.base, at = {}, self.config.first
        for kind in self.config.ranges:
            self.base[kind] = at
            at += self._size(kind)
        self._behind = at

    @property
    def vocabulary(self) -> int:
        """Number of ids, special tokens included."""
        config = self.config
        return max(self._behind, config.pad + 1, config.end + 1, config.start + 1)

    def _size(self, kind: str) -> int:
        config = self.config
        return {
            "note_on": config.highest_pitch - config.lowest_pitch + 1,
            "note_off": config.highest_pitch - config.lowest_pitch + 1,
            "velocity": len(config.velocities),
            "shift": len(config.shift_seconds),
        }[kind]

    def encode(self, notes: Iterable[TimedNote]) -> list[int]:
        """Event ids of notes; pitches outside the range and notes before 0 s are left out."""
        config, ids = self.config, []
        now, velocity = 0.0, -1
        for time, pitch, level in self._events(notes):
            gap = time - now
            now = time
            shifts, gap = self.shifts(gap)
            ids += shifts
            if config.carry:
                now -= gap
            if level:
                bin_ = self._velocity_bin(level)
                if config.velocity_always or bin_ != velocity:
                    ids.append(self.base["velocity"] + bin_)
                    velocity = bin_
            ids.append(self.base["note_on" if level else "note_off"] + pitch - config.lowest_pitch)
        return ids

    def decode(self, ids: Iterable[int]) -> list[TimedNote]:
        """Notes of event ids, by onset; what makes no sense is passed over, and nothing is read after the end."""
        config, now, velocity = self.config, 0.0, self.config.default_velocity
        playing: dict[int, tuple[float, int]] = {}
        notes: list[TimedNote] = []

        def finish(pitch: int, offset: float) -> None:
            onset, level = playing.pop(pitch)
            offset = max(offset, onset + config.least_seconds)
            if offset > onset:
                notes.append(TimedNote(onset, offset, pitch, level))

        for id_ in ids:
            if id_ == config.end:
                break
            kind = next((kind for kind in config.ranges if 0 <= id_ - self.base[kind] < self._size(kind)), None)
            if kind is None or id_ in (config.pad, config.start):
                continue
            value = id_ - self.base[kind]
            if kind == "shift":
                now += config.shift_seconds[value]
            elif kind == "velocity":
                finite = [v for v in config.velocities if np.isfinite(v)]
                velocity = round(finite[min(value, len(finite) - 1)])
            else:
                pitch = value + config.lowest_pitch
                if pitch in playing:
                    finish(pitch, now)
                if kind == "note_on":
                    playing[pitch] = (now, velocity)
        for pitch, (onset, _) in list(playing.items()):
            finish(pitch, onset + config.unended_seconds if config.unended_seconds else now)
        return sorted(notes)

    def shifts(self, gap_seconds: float) -> tuple[list[int], float]:
        """Events that let a time pass, the longest first, and what is left of it."""
        ids = []
        for shift, seconds in reversed(list(enumerate(self.config.shift_seconds))):
            while gap_seconds >= seconds - 1e-9:
                ids.append(self.base["shift"] + shift)
                gap_seconds -= seconds
        return ids, gap_seconds

    def seconds_of(self, id_: int) -> float:
        """Time that an event lets pass; 0 for all but shifts."""
        shift = id_ - self.base["shift"]
        return self.config.shift_seconds[shift] if 0 <= shift < len(self.config.shift_seconds) else 0.0

    def seconds_table(self) -> np.ndarray:
        """`seconds_of` of all ids, float32 [vocabulary]."""
        return np.array([self.seconds_of(id_) for id_ in range(self.vocabulary)], dtype=np.float32)

    def _velocity_bin(self, velocity: int) -> int:
        values = self.config.velocities
        if self.config.velocity_rounds_up:
            return bisect_left(values, min(max(velocity, self.config.lowest_pitch), self.config.highest_pitch))
        return max(0, bisect_right(values, velocity) - 1)

    def _events(self, notes: Iterable[TimedNote]) -> list[tuple[float, int, int]]:
        """(time, pitch, velocity or 0 for a note-off) in the order of time, at equal times in that of the notes."""
        config = self.config
        kept = [n for n in notes if config.lowest_pitch <= n.pitch <= config.highest_pitch and n.onset_seconds >= 0]
        if config.step_seconds:
            kept.sort(key=lambda n: (n.onset_seconds, n.pitch))
        events = []
        for i, note in enumerate(kept):
            onset, offset = (self._on_grid(t) for t in (note.onset_seconds, note.offset_seconds))
            events += [(onset, i, note.pitch, max(1, note.velocity)), (max(onset, offset), i, note.pitch, 0)]
        return [
            (time, pitch, velocity) for time, _, pitch, velocity in sorted(events, key=lambda e: (e[0], e[1] if config.step_seconds else 0))
        ]

    def _on_grid(self, seconds: float) -> float:
        step = self.config.step_seconds
        return np.floor(seconds / step + 0.5) * step if step else seconds


def notes_of(score: Score, *, roles: Sequence[str] = ("lead", "chords", "pad", "bass")) -> list[TimedNote]:
    """Sounding notes of the tracks with these roles, drums never, by onset; cut at 0 s and at the score's end.

    Raises
    ------
    InputError
        If the score holds no such note.
    """
    notes = []
    for track in score.tracks:
        if track.is_drum or track.role not in roles or not track.notes:
            continue
        starts = np.array([n.start_beats for n in track.notes])
        ends = starts + np.array([n.duration_beats for n in track.notes])
        for note, onset, offset in zip(track.notes, score.time_at(starts), score.time_at(ends)):
            if offset > 0 and onset < score.duration_seconds:
                notes.append(TimedNote(max(0.0, float(onset)), min(float(offset), score.duration_seconds), note.pitch, note.velocity))
    if not notes:
        raise InputError(f"score: no notes of {', '.join(roles)}; expected at least one; choose other roles or another piece")
    return sorted(notes)


def score_of(
    notes: Iterable[TimedNote], rhythm: Rhythm, *, duration_seconds: float, genre: int, program: int = 0, role: str = "lead"
) -> Score:
    """A score of one track whose notes sound at the times that they have, on the beat grid of a dance."""
    kept = [n for n in notes if n.onset_seconds < duration_seconds and n.offset_seconds > n.onset_seconds]
    starts = rhythm.beat_at(np.array([n.onset_seconds for n in kept]))
    ends = rhythm.beat_at(np.array([min(n.offset_seconds, duration_seconds) for n in kept]))
    track = Track(role, program, [Note(float(a), float(b - a), n.pitch, n.velocity) for n, a, b in zip(kept, starts, ends)])
    return Score(
        tracks=[track],
        beat_times_seconds=rhythm.beat_times_seconds,
        downbeat=rhythm.downbeat,
        duration_seconds=duration_seconds,
        genre=genre,
        key=0,
        minor=False,
    )
