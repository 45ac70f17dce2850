"""Score to a Standard MIDI File and back, with the beat grid as tempo map (symusic writes, `smf` reads).

The file starts at 0 s: beats before the last one ahead of that are left out. Swing is written into the note positions, so that any player
swings; the file's markers keep genre, key, downbeat and length, so that our own files come back as they were to within a tick.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.music.smf import Smf, SmfTrack, read_smf
from dance2music.types import BEATS_PER_BAR, GENRES, ROLES, Note, Score, Track, swing_beats

TICKS_PER_BEAT = 960
_RINGING_TICKS = TICKS_PER_BEAT // 8
"""Of a note that began before the clip no less is written: a sliver of a chord would sound like a wrong one."""
_MARKER = re.compile(
    r"dance2music genre=(\S+) key=(\d+) minor=([01]) downbeat=(-?\d+) lead_ticks=(-?\d+) lead_in=(-?[\d.]+) seconds=([\d.]+) beats=(\d+)"
)
_MAX_NOTES = 200_000


def save_midi(score: Score, path: str | Path) -> None:
    """Write a score as a MIDI file.

    Tick 0 is the start of the clip; the beats lie 960 ticks apart, so that every note sounds at the time that the score gives it (to within
    a tick).

    Raises
    ------
    InputError
        If the folder is missing or not writable.
    """
    import symusic

    grid, downbeat = _grid_from_zero(score)
    lead_ticks = round(grid[0] / (grid[1] - grid[0]) * TICKS_PER_BEAT)
    midi: Any = symusic.Score(TICKS_PER_BEAT)
    midi.tempos.append(symusic.Tempo(0, mspq=_microseconds(grid[1] - grid[0])))
    for i, period in enumerate(np.diff(grid)):
        if _microseconds(period) != midi.tempos[-1].mspq:
            midi.tempos.append(symusic.Tempo(lead_ticks + i * TICKS_PER_BEAT, mspq=_microseconds(period)))
    midi.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    midi.markers.append(
        symusic.TextMeta(
            0,
            f"dance2music genre={GENRES[score.genre]} key={score.key} minor={int(score.minor)} downbeat={downbeat} "
            f"lead_ticks={lead_ticks} lead_in={grid[0]:.6f} seconds={score.duration_seconds:.6f} beats={len(grid)}",
        )
    )
    for track in score.tracks:
        out: Any = symusic.Track(name=track.role, program=track.program, is_drum=track.is_drum)
        starts = np.array([n.start_beats for n in track.notes])
        ends = starts + np.array([n.duration_beats for n in track.notes])
        starts, ends = (swing_beats(x, score.swing, unit_beats=score.swing_unit_beats) + downbeat for x in (starts, ends))
        for note, start, end in zip(track.notes, starts, ends):
            tick, last = (lead_ticks + round(x * TICKS_PER_BEAT) for x in (start, end))
            if last > (_RINGING_TICKS if tick < 0 else 0):
                out.notes.append(symusic.Note(max(tick, 0), max(1, last - max(tick, 0)), note.pitch, note.velocity))
        midi.tracks.append(out)
    with whole_file(path) as temporary:
        midi.dump_midi(str(temporary))


def load_midi(path: str | Path) -> Score:
    """Read a MIDI file as a score. Files of other origin get genre 0, a key of C major and roles by instrument.

    Returns
    -------
    Score with straight swing: what swing there is lies in the note positions.

    Raises
    ------
    InputError
        If the file is missing, is no MIDI file, holds no notes or absurdly many.
    """
    path = Path(path)
    midi = read_smf(path)
    try:
        return _score(path, midi)
    except (ValueError, IndexError, OverflowError, ZeroDivisionError, AssertionError) as error:
        raise InputError(f"{path}: its marker of dance2music is damaged ({error}); choose another file") from error


def _score(path: Path, midi: Smf) -> Score:
    n_notes = sum(len(t.notes) for t in midi.tracks)
    if not 0 < n_notes <= _MAX_NOTES or midi.ticks_per_quarter <= 0:
        raise InputError(f"{path}: holds {n_notes} notes; expected 1 to {_MAX_NOTES}; choose another file")
    tpq = midi.ticks_per_quarter
    match = next((m for m in map(_MARKER.fullmatch, midi.markers) if m), None)
    lead_ticks, downbeat = (int(match[5]), int(match[4])) if match else (0, 0)
    n_beats = int(match[8]) if match else max(2, int(np.ceil(max(n.time + n.duration for t in midi.tracks for n in t.notes) / tpq)) + 1)
    if not 2 <= n_beats <= _MAX_NOTES:
        raise InputError(f"{path}: {n_beats} beats long; expected at most {_MAX_NOTES}; choose another file")
    times = _beat_times(midi, lead_ticks, n_beats)
    if match:
        times = times - times[0] + float(match[6])
    # The grid may begin after its downbeat; the next one takes its place.
    bars = -(downbeat // BEATS_PER_BAR) if downbeat < 0 else 0
    downbeat += bars * BEATS_PER_BAR
    tracks = [_read_track(track, tpq, lead_ticks, downbeat, named=match is not None) for track in midi.tracks if len(track.notes)]
    score = Score(
        tracks=tracks,
        beat_times_seconds=times,
        downbeat=downbeat,
        duration_seconds=float(match[7]) if match else float(times[-1]),
        genre=GENRES.index(match[1]) if match and match[1] in GENRES else 0,
        key=int(match[2]) % 12 if match else 0,
        minor=bool(match and match[3] == "1"),
    )
    return score


def _grid_from_zero(score: Score) -> tuple[np.ndarray, int]:
    """Beat times from the last one at or before 0 s to the end of the clip, continued where the grid is short; index of the downbeat."""
    grid = np.asarray(score.beat_times_seconds, dtype=np.float64)
    first_period, last_period = grid[1] - grid[0], grid[-1] - grid[-2]
    before = int(np.ceil(max(0.0, grid[0]) / first_period))
    after = int(np.ceil(max(0.0, score.duration_seconds - grid[-1]) / last_period))
    grid = np.concatenate([grid[0] - first_period * np.arange(before, 0, -1), grid, grid[-1] + last_period * np.arange(1, after + 1)])
    first = min(int(np.searchsorted(grid, 0.0, side="right")) - 1, len(grid) - 2)
    return grid[first:], score.downbeat + before - first


def _microseconds(period_seconds: float) -> int:
    return int(np.clip(round(period_seconds * 1e6), 1, 2**24 - 1))


def _beat_times(midi: Smf, first_tick: int, n_beats: int) -> np.ndarray:
    """Times of ``n_beats`` beats from ``first_tick`` on through the tempo map; 120 bpm where the file names none."""
    tempos = sorted(dict(midi.tempos).items())
    ticks = np.array([0] + [t for t, _ in tempos], dtype=np.float64)
    seconds_per_tick = np.array([500_000] + [m for _, m in tempos]) / 1e6 / midi.ticks_per_quarter
    starts = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * seconds_per_tick[:-1])])
    at = first_tick + np.arange(n_beats) * float(midi.ticks_per_quarter)
    row = np.searchsorted(ticks, np.maximum(at, 0), side="right") - 1
    return starts[row] + (at - ticks[row]) * seconds_per_tick[row]


def _read_track(track: SmfTrack, tpq: int, lead_ticks: int, downbeat: int, *, named: bool) -> Track:
    name, program, is_drum = track.name, track.program, track.is_drum
    notes = [Note((n.time - lead_ticks) / tpq - downbeat, max(n.duration, 1) / tpq, n.pitch, n.velocity) for n in track.notes]
    notes.sort(key=lambda n: (n.start_beats, n.pitch))
    if named and name in ROLES:
        role = name
    elif is_drum:
        role = "drums"
    elif 32 <= program < 40:
        role = "bass"
    elif 48 <= program < 56 or 88 <= program < 96:
        role = "pad"
    else:
        # One note at a time is a melody, more are chords.
        together = len({round(n.start_beats, 3) for n in notes}) / len(notes)
        role = "lead" if together > 0.8 else "chords"
    return Track(role, program, notes, is_drum)
