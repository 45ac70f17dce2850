"""The clock of a picture stream, read once through before any work: how long it shows pictures, and whether its times can be used.

Only packets are looked at, nothing is decoded. Times that stand still for a moment are moved on by a tick where they are written (`mux`);
what cannot be mended is refused here, with the time at which it happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from dance2music.errors import InputError
from dance2music.work import check

LONGEST_PICTURE_SECONDS = 10.0
"""A clock that is ahead by more than this from one picture to the next has jumped."""
LONGEST_STEP_BACK_SECONDS = 0.25
"""A clock that is back by more than this in the order of decoding has jumped; less is moved on by ticks."""
MOST_STANDING = 0.25
"""Share of pictures whose time may be no later than that of the picture decoded before: of more, the times are worth nothing."""

RAW_KINDS = ("h264", "hevc", "m4v", "mpegvideo", "h263", "vc1", "obu", "vvc", "evc", "cavsvideo", "dirac", "dnxhd")
"""FFmpeg's names of files that are a picture stream and nothing else, without any times."""


@dataclass(frozen=True)
class Clock:
    """What the packets of a picture stream tell.

    Attributes
    ----------
    seconds : float, from the first picture shown to the end of the last.
    pictures : int, pictures shown.
    hidden_late : bool, whether pictures lie behind the last shown one, or between shown ones, that an edit list hides.
    """

    seconds: float
    pictures: int
    hidden_late: bool


@dataclass(frozen=True)
class Step:
    """Times of a packet in seconds: of decoding, of showing (None where the file has none), how long it lasts; whether it is hidden."""

    decoded: Fraction | None
    shown: Fraction | None
    lasts: Fraction
    hidden: bool


def steps(container: InputContainer, stream: VideoStream) -> Iterable[Step]:
    """Times of the packets of a stream in the order of decoding; ends where the data does."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:  # what could be read counts; the caller compares it with the header
            return
        if packet is None:
            return
        if packet.size == 0 and packet.dts is None:
            continue
        check()
        base = packet.time_base
        yield Step(
            None if packet.dts is None else packet.dts * base,
            None if packet.pts is None else packet.pts * base,
            (packet.duration or 0) * base,
            packet.is_discard,
        )


def read_clock(path: Path, taken: Iterable[Step]) -> Clock:
    """Read a clock through.

    Parameters
    ----------
    path : the file, for messages.
    taken : its packets in the order of decoding, as `steps` gives them.

    Raises
    ------
    InputError
        If there are no times, or if the clock jumps, or stands still for many pictures.
    """
    first = last = end = before = None
    pictures = standing = 0
    first_standing = Fraction(0)
    hidden_before = hidden_late = False
    newest: list[Fraction] = []
    for step in taken:
        if step.hidden:
            hidden_before = hidden_before or first is not None
            hidden_late = hidden_late or first is not None
            continue
        if step.shown is None:
            if step.decoded is None and first is None:
                raise without_times(path)
            raise unordered(path)
        pictures += 1
        first = step.shown if first is None else min(first, step.shown)
        if before is not None and step.decoded is not None and step.decoded <= before:
            if before - step.decoded > LONGEST_STEP_BACK_SECONDS:
                raise jumped(path, (last or first) - first, step.decoded - before)
            standing += 1
            first_standing = first_standing or step.shown - first
        before = step.decoded if before is None or step.decoded is None else max(before, step.decoded)
        if last is not None and step.shown - last > LONGEST_PICTURE_SECONDS:
            raise jumped(path, last - first, step.shown - last)
        if last is None or step.shown > last:
            last = step.shown
        end = max(end or step.shown, step.shown + step.lasts)
        newest.append(step.lasts)
    if first is None or last is None or end is None:
        return Clock(0.0, 0, False)
    if standing > MOST_STANDING * pictures:
        raise InputError(
            f"{path}: its clock stands still from {float(first_standing):.2f} s on ({standing} of {pictures} are no later than the "
            "one before); expected times that go on; convert it first"
        )
    if end == last and pictures > 1:  # no length of the last picture is known: as long as the others
        end += (last - first) / (pictures - 1)
    return Clock(float(end - first), pictures, hidden_late)


def jumped(path: Path, at: Fraction, by: Fraction) -> InputError:
    """The error for a clock that is not continuous."""
    way = f"ahead by {float(by):.2f} s" if by > 0 else f"back by {float(-by):.2f} s"
    return InputError(
        f"{path}: its clock jumps {way} at {float(at):.2f} s (recordings that were joined do so); expected one that goes on; "
        f"convert it first (ffmpeg -i {path.name} -c:v libx264 whole.mp4), or cut it there"
    )


def without_times(path: Path) -> InputError:
    """The error for pictures without any times."""
    return InputError(
        f"{path}: is a bare picture stream and has no times; expected a video in a container; wrap it with its frame rate: "
        f"ffmpeg -r 30 -i {path.name} -c copy wrapped.mp4"
    )


def unordered(path: Path) -> InputError:
    """The error for pictures that come in another order than they are shown in, without times that say which."""
    return InputError(
        f"{path}: its pictures are stored in another order than they are shown in, and it has no times of showing (as in .avi); expected a "
        f"file that has; convert it first: ffmpeg -i {path.name} -c:v libx264 ordered.mp4"
    )
