"""Music as compound words on a grid of 16 ticks per bar, as CMT writes it (Di et al. 2021, arXiv:2111.08380).

A word is ten numbers. A bar opens with a bar word that tells how many ticks of it have onsets; each group of notes that one instrument
starts at one tick opens with a beat word that tells how many such ticks remain and how many notes follow; then come the notes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dance2music.errors import InputError
from dance2music.types import BEATS_PER_BAR, Note, Score, Track

TICKS_PER_BAR = 16
TICKS_PER_BEAT = TICKS_PER_BAR // BEATS_PER_BAR

FIELDS = ("type", "beat", "density", "pitch", "duration", "instrument", "strength", "i_beat", "n_beat", "p_beat")
TYPE, BEAT, DENSITY, PITCH, DURATION, INSTRUMENT, STRENGTH, I_BEAT, N_BEAT, P_BEAT = range(len(FIELDS))
CLASSES = (3, 18, 18, 129, 18, 6, 20)
"""Number of ids of the first seven fields, which the model writes; 0 is "none" in all but the type."""
P_BEAT_CLASSES = 102
END, RHYTHM, NOTE = range(3)
BAR = 17
"""Beat id of a bar word; 1 to 16 are ticks."""
DRUMS, PIANO, GUITAR, BASS, STRINGS = range(1, 6)
INSTRUMENTS = ("none", "drums", "piano", "guitar", "bass", "strings")
PROGRAMS = {PIANO: 0, GUITAR: 24, BASS: 33, STRINGS: 41}
"""General MIDI programs, counted from 0, that the published renderer takes."""
ROLE_OF = {DRUMS: "drums", PIANO: "chords", GUITAR: "lead", BASS: "bass", STRINGS: "pad"}
VELOCITY = 80
MAX_STRENGTH = CLASSES[STRENGTH] - 1
MAX_TICKS = CLASSES[DURATION] - 2


def instrument_ids(names: Iterable[str]) -> list[int]:
    """Ids of instruments by name, in the order of `INSTRUMENTS`.

    Raises
    ------
    InputError
        If there is none, or a name is none of them.
    """
    known, names = INSTRUMENTS[1:], list(names)
    if not names or set(names) - set(known):
        raise InputError(f"--instruments {','.join(names)}: expected one or more of {', '.join(known)} with commas between them")
    return [INSTRUMENTS.index(name) for name in known if name in names]


def words_of(score: Score) -> np.ndarray:
    """Words int64 [n, 10] of a score, from the bar of its first note; the last word is the end.

    Onsets are put on the nearest tick, durations are 1 to 16 ticks, velocities and swing are lost, as in the published form.
    """
    instrument_of = {role: k for k, role in ROLE_OF.items()}
    notes = sorted(
        (round(note.start_beats * TICKS_PER_BEAT), instrument_of[track.role], note.pitch, note.duration_beats)
        for track in score.tracks
        for note in track.notes
    )
    if not notes:
        return np.zeros((1, len(FIELDS)), dtype=np.int64)
    first_bar = notes[0][0] // TICKS_PER_BAR
    n_bars = notes[-1][0] // TICKS_PER_BAR - first_bar + 1
    bars: list[dict[tuple[int, int], list[tuple[int, int]]]] = [{} for _ in range(n_bars)]
    for tick, k, pitch, duration in notes:
        length = min(max(round(duration * TICKS_PER_BEAT), 1), MAX_TICKS)
        bars[tick // TICKS_PER_BAR - first_bar].setdefault((tick % TICKS_PER_BAR, k), []).append((pitch, length))
    words = []
    for bar, groups in enumerate(bars):
        ticks = sorted({tick for tick, _ in groups})
        words.append(rhythm_word(BAR, len(ticks) + 1, bar=bar, n_bars=n_bars))
        for (tick, k), played in sorted(groups.items()):
            left = len(ticks) - ticks.index(tick)
            strength = min(len(played), MAX_STRENGTH)
            words.append(rhythm_word(tick + 1, left, bar=bar, n_bars=n_bars, instrument=k, strength=strength))
            words += [note_word(pitch, length, k, bar=bar, tick=tick, n_bars=n_bars) for pitch, length in played]
    words.append(np.zeros(len(FIELDS), dtype=np.int64))
    return np.stack(words)


def rhythm_word(beat: int, density: int, *, bar: int, n_bars: int, instrument: int = 0, strength: int = 0) -> np.ndarray:
    """A bar word (``beat`` = `BAR`) or a beat word, int64 [10]."""
    tick = 0 if beat == BAR else beat - 1
    return _word({TYPE: RHYTHM, BEAT: beat, DENSITY: density, INSTRUMENT: instrument, STRENGTH: strength}, bar, tick, n_bars)


def note_word(pitch: int, ticks: int, instrument: int, *, bar: int, tick: int, n_bars: int) -> np.ndarray:
    """A note word, int64 [10]."""
    return _word({TYPE: NOTE, PITCH: pitch + 1, DURATION: ticks + 1, INSTRUMENT: instrument}, bar, tick, n_bars)


def _word(values: dict[int, int], bar: int, tick: int, n_bars: int) -> np.ndarray:
    word = np.zeros(len(FIELDS), dtype=np.int64)
    for field, value in values.items():
        word[field] = value
    word[I_BEAT] = bar * TICKS_PER_BAR + tick
    word[N_BEAT] = n_bars * TICKS_PER_BAR
    word[P_BEAT] = min(100 * word[I_BEAT] // word[N_BEAT] + 1, P_BEAT_CLASSES - 1)
    return word


def tracks_of(words: Iterable[np.ndarray], *, first_bar: int = 0) -> list[Track]:
    """Tracks of words, one per instrument that plays; a note without an instrument is a drum note, as in the published form.

    Parameters
    ----------
    words : int [n, 10]; nothing after an end is read.
    first_bar : bar of the score that the first bar word opens.
    """
    bar, tick = first_bar - 1, 0
    notes: dict[int, list[Note]] = {}
    for word in words:
        if word[TYPE] == END:
            break
        if word[TYPE] == RHYTHM:
            bar, tick = (bar + 1, 0) if word[BEAT] == BAR else (bar, max(int(word[BEAT]) - 1, 0))
        elif word[PITCH] > 0 and word[DURATION] > 1:
            start = (bar * TICKS_PER_BAR + tick) / TICKS_PER_BEAT
            notes.setdefault(int(word[INSTRUMENT]) or DRUMS, []).append(
                Note(start, (int(word[DURATION]) - 1) / TICKS_PER_BEAT, int(word[PITCH]) - 1, VELOCITY)
            )
    return [Track(ROLE_OF[k], PROGRAMS.get(k, 0), notes[k], is_drum=k == DRUMS) for k in sorted(notes)]
