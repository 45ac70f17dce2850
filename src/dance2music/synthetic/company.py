"""Several drawn dancers in one picture: what the following of people through crossings, entries and exits is tested and measured on.

Each dances where it is put, on a path of its own; the nearer one hides the farther. Where everybody truly is in the picture comes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance2music.errors import InputError
from dance2music.seeds import Corpus
from dance2music.synthetic.canvas import Canvas
from dance2music.synthetic.choreography import dance
from dance2music.synthetic.drawing import Camera, Look, Painter, empty_stage, poses_at
from dance2music.synthetic.timing import MARGIN_SECONDS, hurried
from dance2music.types import GENRES, Motion, Rhythm

_TRUNK = [1, 2, 16, 17]
_SIDE_METRES, _APART_METRES = (0.9, 1.5), (0.3, 0.7)
"""How far from the middle dancers begin, and how far one passes in front of the other."""
_CROSSING_SECONDS = (1.2, 3.0)
_SAME_CLOTHES, _CROSS_BACK = 0.5, 0.35
"""Shares of pairs in the same clothes, and of those that come back."""


@dataclass(frozen=True)
class Member:
    """Someone in the picture.

    Attributes
    ----------
    motion : the dance, skeleton "smpl-24", metres.
    look : of which the colours are this dancer's; view and stage are the first member's.
    places_metres : float [n, 3], where the dancer is (x to the right, y up, z towards the camera) at ``times_seconds``; linear between.
    times_seconds : float [n], increasing.
    visible_seconds : from when to when the dancer is in the picture.
    """

    motion: Motion
    look: Look
    places_metres: np.ndarray
    times_seconds: np.ndarray
    visible_seconds: tuple[float, float] = (-np.inf, np.inf)


def standing(motion: Motion, look: Look, x: float, z: float = 0.0) -> Member:
    """A member that stays at one place, in metres."""
    return Member(motion, look, np.array([[x, 0.0, z]]), np.zeros(1))


@dataclass(frozen=True)
class Drawn:
    """A picture uint8 [H, W, 3] RGB with the middle of each member's trunk in it, float [M, 2] in pixels, NaN where it is away."""

    image: np.ndarray
    trunks: np.ndarray


def draw_company(members: Sequence[Member], *, size: tuple[int, int], fps: float) -> Iterator[Drawn]:
    """Pictures of several dancers, one per 1 / fps seconds, as long as the longest dance.

    Parameters
    ----------
    members : at least one.
    size : width and height in pixels, even numbers.
    fps : frames per second.

    Raises
    ------
    InputError
        If there is nobody, or a motion is not of 24 SMPL joints in three dimensions.
    """
    if not members:
        raise InputError("company: nobody to draw; expected at least one member")
    poses = [_placed(member, poses_at(member.motion, fps), fps) for member in members]
    count = max(len(joints) for joints in poses)
    poses = [np.concatenate([joints, np.repeat(joints[-1:], count - len(joints), axis=0)]) for joints in poses]
    camera = Camera.around(np.concatenate(poses), size, members[0].look)
    stage = empty_stage(size, camera, members[0].look)
    for i in range(count):
        canvas = Canvas(stage)
        here = [k for k, member in enumerate(members) if member.visible_seconds[0] <= i / fps < member.visible_seconds[1]]
        trunks = np.full((len(members), 2), np.nan)
        for k in sorted(here, key=lambda k: camera.depth(poses[k][i, _TRUNK])):
            Painter(canvas, camera, members[k].look).dancer(poses[k][i])
            trunks[k] = camera.project(poses[k][i, _TRUNK])[0].mean(axis=0)
        yield Drawn(np.ascontiguousarray(canvas.image), trunks)


def _placed(member: Member, joints: np.ndarray, fps: float) -> np.ndarray:
    """Joints [T, 24, 3] where the member is."""
    times = np.arange(len(joints)) / fps
    path = np.stack([np.interp(times, member.times_seconds, axis) for axis in member.places_metres.T], axis=1)
    return joints + path[:, None]


def crossing(seed: int, rhythm: Rhythm | np.ndarray, *, duration_seconds: float) -> list[Member]:
    """Two dancers to one music who change places, the nearer one hiding the farther for a while; half of the pairs wear the same
    clothes.

    Parameters
    ----------
    seed : draws dances, looks, paths.
    rhythm : Rhythm, or float [n] beat times in seconds, from before 0 to behind the end; they move to it as real dancers do (`timing`).
    duration_seconds : of the dance; one time in three they cross back before its end.
    """
    rng = np.random.default_rng([seed, Corpus.COMPANY])
    grid = rhythm.beat_times_seconds if isinstance(rhythm, Rhythm) else np.asarray(rhythm, dtype=np.float64)
    genres = rng.integers(len(GENRES), size=2)
    first = replace(Look.draw(int(rng.integers(1 << 30))), fill=0.85)
    first = replace(first, yaw=0.4 * first.yaw)
    second = first if rng.random() < _SAME_CLOTHES else Look.draw(int(rng.integers(1 << 30)))
    side = rng.uniform(*_SIDE_METRES, 2)
    depth = rng.uniform(*_APART_METRES) / 2 * rng.choice([-1.0, 1.0])
    ways = 2 if rng.random() < _CROSS_BACK else 1
    length = duration_seconds / ways
    times = np.concatenate([length * way + _crossing_times(rng, length) for way in range(ways)])
    sides = np.array([1.0, -1.0, -1.0, 1.0])[: 2 * ways]
    members = []
    for k, (sign, look) in enumerate(zip((-1.0, 1.0), (first, second))):
        longer = duration_seconds + MARGIN_SECONDS
        motion = dance(rhythm, genre=int(genres[k]), seed=int(rng.integers(1 << 30)), duration_seconds=longer, fps=30.0)
        motion = hurried(motion, grid, duration_seconds, rng)
        x = sign * side[k] * sides
        places = np.stack([x, np.zeros(len(x)), np.full(len(x), sign * depth)], axis=1)
        members.append(Member(motion, look, places, times))
    return members


def _crossing_times(rng: np.random.Generator, length: float) -> np.ndarray:
    """When a change of places within ``length`` seconds begins and ends."""
    takes = min(float(rng.uniform(*_CROSSING_SECONDS)), 0.6 * length)
    begin = float(rng.uniform(0.2 * length, 0.8 * length - takes))
    return np.array([begin, begin + takes])
