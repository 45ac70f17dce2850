"""Watching a video: its dance as motion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dance2music.types import Motion

WATCH_FPS = 24.0
"""Pictures per second of video that are looked at. Kinematic beats of filmed drawn dances agree with those of their true motion as well as
at 30 (benchmarks/RESULTS.md); the tracker's time is in proportion to it."""


def read_motion(video: str | Path, *, progress: Callable[[float], None] | None = None) -> Motion:
    """Watch a dance video: pose, hands, face and motion energy, in one pass over its frames."""
    from dance2music.dance.pose import estimate
    from dance2music.video.frames import probe, read_frames

    duration = probe(video).duration_seconds

    def share(time_seconds: float) -> None:
        if progress is not None:
            progress(min(1.0, time_seconds / duration))

    return estimate(read_frames(video, fps=WATCH_FPS), progress=share)
