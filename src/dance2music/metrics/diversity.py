"""How different pieces are from each other and from what was trained on, as distances of embeddings.

A diversity figure alone means little: white noise scores it, too. It stands beside the same figure of real music and of the controls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dance2music.errors import InputError


def mean_pairwise_distance(embeddings: np.ndarray) -> float:
    """Dist_m of Creative-GAN (Huang et al. 2023, section 4.2 b): mean Euclidean distance over all pairs of pieces.

    The paper takes VGGish features of 30 generated pieces; which, how long, and which layer it does not say.

    Parameters
    ----------
    embeddings : float [n, D], one piece per row.

    Returns
    -------
    float >= 0, ``2 / (n (n - 1)) * sum_{i<j} |f_i - f_j|``; NaN for fewer than two pieces.

    Raises
    ------
    InputError
        If the array is not two-dimensional and finite.
    """
    x = _embeddings("embeddings", embeddings)
    n = len(x)
    if n < 2:
        return math.nan
    return float(distances(x, x).sum() / (n * (n - 1)))


def mean_distance_between(embeddings: np.ndarray, dances: Sequence[str]) -> float:
    """Dist_m of pieces of which several belong to one dance: the mean over all pairs of different dances.

    It is what `mean_pairwise_distance` of one piece per dance gives on average, whichever piece is drawn: the paper takes 30 pieces and has
    30 test dances.

    Parameters
    ----------
    embeddings : float [n, D]; dances : str [n], the dance of each.

    Returns
    -------
    float >= 0; NaN for fewer than two dances.

    Raises
    ------
    InputError
        If the embeddings are not two-dimensional and finite.
    """
    x = _embeddings("embeddings", embeddings)
    numbers = np.unique(np.asarray(dances), return_inverse=True)[1]
    names = int(numbers.max(initial=-1)) + 1
    if names < 2:
        return math.nan
    sums, counts = np.zeros((names, names)), np.zeros((names, names))
    np.add.at(sums, np.ix_(numbers, numbers), distances(x, x))
    np.add.at(counts, np.ix_(numbers, numbers), 1.0)
    apart = ~np.eye(names, dtype=bool)
    return float((sums[apart] / counts[apart]).mean())


def mean_distance_within(groups: Sequence[np.ndarray]) -> float:
    """Dist_m between takes of one dance: `mean_pairwise_distance` of each group of takes [n_i, D], averaged over the dances.

    Returns
    -------
    float >= 0; NaN where no dance has two takes. 0 says that a method gives the same music whatever the seed.
    """
    values = [mean_pairwise_distance(group) for group in groups if len(group) > 1]
    return float(np.mean(values)) if values else math.nan


def novelty(training: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Distance of each piece to the nearest training piece: Creative-GAN claims novelty (its abstract) and does not measure it.

    A piece at distance 0 is a copy. What is far may be new or may be noise: read it beside real music that was not trained on.

    Parameters
    ----------
    training, estimate : float [m, D], [n, D], embeddings.

    Returns
    -------
    float64 [n] >= 0; NaN for no training pieces.
    """
    training, estimate = _embeddings("training", training), _embeddings("estimate", estimate)
    return distances(estimate, training).min(axis=1) if len(training) else np.full(len(estimate), math.nan)


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances float64 [n, m] of rows [n, D] and [m, D]; 0 for equal rows, without the rounding of the expanded square."""
    from scipy.spatial.distance import cdist

    return cdist(a, b) if len(a) and len(b) else np.zeros((len(a), len(b)))


def _embeddings(name: str, values: np.ndarray) -> np.ndarray:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise InputError(f"{name}: shape {list(x.shape)}; expected finite embeddings [n, D], one piece per row")
    return x
