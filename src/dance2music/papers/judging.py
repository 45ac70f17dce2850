"""What discriminators of both papers say, and the two adversarial objectives over it."""

from __future__ import annotations

from dance2music import losses

ADVERSARIES = {
    "hinge": (losses.discriminator_hinge, losses.generator_hinge),
    "logarithmic": (losses.discriminator_logarithmic, losses.generator_logarithmic),
}
"""D2M-GAN Eq. 2 and 3, Creative-GAN Eq. 4."""


def logits(features: losses.Features) -> losses.Features:
    """The last layer of each scale alone, in float32, whatever autocast made of it."""
    return [[scale[-1].float()] for scale in features]


def in_float(features: losses.Features) -> losses.Features:
    """The features in float32, whatever autocast made of them: losses are computed in full precision."""
    return [[layer.float() for layer in scale] for scale in features]
