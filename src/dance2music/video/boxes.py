"""The boxes of an mp4 or mov file, as far as FFmpeg does not carry them over: which parts of a track are shown, and what describes it.

FFmpeg follows an edit list while it reads and can write only one that begins late; so a cut at the end or in the middle, which phones make
without encoding anything again, is carried over here, and so is what a description has that it does not write (Dolby Vision in .mov).
Boxes and fields are those of ISO/IEC 14496-12 (8.1 to 8.6).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAX_MOVIE_BYTES = 64 << 20
"""A header (``moov``) larger than this is not read: ten minutes take about one MB."""
MAX_EDITS = 1000
MAX_DESCRIPTION_BYTES = 1 << 16
_EMPTY = -1
_VISUAL_ENTRY_BYTES = 86
"""Of a sample entry of pictures, before the boxes in it."""
_OWN = (b"btrt", b"free", b"skip", b"wide")
"""Boxes of a description that are the file's, not the picture's."""
_WAY_DOWN = (b"mdia", b"minf", b"stbl", b"stsd")
_UNITY = 1 << 16


class Edit(NamedTuple):
    """A line of an edit list: how long (in ticks of the movie), from where in the track (its ticks; -1: nothing is shown), how fast."""

    duration: int
    media_time: int
    rate: float = 1.0


@dataclass(frozen=True)
class EditList:
    """The edit list of a track, with the ticks per second of the movie, that durations are in, and those of the track."""

    timescale: int
    track_timescale: int
    edits: tuple[Edit, ...]

    @property
    def shown(self) -> tuple[Edit, ...]:
        """The lines that show pictures."""
        return tuple(edit for edit in self.edits if edit.media_time != _EMPTY and edit.duration != 0)

    @property
    def seconds(self) -> float:
        """From the first picture to the end of the last; 0 where it is not told."""
        first = next((n for n, edit in enumerate(self.edits) if edit.media_time != _EMPTY), 0)
        lengths = [edit.duration for edit in self.edits[first:]]
        return sum(lengths) / self.timescale if all(lengths) else 0.0


def read_edits(path: Path, track: int) -> EditList | None:
    """The edit list of the track with this number (``tkhd``'s), or None where the file has none that can be read."""
    try:
        movie = _read_movie(path)
        return None if movie is None else _edits_of(movie, track)
    except (OSError, struct.error, ValueError, IndexError):
        return None


def read_description(path: Path, track: int) -> dict[bytes, bytes]:
    """The boxes, by kind, that describe the pictures of a track (colours, Dolby Vision, ...); none where it cannot be read."""
    try:
        movie = _read_movie(path)
        if movie is None:
            return {}
        for start, size in _parts(movie)[1]:
            data = movie[start : start + size]
            if _number(data) == track:
                return {kind: data[at : at + n] for kind, at, n in _described(data)[1] if n <= MAX_DESCRIPTION_BYTES}
    except (OSError, struct.error, ValueError, IndexError):
        pass
    return {}


def missing_description(path: Path, wanted: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Of the boxes that describe a picture, those that the first track of a file lacks."""
    there = read_description(path, 1)
    return {kind: box for kind, box in wanted.items() if kind not in there and kind not in _OWN} if there else {}


def rewrite(path: Path, edits: EditList | None, *, decoded_from: Fraction, description: dict[bytes, bytes]) -> None:
    """Replace the edit list of the first track of a file whose header is its last box, as FFmpeg writes it without ``faststart``.

    Parameters
    ----------
    path : file to change.
    edits : the lines, for the track as the source has it; None leaves those that are there.
    decoded_from : seconds, time of decoding of its first packet there, which the file counts from.
    description : boxes to add to the description of its pictures.
    """
    with path.open("r+b") as file:
        place = _find_top(file, b"moov")
        assert place is not None, "FFmpeg wrote a header"
        start, size = place
        file.seek(0, 2)
        assert file.tell() == start + size, "the header is the last box"
        file.seek(start)
        movie = _with(file.read(size), edits, decoded_from, b"".join(description.values()))
        file.seek(start)
        file.truncate()
        file.write(movie)


def _read_movie(path: Path) -> bytes | None:
    with path.open("rb") as file:
        place = _find_top(file, b"moov")
        if place is None or place[1] > MAX_MOVIE_BYTES:
            return None
        file.seek(place[0])
        return file.read(place[1])


def _with(movie: bytes, edits: EditList | None, decoded_from: Fraction, description: bytes) -> bytes:
    header, tracks, others = _parts(movie)
    start, size = tracks[0]
    track = movie[start : start + size]
    head = bytearray(movie[header[0] : header[0] + header[1]])
    rest = [movie[s : s + n] for s, n in tracks[1:]]
    if description:
        track = _described_by(track, description)
    if edits is not None:
        to, ticks = _timescale(movie, header), _track_timescale(track)

        def moved(edit: Edit) -> Edit:
            place = edit.media_time
            if place != _EMPTY:
                place = round((Fraction(place, edits.track_timescale) - decoded_from) * ticks)
            return Edit(round(Fraction(edit.duration * to, edits.timescale)), place)

        lines = [moved(edit) for edit in edits.edits]
        length = sum(line.duration for line in lines)
        track = _track_with(track, lines, length)
        _set_duration(head, max([length, *(_track_duration(other) for other in rest)]), at={0: 24, 1: 32})
    body = bytes(head) + track + b"".join(rest) + b"".join(movie[s : s + n] for s, n in others)
    return struct.pack(">I4s", 8 + len(body), b"moov") + body


def _described(track: bytes) -> tuple[list[int], list[tuple[bytes, int, int]]]:
    """Where the boxes around the first description of a track begin, outermost first; kind, place and size of those in it."""
    start, end, around = 8, len(track), [0]
    for wanted in _WAY_DOWN:
        start, size = next((at, n) for kind, at, n in _boxes(track, start, end) if kind == wanted)
        around.append(start)
        start, end = start + 8, start + size
    entry, size = next((at, n) for _, at, n in _boxes(track, start + 8, end))
    around.append(entry)
    return around, list(_boxes(track, entry + _VISUAL_ENTRY_BYTES, entry + size))


def _described_by(track: bytes, description: bytes) -> bytes:
    """A ``trak`` box with boxes added to the end of its first description."""
    around, _ = _described(track)
    changed = bytearray(track)
    for start in around:
        struct.pack_into(">I", changed, start, struct.unpack_from(">I", track, start)[0] + len(description))
    end = around[-1] + struct.unpack_from(">I", track, around[-1])[0]
    return bytes(changed[:end]) + description + bytes(changed[end:])


def _track_with(track: bytes, lines: list[Edit], length: int) -> bytes:
    """A ``trak`` box with these edits in the place of its own."""
    table = b"".join(struct.pack(">QqI", e.duration, e.media_time, _UNITY) for e in lines)
    elst = struct.pack(">I4sII", 16 + len(table), b"elst", 1 << 24, len(lines)) + table
    edts = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
    parts: list[bytes] = []
    for kind, start, size in _boxes(track, 8, len(track)):
        box = bytearray(track[start : start + size])
        if kind == b"tkhd":
            _set_duration(box, length, at={0: 28, 1: 36})
            parts += [bytes(box), edts]
        elif kind != b"edts":
            parts.append(bytes(box))
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), b"trak") + body


def _set_duration(box: bytearray, duration: int, *, at: dict[int, int]) -> None:
    """Set the duration of a full box, whose place goes by its version."""
    version = box[8]
    struct.pack_into(">Q" if version else ">I", box, at[version], duration)


def _track_duration(track: bytes) -> int:
    for kind, start, _ in _boxes(track, 8, len(track)):
        if kind == b"tkhd":
            version = track[start + 8]
            return int(struct.unpack_from(">Q" if version else ">I", track, start + (36 if version else 28))[0])
    return 0


def _parts(movie: bytes) -> tuple[tuple[int, int], list[tuple[int, int]], list[tuple[int, int]]]:
    """Place and size of the header of a ``moov`` box, of its tracks, and of what else is in it."""
    header, tracks, others = None, [], []
    for kind, start, size in _boxes(movie, _head_of(movie), len(movie)):
        if kind == b"mvhd":
            header = (start, size)
        elif kind == b"trak":
            tracks.append((start, size))
        else:
            others.append((start, size))
    if header is None:
        raise ValueError("no mvhd")
    return header, tracks, others


def _timescale(movie: bytes, header: tuple[int, int]) -> int:
    version = movie[header[0] + 8]
    return int(struct.unpack_from(">I", movie, header[0] + (28 if version else 20))[0])


def _track_timescale(track: bytes) -> int:
    for kind, start, size in _boxes(track, 8, len(track)):
        if kind == b"mdia":
            for inner, at, _ in _boxes(track, start + 8, start + size):
                if inner == b"mdhd":
                    return int(struct.unpack_from(">I", track, at + (28 if track[at + 8] else 20))[0])
    raise ValueError("no mdhd")


def _edits_of(movie: bytes, track: int) -> EditList | None:
    header, tracks, _ = _parts(movie)
    timescale = _timescale(movie, header)
    for start, size in tracks:
        data = movie[start : start + size]
        if _number(data) != track:
            continue
        for kind, at, length in _boxes(data, 8, size):
            if kind == b"edts":
                for inner, place, _ in _boxes(data, at + 8, at + length):
                    ticks = _track_timescale(data)
                    if inner == b"elst" and timescale and ticks and (edits := _lines(data, place)):
                        return EditList(timescale, ticks, edits)
    return None


def _number(track: bytes) -> int | None:
    """The number that a track has in its file."""
    for kind, at, _ in _boxes(track, 8, len(track)):
        if kind == b"tkhd":
            return int(struct.unpack_from(">I", track, at + (28 if track[at + 8] else 20))[0])
    return None


def _lines(movie: bytes, place: int) -> tuple[Edit, ...]:
    version, count = movie[place + 8], struct.unpack_from(">I", movie, place + 12)[0]
    if count > MAX_EDITS:
        raise ValueError("too many edits")
    layout = struct.Struct(">QqI" if version else ">IiI")
    lines = (layout.unpack_from(movie, place + 16 + n * layout.size) for n in range(count))
    return tuple(Edit(duration, media_time, rate / _UNITY) for duration, media_time, rate in lines)


def _head_of(box: bytes) -> int:
    return 16 if struct.unpack_from(">I", box)[0] == 1 else 8


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and size of the boxes between two places."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size == 1:
            size = struct.unpack_from(">Q", data, start + 8)[0]
        if size < 8 or start + size > end:
            return
        yield bytes(kind), start, size
        start += size


def _find_top(file: BinaryIO, wanted: bytes) -> tuple[int, int] | None:
    """Place and size of the first box of a kind at the top of a file."""
    file.seek(0, 2)
    end, start = file.tell(), 0
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0]
        elif size == 0:
            size = end - start
        if size < 8:
            return None
        if kind == wanted:
            return start, min(size, end - start)
        start += size
    return None
