"""Video files as containers: opening them with clear errors, choosing the picture stream, finding its size, turn and length.

`video.frames` reads the pictures and `video.mux` copies the stream; both stand on this module.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dance2music.errors import InputError

MIN_SECONDS = 1.0
MAX_SECONDS = 600.0
LENGTH_TOLERANCE_SECONDS = 0.1
"""A clip may miss the limits above by a few frames."""

TRUNCATED_SHARE = 0.9
"""A file that holds less than this share of the length in its header counts as truncated."""

Turn = tuple[int, int, int, int]
"""Signs (a, b, c, d) of a display matrix: pixel (x, y) is shown at (a x + c y, b x + d y), up to a shift; x right, y down."""

IDENTITY: Turn = (1, 0, 0, 1)


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Attributes
    ----------
    path : Path.
    width, height : int, pixels as displayed: upright, square pixels.
    rotation_degrees : int, clockwise turn in 0, 90, 180, 270 that the stored picture needs to be upright (`width` already has it).
    fps : float, average frame rate.
    duration_seconds : float, from the first picture shown to the end of the last one.
    start_seconds : float, presentation time of the first picture on the file's own clock.
    video_streams : int, number of picture streams (cover pictures not counted); the first one is used.
    has_audio : bool.
    codec, pixel_format : str, FFmpeg's names, as ``h264`` and ``yuv420p``.
    """

    path: Path
    width: int
    height: int
    rotation_degrees: int
    fps: float
    duration_seconds: float
    start_seconds: float
    video_streams: int
    has_audio: bool
    codec: str
    pixel_format: str


@contextmanager
def open_video(path: str | Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and give the container and the stream with the dance.

    Raises
    ------
    InputError
        If the file is missing, a folder, empty, unreadable, no video at all, or has no picture stream.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; expected a video file; name one video in it")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a video file; check the name and its permissions") from error
    if size == 0:
        raise InputError(f"{path}: is empty (0 bytes); expected a video file; copy or download it again")
    try:
        # The prefix keeps names with a colon from being taken for a protocol, the white list keeps playlists off the network.
        container = av.open(f"file:{path}", metadata_errors="surrogateescape", container_options={"protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError, OSError) as error:
        raise InputError(
            f"{path}: cannot be read as a video ({_reason(error)}, {size} bytes); expected mp4, mov, mkv, webm or another file that FFmpeg "
            "reads; if it is truncated or still being written, copy or export it again"
        ) from error
    with container:
        yield container, _dance_stream(container, path)


def probe(path: str | Path, *, check_length: bool = True) -> VideoInfo:
    """Look at a video: decodes its first picture, and reads through the file only where its header does not tell the length.

    Parameters
    ----------
    path : file to look at.
    check_length : if False, a video of any length is let through.

    Raises
    ------
    InputError
        If the file cannot be read (see `open_video`), no picture can be decoded, the data ends before the length that the header gives,
        or the length is outside `MIN_SECONDS` to `MAX_SECONDS`.
    """
    path = Path(path)
    with open_video(path) as (container, stream):
        header_seconds = float(container.duration / av.time_base) if container.duration else 0.0
        trusted = _indexed_seconds(container, stream, path)
        frame = first_frame(container, stream, path)
        a, b = turn_of(frame)[:2]
        assert frame.pts is not None and frame.time_base is not None
        start = frame.pts * frame.time_base
        ratio = stream.sample_aspect_ratio or Fraction(1)
        size = (max(1, round(frame.width * ratio)), frame.height)
        info = VideoInfo(
            path=path,
            width=size[1] if a == 0 else size[0],
            height=size[0] if a == 0 else size[1],
            rotation_degrees=round(math.degrees(math.atan2(b, a))) % 360,
            fps=float(stream.average_rate or stream.guessed_rate or 0),
            duration_seconds=trusted or 0.0,
            start_seconds=float(start),
            video_streams=sum(1 for s in container.streams.video if not s.disposition & Disposition.attached_pic),
            has_audio=bool(container.streams.audio),
            codec=stream.codec_context.codec.canonical_name,
            pixel_format=frame.format.name,
        )
    if trusted is None:
        seconds, frames = _scan(path, start)
        if seconds < TRUNCATED_SHARE * header_seconds - MIN_SECONDS:
            raise truncated(path, seconds, header_seconds)
        info = VideoInfo(**{**info.__dict__, "duration_seconds": seconds, "fps": frames / seconds if seconds > 0 else info.fps})
    if check_length:
        _check_length(path, info.duration_seconds)
    return info


def truncated(path: Path, found_seconds: float, expected_seconds: float) -> InputError:
    """The error for a file whose data ends too early."""
    return InputError(
        f"{path}: pictures end after {found_seconds:.2f} s; expected {expected_seconds:.2f} s; the file is truncated, "
        "copy or export it again"
    )


def first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    """Decode the first picture that has a time stamp.

    Raises
    ------
    InputError
        If there is none.
    """
    for frame in decode(container, stream):
        if frame.pts is not None:
            return frame
    raise InputError(
        f"{path}: no picture of its {stream.codec_context.name} stream can be decoded; expected at least {MIN_SECONDS:g} s of video; "
        "the file is damaged or truncated, copy or export it again"
    )


def decode(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decode pictures in the order in which they are shown; packets that are damaged are left out."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:  # data that ends within a packet: what came before it still counts
            packet = None
        frames: list[VideoFrame] = []
        with suppress(av.InvalidDataError, av.EOFError):
            frames = stream.decode(packet)
        yield from frames
        if packet is None or (packet.dts is None and packet.size == 0):
            return


def display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The nine integers of the display matrix (FFmpeg's layout: 16.16 fixed point, last column 2.30), or None if there is none."""
    side = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return None
    assert isinstance(side, SideData)
    return struct.unpack("=9i", memoryview(side))


def turn_of(frame: VideoFrame) -> Turn:
    """The quarter turn or mirroring that is nearest to the frame's display matrix."""
    matrix = display_matrix(frame)
    if matrix is None:
        return IDENTITY
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (-1 if a < 0 else 1, 0, 0, -1 if d < 0 else 1)
    return (0, -1 if b < 0 else 1, -1 if c < 0 else 1, 0)


def _dance_stream(container: InputContainer, path: Path) -> VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise InputError(f"{path}: its video codec is unknown; expected one that FFmpeg decodes; convert it to H.264 first")
            return stream
    kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
    raise InputError(f"{path}: has no picture stream (found: {kinds}); expected a video of a dance; choose another file")


def _indexed_seconds(container: InputContainer, stream: VideoStream, path: Path) -> float | None:
    """Length from the header where the file is indexed picture by picture (mp4, mov), else None; checks that the data is all there."""
    if "mov" not in container.format.name or not stream.frames or not stream.duration or not stream.time_base:
        return None
    entries = stream.index_entries
    if len(entries) < stream.frames:
        return None
    size = path.stat().st_size
    seconds = float(stream.duration * stream.time_base)
    last = entries[len(entries) - 1]
    if last.pos + last.size > size:
        held = sum(1 for entry in entries if entry.pos + entry.size <= size)
        raise truncated(path, seconds * held / len(entries), seconds)
    return seconds


def _scan(path: Path, start: Fraction) -> tuple[float, int]:
    """Length in seconds and number of pictures, found by reading through the file without decoding it."""
    last, end, frames = start, start, 0
    with open_video(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                if packet.pts is not None:
                    frames += 1
                    last = max(last, packet.pts * packet.time_base)
                    end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
        except av.FFmpegError:
            pass  # what could be read counts; the caller compares it with the header
    if end == last and frames > 1:  # no length of the last picture is known: as long as the others
        end += (last - start) / (frames - 1)
    return float(end - start), frames


def _check_length(path: Path, seconds: float) -> None:
    limits = f"expected {MIN_SECONDS:g} s to {MAX_SECONDS:g} s"
    if seconds < MIN_SECONDS - LENGTH_TOLERANCE_SECONDS:
        raise InputError(f"{path}: the video is {seconds:.2f} s long; {limits}; choose a longer clip")
    if seconds > MAX_SECONDS + LENGTH_TOLERANCE_SECONDS:
        raise InputError(f"{path}: the video is {seconds:.1f} s long; {limits}; cut it into parts first")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).split("\n")[0]
