"""Fine-tuning of a decoder: the codebook and the encoder stay, the decoder moves, codes keep their meaning."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny_gan
from dance2music.checkpoint import load_model
from dance2music.errors import InputError
from dance2music.papers.discriminators import ConvLayer, ReshapedDiscriminatorConfig
from dance2music.papers.finetune_decoder import DecoderTraining, DecoderWeights, train_decoder

CONFIG = DecoderTraining(
    batch_size=4,
    discriminator=ReshapedDiscriminatorConfig(
        rows=(ConvLayer(4, 5, zeros=2), ConvLayer(8, 9, stride=4, zeros=4), ConvLayer(1, 3, zeros=1)), scales=2
    ),
    loop=replace(tiny_gan.LOOP, steps=4, learning_rate=2e-3),
)


def test_only_the_decoder_moves_and_codes_keep_their_meaning(tmp_path: Path) -> None:
    before, segments = tiny_gan.codec().state_dict(), tiny_gan.segments()
    tuned = train_decoder(CONFIG, segments, tiny_gan.codec(), tmp_path)
    moved = {name for name, value in tuned.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and all(name.startswith("decoder") for name in moved)
    kept = load_model(tmp_path / "codec.safetensors", expected="spectral-codec")
    assert all(torch.equal(value, tuned.state_dict()[name]) for name, value in kept.state_dict().items())
    line = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert {"discriminator", "adversarial", "feature_matching", "waveform", "mel", "decoder_gradient"} <= line.keys()


def test_fine_tuning_lowers_the_distance_of_mel_spectrograms(tmp_path: Path) -> None:
    config = replace(CONFIG, loop=replace(CONFIG.loop, steps=30, log_every_steps=5))
    train_decoder(config, tiny_gan.segments(), tiny_gan.codec(), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["mel"] < 0.8 * lines[0]["mel"]


def test_a_run_on_another_data_set_is_refused(tmp_path: Path) -> None:
    config = replace(CONFIG, loop=replace(CONFIG.loop, steps=1))
    train_decoder(config, tiny_gan.segments(), tiny_gan.codec(), tmp_path)
    with pytest.raises(InputError, match="data set"):
        train_decoder(config, tiny_gan.segments(seed=2), tiny_gan.codec(), tmp_path)


def test_the_colour_of_the_sound_is_a_term_where_it_has_a_weight(tmp_path: Path) -> None:
    loop = replace(CONFIG.loop, steps=30, log_every_steps=5)
    train_decoder(replace(CONFIG, loop=loop), tiny_gan.segments(), tiny_gan.codec(), tmp_path / "without")
    train_decoder(replace(CONFIG, loop=loop, weights=DecoderWeights(colour=15.0)), tiny_gan.segments(), tiny_gan.codec(), tmp_path / "with")
    without, heard = ([json.loads(line) for line in (tmp_path / run / "log.jsonl").read_text().splitlines()] for run in ("without", "with"))
    assert "colour" not in without[0]
    assert heard[-1]["colour"] < 0.9 * heard[0]["colour"]
