"""Where in the beat the limbs of real and of drawn dancers slow down, and how far that stands out of their movement.

    DANCE2MUSIC_SHARED=DIR python benchmarks/motion_statistics.py [--items 200]

For the dances of AIST++ in DIR/data (looked at, never trained on), for drawn dances that are perturbed as in training, and for drawn dances
as they are, with the timing of real ones: per level of `rhythm.limbs.LEVELS` and limb the mean resultant length of the phase over dancers
(1: all alike, 0: any), where in the beat that phase lies, and the median height of the component over the noise around it.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from dance2music.dance.motion_files import load_motion
from dance2music.data.aist_beats import beats_by_name
from dance2music.recipe.rhythm_items import draw_item
from dance2music.rhythm.evidence import FEATURE_FPS
from dance2music.rhythm.limbs import LEVELS, WITNESSES, components, limb_curves
from dance2music.seeds import HELD_OUT_DANCES
from dance2music.types import Motion

DRAWN_SECONDS = 10.0


def at_the_beat(motion: Motion, beats_seconds: np.ndarray) -> np.ndarray:
    """Components complex [K, W] of the limbs at each level relative to the beats [n], in standard deviations of the noise."""
    curves = limb_curves(motion, FEATURE_FPS)
    count = curves.values.shape[1]
    middle = (count - 1) / 2 / FEATURE_FPS
    times = np.arange(count) / FEATURE_FPS - middle
    step = float(np.median(np.diff(beats_seconds)))
    phase = (middle - beats_seconds[0]) / step
    found = []
    for level in LEVELS:
        component, variance = components(curves, times, np.array([level / step]))
        found.append(component[:, 0] * np.exp(-2j * np.pi * level * phase) / np.sqrt(variance[:, 0]))
    return np.array(found)


def show(title: str, found: list[np.ndarray]) -> None:
    """A line per level of the components complex [K, W] of some dances."""
    values = np.array(found)
    print(f"{title}, n = {len(values)}")
    for k, level in enumerate(LEVELS):
        mean = (values[:, k] / np.abs(values[:, k])).mean(axis=0)
        heights = np.median(np.abs(values[:, k]), axis=0)
        place = np.angle(mean) / (2 * np.pi * level)
        cells = (f"{name} {abs(m):.2f} at {p:+.2f}, {h:.1f}" for name, m, p, h in zip(WITNESSES, mean, place, heights))
        print(f"  {level:g} per beat: " + "; ".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200)
    options = parser.parse_args()
    shared = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
    real = []
    for path in sorted([*(shared / "aistpp").glob("*.npz"), *(shared / "aist_long").glob("*.npz")]):
        motion = load_motion(path)
        beats = beats_by_name(path.stem, motion.duration_seconds)
        assert beats is not None
        real.append(at_the_beat(motion, beats))
    if real:
        show("real", real)
    for title, augmented in (("drawn and perturbed", True), ("drawn", False)):
        items = (draw_item(HELD_OUT_DANCES + i, seconds=DRAWN_SECONDS, augmented=augmented) for i in range(options.items))
        show(title, [at_the_beat(item.motion, item.beat_times_seconds) for item in items])


if __name__ == "__main__":
    main()
