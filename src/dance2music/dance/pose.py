"""From frames to a Motion: MediaPipe for body, hands and face (`landmarks`), optical flow beside it, all in one pass over the frames.

MediaPipe follows one person: of several dancers the one that its detector prefers in the first frame, usually the largest; `tracking`
keeps it to that one. MediaPipe's own landmark filter is causal and delays what it smooths; it is off, and joints are smoothed afterwards
with zero phase: measured on filmed dances, less jitter and no delay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from dance2music.dance.flow import FlowMeter, flow_motion
from dance2music.dance.kinematics import low_pass
from dance2music.dance.landmarks import DETAILS, BodyEstimator, DetailEstimator
from dance2music.dance.skeleton import SKELETONS
from dance2music.dance.tracking import DETAIL_EVERY, Frame, Method, tracked
from dance2music.errors import InputError
from dance2music.types import Motion

log = logging.getLogger(__name__)

JOINT_CUTOFF_HZ = 7.0
"""Cut-off of the zero-phase low-pass on all joints: moves lie below 5 Hz; at 30 fps the jitter of the estimator lies mostly above."""

MIN_DANCER_SHARE = 0.3
"""With a dancer in fewer frames than this, motion is taken from the optical flow instead."""

_REACH_SECONDS = 0.07
"""Farther than this from any frame in which it was seen, a joint has confidence 0."""
_MIN_VISIBILITY = 0.3


POSE_ESTIMATORS: dict[str, Method] = {
    "holistic": Method("holistic-83", BodyEstimator, DetailEstimator),
    "body": Method("blazepose-33", BodyEstimator),
}
"""Ways of finding joints, by name."""

_ANCHORS = (15, 16, 0)


def estimate(
    frames: Iterable[Frame], *, method: str = "holistic", fps: float = 30.0, progress: Callable[[float], None] | None = None
) -> Motion:
    """Follow the dancer through the frames of a video.

    Joints are in units of the image height: x to the right from the left edge, y up from the lower edge, z depth relative to the hips
    (smaller is nearer to the camera). Gaps are interpolated and have confidence 0. ``flow_energy`` comes from the same pass.

    Parameters
    ----------
    frames : iterable of `Frame`, in order of time; read once, never held for longer than a few seconds.
    method : str, a key of `POSE_ESTIMATORS`.
    fps : float, of the Motion; time stamps of the frames may lie anywhere.
    progress : called now and then with the seconds of video done.

    Returns
    -------
    Motion, joints [T, J, 3] with the estimator's skeleton; or, if fewer than `MIN_DANCER_SHARE` of the frames show a dancer, the motion
    of the picture itself as skeleton ``flow`` (see `flow.flow_motion`), as ``source`` says and a warning in the log.

    Raises
    ------
    InputError
        If ``method`` is unknown or there are no frames.
    """
    if method not in POSE_ESTIMATORS:
        raise InputError(f"pose estimator: {method!r}; expected one of {', '.join(POSE_ESTIMATORS)}")
    flow = FlowMeter()
    times: list[float] = []
    rows: list[np.ndarray | None] = []
    name = POSE_ESTIMATORS[method].skeleton
    joint_count = len(SKELETONS[name].joints)
    height = 0.0
    for part in tracked(_measured(frames, flow, times), POSE_ESTIMATORS[method]):
        height = float(part.height)
        rows += [_joined(body, detail, joint_count) for body, detail in zip(part.bodies, part.details)]
        if progress is not None:
            progress(times[len(rows) - 1])
    if not times:
        raise InputError("video: no frames to look at; expected a video with at least one picture, is the file truncated?")
    count = int(np.floor((times[-1] - min(times[0], 0.0)) * fps + 1e-6)) + 1
    grid = np.arange(count) / fps
    energy = flow.energy(grid)
    seen = [row is not None and float(np.nanmean(row[:33, 3])) > _MIN_VISIBILITY for row in rows]
    share = float(np.mean(seen))
    if share < MIN_DANCER_SHARE:
        log.warning("a dancer is seen in %.0f %% of the frames only; following the motion of the picture instead", 100 * share)
        return flow_motion(flow, fps=fps, count=count, source=f"optical flow (a dancer in {100 * share:.0f} % of the frames)")
    empty = np.full((joint_count, 4), np.nan, dtype=np.float32)
    table = np.stack([row if row is not None and ok else empty for row, ok in zip(rows, seen)])
    joints, confidence = _uniform(table, np.asarray(times), grid)
    joints /= height
    joints[..., 1] = 1.0 - joints[..., 1]
    smooth = low_pass(joints, fps=fps, cutoff_hz=JOINT_CUTOFF_HZ, weights=confidence[..., None])
    return Motion(
        joints=smooth.astype(np.float32),
        confidence=confidence.astype(np.float32),
        fps=float(fps),
        skeleton=name,
        flow_energy=energy.astype(np.float32),
        source=f"mediapipe {method} (a dancer in {100 * share:.0f} % of the frames)",
    )


def _joined(body: np.ndarray | None, detail: np.ndarray | None, count: int) -> np.ndarray | None:
    """Joints [count, 4] of the body [33, 4] and of the hands and face that are on it; NaN where none were looked for or found."""
    if body is None:
        return None
    joints = np.full((count, 4), np.nan, dtype=np.float32)
    joints[:33] = body
    if detail is not None:
        torso = float(np.linalg.norm(body[11:13, :2].mean(0) - body[23:25, :2].mean(0)))
        for anchor, start, stop in zip(_ANCHORS, (0, 21, 42), (21, 42, DETAILS)):
            part = detail[start:stop]
            if np.linalg.norm(part[:, :2].mean(0) - body[anchor, :2]) < torso:  # else they are somebody else's
                joints[33 + start : 33 + stop] = part
                joints[33 + start : 33 + stop, 2] += body[anchor, 2]
    return joints


def _uniform(table: np.ndarray, times: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints [T', J, 4] at arbitrary times to joints [T, J, 3] and confidence [T, J] at the times of the grid; gaps have confidence 0."""
    joints = np.zeros((len(grid), table.shape[1], 3))
    confidence = np.zeros((len(grid), table.shape[1]))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    fallback = np.nanmean(table[..., :3], axis=(0, 1))
    for j in range(table.shape[1]):
        known = np.isfinite(table[:, j, 3])
        if not known.any():
            joints[:, j] = fallback
            continue
        at, values = times[known], table[known, j]
        for axis in range(3):
            joints[:, j, axis] = np.interp(grid, at, values[:, axis])
        far = np.abs(grid[:, None] - at[np.clip(np.searchsorted(at, grid)[:, None] - [1, 0], 0, len(at) - 1)]).min(axis=1)
        reach = max(_REACH_SECONDS, 0.75 * step * (DETAIL_EVERY if j >= 33 else 1))
        confidence[:, j] = np.where(far <= reach, np.interp(grid, at, values[:, 3]), 0.0)
    return joints, np.clip(confidence, 0.0, 1.0)


def _measured(frames: Iterable[Frame], flow: FlowMeter, times: list[float]) -> Iterator[Frame]:
    """The same frames, with their flow and time taken down in passing; frames that do not advance in time are left out."""
    for frame in frames:
        if times and frame.time_seconds <= times[-1]:
            continue
        times.append(float(frame.time_seconds))
        flow.add(frame.image, frame.time_seconds)
        yield frame
