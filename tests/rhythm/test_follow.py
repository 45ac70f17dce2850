from __future__ import annotations

from dataclasses import replace

import numpy as np

from dance2music.rhythm.follow import FollowConfig, follow

GRID = np.arange(12) * 0.5
LATE = GRID[3:9] + np.array([0.04, -0.04, 0.05, -0.03, 0.04, -0.05])


def closeness(grid: np.ndarray, beats: np.ndarray) -> float:
    return float(np.exp(-0.5 * (np.abs(beats[:, None] - grid[None]).min(axis=1) / 0.05) ** 2).mean())


def test_beats_move_towards_the_kinematic_beats_and_the_whole_stays_where_it_was() -> None:
    bent = follow(GRID, [LATE])
    assert closeness(bent, LATE) > closeness(GRID, LATE) + 0.02
    assert abs(float((bent - GRID).mean())) < 1e-12
    assert np.abs(bent - GRID).max() <= 2 * FollowConfig().limit_seconds and np.all(np.diff(bent) > 0)


def test_a_dancer_who_is_late_as_a_whole_does_not_move_the_phase() -> None:
    bent = follow(GRID, [GRID + 0.04])
    assert np.abs(bent - GRID).max() < 0.01


def test_without_kinematic_beats_or_without_room_the_grid_is_returned_as_it_was() -> None:
    assert np.array_equal(follow(GRID, [np.array([]), np.array([])]), GRID)
    assert np.array_equal(follow(GRID, [LATE], replace(FollowConfig(), limit_seconds=0.0)), GRID)


def test_the_dearer_a_change_of_interval_the_steadier_the_beat() -> None:
    loose, firm = (follow(GRID, [LATE], replace(FollowConfig(), move_weight=weight)) for weight in (0.02, 2.0))
    assert np.std(np.diff(firm)) < 0.5 * np.std(np.diff(loose))
