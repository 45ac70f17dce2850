from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dance2music.baselines.dance2music_online import Dance2MusicOnline, OnlineConfig
from dance2music.baselines.dance2music_online_train import MelodyData, OnlineTrainConfig, melody_losses, searched, train_online
from dance2music.train.start import LoopConfig
from dance2music.train.symbolic import SymbolicTrainConfig, fit

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = OnlineTrainConfig(
    model=OnlineConfig(channels=(8, 8, 8, 8, 8, 8), head=(32, 16, 16), note_hidden=8, dropout=0.0),
    training=SymbolicTrainConfig(
        loop=LoopConfig(steps=8, learning_rate=3e-3, warmup_steps=2, save_every_steps=4, log_every_steps=4, workers=0),
        batch_size=8, n_pieces=2, n_held_out=1, piece_seconds=4.0, held_out_batches=1,
    ),
)  # fmt: skip


def test_training_writes_held_out_losses_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole = train_online(SMALL, tmp_path / "whole")
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "held_out_cross_entropy" in line] == [4, 8]
    again = train_online(SMALL, tmp_path / "whole")
    for a, b in zip(whole.parameters(), again.parameters()):
        assert torch.equal(a, b)


def test_the_network_learns_one_melody_by_heart(tmp_path: Path) -> None:
    items = [searched(3, seconds=4.0, config=SMALL.model.search)]
    config = replace(
        SMALL,
        training=replace(
            SMALL.training, loop=replace(SMALL.training.loop, steps=250, learning_rate=8e-3, ema_decay=0.95, save_every_steps=1000)
        ),
    )
    data = MelodyData(items, config, seed=0)
    torch.manual_seed(0)
    model = fit(Dance2MusicOnline(config.model), data, melody_losses, config.training, tmp_path, held_out=data)
    assert melody_losses(model, data[0])["accuracy"] > 0.8
