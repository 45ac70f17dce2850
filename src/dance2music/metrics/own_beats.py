"""How well music keeps the beats of the music that the dancer heard: annotated, told by the name of an AIST++ sequence, or heard in the
reference.

A method that makes music from motion alone can be scored by them: they are known to nobody who watches.
"""

from __future__ import annotations

import numpy as np


def own_beat_scores(own: np.ndarray, heard: np.ndarray, duration_seconds: float, *, n: int, seed: int) -> dict[str, float]:
    """How well the beats heard in music are those of the dancer's own, with the same at ``n`` random circular shifts as chance.

    Parameters
    ----------
    own, heard : float [m], [k], seconds.

    Returns
    -------
    dict with ``own_beat_f_70ms``, ``own_beat_f_120ms``, ``own_beat_f_shifted`` and ``own_beat_lift`` (at 70 ms above chance).
    """
    from dance2music.metrics.rhythm import beat_f

    shifts = np.random.default_rng(seed).uniform(0.0, duration_seconds, n)
    at_70, chance = beat_f(own, heard), float(np.mean([beat_f(own, (heard + shift) % duration_seconds) for shift in shifts]))
    return {
        "own_beat_f_70ms": at_70,
        "own_beat_f_120ms": beat_f(own, heard, window_seconds=0.12),
        "own_beat_f_shifted": chance,
        "own_beat_lift": at_70 - chance,
    }
