"""The weights of D2M-GAN and Creative-GAN that come with the package: the papers' generators at a small size, on the songbook.

First the generator learns the codebook commitment alone (D2M-GAN Eq. 5), once for all four; then each of the four goes on with the whole
objective of its paper, discriminators and all (`papers.gan_step`). Levels are those of the embedded codec's residual code: "high" looks up
its first six codebooks, "low" all ten.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from dance2music import losses
from dance2music.checkpoint import codec_digest, load_model, save_model
from dance2music.codec.embedded import LEVEL_CODEBOOKS
from dance2music.codec.spectral import SpectralCodec, first_codebooks
from dance2music.papers.creative_gan import TemporalMusicVectorGenerator, TemporalMusicVectorGeneratorConfig
from dance2music.papers.d2m_gan_any_length import TemporalD2MGan, TemporalD2MGanConfig
from dance2music.papers.discriminators import ReshapedDiscriminatorConfig
from dance2music.papers.gan_step import GanTrainer, GanTraining, GanWeights
from dance2music.papers.patch_gan import PatchGanConfig
from dance2music.papers.trainings import NARROW_DISCRIMINATOR
from dance2music.recipe.songbook import SongbookConfig
from dance2music.rhythm.clock import CLOCK_FEATURES
from dance2music.train.average import averaged
from dance2music.train.loop import Loop
from dance2music.train.segments import SegmentBatches, StackedSegments
from dance2music.train.start import LoopConfig, start_fabric

log = logging.getLogger(__name__)

KINDS = ("d2m-gan", "creative-gan")
_LOOP = LoopConfig(
    steps=500, learning_rate=2e-4, warmup_steps=50, final_factor=0.1, ema_decay=0.995, grad_clip=10.0, precision="auto",
    accelerator="cpu", threads=1, workers=0, save_every_steps=250, log_every_steps=25,
)  # fmt: skip


def _network() -> TemporalD2MGanConfig:
    return TemporalD2MGanConfig(
        visual=CLOCK_FEATURES,
        channels=128,
        visual_channels=64,
        kernel_size=9,
        dilations=(1, 3, 9),
        sigma=5.0,
        standardize=True,
        clock=True,
    )


@dataclass(frozen=True)
class PaperGans:
    """How the four are made.

    Attributes
    ----------
    regression : of the common beginning, ``regression_batch`` segments a step; ``adversarial`` : of each of the four.
    crop_frames : of each segment so many frames, elsewhere in every step, are decoded for the terms on sound.
    """

    songbook: SongbookConfig = field(default_factory=SongbookConfig)
    network: TemporalD2MGanConfig = field(default_factory=_network)
    noise_dim: int = 16
    regression: LoopConfig = field(default_factory=lambda: replace(_LOOP, steps=13_000, learning_rate=2e-3))
    regression_batch: int = 4
    adversarial: LoopConfig = field(default_factory=lambda: _LOOP)
    batch_size: int = 4
    crop_frames: int = 86
    discriminator: ReshapedDiscriminatorConfig = NARROW_DISCRIMINATOR
    patches: PatchGanConfig = field(default_factory=lambda: PatchGanConfig(channels=(64, 96, 128), strides=(2, 2, 1)))
    discriminator_rate: float = 1.0
    d2m_weights: GanWeights = field(
        default_factory=lambda: GanWeights(adversarial=0.1, feature_matching=1.0, commitment=40.0, waveform=4.0, mel=15.0)
    )
    creative_weights: GanWeights = field(
        default_factory=lambda: GanWeights(
            adversarial=0.1, feature_matching=1.0, commitment=40.0, waveform=0.0, mel=0.0, style=0.05, perceptual=10.0
        )
    )


def regress(config: PaperGans, segments: StackedSegments, codec: SpectralCodec, out_dir: str | Path) -> TemporalD2MGan:
    """The common beginning: a generator that learns the codebook commitment alone. Resumes what ``out_dir`` holds."""
    fabric = start_fabric(config.regression)
    generator = TemporalD2MGan(config.network).train()
    optimizer = torch.optim.Adam(generator.parameters(), lr=config.regression.learning_rate, betas=(0.9, 0.99), fused=True)
    data = SegmentBatches(segments, batch_size=config.regression_batch, seed=config.regression.seed)
    loop = Loop(fabric, config.regression, out_dir, model=generator, optimizers={"generator": optimizer}, data=data,
                about={"kind": "regression of d2m-gan", "codec": codec_digest(codec)}, settings=config)  # fmt: skip
    for _, batch in loop:
        with fabric.autocast():
            z = generator(batch["motion"], batch["visual"], batch["genre"], n_frames=batch["latents"].shape[-1]).float()
        loop.update("generator", {"commitment": losses.codebook_commitment(codec.lookup(batch["codes"]), z)})
    averaged(generator, loop.average)
    save_model(Path(out_dir) / "generator.safetensors", generator, config.network, provenance={"step": loop.step}, storage="float32")
    return generator


class CroppingTrainer(GanTrainer):
    """`GanTrainer` that decodes a part of each segment only, elsewhere in every step."""

    def __init__(self, fabric: Fabric, config: GanTraining, codec: SpectralCodec, crop_frames: int, perceptual: nn.Module | None) -> None:
        super().__init__(fabric, config, codec, perceptual=perceptual)
        self.crop_frames = crop_frames

    def decoded_terms(self, fake: Tensor, audio: Tensor) -> dict[str, Tensor]:
        """See `GanTrainer.decoded_terms`: of latents [B, E, L] and audio [B, 1, N]."""
        hop, n = self.codec.hop_length, min(self.crop_frames, fake.shape[-1])
        start = int(torch.randint(fake.shape[-1] - n + 1, ()))
        return super().decoded_terms(fake[..., start : start + n], audio[..., start * hop : (start + n) * hop])


def gan_training(config: PaperGans, kind: str, level: str) -> GanTraining:
    """The training of one of the four, as `papers.gan_step` knows it."""
    base = GanTraining(
        generator=config.network, discriminator=config.discriminator, codec="embedded", level=level,
        segment_seconds=config.songbook.segment_seconds, batch_size=config.batch_size, loop=config.adversarial, weights=config.d2m_weights,
        discriminator_rate=config.discriminator_rate,
    )  # fmt: skip
    if kind == "d2m-gan":
        return base
    return replace(
        base, generator=TemporalMusicVectorGeneratorConfig(config.network, config.noise_dim), discriminator=config.patches,
        weights=config.creative_weights, adversary="logarithmic", genre_discriminator=True, genre_hidden=48,
    )  # fmt: skip


def begin_with(generator: nn.Module, regressed: TemporalD2MGan) -> None:
    """Put the common beginning into a generator of either paper; what sees the noise begins small."""
    if isinstance(generator, TemporalMusicVectorGenerator):
        own = generator.network.state_dict()
        start = dict(regressed.state_dict())
        name = "visual.conv.weight"
        start[name] = torch.cat([start[name], 0.1 * own[name][:, start[name].shape[1] :]], dim=1)
        generator.network.load_state_dict(start)
    else:
        generator.load_state_dict(regressed.state_dict())


def train_paper_gan(
    config: PaperGans,
    kind: str,
    level: str,
    segments: StackedSegments,
    codec: SpectralCodec,
    regressed: TemporalD2MGan,
    out_dir: str | Path,
    *,
    perceptual: nn.Module | None = None,
) -> nn.Module:
    """One of the four from the common beginning on, by the whole objective of its paper. Resumes what ``out_dir`` holds.

    Writes ``generator.safetensors`` at every regular save and at the end.

    Parameters
    ----------
    perceptual : network that Creative-GAN's perceptual loss compares sounds by; the embedded one by default.
    """
    from dance2music.perception.perceptual import embedded_perceptual

    training = gan_training(config, kind, level)
    perceptual = embedded_perceptual() if perceptual is None else perceptual
    fabric = start_fabric(training.loop)
    own = first_codebooks(codec, LEVEL_CODEBOOKS[level])
    segments = StackedSegments({**segments.tensors, "codes": segments.tensors["codes"][:, : own.n_codebooks]})
    trainer = CroppingTrainer(fabric, training, own, config.crop_frames, perceptual if training.weights.perceptual else None)
    generator = trainer.networks.generator
    begin_with(generator, regressed)
    data = SegmentBatches(segments, batch_size=training.batch_size, seed=training.loop.seed,
                          noise_dim=getattr(training.generator, "noise_dim", 0))  # fmt: skip
    about = {"kind": kind, "level": level, "codec": codec_digest(own)}
    loop = trainer.loop(data, out_dir, about=about)

    def write() -> None:
        assert loop.average is not None
        provenance: Mapping[str, Any] = about | {"step": loop.step, "codebooks": own.n_codebooks, "data": "songbook"}
        save_model(Path(out_dir) / "generator.safetensors", generator, training.generator, state=loop.average.state_dict_of(generator),
                   provenance=provenance)  # fmt: skip

    for _, batch in loop:
        if loop.just_saved:
            write()
        trainer.step(batch, loop)
    write()
    return load_model(Path(out_dir) / "generator.safetensors")
