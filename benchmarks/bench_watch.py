"""What watching a dance costs in time and in kinematic beats: drawn dances, filmed, whose true motion is known.

    python benchmarks/bench_watch.py [--dances 20] [--fps 30 24 20] [--folder FOLDER] [--clips FOLDER]

Draws dances of 7 s (kept in ``--folder`` where that is given), watches each at so many pictures per second, and prints for each rate: F of
the kinematic beats at 70 and at 40 ms and their Beat Alignment, all against those of the true motion, with standard errors over dances, and
processor seconds per second of video. With ``--clips``, instead, how well the beats of real clips at these rates agree with each other.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from dance2music.dance.kinematics import kinematic_beats
from dance2music.dance.pose import estimate
from dance2music.metrics.rhythm import beat_alignment, beat_f
from dance2music.types import GENRES, Motion
from dance2music.video.frames import read_frames

SECONDS = 7.0
SIZE, FPS = (960, 540), 60.0


def true_dance(seed: int) -> Motion:
    """A dance on a regular beat of 83 to 133 bpm."""
    from dance2music.synthetic.choreography import dance

    period = float(np.random.default_rng(seed).uniform(0.45, 0.72))
    return dance(np.arange(-1.0, SECONDS + 2.0, period), genre=seed % len(GENRES), seed=100 + seed, duration_seconds=SECONDS)


def filmed(seed: int, folder: Path) -> Path:
    """The video of that dance, drawn where it is not there yet."""
    from dance2music.synthetic.drawing import Look, draw_video

    path = folder / f"dr{seed}.mp4"
    if not path.exists():
        draw_video(true_dance(seed), path, size=SIZE, fps=FPS, look=Look.draw(seed))
    return path


def watched(path: Path, fps: float) -> tuple[np.ndarray, float]:
    """Kinematic beats in seconds of a video, and the processor seconds that watching it took."""
    begun = time.process_time()
    motion = estimate(read_frames(path, fps=fps))
    return kinematic_beats(motion), time.process_time() - begun


def with_error(values: list[float]) -> str:
    """Mean and standard error."""
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dances", type=int, default=20)
    parser.add_argument("--fps", type=float, nargs="+", default=[30.0, 24.0, 20.0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--clips", type=Path)
    options = parser.parse_args()
    if options.clips is not None:
        paths = sorted(options.clips.glob("*.mp4"))
        heard = {fps: [watched(path, fps)[0] for path in paths] for fps in options.fps}
        for a in options.fps:
            others = [f"{b:g}: {with_error([beat_f(x, y) for x, y in zip(heard[a], heard[b])])}" for b in options.fps if b != a]
            print(f"{a:g} pictures per second, F at 70 ms with those at", "; ".join(others))
        return
    rows: dict[float, list[tuple[float, ...]]] = {fps: [] for fps in options.fps}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if options.folder is None else options.folder
        for seed in range(options.dances):
            path, truth = filmed(seed, folder), kinematic_beats(true_dance(seed))
            for fps in options.fps:
                beats, seconds = watched(path, fps)
                scores = beat_f(truth, beats), beat_f(truth, beats, window_seconds=0.04), beat_alignment(truth, beats)
                rows[fps].append((*scores, seconds / SECONDS))
    print(f"{options.dances} drawn dances of {SECONDS:g} s, {SIZE[0]}x{SIZE[1]}, {FPS:g} frames/s")
    print("| pictures per second | F at 70 ms | F at 40 ms | Beat Alignment | processor s per s |\n|---|---|---|---|---|")
    for fps, values in rows.items():
        print(f"| {fps:g} | " + " | ".join(with_error(list(column)) for column in zip(*values)) + " |")


if __name__ == "__main__":
    main()
