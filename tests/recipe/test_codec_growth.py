"""Growing a codec: old codes keep their meaning, new ones say more, a stopped run goes on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import tiny
from dance2music.checkpoint import load_model, read_provenance, save_model
from dance2music.codec.spectral import SpectralCodec
from dance2music.recipe.codec_growth import CodecGrowth, appended_codebooks, grow_codec
from dance2music.train.pieces import SegmentsConfig
from dance2music.train.start import LoopConfig

LOOP = LoopConfig(steps=12, workers=0, warmup_steps=3, save_every_steps=6, log_every_steps=6, accelerator="cpu", learning_rate=2e-3)
CONFIG = CodecGrowth(
    n_codebooks=4,
    decoder_depth=2,
    codebook_batches=4,
    codebook_rounds=4,
    segments=SegmentsConfig(n_samples=4096, first_pieces=4, steps_per_new_piece=5, piece_seconds=1.0),
    loop=LOOP,
    held_out_pieces=1,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a codec and what it grew to."""
    folder = tmp_path_factory.mktemp("growth")
    save_model(folder / "codec.safetensors", tiny.codec(), tiny.codec().config, provenance={"step": 7}, storage="int8")
    grow_codec(CONFIG, folder / "codec.safetensors", folder / "grown", pieces=tiny.tone)
    return folder


def test_encoder_and_first_codebooks_keep_their_bits_and_the_decoder_learns(folder: Path) -> None:
    before, after = load_model(folder / "codec.safetensors"), load_model(folder / "grown" / "finished.safetensors")
    own = after.state_dict()
    changed = {name.split(".")[0] for name, value in before.state_dict().items() if not torch.equal(value, own[name])}
    assert changed <= {"decoder_in", "decoder_trunk", "decoder_norm", "decoder_out"} and "decoder_trunk" in changed
    assert float(own["decoder_trunk.1.narrow.weight"].abs().max()) > 0


def test_every_appended_codebook_leaves_less(folder: Path) -> None:
    codec = load_model(folder / "grown" / "finished.safetensors", expected="spectral-codec")
    audio = torch.from_numpy(np.stack([tiny.tone(seed, 1.0, 22_050) for seed in range(50, 54)]))[:, None]
    with torch.no_grad():
        z = codec.encode(audio)
        codes = codec.quantize(z).codes
        left = [float((z - codec.lookup(codes[:, :q])).square().mean()) for q in range(tiny.N_CODEBOOKS, CONFIG.n_codebooks + 1)]
    assert left == sorted(left, reverse=True) and left[-1] < 0.7 * left[0]


def test_appended_codebooks_can_be_kept_in_eight_bits(folder: Path, tmp_path: Path) -> None:
    codec = load_model(folder / "grown" / "finished.safetensors", expected="spectral-codec")
    assert isinstance(codec, SpectralCodec)
    fine = appended_codebooks(codec, tiny.N_CODEBOOKS)
    assert fine == ["quantizer.codebooks.2.k", "quantizer.codebooks.3.k"]
    save_model(tmp_path / "small.safetensors", codec, codec.config, storage="int8", eight_bit=fine)
    stored = safetensors.torch.load_file(tmp_path / "small.safetensors")
    assert stored[fine[0]].dtype == torch.int8 and stored["quantizer.codebooks.1.k"].dtype == torch.float16
    own, loaded = codec.state_dict(), load_model(tmp_path / "small.safetensors").state_dict()
    assert all(torch.equal(loaded[f"quantizer.codebooks.{q}.k"], own[f"quantizer.codebooks.{q}.k"].half().float()) for q in range(2))
    assert all(torch.allclose(loaded[name], own[name], atol=float(own[name].abs().max()) / 200) for name in fine)


def test_its_file_says_how_it_grew_and_from_what(folder: Path) -> None:
    provenance = read_provenance(folder / "grown" / "latest.safetensors")
    assert provenance["step"] == 12 and provenance["training"]["n_codebooks"] == 4 and provenance["grown_from"] == {"step": 7}
    losses = [json.loads(line) for line in (folder / "grown" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in losses if "codec_total" in line] == [6, 12]


def test_a_stopped_run_goes_on_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    for steps in (5, 12):  # the schedule is constant, so that a shorter run is the first part of a longer one
        loop = dataclasses.replace(LOOP, steps=steps, final_factor=1.0)
        grow_codec(dataclasses.replace(CONFIG, loop=loop), folder / "codec.safetensors", tmp_path / "stopped", pieces=tiny.tone)
    loop = dataclasses.replace(LOOP, final_factor=1.0)
    grow_codec(dataclasses.replace(CONFIG, loop=loop), folder / "codec.safetensors", tmp_path / "whole", pieces=tiny.tone)
    first, second = (load_model(tmp_path / name / "finished.safetensors").state_dict() for name in ("stopped", "whole"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
