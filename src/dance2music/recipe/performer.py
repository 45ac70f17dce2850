"""Training of the performer with the papers' objective, whose gradients really reach it.

A step follows D2M-GAN section 3.5 and Creative-GAN Eq. 12: the discriminators see true and generated latents, then the generator is moved
by the adversarial, feature matching, commitment, waveform, mel and style ambiguity losses, each weighted. Where the published code
decodes without a gradient, here the latents pass the codebook straight through and the frozen decoder hands the gradient on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from dance2music import losses
from dance2music.codec.lookup import straight_through
from dance2music.codec.spectral import SpectralCodec
from dance2music.methods.performer import Performer
from dance2music.methods.plan import Vocabulary
from dance2music.papers.discriminators import GenreDiscriminator, LatentDiscriminator, LatentDiscriminatorConfig
from dance2music.recipe.pairs import Pair
from dance2music.recipe.planner import CropConfig, PerformerData, performer_features
from dance2music.train.average import averaged
from dance2music.train.codec import mel_loss
from dance2music.train.loop import Loop
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric


@dataclass(frozen=True)
class ObjectiveWeights:
    """Weights of the generator's objective (D2M-GAN section 4.1, Creative-GAN Eq. 12).

    The papers' are 1, 3, 15, 40 and 15. Commitment and waveform, which ask for the phase of the true music, weigh less here: a plan does
    not determine it, and insisting on it blurs held tones.
    """

    adversarial: float = 0.5
    feature_matching: float = 1.5
    commitment: float = 2.0
    waveform: float = 4.0
    mel: float = 15.0
    style: float = 0.05


@dataclass(frozen=True)
class PerformerTrainConfig:
    """One run of the performer."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(steps=4400, learning_rate=8e-4, warmup_steps=200, precision="auto", save_every_steps=250)
    )
    crops: CropConfig = field(default_factory=CropConfig)
    weights: ObjectiveWeights = field(default_factory=ObjectiveWeights)
    discriminator: LatentDiscriminatorConfig = field(default_factory=LatentDiscriminatorConfig)
    discriminator_rate: float = 0.25
    """Learning rate of the discriminators as a share of the generator's: at equal rates they win early."""
    adversarial_from: int = 3400
    """Step from which there are discriminators: before it, what they would judge is not yet music."""


class Setup(nn.Module):
    """Everything that is trained, as one module."""

    def __init__(self, performer: Performer, config: PerformerTrainConfig) -> None:
        super().__init__()
        self.performer = performer
        self.discriminator = LatentDiscriminator(config.discriminator)
        self.genre = GenreDiscriminator(config.discriminator.latent_dim)


def train_performer(
    performer: Performer,
    codec: SpectralCodec,
    pairs: Sequence[Pair],
    vocabulary: Vocabulary,
    config: PerformerTrainConfig,
    out_dir: str | Path,
) -> Performer:
    """Train a performer on pairs with codes of ``codec`` (which stays as it is) and return it with its averaged weights.

    Resumes what ``out_dir`` holds.

    Raises
    ------
    TrainingDiverged
        If a loss or a gradient is no number; the last checkpoint stays.
    """
    fabric = start_fabric(config.loop)
    data = PerformerData(pairs, config.crops, vocabulary, codec.sample_rate / codec.hop_length, seed=config.loop.seed)
    setup = Setup(performer, config)
    rate = config.loop.learning_rate
    d_params = [*setup.discriminator.parameters(), *setup.genre.parameters()]
    g_optimizer = torch.optim.AdamW(performer.parameters(), lr=rate, betas=(0.8, 0.98), weight_decay=0.01)
    d_optimizer = torch.optim.AdamW([{"params": d_params, "scale": config.discriminator_rate}], lr=rate, betas=(0.5, 0.9))
    optimizers = {"generator": g_optimizer, "discriminator": d_optimizer}
    loop = Loop(fabric, config.loop, out_dir, model=setup, optimizers=optimizers, data=process_share(fabric, data), settings=config)
    setup.train()
    codec = codec.to(fabric.device).eval().requires_grad_(False)
    for step, batch in loop:
        with torch.no_grad(), fabric.autocast():
            real = codec.lookup(batch["codes"][:, : performer.config.n_codebooks])
            audio = codec.decode(real).float()
        with fabric.autocast():
            latents = performer.regress(performer_features(performer, batch))
            fake = straight_through(latents, codec, performer.config.n_codebooks)
            g_losses = reconstruction_losses(codec, real, fake, audio)
        if step >= config.adversarial_from:
            with fabric.autocast():
                d_losses = discriminator_losses(setup, real, fake.detach(), batch["genre"])
            loop.update("discriminator", d_losses)
            with fabric.autocast():
                g_losses |= adversarial_losses(setup, real, fake)
        loop.update("generator", g_losses, vars(config.weights))
    averaged(setup, loop.average)
    return performer.eval()


def discriminator_losses(setup: Setup, real: Tensor, fake: Tensor, genre: Tensor) -> dict[str, Tensor]:
    """What moves the discriminators, for latents [B, E, L] and genre [B]; the genre discriminator learns from true music only."""
    return {
        "discriminator": losses.discriminator_hinge(setup.discriminator(real), setup.discriminator(fake)),
        "genre": losses.genre_classification(setup.genre(real), genre),
    }


def reconstruction_losses(codec: SpectralCodec, real: Tensor, fake: Tensor, audio: Tensor) -> dict[str, Tensor]:
    """What the generator loses against the true music, unweighted; the names are those of `ObjectiveWeights`.

    ``real`` and ``fake`` are latents [B, E, L], ``audio`` the true music [B, 1, N].
    """
    heard = codec.decode(fake).float()
    return {
        "commitment": losses.codebook_commitment(real, fake),
        "waveform": losses.waveform(audio, heard),
        "mel": mel_loss(audio, heard, sample_rate=codec.sample_rate),
    }


def adversarial_losses(setup: Setup, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """What the generator loses before the discriminators, unweighted; the names are those of `ObjectiveWeights`.

    ``real`` and ``fake`` are latents [B, E, L].
    """
    seen_real, seen_fake = setup.discriminator(real), setup.discriminator(fake)
    return {
        "adversarial": losses.generator_hinge(seen_fake),
        "feature_matching": losses.feature_matching(seen_real, seen_fake),
        "style": losses.style_ambiguity(setup.genre(fake).float()),
    }
