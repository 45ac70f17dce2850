"""Video files as containers: opening them with clear errors, choosing the picture stream, finding its size, turn and length.

`video.frames` reads the pictures and `video.mux` copies the stream; both stand on this module.
"""

from __future__ import annotations

import logging
import math
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dance2music.errors import InputError
from dance2music.video.boxes import EditList, read_edits
from dance2music.video.clock import RAW_KINDS, Step, read_clock, steps, unordered, without_times

logger = logging.getLogger(__name__)

CONTAINERS = (
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "asf", "ogg"),
    *("mxf", "nut", "ivf", "rm", "wtv", "dv", "gif", "mpjpeg", "yuv4mpegpipe"),
)
"""FFmpeg's readers that are allowed: containers that hold their pictures themselves. None opens another file, as playlists do."""

MIN_SECONDS = 1.0
MAX_SECONDS = 600.0
LENGTH_TOLERANCE_SECONDS = 0.1
"""A clip may miss the limits above by a few frames."""

TRUNCATED_SHARE = 0.9
"""A file that holds less than this share of the length in its header counts as truncated."""

_ORDER_PICTURES = 300
"""So many pictures of an .avi, which has no times of showing, are decoded to see whether their order is right."""
_STILLS = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails

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
    video_streams : int, number of picture streams (stills not counted); the default one is used, else the first.
    has_audio : bool.
    codec, pixel_format : str, FFmpeg's names, as ``h264`` and ``yuv420p``.
    edits : EditList or None, which parts of the stream are shown, where that is not all of it from some picture on.
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
    edits: EditList | None = None


_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join((*CONTAINERS, *RAW_KINDS))}


@contextmanager
def open_video(path: str | Path, *, options: dict[str, str] | None = None) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and give the container and the stream with the dance.

    Parameters
    ----------
    path : the file.
    options : of FFmpeg's reader, beside those that keep it to containers that hold their pictures themselves.

    Raises
    ------
    InputError
        If the file is missing, a folder, a pipe, empty, unreadable, no video at all, or has no picture stream.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; expected a video file; name one video in it")
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise InputError(f"{path}: is no file that can be read twice (a pipe or device); expected a video file; save it to one first")
        size = about.st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a video file; check the name and its permissions") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r}: cannot be the name of a file ({error}); expected a video file; check the name") from error
    if size == 0:
        raise InputError(f"{path}: is empty (0 bytes); expected a video file; copy or download it again")
    try:
        # The prefix keeps names with a colon from being taken for a protocol.
        container = av.open(f"file:{path}", metadata_errors="surrogateescape", container_options=_OPTIONS | (options or {}))
    except (av.FFmpegError, ValueError, OSError) as error:
        if _names_others(path):
            raise InputError(f"{path}: is a list of other files, which are not opened; expected a video itself; name the video") from error
        raise InputError(
            f"{path}: cannot be read as a video ({_reason(error)}, {size} bytes); expected mp4, mov, mkv, webm or another file that FFmpeg "
            "reads; if it is truncated or still being written, copy or export it again"
        ) from error
    with container:
        if container.format.name in RAW_KINDS:
            raise without_times(path)
        yield container, _dance_stream(container, path, (size, about.st_mtime_ns))


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
        header_end = ((container.start_time or 0) + container.duration) / av.time_base if container.duration else 0.0
        edits = read_edits(path, stream.id) if "mov" in container.format.name else None
        if edits is not None and any(edit.rate != 1 for edit in edits.shown):
            raise InputError(f"{path}: its edit list plays a part at another speed or holds a picture; expected 1x; export it first")
        trusted = _indexed_seconds(container, stream, path, edits)
        several = sum(1 for s in container.streams.video if not s.disposition & _STILLS)
        if several > 1:
            logger.warning("%s: has %d picture streams; stream %d is taken", path.name, several, stream.index)
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
            video_streams=several,
            has_audio=bool(container.streams.audio),
            codec=stream.codec_context.codec.canonical_name,
            pixel_format=frame.format.name,
        )
        if container.format.name == "avi" and stream.codec_context.has_b_frames:
            shown = (f.pts for f in islice(decode(container, stream), _ORDER_PICTURES) if f.pts is not None)
            if any(later <= earlier for earlier, later in pairwise((frame.pts, *shown))):
                raise unordered(path)
    if trusted is None:
        info = _with_clock(info, edits, float(header_end) - info.start_seconds)
    if check_length:
        _check_length(path, info.duration_seconds)
    return info


def _with_clock(info: VideoInfo, edits: EditList | None, header_seconds: float) -> VideoInfo:
    """What was found in a video, with its length by its packets, and the edit list where it has to be kept."""
    with open_video(info.path) as (container, stream):
        clock = read_clock(info.path, steps(container, stream))
    if clock.pictures == 1:
        raise InputError(f"{info.path}: has one picture (a still, or a truncated video); expected a video of a dance; choose another file")
    if clock.seconds < TRUNCATED_SHARE * header_seconds - MIN_SECONDS and edits is None:
        raise truncated(info.path, clock.seconds, header_seconds)
    seconds = clock.seconds if edits is None or not edits.seconds else min(clock.seconds, edits.seconds)
    kept = edits if edits is not None and (clock.hidden_late or len(edits.shown) > 1) else None
    fps = clock.pictures / clock.seconds if clock.seconds > 0 else info.fps
    return replace(info, duration_seconds=seconds, fps=fps, edits=kept)


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
        with suppress(av.FFmpegError):
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


def _names_others(path: Path) -> bool:
    """Whether a file that is no video is a playlist or the like."""
    with path.open("rb") as file:
        head = file.read(256).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return head.startswith((b"ffconcat", b"#extm3u", b"[playlist]", b"<mpd", b"<?xml", b"file "))


def _dance_stream(container: InputContainer, path: Path, version: tuple[int, int]) -> VideoStream:
    """The stream that shows the dance: of those that are no stills the default one, else the first. ``version`` tells files apart."""
    streams = [stream for stream in container.streams.video if not stream.disposition & _STILLS]
    if len(streams) > 1:
        moving = _moving(path, version)
        streams = [stream for stream in streams if stream.index in moving] or streams
        streams = [stream for stream in streams if stream.codec_context is not None] or streams
        streams.sort(key=lambda stream: not stream.disposition & Disposition.default)
    if streams:
        if streams[0].codec_context is None:
            raise InputError(f"{path}: its video codec is unknown; expected one that FFmpeg decodes; convert it to H.264 first")
        return streams[0]
    kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
    raise InputError(f"{path}: has no picture stream (found: {kinds}); expected a video of a dance; choose another file")


@lru_cache(maxsize=32)
def _moving(path: Path, version: tuple[int, int]) -> frozenset[int]:
    """Indices of the picture streams that have more than one picture, found by reading through the file."""
    counts: dict[int, int] = {}
    with av.open(f"file:{path}", metadata_errors="surrogateescape", container_options=_OPTIONS) as container, suppress(av.FFmpegError):
        wanted = {stream.index for stream in container.streams.video}
        for packet in container.demux(container.streams.video):
            if packet.size:
                counts[packet.stream_index] = counts.get(packet.stream_index, 0) + 1
            if all(counts.get(index, 0) > 1 for index in wanted):
                break
    return frozenset(index for index, count in counts.items() if count > 1)


def _indexed_seconds(container: InputContainer, stream: VideoStream, path: Path, edits: EditList | None) -> float | None:
    """Length from the header where the file is indexed picture by picture (mp4, mov) and all is shown from some picture on, else None.

    Checks that the data is all there, and the clock that the index has.
    """
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
    if edits is not None and edits.edits != edits.shown:
        return None
    stamps = ((entry.timestamp * stream.time_base, entry.is_discard) for entry in entries)
    clock = read_clock(path, (Step(time, time, Fraction(0), hidden) for time, hidden in stamps))
    return None if clock.hidden_late or (edits is not None and len(edits.shown) > 1) else seconds


def _check_length(path: Path, seconds: float) -> None:
    limits = f"expected {MIN_SECONDS:g} s to {MAX_SECONDS:g} s"
    if seconds < MIN_SECONDS - LENGTH_TOLERANCE_SECONDS:
        raise InputError(f"{path}: the video is {seconds:.2f} s long; {limits}; choose a longer clip")
    if seconds > MAX_SECONDS + LENGTH_TOLERANCE_SECONDS:
        raise InputError(f"{path}: the video is {seconds:.1f} s long; {limits}; cut it into parts first")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).split("\n")[0]
