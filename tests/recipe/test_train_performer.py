"""Training of the performer: every loss of the papers reaches it through the codebook, and a broken run resumes with the same bits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import tiny
from dance2music.codec.lookup import straight_through
from dance2music.methods.performer import Performer, PerformerConfig
from dance2music.papers.discriminators import LatentDiscriminatorConfig
from dance2music.recipe import performer as training
from dance2music.recipe.performer import (
    ObjectiveWeights,
    PerformerTrainConfig,
    Setup,
    adversarial_losses,
    discriminator_losses,
    reconstruction_losses,
    train_performer,
)
from dance2music.recipe.planner import CropConfig, PerformerData, performer_features
from dance2music.train.objective import weighted_total
from dance2music.train.start import LoopConfig

LOOP = LoopConfig(steps=4, workers=0, warmup_steps=2, save_every_steps=2, log_every_steps=1, accelerator="cpu", learning_rate=2e-3)
CROPS = CropConfig(batch_size=2, crop_frames=48)
CRITIC = LatentDiscriminatorConfig(latent_dim=tiny.LATENT_DIM, channels=8, layers=3, scales=2)
CONFIG = PerformerTrainConfig(loop=LOOP, crops=CROPS, discriminator=CRITIC, adversarial_from=1)
SMALL = PerformerConfig(
    latent_dim=tiny.LATENT_DIM, n_codebooks=tiny.N_CODEBOOKS, codebook_size=tiny.CODEBOOK_SIZE, role_channels=8, role_dilations=(1,),
    trunk_channels=12, trunk_dilations=(1, 2),
)  # fmt: skip


def performer() -> Performer:
    torch.manual_seed(0)
    return Performer(SMALL)


def batch_of(step: int = 0) -> dict[str, torch.Tensor]:
    pairs, vocabulary = tiny.pairs()
    return PerformerData(pairs, CROPS, vocabulary, tiny.codec().sample_rate / tiny.codec().hop_length)[step]


def train(out_dir: Path, config: PerformerTrainConfig = CONFIG) -> Performer:
    pairs, vocabulary = tiny.pairs()
    return train_performer(performer(), tiny.codec(), pairs, vocabulary, config, out_dir)


def test_straight_through_gives_entries_of_the_codebook_and_passes_the_gradient() -> None:
    torch.manual_seed(1)
    codec, z = tiny.codec(), torch.randn(2, tiny.LATENT_DIM, 20, requires_grad=True)
    looked_up = straight_through(z, codec)
    torch.testing.assert_close(looked_up, codec.lookup(codec.quantize(z.detach()).codes))
    weight = torch.randn_like(z)
    (gradient,) = torch.autograd.grad((looked_up * weight).sum(), z)
    torch.testing.assert_close(gradient, weight)


@pytest.mark.parametrize("name", ["commitment", "waveform", "mel", "adversarial", "feature_matching", "style"])
def test_every_term_of_the_objective_reaches_the_performer(name: str) -> None:
    model, codec, batch = performer(), tiny.codec(), batch_of()
    setup = Setup(model, CONFIG)
    real = codec.lookup(batch["codes"])
    fake = straight_through(model.regress(performer_features(model, batch)), codec)
    terms = reconstruction_losses(codec, real, fake, codec.decode(real)) | adversarial_losses(setup, real, fake)
    assert set(terms) == set(ObjectiveWeights.__dataclass_fields__)
    terms[name].backward()
    reached = {n for n, p in model.named_parameters() if p.grad is not None and float(p.grad.abs().sum()) > 0}
    assert {"latents.weight", "sketch_in.weight", "drums_in.weight", "pitched_in.weight", "trunk.0.expand.weight"} <= reached
    assert all(p.grad is None for p in codec.parameters())


def test_the_discriminators_do_not_move_the_performer() -> None:
    model, codec, batch = performer(), tiny.codec(), batch_of()
    setup = Setup(model, CONFIG)
    fake = straight_through(model.regress(performer_features(model, batch)), codec)
    losses = discriminator_losses(setup, codec.lookup(batch["codes"]), fake.detach(), batch["genre"])
    (losses["discriminator"] + losses["genre"]).backward()
    assert all(p.grad is None for p in model.parameters())
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in setup.discriminator.parameters())
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in setup.genre.parameters())


def test_weights_multiply_the_terms_and_zero_leaves_one_out() -> None:
    terms = {"mel": torch.tensor(2.0), "waveform": torch.tensor(torch.nan), "style": torch.tensor(1.0)}
    assert float(weighted_total(terms, vars(ObjectiveWeights(mel=15.0, waveform=0.0, style=0.5)))) == pytest.approx(30.5)


def test_discriminators_join_from_their_step_on_and_the_codec_stays(tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in tiny.codec().state_dict().items()}
    first = {name: value.clone() for name, value in performer().state_dict().items()}
    trained = train(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert "discriminator" not in lines[0] and {"discriminator", "genre", "adversarial", "style"} <= lines[1].keys()
    assert {"commitment", "waveform", "mel", "generator_total", "generator_gradient"} <= lines[0].keys()
    assert all(torch.equal(value, before[name]) for name, value in tiny.codec().state_dict().items())
    assert any(not torch.equal(value, first[name]) for name, value in trained.state_dict().items()) and not trained.training


def test_a_run_that_breaks_off_and_resumes_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    with tiny.broken_off(training, "reconstruction_losses", at_call=4):
        train(tmp_path / "broken")
    resumed = train(tmp_path / "broken")
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values()))
