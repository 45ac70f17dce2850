"""Beats, bars and sections of a take as a list for an editing program: comma-separated values, or labels for Audacity."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from dance2music.files import whole_file
from dance2music.types import BEATS_PER_BAR, Conditioning

MARKER_SUFFIXES = (".csv", ".txt")
"""Of a table with a head, and of Audacity's labels."""


class Marker(NamedTuple):
    """A moment or a stretch of the music, in seconds from its beginning; ``kind`` is beat, downbeat or section."""

    begin_seconds: float
    end_seconds: float
    kind: str
    name: str


def markers_of(conditioning: Conditioning) -> list[Marker]:
    """Every beat of the dance within the music, in order of time: downbeats are named by their bar, others by bar and beat.

    Bar 1 begins with the first downbeat at or after 0 s, as for ``regenerate --bars``.
    """
    rhythm = conditioning.rhythm
    times = rhythm.beat_times_seconds
    inside = [i for i, time in enumerate(times) if -1e-3 <= time < conditioning.duration_seconds]
    if not inside:
        return []
    first = inside[0] + (rhythm.downbeat - inside[0]) % BEATS_PER_BAR
    markers = []
    for i in inside:
        bar, beat = divmod(i - first, BEATS_PER_BAR)
        time = max(0.0, float(times[i]))
        kind, name = ("downbeat", f"{bar + 1}") if beat == 0 else ("beat", f"{bar + 1}.{beat + 1}")
        markers.append(Marker(time, time, kind, name))
    return markers


def save_markers(markers: list[Marker], path: str | Path) -> None:
    """Write markers: ``.txt`` as Audacity's labels (tab-separated), else as comma-separated values with a head.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    labels = Path(path).suffix.lower() == ".txt"
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if labels else ",", lineterminator="\n")
        if not labels:
            writer.writerow(Marker._fields)
        for begin, end, kind, name in markers:
            times = (f"{begin:.6f}", f"{end:.6f}")
            writer.writerow((*times, f"{kind} {name}") if labels else (*times, kind, name))
