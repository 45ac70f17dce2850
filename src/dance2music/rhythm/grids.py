"""Beat grids of paths and of steady tempi: the search for a path through windows of scores, and the beat times that come of it."""

from __future__ import annotations

import numpy as np


def best_path(
    scores: np.ndarray, tempi: np.ndarray, centres: np.ndarray, width: float, *, drift_weight: float, slip_weight: float
) -> np.ndarray:
    """Most probable (tempo, phase) index per window, int [W, 2], by Viterbi search with small tempo and phase steps.

    Parameters
    ----------
    scores : float [W, n_tempi, n_phases], log-posterior of the windows, each of ``width`` seconds around ``centres`` [W].
    tempi : float [n_tempi], bpm.
    drift_weight : cost of changing the tempo by one step from window to window.
    slip_weight : cost of moving the phase by one bin (squared) beyond what the tempo explains.
    """
    n_windows, n_tempi, n_phases = scores.shape
    back = np.zeros((n_windows, n_tempi, n_phases, 2), dtype=np.int16)
    best = scores[0]
    hop = float(centres[1] - centres[0]) if n_windows > 1 else 0.0
    share = min(1.0, hop / width) if n_windows > 1 else 1.0
    best = best * share if n_windows > 1 else best
    frequency = tempi / 60.0
    columns = np.arange(n_phases)
    for w in range(1, n_windows):
        candidates = np.full((n_tempi, n_phases), -np.inf)
        for step in range(-3, 4):
            source = np.clip(np.arange(n_tempi) - step, 0, n_tempi - 1)
            advance = hop * 0.5 * (frequency[source] + frequency) * n_phases
            whole = np.round(advance).astype(int)
            rest = advance - whole
            for slip in range(-3, 4):
                from_phase = (columns[None, :] - whole[:, None] - slip) % n_phases
                cost = drift_weight * abs(step) + slip_weight * (slip - rest) ** 2
                value = best[source[:, None], from_phase] - cost[:, None]
                better = value > candidates
                candidates = np.where(better, value, candidates)
                back[w, ..., 0] = np.where(better, source[:, None], back[w, ..., 0])
                back[w, ..., 1] = np.where(better, from_phase, back[w, ..., 1])
        best = candidates + scores[w] * share
    path = np.zeros((n_windows, 2), dtype=int)
    path[-1] = np.unravel_index(np.argmax(best), best.shape)
    for w in range(n_windows - 1, 0, -1):
        path[w - 1] = back[w, path[w, 0], path[w, 1]]
    return path


def phase_anchors(scores: np.ndarray, path: np.ndarray, tempi: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Unwrapped beat position at the window centres, float64 [W], of a path [W, 2] through scores [W, n_tempi, n_phases].

    It is refined between phase bins by a parabola.
    """
    n_phases = scores.shape[2]
    anchors = np.zeros(len(centres))
    for w, (i, j) in enumerate(path):
        left, middle, right = scores[w, i, (j - 1) % n_phases], scores[w, i, j], scores[w, i, (j + 1) % n_phases]
        curvature = left - 2 * middle + right
        fraction = float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0
        phase = (j + fraction) / n_phases
        if w == 0:
            anchors[w] = phase
            continue
        rate = 0.5 * (tempi[path[w - 1, 0]] + tempi[i]) / 60.0
        expected = anchors[w - 1] + rate * (centres[w] - centres[w - 1])
        anchors[w] = expected + (phase - expected + 0.5) % 1.0 - 0.5
    return anchors


def steady_grid(centre: float, phase: float, tempo: float, duration: float) -> np.ndarray:
    """Beat times float64 [n] of a steady tempo from at or before 0 to at or after the end."""
    rate = tempo / 60.0
    first = np.floor(phase - centre * rate)
    last = np.ceil(phase + (duration - centre) * rate)
    return centre + (np.arange(first, last + 1) - phase) / rate


def anchored_grid(centres: np.ndarray, anchors: np.ndarray, tempi: np.ndarray, duration: float) -> np.ndarray:
    """Beat times float64 [n] through (time, beat) anchors [W], monotone piecewise cubic inside, steady outside."""
    from scipy.interpolate import PchipInterpolator

    start = anchors[0] - centres[0] * tempi[0] / 60.0
    end = anchors[-1] + (duration - centres[-1]) * tempi[-1] / 60.0
    beats = np.concatenate([[start - 2], [start] if centres[0] > 0 else [], anchors, [end, end + 2]])
    times = np.concatenate([[-2 * 60.0 / tempi[0]], [0.0] if centres[0] > 0 else [], centres, [duration, duration + 2 * 60.0 / tempi[-1]]])
    return PchipInterpolator(beats, times)(np.arange(np.ceil(start - 1), np.floor(end + 1) + 1))


def cover(grid: np.ndarray, duration: float) -> np.ndarray:
    """Drop beats of a grid float64 [n] that are not needed to cover 0 to the end; keep at least two."""
    first = max(0, int(np.searchsorted(grid, 0.0, side="right")) - 1)
    last = min(len(grid), int(np.searchsorted(grid, duration, side="left")) + 1)
    if last - first < 2:
        last = first + 2
    assert grid[first] <= 1e-9 and grid[last - 1] >= duration - 1e-9
    return grid[first:last]
