"""Settings that nothing can be trained with are refused by name, before anything is started."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from dance2music.errors import ConfigError
from dance2music.papers.finetune_decoder import DecoderTraining
from dance2music.train import start
from dance2music.train.codec import SpectralCodecTraining, VQVAETraining
from dance2music.train.pieces import SegmentsConfig
from dance2music.train.start import LoopConfig, start_fabric
from dance2music.train.symbolic import SymbolicTrainConfig
from tiny_gan import CONFIG


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", -1, "0 to"),
        ("seed", -1, "0 to 4294957295"),
        ("seed", 2**32, "0 to 4294957295"),
        ("log_every_steps", 0, "1 to"),
        ("save_every_steps", 0, "1 to"),
        ("workers", -1, "0 to 512"),
        ("devices", 0, "1 to"),
        ("devices", 99_999, "1 to"),
        ("threads", -1, "0 to"),
        ("patience", -1, "0 to"),
        ("validate_every_steps", -1, "0 to"),
        ("keep_every_steps", -1, "0 to"),
        ("ema_decay", 1.5, "0 to 1"),
        ("learning_rate", 0.0, "1e-12 to"),
        ("learning_rate", float("nan"), "1e-12 to"),
        ("learning_rate", float("inf"), "1e-12 to"),
        ("save_every_seconds", -1.0, "0 or more"),
        ("precision", "foo", "one of auto, 32-true"),
        ("accelerator", "foo", "one of auto, cpu"),
    ],
)
def test_a_loop_refuses_what_is_out_of_range(name: str, value: Any, expected: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: {value!r}; expected {expected}".replace("+", r"\+")):
        LoopConfig(**{name: value})


def test_a_loop_of_no_steps_is_one() -> None:
    assert LoopConfig(steps=0, workers=0, ema_decay=0.0, threads=0).steps == 0


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        (CONFIG, "batch_size", 0),
        (CONFIG, "batch_size", -1),
        (CONFIG, "inputs", ("smell",)),
        (CONFIG, "inputs", ()),
        (CONFIG, "inputs", ("motion", "smell")),
        (DecoderTraining(), "batch_size", 0),
        (SymbolicTrainConfig(), "batch_size", -1),
        (SymbolicTrainConfig(), "held_out_batches", 0),
        (SegmentsConfig(), "pieces_per_step", 0),
        (SegmentsConfig(), "steps_per_new_piece", 0),
        (SpectralCodecTraining(), "held_out_pieces", 0),
        (VQVAETraining(), "bandwidth_steps", 0),
    ],
)
def test_a_training_refuses_what_is_out_of_range(config: Any, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name}: .*; expected "):
        replace(config, **{name: value})


def test_more_devices_than_the_machine_has_are_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr("dance2music.train.start.Fabric", None)
    count = os.cpu_count() or 1
    with pytest.raises(ConfigError, match=f"loop.devices: {count + 1}; expected 1 to {count}, which this machine has"):
        start_fabric(LoopConfig(devices=count + 1, accelerator="cpu"))


def test_an_accelerator_that_the_machine_lacks_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr("dance2music.train.start.Fabric", None)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(ConfigError, match=r"loop\.accelerator: 'cuda', which this machine lacks; expected auto or cpu"):
        start_fabric(LoopConfig(accelerator="cuda"))


@pytest.mark.parametrize(("has", "chosen"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_precision_is_what_the_processor_multiplies_in(has: bool, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "multiplies_bfloat16", lambda: has)
    fabric = start_fabric(LoopConfig(precision="auto", accelerator="cpu"))
    assert fabric.strategy.precision.precision == chosen


def test_bfloat16_is_done_where_it_is_slow_and_that_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(start, "multiplies_bfloat16", lambda: False)
    assert start_fabric(LoopConfig(precision="bf16-mixed", accelerator="cpu")).strategy.precision.precision == "bf16-mixed"
    assert "32-true is faster on it" in caplog.text
