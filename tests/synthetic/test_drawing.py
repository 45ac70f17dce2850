"""Drawn videos: length, looks, errors, and that the pose estimator finds the dancer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.synthetic.choreography import dance
from dance2music.synthetic.drawing import Look, draw_frames, draw_video, example_dance, example_video
from dance2music.types import Motion

BEATS = np.arange(0.0, 3.0, 0.5)


def test_a_drawn_video_has_the_size_rate_and_length_asked_for(tmp_path: Path) -> None:
    import av

    motion = dance(BEATS, genre=5, seed=0, duration_seconds=2.0)
    draw_video(motion, tmp_path / "a.mp4", size=(320, 240), fps=25.0, seed=3)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        assert (stream.width, stream.height, float(stream.average_rate), frames) == (320, 240, 25.0, 50)


def test_drawing_is_deterministic_and_looks_differ_by_seed() -> None:
    motion = dance(BEATS, genre=1, seed=2, duration_seconds=0.5)

    def picture(seed: int) -> np.ndarray:
        return next(draw_frames(motion, size=(160, 120), fps=30.0, look=Look.draw(seed)))

    assert np.array_equal(picture(1), picture(1))
    assert np.abs(picture(1).astype(int) - picture(2)).mean() > 3.0


def test_the_dancer_is_drawn_where_its_joints_are() -> None:
    """The lower legs are trouser-coloured, and the picture moves with the motion."""
    motion = dance(BEATS, genre=7, seed=2, duration_seconds=2.0)
    frames = np.stack(list(draw_frames(motion, size=(320, 240), fps=10.0, look=Look())))
    trousers = np.abs(frames.astype(int) - Look().trousers).max(axis=-1) < 16
    assert 0.01 < trousers.mean() < 0.2
    assert np.abs(np.diff(frames.astype(int), axis=0)).max() > 50


def test_odd_sizes_and_flat_motions_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    motion = dance(BEATS, genre=5, seed=0, duration_seconds=0.5)
    with pytest.raises(InputError, match="321x240"):
        draw_video(motion, tmp_path / "a.mp4", size=(321, 240))
    flat = Motion(motion.joints[:, :, :2], motion.confidence, motion.fps, motion.skeleton)
    with pytest.raises(InputError, match="smpl-24 with 3-D"):
        draw_video(flat, tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_the_example_video_is_small_and_its_beats_are_exact(tmp_path: Path) -> None:
    rhythm = example_video(tmp_path / "dance.mp4", seconds=2.0)
    assert (tmp_path / "dance.mp4").stat().st_size < 400_000
    assert rhythm.time_at(np.array([4.0, 5.0, 8.0])) == pytest.approx([0.4, 0.9, 2.4])
    assert example_dance(2.0)[1].tempo_bpm == pytest.approx(120.0)


def test_the_pose_estimator_finds_the_drawn_dancer(tmp_path: Path) -> None:
    from dance2music.dance.pose import estimate
    from dance2music.video.frames import read_frames

    example_video(tmp_path / "dance.mp4", seconds=1.5)
    seen = estimate(read_frames(tmp_path / "dance.mp4"), method="body")
    assert seen.joints.shape[0] in (44, 45)
    assert seen.confidence.mean() > 0.75
    assert (seen.confidence.mean(axis=1) > 0.5).mean() > 0.95
