"""The same picture stream with new music: packets are copied, never encoded again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dance2music.errors import InputError
from dance2music.files import check_writable, whole_file
from dance2music.music.audio import AAC_FRAME, AAC_SAMPLE_RATES, BITRATE, aac_packets
from dance2music.types import Audio
from dance2music.video.boxes import EditList, missing_description, read_description, rewrite
from dance2music.video.container import VideoInfo, display_matrix, first_frame, open_video, probe
from dance2music.work import check

OUTPUT_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Suffix of the output file to FFmpeg's name of the container."""

MIN_TIMESCALE = 1000
"""Ticks per second that the header of an mp4 file has at least."""

TS_DISCONT = 0x0200
"""FFmpeg's AVFMT_TS_DISCONT: a kind of file whose clock starts anywhere."""

_SILENCE = Audio(np.zeros((1, AAC_FRAME), np.float32), AAC_SAMPLE_RATES[0])
_APPLE_KEYS = "com.apple.quicktime."
_FORMAT_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")


@dataclass(frozen=True)
class _Job:
    """A picture stream on its way into a container of kind ``format``: where it comes from, and its first picture."""

    video: VideoInfo
    out_path: Path
    format: str
    first: VideoFrame
    description: dict[bytes, bytes]

    @property
    def edits(self) -> EditList | None:
        """The edit list that has to be written beside the packets."""
        return self.video.edits if self.format != "matroska" else None


class _Nowhere:
    """A file that forgets what is written to it, for FFmpeg."""

    def __init__(self) -> None:
        self._at = self._end = 0

    def write(self, data: bytes) -> int:
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def check_mux(video: str | Path | VideoInfo, out_path: str | Path) -> None:
    """Find out before any work is done whether `mux` will be able to write ``out_path``: all packets go the same way, and nowhere.

    Parameters
    ----------
    video, out_path : as in `mux`.

    Raises
    ------
    InputError
        If the suffix names no container in `OUTPUT_FORMATS`, the container cannot hold this picture stream, the output would overwrite
        the input, or the folder cannot be written to.
    """
    info, out_path = video if isinstance(video, VideoInfo) else probe(video, check_length=False), Path(out_path)
    check_writable(out_path)
    job = _prepare(info, out_path)
    if out_path.exists() and out_path.samefile(info.path):
        raise InputError(f"{out_path}: is the input itself; expected another output; choose a different name")
    with _explained(job):
        _write(job, _Nowhere(), _SILENCE, bitrate=128_000)


def mux(video: str | Path | VideoInfo, audio: Audio, out_path: str | Path, *, bitrate: int = BITRATE) -> None:
    """Write the pictures of ``video``, copied bit by bit, with ``audio`` as their only sound.

    Rotation, colour description, pixel aspect, variable frame rate, time stamps and tags are kept. The music starts when the first picture
    is shown and is cut where the last one ends. Other streams of the input (its sound, subtitles, data) are left out. The file is written
    whole or not at all.

    Parameters
    ----------
    video : video file, or what `probe` found in it.
    audio : Audio, one or two channels.
    out_path : file to write; its suffix chooses the container, see `OUTPUT_FORMATS`.
    bitrate : int, of the AAC sound in bit/s.

    Raises
    ------
    InputError
        As `check_mux` and `open_video`; if the disk fills up.
    """
    info = video if isinstance(video, VideoInfo) else probe(video, check_length=False)
    out_path, seconds = Path(out_path), info.duration_seconds
    job = _prepare(info, out_path)
    music = Audio(audio.samples[:, : round(seconds * audio.sample_rate)], audio.sample_rate)
    with whole_file(out_path) as temporary, _explained(job):
        _write_whole(job, temporary, music, bitrate=bitrate)


def _write_whole(job: _Job, path: Path, audio: Audio, *, bitrate: int) -> None:
    """Write all: the header first, for browsers to begin at once, or last, where something is to be added that FFmpeg does not write."""
    if job.edits is None:
        _write(job, f"file:{path}", audio, bitrate=bitrate)
        if not (missing := missing_description(path, job.description)):
            return
    decoded_from = _write(job, f"file:{path}", audio, bitrate=bitrate, header_last=True)
    missing = missing_description(path, job.description)
    rewrite(path, job.edits, decoded_from=decoded_from, description=missing)


def _prepare(video: VideoInfo, out_path: Path) -> _Job:
    kind = OUTPUT_FORMATS.get(out_path.suffix.lower())
    if kind is None:
        raise InputError(f"{out_path}: unknown kind of video {out_path.suffix!r}; expected {', '.join(OUTPUT_FORMATS)}; rename the output")
    with open_video(video.path) as (source, stream):
        told = "mov" in source.format.name and kind != "matroska"
        description = read_description(video.path, stream.id) if told else {}
        return _Job(video, out_path, kind, first_frame(source, stream, video.path), description)


@contextmanager
def _explained(job: _Job) -> Iterator[None]:
    """Turn FFmpeg's refusal to write a stream into a line for the user; errors of the disk pass through to `whole_file`."""
    try:
        yield
    except (ValueError, av.FFmpegError) as error:
        if isinstance(error, OSError):
            raise
        reason = str(getattr(error, "strerror", None) or error)
        name = job.video.path.name
        others = [suffix for suffix, kind in OUTPUT_FORMATS.items() if kind != job.format and _holds(job, kind)]
        advice = f"name the output {' or '.join(others)}" if others else f"convert it first: ffmpeg -i {name} -c:v libx264 converted.mp4"
        raise InputError(
            f"{job.out_path}: {job.out_path.suffix} cannot hold the picture stream of {name} ({job.video.codec}: {reason}); expected a "
            f"codec that it takes, as H.264; {advice}"
        ) from error


def _holds(job: _Job, kind: str) -> bool:
    """Whether a container of another kind would take the stream."""
    try:
        _write(replace(job, format=kind), _Nowhere(), _SILENCE, bitrate=128_000)
    except (ValueError, av.FFmpegError, InputError):
        return False
    return True


def _write(job: _Job, target: str | _Nowhere, audio: Audio, *, bitrate: int, header_last: bool = False) -> Fraction:
    """Write pictures and sound to ``target``, and give the time of decoding of the first packet of pictures."""
    reading = {} if job.edits is None else {"ignore_editlist": "1"}
    with open_video(job.video.path, options=reading) as (source, stream):
        tags = {key: value for key, value in source.metadata.items() if key.lower() not in _FORMAT_TAGS}
        options = {"strict": "unofficial"}  # what else of its description a stream has is written, too: Dolby Vision, spheres, stereo
        if job.format in ("mp4", "mov"):
            options["movie_timescale"] = str(_timescale(stream, job.edits))
            flags = [] if header_last or isinstance(target, _Nowhere) else ["faststart"]
            flags += ["use_metadata_tags"] if any(key.startswith(_APPLE_KEYS) for key in tags) else []
            options["movflags"] = "".join(f"+{flag}" for flag in flags) or "0"
        with av.open(target, "w", format=job.format, container_options=options, metadata_errors="surrogateescape") as out:
            out.metadata.update(tags)
            picture = _copy_stream(job, source, stream, out)
            shift = _clock_start(source, stream)
            assert job.first.pts is not None and job.first.time_base is not None
            first = job.first.pts * job.first.time_base
            sound = aac_packets(audio, out, start_seconds=first - shift * job.first.time_base, bitrate=bitrate)
            pending = next(sound, None)
            decoded_from: Fraction | None = None
            for packet in _packets(job, source, stream, shift, first):
                while pending is not None and packet.dts is not None and _seconds(pending) <= _seconds(packet):
                    out.mux(pending)
                    pending = next(sound, None)
                check()
                if decoded_from is None and packet.dts is not None:
                    decoded_from = _seconds(packet)
                packet.stream = picture
                out.mux(packet)
            while pending is not None:
                out.mux(pending)
                pending = next(sound, None)
    return decoded_from or Fraction(0)


def _packets(job: _Job, source: InputContainer, stream: VideoStream, shift: int, first: Fraction) -> Iterator[Packet]:
    """The packets to copy, ``shift`` earlier, in times of decoding that go on: one that does not is moved on by a tick."""
    rate = stream.average_rate or stream.guessed_rate
    usual = round(1 / rate / stream.time_base) if rate and stream.time_base else 0
    before: int | None = None
    hidden = False
    for packet in source.demux(stream):
        if packet.size == 0 and packet.dts is None:
            continue
        if job.format == "matroska" and job.video.edits is not None and len(job.video.edits.shown) > 1:
            raise _unhidden(job, f"has {len(job.video.edits.shown)} parts that an edit list joins")
        if job.format == "matroska" and packet.pts is not None:
            if packet.is_discard and packet.pts * packet.time_base >= first:
                hidden = True
                continue
            early = first - packet.pts * packet.time_base
            if hidden or early > 0:
                length = f"begins with {float(early):.2f} s of" if early > 0 else "has"
                raise _unhidden(job, f"{length} hidden pictures (it was trimmed without encoding)")
        packet.pts = None if packet.pts is None else packet.pts - shift
        if packet.dts is not None:
            packet.dts = packet.dts - shift if before is None else max(packet.dts - shift, before + 1)
            packet.pts = None if packet.pts is None else max(packet.pts, packet.dts)
            before = packet.dts
        packet.duration = packet.duration or usual
        yield packet


def _unhidden(job: _Job, what: str) -> InputError:
    return InputError(
        f"{job.out_path}: {job.video.path.name} {what}; expected .mp4 or .mov, which can hide what is not shown; rename the output"
    )


def _copy_stream(job: _Job, source: InputContainer, stream: VideoStream, out: OutputContainer) -> VideoStream:
    """Add a stream like the source's to ``out``, with its tag, turn, aspect of pixels and description."""
    picture = out.add_stream_from_template(stream, opaque=True)
    tag = _tag_of(stream)
    if job.format in ("mp4", "mov"):
        if stream.codec_context.codec.canonical_name == "hevc":
            # Apple's players only take hvc1, which is right as long as the parameter sets are in the header.
            picture.codec_context.codec_tag = tag if tag in ("hvc1", "hev1", "dvh1", "dvhe") else "hvc1"
        elif "mov" in source.format.name and tag is not None and _takes_tag(stream, tag, job.format):
            picture.codec_context.codec_tag = tag
    if stream.sample_aspect_ratio:
        if job.format == "matroska" and stream.sample_aspect_ratio != (_aspect_in_pictures(job, stream) or 1):
            raise InputError(
                f"{job.out_path}: only the container of {job.video.path.name} makes pixels {stream.sample_aspect_ratio} as wide as "
                "high; expected .mp4 or .mov, which can keep that; rename the output"
            )
        picture.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio
    matrix = display_matrix(job.first)
    if matrix is not None:
        picture.set_display_matrix(matrix)
    picture.metadata.update(stream.metadata)
    return picture


def _aspect_in_pictures(job: _Job, stream: VideoStream) -> Fraction | None:
    """The shape of pixels that the pictures themselves tell."""
    with open_video(job.video.path) as (source, other):
        first_frame(source, other, job.video.path)
        return other.codec_context.sample_aspect_ratio


def _tag_of(stream: VideoStream) -> str | None:
    """The four letters that name a codec in its file, where they are letters."""
    try:
        return stream.codec_context.codec_tag or None
    except UnicodeDecodeError:
        return None


def _takes_tag(stream: VideoStream, tag: str, kind: str) -> bool:
    """Whether a container takes the codec under this tag."""
    try:
        with av.open(_Nowhere(), "w", format=kind) as trial:
            trial.add_stream_from_template(stream, opaque=True).codec_context.codec_tag = tag
            trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


def _clock_start(source: InputContainer, stream: VideoStream) -> int:
    """Time stamp to count from: 0, but the beginning of the file where its clock starts anywhere (as in MPEG transport streams)."""
    if not source.format.flags & TS_DISCONT or source.start_time is None:
        return 0
    assert stream.time_base is not None
    return round(source.start_time / av.time_base / stream.time_base)


def _timescale(stream: VideoStream, edits: EditList | None = None) -> int:
    """Ticks per second of the mp4 header's own clock, in which edit lists are written: a multiple of the picture's, and fine enough.

    Of those of ``edits``, too, where that is a number of 31 bits.
    """
    assert stream.time_base is not None
    ticks = stream.time_base.denominator
    fine = ticks * max(1, -(-MIN_TIMESCALE // ticks))
    both = fine if edits is None else math.lcm(fine, edits.timescale)
    return both if both < 1 << 31 else fine


def _seconds(packet: Packet) -> Fraction:
    assert packet.dts is not None
    return packet.dts * packet.time_base
