"""A reader of Standard MIDI Files (RP-001, 1996) that stands any file: notes, tempi, names and markers, nothing else.

It is written in Python because the libraries' native readers were seen to crash on damaged files. Bounded by the size of the file and by
`MAX_EVENTS`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from dance2music.errors import InputError

MAX_BYTES = 32 << 20
MAX_EVENTS = 1_000_000
MAX_TICK = 1 << 40
_DRUM_CHANNEL = 9
_META, _SYSEX, _ESCAPE = 0xFF, 0xF0, 0xF7
_NAME, _MARKER, _TEMPO = 0x03, 0x06, 0x51
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}


@dataclass(frozen=True)
class SmfNote:
    """A note: begin and length in ticks, MIDI pitch and velocity."""

    time: int
    duration: int
    pitch: int
    velocity: int


@dataclass
class SmfTrack:
    """The notes of one channel and program of a track of the file."""

    name: str
    program: int
    is_drum: bool
    notes: list[SmfNote] = field(default_factory=list)


@dataclass
class Smf:
    """What a file holds: ticks per quarter note, tracks with notes, (tick, microseconds per quarter), texts of markers."""

    ticks_per_quarter: int
    tracks: list[SmfTrack] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)


def read_smf(path: Path) -> Smf:
    """Read a MIDI file.

    Raises
    ------
    InputError
        If it cannot be read, is too large, is no MIDI file, or is damaged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a MIDI file; check the path") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: is larger than {MAX_BYTES / 1e6:.0f} MB; expected a MIDI file; choose another file")
    start = data.find(b"MThd", 0, 64) if data[:4] == b"RIFF" else 0
    if data[start : start + 4] != b"MThd" or start < 0:
        raise InputError(f"{path}: starts with {data[:4]!r}, so it is not a MIDI file; expected .mid or .midi; choose another file")
    try:
        return _parsed(data, start)
    except (IndexError, ValueError, struct.error) as error:
        raise InputError(f"{path}: a damaged MIDI file ({error}); choose another file") from error


def _parsed(data: bytes, start: int) -> Smf:
    length, _, _, division = struct.unpack_from(">IHHH", data, start + 4)
    if division & 0x8000 or not division:
        raise ValueError("its clock counts frames of film")
    found = Smf(division)
    at, events = start + 8 + max(6, length), 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(">4sI", data, at)
        if kind == b"MTrk":
            if at + 8 + size > len(data):
                raise ValueError("a track ends too early")
            events = _read_track(data[at + 8 : at + 8 + size], found, events)
        at += 8 + size
    return found


def _read_track(data: bytes, found: Smf, events: int) -> int:
    """Add what a track holds; the number of events read so far."""
    at = tick = status = 0
    name, programs = "", [0] * 16
    sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
    tracks: dict[tuple[int, int], SmfTrack] = {}
    while at < len(data):
        events += 1
        if events > MAX_EVENTS:
            raise ValueError(f"more than {MAX_EVENTS} events")
        step, at = _number(data, at)
        tick += step
        if tick > MAX_TICK:
            raise ValueError("it lasts for years")
        if data[at] & 0x80:
            status = data[at]
            at += 1
        if status in (_META, _SYSEX, _ESCAPE):
            kind = data[at] if status == _META else -1
            size, at = _number(data, at + (status == _META))
            content = data[at : at + size]
            if len(content) < size:
                raise ValueError("an event ends too early")
            at += size
            if kind == _NAME and not name:
                name = content[:200].decode("latin1")
            elif kind == _MARKER:
                found.markers.append(content[:1000].decode("latin1"))
            elif kind == _TEMPO and size == 3:
                found.tempos.append((tick, max(1, int.from_bytes(content))))
            continue
        if status >> 4 not in _DATA_BYTES:
            raise ValueError(f"an unknown event {status:#x}")
        values = data[at : at + _DATA_BYTES[status >> 4]]
        at += _DATA_BYTES[status >> 4]
        if len(values) < _DATA_BYTES[status >> 4] or max(values) > 127:
            raise ValueError("an event ends too early")
        channel, action = status & 15, status >> 4
        if action == 0xC:
            programs[channel] = values[0]
        elif action == 0x9 and values[1]:
            sounding.setdefault((channel, values[0]), []).append((tick, values[1]))
        elif action in (0x8, 0x9):
            begun = sounding.get((channel, values[0]))
            if begun:
                begin, velocity = begun.pop(0)
                key = (channel, programs[channel])
                track = tracks.setdefault(key, SmfTrack(name, programs[channel], channel == _DRUM_CHANNEL))
                track.notes.append(SmfNote(begin, tick - begin, values[0], velocity))
    for track in tracks.values():
        track.name = name
        track.notes.sort(key=lambda note: (note.time, note.duration, note.pitch, note.velocity))
    found.tracks += tracks.values()
    return events


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and the place after it."""
    value = 0
    for _ in range(4):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at
    raise ValueError("a number of more than four bytes")
