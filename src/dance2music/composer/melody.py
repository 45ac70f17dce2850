"""The rules of a tune for a melody that was written: tones that fit the chord where they weigh, steps more than leaps, no droning.

What a player or a network writes has a rhythm, a contour and a register of its own; those stay. Of every note the pitches near by are
weighed against each other, along the whole phrase at once (dynamic programming), so that the line that comes out is the nearest one that
keeps the rules. Songs move by unisons and steps most of the time (pitch proximity, Huron 2001).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from dance2music.composer.harmony import SCALES
from dance2music.composer.phrases import phrases_of
from dance2music.types import BEATS_PER_BAR, Note, Score, Track

LOWEST, HIGHEST = 60, 86
_REACH = 5
"""Semitones that a note may be moved by."""
_STRONG_BEATS = 0.9
"""A note weighs where it is on a beat, or lasts this long."""
_FOREIGN, _AVOIDED = {True: 0.8, False: 0.25}, {True: 2.5, False: 0.6}
"""Costs of what is not in the chord, and of what is a semitone above one of its tones: by whether a note weighs."""
_MOVED, _RETURNING = 0.2, 3.0
"""Of each semitone that a note is moved by; and from what its bar is when it is first heard."""
_STABLE = {False: (0, 4, 7), True: (0, 3, 7)}
_RESTLESS = 0.6
"""Of degrees of the key that want to go on."""
_TURNED = 0.5
"""Of going down where what was written goes up."""
_LEAPS = np.array([0.2, 0.0, 0.0, 0.3, 0.4, 0.7, 2.2, 1.0, 1.9, 1.9, 2.4, 2.9, 1.4])
"""Of an interval by its semitones, 0 to 12."""
_WIDER = 4.8
"""Of one that is wider."""
_DRONING = 1.1
"""Of a third note of the same pitch in a row."""
_LEFT_BY_LEAP = 0.8
"""Of leaving a tone that is not in the chord by more than a step."""
_APART_BEATS = 1.5
"""After a rest as long as this an interval costs half."""
_MOST_SHARE, _CROWDED = 0.36, 5.0
"""Share of a phrase's notes that one pitch may have at no cost, and the cost of each note of it per share that is too much."""
_PASSES = 3


_Bar = tuple[Note, ...]
_Written = tuple[tuple[float, int], ...]


class _Tone(NamedTuple):
    """A note of the melody and the pitch that is wanted of it; what it may become [n], whether that is not in the chord, and its cost."""

    note: Note
    wanted: int
    choices: np.ndarray
    foreign: np.ndarray
    cost: np.ndarray


def tuneful(score: Score) -> Score:
    """The score with a lead that keeps the rules of a tune, phrase by phrase; rhythm and velocities stay.

    A bar that was written again is drawn towards what became of it when it was first heard, as far as the chords under it allow. The rules
    and their weights are the project's own, of no paper.

    Parameters
    ----------
    score : Score; its ``sections`` say where phrases begin, without any it is one phrase. Chords are what chords and pad play.

    Returns
    -------
    Score whose lead has other pitches, `LOWEST` to `HIGHEST` where they changed.
    """
    tracks = [
        replace(track, notes=_sung(track.notes, score)) if track.role == "lead" and not track.is_drum else track for track in score.tracks
    ]
    return replace(score, tracks=tracks)


def _sung(notes: Sequence[Note], score: Score) -> list[Note]:
    """The notes of a lead with other pitches."""
    edges = sorted({beat for phrase in phrases_of(score.sections) for beat in (phrase.begin_beat, phrase.end_beat)})
    ordered = sorted(notes, key=lambda note: (note.start_beats, note.pitch))
    parts = [list(part) for _, part in groupby(ordered, key=lambda note: int(np.searchsorted(edges, note.start_beats + 1e-6)))]
    chords = _chords_of(score.tracks)
    written = {bar: _written(bar) for part in parts for bar in _bars(part)}
    over: dict[_Written, list[_Bar]] = {}
    for bar, how in written.items():
        over.setdefault(how, []).append(bar)
    # What a bar becomes when it is first heard is to fit all chords that it will be heard over.
    first: dict[_Written, list[int]] = {}
    for part in parts:
        tones = [
            _together([_tone(other[i], note.pitch, _MOVED, chords, score) for other in over[written[bar]]])
            for bar in _bars(part)
            for i, note in enumerate(bar)
        ]
        line = iter(_revised(tones))
        for bar in _bars(part):
            first.setdefault(written[bar], [next(line) for _ in bar])
    sung: list[Note] = []
    for part in parts:
        tones = [_tone(note, pitch, _RETURNING, chords, score) for bar in _bars(part) for note, pitch in zip(bar, first[written[bar]])]
        sung += [note._replace(pitch=pitch) for note, pitch in zip(part, _revised(tones))]
    return sung


def _bars(part: Sequence[Note]) -> list[_Bar]:
    """The notes of each bar."""
    return [tuple(bar) for _, bar in groupby(part, key=lambda note: int((note.start_beats + 1e-6) // BEATS_PER_BAR))]


def _written(bar: _Bar) -> _Written:
    """Where in its bar each note begins, and its pitch."""
    return tuple((round((note.start_beats + 1e-6) % BEATS_PER_BAR, 3), note.pitch) for note in bar)


def _together(tones: Sequence[_Tone]) -> _Tone:
    """A note that is heard over several chords, with the mean of its costs."""
    choices = np.unique(np.concatenate([tone.choices for tone in tones]))
    costs = np.full((len(tones), len(choices)), _FOREIGN[True] + _RESTLESS + _MOVED * _REACH)
    for row, tone in zip(costs, tones):
        row[np.searchsorted(choices, tone.choices)] = tone.cost
    return tones[0]._replace(choices=choices, foreign=np.zeros(len(choices), dtype=bool), cost=costs.mean(axis=0))


class _Chords(NamedTuple):
    """Where chords begin, in beats [n], and their pitch classes."""

    begin_beats: np.ndarray
    classes: list[frozenset[int]]

    def at(self, beat: float) -> frozenset[int]:
        """The last that began by then; none before the first."""
        i = int(np.searchsorted(self.begin_beats, beat + 1e-6, side="right")) - 1
        return self.classes[i] if i >= 0 else frozenset()


def _chords_of(tracks: Sequence[Track]) -> _Chords:
    """What chords and pad say, by their onsets."""
    begun: dict[float, set[int]] = {}
    for track in tracks:
        if track.role in ("chords", "pad"):
            for note in track.notes:
                begun.setdefault(round(note.start_beats * 8) / 8, set()).add(note.pitch % 12)
    at = sorted(beat for beat, classes in begun.items() if len(classes) > 1)
    return _Chords(np.array(at), [frozenset(begun[beat]) for beat in at])


def _revised(tones: Sequence[_Tone]) -> list[int]:
    """The pitches of the cheapest line; where one becomes too frequent, the next pass makes it dearer."""
    dearer: dict[int, float] = {}
    line: list[int] = []
    for _ in range(_PASSES):
        line = _cheapest([tone._replace(cost=tone.cost + [dearer.get(pitch, 0.0) for pitch in tone.choices.tolist()]) for tone in tones])
        counts = Counter(line)
        over = {pitch: count / len(line) - _MOST_SHARE for pitch, count in counts.items() if count > max(2, _MOST_SHARE * len(line))}
        if not over:
            break
        for pitch, share in over.items():
            dearer[pitch] = dearer.get(pitch, 0.0) + _CROWDED * share
    return line


def _tone(note: Note, wanted: int, moved: float, chords: _Chords, score: Score) -> _Tone:
    """A note and what it may become, by the distance from the pitch that is wanted, the key, and the chord."""
    weighs = abs(note.start_beats - round(note.start_beats)) < 0.05 or note.duration_beats >= _STRONG_BEATS
    chord = chords.at(note.start_beats + 0.5 * min(note.duration_beats, 1.0))
    scale = {(score.key + degree) % 12 for degree in SCALES[("diatonic", score.minor)]}
    near = range(max(LOWEST, wanted - _REACH), min(HIGHEST, wanted + _REACH) + 1)
    choices = np.array([pitch for pitch in near if pitch == wanted or pitch % 12 in scale or pitch % 12 in chord] or [wanted])
    cost = moved * np.abs(choices - wanted) + _RESTLESS * ~np.isin((choices - score.key) % 12, _STABLE[score.minor])
    foreign = ~np.isin(choices % 12, list(chord)) & bool(chord)
    avoided = foreign & np.isin((choices - 1) % 12, list(chord))
    cost = cost + np.where(avoided, _AVOIDED[weighs], np.where(foreign, _FOREIGN[weighs], 0.0))
    return _Tone(note, wanted, choices, foreign, cost)


def _cheapest(tones: Sequence[_Tone]) -> list[int]:
    """Pitches of the line that costs least; a state is a pitch, and whether the note before has the same."""
    cost = np.stack([tones[0].cost, np.full(len(tones[0].choices), np.inf)])
    back: list[np.ndarray] = []
    for before, tone in pairwise(tones):
        interval = tone.choices[None] - before.choices[:, None]
        size = np.abs(interval)
        moving = np.where(size < len(_LEAPS), _LEAPS[np.minimum(size, len(_LEAPS) - 1)], _WIDER)
        written = np.sign(tone.wanted - before.wanted)
        moving = moving + np.where(interval * written < 0, _TURNED, 0.0)
        moving = moving + np.where(before.foreign[:, None] & (size > 2), _LEFT_BY_LEAP, 0.0)
        if tone.note.start_beats - before.note.start_beats - before.note.duration_beats > _APART_BEATS:
            moving = 0.5 * moving
        other = np.where(size == 0, np.inf, moving)
        same = np.where(size == 0, moving, np.inf)
        # To a pitch that is another one from either state; to the same from the first at its cost, from the second as a drone.
        ways = np.stack([cost[:, :, None] + other, np.stack([cost[0][:, None] + same, cost[1][:, None] + same + _DRONING])])
        flat = ways.reshape(2, -1, len(tone.choices))  # [state after, (state before, pitch before), pitch after]
        back.append(flat.argmin(axis=1))
        cost = flat.min(axis=1) + tone.cost
    state, at = divmod(int(cost.argmin()), cost.shape[1])
    line = [int(tones[-1].choices[at])]
    for before, came in zip(reversed(tones[:-1]), reversed(back)):
        state, at = divmod(int(came[state, at]), len(before.choices))
        line.append(int(before.choices[at]))
    return line[::-1]
