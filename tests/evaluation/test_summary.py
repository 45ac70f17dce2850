"""Dances are the unit: segments of one clip give no interval, no p-value, no mark and no diversity; of several they are drawn together."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.evaluation.catalogue import METRICS
from dance2music.evaluation.jobs import EvaluateConfig, check_apart, clip_of, jobs_of, matched
from dance2music.evaluation.matching import Match
from dance2music.evaluation.results import ClipValues, Results
from dance2music.evaluation.summary import Scored, summarize
from dance2music.evaluation.terminal import results_text
from dance2music.experiments.compare import compare, comparison_text
from dance2music.metrics.reasons import REASONS


def scored(dances: Sequence[str], values: Sequence[float]) -> list[Scored]:
    """One segment each of the dances named, with a value of two metrics; a click track is better by 0.1, chance is 0."""
    found = []
    for i, (dance, value) in enumerate(zip(dances, values, strict=True)):
        rows = {system: {"beat_f_70ms": value + more, "lift": value + more} for system, more in (("generated", 0.0), ("click_fixed", 0.1))}
        clip = ClipValues(f"{dance}_seg{i}", dance, 0, None, None, 2.0, {}, segment=f"{dance}_seg{i}")
        chance = {system: {"lift": np.linspace(-0.1, 0.1, 9)} for system in rows}
        pieces = {system: np.array([float(i), value]) for system in rows}
        found.append(Scored(rows, chance, pieces, {}, clip))
    return found


def results(dances: Sequence[str], values: Sequence[float]) -> Results:
    """Results of those segments."""
    told = {"name": "ours", "created": "2026-01-02", "seed": 0, "settings": {}, "versions": {}, "inputs": {}}
    return Results(**told, **summarize(scored(dances, values), {}, seed=0))


def test_three_segments_of_one_dance_are_one_dance() -> None:
    found = results(("a", "a", "a"), (0.2, 0.4, 0.6))
    row = found.summary["lift"]["generated"]
    assert row.mean == pytest.approx(0.4) and row.n == 1 and row.p is None and math.isnan(row.low)
    assert math.isnan(found.summary["dist_m"]["generated"].mean)
    assert not any(beaten.beyond_noise for beaten in found.beaten_by["lift"])
    text = results_text(found)
    assert text.startswith("ours: 3 segments of 1 dance, 3 files; one dance: no interval\n")
    assert "[" not in text and ")!" not in text and "Undefined: Dist_m between dances: fewer than two dances." in text
    missing = "the reference itself (no --reference), click track on the kinematic beats (no --videos or --motion), music of another clip"
    assert f"Controls that are missing: {missing} (all dances are to one song)." in text


def test_intervals_and_diversity_of_several_dances_draw_them_with_all_their_segments() -> None:
    found = results(("a", "a", "a", "b"), (0.0, 0.0, 0.0, 1.0))
    row = found.summary["lift"]["generated"]
    assert (row.mean, row.low, row.high, row.n) == (0.5, 0.0, 1.0, 2) and row.p == 0.1
    between = [math.hypot(3.0 - i, 1.0) for i in range(3)]
    assert found.summary["dist_m"]["generated"].mean == pytest.approx(np.mean(between))
    assert found.dances == "4 segments of 2 dances"


def test_segments_are_compared_by_dance() -> None:
    a, b = (results(("a", "a", "b", "b"), values) for values in ((0.1, 0.3, 0.4, 0.6), (0.0, 0.2, 0.3, 0.5)))
    comparison = compare(a, b)
    assert comparison.n_common == 2 and all(d.difference.n == 2 for d in comparison.differences)
    alone = comparison_text(compare(results(("a", "a"), (0.1, 0.3)), results(("a", "a"), (0.0, 0.2))))
    assert "1 dance in common" in alone and "Caution: one dance in common" in alone and "beyond noise" in alone


def test_the_manifest_of_a_set_says_which_segments_are_of_one_dance(tmp_path: Path) -> None:
    rows = [{"name": f"c_seg{k}", "clip": "c", "song": "s", "tempo_bpm": None} for k in (1, 2)] + [
        {"name": "d", "clip": "d", "song": "t", "tempo_bpm": 100}
    ]
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    matches = [Match(str(row["name"]), str(row["name"]), 0, tmp_path / "x.wav") for row in rows]
    jobs = jobs_of(EvaluateConfig("", songs=str(tmp_path / "manifest.jsonl")), matches, dict.fromkeys(["c_seg1", "c_seg2", "d"]))
    assert [job.dance for job in jobs] == ["c", "c", "d"]
    assert jobs[0].shift_seed == jobs[1].shift_seed is not None and jobs[0].seed != jobs[1].seed and jobs[2].shift_seed is None
    assert [job.other_song for job in jobs] == ["t", "t", "s"] and jobs[2].start_bpm == 100.0
    plain = jobs_of(EvaluateConfig(""), matches[:2], dict.fromkeys(["c_seg1", "c_seg2"]))
    assert [(job.dance, job.other) for job in plain] == [("c", None)] * 2
    assert [clip_of(name) for name in ("a_seg12", "a_seg1-2", "my_segment", "a")] == ["a", "a", "my_segment", "a"]


def test_a_seed_that_is_none_and_results_among_the_music_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--seed -1: expected a whole number from 0"):
        matched(EvaluateConfig(str(tmp_path), seed=-1))
    for out in (tmp_path, tmp_path / "report"):
        with pytest.raises(InputError, match=r"lies in --generated .*, of which it would become a part; choose an --out elsewhere"):
            check_apart(EvaluateConfig(str(tmp_path)), out)
    check_apart(EvaluateConfig(str(tmp_path / "music")), tmp_path / "report")


def test_reasons_are_those_of_metrics() -> None:
    assert REASONS.keys() < METRICS.keys()
