"""Rhythm strictly: events matched one to one within tens of milliseconds, tempo, phase, continuity.

All functions are pure, take ``(reference, estimate)`` and count times in seconds; matching and continuity are mir_eval's (Raffel et al.
2014), with nothing trimmed at the start (mir_eval's own habit of leaving out the first 5 s would empty short clips). The reference is the
music's own beats or onsets, or a dancer's kinematic beats.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dance2music.metrics.rhythm import beat_f, check_times, nearest_distance

__all__ = ["OCTAVES", "Continuity", "beat_f", "continuity", "onset_f", "phase_error_ms", "tempo_error", "tempo_octave", "tempo_right"]

OCTAVES = (0.5, 1.0, 2.0)
"""Factors between tempi that name the same music: half time, as it is, double time."""

TEMPO_TOLERANCE = 0.04
"""Relative error of a tempo that is still right (MIREX)."""

ONSET_WINDOW_SECONDS = 0.05
"""mir_eval's default window for onsets; 0.07 is the one for beats."""


class Continuity(NamedTuple):
    """Shares of the beats tracked without a break (c) or in total (t), at the right metrical level (CML) or at an allowed one (AML)."""

    cml_c: float
    cml_t: float
    aml_c: float
    aml_t: float


def onset_f(reference: np.ndarray, estimate: np.ndarray, *, window_seconds: float = ONSET_WINDOW_SECONDS) -> float:
    """F-measure of onsets matched one to one within a window (Böck et al. 2012, as mir_eval computes it).

    Parameters
    ----------
    reference, estimate : float [m], [n], onsets in seconds, in any order.
    window_seconds : float, largest distance of a match.

    Returns
    -------
    float in 0..1; 0 where the estimate is empty, NaN where the reference is (nothing to find).

    Raises
    ------
    InputError
        If a list is not one-dimensional and finite.
    """
    import mir_eval

    reference, estimate = np.sort(check_times("reference", reference)), np.sort(check_times("estimate", estimate))
    if not len(reference):
        return math.nan
    if not len(estimate):
        return 0.0
    return float(mir_eval.onset.f_measure(reference, estimate, window=window_seconds)[0])


def tempo_octave(reference_bpm: float, estimate_bpm: float) -> float:
    """The factor of `OCTAVES` by which the estimate is nearest to the reference (in logarithm); NaN where a tempo is not positive."""
    if not (reference_bpm > 0 and estimate_bpm > 0):
        return math.nan
    return min(OCTAVES, key=lambda factor: abs(math.log(estimate_bpm / (factor * reference_bpm))))


def tempo_error(reference_bpm: float, estimate_bpm: float, *, octave: bool = False) -> float:
    """Relative error of a tempo, ``|estimate / reference - 1|``; with ``octave``, of the nearest of half, equal and double time.

    Returns
    -------
    float in 0..1, cut at 1; 1 where the estimate is 0 (no tempo was found), NaN where the reference is.
    """
    if not reference_bpm > 0:
        return math.nan
    if not estimate_bpm > 0:
        return 1.0
    factor = tempo_octave(reference_bpm, estimate_bpm) if octave else 1.0
    return min(1.0, abs(estimate_bpm / (factor * reference_bpm) - 1.0))


def tempo_right(reference_bpm: float, estimate_bpm: float, *, tolerance: float = TEMPO_TOLERANCE, octave: bool = False) -> float:
    """1 if `tempo_error` is at most ``tolerance`` (MIREX: 4 %), else 0; NaN where the reference has no tempo."""
    error = tempo_error(reference_bpm, estimate_bpm, octave=octave)
    return math.nan if math.isnan(error) else float(error <= tolerance)


def phase_error_ms(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Mean distance from each reference beat to the nearest estimated beat, in milliseconds, cut at half the reference's beat.

    Departs from a cyclic error (Davies et al. 2009): at a wrong tempo it does not average out, it tends to a quarter of the beat.

    Parameters
    ----------
    reference, estimate : float [m], [n], beats in seconds.

    Returns
    -------
    float in 0..half a beat; half a beat where the estimate is empty, NaN for fewer than two reference beats (no period).
    """
    reference, estimate = np.sort(check_times("reference", reference)), check_times("estimate", estimate)
    if len(reference) < 2:
        return math.nan
    half = float(np.median(np.diff(reference))) / 2
    if not len(estimate):
        return 1000.0 * half
    return 1000.0 * float(np.minimum(nearest_distance(reference, estimate), half).mean())


def continuity(reference: np.ndarray, estimate: np.ndarray) -> Continuity:
    """Continuity scores CMLc, CMLt, AMLc, AMLt (Hainsworth 2004; Klapuri et al. 2006; mir_eval): 17.5 % of phase and period.

    Parameters
    ----------
    reference, estimate : float [m], [n], beats in seconds.

    Returns
    -------
    Continuity, each in 0..1; all 0 for fewer than two estimated beats, all NaN for fewer than two reference beats.
    """
    import mir_eval

    reference, estimate = np.unique(check_times("reference", reference)), np.unique(check_times("estimate", estimate))
    if len(reference) < 2:
        return Continuity(*(math.nan,) * 4)
    if len(estimate) < 2:
        return Continuity(0.0, 0.0, 0.0, 0.0)
    return Continuity(*(float(v) for v in mir_eval.beat.continuity(reference, estimate)))
