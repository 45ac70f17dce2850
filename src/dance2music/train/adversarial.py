"""The performer's adversarial stage: the objectives of both papers on latents that went through the codebook, with gradients.

A step follows D2M-GAN section 3.5 and Creative-GAN Eq. 12: the discriminators see true and generated latents, then the generator is moved by the
adversarial, feature matching, commitment, waveform, mel and style ambiguity losses, each weighted. Where the published code decodes
without a gradient, here the latents pass the codebook straight through and the frozen decoder hands the gradient on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from dance2music import losses
from dance2music.codec.mel import log_mel
from dance2music.codec.spectral import SpectralCodec
from dance2music.data.pairs import Pair
from dance2music.models.discriminators import GenreDiscriminator, LatentDiscriminator, LatentDiscriminatorConfig
from dance2music.models.performer import Performer, tables_of
from dance2music.music.plan import Vocabulary
from dance2music.train.generator import PerformerData, PerformerTrainConfig
from dance2music.train.loop import Loop, LoopConfig, start_fabric


@dataclass(frozen=True)
class ObjectiveWeights:
    """Weights of the generator's objective: D2M-GAN section 4.1 and Creative-GAN Eq. 12; ``code_class`` is ours."""

    adversarial: float = 1.0
    feature_matching: float = 3.0
    commitment: float = 15.0
    waveform: float = 40.0
    mel: float = 15.0
    style: float = 0.1
    code_class: float = 1.0


@dataclass(frozen=True)
class AdversarialTrainConfig:
    """One run of the adversarial stage."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=1500, learning_rate=1e-4, warmup_steps=50, workers=1))
    weights: ObjectiveWeights = field(default_factory=ObjectiveWeights)
    discriminator: LatentDiscriminatorConfig = field(default_factory=LatentDiscriminatorConfig)
    discriminator_rate: float = 0.5
    """Learning rate of the discriminators as a share of the generator's: at equal rates they win early."""
    batch_size: int = 8
    crop_frames: int = 160
    temperature: float = 1.0


class AdversarialSetup(nn.Module):
    """Everything that is trained in this stage, as one module."""

    def __init__(self, performer: Performer, config: AdversarialTrainConfig) -> None:
        super().__init__()
        self.performer = performer
        self.discriminator = LatentDiscriminator(config.discriminator)
        self.genre = GenreDiscriminator(config.discriminator.latent_dim)


def straight_through_latents(logits: Tensor, codec: SpectralCodec, *, temperature: float = 1.0) -> Tensor:
    """Latents that were looked up, with a gradient to the logits.

    The value is the lookup of the likeliest codes; the gradient is that of the expected codebook entry.

    Parameters
    ----------
    logits : Tensor [B, Q, L, K].

    Returns
    -------
    Tensor [B, E, L].
    """
    chosen = codec.lookup(logits.argmax(dim=-1))
    expected = torch.einsum("bqlk,qke->bel", torch.softmax(logits / temperature, dim=-1), tables_of(codec).to(logits.dtype))
    return expected + (chosen - expected).detach()


def train_adversarial(
    performer: Performer,
    codec: SpectralCodec,
    pairs: Sequence[Pair],
    vocabulary: Vocabulary,
    config: AdversarialTrainConfig,
    out_dir: str | Path,
) -> Performer:
    """Fine-tune a performer with the papers' objective and return it with its averaged weights; resumes what ``out_dir`` holds."""
    fabric = start_fabric(config.loop)
    data = PerformerData(
        pairs,
        PerformerTrainConfig(loop=config.loop, batch_size=config.batch_size, crop_frames=config.crop_frames),
        vocabulary,
        codec.sample_rate / codec.hop_length,
    )
    setup = AdversarialSetup(performer, config)
    rate = config.loop.learning_rate
    critics = [*setup.discriminator.parameters(), *setup.genre.parameters()]
    g_optimizer = torch.optim.Adam(performer.parameters(), lr=rate, betas=(0.5, 0.9))
    d_optimizer = torch.optim.Adam([{"params": critics, "scale": config.discriminator_rate}], lr=rate, betas=(0.5, 0.9))
    loop = Loop(fabric, config.loop, out_dir, model=setup, optimizers={"generator": g_optimizer, "discriminator": d_optimizer}, data=data)
    setup.to(fabric.device).train()
    codec = codec.to(fabric.device).eval().requires_grad_(False)
    performer.attach(tables_of(codec))
    for _, batch in loop:
        with torch.no_grad():
            z_real = codec.lookup(batch["codes"])
            audio_real = codec.decode(z_real)
        with fabric.autocast():
            features = performer.trunk_features(batch["drums"], batch["pitched"], batch["programs"], batch["sound"], batch["genre"])
            logits, _ = performer(features, batch["codes"])
        z_fake = straight_through_latents(logits.float(), codec, temperature=config.temperature)
        d_losses = discriminator_losses(setup, z_real, z_fake.detach(), batch["genre"])
        fabric.backward(d_losses["discriminator"] + d_losses["genre"])
        torch.nn.utils.clip_grad_norm_(critics, config.loop.grad_clip)
        d_optimizer.step()
        d_optimizer.zero_grad()
        g_losses = generator_losses(setup, codec, z_real, z_fake, audio_real)
        g_losses["code_class"] = losses.code_classification(logits.float(), batch["codes"])
        total = weighted(g_losses, config.weights)
        fabric.backward(total)
        torch.nn.utils.clip_grad_norm_(performer.parameters(), config.loop.grad_clip)
        g_optimizer.step()
        g_optimizer.zero_grad()
        d_optimizer.zero_grad()
        loop.log(**d_losses, **g_losses, total=total)
    assert loop.average is not None
    setup.load_state_dict(loop.average.state_dict_of(setup))
    return performer.eval()


def discriminator_losses(setup: AdversarialSetup, real: Tensor, fake: Tensor, genre: Tensor) -> dict[str, Tensor]:
    """What moves the discriminators; the genre discriminator learns from true music only."""
    return {
        "discriminator": losses.discriminator_hinge(setup.discriminator(real), setup.discriminator(fake)),
        "genre": losses.genre_classification(setup.genre(real), genre),
    }


def generator_losses(setup: AdversarialSetup, codec: SpectralCodec, real: Tensor, fake: Tensor, audio_real: Tensor) -> dict[str, Tensor]:
    """What moves the generator, unweighted: the terms of both papers; the names are those of `ObjectiveWeights`."""
    seen_real, seen_fake = setup.discriminator(real), setup.discriminator(fake)
    audio_fake = codec.decode(fake)
    return {
        "adversarial": losses.generator_hinge(seen_fake),
        "feature_matching": losses.feature_matching(seen_real, seen_fake),
        "commitment": losses.codebook_commitment(real, fake),
        "waveform": losses.waveform(audio_real, audio_fake),
        "mel": losses.mel(log_mel(audio_real, codec.sample_rate), log_mel(audio_fake, codec.sample_rate)),
        "style": losses.style_ambiguity(setup.genre(fake)),
    }


def weighted(terms: dict[str, Tensor], weights: ObjectiveWeights) -> Tensor:
    """Weighted sum of the generator's terms; a weight of 0 leaves its term out."""
    return torch.stack([getattr(weights, name) * value for name, value in terms.items() if getattr(weights, name)]).sum()
