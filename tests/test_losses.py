"""Every objective: a value that can be redone by hand, and a gradient that reaches the generator."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dance2music import losses
from dance2music.errors import InputError


def features(*values: float, requires_grad: bool = False) -> losses.Features:
    """One scale per value, a layer of that value and a map of two logits of that value."""
    return [[torch.full((1, 2, 3), v, requires_grad=requires_grad), torch.full((1, 1, 2), v, requires_grad=requires_grad)] for v in values]


def gradient(loss: Tensor, of: Tensor) -> float:
    (grad,) = torch.autograd.grad(loss, of)
    return float(grad.abs().sum())


def test_discriminator_hinge_is_zero_once_both_sides_are_beyond_the_margin() -> None:
    assert float(losses.discriminator_hinge(features(1.5), features(-1.5))) == 0.0


def test_discriminator_hinge_sums_over_scales() -> None:
    one = float(losses.discriminator_hinge(features(0.0), features(0.0)))
    assert one == pytest.approx(2.0)
    assert float(losses.discriminator_hinge(features(0.0, 0.0), features(0.0, 0.0))) == pytest.approx(2 * one)


def test_generator_hinge_is_minus_the_mean_logit_and_has_a_gradient() -> None:
    fake = features(0.25, requires_grad=True)
    loss = losses.generator_hinge(fake)
    assert float(loss) == pytest.approx(-0.25)
    assert gradient(loss, fake[0][-1]) == pytest.approx(1.0)


def test_feature_matching_leaves_the_logits_out_and_moves_only_the_generated_side() -> None:
    real, fake = features(1.0, requires_grad=True), features(0.0, requires_grad=True)
    loss = losses.feature_matching(real, fake)
    assert float(loss) == pytest.approx(1.0)
    assert gradient(loss, fake[0][0]) > 0
    with pytest.raises(RuntimeError):
        torch.autograd.grad(losses.feature_matching(real, features(0.0)), real[0][0])


def test_feature_matching_as_printed_by_creative_gan_sums_a_layer() -> None:
    assert float(losses.feature_matching(features(1.0), features(0.0), normalize=False)) == pytest.approx(6.0)


def test_feature_matching_is_a_mean_over_scales_and_over_the_batch() -> None:
    assert float(losses.feature_matching(features(1.0, 4.0), features(0.0, 0.0))) == pytest.approx((1.0 + 4.0) / 2)
    two = [[torch.cat([layer, layer]) for layer in scale] for scale in features(1.0)]
    zero = [[torch.zeros_like(layer) for layer in scale] for scale in two]
    assert float(losses.feature_matching(two, zero)) == pytest.approx(1.0)
    assert float(losses.feature_matching(two, zero, normalize=False)) == pytest.approx(6.0)


def test_feature_matching_names_the_scale_that_differs() -> None:
    with pytest.raises(InputError, match="scale 1"):
        losses.feature_matching([*features(0.0), [torch.zeros(1)]], features(0.0, 0.0))
    with pytest.raises(InputError, match="1 scales"):
        losses.feature_matching(features(0.0), features(0.0, 0.0))


@pytest.mark.parametrize("loss", [losses.codebook_commitment, losses.latent_distance, losses.waveform, losses.mel])
def test_distances_are_mean_l1_and_reach_the_estimate(loss) -> None:  # type: ignore[no-untyped-def]
    estimate = torch.full((2, 3, 4), 0.1, requires_grad=True)
    value = loss(torch.full((2, 3, 4), 0.5), estimate)
    assert float(value) == pytest.approx(0.4)
    assert gradient(value, estimate) == pytest.approx(1.0)


@pytest.mark.parametrize("loss", [losses.codebook_commitment, losses.latent_distance])
def test_distances_of_latents_do_not_move_the_true_side(loss) -> None:  # type: ignore[no-untyped-def]
    true, estimate = torch.ones(1, 2, 3, requires_grad=True), torch.zeros(1, 2, 3, requires_grad=True)
    assert torch.autograd.grad(loss(true, estimate), true, allow_unused=True, retain_graph=True)[0] is None


def test_style_ambiguity_has_its_minimum_of_3_2508_nats_at_the_uniform_distribution() -> None:
    logits = torch.zeros(1, 10, requires_grad=True)
    loss = losses.style_ambiguity(logits)
    assert float(loss) == pytest.approx(10 * (-0.1 * math.log(0.1) - 0.9 * math.log(0.9)), abs=1e-5)
    assert float(loss) == pytest.approx(3.25083, abs=1e-5)
    assert gradient(loss, logits) == pytest.approx(0.0, abs=1e-6)


def test_style_ambiguity_pulls_a_confident_genre_back_to_the_middle() -> None:
    logits = torch.zeros(1, 10)
    logits[0, 3] = 8.0
    logits.requires_grad_()
    loss = losses.style_ambiguity(logits)
    assert float(loss) > 3.2508
    (grad,) = torch.autograd.grad(loss, logits)
    assert float(grad[0, 3]) > 0 and torch.isfinite(grad).all()


def test_style_ambiguity_stays_finite_for_extreme_logits() -> None:
    logits = torch.zeros(1, 10)
    logits[0, 0] = 80.0
    assert torch.isfinite(losses.style_ambiguity(logits))


def test_genre_and_code_classification_are_log_of_the_number_of_classes_for_flat_logits() -> None:
    assert float(losses.genre_classification(torch.zeros(2, 10), torch.tensor([1, 7]))) == pytest.approx(math.log(10))
    logits = torch.zeros(1, 2, 3, 16, requires_grad=True)
    loss = losses.code_classification(logits, torch.zeros(1, 2, 3, dtype=torch.long))
    assert float(loss) == pytest.approx(math.log(16))
    assert gradient(loss, logits) > 0


def test_classification_is_cheap_where_the_right_class_is_likely_and_dear_where_a_wrong_one_is() -> None:
    sure = torch.zeros(1, 4)
    sure[0, 2] = 5.0
    right = math.log(1 + 3 * math.exp(-5.0))
    for loss, logits, classes in ((losses.genre_classification, sure, (1,)), (losses.code_classification, sure[:, None, None], (1, 1, 1))):
        assert float(loss(logits, torch.full(classes, 2))) == pytest.approx(right, rel=1e-4)
        assert float(loss(logits, torch.full(classes, 1))) == pytest.approx(right + 5.0, rel=1e-4)


def test_logarithmic_objectives_are_binary_cross_entropy_over_patches() -> None:
    assert float(losses.discriminator_logarithmic(features(0.0), features(0.0))) == pytest.approx(2 * math.log(2))
    assert float(losses.discriminator_logarithmic(features(9.0), features(-9.0))) == pytest.approx(2 * math.log1p(math.exp(-9.0)), rel=1e-3)
    two = losses.discriminator_logarithmic(features(0.0, 0.0), features(0.0, 0.0))
    assert float(two) == pytest.approx(4 * math.log(2))


def test_the_non_saturating_objective_keeps_its_gradient_where_the_discriminator_is_sure() -> None:
    fake = features(-9.0, requires_grad=True)
    logits = fake[0][-1]
    strong = gradient(losses.generator_logarithmic(fake), logits)
    weak = gradient(losses.generator_logarithmic(fake, saturating=True), logits)
    assert strong == pytest.approx(1.0, abs=1e-3) and 0 < weak < 1e-3
    assert float(losses.generator_logarithmic(fake, saturating=True)) == pytest.approx(-math.log1p(math.exp(-9.0)), rel=1e-3)


def test_perceptual_loss_is_quadratic_below_one_and_linear_above_and_moves_only_the_estimate() -> None:
    reference = [torch.zeros(1, 2, 3, requires_grad=True), torch.zeros(1, 1, 2)]
    estimate = [torch.full((1, 2, 3), 0.5, requires_grad=True), torch.full((1, 1, 2), -3.0)]
    loss = losses.perceptual(reference, estimate)
    assert float(loss) == pytest.approx((0.5 * 0.5**2 + 2.5) / 2)
    assert gradient(loss, estimate[0]) == pytest.approx(0.5 * 0.5)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(losses.perceptual(reference[:1], estimate[:1]), reference[0])


def test_perceptual_loss_of_sounds_of_unequal_length_is_refused() -> None:
    with pytest.raises(InputError, match="equal length"):
        losses.perceptual([torch.zeros(1, 2, 3)], [torch.zeros(1, 2, 4)])


def test_the_terms_of_the_vqvae_move_one_side_each() -> None:
    z_e, z_q = torch.zeros(1, 2, 3, requires_grad=True), torch.full((1, 2, 3), 2.0, requires_grad=True)
    for loss, moved, kept in ((losses.codebook_loss, z_q, z_e), (losses.latent_commitment, z_e, z_q)):
        value = loss(z_e, z_q)
        assert float(value) == pytest.approx(4.0)
        assert gradient(value, moved) == pytest.approx(4.0)
        assert torch.autograd.grad(loss(z_e, z_q), kept, allow_unused=True)[0] is None
    assert float(losses.reconstruction(torch.ones(2, 4), torch.zeros(2, 4))) == 1.0
