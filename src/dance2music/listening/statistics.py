"""Statistics of listening tests: opinion scores, win rates, their intervals, and agreement of raters. Pure functions of arrays.

Neither D2M-GAN (Table 1) nor Creative-GAN (Table 2) gives an interval with its scores. Answers of one listener, and answers on one
clip, are alike, so the bootstrap draws listeners and clips anew, not single answers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dance2music.errors import InputError

DRAWS = 2000
LEVEL = 0.95


class Interval(NamedTuple):
    """A value with the lower and upper end of its interval."""

    value: float
    low: float
    high: float


def mean_opinion_score(
    scores: np.ndarray, listeners: np.ndarray, clips: np.ndarray, *, level: float = LEVEL, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Mean of ratings with an interval by the pigeonhole bootstrap: listeners and clips are both drawn anew (Owen 2007).

    With one listener or one clip that axis has nothing to draw and the interval only covers the other one.

    Parameters
    ----------
    scores : float [n], ratings.
    listeners, clips : [n], whose rating of which clip it is; any values that compare equal where they are the same.
    level : float, share of draws that lies inside the interval.
    draws, seed : int

    Returns
    -------
    Interval

    Raises
    ------
    InputError
        If there are no ratings, or the lengths differ.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if not len(scores) or not len(scores) == len(listeners) == len(clips):
        raise InputError(
            f"ratings: {len(scores)} scores of {len(listeners)} listeners and {len(clips)} clips; expected one each, at least one"
        )
    rng = np.random.default_rng(seed)
    weights = np.ones((draws, len(scores)))
    for labels in (listeners, clips):
        index = np.unique(np.asarray(labels), return_inverse=True)[1]
        count = int(index.max()) + 1
        weights *= rng.multinomial(count, np.full(count, 1.0 / count), size=draws)[:, index]
    total = weights.sum(axis=1)
    means = (weights @ scores)[total > 0] / total[total > 0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(scores.mean()), float(low), float(high))


def wilson(wins: int, trials: int, *, level: float = LEVEL) -> Interval:
    """Share of wins with Wilson's score interval (Wilson 1927), which is sound for few trials and for shares of 0 and 1.

    It takes the votes as independent; `mean_opinion_score` of votes (0 or 1) does not.

    Raises
    ------
    InputError
        If ``trials`` is not positive or ``wins`` is outside 0..trials.
    """
    if trials < 1 or not 0 <= wins <= trials:
        raise InputError(f"wins: {wins} of {trials}; expected at least one trial and not more wins than trials")
    from scipy.stats import binomtest

    interval = binomtest(wins, trials).proportion_ci(level, method="wilson")
    return Interval(wins / trials, float(interval.low), float(interval.high))


def sign_test(wins: int, trials: int) -> float:
    """Two-sided exact p-value of a share of wins against one half; 1 without trials."""
    if not trials:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(wins, trials, 0.5).pvalue)


def krippendorff_alpha(ratings: np.ndarray, *, ordinal: bool = True) -> float:
    """Krippendorff's alpha: agreement of raters beyond chance, with missing ratings (Krippendorff 2011, "Computing alpha-reliability").

    1 is agreement, 0 is what chance gives, less is systematic disagreement. (The package ``krippendorff`` is under the GPL.)

    Parameters
    ----------
    ratings : float [raters, units], NaN where a rater did not rate a unit. Units with fewer than two ratings do not count.
    ordinal : if True, distances between ranks; if False, any two different values are equally far apart (nominal).

    Returns
    -------
    float; nan where no unit has two ratings or all ratings are the same, so that there is nothing to agree upon.

    Raises
    ------
    InputError
        If ``ratings`` is not two-dimensional.
    """
    ratings = np.asarray(ratings, dtype=np.float64)
    if ratings.ndim != 2:
        raise InputError(f"ratings: shape {ratings.shape}; expected [raters, units] with NaN where a rating is missing")
    ratings = ratings[:, (~np.isnan(ratings)).sum(axis=0) >= 2]
    values = np.unique(ratings[~np.isnan(ratings)])
    if len(values) < 2:
        return math.nan
    counts = (ratings[:, :, None] == values).sum(axis=0).astype(np.float64)  # [units, values]
    raters = counts.sum(axis=1, keepdims=True)
    coincidence = (counts / (raters - 1)).T @ counts - np.diag((counts / (raters - 1)).sum(axis=0))
    margin = coincidence.sum(axis=1)
    if ordinal:
        below = np.cumsum(margin) - margin / 2  # mean rank of each value
        distance = np.square(below[:, None] - below[None, :])
    else:
        distance = 1.0 - np.eye(len(values))
    observed = float((coincidence * distance).sum())
    expected = float((np.outer(margin, margin) * distance).sum()) / (margin.sum() - 1)
    return 1.0 - observed / expected
