"""D2M-GAN Eq. 2 to 8 on a whole small system: each term moves the generator, through lookup and decoder where it must."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dance2music import losses
from dance2music.codec.lookup import straight_through
from dance2music.music.mel import published_log_mel
from dance2music.papers.gan_step import D2M_RELEASED, GanWeights
from small_gan import DIM, FEATURES, FRAMES, N_FRAMES, VISUAL, codec, discriminator, generator


def terms(fake: Tensor, *, through_lookup: bool = True) -> dict[str, Tensor]:
    """Every term of the generator for latents [B, E, L] against seeded music."""
    torch.manual_seed(3)
    vqvae, judge = codec(), discriminator()
    audio = 0.1 * torch.randn(len(fake), 1, 44100)
    with torch.no_grad():
        real = vqvae.encode(audio)
        entries = vqvae.lookup(vqvae.quantize(real).codes)
    looked_up = straight_through(fake, vqvae) if through_lookup else vqvae.lookup(vqvae.quantize(fake).codes)
    heard = vqvae.decode(looked_up)
    of_fake = judge(fake)
    return {
        "adversarial": losses.generator_hinge(of_fake),
        "feature_matching": losses.feature_matching(judge(real), of_fake),
        "commitment": losses.codebook_commitment(entries, fake),
        "waveform": losses.waveform(audio[..., : heard.shape[-1]], heard),
        "mel": losses.mel(published_log_mel(audio, vqvae.sample_rate), published_log_mel(heard, vqvae.sample_rate)),
        "latent": losses.latent_distance(real, fake),
    }


def made(seed: int = 0) -> tuple[Tensor, list[Tensor]]:
    """Latents that a small generator makes, and its parameters."""
    model = generator()
    torch.manual_seed(seed)
    z = model(torch.randn(2, FRAMES, FEATURES), torch.randn(2, VISUAL), torch.tensor([3, 7]))
    assert z.shape == (2, DIM, N_FRAMES)
    return z, list(model.parameters())


@pytest.mark.parametrize("name", ["adversarial", "feature_matching", "commitment", "waveform", "mel", "latent"])
def test_every_term_moves_every_part_of_the_generator(name: str) -> None:
    z, parameters = made()
    gradients = torch.autograd.grad(terms(z)[name], parameters)
    assert all(bool(torch.isfinite(g).all()) for g in gradients)
    assert all(float(g.abs().sum()) > 0 for g in gradients if g.ndim > 1)


@pytest.mark.parametrize("name", ["waveform", "mel"])
def test_through_a_plain_lookup_nothing_would_move_as_in_the_released_code(name: str) -> None:
    z, _ = made()
    assert not terms(z, through_lookup=False)[name].requires_grad


def test_behind_the_lookup_the_gradient_is_the_decoders() -> None:
    vqvae = codec()
    z = (10 * torch.randn(1, DIM, 20)).requires_grad_()
    entries = vqvae.lookup(vqvae.quantize(z).codes).requires_grad_()
    passed = straight_through(z, vqvae)
    torch.testing.assert_close(passed, entries)
    (ours,) = torch.autograd.grad(vqvae.decode(passed).square().sum(), z)
    (theirs,) = torch.autograd.grad(vqvae.decode(entries).square().sum(), entries)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    assert float(ours.abs().sum()) > 0


def test_the_discriminator_learns_from_both_sides_and_the_generator_not_from_its_loss() -> None:
    judge = discriminator()
    real, (fake, _) = torch.randn(2, DIM, N_FRAMES), made()
    loss = losses.discriminator_hinge(judge(real), judge(fake.detach()))
    gradients = torch.autograd.grad(loss, list(judge.parameters()))
    assert all(float(g.abs().sum()) > 0 for g in gradients if g.ndim > 1)


@pytest.mark.parametrize("weights", [GanWeights(), D2M_RELEASED], ids=["paper", "released"])
def test_the_whole_objective_lowers_itself_when_followed(weights: GanWeights) -> None:
    model = generator()
    torch.manual_seed(0)
    inputs = torch.randn(2, FRAMES, FEATURES), torch.randn(2, VISUAL), torch.tensor([3, 7])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.9))
    totals = []
    for _ in range(8):
        total = torch.stack([getattr(weights, name) * value for name, value in terms(model(*inputs)).items()]).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(float(total.detach()))
    assert totals[-1] < totals[0]


def test_weights_of_paper_and_code() -> None:
    paper, code = GanWeights(), D2M_RELEASED
    assert (paper.feature_matching, paper.commitment, paper.waveform, paper.mel, paper.latent) == (3, 15, 40, 15, 0)
    assert (code.feature_matching, code.commitment, code.waveform, code.mel, code.latent) == (pytest.approx(3 * 4 / 5), 8, 40, 15, 5)
