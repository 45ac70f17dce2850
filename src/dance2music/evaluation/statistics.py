"""How sure a mean over clips is: bootstrap intervals (scipy's) and permutation tests, seeded."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from dance2music.evaluation.results import Interval
from dance2music.seeds import Resampling

CONFIDENCE = 0.95
RESAMPLES = 2000


def bootstrap_interval(values: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES, p: float | None = None) -> Interval:
    """Mean with its percentile bootstrap interval over clips (Efron 1979).

    Parameters
    ----------
    values : float [n], one per clip; NaN (undefined) is left out. Windows of one clip belong averaged first: they are not independent.
    seed, resamples : int.
    p : handed on into the result.

    Returns
    -------
    Interval at `CONFIDENCE`; all NaN for no value, and without bounds for one, which says nothing of others.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return Interval(math.nan, math.nan, math.nan, 0, p)
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, math.nan, math.nan, 1, p)
    from scipy.stats import bootstrap

    rng = np.random.default_rng([seed, Resampling.BOOTSTRAP])
    found = bootstrap((values,), np.mean, n_resamples=resamples, confidence_level=CONFIDENCE, method="percentile", rng=rng)
    return Interval(mean, float(found.confidence_interval.low), float(found.confidence_interval.high), len(values), p)


def bootstrap_set(statistic: Callable[[np.ndarray], float], n: int, *, seed: int = 0, resamples: int = 200) -> Interval:
    """A value of a whole set with its bootstrap interval: ``statistic`` is called with the indices int [n] of the clips of a resample.

    NaN for no clip; without bounds for one, and where resamples have one value or none, as the distance between two dances. A statistic
    that counts distances (diversity, Fréchet) is biased by the doubles in a resample, so the interval is moved to have its middle at the
    value of the whole set (basic form of the bootstrap would double that bias).
    """
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    value = statistic(np.arange(n))
    if not math.isfinite(value):
        return Interval(math.nan, math.nan, math.nan, n)
    if n == 1:
        return Interval(value, math.nan, math.nan, n)
    from scipy.stats import bootstrap

    rng = np.random.default_rng([seed, Resampling.BOOTSTRAP])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a resample of one dance has no value of some statistics; those are left out below
        found = bootstrap((np.arange(n),), statistic, n_resamples=resamples, vectorized=False, method="percentile", rng=rng)
    drawn = found.bootstrap_distribution[np.isfinite(found.bootstrap_distribution)]
    if not len(drawn) or (len(drawn) < len(found.bootstrap_distribution) and np.ptp(drawn) == 0):
        return Interval(value, math.nan, math.nan, n)
    low, high = np.quantile(drawn, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)) - np.median(drawn)
    return Interval(float(value), float(value + low), float(value + high), n)


def paired_difference(a: np.ndarray, b: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Mean of ``a - b`` over clips with its bootstrap interval and the two-sided p-value of a sign-flip permutation test.

    Parameters
    ----------
    a, b : float [n], values of the same clips in the same order; pairs with a NaN are left out.

    Returns
    -------
    Interval; ``p`` is (1 + flips whose absolute mean reaches the observed one) / (1 + flips) (Phipson and Smyth 2010), 1 for no clip.
    """
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    difference = difference[np.isfinite(difference)]
    if not len(difference):
        return Interval(math.nan, math.nan, math.nan, 0, 1.0)
    signs = np.random.default_rng([seed, Resampling.SIGNS]).integers(0, 2, (resamples, len(difference))) * 2 - 1
    flipped = np.abs((signs * difference).mean(axis=1))
    p = float((1 + np.count_nonzero(flipped >= abs(difference.mean()) - 1e-12)) / (1 + resamples))
    return bootstrap_interval(difference, seed=seed, resamples=resamples, p=p)


def excludes_zero(interval: Interval) -> bool:
    """True if the interval lies wholly on one side of zero; False where it is undefined."""
    return interval.low > 0 or interval.high < 0
