"""The discriminators: maps over time at several scales, genre logits, gradients to what they judge."""

from __future__ import annotations

import torch

import small_gan
from dance2music.losses import discriminator_hinge, feature_matching, generator_hinge
from dance2music.papers.discriminators import GenreDiscriminator, LatentDiscriminator, LatentDiscriminatorConfig, ReshapedDiscriminator
from dance2music.types import GENRES

SMALL = LatentDiscriminatorConfig(latent_dim=8, channels=12, layers=4, scales=3)


def test_each_scale_judges_windows_of_time() -> None:
    torch.manual_seed(0)
    seen = LatentDiscriminator(SMALL)(torch.randn(2, 8, 64))
    assert len(seen) == 3 and all(len(layers) == SMALL.layers for layers in seen)
    assert [layers[-1].shape for layers in seen] == [(2, 1, 16), (2, 1, 8), (2, 1, 4)]


def test_a_window_is_judged_by_what_lies_near_it() -> None:
    torch.manual_seed(0)
    model, z = LatentDiscriminator(SMALL).eval(), torch.randn(1, 8, 256)
    changed = z.clone()
    changed[..., :16] += 5.0
    with torch.no_grad():
        before, after = model(z)[0][-1], model(changed)[0][-1]
    assert not torch.allclose(before[..., :2], after[..., :2])
    torch.testing.assert_close(before[..., 20:], after[..., 20:])


def test_the_losses_reach_latents_and_parameters() -> None:
    torch.manual_seed(0)
    model, real, fake = LatentDiscriminator(SMALL), torch.randn(2, 8, 64), torch.randn(2, 8, 64, requires_grad=True)
    discriminator_hinge(model(real), model(fake.detach())).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.ndim > 1)
    for loss in (generator_hinge(model(fake)), feature_matching(model(real), model(fake))):
        (gradient,) = torch.autograd.grad(loss, fake)
        assert float(gradient.abs().sum()) > 0


def test_it_learns_to_tell_two_kinds_of_latents_apart() -> None:
    torch.manual_seed(0)
    model = LatentDiscriminator(SMALL)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        loss = discriminator_hinge(model(torch.randn(4, 8, 32) + 1.0), model(torch.randn(4, 8, 32) - 1.0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.3 * losses[0]


def test_the_genre_discriminator_gives_one_logit_per_genre_at_any_length() -> None:
    torch.manual_seed(0)
    model = GenreDiscriminator(8, hidden=6)
    assert model(torch.randn(3, 8, 5)).shape == model(torch.randn(3, 8, 50)).shape == (3, len(GENRES))


def test_the_reshape_lays_the_rows_of_the_latents_one_after_another() -> None:
    torch.manual_seed(0)
    model, z = small_gan.discriminator(), torch.randn(2, 8, 64)
    for ours, flat in zip(model(z), model(z.reshape(2, 1, 512)), strict=True):
        for a, b in zip(ours, flat, strict=True):
            torch.testing.assert_close(a, b)
    changed = z.clone()
    changed[:, 0] += 5.0  # the first row: the first eighth of the windows, and no other but for the edge
    moved = (model(z)[0][-1] - model(changed)[0][-1]).abs().amax(dim=(0, 1)) > 0
    assert bool(moved[:14].all()) and not bool(moved[26:].any())


def test_each_scale_of_the_reshaped_discriminator_sees_half_the_pace() -> None:
    with torch.device("meta"):
        seen = ReshapedDiscriminator()(torch.zeros(1, 64, 344))
    assert [[layer.shape[-1] for layer in layers] for layers in seen] == [
        [22015, 5504, 1376, 344, 86, 86, 86], [11007, 2752, 688, 172, 43, 43, 43], [5503, 1376, 344, 86, 22, 22, 22],
    ]  # fmt: skip


def test_the_losses_reach_latents_and_parameters_of_the_reshaped_discriminator() -> None:
    torch.manual_seed(0)
    model, real, fake = small_gan.discriminator(), torch.randn(2, 8, 64), torch.randn(2, 8, 64, requires_grad=True)
    discriminator_hinge(model(real), model(fake.detach())).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.ndim > 1)
    for loss in (generator_hinge(model(fake)), feature_matching(model(real), model(fake))):
        (gradient,) = torch.autograd.grad(loss, fake)
        assert float(gradient.abs().sum()) > 0
