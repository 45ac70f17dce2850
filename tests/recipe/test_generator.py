"""Training of the planner, and the data of both halves: pure functions of seed and step, and the same bits after a break."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

import tiny
from dance2music.methods.plan import STEPS_PER_BAR
from dance2music.methods.planner import Planner, PlannerConfig
from dance2music.recipe import planner as generator
from dance2music.recipe.planner import (
    PLAN_FIELDS,
    CropConfig,
    PerformerData,
    PlannerData,
    PlannerTrainConfig,
    planner_losses,
    train_planner,
)
from dance2music.train.start import LoopConfig

LOOP = LoopConfig(steps=4, workers=0, warmup_steps=2, save_every_steps=2, log_every_steps=1, accelerator="cpu", learning_rate=3e-3)
CONFIG = PlannerTrainConfig(loop=LOOP, batch_size=3, bars=2, motion_dropout=0.3)


def planner() -> Planner:
    torch.manual_seed(0)
    pairs, vocabulary = tiny.pairs()
    config = PlannerConfig(
        motion_dim=pairs[0].motion.shape[1], visual_dim=pairs[0].visual.shape[1], n_voicings=len(vocabulary.voicings),
        encoder_channels=8, channels=24, heads=2, layers=1, window_steps=16,
    )  # fmt: skip
    return Planner(config)


def test_a_batch_is_a_pure_function_of_seed_and_step() -> None:
    pairs, _ = tiny.pairs()
    first, second = PlannerData(pairs, CONFIG), PlannerData(pairs, CONFIG)
    a, b, c = first[3], second[3], first[4]
    assert all(torch.equal(a[name], b[name]) for name in a) and not torch.equal(a["drums"], c["drums"])
    assert a["drums"].shape[:2] == (3, 2 * STEPS_PER_BAR) and a["mask"].shape == (3, 2 * STEPS_PER_BAR)


def test_some_items_have_no_dance_but_a_plan() -> None:
    data = PlannerData(tiny.pairs()[0], CONFIG)
    blank = [float(item.abs().sum()) == 0 for step in range(10) for item in data[step]["motion"]]
    assert 0 < sum(blank) < len(blank)


def test_padding_beyond_a_piece_does_not_count() -> None:
    model = planner().eval()
    batch = PlannerData(tiny.pairs()[0], PlannerTrainConfig(loop=LOOP, batch_size=2, bars=16))[0]
    assert float(batch["mask"].min()) == 0.0
    changed = dict(batch)
    for name in PLAN_FIELDS:
        changed[name] = torch.where(batch["mask"] > 0, batch[name], torch.zeros_like(batch[name]) + 1)
    torch.testing.assert_close(planner_losses(model, batch)["lead"], planner_losses(model, changed)["lead"])


def test_training_lowers_the_loss_and_logs_every_term(tmp_path: Path) -> None:
    loop = LoopConfig(steps=25, workers=0, warmup_steps=2, log_every_steps=5, accelerator="cpu", learning_rate=5e-3)
    train_planner(planner(), tiny.pairs()[0], PlannerTrainConfig(loop=loop, batch_size=4, bars=2), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"header", "drums", "planner_total", *PLAN_FIELDS} <= lines[0].keys()
    assert lines[-1]["planner_total"] < 0.8 * lines[0]["planner_total"]


def test_a_run_that_breaks_off_and_resumes_ends_with_the_same_bits(tmp_path: Path) -> None:
    pairs, _ = tiny.pairs()
    whole = train_planner(planner(), pairs, CONFIG, tmp_path / "whole")
    with tiny.broken_off(generator, "planner_losses", at_call=4):
        train_planner(planner(), pairs, CONFIG, tmp_path / "broken")
    resumed = train_planner(planner(), pairs, CONFIG, tmp_path / "broken")
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values()))


def test_crops_of_the_performer_fit_together() -> None:
    pairs, vocabulary = tiny.pairs()
    codec = tiny.codec()
    data = PerformerData(pairs, CropConfig(batch_size=2, crop_frames=40), vocabulary, codec.sample_rate / codec.hop_length, seed=1)
    batch = data[2]
    assert batch["codes"].shape == (2, tiny.N_CODEBOOKS, 40) and batch["sketch"].shape == (2, tiny.LATENT_DIM, 40)
    for row in range(2):
        item, start = int(batch["item"][row]), int(batch["start"][row])
        assert np.array_equal(batch["codes"][row].numpy(), np.asarray(pairs[item].codes)[:, start : start + 40])
        whole = data.whole(item, data.n_frames(item))
        assert torch.equal(batch["drums"][row], whole["drums"][0, :, start : start + 40])
        assert torch.equal(batch["pitched"][row], whole["pitched"][0, ..., start : start + 40])
