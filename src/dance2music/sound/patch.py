"""What an instrument is: a voice that makes one held note, and how a player lets go of it.

A voice gives every note twice, played softly and played hard, with the same phases; a note of any velocity is a mixture of both, so that
velocity changes the timbre and not only the level (`voices`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tone:
    """One held note to be made: pitch in Hz, length in samples, a key for what is random in it, and the pitch that it glides from."""

    hz: float
    n_samples: int
    sample_rate: int
    key: int = 0
    from_hz: float | None = None


Voice = Callable[[Tone], np.ndarray]
"""Tone -> float32 [2, C, n_samples]: soft and hard; C is 1 (mono) or 2 (mid and side: left is mid + side, right is mid - side)."""


@dataclass(frozen=True)
class Patch:
    """A voice and its player.

    ``longest_seconds``: a note held longer has died away by then. ``release_seconds``: from the end of the note to silence.
    ``level_db``: relative to other patches at the same velocity. ``octave``: where it sounds, relative to what is written.
    ``glides``: connected notes slide. ``one_voice``: a new note cuts the one before.
    """

    voice: Voice
    longest_seconds: float = 12.0
    release_seconds: float = 0.12
    level_db: float = 0.0
    octave: int = 0
    glides: bool = False
    one_voice: bool = False
