"""Which of those who were seen the music is for, and how much each counts.

Dancers are numbered by their size times how long they were seen. Everybody counts by size, sureness, time and liveliness: who stands
still counts nothing, since there is no beat to be read, and a mirror image is one more dancer to the same beat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dance2music.dance.kinematics import FEATURE_SLICES, kinetic_velocity, motion_features
from dance2music.errors import InputError
from dance2music.types import Dancer, Motion, Span

ALL, LARGEST = "all", "largest"
STILL_SPEED, LIVELY_SPEED = 0.25, 0.6
"""Mean kinetic velocity, in body sizes per second, up to which somebody stands still, and from which on it dances: the estimator's jitter
on people in a still picture with noise (6 grey levels) is .07 to .11, four filmed dances have .75 to 1.6."""


def seen_seconds(dancer: Dancer) -> float:
    """How long a dancer was seen."""
    return sum(span.end_seconds - span.begin_seconds for span in dancer.seen)


def numbered(dancers: Sequence[Dancer]) -> tuple[Dancer, ...]:
    """The dancers in the order that their numbers are: by size times time seen, the greatest first; each with its share of the rhythm."""
    ordered = sorted(dancers, key=lambda dancer: -dancer.size * seen_seconds(dancer))
    return weighed(ordered)


def weighed(dancers: Sequence[Dancer]) -> tuple[Dancer, ...]:
    """The same dancers with their shares of the rhythm, which add up to 1."""
    if len(dancers) == 1:
        return (dancers[0]._replace(share=1.0),)
    value = np.array([dancer.size * dancer.sureness * seen_seconds(dancer) for dancer in dancers])
    lively = np.array([liveliness(dancer.motion) for dancer in dancers])
    if (value * lively).sum() > 0:
        value = value * lively
    return tuple(dancer._replace(share=float(share)) for dancer, share in zip(dancers, value / value.sum()))


def liveliness(motion: Motion) -> float:
    """0 for somebody who stands still, 1 for somebody who dances, by the mean kinetic velocity while it is seen."""
    seen = motion.confidence.mean(axis=1) > 0
    if not seen.any():
        return 0.0
    speed = float(kinetic_velocity(motion)[seen].mean())
    return float(np.clip((speed - STILL_SPEED) / (LIVELY_SPEED - STILL_SPEED), 0.0, 1.0))


def check_dancer(dancer: str) -> None:
    """Refuse what names no dancer: raises InputError."""
    if dancer not in (ALL, LARGEST) and not (dancer.isascii() and dancer.isdigit() and 1 <= int(dancer) <= 99):
        raise InputError(f"--dancer {dancer}: expected {ALL}, {LARGEST} or the number of a dancer, 1 for the most prominent")


def chosen(dancers: Sequence[Dancer], dancer: str = ALL) -> tuple[Dancer, ...]:
    """The same dancers, with the shares that they have when the music is for everybody, the largest or one of them.

    Parameters
    ----------
    dancers : as `numbered`.
    dancer : ``all``, ``largest`` or a number from 1.

    Raises
    ------
    InputError
        If there is no such dancer.
    """
    check_dancer(dancer)
    if dancer == ALL:
        return weighed(dancers)
    number = 1
    if dancer == LARGEST:
        number = 1 + int(np.argmax([one.size for one in dancers]))
    elif not any(one.seen for one in dancers):
        raise InputError(f"--dancer {dancer}: no dancer is seen; expected {ALL}, which follows the motion of the picture then")
    elif int(dancer) > len(dancers):
        there = "one dancer is" if len(dancers) == 1 else f"{len(dancers)} dancers are"
        raise InputError(f"--dancer {dancer}: {there} seen; expected a number from 1 to {len(dancers)}, {ALL} or {LARGEST}")
    else:
        number = int(dancer)
    return tuple(one._replace(share=float(k == number)) for k, one in enumerate(dancers, start=1))


def leading(dancers: Sequence[Dancer]) -> Dancer:
    """The one who counts most; of equals the first."""
    return max(dancers, key=lambda one: one.share)


def features_of_all(dancers: Sequence[Dancer], *, fps: float) -> np.ndarray:
    """`dance.kinematics.motion_features` [T, D_m] of the first dancer, with the speed of all: the mean, by share, of those there."""
    features = motion_features(dancers[0].motion, fps=fps)
    if len(dancers) == 1:
        return features
    block, seen = FEATURE_SLICES["kinetic"], FEATURE_SLICES["confidence"]
    each = np.stack([features, *(motion_features(one.motion, fps=fps) for one in dancers[1:])])
    weights = np.array([one.share for one in dancers])[:, None, None] * (each[:, :, seen] > 0)
    features[:, block] = (weights * each[:, :, block]).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9)
    return features


def of_motion(motion: Motion) -> Dancer:
    """The dancer of a motion that is no video's: seen from the first to the last frame in which any joint was."""
    seen = np.flatnonzero(motion.confidence.any(axis=1))
    if motion.skeleton == "flow" or not len(seen):
        return Dancer(motion, 0.0, 0.0, ())
    span = Span(float(seen[0]) / motion.fps, float(seen[-1] + 1) / motion.fps)
    return Dancer(motion, 1.0, float(motion.confidence[seen].mean()), (span,))
