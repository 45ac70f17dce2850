"""Watching who dances: one dancer as `tracking` follows one, chunk by chunk on all threads; more than one as `crowd` follows them.

A second person is looked for at both ends and in the middle of each chunk, so that watching one dancer costs what it did. From the chunk on
in which there are more, everybody is followed, in order; when only one is left for a whole chunk, it goes on as before. The result does not
depend on the number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dance2music.dance.tracking import (
    DETAIL_EVERY,
    HELD_CHUNKS,
    PATIENCE_FRAMES,
    WORKERS,
    Chunk,
    Frame,
    Method,
    Sighting,
    chunks,
    follow,
    last_seen,
    lent,
    other_dancer,
)
from dance2music.parallel import awaited, threads
from dance2music.people.bodies import colours, elsewhere, trunk_length
from dance2music.people.crowd import Crowd, Piece

COLOURS_EVERY = 12
"""Frames between two looks at the clothes of somebody who is alone."""
CLOSELY_FRAMES = 144
"""Frames from one closer look for somebody beside the dancer to the next."""
DETAILED = 2
"""Hands and face are looked for on so many people at once at most, the largest."""


@dataclass(frozen=True)
class Watched:
    """What was seen of everybody.

    Attributes
    ----------
    height : of the pictures, in pixels.
    pieces : of people (`crowd.Piece`), in order of their beginnings; a single one where nobody else was ever seen.
    most : people at once in one picture, as far as they were counted.
    """

    height: int
    pieces: list[Piece]
    most: int


class _Found(NamedTuple):
    """The bodies [33, 4] of one dancer in a chunk, and whether there were others."""

    rows: list[np.ndarray | None]
    company: bool


class _Wanted(NamedTuple):
    """A body whose hands and face are to be looked for, and where they are put down."""

    piece: Piece
    frame: int
    image: np.ndarray
    body: np.ndarray


def watch_everybody(frames: Iterable[Frame], method: Method, *, progress: Callable[[float], None] | None = None) -> Watched:
    """Follow everybody through the frames of a video; a few chunks of them are held at once.

    Parameters
    ----------
    frames : in order of time; read once.
    method : how to find joints; one without ``crowd`` follows one dancer only.
    progress : called with the seconds of video done.
    """
    return _Watch(method).through(frames, progress)


class _Watch:
    """The state of `watch_everybody`: who was followed last, and whether that is a crowd."""

    def __init__(self, method: Method) -> None:
        self.method = method
        lend = method.crowd
        self.crowd = None if lend is None else Crowd(lambda: lent(lend))
        self.pieces: list[Piece] = []
        self.crowded = False
        self.company = False
        self.before: list[Sighting | None] = []
        self.single: Piece | None = None

    def through(self, frames: Iterable[Frame], progress: Callable[[float], None] | None) -> Watched:
        """All chunks in order."""
        pending: deque[tuple[Chunk, Future[_Found] | None]] = deque()
        looking: deque[tuple[list[_Wanted], Future[list[np.ndarray]], float]] = deque()
        height = 0
        with threads(WORKERS, thread_name_prefix="pose") as pool, threads(1, thread_name_prefix="pose") as lane:
            source = chunks(frames)
            exhausted = False
            while not exhausted or pending or looking:
                while not exhausted and len(pending) < HELD_CHUNKS:
                    chunk = next(source, None)
                    if chunk is None:
                        exhausted = True
                    else:
                        height = chunk.images[0].shape[0]
                        pending.append((chunk, None if self.crowded else pool.submit(self._track, chunk, None)))
                if pending:
                    chunk, future = pending.popleft()
                    was, wanted = self.crowded, self._next(chunk, future, pool)
                    if self.crowded and not was:  # what was begun for one dancer is of no use
                        pending = deque((later, None if one is None or one.cancel() else one) for later, one in pending)
                    looking.append((wanted, lane.submit(_look, self.method, wanted), chunk.times[-1]))
                while looking and (len(looking) > 1 or not pending):
                    wanted, details, time = looking.popleft()
                    parts: list[np.ndarray] = awaited(details)
                    for want, detail in zip(wanted, parts):
                        want.piece.details[want.frame] = detail
                    if progress is not None:
                        progress(time)
        return Watched(height, sorted(self.pieces, key=lambda piece: piece.start), 1 if self.crowd is None else max(1, self.crowd.most))

    def _next(self, chunk: Chunk, future: Future[_Found] | None, pool: ThreadPoolExecutor) -> list[_Wanted]:
        """One chunk; returns the bodies whose details are wanted."""
        if not self.crowded:
            found = awaited(future if future is not None else pool.submit(self._track, chunk, None))
            seen = last_seen(self.before, chunk.overlap)
            if not found.company and seen is not None and other_dancer(seen, chunk, found.rows):
                found = awaited(pool.submit(self._track, chunk, seen))
            self.crowded = found.company and self.crowd is not None
            if not self.crowded:
                return self._alone(chunk, found.rows)
        return self._together(chunk, pool)

    def _alone(self, chunk: Chunk, rows: list[np.ndarray | None]) -> list[_Wanted]:
        """A chunk with one dancer goes on with the piece before it, up to where somebody may have taken its place."""
        sightings = [None if row is None else Sighting(row, time) for row, time in zip(rows, chunk.times)]
        last = last_seen(self.before, chunk.overlap)
        missed = PATIENCE_FRAMES if self.single is None else 0
        self.before = sightings[chunk.overlap :]
        wanted = []
        for i in range(chunk.overlap, len(rows)):
            frame, row, time = chunk.start + i, rows[i], chunk.times[i]
            jumped = row is not None and self.crowd is not None and self._replaced(last, row, time, missed)
            if self.single is None or jumped:
                self.single = Piece(frame)
                self.pieces.append(self.single)
            self.single.bodies.append(row)
            missed = missed + 1 if row is None else 0
            if row is None:
                continue
            last = Sighting(row, time)
            if self.crowd is not None and frame % COLOURS_EVERY == 0:
                self.single.colours[frame] = colours(chunk.images[i], row)
            if frame % DETAIL_EVERY == 0:
                wanted.append(_Wanted(self.single, frame, chunk.images[i], row))
        return wanted

    def _replaced(self, last: Sighting | None, row: np.ndarray, time: float, missed: int) -> bool:
        """Whether a body may be somebody else's than the one that was seen last."""
        if last is None or self.single is None or not any(body is not None for body in self.single.bodies):
            return False
        return missed >= PATIENCE_FRAMES or elsewhere(last.joints, row, max(time - last.time_seconds, 0.05))

    def _together(self, chunk: Chunk, pool: ThreadPoolExecutor) -> list[_Wanted]:
        """A chunk with several people."""
        assert self.crowd is not None
        images, times, first = chunk.images[chunk.overlap :], chunk.times[chunk.overlap :], chunk.start + chunk.overlap
        known = len(self.crowd.pieces)
        here = self.crowd.through(images, times, first, pool)
        self.pieces += self.crowd.pieces[known:]
        self.single = None
        wanted = []
        for i, image in enumerate(images):
            if (first + i) % DETAIL_EVERY == 0:
                bodies = [(piece, body) for piece in here if (body := piece.at(first + i)) is not None]
                bodies.sort(key=lambda pair: -trunk_length(pair[1]))
                wanted += [_Wanted(piece, first + i, image, body) for piece, body in bodies[:DETAILED]]
        if len(here) < 2:
            self.before = [None] * len(images)
            for piece in here:
                rows = [piece.at(first + i) for i in range(len(images))]
                self.before = [None if row is None else Sighting(row, time) for row, time in zip(rows, times)]
            self.crowded = False
            self.crowd.leave()
        return wanted

    def _track(self, chunk: Chunk, seen: Sighting | None) -> _Found:
        """One dancer through a chunk, and whether anybody else is there."""
        if self.method.crowd is None:
            with lent(self.method.body) as tracker:
                return _Found(follow(tracker, chunk, seen), False)
        with lent(self.method.crowd) as estimator:
            estimator.company = False
            rows = follow(estimator, chunk, seen)
            if estimator.company:
                return _Found(rows, True)
            known = [row for row in rows[len(rows) // 2 :][:1] if row is not None]
            others = estimator.everybody(chunk.images[len(rows) // 2], known, closely=_closely(chunk))
            return _Found(rows, len(known) + len(others) > 1)


def _closely(chunk: Chunk) -> bool:
    """Whether others are looked for in squares, not at a glance: in the first chunk and in one of about `CLOSELY_FRAMES`."""
    begin = chunk.start + chunk.overlap
    return begin == 0 or begin // CLOSELY_FRAMES > max(0, begin - len(chunk.images) + chunk.overlap) // CLOSELY_FRAMES


def _look(method: Method, wanted: list[_Wanted]) -> list[np.ndarray]:
    """Hands and face of the bodies that are wanted; nothing by a method that does not look for them."""
    if method.detail is None or not wanted:
        return []
    with lent(method.detail) as tracker:
        return [tracker.detect(want.image, want.body) for want in wanted]
