"""A film of two drawn dancers with a sound of its own, and where the dancers truly are in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

SECONDS, SIZE, FPS, RATE_HZ = 4.0, (640, 360), 24.0, 48_000
PULSE_SECONDS = 1.5


class Duet(NamedTuple):
    """The film, and the middle of each dancer's trunk, float [T, 2, 2] in heights of the picture from its upper left corner."""

    path: Path
    trunks: np.ndarray


def draw_duet(folder: Path) -> Duet:
    """Two dancers who change places at 120 bpm; all that is heard is a pulse of a tenth of a second around `PULSE_SECONDS`."""
    from dance2music.synthetic.company import crossing, draw_company
    from dance2music.synthetic.drawing import write_pictures
    from dance2music.types import Audio
    from dance2music.video.mux import mux

    drawn = list(draw_company(crossing(3, np.arange(-8, 24) * 0.5, duration_seconds=SECONDS), size=SIZE, fps=FPS))
    drawn = drawn[: round(SECONDS * FPS)]
    write_pictures((one.image for one in drawn), folder / "silent.mp4", size=SIZE, fps=FPS)
    times = np.arange(round(RATE_HZ * SECONDS)) / RATE_HZ
    pulse = 0.5 * np.sin(2 * np.pi * 440 * times) * (np.abs(times - PULSE_SECONDS) < 0.05)
    mux(folder / "silent.mp4", Audio(np.stack([pulse, pulse]).astype(np.float32), RATE_HZ), folder / "duet.mp4")
    return Duet(folder / "duet.mp4", np.array([one.trunks for one in drawn]) / SIZE[1])
