from __future__ import annotations

import json
import os
import random
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from dance2music.errors import InputError
from dance2music.train.average import WeightAverage
from dance2music.train.loop import Loop
from dance2music.train.start import LoopConfig, learning_rate_at, start_fabric


class Numbers(Dataset[Tensor]):
    def __len__(self) -> int:
        return 20

    def __getitem__(self, step: int) -> Tensor:
        return torch.from_numpy(np.random.default_rng([7, step]).standard_normal((8, 4)).astype(np.float32))


class Model(nn.Module):
    """With a buffer that no state dict keeps and a layer that draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.Linear(16, 1))
        self.register_buffer("mean", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x + random.random() + np.random.rand()).square().mean()  # noqa: NPY002 (its state must be restored too)
        self.mean.lerp_(y.detach(), 0.1)
        return y + self.mean


def run(out_dir: Path, *, kill_at: int = -1, **changes) -> tuple[Loop, Model]:
    config = LoopConfig(
        **{"steps": 20, "save_every_steps": 5, "log_every_steps": 4, "workers": 0, "warmup_steps": 3, "accelerator": "cpu"} | changes
    )
    fabric = start_fabric(config)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
    wrapped = fabric.setup_module(model)
    loop = Loop(fabric, config, out_dir, model=model, optimizers={"model": optimizer}, data=Numbers())
    for step, batch in loop:
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        loop.update("model", {"loss": wrapped(batch)})
    return loop, model


def bits(loop: Loop, model: Model) -> list[Tensor]:
    assert loop.average is not None
    return [*model.parameters(), *model.buffers(), *loop.average.shadow.values(), torch.get_rng_state()]


def test_a_run_killed_and_resumed_ends_with_the_same_bits(tmp_path) -> None:
    whole = [value.clone() for value in bits(*run(tmp_path / "whole"))]
    child = os.fork()
    if child == 0:
        run(tmp_path / "killed", kill_at=13)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"] == 10
    resumed = bits(*run(tmp_path / "killed"))
    assert len(whole) == len(resumed) and all(torch.equal(a, b) for a, b in zip(whole, resumed))


def test_the_log_has_one_json_line_per_interval_and_tensorboard_events(tmp_path) -> None:
    run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 12, 16, 20]
    assert all({"loss", "learning_rate", "steps_per_second"} <= line.keys() for line in lines)
    assert list(tmp_path.glob("events.out.tfevents*"))


def test_a_finished_run_does_nothing_more(tmp_path) -> None:
    run(tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    loop, _ = run(tmp_path)
    assert loop.step == 20 and (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_checkpoint_of_another_run_is_refused(tmp_path) -> None:
    run(tmp_path)
    with pytest.raises(InputError, match="is of another run"):
        run(tmp_path, seed=1)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    state["model"]["layers.0.weight"] = torch.zeros(3, 3)
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match=r"layers\.0\.weight"):
        run(tmp_path)


def test_a_worker_process_gives_the_same_bits_as_none(tmp_path) -> None:
    without = [value.clone() for value in bits(*run(tmp_path / "a"))]
    with_worker = bits(*run(tmp_path / "b", workers=1))
    assert all(torch.equal(a, b) for a, b in zip(without, with_worker))


def test_the_learning_rate_warms_up_and_falls_to_its_end() -> None:
    config = LoopConfig(steps=100, warmup_steps=10, learning_rate=1.0, final_factor=0.1)
    rates = [learning_rate_at(config, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and rates[10] == pytest.approx(1.0) and rates[100] == pytest.approx(0.1)
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_the_weight_average_follows_the_weights() -> None:
    model = nn.Linear(2, 1, bias=False)
    average = WeightAverage(model, decay=0.99)
    with torch.no_grad():
        model.weight.fill_(3.0)
    for _ in range(2000):
        average.update(model)
    assert torch.allclose(average.state_dict_of(model)["weight"], torch.full((1, 2), 3.0), atol=1e-3)


def test_numbers_near_zero_are_flushed_in_a_training_and_not_after_it(tmp_path) -> None:
    small = torch.tensor(1e-40)
    config = LoopConfig(steps=2, workers=0, accelerator="cpu")
    fabric = start_fabric(config)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
    assert small * 0.5 > 0
    for _ in Loop(fabric, config, tmp_path, model=fabric.setup_module(model), optimizers={"model": optimizer}, data=Numbers()):
        assert small * 0.5 == 0
    assert small * 0.5 > 0
