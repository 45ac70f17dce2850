"""Beats, bars and sections of a take as a list for an editing program: comma-separated values, or labels for Audacity."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

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


def markers_of(conditioning: Conditioning, *, lead_seconds: float = 0.0) -> list[Marker]:
    """The sections of the music's form and every beat, in order of time: beats are named by bar, and beat where no downbeat.

    Bar 1 begins with the first downbeat of the dance at or after 0 s, as for ``regenerate --bars``. ``lead_seconds`` is how far ahead of
    the dance's beats the music's are: that is where an editor sees them in its sound.
    """
    rhythm, end = conditioning.rhythm, conditioning.duration_seconds
    borders = [rhythm.time_at(np.array([section.begin_beat, section.end_beat])) for section in conditioning.sections]
    markers = [
        Marker(max(0.0, float(first)), min(end, float(last)), "section", section.name)
        for section, (first, last) in zip(conditioning.sections, borders)
        if last > 0 and first < end
    ]
    times = rhythm.beat_times_seconds
    inside = [i for i, time in enumerate(times) if -1e-3 <= time < end]
    first = inside[0] + (rhythm.downbeat - inside[0]) % BEATS_PER_BAR if inside else 0
    for i in inside:
        bar, beat = divmod(i - first, BEATS_PER_BAR)
        time = max(0.0, float(times[i]))
        kind, name = ("downbeat", f"{bar + 1}") if beat == 0 else ("beat", f"{bar + 1}.{beat + 1}")
        markers.append(Marker(time, time, kind, name))
    if lead_seconds:
        markers = [
            one._replace(begin_seconds=max(0.0, one.begin_seconds - lead_seconds), end_seconds=_led(one, end, lead_seconds))
            for one in markers
        ]
    return sorted(markers, key=lambda marker: marker.begin_seconds)


def _led(marker: Marker, end: float, lead_seconds: float) -> float:
    """Where a marker ends in music that is ahead; the end of the music stays."""
    return marker.end_seconds if marker.end_seconds >= end else max(0.0, marker.end_seconds - lead_seconds)


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
