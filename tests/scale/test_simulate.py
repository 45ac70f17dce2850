"""The simulator against what can be said without it: even work, a slow worker, machines that fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from dance2music.cli.main import app
from dance2music.errors import InputError
from dance2music.scale.simulate import Load, measured, simulate

EVEN = Load(
    clips=1000, nodes=5, workers_per_node=2, clips_per_piece=10, clip_seconds=2.0, clip_spread=0.0, start_seconds=3.0, give_seconds=0.0,
    slow_share=0.0, node_failures_per_day=0.0,
)  # fmt: skip


def test_even_work_takes_its_share() -> None:
    told = simulate(EVEN)
    assert told.wall_seconds == pytest.approx(3.0 + 1000 * 2.0 / 10) and told.processor_seconds == pytest.approx(2000.0)
    assert told.repeated == 0 and told.storage_bytes == 1000 * EVEN.bytes_per_clip
    assert told.node_cost == pytest.approx(told.wall_seconds / 3600 * 5 * EVEN.node_price_per_hour)


def test_slow_workers_and_a_slow_driver_lengthen_it() -> None:
    wall = simulate(EVEN).wall_seconds
    assert simulate(replace(EVEN, slow_share=1.0, slow_factor=2.0)).wall_seconds == pytest.approx(2 * wall - 3.0)
    assert wall < simulate(replace(EVEN, slow_share=0.5)).wall_seconds < 3 * wall
    assert simulate(replace(EVEN, give_seconds=10.0)).wall_seconds > 1000


def test_machines_that_fail_cost_what_was_under_way_and_all_is_done() -> None:
    told = simulate(replace(EVEN, node_failures_per_day=400.0, back_seconds=60.0))
    assert told.repeated > 0 and told.wall_seconds > simulate(EVEN).wall_seconds
    assert told.processor_seconds > 2000.0
    assert simulate(replace(EVEN, node_failures_per_day=400.0, back_seconds=60.0)) == told
    with pytest.raises(InputError, match="fail too often"):
        simulate(replace(EVEN, clips=10, node_failures_per_day=86400.0))


def test_the_command_prints_a_row_for_each_and_refuses_what_cannot_be() -> None:
    words = ["data", "plan", "--clips", "10000", "--nodes", "1", "--nodes", "10", "--set", "clip_seconds=2"]
    lines = CliRunner().invoke(app, words, catch_exceptions=False).output.splitlines()
    assert [line.split()[:3] for line in lines] == [["10000", "clips", "1"], ["10000", "clips", "10"]]
    with pytest.raises(InputError, match="nodes: 0; expected 1 to 1,000,000"):
        Load(nodes=0)
    for setting in ("nan", "NaN", "1e300"):
        with pytest.raises(InputError, match=r"clip_seconds.*; expected 0.001 to 86,400; correct it"):
            measured([f"clip_seconds={setting}"])


@pytest.mark.parametrize(
    "setting", [{"node_failures_per_day": 1e9}, {"clip_spread": 1e17}, {"slow_factor": 0.5}, {"clip_seconds": 0.0}, {"slow_share": 1.5}]
)
def test_what_would_give_an_impossible_answer_is_refused(setting: dict[str, float]) -> None:
    (name,) = setting
    with pytest.raises(InputError, match=rf"{name}: .*; expected .* to "):
        replace(EVEN, **setting)  # type: ignore[arg-type]


def test_an_answer_of_centuries_is_refused_and_no_work_is_negative() -> None:
    with pytest.raises(InputError, match="take more than 100 years; expected less; take more nodes"):
        simulate(replace(EVEN, clips=10**6, nodes=1, clips_per_piece=1000, clip_seconds=86400.0))
    told = simulate(replace(EVEN, give_seconds=5.0, node_failures_per_day=1000.0, back_seconds=0.0))
    assert told.repeated > 0 and told.processor_seconds >= 2000.0 and 0.0 < told.efficiency <= 1.0
