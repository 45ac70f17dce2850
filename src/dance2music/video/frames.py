"""Dance videos: what is in a file, its frames upright and small, and the same picture with new music.

Everything goes by presentation time stamps, never by frame counts: phones write variable frame rates. Time 0 is the moment at which the
first picture is shown; `read_frames` and `mux` agree on it, so music made for the frames fits the copied picture stream.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.codec.context import ThreadType
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from dance2music.errors import InputError
from dance2music.video.container import (
    IDENTITY,
    MAX_SECONDS,
    MIN_SECONDS,
    TRUNCATED_SHARE,
    Turn,
    VideoInfo,
    decode,
    open_video,
    probe,
    truncated,
    turn_of,
)
from dance2music.video.mux import OUTPUT_FORMATS, check_mux, mux

__all__ = ["MAX_SECONDS", "MIN_SECONDS", "OUTPUT_FORMATS", "Frame", "VideoInfo", "check_mux", "mux", "orient", "probe", "read_frames"]

_QUEUED_FRAMES = 6
"""Frames that may wait between the decoder and whoever uses them: enough to overlap both, little memory."""

_EARLY = 0.05
_SLACK = 0.6
"""In frame periods: a frame may come this much early, and the next one is due at least this long after it."""

_SKIP_ABOVE = 1.9
"""From so many times the wanted frame rate on, pictures that no other is built from are not decoded, as long as enough are left."""
_SPARSE = 1.25
"""In periods of the wanted rate: pictures farther apart than this are too few, and all are decoded from there on."""
_LARGE = 2.0
"""Pictures that are at least so many times larger than wanted are decoded without smoothing the edges of blocks, a quarter of the work:
small again, they differ by 47 dB and less noise (1080p of three kinds, down to 640 pixels)."""


@dataclass(frozen=True)
class Frame:
    """One picture: uint8 [H, W, 3] RGB, upright, and its time in seconds after the first picture of the video."""

    image: np.ndarray
    time_seconds: float


def read_frames(video: str | Path | VideoInfo, *, fps: float = 30.0, longest_side: int = 640, threads: int = 2) -> Iterator[Frame]:
    """Decode a video once, in the background, and give about ``fps`` small upright pictures per second.

    Frames are chosen by time stamp, so slower and variable frame rates give fewer, and only chosen frames are scaled and converted. Of
    quick videos the pictures that no other picture is built from are not even decoded, where that leaves enough. The decoder runs in a
    thread of its own (FFmpeg releases the interpreter lock) at most a few frames ahead: memory does not grow with length.

    Parameters
    ----------
    video : video file, or what `probe` found in it.
    fps : float, pictures per second of video wanted at most.
    longest_side : int, pixels; larger pictures are scaled down to it, smaller ones are left alone.
    threads : int, decoder threads.

    Yields
    ------
    Frame, times increasing; the first one is at 0.

    Raises
    ------
    InputError
        As `probe`; and if the file turns out to end too early while it is decoded.
    """
    info = video if isinstance(video, VideoInfo) else probe(video)
    assert fps > 0 and longest_side > 0 and threads > 0
    waiting: queue.Queue[Frame | BaseException | None] = queue.Queue(maxsize=_QUEUED_FRAMES)
    stop = threading.Event()

    def put(item: Frame | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for frame in _decode_small(info, fps, longest_side, threads):
                if not put(frame):
                    return
            put(None)
        except BaseException as error:  # handed to the reading thread, which raises it
            put(error)

    worker = threading.Thread(target=work, name="decode", daemon=True)
    worker.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        worker.join()


def orient(image: np.ndarray, turn: Turn) -> np.ndarray:
    """Turn or mirror a stored picture [H, W, C] so that it is upright: [H, W, C] or [W, H, C], contiguous."""
    a, b, c, d = turn
    if a == 0:
        image = image.transpose(1, 0, 2)
        a, d = c, b
    return np.ascontiguousarray(image[:: d or 1, :: a or 1])


def _decode_small(info: VideoInfo, fps: float, longest_side: int, threads: int) -> Iterator[Frame]:
    period = 1.0 / fps
    with open_video(info.path) as (container, stream):
        stream.thread_type = ThreadType.AUTO
        codec = stream.codec_context
        codec.thread_count = threads
        if max(info.width, info.height) >= _LARGE * longest_side:
            codec.options = {"skip_loop_filter": "all"}
        quick = info.fps >= _SKIP_ABOVE * fps
        reformatter = VideoReformatter()
        start: Fraction | None = None
        turn = IDENTITY
        due, last = 0.0, -1.0
        for frame in decode(container, stream):
            if frame.pts is None or frame.time_base is None:
                continue
            stamp = frame.pts * frame.time_base
            if start is None:
                # Once per video: asking a frame for its side data makes a cycle that holds the big picture until garbage is collected.
                start, turn = stamp, turn_of(frame)
                if quick:
                    codec.skip_frame = "NONREF"
            time = float(stamp - start)
            if time <= last:
                continue
            if quick and time - last > _SPARSE * period and last >= 0:
                quick, codec.skip_frame = False, "DEFAULT"
            last = time
            if time < due - _EARLY * period:
                continue
            due = max(due + period, time + _SLACK * period)
            yield Frame(orient(_small(frame, stream, reformatter, longest_side), turn), time)
    if last < 0:
        raise InputError(f"{info.path}: no picture can be decoded; expected a video; the file is damaged, copy or export it again")
    if last < TRUNCATED_SHARE * info.duration_seconds - MIN_SECONDS:
        raise truncated(info.path, last, info.duration_seconds)


def _small(frame: VideoFrame, stream: VideoStream, reformatter: VideoReformatter, longest_side: int) -> np.ndarray:
    ratio = float(stream.sample_aspect_ratio or 1)
    width, height = frame.width * ratio, float(frame.height)
    scale = min(1.0, longest_side / max(width, height))
    small = reformatter.reformat(
        frame,
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        format="rgb24",
        interpolation=Interpolation.AREA,
        threads=1,
    )
    return small.to_ndarray()
