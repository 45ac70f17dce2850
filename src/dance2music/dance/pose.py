"""From frames to the Motion of each dancer: MediaPipe's networks for body, hands and face (`landmarks`), optical flow beside them.

In one pass over the frames `people.everybody` follows those who are seen; `people.identities` tells them apart. MediaPipe's own filter of
landmarks is causal and delays what it smooths; it is off, and joints are smoothed afterwards with zero phase: measured on filmed dances,
less jitter and no delay.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from dance2music.dance.flow import FlowMeter, flow_motion
from dance2music.dance.kinematics import low_pass
from dance2music.dance.landmarks import DETAILS, BodyEstimator, DetailEstimator
from dance2music.dance.skeleton import SKELETONS
from dance2music.dance.tracking import DETAIL_EVERY, Frame, Method
from dance2music.errors import InputError
from dance2music.people.bodies import MIN_VISIBILITY
from dance2music.people.crowd import MOST_FOLLOWED, Piece
from dance2music.people.dancers import numbered
from dance2music.people.everybody import watch_everybody
from dance2music.people.identities import Stretch, identities
from dance2music.types import Dancer, Motion, Span

log = logging.getLogger(__name__)

JOINT_CUTOFF_HZ = 7.0
"""Cut-off of the zero-phase low-pass on all joints: moves lie below 5 Hz; at 30 fps the jitter of the estimator lies mostly above."""

MIN_DANCER_SHARE = 0.3
"""With a dancer in fewer frames than this, motion is taken from the optical flow instead."""

_REACH_SECONDS = 0.07
"""Farther than this from any frame in which it was seen, a joint has confidence 0."""
LEAST_SECONDS = 1.0
"""Who is seen for less than this, and less than a tenth of the clip, is nobody."""
_SPAN_GAP_SECONDS = 0.5
"""Who is not found for no longer than this was not away."""


POSE_ESTIMATORS: dict[str, Method] = {
    "holistic": Method("holistic-83", BodyEstimator, DetailEstimator, BodyEstimator),
    "body": Method("blazepose-33", BodyEstimator, crowd=BodyEstimator),
}
"""Ways of finding joints, by name."""

_ANCHORS = (15, 16, 0)


def estimate(
    frames: Iterable[Frame], *, method: str = "holistic", fps: float = 30.0, progress: Callable[[float], None] | None = None
) -> Motion:
    """Follow the dancer through the frames of a video: of several the first of `estimate_dancers`, which has parameters and errors."""
    return estimate_dancers(frames, method=method, fps=fps, progress=progress)[0].motion


def estimate_dancers(
    frames: Iterable[Frame], *, method: str = "holistic", fps: float = 30.0, progress: Callable[[float], None] | None = None
) -> tuple[Dancer, ...]:
    """Follow everybody through the frames of a video.

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
    At least one, as `dancers.numbered` orders them, each with joints [T, J, 3] of the estimator's skeleton; or, if fewer than
    `MIN_DANCER_SHARE` of the frames show anybody, a single one with the motion of the picture itself as skeleton ``flow`` (see
    `flow.flow_motion`), seen nowhere, as ``source`` says and a warning in the log.

    Raises
    ------
    InputError
        If ``method`` is unknown or there are no frames.
    """
    if method not in POSE_ESTIMATORS:
        raise InputError(f"pose estimator: {method!r}; expected one of {', '.join(POSE_ESTIMATORS)}")
    flow = FlowMeter()
    taken: list[float] = []
    watched = watch_everybody(_measured(frames, flow, taken), POSE_ESTIMATORS[method], progress=progress)
    if not taken:
        raise InputError("video: no frames to look at; expected a video with at least one picture, is the file truncated?")
    times = np.asarray(taken)
    count = int(np.floor((times[-1] - min(times[0], 0.0)) * fps + 1e-6)) + 1
    grid = np.arange(count) / fps
    energy = flow.energy(grid).astype(np.float32)
    tables = _tables(watched.pieces, times, len(SKELETONS[POSE_ESTIMATORS[method].skeleton].joints))
    seen = [np.isfinite(table[:, 0, 3]) for table in tables]
    share = float(np.mean(np.any(seen, axis=0))) if tables else 0.0
    if share < MIN_DANCER_SHARE:
        log.warning("a dancer is seen in %.0f %% of the frames only; following the motion of the picture instead", 100 * share)
        told = f"optical flow (a dancer in {100 * share:.0f} % of the frames)"
        return (Dancer(flow_motion(flow, fps=fps, count=count, source=told), 0.0, 0.0, ()),)
    if watched.most > MOST_FOLLOWED:
        log.warning("%d people in the picture at once; of them %d are followed at a time", watched.most, MOST_FOLLOWED)
    found = []
    for table, here in zip(tables, seen):
        joints, confidence = _uniform(table, times, grid)
        joints /= watched.height
        joints[..., 1] = 1.0 - joints[..., 1]
        smooth = low_pass(joints, fps=fps, cutoff_hz=JOINT_CUTOFF_HZ, weights=confidence[..., None])
        motion = Motion(
            joints=smooth.astype(np.float32),
            confidence=confidence.astype(np.float32),
            fps=float(fps),
            skeleton=POSE_ESTIMATORS[method].skeleton,
            flow_energy=energy,
            source=f"mediapipe {method} (a dancer in {100 * np.mean(here):.0f} % of the frames)",
        )
        bodies = table[here, :33]
        size = float(np.median(np.ptp(bodies[..., 1], axis=1))) / watched.height
        found.append(Dancer(motion, size, float(bodies[..., 3].mean()), _spans(times, here)))
    return numbered(found)


def _tables(pieces: list[Piece], times: np.ndarray, joint_count: int) -> list[np.ndarray]:
    """Joints float [T, J, 4] of each person, NaN where it was not seen; of those who were there for a moment none."""
    people = identities(pieces, times)
    if len(people) < 2 and all(a.stop <= b.start for a, b in itertools.pairwise(pieces)):
        people = [[Stretch(piece, piece.start, piece.stop) for piece in pieces]]  # nobody else: everything that was found
    tables = []
    for parts in people:
        table = np.full((len(times), joint_count, 4), np.nan, dtype=np.float32)
        for piece, start, stop in parts:
            for frame in range(start, stop):
                row = _joined(piece.at(frame), piece.details.get(frame), joint_count)
                if row is not None and float(np.nanmean(row[:33, 3])) > MIN_VISIBILITY:
                    table[frame] = row
        tables.append(table)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    least = min(LEAST_SECONDS, 0.1 * len(times) * step)
    long = [table for table in tables if np.isfinite(table[:, 0, 3]).sum() * step >= least]
    return long or tables[:1]


def _spans(times: np.ndarray, seen: np.ndarray) -> tuple[Span, ...]:
    """From when to when somebody was there, by the frames in which it was seen, bool [T]."""
    at = times[seen]
    breaks = np.flatnonzero(np.diff(at) > _SPAN_GAP_SECONDS)
    begins, ends = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(at) - 1]])
    return tuple(Span(float(at[a]), float(at[b])) for a, b in zip(begins, ends))


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
