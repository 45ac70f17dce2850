"""The same picture stream with new music: packets are copied, never encoded again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
from dance2music.music.audio import AAC_FRAME, AAC_SAMPLE_RATES, aac_packets
from dance2music.types import Audio
from dance2music.video.container import VideoInfo, display_matrix, first_frame, open_video, probe
from dance2music.work import check

OUTPUT_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Suffix of the output file to FFmpeg's name of the container."""

MIN_TIMESCALE = 1000
"""Ticks per second that the header of an mp4 file has at least."""

TS_DISCONT = 0x0200
"""FFmpeg's AVFMT_TS_DISCONT: a kind of file whose clock starts anywhere."""

_CHECK_PACKETS = 8
_FORMAT_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")


@dataclass(frozen=True)
class _Job:
    """A picture stream on its way into a container of kind ``format``: where it comes from, and its first picture."""

    video_path: Path
    out_path: Path
    format: str
    first: VideoFrame


def check_mux(video_path: str | Path, out_path: str | Path) -> None:
    """Find out before any work is done whether `mux` will be able to write ``out_path``.

    Raises
    ------
    InputError
        If the suffix names no container in `OUTPUT_FORMATS`, the container cannot hold this picture stream, the output would overwrite
        the input, or the folder cannot be written to.
    """
    video_path, out_path = Path(video_path), Path(out_path)
    check_writable(out_path)
    job = _prepare(video_path, out_path)
    if out_path.exists() and out_path.samefile(video_path):
        raise InputError(f"{out_path}: is the input itself; expected another output; choose a different name")
    silence = Audio(np.zeros((1, AAC_FRAME), np.float32), AAC_SAMPLE_RATES[0])
    with _explained(job):
        _write(job, io.BytesIO(), silence, bitrate=128_000, packets=_CHECK_PACKETS)


def mux(video: str | Path | VideoInfo, audio: Audio, out_path: str | Path, *, bitrate: int = 192_000) -> None:
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
    job = _prepare(info.path, out_path)
    music = Audio(audio.samples[:, : round(seconds * audio.sample_rate)], audio.sample_rate)
    with whole_file(out_path) as temporary, _explained(job):
        _write(job, f"file:{temporary}", music, bitrate=bitrate)


def _prepare(video_path: Path, out_path: Path) -> _Job:
    kind = OUTPUT_FORMATS.get(out_path.suffix.lower())
    if kind is None:
        raise InputError(f"{out_path}: unknown kind of video {out_path.suffix!r}; expected {', '.join(OUTPUT_FORMATS)}; rename the output")
    with open_video(video_path) as (source, stream):
        return _Job(video_path, out_path, kind, first_frame(source, stream, video_path))


@contextmanager
def _explained(job: _Job) -> Iterator[None]:
    """Turn FFmpeg's refusal to write a stream into a line for the user; errors of the disk pass through to `whole_file`."""
    try:
        yield
    except (ValueError, av.FFmpegError) as error:
        if isinstance(error, OSError):
            raise
        reason = str(getattr(error, "strerror", None) or error)
        others = ".mkv" if job.out_path.suffix.lower() != ".mkv" else "another video"
        raise InputError(
            f"{job.out_path}: {job.out_path.suffix} cannot hold the picture stream of {job.video_path.name} ({reason}); expected a codec "
            f"that it takes, as H.264; name the output {others}, or convert the video first"
        ) from error


def _write(job: _Job, target: str | io.BytesIO, audio: Audio, *, bitrate: int, packets: int | None = None) -> None:
    """Write pictures and sound to ``target``; only the first ``packets`` of the pictures where given."""
    with open_video(job.video_path) as (source, stream):
        options = {}
        if job.format in ("mp4", "mov"):
            options["movie_timescale"] = str(_timescale(stream))
            if packets is None:
                options["movflags"] = "+faststart"
        with av.open(target, "w", format=job.format, container_options=options, metadata_errors="surrogateescape") as out:
            out.metadata.update({key: value for key, value in source.metadata.items() if key.lower() not in _FORMAT_TAGS})
            picture = _copy_stream(job, stream, out)
            shift = _clock_start(source, stream)
            assert job.first.pts is not None and job.first.time_base is not None
            first = job.first.pts * job.first.time_base
            sound = aac_packets(audio, out, start_seconds=first - shift * job.first.time_base, bitrate=bitrate)
            pending = next(sound, None)
            rate = stream.average_rate or stream.guessed_rate
            usual = round(1 / rate / stream.time_base) if rate and stream.time_base else 0
            for count, packet in enumerate(source.demux(stream)):
                if count == packets or (packet.dts is None and packet.pts is None):
                    break
                if job.format == "matroska" and packet.pts is not None and packet.pts * packet.time_base < first:
                    raise InputError(
                        f"{job.out_path}: {job.video_path.name} begins with {float(first - packet.pts * packet.time_base):.2f} s of hidden "
                        "pictures (it was trimmed without encoding); expected .mp4 or .mov, which can hide them; rename the output"
                    )
                packet.pts = None if packet.pts is None else packet.pts - shift
                packet.dts = None if packet.dts is None else packet.dts - shift
                while pending is not None and packet.dts is not None and _seconds(pending) <= _seconds(packet):
                    out.mux(pending)
                    pending = next(sound, None)
                packet.duration = packet.duration or usual
                check()
                packet.stream = picture
                out.mux(packet)
            while pending is not None:
                out.mux(pending)
                pending = next(sound, None)


def _copy_stream(job: _Job, stream: VideoStream, out: OutputContainer) -> VideoStream:
    """Add a stream like the source's to ``out``, with its tag, turn and description."""
    picture = out.add_stream_from_template(stream, opaque=True)
    codec = stream.codec_context
    if codec.codec.canonical_name == "hevc" and job.format in ("mp4", "mov"):
        # Apple's players only take hvc1, which is right as long as the parameter sets are in the header.
        picture.codec_context.codec_tag = codec.codec_tag if codec.codec_tag in ("hvc1", "hev1") else "hvc1"
    matrix = display_matrix(job.first)
    if matrix is not None:
        picture.set_display_matrix(matrix)
    picture.metadata.update(stream.metadata)
    return picture


def _clock_start(source: InputContainer, stream: VideoStream) -> int:
    """Time stamp to count from: 0, but the beginning of the file where its clock starts anywhere (as in MPEG transport streams)."""
    if not source.format.flags & TS_DISCONT or source.start_time is None:
        return 0
    assert stream.time_base is not None
    return round(source.start_time / av.time_base / stream.time_base)


def _timescale(stream: VideoStream) -> int:
    """Ticks per second of the mp4 header's own clock, in which edit lists are written: a multiple of the picture's, and fine enough."""
    assert stream.time_base is not None
    ticks = stream.time_base.denominator
    return ticks * max(1, -(-MIN_TIMESCALE // ticks))


def _seconds(packet: Packet) -> Fraction:
    assert packet.dts is not None
    return packet.dts * packet.time_base
