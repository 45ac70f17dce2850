"""Which differences between two evaluations are beyond noise: paired by dance where both have the same ones, corrected for many metrics."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dance2music.documents import finite
from dance2music.errors import InputError
from dance2music.evaluation.catalogue import METRICS
from dance2music.evaluation.results import Interval, Results, counted
from dance2music.evaluation.statistics import CONFIDENCE, RESAMPLES, paired_difference
from dance2music.experiments.formats import layout
from dance2music.seeds import Resampling

MAIN = (
    "onset_f_50ms", "beat_f_70ms", "tempo_right_octave", "phase_error_ms", "lift", "lift_beats", "kinematic_beat_f", "genre_classifier",
    "noise_likeness", "key_clarity", "groove_consistency",
)  # fmt: skip
"""What is tested unless told otherwise: sync, genre and sound, one or two metrics each. The published beat scores are not among them."""

LEVEL = 0.05
MIN_PAIRS = 2


@dataclass(frozen=True)
class Difference:
    """One metric of two methods.

    Attributes
    ----------
    metric, label, better : as in the results.
    a, b : mean over dances.
    difference : mean of a - b with its 95 % bootstrap interval, n and p-value; of pairs where ``paired``.
    p_holm : p-value corrected for all metrics that were tested (Holm 1979).
    verdict : 'a', 'b' (that one is better beyond noise), 'differs' (where neither is better) or '' (within noise).
    """

    metric: str
    label: str
    better: str
    a: float
    b: float
    difference: Interval
    paired: bool
    p_holm: float
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """All metrics that both evaluations have per clip; ``cautions`` says what makes them hard to compare."""

    a: str
    b: str
    n_common: int
    differences: tuple[Difference, ...]
    cautions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, undefined numbers as None."""
        return {**asdict(self), "differences": [finite(asdict(difference)) for difference in self.differences]}


def compare(a: Results, b: Results, *, metrics: tuple[str, ...] | None = MAIN, level: float = LEVEL, seed: int = 0) -> Comparison:
    """Compare two evaluations metric by metric.

    Takes and segments of one dance are averaged first: they are not independent. With at least `MIN_PAIRS` dances in common only these
    count, as pairs: the interval is a bootstrap over them and the p-value a sign-flip permutation test. Otherwise both sets of dances are
    resampled and permuted on their own. All p-values are corrected by Holm's method; a difference is beyond noise if the corrected one is
    under ``level``.

    Parameters
    ----------
    a, b : Results.
    metrics : names; the more, the stricter the correction, so that they should be chosen before looking. None: all.
    level : float.
    seed : int, of resampling.

    Raises
    ------
    InputError
        If no metric was measured per clip in both.
    """
    for name in metrics or ():
        if name not in METRICS:
            raise InputError(f"compare: metric {name!r} is unknown; expected some of {', '.join(METRICS)}")
    names = [name for name, info in a.metrics.items() if info.per_clip and name in b.metrics and (metrics is None or name in metrics)]
    values = {name: (_by_dance(a, name), _by_dance(b, name)) for name in names}
    values = {name: (x, y) for name, (x, y) in values.items() if x and y}
    if not values:
        raise InputError(f"compare: {a.name} and {b.name} have no metric in common; expected two results of the same kind of evaluation")
    common = {clip.dance for clip in a.clips} & {clip.dance for clip in b.clips}
    tested: list[tuple[str, float, float, Interval, bool]] = []
    for name, (x, y) in values.items():
        shared = sorted(set(x) & set(y))
        paired = len(shared) >= MIN_PAIRS
        left = np.array([x[dance] for dance in shared] if paired else list(x.values()))
        right = np.array([y[dance] for dance in shared] if paired else list(y.values()))
        difference = paired_difference(left, right, seed=seed) if paired else unpaired_difference(left, right, seed=seed)
        tested.append((name, float(left.mean()), float(right.mean()), difference, paired))
    corrected = holm(np.array([1.0 if row[3].p is None else row[3].p for row in tested]))
    found = []
    for (name, mean_a, mean_b, difference, paired), p in zip(tested, corrected):
        info = a.metrics[name]
        verdict = ""
        if p < level and difference.mean != 0:
            better_a = (difference.mean > 0) == (info.better == "higher")
            verdict = "differs" if not info.better else "a" if better_a else "b"
        found.append(Difference(name, info.label, info.better, mean_a, mean_b, difference, paired, float(p), verdict))
    return Comparison(a.name, b.name, len(common), tuple(found), tuple(_cautions(a, b, common, len(found), level)))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction (Holm 1979): float [n] in 0..1, in the order of ``p``."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def unpaired_difference(a: np.ndarray, b: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Difference of two means of different dances: bootstrap interval of both, two-sided permutation test of the labels.

    ``a`` is float [n_a], ``b`` float [n_b]; ``n`` of the result is the size of the smaller set. Without a spread to be seen (one dance on a
    side) p is 1.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    difference, n = float(a.mean() - b.mean()), min(len(a), len(b))
    if n < MIN_PAIRS:
        return Interval(difference, math.nan, math.nan, n, 1.0)
    from scipy.stats import bootstrap

    def statistic(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return x.mean(axis=axis) - y.mean(axis=axis)

    rng = np.random.default_rng([seed, Resampling.UNPAIRED])
    found = bootstrap((a, b), statistic, n_resamples=resamples, confidence_level=CONFIDENCE, method="percentile", rng=rng)
    low, high = found.confidence_interval
    both = np.concatenate([a, b])
    mixed = rng.permuted(np.tile(both, (resamples, 1)), axis=1)
    chance = np.abs(mixed[:, : len(a)].mean(axis=1) - mixed[:, len(a) :].mean(axis=1))
    p = (1 + np.count_nonzero(chance >= abs(difference) - 1e-12)) / (1 + resamples)
    return Interval(difference, float(low), float(high), n, float(p))


def comparison_text(comparison: Comparison) -> str:
    """What `compare` found, for people: first what is beyond noise, then all metrics."""
    a, b = comparison.a, comparison.b
    words = {"a": f"{a} better", "b": f"{b} better", "differs": "differs", "": "within noise"}
    rows = [["", a, b, "a - b [95 %]", "n", "p", "p, Holm", ""]]
    ordered = sorted(comparison.differences, key=lambda d: not d.verdict)
    for d in ordered:
        interval = f"{d.difference.mean:+.3f}"
        if math.isfinite(d.difference.low):
            interval += f" [{d.difference.low:+.3f}, {d.difference.high:+.3f}]"
        label = d.label + {"lower": " ↓", "": " ·"}.get(d.better, "")
        n = f"{d.difference.n}{'' if d.paired else ' unpaired'}"
        rows.append([label, f"{d.a:.3f}", f"{d.b:.3f}", interval, n, f"{d.difference.p:.3f}", f"{d.p_holm:.3f}", words[d.verdict]])
    beyond = sum(bool(d.verdict) for d in comparison.differences)
    head = f"{a} against {b}: {counted(comparison.n_common, 'dance')} in common; {beyond} of {len(rows) - 1} differences are beyond noise"
    return "\n".join([head, "", layout(rows), "", *(f"Caution: {text}." for text in comparison.cautions)]).rstrip()


def _by_dance(results: Results, metric: str) -> dict[str, float]:
    """Dance -> mean over its takes and segments, undefined ones left out."""
    values = results.values(metric)
    rows: dict[str, list[float]] = {}
    for clip in results.clips:
        if clip.name in values:
            rows.setdefault(clip.dance, []).append(values[clip.name])
    return {dance: float(np.mean(row)) for dance, row in rows.items()}


def _cautions(a: Results, b: Results, common: set[str], tested: int, level: float) -> list[str]:
    found = []
    settings = [key for key in sorted({*a.settings, *b.settings}) if a.settings.get(key) != b.settings.get(key)]
    if settings:
        found.append(f"the evaluations had different settings: {', '.join(settings)}")
    versions = [name for name in sorted({*a.versions, *b.versions}) if a.versions.get(name) != b.versions.get(name)]
    if versions:
        found.append(f"different versions of {', '.join(versions)}")
    alone = len({clip.dance for clip in a.clips} ^ {clip.dance for clip in b.clips})
    if len(common) < MIN_PAIRS:
        found.append(f"{'one dance' if common else 'no dances'} in common: a difference may be one of the dances")
    elif alone:
        found.append(f"{counted(alone, 'dance')} in one of them only: left out")
    parts = {(clip.dance, clip.segment) for clip in a.clips} ^ {(clip.dance, clip.segment) for clip in b.clips}
    if any(dance in common for dance, _ in parts):
        found.append("some dances have other segments in the other evaluation")
    # The least p-value of a sign-flip test with n pairs is 2 / 2^n, and Holm multiplies it by the number of metrics.
    enough = math.ceil(math.log2(2 * tested / level))
    if MIN_PAIRS <= len(common) < enough:
        found.append(f"with {len(common)} dances and {tested} metrics nothing can be beyond noise; evaluate at least {enough} dances")
    lengths = {clip.dance: clip.duration_seconds for clip in b.clips}
    if any(abs(clip.duration_seconds - lengths[clip.dance]) > 0.5 for clip in a.clips if clip.dance in lengths):
        found.append("some dances have music of different length")
    return found
