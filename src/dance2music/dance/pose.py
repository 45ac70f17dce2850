"""From frames to a Motion: MediaPipe Holistic for body, hands and face, optical flow beside it, all in one pass over the frames.

MediaPipe follows one person: of several dancers the one that its detector prefers in the first frame, usually the largest; `tracking`
keeps it to that one. MediaPipe's own landmark filter is causal and delays what it smooths; it is off, and joints are smoothed afterwards
with zero phase: measured on filmed dances, less jitter and no delay.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from dance2music.dance.kinematics import low_pass
from dance2music.dance.skeleton import FACE_MESH_INDEX, SKELETONS
from dance2music.dance.tracking import DETAIL_EVERY, Frame, Method, tracked
from dance2music.dance.visual import FlowMeter, flow_motion
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


class BodyEstimator:
    """MediaPipe Pose: 33 points of the body."""

    def __init__(self) -> None:
        with _quiet():
            self._pose = _mediapipe().solutions.pose.Pose(model_complexity=1, smooth_landmarks=False)
            self.forget()

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        found = _look(self._pose, image).pose_landmarks
        return None if found is None else _pixels(found.landmark, image.shape)

    def forget(self) -> None:
        self._pose.process(_BLANK)  # a tracker that sees an empty picture loses the dancer and starts from its detector


class DetailEstimator:
    """MediaPipe Holistic, of which hands and face are kept: the joints of ``holistic-83`` after the body's, then wrists and nose
    of the body that they are on (53 in all)."""

    def __init__(self) -> None:
        with _quiet():
            self._holistic = _mediapipe().solutions.holistic.Holistic(model_complexity=1, smooth_landmarks=False)
            self.forget()

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        found = _look(self._holistic, image)
        if found.pose_landmarks is None:
            return None
        joints = np.full((_DETAILS + 3, 4), np.nan, dtype=np.float32)
        for start, hand in ((0, found.left_hand_landmarks), (21, found.right_hand_landmarks)):
            if hand is not None:
                joints[start : start + 21] = _pixels(hand.landmark, image.shape)
        if found.face_landmarks is not None:
            joints[42:_DETAILS] = _pixels([found.face_landmarks.landmark[i] for i in FACE_MESH_INDEX], image.shape)
        joints[:_DETAILS, 3] = np.where(np.isfinite(joints[:_DETAILS, 3]), _DETAIL_CONFIDENCE, np.nan)
        joints[_DETAILS:] = _pixels([found.pose_landmarks.landmark[i] for i in _ANCHORS], image.shape)
        return joints

    def forget(self) -> None:
        self._holistic.process(_BLANK)


POSE_ESTIMATORS: dict[str, Method] = {
    "holistic": Method("holistic-83", BodyEstimator, DetailEstimator),
    "body": Method("blazepose-33", BodyEstimator),
}
"""Ways of finding joints, by name."""

_DETAILS = 21 + 21 + len(FACE_MESH_INDEX)
_ANCHORS = (15, 16, 0)
_DETAIL_CONFIDENCE = 0.9
_BLANK = np.zeros((64, 64, 3), dtype=np.uint8)


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
    of the picture itself as skeleton ``flow`` (see `visual.flow_motion`), as ``source`` says and a warning in the log.

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
    for chunk, bodies, details in tracked(_measured(frames, flow, times), POSE_ESTIMATORS[method]):
        height = float(chunk.images[0].shape[0])
        rows += [_joined(body, detail, joint_count) for body, detail in zip(bodies, details)]
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
        for anchor, start, stop, owner in zip(_ANCHORS, (0, 21, 42), (21, 42, _DETAILS), detail[_DETAILS:]):
            part = detail[start:stop]
            close = np.linalg.norm(part[:, :2].mean(0) - body[anchor, :2]) < torso
            if close and np.linalg.norm(owner[:2] - body[anchor, :2]) < 0.5 * torso:  # else they are somebody else's
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


def _pixels(landmarks: Any, shape: tuple[int, ...]) -> np.ndarray:
    """MediaPipe landmarks as float32 [n, 4]: x, y, z in pixels, visibility."""
    rows = [(p.x * shape[1], p.y * shape[0], p.z * shape[1], p.visibility) for p in landmarks]
    return np.array(rows, dtype=np.float32)


def _look(solution: Any, image: np.ndarray) -> Any:
    """What a solution finds in an image. The first body that a process finds is worth another warning to MediaPipe, whoever finds it."""
    if _stderr.greeted:
        return solution.process(image)
    with _quiet():
        found = solution.process(image)
    _stderr.greeted = _stderr.greeted or found.pose_landmarks is not None
    return found


def _mediapipe() -> Any:
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet():
        import mediapipe

    return mediapipe


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Send what C++ libraries write to file descriptor 2 to nowhere: MediaPipe greets with a page of warnings at every start."""
    with _stderr.lock:
        if _stderr.depth == 0:
            try:
                _stderr.saved = os.dup(2)
            except OSError:  # no standard error at all
                _stderr.saved = None
            else:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 2)
                os.close(null)
        _stderr.depth += 1
    try:
        yield
    finally:
        with _stderr.lock:
            _stderr.depth -= 1
            if _stderr.depth == 0 and _stderr.saved is not None:
                os.dup2(_stderr.saved, 2)
                os.close(_stderr.saved)


class _Stderr:
    """Who has silenced file descriptor 2: threads may do so at once, the last one to finish restores it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.saved: int | None = None
        self.greeted = False


_stderr = _Stderr()
