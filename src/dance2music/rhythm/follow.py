"""Following the dancer: a steady beat grid bent by hundredths of a second towards the kinematic beats, as a player who watches would.

A beat that is moved by 30 ms looks in time where one that stands 60 ms off does not; the tempo and the phase stay those of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FollowConfig:
    """How far beats may be moved, and what moving them costs, in kinematic beats that are met in return."""

    limit_seconds: float = 0.02
    """Largest displacement of a beat; 0 keeps the grid steady. More looks better by the reading that it follows, and is farther from the
    music that real dancers heard."""
    step_seconds: float = 0.0025
    sigma_seconds: float = 0.05
    """Width of the agreement kernel, as in `estimate.RhythmConfig`."""
    unit_seconds: float = 0.05
    """Displacement that the two weights refer to."""
    move_weight: float = 0.5
    """Cost of the squared change of the displacement from beat to beat: the interval between them is then longer or shorter."""
    stay_weight: float = 0.1
    """Cost of the squared displacement."""


def follow(grid: np.ndarray, readings: Sequence[np.ndarray], config: FollowConfig = FollowConfig()) -> np.ndarray:
    """Beat times moved towards the kinematic beats, by the cheapest path over displacements (Viterbi).

    Parameters
    ----------
    grid : float64 [n], beat times in seconds, ascending.
    readings : several float64 [m], kinematic beats in seconds by each reading; each pulls at the beat that is nearest to it.
    config : FollowConfig.

    Returns
    -------
    float64 [n], ascending; the mean of the displacements is 0, so that the phase of the whole stays as it was chosen.
    """
    count = round(config.limit_seconds / config.step_seconds)
    if count == 0 or not any(len(beats) for beats in readings):
        return grid.copy()
    offsets = np.arange(-count, count + 1) * config.step_seconds
    gain = np.zeros((len(grid), len(offsets)))
    for beats in readings:
        nearest = np.abs(beats[:, None] - grid[None]).argmin(axis=1)
        distance = beats[:, None] - grid[nearest, None] - offsets[None]
        np.add.at(gain, nearest, np.exp(-0.5 * (distance / config.sigma_seconds) ** 2) / len(readings))
    gain -= config.stay_weight * (offsets / config.unit_seconds) ** 2
    cost = config.move_weight * ((offsets[:, None] - offsets[None]) / config.unit_seconds) ** 2
    moved = offsets[_cheapest_path(gain, cost)]
    return np.asarray(grid + moved - moved.mean())


def _cheapest_path(gain: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """State per row, int [n], with the largest sum of gain [n, S] minus cost [S, S] from row to row."""
    best, back = gain[0], np.zeros(gain.shape, dtype=int)
    for row in range(1, len(gain)):
        ways = best[:, None] - cost
        back[row] = ways.argmax(axis=0)
        best = ways.max(axis=0) + gain[row]
    path = np.zeros(len(gain), dtype=int)
    path[-1] = best.argmax()
    for row in range(len(gain) - 1, 0, -1):
        path[row - 1] = back[row, path[row]]
    return path
