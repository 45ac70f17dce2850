"""Makes the awkward videos that the tests need: every function writes one small file and gives its path.

The picture is a bright bar that goes from left to right once a second on a dark ground, with a red patch in the upper left corner of the
upright picture, so that a test can tell from any frame which way is up and what time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT = 96, 64
CLOCK = 60_000
"""Ticks per second of the time stamps: divides all frame rates used here, 29.97 too."""

CODEC_OPTIONS = {
    "libx264": {"preset": "ultrafast"},
    "prores_ks": {"profile": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1"},
}


def draw(time_seconds: float, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Upright picture uint8 [height, width, 3] at a time: see the module's docstring."""
    image = np.full((height, width, 3), 30, dtype=np.uint8)
    bar = max(2, width // 16)
    left = int((time_seconds % 1.0) * (width - bar))
    image[:, left : left + bar] = 220
    image[: height // 4, : width // 4] = (230, 20, 20)
    return image


def bar_time(image: np.ndarray) -> float:
    """Time within its second that a picture made by `draw` shows, judged by the lower half."""
    row = image[image.shape[0] // 2 :].astype(np.float64).mean(axis=(0, 2))
    bar = max(2, image.shape[1] // 16)
    columns = np.arange(len(row))
    weight = np.clip(row - 80, 0, None)
    centre = float((weight * columns).sum() / weight.sum())
    return (centre - (bar - 1) / 2) / (image.shape[1] - bar)


def write_video(
    path: Path,
    times_seconds: Sequence[float] | None = None,
    *,
    seconds: float = 2.0,
    fps: float = 30.0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rotation_degrees: int = 0,
    start_seconds: float = 0.0,
    audio: bool = True,
    b_frames: int = 0,
    pixel_aspect: Fraction | None = None,
    tag: str | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    picture: Callable[[float, int, int], np.ndarray] = draw,
) -> Path:
    """Write a video.

    Parameters
    ----------
    path : file to write; the suffix chooses the container.
    times_seconds : times of the pictures; evenly spaced by ``fps`` over ``seconds`` if None.
    size : (width, height) of the upright picture.
    rotation_degrees : clockwise turn that a player has to make; the picture is stored turned the other way, as phones do.
    start_seconds : presentation time of the first picture.
    audio : whether there is sound, a quiet 440 Hz tone from 0 on.
    tag : four letters that name the codec in mp4 and mov files, where not FFmpeg's choice.
    picture : gives the upright picture at a time, as `draw` does.
    """
    times = [n / fps for n in range(round(seconds * fps))] if times_seconds is None else list(times_seconds)
    seconds = times[-1] + (times[-1] - times[-2] if len(times) > 1 else 1.0 / fps)
    stored = size if rotation_degrees % 180 == 0 else (size[1], size[0])
    with av.open(str(path), "w", options=options or {}) as out:
        out.metadata.update(metadata or {})
        stream = out.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=CODEC_OPTIONS.get(codec, {}))
        stream.width, stream.height = stored
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = stream.time_base = Fraction(1, CLOCK)
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.thread_count = 1
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if tag is not None:
            stream.codec_context.codec_tag = tag
        if rotation_degrees:
            stream.set_display_rotation(-rotation_degrees)
        sound = out.add_stream("aac", rate=44100, layout="mono") if audio else None
        for time in times:
            image = np.rot90(picture(time, *size), rotation_degrees // 90)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24").reformat(format=pixel_format)
            frame.time_base = Fraction(1, CLOCK)
            frame.pts = round((start_seconds + time) * CLOCK)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(round((start_seconds + seconds) * 44100)) / 44100)
            for begin in range(0, len(tone), 1024):
                block = av.AudioFrame.from_ndarray(tone[None, begin : begin + 1024].astype(np.float32), "fltp", "mono")
                block.sample_rate, block.time_base, block.pts = 44100, Fraction(1, 44100), begin
                out.mux(sound.encode(block))
            out.mux(sound.encode(None))
    return path


def variable_rate(path: Path, *, seconds: float = 3.0) -> Path:
    """A phone video whose pictures come every 16 to 60 ms."""
    rng = np.random.default_rng(7)
    steps = rng.uniform(0.016, 0.06, size=1000)
    times = np.concatenate([[0.0], np.cumsum(steps)])
    return write_video(path, times[times < seconds].tolist())


def audio_only(path: Path) -> Path:
    """Two seconds of sound without a picture."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 88200), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def truncated(path: Path, *, keep: float = 0.5, index_first: bool = False) -> Path:
    """An mp4 file of which only the first ``keep`` of the bytes are there; ``index_first`` leaves its index readable."""
    whole = path.with_name(f"whole-{path.name}")
    write_video(whole, seconds=4.0, options={"movflags": "faststart"} if index_first else {})
    data = whole.read_bytes()
    whole.unlink()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def renamed_text(path: Path) -> Path:
    """A text file that calls itself a video."""
    path.write_text("This is not a video.\n" * 200)
    return path


def empty(path: Path) -> Path:
    """A file of no bytes."""
    path.write_bytes(b"")
    return path


def trimmed(path: Path, *, cut_seconds: float = 0.5) -> Path:
    """A phone video trimmed without encoding it again: an edit list hides its beginning, from the key frame up to ``cut_seconds``."""
    whole = write_video(path.with_name(f"whole-{path.name}"), seconds=3.0, audio=False)
    with av.open(str(whole)) as source, av.open(str(path), "w", options={"use_editlist": "1"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is None:
                continue
            shift = round(cut_seconds / packet.time_base)
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = stream
            out.mux(packet)
    whole.unlink()
    return path


def song_with_cover(path: Path) -> Path:
    """A song with a cover picture, which FFmpeg shows as a picture stream."""
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=44100, layout="mono")
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        out.mux(cover.encode(av.VideoFrame.from_ndarray(draw(0.0), "rgb24").reformat(format="yuvj420p")))
        out.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 88200), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
