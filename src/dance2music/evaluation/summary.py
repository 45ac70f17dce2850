"""From the values of clips to what is reported: means with intervals, controls that are not beaten, genres, lengths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from dance2music.evaluation.catalogue import METRICS
from dance2music.evaluation.results import CONTROLS, GENERATED, Beaten, ClipValues, Group, Interval
from dance2music.evaluation.statistics import bootstrap_interval, bootstrap_set, excludes_zero, paired_difference
from dance2music.metrics.diversity import mean_distance_between, mean_distance_within
from dance2music.metrics.paper_rhythm import deviation
from dance2music.metrics.quality import frechet_from, moments
from dance2music.metrics.rhythm import permutation_p

T = TypeVar("T")

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
    taken: dict[tuple[str, str], list[Scored]] = {}
    for scored in clips:
        taken.setdefault((scored.clip.dance, scored.clip.segment), []).append(scored)
    firsts = [takes[0] for takes in taken.values()]
    groups = [takes for takes in taken.values() if len(takes) > 1]
    for system in systems:
        for name, of in (("loris_csd", "loris_precision"), ("loris_hsd", "loris_recall")):
            parts = [list(by_dance(takes, of, system).values()) for takes in taken.values()]
            values = _grouped([(takes[0].clip.dance, part[0]) for takes, part in zip(taken.values(), parts) if part])
            if values:
                table.setdefault(name, {})[system] = bootstrap_set(lambda rows, v=values: _deviation(v, rows), len(values), seed=seed)  # type: ignore[misc]
        pieces = _grouped([(s.clip.dance, s.pieces[system]) for s in firsts if system in s.pieces])
        if pieces:
            table.setdefault("dist_m", {})[system] = bootstrap_set(lambda rows, x=pieces: _distinct(x, rows), len(pieces), seed=seed)  # type: ignore[misc]
        if groups and system in (GENERATED, "noise", "silence", "shifted"):
            apart = [(takes[0].clip.dance, mean_distance_within([np.array([s.pieces[system] for s in takes])])) for takes in groups]
            within = np.array([np.mean(values) for values in _grouped(apart)])
            table.setdefault("dist_m_takes", {})[system] = bootstrap_interval(within, seed=seed)
        both = _grouped([(s.clip.dance, s) for s in firsts if "reference" in s.frames and system in s.frames])
        if both:
            reference = moments(np.concatenate([s.frames["reference"] for rows in both for s in rows]))
            frames = [np.concatenate([s.frames[system] for s in rows]) for rows in both]
            table.setdefault("frechet", {})[system] = bootstrap_set(
                lambda rows, r=reference, f=frames: frechet_from(r, moments(np.concatenate([f[i] for i in rows]), root=False)),  # type: ignore[misc]
                len(both), seed=seed, resamples=FRECHET_RESAMPLES,
            )  # fmt: skip
    return table


def by_dance(clips: Sequence[Scored], metric: str, system: str = GENERATED) -> dict[str, float]:
    """Dance -> mean of a metric over its takes, segments and windows, undefined values left out; a dance without any value is NaN."""
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
    """p-value of the mean lift over dances: random shifts of every dance at once, its segments together; None for fewer than two dances."""
    found = [(s.clip.dance, (s.values[system][metric], s.chance[system][metric])) for s in clips if metric in s.chance.get(system, {})]
    dances = _grouped(found)
    if len(dances) < 2:
        return None
    score = float(np.mean([np.mean([lift + chance.mean() for lift, chance in rows]) for rows in dances]))
    return permutation_p(score, np.mean([np.mean([chance for _, chance in rows], axis=0) for rows in dances], axis=0))


def _grouped(items: Sequence[tuple[str, T]]) -> list[list[T]]:
    """What belongs to each dance, of pairs of a dance and something of it, in order."""
    rows: dict[str, list[T]] = {}
    for dance, item in items:
        rows.setdefault(dance, []).append(item)
    return list(rows.values())


def _deviation(values: Sequence[Sequence[float]], rows: np.ndarray) -> float:
    """LORIS' deviation over all pieces of the dances of a resample."""
    return deviation(np.array([value for i in rows for value in values[i]]))


def _distinct(pieces: Sequence[Sequence[np.ndarray]], rows: np.ndarray) -> float:
    """Dist_m between the dances of a resample, each once: doubles would only say that a piece equals itself."""
    chosen = [(i, piece) for i in np.unique(rows) for piece in pieces[i]]
    return mean_distance_between(np.array([piece for _, piece in chosen]), [str(i) for i, _ in chosen])


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
