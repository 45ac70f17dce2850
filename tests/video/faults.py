"""Makes video files with the faults that people's files have; every function writes one small file and gives its path."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

import videos
from dance2music.video.boxes import Edit, EditList, read_edits, rewrite

EMPTY = -1


def edited(path: Path, lines: Sequence[tuple[int, int]], *, b_frames: int = 0, seconds: float = 4.0) -> Path:
    """A video cut without encoding: lines of (length, place in the recording) in milliseconds; a place of `EMPTY` shows nothing."""
    videos.write_video(path, seconds=seconds, audio=False, b_frames=b_frames)
    whole = read_edits(path, 1)
    assert whole is not None
    ticks, first = whole.track_timescale, whole.edits[-1].media_time
    edits = tuple(Edit(length, place if place == EMPTY else place * ticks // 1000 + first) for length, place in lines)
    rewrite(path, EditList(1000, ticks, edits), decoded_from=Fraction(0), description={})
    return path


def described(path: Path, description: dict[bytes, bytes], **settings: object) -> Path:
    """A video with more boxes in the description of its pictures."""
    videos.write_video(path, **settings)  # type: ignore[arg-type]
    rewrite(path, None, decoded_from=Fraction(0), description=description)
    return path


def copied(path: Path, sources: Sequence[Path], *, aspect: Fraction | None = None, default: int | None = None) -> Path:
    """The picture streams of some videos in one container, in this order, one after the other."""
    with av.open(str(path), "w") as out:
        opened = [av.open(str(source)) for source in sources]
        streams = [out.add_stream_from_template(source.streams.video[0], opaque=True) for source in opened]
        for n, stream in enumerate(streams):
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            if default is not None:
                stream.disposition = av.stream.Disposition.default if n == default else 0
        for source, stream in zip(opened, streams):
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
            source.close()
    return path


def still(path: Path, *, size: tuple[int, int] = (64, 64)) -> Path:
    """One picture as a video stream."""
    return videos.write_video(path, [0.0], audio=False, size=size, codec="mjpeg", pixel_format="yuvj420p")


def standing(path: Path, *, pictures: Sequence[int], fps: float = 30.0) -> Path:
    """A video in whose table of times these pictures last for nothing."""
    steps = [1 if n in pictures else round(videos.CLOCK / fps) for n in range(60)]
    times = [sum(steps[:n]) / videos.CLOCK for n in range(61)]
    videos.write_video(path, times, audio=False)
    data = bytearray(path.read_bytes())
    at = data.index(b"stts") + 12
    for n in range(int.from_bytes(data[at - 4 : at])):
        if int.from_bytes(data[at + 8 * n + 4 : at + 8 * n + 8]) == 1:
            data[at + 8 * n + 4 : at + 8 * n + 8] = bytes(4)
    path.write_bytes(data)
    return path


def joined(path: Path, *starts_seconds: float) -> Path:
    """Recordings of two seconds, each with a clock that starts elsewhere, joined byte by byte as transport streams can be."""
    parts = [
        videos.write_video(path.with_name(f"{n}{path.name}"), start_seconds=start, audio=False) for n, start in enumerate(starts_seconds)
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path
