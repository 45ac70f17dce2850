"""Following one dancer through the frames of a video, in chunks that several threads can work on.

The frames go to the trackers in short chunks (MediaPipe releases the interpreter lock, so two trackers use two cores). Every chunk begins
anew, with a few frames of overlap that show whether it follows the same dancer as the chunk before; so the result does not depend on the
number of threads. A tracker that jumps to somebody else is shown the surroundings of the dancer only.
"""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from dance2music.people.bodies import elsewhere
from dance2music.people.crowd import CrowdEstimator

WORKERS = 2
CHUNK_FRAMES = 36
"""Frames of a chunk; the first two are a third and two thirds of it, so that all threads are soon at work and short clips are shared."""

OVERLAP_FRAMES = 3
"""With three, joints are as smooth where chunks meet as elsewhere; with one or two of them their acceleration is a fifth larger there (6
filmed drawn dances, 11 real clips): a tracker that begins anew looks a little beside the dancer at first."""
HELD_CHUNKS = 4
"""Chunks whose pictures are held at most: enough to keep the decoder at work while the trackers start."""

DETAIL_EVERY = 10
"""Hands and face are looked at in every tenth frame (2.4 per second) by one thread: they cost more time and memory than the body,
and no rhythm is read from them."""

PATIENCE_FRAMES = 10


class Frame(Protocol):
    """What is needed of a frame (`video.frames` gives them): uint8 image [H, W, 3] RGB and its time stamp in seconds."""

    @property
    def image(self) -> np.ndarray:
        """uint8 [H, W, 3] RGB."""
        ...

    @property
    def time_seconds(self) -> float:
        """Its time stamp, from the start of the video."""
        ...


class PoseEstimator(Protocol):
    """One tracker of one dancer; an instance is used by one thread at a time.

    ``detect`` looks at the next frame and returns float32 [n, 4]: x, y, z in pixels (y down, depth relative to the hips) and confidence,
    NaN for joints that were not found; None if nobody is seen. ``forget`` makes it independent of the frames before.
    """

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        """Joints float32 [n, 4] in the next frame, an image uint8 [H, W, 3] RGB; None if nobody is seen."""
        ...

    def forget(self) -> None:
        """Make the next `detect` independent of the frames before."""
        ...


class PartEstimator(Protocol):
    """Finds further joints on a body that was found in the same frame; an instance is used by one thread at a time.

    ``detect`` takes the image and the body's joints and returns float32 [n, 4] as `PoseEstimator.detect`. ``forget`` as there.
    """

    def detect(self, image: np.ndarray, body: np.ndarray) -> np.ndarray:
        """Joints float32 [n, 4] in an image uint8 [H, W, 3] RGB in which the body [33, 4] was found."""
        ...

    def forget(self) -> None:
        """Make the next `detect` independent of the frames before."""
        ...


class Method(NamedTuple):
    """How to find joints: trackers of the body (BlazePose's 33 joints), of the details that follow these in ``skeleton``, if any, and what
    finds everybody, if it can; without it one dancer is followed."""

    skeleton: str
    body: Callable[[], PoseEstimator]
    detail: Callable[[], PartEstimator] | None = None
    crowd: Callable[[], CrowdEstimator] | None = None


@dataclass(frozen=True)
class Chunk:
    """Consecutive frames; the first ``overlap`` also end the previous chunk. ``start`` counts frames from the first of the video."""

    images: list[np.ndarray]
    times: list[float]
    overlap: int
    start: int


class Sighting(NamedTuple):
    """Joints [J, 4] of the dancer, as `PoseEstimator.detect` gives them, and when they were seen."""

    joints: np.ndarray
    time_seconds: float


def chunks(frames: Iterable[Frame]) -> Iterator[Chunk]:
    """Cut the frames of a video into overlapping chunks."""
    held: list[Frame] = []
    overlap = start = 0
    size = CHUNK_FRAMES // 3

    def chunk() -> Chunk:
        return Chunk([f.image for f in held], [f.time_seconds for f in held], overlap, start - overlap)

    for frame in frames:
        held.append(frame)
        if len(held) == size + overlap:
            yield chunk()
            start += size
            size = min(size + CHUNK_FRAMES // 3, CHUNK_FRAMES)
            held, overlap = held[-OVERLAP_FRAMES:], OVERLAP_FRAMES
    if len(held) > overlap:
        yield chunk()


class _Forgetful(Protocol):
    def forget(self) -> None: ...


F = TypeVar("F", bound=_Forgetful)

_idle: dict[Callable[[], Any], list[Any]] = {}
_idle_lock = threading.Lock()


@contextmanager
def lent(make: Callable[[], F]) -> Iterator[F]:
    """An idle tracker of this kind that has forgotten everything, or a new one; kept for the next chunk, and for the next video, since
    MediaPipe never gives all of its memory back."""
    with _idle_lock:
        idle = _idle.setdefault(make, [])
        tracker = idle.pop() if idle else None
    if tracker is None:
        tracker = make()
    tracker.forget()
    try:
        yield tracker
    finally:
        with _idle_lock:
            idle.append(tracker)


def give_back() -> None:
    """Drop the trackers that are kept for the next video, and hand free memory back to the system where the C library can.

    Between watching a long video and making its music that is 280 MiB.
    """
    with _idle_lock:
        _idle.clear()
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def follow(tracker: PoseEstimator, chunk: Chunk, seen: Sighting | None) -> list[np.ndarray | None]:
    """Joints float32 [n, 4] in every frame of a chunk, None where nobody was found.

    Where the tracker jumps to somebody else, or from the start if ``seen`` tells who to look for, it is shown the surroundings of the
    dancer only; a dancer who is not found there for `PATIENCE_FRAMES` is given up.
    """
    tracker.forget()
    rows: list[np.ndarray | None] = []
    last, missed, lost = seen, 0, seen is not None
    for image, time in zip(chunk.images, chunk.times):
        row = None if lost else tracker.detect(image)
        if last is not None and (lost or (row is not None and elsewhere(last.joints, row, time - last.time_seconds))):
            tracker.forget()
            row = tracker.detect(_only_near(image, last.joints))
            if row is not None and elsewhere(last.joints, row, time - last.time_seconds):
                row = None
        lost = False
        if row is not None:
            last, missed = Sighting(row, time), 0
        else:
            missed += 1
            if missed >= PATIENCE_FRAMES:
                last = None
        rows.append(row)
    return rows


def last_seen(before: list[Sighting | None], overlap: int) -> Sighting | None:
    """Where the chunk before has the dancer: in the first of the shared frames, else later in these, else a little earlier."""
    start = len(before) - overlap
    order = [*before[start:], *reversed(before[max(0, start - PATIENCE_FRAMES) : start])]
    return next((sighting for sighting in order if sighting is not None), None)


def other_dancer(seen: Sighting, chunk: Chunk, rows: list[np.ndarray | None]) -> bool:
    """True if a chunk, of bodies [33, 4], follows somebody else than the dancer seen in the frames that it shares with the chunk before, or
    right before."""
    for row, time in zip(rows[: chunk.overlap + PATIENCE_FRAMES], chunk.times):
        if row is not None and time >= seen.time_seconds:
            return elsewhere(seen.joints, row, max(time - seen.time_seconds, 0.05))
    return False


def _only_near(image: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """The image with everything but the surroundings of these joints painted grey."""
    low, high = joints[:33, :2].min(0), joints[:33, :2].max(0)
    margin = 0.1 * float((high - low).max())
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = np.maximum(high + margin, 0).astype(int) + 1
    out = np.full_like(image, 127)
    out[y0:y1, x0:x1] = image[y0:y1, x0:x1]
    return out
