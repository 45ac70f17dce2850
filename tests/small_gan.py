"""A D2M-GAN of a few thousand parameters with its codec and its discriminator, for tests."""

from __future__ import annotations

import torch

from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.nn.conv_stack import MotionEncoderConfig, Row, StackConfig
from dance2music.papers.d2m_gan import D2MGan, D2MGanConfig, VQGeneratorConfig
from dance2music.papers.discriminators import ConvLayer, ReshapedDiscriminator, ReshapedDiscriminatorConfig
from oracles import filled

DIM = 8
VISUAL = 6
FRAMES, FEATURES = 60, 75
MOTION = MotionEncoderConfig(
    StackConfig((Row(8, 6, after="relu"), Row(1, 4, before="leaky", stack=False)), dilations=(1, 3)),
    frames=FRAMES, features=FEATURES, hidden=30, out=12,
)  # fmt: skip
GENERATOR = VQGeneratorConfig(
    StackConfig((Row(8, 6, 2, zeros=1), Row(8, 5, zeros=2, before="leaky"), Row(DIM, 3, zeros=1, before="leaky", stack=False)), (1, 3)),
    fused=12 + VISUAL, genre_dim=4, sequence=346,
)  # fmt: skip
CONFIG = D2MGanConfig(MOTION, GENERATOR, visual=VISUAL)
N_FRAMES = GENERATOR.n_frames
CODEC = VQVAEConfig(levels=(1,), level=1, downs=(3, 5), width=4, depth=1, dim=DIM, codebook_size=16)
"""Hop 256: 172 latents are two seconds."""
DISCRIMINATOR = ReshapedDiscriminatorConfig(
    (ConvLayer(8, 15, reflected=7), ConvLayer(8, 41, stride=4, groups=4, zeros=20), ConvLayer(1, 3, zeros=1))
)


def generator() -> D2MGan:
    """With weights that let its output differ from frame to frame, unlike a new one's."""
    return filled(D2MGan(CONFIG), "B").train()


def codec(seed: int = 1) -> VQVAE:
    """Frozen, with a random codebook."""
    torch.manual_seed(seed)
    model = VQVAE(CODEC)
    model.bottleneck.level_blocks["1"].k.copy_(10 * torch.randn(CODEC.codebook_size, DIM))
    return model.eval().requires_grad_(False)


def discriminator(seed: int = 2) -> ReshapedDiscriminator:
    torch.manual_seed(seed)
    return ReshapedDiscriminator(DISCRIMINATOR)
