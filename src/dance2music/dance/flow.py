"""Optical flow of a video: motion energy, the embedded default of visual features, and the fallback where no dancer is found.

Flow is taken between small grey frames (`displacement`, about 64 pixels on the longer side). The median flow of a frame, which is the
camera's, is taken out. I3D and TSN adapters, which need weights of the user, are not here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dance2music.dance.displacement import displacement
from dance2music.dance.skeleton import FLOW_COLUMNS, FLOW_ROWS
from dance2music.types import Motion

FLOW_SIDE = 64
"""Pixels of the longer side of the frames that flow is taken of, about."""
_AT_ONCE = 24
"""Frames whose flow is measured together."""
VISUAL_SLICES: dict[str, slice] = {
    "energy": slice(0, 1),
    "derivative": slice(1, 2),
    "accent": slice(2, 3),
    "slow": slice(3, 4),
    "known": slice(4, 5),
}
"""Layout of `visual_features`."""
VISUAL_FEATURES = 5
"""D_v, the width of `visual_features`."""


class _Step(NamedTuple):
    """Two frames in a row, grey float32 [h, w], and their times in seconds."""

    before: np.ndarray
    after: np.ndarray
    since: float
    until: float


class FlowMeter:
    """Takes frames one by one and keeps a few numbers of each: the motion energy and the mean flow of the cells of a grid."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._last_time = 0.0
        self._waiting: list[_Step] = []
        self._times: list[float] = []
        self._energies: list[float] = []
        self._cells: list[np.ndarray] = []

    def add(self, image: np.ndarray, time_seconds: float) -> None:
        """Take the next frame: uint8 [H, W, 3] RGB at ``time_seconds``. A repeated picture (a frame shown twice) is passed over."""
        from PIL import Image

        small = Image.fromarray(image).reduce(max(1, round(max(image.shape) / FLOW_SIDE)))
        grey = np.asarray(small.convert("L")).astype(np.float32)
        last, before = self._last, self._last_time
        if last is not None and last.shape == grey.shape and time_seconds > before:
            if np.array_equal(last, grey):
                return
            self._waiting.append(_Step(last, grey, before, time_seconds))
            if len(self._waiting) == _AT_ONCE:
                self._measure()
        elif self._waiting:
            self._measure()  # what comes may be of another size
        self._last, self._last_time = grey, time_seconds

    def _measure(self) -> None:
        """Take down the flow of the frames that wait for it."""
        steps, self._waiting = self._waiting, []
        if not steps:
            return
        flow = displacement(np.stack([step.before for step in steps]), np.stack([step.after for step in steps]))
        flow -= np.median(flow.reshape(len(steps), -1, 2)[:, ::7], axis=1)[:, None, None]
        flow /= np.array([flow.shape[1] * (step.until - step.since) for step in steps], np.float32)[:, None, None, None]
        rows = np.array_split(flow, FLOW_ROWS, axis=1)
        cells = np.stack([cell.mean(axis=(1, 2)) for row in rows for cell in np.array_split(row, FLOW_COLUMNS, axis=2)], axis=1)
        self._times += [0.5 * (step.until + step.since) for step in steps]
        self._energies += np.hypot(flow[..., 0], flow[..., 1]).mean(axis=(1, 2)).tolist()
        self._cells += list(cells.astype(np.float32))

    def energy(self, grid_seconds: np.ndarray) -> np.ndarray:
        """Motion energy float64 [T] at these times: mean magnitude of the flow, in image heights per second; 0 if nothing ever moved."""
        self._measure()
        return on_grid(np.asarray(self._energies), np.asarray(self._times), grid_seconds)

    def cells(self, grid_seconds: np.ndarray) -> np.ndarray:
        """Mean flow float64 [T, rows * columns, 2] of the cells, in image heights per second, y up."""
        self._measure()
        count = FLOW_ROWS * FLOW_COLUMNS
        values = np.asarray(self._cells).reshape(-1, count * 2)
        flat = np.stack([on_grid(values[:, i], np.asarray(self._times), grid_seconds) for i in range(count * 2)], axis=1)
        return flat.reshape(-1, count, 2) * [1.0, -1.0]


def on_grid(values: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Linear interpolation of samples [n] at ``times`` onto ``grid`` [T]; zeros where there are no samples at all."""
    return np.interp(grid, times, values) if len(values) else np.zeros(len(grid))


def flow_motion(flow: FlowMeter, *, fps: float, count: int, source: str) -> Motion:
    """The motion of the picture itself as a Motion with skeleton ``flow``.

    Its joints are the centres of a grid of cells, each displaced by what its mean flow adds up to (without the slow drift), so that the
    speed of a joint is the flow of its cell and everything downstream works as with a body.

    Parameters
    ----------
    flow : FlowMeter that has seen the video.
    fps : float
    count : int, number of frames T.
    source : str, for the Motion.

    Returns
    -------
    Motion, joints [T, 15, 2] in image heights, confidence 0.2 throughout.
    """
    from dance2music.dance.kinematics import low_pass

    grid = np.arange(count) / fps
    path = np.cumsum(flow.cells(grid), axis=0) / fps
    path -= low_pass(path, fps=fps, cutoff_hz=0.25)
    centres = [((c + 0.5) / FLOW_COLUMNS, 1.0 - (r + 0.5) / FLOW_ROWS) for r in range(FLOW_ROWS) for c in range(FLOW_COLUMNS)]
    joints = (path + np.asarray(centres)).astype(np.float32)
    confidence = np.full(joints.shape[:2], 0.2, dtype=np.float32)
    return Motion(joints, confidence, float(fps), "flow", flow.energy(grid).astype(np.float32), source)


def visual_features(motion: Motion, *, fps: float) -> np.ndarray:
    """Visual features of a dance from its optical flow; zeros where there was no video.

    Parameters
    ----------
    motion : Motion, whose ``flow_energy`` is used.
    fps : float, of the features.

    Returns
    -------
    float32 [T, D_v = 5], see `VISUAL_SLICES`: flow energy (divided by its 90th percentile), its derivative per 0.1 s, its local accent
    (above the running mean of 1 s), its slow course (2 s), and 1 where the energy is known; clipped to -4..4.
    """
    from dance2music.dance.kinematics import low_pass, resample

    motion = resample(motion, fps)
    count = len(motion.joints)
    features = np.zeros((count, VISUAL_FEATURES), dtype=np.float32)
    if motion.flow_energy is None or count == 0:
        return features
    energy = low_pass(motion.flow_energy, fps=fps, cutoff_hz=6.0)
    energy = energy / max(float(np.percentile(energy, 90)), 1e-3)
    features[:, 0] = energy
    features[:, 1] = np.gradient(energy) * fps * 0.1 if count > 1 else 0.0
    features[:, 2] = energy - low_pass(energy, fps=fps, cutoff_hz=0.5)
    features[:, 3] = low_pass(energy, fps=fps, cutoff_hz=0.25)
    features[:, 4] = 1.0
    return np.clip(features, -4.0, 4.0)
