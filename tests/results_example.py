"""Made-up results of an evaluation, for tests of what reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dance2music.evaluation.results import Beaten, ClipValues, Group, Interval, MetricInfo, Results
from dance2music.evaluation.statistics import bootstrap_interval

INFO = {
    "beats_hit": MetricInfo("Beats Hit", "rhythm as published", ideal=1.0, worst=0.0),
    "beat_alignment": MetricInfo("Beat Alignment", "sync with the dancer", ideal=1.0, worst=0.0),
    "beat_f_70ms": MetricInfo("beat F, 70 ms", "rhythm, strict", ideal=1.0, worst=0.0),
    "phase_error_ms": MetricInfo("phase error", "rhythm, strict", "ms", "lower", 0.0),
    "loudness_lufs": MetricInfo("loudness", "sound", "LUFS", ""),
    "frechet": MetricInfo("Fréchet distance", "sound", "", "lower", 0.0, per_clip=False),
}


def results(name: str, columns: dict[str, Sequence[float]], *, dances: Sequence[str] = (), seconds: float = 10.0) -> Results:
    """Results with the given values per clip, one clip per dance; a click track scores 0.9 on each metric, the genre is house."""
    n = len(next(iter(columns.values())))
    dances = dances or [f"dance{i}" for i in range(n)]
    clips = []
    for i, dance in enumerate(dances):
        events = {
            "kinematic_beats": [0.5, 1.0], "kinetic_velocity": [0.0, 1.0, 0.5, 1.0], "kinetic_fps": [2.0],
            "generated_onsets": [0.5, 0.8], "generated_beats": [0.52, 1.3], "reference_beats": [0.5], "reference_onsets": [0.5],
        }  # fmt: skip
        values = {"generated": {m: float(v[i]) for m, v in columns.items()}, "click_fixed": dict.fromkeys(columns, 0.9)}
        clips.append(ClipValues(f"{dance}.<b>", dance, 0, "house", None, seconds, values, events))
    summary = {m: {"generated": bootstrap_interval(list(v)), "click_fixed": Interval(0.9, 0.9, 0.9, n)} for m, v in columns.items()}
    summary["frechet"] = {"generated": Interval(12.0, math.nan, math.nan, n)}
    return Results(
        name=name, created="2026-01-02T03:04:05+00:00", seed=0, settings={"embedding": "made up"}, versions={"numpy": "1"},
        inputs={"generated": "made", "reference": "ref"}, metrics={m: INFO[m] for m in (*columns, "frechet")},
        systems=("generated", "click_fixed"), clips=tuple(clips), summary=summary,
        beaten_by={m: [Beaten("click_fixed", 0.9, True)] for m in columns if m == "beats_hit"},
        groups=(Group("genre", "house", n, summary), Group("window", "2 s", n, summary)),
    )  # fmt: skip
