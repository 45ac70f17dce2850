"""Refining a codec: what was made with it before keeps its meaning, the rest learns, a stopped run goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from dance2music.checkpoint import load_model, read_provenance, save_model
from dance2music.codec.spectral import SpectralCodec, grown
from dance2music.errors import InputError
from dance2music.recipe.codec_refinement import CodecRefinement, _following, _Refining, composed_sketch, refine_codec
from dance2music.train.pieces import SegmentsConfig
from dance2music.train.start import LoopConfig

FIRST = tiny.N_CODEBOOKS
LOOP = LoopConfig(
    steps=8, workers=0, warmup_steps=2, save_every_steps=4, log_every_steps=4, accelerator="cpu", learning_rate=2e-3, final_factor=1.0
)
CONFIG = CodecRefinement(
    first_codebooks=FIRST,
    segments=SegmentsConfig(n_samples=4096, first_pieces=4, steps_per_new_piece=5, piece_seconds=1.0),
    sketches_per_step=2,
    loop=LOOP,
    held_out_pieces=1,
)


def grown_codec() -> SpectralCodec:
    codec = grown(tiny.codec(), n_codebooks=FIRST + 1, decoder_depth=2, dropout=0.1)
    torch.manual_seed(1)
    codec.quantizer.codebooks[FIRST].get_buffer("k").copy_(0.3 * torch.randn(tiny.CODEBOOK_SIZE, tiny.LATENT_DIM))
    return codec.eval()


def refining(*, earlier_share: float, coarse_share: float) -> _Refining:
    before = grown_codec().requires_grad_(False)
    config = dataclasses.replace(CONFIG, earlier_share=earlier_share, coarse_share=coarse_share)
    return _Refining(_following(before, config).train(), before, config)


def music_and_sketches() -> tuple[torch.Tensor, torch.Tensor]:
    music = np.stack([tiny.tone(seed, 4096 / 22_050, 22_050) for seed in range(3)])
    return torch.from_numpy(music)[:, None], torch.from_numpy(composed_sketch(5, 1.0, 22_050)[:4096])[None, None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a grown codec and what it was refined to."""
    folder = tmp_path_factory.mktemp("refinement")
    codec = grown_codec()
    save_model(folder / "codec.safetensors", codec, codec.config, provenance={"step": 7}, storage="int8")
    refine_codec(CONFIG, folder / "codec.safetensors", folder / "refined", pieces=tiny.tone)
    return folder


def test_the_first_codebooks_keep_their_bits_and_everything_else_learns(folder: Path) -> None:
    before, after = (load_model(folder / name).state_dict() for name in ("codec.safetensors", "refined/finished.safetensors"))
    kept = {name for name, value in before.items() if torch.equal(value, after[name])}
    first = {f"quantizer.codebooks.{index}.k" for index in range(FIRST)}
    assert first <= kept
    assert {"encoder_in.weight", "encoder_trunk.0.widen.weight", f"quantizer.codebooks.{FIRST}.k", "decoder_out.weight"}.isdisjoint(kept)


def test_its_file_says_what_was_refined_and_how(folder: Path) -> None:
    provenance = read_provenance(folder / "refined" / "latest.safetensors")
    assert provenance["step"] == 8 and provenance["refined_from"] == {"step": 7}
    assert provenance["training"]["first_codebooks"] == FIRST and provenance["held_out"].keys() >= {"log_mel_l1", "si_sdr_db", "comb_db"}


def test_a_run_that_was_stopped_goes_on_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    for steps in (5, 8):  # the schedule is constant, so that a shorter run is the first part of a longer one
        config = dataclasses.replace(CONFIG, loop=dataclasses.replace(LOOP, steps=steps))
        refine_codec(config, folder / "codec.safetensors", tmp_path, pieces=tiny.tone)
    stopped, whole = (load_model(path / "finished.safetensors").state_dict() for path in (tmp_path, folder / "refined"))
    assert all(torch.equal(value, whole[name]) for name, value in stopped.items())


def test_a_file_without_a_spectral_codec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"codec\.safetensors: no such file"):
        refine_codec(CONFIG, tmp_path / "codec.safetensors", tmp_path, pieces=tiny.tone)


def test_earlier_codes_sound_the_same_at_first_and_teach_the_decoder_alone() -> None:
    module = refining(earlier_share=1.0, coarse_share=0.0)
    music, sketches = music_and_sketches()
    estimate = module(music, sketches).estimate
    before = module.before
    codes = before.quantize(before.encode(music)).codes[:, :FIRST]
    assert torch.allclose(estimate, before.decode(before.lookup(codes)), atol=1e-6)
    estimate.square().mean().backward()
    for name, parameter in module.codec.named_parameters():
        moved = parameter.grad is not None and float(parameter.grad.abs().max()) > 0
        assert moved == name.startswith("decoder") or name.startswith("decoder_trunk.1"), name  # appended blocks begin at zero


@pytest.mark.parametrize(("coarse_share", "kept"), [(1.0, FIRST), (0.0, FIRST + 1)])
def test_other_items_are_decoded_from_some_or_all_codes_and_teach_the_encoder(coarse_share: float, kept: int) -> None:
    module = refining(earlier_share=0.0, coarse_share=coarse_share)
    music, sketches = music_and_sketches()
    before = module.before
    codes = before.quantize(before.encode(music)).codes[:, :kept]
    estimate = module(music, sketches).estimate
    assert torch.allclose(estimate, before.decode(before.lookup(codes)), atol=1e-5)
    estimate.square().mean().backward()
    for name, parameter in module.codec.named_parameters():
        if name.startswith("encoder"):
            assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, name


def test_sketches_hold_the_encoder() -> None:
    module = refining(earlier_share=1.0, coarse_share=0.0)
    music, sketches = music_and_sketches()
    assert float(module(music, sketches).drift.detach()) < 1e-10
    with torch.no_grad():
        module.codec.encoder_out.bias.add_(0.1 * torch.randn(tiny.LATENT_DIM))
    drift = module(music, sketches).drift
    assert float(drift.detach()) > 1e-4
    drift.backward()
    for name, parameter in module.codec.named_parameters():
        assert (parameter.grad is not None and float(parameter.grad.abs().max()) > 0) == name.startswith("encoder"), name


def test_sketches_are_those_of_the_composed_score_and_peak_near_full_scale() -> None:
    first, again, other = (composed_sketch(seed, 3.0, 22_050) for seed in (3, 3, 4))
    assert first.shape == (66_150,) and np.array_equal(first, again) and not np.array_equal(first, other)
    assert 0.3 < np.abs(first).max() < 3.0
