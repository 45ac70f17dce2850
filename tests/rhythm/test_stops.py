"""Stops that several readings of a dance agree on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dance2music.dance.skeleton import SKELETONS
from dance2music.rhythm.stops import HIT_DISTANCE_SECONDS, agreed_stops, hit_times
from dance2music.types import Motion

FPS = 30.0


def dancer(stops: list[float], *, seconds: float = 8.0, only: tuple[str, ...] | None = None, noise: float = 0.0) -> Motion:
    """A body whose joints swing, at rest for a quarter of a second around each stop; ``only`` some of its joints rest."""
    names = SKELETONS["body-15"].joints
    t = np.arange(round(seconds * FPS)) / FPS
    rest = np.min([np.clip((np.abs(t - stop) - 0.06) / 0.12, 0.0, 1.0) for stop in stops], axis=0)
    rng = np.random.default_rng(0)
    base = np.stack([rng.uniform(-0.5, 0.5, len(names)), np.linspace(0.0, 1.8, len(names))], axis=-1)
    joints = np.repeat(base[None], len(t), axis=0)
    for j, name in enumerate(names):
        held = rest if only is None or name in only else np.ones_like(rest)
        angle = np.cumsum(held * 2.0) / FPS * np.pi + j
        joints[:, j] += 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    joints += noise * rng.standard_normal(joints.shape)
    return Motion(joints.astype(np.float32), np.ones(joints.shape[:2], np.float32), FPS, "body-15")


def test_stops_of_the_whole_body_are_found_where_they_are() -> None:
    wanted = [1.5, 3.2, 5.0, 6.6]
    found = hit_times(dancer(wanted, noise=0.005))
    assert len(found) == len(wanted) and found == pytest.approx(wanted, abs=0.07)


def test_a_stop_of_one_arm_alone_is_none() -> None:
    assert not len(hit_times(dancer([2.0, 4.0], only=("left_wrist", "left_elbow"))))


def test_hits_keep_their_distance_and_the_clearer_ones() -> None:
    found = hit_times(dancer([2.0, 2.4, 5.0]))
    assert len(found) == 2 and np.diff(found).min() >= HIT_DISTANCE_SECONDS


def test_without_joints_there_are_none() -> None:
    flow = replace(dancer([2.0]), skeleton="flow")
    assert not len(agreed_stops(flow).times_seconds) and not len(hit_times(flow))
    assert not len(hit_times(Motion(np.zeros((5, 15, 2), np.float32), np.ones((5, 15), np.float32), FPS, "body-15")))
    still = Motion(np.zeros((90, 15, 2), np.float32), np.ones((90, 15), np.float32), FPS, "body-15")
    assert not len(hit_times(still))
