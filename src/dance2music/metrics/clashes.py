"""Whether the roles of a piece fit each other and the piece, read from its notes: for choosing among sections without playing them."""

from __future__ import annotations

import numpy as np

from dance2music.types import Score, Span

_COLUMN_SECONDS = 0.03
"""What sounds together for less is no interval that is heard."""
_CLASHES = tuple(range(1, 128, 12))
"""Semitones from the lower tone to the upper one: a minor second and its octaves. A major seventh is a colour of chords and is none."""


def tones_in(score: Score, span: Span) -> np.ndarray:
    """What sounds when in a section: bool [R, 128, T] of the R roles with pitch, per column of 30 ms."""
    tracks = [track for track in score.tracks if not track.is_drum]
    n = max(1, round((span.end_seconds - span.begin_seconds) / _COLUMN_SECONDS))
    sounding = np.zeros((len(tracks), 128, n), dtype=bool)
    for row, track in zip(sounding, tracks):
        starts = np.array([note.start_beats for note in track.notes], dtype=np.float64)
        ends = starts + np.array([note.duration_beats for note in track.notes], dtype=np.float64)
        times = score.time_at(np.stack([starts, ends]))
        begin, end = np.clip(np.round((times - span.begin_seconds) / _COLUMN_SECONDS), 0, n).astype(int)
        for note, first, last in zip(track.notes, begin, end):
            row[note.pitch, first:last] = True
    return sounding


def velocities_in(score: Score, span: Span) -> np.ndarray:
    """MIDI velocities, int [n], of the notes of all roles that begin in a section, which is in seconds of the score."""
    notes = [note for track in score.tracks for note in track.notes]
    times = score.time_at(np.array([note.start_beats for note in notes]))
    return np.array([note.velocity for note in notes])[(times >= span.begin_seconds) & (times < span.end_seconds)]


def clash_share(score: Score, span: Span) -> float:
    """Share of the time with tones in which those of two roles are a minor second or minor ninth apart, 0..1; 0 without tones.

    Parameters
    ----------
    score : the piece.
    span : the section, in seconds of the score.
    """
    sounding = tones_in(score, span)
    clashing = np.zeros(sounding.shape[2], dtype=bool)
    for semitones in _CLASHES:
        lower, upper = sounding[:, :-semitones], sounding[:, semitones:]
        within_a_role = (lower & upper).sum(axis=0)
        clashing |= (lower.sum(axis=0) * upper.sum(axis=0) > within_a_role).any(axis=0)
    tonal = sounding.any(axis=(0, 1))
    return float(clashing.sum() / tonal.sum()) if tonal.any() else 0.0


def foreign_share(score: Score, span: Span) -> float:
    """Share of a section's tones, by their length, whose pitch classes the rest of the piece does not have, 0..1.

    Parameters
    ----------
    score : the piece.
    span : the section, in seconds of the score; of all of a piece nothing is foreign.
    """
    rest = (Span(0.0, span.begin_seconds), Span(span.end_seconds, score.duration_seconds))
    known = np.zeros(12, dtype=bool)
    for other in rest:
        if other.end_seconds > other.begin_seconds:
            known[np.flatnonzero(tones_in(score, other).any(axis=(0, 2))) % 12] = True
    lengths = tones_in(score, span).sum(axis=(0, 2))
    if not known.any() or not lengths.any():
        return 0.0
    return float(lengths[~known[np.arange(128) % 12]].sum() / lengths.sum())
