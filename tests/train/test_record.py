"""Settings of a run: stored whole, compared when it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from torch import nn

from dance2music.errors import InputError
from dance2music.train.judge import Judge
from dance2music.train.loop import Loop
from dance2music.train.record import accepting, differences
from dance2music.train.start import LoopConfig, start_fabric
from dance2music.work import kept
from train.test_loop import Numbers

LOOP = {"steps": 6, "save_every_steps": 2, "log_every_steps": 1, "workers": 0, "warmup_steps": 0, "accelerator": "cpu"}


def run(folder: Path, *, values: tuple[float, ...] = (), fabric: Fabric | None = None, **changes: object) -> Loop:
    """A run whose settings are those of its loop; ``values`` are what validations see, one before every step."""
    config = LoopConfig(**LOOP | changes)  # type: ignore[arg-type]
    fabric = fabric or start_fabric(config)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.learning_rate)
    loop = Loop(fabric, config, folder, model=model, optimizers={"model": optimizer}, data=Numbers(), settings=config)
    for step, batch in loop:
        if values:
            loop.judge(values[step])
        with fabric.autocast():
            loss = model(batch).square().mean()
        loop.update("model", {"loss": loss.float()})
    return loop


def test_all_settings_stand_beside_the_run_and_changed_ones_are_refused_unless_accepted(tmp_path: Path) -> None:
    run(tmp_path, steps=3)
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["settings"]["learning_rate"] == 1e-3 and stored["settings"]["grad_clip"] == 1.0 and stored["changes"] == []
    with pytest.raises(InputError, match=r"begun with other settings: steps 3, now 6; learning_rate 0.001, now 0.01; .* --accept-changes"):
        run(tmp_path, learning_rate=0.01)
    assert run(tmp_path, steps=3, save_every_steps=1, log_every_steps=2).step == 3
    with accepting(True):
        assert run(tmp_path, learning_rate=0.01).step == 6
    changes = json.loads((tmp_path / "config.json").read_text())["changes"]
    assert changes == [{"step": 3, "changed": ["steps 3, now 6", "learning_rate 0.001, now 0.01"]}]
    assert run(tmp_path, learning_rate=0.01).step == 6


def test_what_an_interruption_leaves_is_said_while_a_run_goes(tmp_path: Path) -> None:
    config = LoopConfig(**LOOP)  # type: ignore[arg-type]
    fabric, model, said = start_fabric(config), nn.Linear(4, 1), []
    loop = Loop(fabric, config, tmp_path, model=model, optimizers={"model": torch.optim.SGD(model.parameters(), 0.1)}, data=Numbers())
    for _ in loop:
        said.append(kept())
    goes_on = f"{tmp_path} keeps step {{}}: the same command goes on from there"
    assert said[:3] == [f"{tmp_path} keeps no step yet"] * 2 + [goes_on.format(2)] and kept() == goes_on.format(6)


def test_a_run_that_went_further_than_it_is_asked_to_is_complete(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, steps=2)
    with accepting(True), caplog.at_level("INFO"):
        assert run(tmp_path, steps=1).step == 2
    assert "keeps step 2, and loop.steps is 1: the run is complete" in caplog.text and "resuming" not in caplog.text


def test_more_steps_at_a_constant_rate_are_no_change() -> None:
    assert not differences({"loop": {"steps": 3, "final_factor": 1.0}}, {"loop": {"steps": 9, "final_factor": 1.0}})
    assert differences({"loop": {"steps": 3, "final_factor": 0.0}}, {"loop": {"steps": 9, "final_factor": 0.0}}) == ["loop.steps 3, now 9"]
    assert not differences({"loop": {"workers": 1}, "new": 1}, {"loop": {"workers": 2}, "other": 2})
    many = differences({str(i): 0 for i in range(20)}, {str(i): 1 for i in range(20)})
    assert many[-1] == "and 8 more"


def test_a_run_stops_when_nothing_gets_better_and_stays_so(tmp_path: Path) -> None:
    values = (3.0, 2.0, 2.5, 2.5, 1.0, 1.0)
    stopped = run(tmp_path, values=values, patience=2)
    assert (stopped.step, stopped.judged) == (4, Judge(best=2.0, step=1, since=2))
    assert run(tmp_path, values=values, patience=2).step == 4
    assert run(tmp_path, values=values, patience=3).judged == Judge(best=1.0, step=4, since=1)


def test_the_best_is_the_lowest_number() -> None:
    judge = Judge()
    assert [judge.see(value, step) for step, value in enumerate((float("nan"), 2.0, 3.0, 1.0))] == [False, True, False, True]
    assert judge.see(1.0, 3) and judge == Judge(1.0, 3, 0)


def test_every_line_says_how_fast_it_goes_and_how_long_it_takes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert all(line["items_per_second"] == pytest.approx(8 * line["steps_per_second"]) for line in lines)
    assert lines[-1]["seconds_left"] == 0 and lines[2]["seconds_left"] == pytest.approx(3 / lines[2]["steps_per_second"])
    assert "0:00:00 left of 6 steps" in caplog.text


def half_precision() -> Fabric:
    """On a processor, where Fabric itself would take bfloat16 instead."""
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=4)
    return Fabric(accelerator="cpu", devices=1, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])


def test_gradients_of_half_precision_are_scaled_and_the_scale_is_resumed(tmp_path: Path) -> None:
    fabric = half_precision()
    scaler = fabric.strategy.precision.scaler  # type: ignore[attr-defined]
    before = scaler.get_scale()
    run(tmp_path, fabric=fabric, steps=5)
    assert scaler.get_scale() == 2 * before
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])["model_skipped"] == 0.0
    again = half_precision()
    run(tmp_path, fabric=again, steps=5)
    assert again.strategy.precision.scaler.get_scale() == 2 * before  # type: ignore[attr-defined]


def test_an_overflow_in_half_precision_skips_the_step_and_scales_less(tmp_path: Path) -> None:
    fabric = half_precision()
    config = LoopConfig(**LOOP)  # type: ignore[arg-type]
    model = nn.Linear(4, 1)
    loop = Loop(fabric, config, tmp_path, model=model, optimizers={"model": torch.optim.SGD(model.parameters(), 0.1)}, data=Numbers())
    before = model.weight.clone()
    scaler = fabric.strategy.precision.scaler  # type: ignore[attr-defined]
    scale = scaler.get_scale()
    loop.update("model", {"loss": model(torch.full((1, 4), 1e36)).sum()})
    assert torch.equal(model.weight, before) and scaler.get_scale() == scale / 2
    loop.update("model", {"loss": model(torch.ones(1, 4)).sum()})
    assert not torch.equal(model.weight, before)
