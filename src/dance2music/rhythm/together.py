"""The rhythm of several dancers who dance to one music: what each of them says of the beat, weighed and added up.

In every window dancers count by their share (`people.dancers`) and by how much of them was seen in it; the weights of a window add up to 1,
so that two dancers are not surer of a beat than one: they may be a dancer and a mirror.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dance2music.rhythm.evidence import Window, make_windows
from dance2music.rhythm.network import RhythmModel
from dance2music.types import Dancer, Motion

HEARD_SHARE = 0.5
"""Dancers with at least this part of the greatest share are followed by hundredths of a second."""


def windows_of_all(
    motion: Motion, others: Sequence[Dancer], share: float, centres: np.ndarray, width: float, network: RhythmModel | None
) -> list[Window]:
    """`evidence.make_windows`, around ``centres`` float [n], of a dancer with this share of the rhythm, in the company of others; without
    others just that."""
    windows = make_windows(motion, centres, width, network)
    if not others:
        return windows
    company = [make_windows(other.motion, centres, width, network) for other in others]
    dancers = [(motion, share), *((other.motion, other.share) for other in others)]
    found = []
    for k, centre in enumerate(centres):
        weights = np.array([part * _seen(moved, float(centre), width) for moved, part in dancers])
        if not weights.sum() > 0:
            weights = np.array([part for _, part in dancers])
        weights = weights / weights.sum()
        here = [windows[k], *(each[k] for each in company)]
        weighed = tuple(replace(window, weight=float(weight)) for window, weight in zip(here, weights))
        downbeats = [(w.weight, w.downbeat_probability) for w in weighed if w.downbeat_probability is not None]
        heard = np.asarray(sum(weight * values for weight, values in downbeats)) if downbeats else None
        found.append(replace(weighed[0], company=weighed[1:], downbeat_probability=heard))
    return found


def _seen(motion: Motion, centre_seconds: float, width_seconds: float) -> float:
    """Mean confidence of a dancer's joints in a window over that in all of the clip."""
    confidence = motion.confidence.mean(axis=1)
    begin, end = ((centre_seconds + side * width_seconds / 2) * motion.fps for side in (-1, 1))
    inside = confidence[max(0, round(begin)) : max(1, round(end))]
    return float(inside.mean() / max(confidence.mean(), 1e-9)) if len(inside) else 0.0


def followed(motion: Motion, others: Sequence[Dancer], share: float) -> list[Motion]:
    """The dances that beats are bent towards: of the dancers who count most."""
    return [motion, *(other.motion for other in others if other.share >= HEARD_SHARE * share)]
