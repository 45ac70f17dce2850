"""Watching a video: its dance as motion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dance2music.types import Motion

if TYPE_CHECKING:
    from dance2music.video.container import VideoInfo

WATCH_FPS = 24.0
"""Pictures per second of video that are looked at. Kinematic beats of filmed drawn dances agree with those of their true motion as well as
at 30 (benchmarks/RESULTS.md); the tracker's time is in proportion to it."""


def read_motion(video: str | Path | VideoInfo, *, progress: Callable[[float], None] | None = None) -> Motion:
    """Watch a dance video: pose, hands, face and motion energy, in one pass over its frames.

    Parameters
    ----------
    video : video file, or what `video.container.probe` found in it.
    progress : called with the share of the video that was watched, 0..1.

    Raises
    ------
    InputError
        If the file is no video, or ends too early.
    """
    from dance2music.dance.pose import estimate
    from dance2music.video.frames import probe, read_frames

    info = probe(video) if isinstance(video, str | Path) else video

    def share(time_seconds: float) -> None:
        if progress is not None:
            progress(min(1.0, time_seconds / info.duration_seconds))

    return estimate(read_frames(info, fps=WATCH_FPS), progress=share)
