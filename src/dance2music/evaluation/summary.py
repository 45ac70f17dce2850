"""From the values of clips to what is reported: means with intervals, controls that are not beaten, genres, lengths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dance2music.evaluation.catalogue import METRICS
from dance2music.evaluation.results import CONTROLS, GENERATED, Beaten, ClipValues, Group, Interval
from dance2music.evaluation.statistics import bootstrap_interval, bootstrap_set, excludes_zero, paired_difference
from dance2music.metrics.diversity import mean_distance_within, mean_pairwise_distance
from dance2music.metrics.paper_rhythm import deviation
from dance2music.metrics.quality import frechet_from, moments
from dance2music.metrics.rhythm import permutation_p

LENGTHS_SECONDS = (2.0, 3.0, 4.0, 5.0, 10.0, 30.0, 60.0)
"""Clips are reported by the nearest of these lengths."""

FRECHET_RESAMPLES = 30
"""Each costs two matrix roots: fewer than for other intervals."""


@dataclass(frozen=True)
class Scored:
    """One clip as scored: system -> metric -> value, scores at random shifts, embeddings of the piece [D] and of its windows [k, D]."""

    values: dict[str, dict[str, float]]
    chance: dict[str, dict[str, np.ndarray]]
    pieces: dict[str, np.ndarray]
    frames: dict[str, np.ndarray]
    clip: ClipValues


def summarize(clips: Sequence[Scored], windows: Mapping[float, Sequence[Scored]], *, seed: int) -> dict[str, Any]:
    """The fields of `Results` that follow from scored clips: metrics, systems, clips, summary, beaten_by, groups."""
    systems = tuple(name for name in (GENERATED, *CONTROLS) if any(name in scored.values for scored in clips))
    summary = {**clip_summary(clips, systems, seed=seed), **set_summary(clips, systems, seed=seed)}
    summary = {name: summary[name] for name in METRICS if name in summary}
    return {
        "metrics": {name: METRICS[name] for name in summary},
        "systems": systems,
        "clips": tuple(replace(scored.clip, values=scored.values) for scored in clips),
        "summary": summary,
        "beaten_by": {name: beaten for name in summary if (beaten := beaten_by(name, clips, summary[name], seed=seed))},
        "groups": tuple(_groups(clips, windows, systems, seed)),
    }


def clip_summary(clips: Sequence[Scored], systems: Sequence[str], *, seed: int) -> dict[str, dict[str, Interval]]:
    """Mean over dances with bootstrap interval of every per-clip metric that some clip has; lifts with their p-value."""
    names = [name for name in METRICS if METRICS[name].per_clip and any(name in row for s in clips for row in s.values.values())]
    table: dict[str, dict[str, Interval]] = {}
    for name in names:
        table[name] = {}
        for system in systems:
            values = by_dance(clips, name, system)
            p = _lift_p(clips, name, system) if name.startswith("lift") else None
            table[name][system] = bootstrap_interval(np.array(list(values.values())), seed=seed, p=p)
    return table


def set_summary(clips: Sequence[Scored], systems: Sequence[str], *, seed: int) -> dict[str, dict[str, Interval]]:
    """Values of the whole set: deviations of LORIS, diversity, Fréchet distance to the reference."""
    table: dict[str, dict[str, Interval]] = {}
    firsts = list({scored.clip.dance: scored for scored in reversed(clips)}.values())[::-1]
    taken: dict[str, list[Scored]] = {}
    for scored in clips:
        taken.setdefault(scored.clip.dance, []).append(scored)
    groups = [takes for takes in taken.values() if len(takes) > 1]
    for system in systems:
        for name, of in (("loris_csd", "loris_precision"), ("loris_hsd", "loris_recall")):
            values = np.array(list(by_dance(clips, of, system).values()))
            if len(values):
                table.setdefault(name, {})[system] = bootstrap_set(lambda rows, v=values: deviation(v[rows]), len(values), seed=seed)  # type: ignore[misc]
        pieces = np.array([scored.pieces[system] for scored in firsts if system in scored.pieces])
        if len(pieces) > 1:
            table.setdefault("dist_m", {})[system] = bootstrap_set(lambda rows, x=pieces: _distinct(x, rows), len(pieces), seed=seed)  # type: ignore[misc]
        if groups and system in (GENERATED, "noise", "silence", "shifted"):
            within = np.array([mean_distance_within([np.array([s.pieces[system] for s in takes])]) for takes in groups])
            table.setdefault("dist_m_takes", {})[system] = bootstrap_interval(within, seed=seed)
        both = [scored for scored in firsts if "reference" in scored.frames and system in scored.frames]
        if both:
            reference = moments(np.concatenate([scored.frames["reference"] for scored in both]))
            frames = [scored.frames[system] for scored in both]
            table.setdefault("frechet", {})[system] = bootstrap_set(
                lambda rows, r=reference, f=frames: frechet_from(r, moments(np.concatenate([f[i] for i in rows]), root=False)),  # type: ignore[misc]
                len(both), seed=seed, resamples=FRECHET_RESAMPLES,
            )  # fmt: skip
    return table


def by_dance(clips: Sequence[Scored], metric: str, system: str = GENERATED) -> dict[str, float]:
    """Dance -> mean of a metric over its takes and windows, undefined values left out; a dance without any value is NaN."""
    rows: dict[str, list[float]] = {}
    for scored in clips:
        if metric in scored.values.get(system, {}):
            rows.setdefault(scored.clip.dance, []).append(scored.values[system][metric])
    means = {}
    for dance, values in rows.items():
        known = [value for value in values if math.isfinite(value)]
        means[dance] = float(np.mean(known)) if known else math.nan
    return means


def beaten_by(metric: str, clips: Sequence[Scored], row: Mapping[str, Interval], *, seed: int) -> list[Beaten]:
    """Controls, the reference apart, that reach or pass the generated music; `Beaten.beyond_noise` by the paired difference over dances."""
    info = METRICS[metric]
    if not info.better or GENERATED not in row or math.isnan(row[GENERATED].mean):
        return []
    sign = 1.0 if info.better == "higher" else -1.0
    found = []
    for control in CONTROLS:
        if control == "reference" or control not in row or not sign * (row[control].mean - row[GENERATED].mean) >= 0:
            continue
        if info.per_clip:
            ours, theirs = by_dance(clips, metric), by_dance(clips, metric, control)
            common = [dance for dance in ours if dance in theirs]
            beyond = excludes_zero(paired_difference(np.array([theirs[d] for d in common]), np.array([ours[d] for d in common]), seed=seed))
        else:
            a, b = row[control], row[GENERATED]
            beyond = a.low > b.high or b.low > a.high
        found.append(Beaten(control, row[control].mean, beyond))
    return found


def _lift_p(clips: Sequence[Scored], metric: str, system: str) -> float | None:
    """p-value of the mean lift: random shifts of every clip at once."""
    rows = [(s.values[system][metric], s.chance[system][metric]) for s in clips if metric in s.chance.get(system, {})]
    if not rows:
        return None
    score = float(np.mean([lift + chance.mean() for lift, chance in rows]))
    return permutation_p(score, np.mean([chance for _, chance in rows], axis=0))


def _distinct(pieces: np.ndarray, rows: np.ndarray) -> float:
    """Dist_m of a resample, each piece once: doubles would only say that a piece equals itself."""
    return mean_pairwise_distance(pieces[np.unique(rows)])


def _groups(clips: Sequence[Scored], windows: Mapping[float, Sequence[Scored]], systems: Sequence[str], seed: int) -> list[Group]:
    parts: dict[tuple[str, str], list[Scored]] = {}
    for scored in clips:
        if scored.clip.genre is not None:
            parts.setdefault(("genre", scored.clip.genre), []).append(scored)
        nearest = min(LENGTHS_SECONDS, key=lambda length: abs(math.log(scored.clip.duration_seconds / length)))
        parts.setdefault(("length", f"{nearest:g} s"), []).append(scored)
    kinds = [kind for kind, _ in parts]
    parts = {key: part for key, part in parts.items() if kinds.count(key[0]) > 1}
    parts.update({("window", f"{length:g} s"): list(part) for length, part in windows.items() if part})
    return [
        Group(kind, label, len({s.clip.dance for s in part}), clip_summary(part, systems, seed=seed))
        for (kind, label), part in parts.items()
    ]
