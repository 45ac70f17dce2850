"""Composed, held-out dances in the layout of D2M-GAN's released TikTok data: lists and segments of two seconds, no genres, no pictures.

    python benchmarks/tiktok_layout.py OUT [--clips 30] [--seconds 8]

The dances are the held-out ones of ``dance2music data synthetic -n 300 --seed 1000000000 --seconds 8``, of which the papers' protocols on a
composed corpus are measured, too, each to a song of its own; their motion is brought to keypoints [60, 75] at 30 fps. ``OUT`` is read by
``dance2music data prepare OUT --dataset tiktok``. It has a test list only: what is shipped was not trained on any of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from dance2music.dance.openpose import KEYPOINT_FPS, openpose_layout
from dance2music.data.manifest import SAMPLE_RATE, SEGMENT_SECONDS
from dance2music.music.audio import save_wav
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.types import Audio

FIRST_SEED, HELD_OUT_EVERY = 1_000_000_000, 10
"""Of the corpus: one seed in so many is held out, the last of each ten."""


def write_clip(seed: int, number: int, seconds: float, folder: Path) -> list[str]:
    """Write the segments of a clip and return their names, ``COMPILATION_MUSIC_VIDEO_segK``."""
    clip = synthetic_clip(seed, duration_seconds=seconds, audio=True)
    keypoints, sound = openpose_layout(clip.motion), clip.audio.samples
    n_frames, n_samples = round(KEYPOINT_FPS * SEGMENT_SECONDS), round(SAMPLE_RATE * SEGMENT_SECONDS)
    names = []
    for k in range(int(seconds // SEGMENT_SECONDS)):
        name = f"{1:06d}_{number}_{number}_seg{k + 1}"
        np.save(folder / "motion_s2" / f"{name}.npy", keypoints[k * n_frames : (k + 1) * n_frames])
        save_wav(Audio(sound[:, k * n_samples : (k + 1) * n_samples], SAMPLE_RATE), folder / "audio_s2" / f"{name}.wav")
        names.append(name)
    return names


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    if arguments.clips < 1:
        parser.error(f"--clips {arguments.clips}: expected at least 1")
    if not SEGMENT_SECONDS <= arguments.seconds < float("inf"):
        parser.error(f"--seconds {arguments.seconds:g}: expected at least a segment of {SEGMENT_SECONDS:g}")
    for kind in ("motion_s2", "audio_s2"):
        (arguments.out / "tiktok" / kind).mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    for number in range(1, arguments.clips + 1):
        seed = FIRST_SEED + HELD_OUT_EVERY * number - 1
        names += write_clip(seed, number, arguments.seconds, arguments.out / "tiktok")
    for kind, suffix in (("audio", "wav"), ("motion", "npy")):
        lines = [f"./tiktok/{kind}_s2/{name}.{suffix}" for name in names]
        (arguments.out / f"tiktok_{kind}_test_segment.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{arguments.out}: {len(names)} segments of {arguments.clips} dances")


if __name__ == "__main__":
    main()
