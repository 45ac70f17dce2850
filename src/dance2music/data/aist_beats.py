"""The beats of the pieces of AIST++: motion and piece begin together, the piece with a beat and a downbeat, and its name tells the tempo.

So the beats that a dancer heard are known exactly but for where in the first twentieth of a second the first one sounds, which the piece
tells where it is given.
"""

from __future__ import annotations

import numpy as np

from dance2music.data.aist import AistName
from dance2music.errors import InputError

TEST_PIECES: tuple[str, ...] = ("mBR0", "mHO5", "mJB5", "mJS3", "mKR2", "mLH4", "mLO2", "mMH3", "mPO1", "mWA0")
"""Pieces of the official cross-modal validation and test splits: nothing is trained on dances to them."""
FIRST_BEAT_SECONDS = 0.04
"""Where the first beat of a piece of AIST++ sounds; in those that are read right beats are flagged at .03 to .05 s."""
_CLEAR = 0.5
"""Mean resultant length of the heard beats from which on they place the grid."""
_NEAR_SECONDS = 0.1
"""A place this far from `FIRST_BEAT_SECONDS` is an error of hearing."""


def beats_by_name(dance: str, duration_seconds: float, heard: np.ndarray | None = None) -> np.ndarray | None:
    """Beats float64 [n] in seconds of the piece of an AIST++ sequence (any camera), or None for other names.

    Parameters
    ----------
    dance : name of the sequence.
    duration_seconds : of the music.
    heard : float [m], beats heard in the piece, in seconds; they place the grid where they are clear.
    """
    try:
        name = AistName.parse(dance)
    except InputError:
        return None
    period = 60.0 / name.tempo_bpm
    first = FIRST_BEAT_SECONDS
    if heard is not None and len(heard):
        mean = np.exp(2j * np.pi * heard / period).mean()
        placed = float(np.angle(mean)) / (2 * np.pi) * period
        first = placed if abs(mean) > _CLEAR and abs(placed - FIRST_BEAT_SECONDS) < _NEAR_SECONDS else first
    beats = first + period * np.arange(np.ceil((duration_seconds - first) / period))
    return np.asarray(beats[(beats >= 0.0) & (beats < duration_seconds)], dtype=np.float64)
