from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from dance2music.errors import InputError
from dance2music.evaluation.results import Beaten, ClipValues, Group, Interval, MetricInfo, Results, load_results, save_results
from dance2music.evaluation.terminal import results_text

EVENTS = {"kinematic_beats": [0.5]}
ROW = {
    "generated": Interval(0.5, 0.4, 0.6, 2, 0.01),
    "click_fixed": Interval(0.7, 0.6, 0.8, 2),
    "silence": Interval(math.nan, math.nan, math.nan, 0),
}
RESULTS = Results(
    name="ours", created="2026-11-21T15:00:00+00:00", seed=3, settings={"embedding": "E"}, versions={"numpy": "1"},
    inputs={"generated": "g", "reference": None, "n_dances": 2},
    metrics={"lift": MetricInfo("lift", "sync", needs=("dance",)), "frechet": MetricInfo("Fréchet", "sound", "", "lower", per_clip=False)},
    systems=("generated", "click_fixed", "silence"),
    clips=(
        ClipValues("a", "a", 0, "house", None, 2.0, {"generated": {"lift": 0.5}, "silence": {"lift": math.nan}}, EVENTS),
        ClipValues("b-1", "b", 1, None, "mBR0", 2.0, {"generated": {"lift": math.inf}}),
    ),
    summary={"lift": ROW, "frechet": {"generated": Interval(250.0, 200.0, 300.0, 2)}},
    beaten_by={"lift": [Beaten("click_fixed", 0.7, True)]},
    groups=(Group("genre", "house", 1, {"lift": ROW}),),
)  # fmt: skip


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save_results(RESULTS, path)
    found = load_results(path)
    assert found.metrics == RESULTS.metrics and found.systems == RESULTS.systems and found.beaten_by == RESULTS.beaten_by
    assert found.summary["lift"]["generated"] == ROW["generated"] and found.groups[0].summary["lift"]["click_fixed"].mean == 0.7
    assert math.isnan(found.summary["lift"]["silence"].mean) and found.clips[0].events == {"kinematic_beats": [0.5]}
    assert math.isnan(found.clips[1].values["generated"]["lift"])


def test_the_file_is_plain_json_without_nan(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save_results(RESULTS, path)
    content = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} in the file"))
    assert content["format"] == "dance2music-evaluation-1" and content["clips"][0]["values"]["silence"]["lift"] is None


def test_values_leave_out_what_is_undefined() -> None:
    assert RESULTS.values("lift", "silence") == {} and RESULTS.values("lift")["a"] == 0.5


@pytest.mark.parametrize("text", ["", "[]", '{"format": "other"}', '{"format": "dance2music-evaluation-1", "name": "x"}'])
def test_another_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"other\.json: .*results\.json of dance2music evaluate"):
        load_results(path)


def test_the_table_prints_that_a_control_reaches_a_score() -> None:
    text = results_text(RESULTS)
    assert "reached by click track at 120 bpm (0.700)!" in text
    assert "0.500 [0.400, 0.600] p 0.010" in text and "250.0 [200.0, 300.0]" in text
    assert "by genre" in text and "Fréchet ↓" in text
