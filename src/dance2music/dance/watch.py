"""Watching a video: its dance as motion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dance2music.types import Dancer, Motion

if TYPE_CHECKING:
    from dance2music.video.container import VideoInfo

WATCH_FPS = 24.0
"""Pictures per second of video that are looked at. Kinematic beats of filmed drawn dances agree with those of their true motion as well as
at 30 (benchmarks/RESULTS.md); the tracker's time is in proportion to it."""


def read_dancers(
    video: str | Path | VideoInfo, *, details: bool = True, progress: Callable[[float], None] | None = None
) -> tuple[Dancer, ...]:
    """Watch a dance video: pose, hands, face and motion energy of everybody in it, in one pass over its frames.

    Parameters
    ----------
    video : video file, or what `video.container.probe` found in it.
    details : whether hands and face are looked at, too: they take an eighth of the time, and no rhythm is read from them.
    progress : called with the share of the video that was watched, 0..1.

    Returns
    -------
    At least one, the most prominent first, each with its share of the rhythm (`people.dancers`); where nobody is seen for most of the video
    a single one that is the motion of the picture, seen nowhere.

    Raises
    ------
    InputError
        If the file is no video, or ends too early.
    """
    from dance2music.dance.pose import estimate_dancers
    from dance2music.video.frames import probe, read_frames

    info = probe(video) if isinstance(video, str | Path) else video

    def share(time_seconds: float) -> None:
        if progress is not None:
            progress(min(1.0, time_seconds / info.duration_seconds))

    return estimate_dancers(read_frames(info, fps=WATCH_FPS), method="holistic" if details else "body", progress=share)


def read_motion(video: str | Path | VideoInfo, *, details: bool = True, progress: Callable[[float], None] | None = None) -> Motion:
    """Watch a dance video for one dancer: the motion of the first of `read_dancers`, which has parameters and errors."""
    return read_dancers(video, details=details, progress=progress)[0].motion
