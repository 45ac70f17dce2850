"""Following everybody in a picture at once, while there is more than one.

Each body is read from picture to picture where it was last; several times a second the whole picture is searched for those who are not
followed yet. A body that two followers read ends both: who it is, is decided afterwards from what was seen before and behind it
(`identities`). So what comes out here are pieces, each of one person as surely as can be, not persons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from dance2music.dance.regions import Region
from dance2music.parallel import awaited
from dance2music.people.bodies import MIN_VISIBILITY, colours, elsewhere, middle, same, trunk_length

LOOK_EVERY = 6
"""Frames from one search of the whole picture to the next while several are followed: a quarter of a second."""
_WAY_FRAMES = 16
LOST_FRAMES = 96
"""Frames for which somebody who was lost is looked for where it may have got to: 4 seconds."""
MOST_FOLLOWED = 6
"""People that are followed at once: each costs as much time as one dancer alone."""


class BodyRead(Protocol):
    """A body that was read: joints float32 [33, 4], and where to look for it in the next picture."""

    @property
    def joints(self) -> np.ndarray:
        """x, y, z in pixels and visibility, float32 [33, 4]."""
        ...

    @property
    def region(self) -> Region:
        """Where to look next."""
        ...


class CrowdEstimator(Protocol):
    """Follows one dancer as `tracking.PoseEstimator`, and finds everybody; an instance is used by one thread at a time.

    ``company`` becomes true when there is more than one body in a picture that `detect` had to search.
    """

    company: bool

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        """Joints float32 [33, 4] of one dancer in the next image, uint8 [H, W, 3] RGB; None if nobody is seen."""
        ...

    def forget(self) -> None:
        """Make the next `detect` independent of the frames before."""
        ...

    def everybody(
        self, image: np.ndarray, known: Sequence[np.ndarray] = (), places: Sequence[Region] = (), *, closely: bool = False
    ) -> Sequence[BodyRead]:
        """All bodies in an image uint8 [H, W, 3] RGB but those that are known, float32 [33, 4] each; they may be at the places."""
        ...

    def read(self, image: np.ndarray, region: Region) -> BodyRead | None:
        """The body in a region of an image uint8 [H, W, 3] RGB; None if there is none."""
        ...


Lend = Callable[[], AbstractContextManager[CrowdEstimator]]
"""Lends an estimator to a thread."""


@dataclass(eq=False)
class Piece:
    """One person in consecutive frames, as far as it was followed without doubt.

    Attributes
    ----------
    start : frame of the video of the first body.
    bodies : float32 [33, 4] per frame, None where it was not found.
    details : hands and face by frame, where they were looked for.
    colours : float [PATCHES, 3] by frame, where they were looked at.
    """

    start: int
    bodies: list[np.ndarray | None] = field(default_factory=list)
    details: dict[int, np.ndarray] = field(default_factory=dict)
    colours: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def stop(self) -> int:
        """The frame behind its last."""
        return self.start + len(self.bodies)

    def at(self, frame: int) -> np.ndarray | None:
        """The body [33, 4] in a frame of the video."""
        return self.bodies[frame - self.start] if self.start <= frame < self.stop else None


@dataclass(eq=False)
class _Followed:
    """Someone who is followed: the piece so far, where to look next."""

    piece: Piece
    region: Region

    def place(self, frame: int) -> Region:
        """Where it may be in a later frame: on its way, but less and less far."""
        bodies = [body for body in self.piece.bodies[-_WAY_FRAMES:] if body is not None]
        ahead = _WAY_FRAMES * (1.0 - np.exp(-(frame - self.piece.stop + 1) / _WAY_FRAMES))
        x, y = ahead * (middle(bodies[-1]) - middle(bodies[0])) / max(len(bodies) - 1, 1)
        return replace(self.region, x=self.region.x + float(x), y=self.region.y + float(y))


class Crowd:
    """Everybody who is followed, and the pieces that came of it."""

    def __init__(self, lend: Lend) -> None:
        self.pieces: list[Piece] = []
        self.most = 0
        """People that were found at once in one picture, whether followed or not."""
        self._lend = lend
        self._now: list[_Followed] = []
        self._lost: list[_Followed] = []
        self._looks = 0

    @property
    def alone(self) -> bool:
        """Whether no more than one person is followed now."""
        return len(self._now) < 2

    def leave(self) -> None:
        """Follow nobody any more."""
        self._now, self._lost = [], []

    def through(self, images: Sequence[np.ndarray], times: Sequence[float], first: int, pool: ThreadPoolExecutor) -> list[Piece]:
        """Follow everybody through consecutive images uint8 [H, W, 3], the first of which is frame ``first`` of the video.

        Returns
        -------
        The pieces that have a body in these frames.
        """
        begun = len(self.pieces) - len(self._now)
        at = 0
        if not self._now:
            self._search(images[0], first, pool)
            at = 1
        while at < len(images):
            stop = min(at + LOOK_EVERY, len(images))
            self._follow(images[at:stop], times[at:stop], first + at, pool)
            self._search(images[stop - 1], first + stop - 1, pool)
            at = stop
        last = first + len(images)
        return [piece for piece in self.pieces[max(0, begun) :] if piece.stop > first and piece.start < last]

    def _follow(self, images: Sequence[np.ndarray], times: Sequence[float], first: int, pool: ThreadPoolExecutor) -> None:
        """Everybody through a few frames."""
        waiting = [pool.submit(self._read_on, images, one.region) for one in self._now]
        found = [awaited(future) for future in waiting]
        ends = [len(bodies) for bodies in found]
        for i, time in enumerate(times):
            here = [k for k, bodies in enumerate(found) if i < ends[k]]
            for k in here:
                before = self._now[k].piece.bodies[-1]
                seconds = time - times[i - 1] if i else 1.0 / 24.0
                body = found[k][i].joints
                if (before is not None and elsewhere(before, body, seconds)) or body[:, 3].mean() < MIN_VISIBILITY:
                    ends[k] = i
            for n, k in enumerate(here):
                for other in here[n + 1 :]:
                    if ends[k] > i and ends[other] > i and same(found[k][i].joints, found[other][i].joints):
                        young, old = sorted((k, other), key=lambda one: len(self._now[one].piece.bodies))
                        ends[young] = i
                        if len(self._now[young].piece.bodies) >= LOOK_EVERY:  # else it was never more than a second look at the same
                            self._now[old] = self._begun(first + i, self._now[old].region)
            for k in here:
                if ends[k] > i:
                    self._now[k].piece.bodies.append(found[k][i].joints)
                    self._now[k].region = found[k][i].region
                    if i == len(times) - 1:
                        self._now[k].piece.colours[first + i] = colours(images[i], found[k][i].joints)
        self._lost += [one for one, end in zip(self._now, ends) if end < len(images) and one.piece.bodies]
        self._now = [one for one, end in zip(self._now, ends) if end == len(images)]

    def _read_on(self, images: Sequence[np.ndarray], region: Region) -> list[BodyRead]:
        """One body in consecutive images, until it is no longer there."""
        bodies: list[BodyRead] = []
        with self._lend() as estimator:
            for image in images:
                body = estimator.read(image, region)
                if body is None:
                    break
                bodies.append(body)
                region = body.region
        return bodies

    def _search(self, image: np.ndarray, frame: int, pool: ThreadPoolExecutor) -> None:
        """Begin to follow those in a picture who are not followed yet, the largest first."""
        known = [body for one in self._now if (body := one.piece.at(frame)) is not None]
        self._lost = [one for one in self._lost if frame - one.piece.stop < LOST_FRAMES]
        places = [one.place(frame) for one in self._lost]
        self._looks += 1
        new = awaited(pool.submit(self._others, image, known, places, self._looks % 2 == 1))
        self.most = max(self.most, len(known) + len(new))
        for other in sorted(new, key=lambda body: -trunk_length(body.joints))[: MOST_FOLLOWED - len(self._now)]:
            one = self._begun(frame, other.region)
            one.piece.bodies.append(other.joints)
            one.piece.colours[frame] = colours(image, other.joints)
            self._now.append(one)
            self._found_again(other)

    def _others(self, image: np.ndarray, known: list[np.ndarray], places: list[Region], closely: bool) -> Sequence[BodyRead]:
        """Bodies in a picture beside those that are known."""
        with self._lend() as estimator:
            return estimator.everybody(image, known, places, closely=closely)

    def _found_again(self, body: BodyRead) -> None:
        """Look no longer for the one of the lost who was nearest to this body."""
        if self._lost:
            self._lost.remove(min(self._lost, key=lambda one: float(np.hypot(one.region.x - body.region.x, one.region.y - body.region.y))))

    def _begun(self, frame: int, region: Region) -> _Followed:
        self.pieces.append(Piece(frame))
        return _Followed(self.pieces[-1], region)
