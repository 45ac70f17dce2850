"""Named trainings of both papers' generators. A name ends in ``-paper`` (the papers' sizes), ``-released`` (the authors' code) or
``-embedded`` (any length, small enough to train on one core). TikTok dance-music has no genres: Creative-GAN's genre discriminator and
style term are off in its presets, which the paper does not say of its Table 3.

"High" and "low" are the papers' two levels: hops 128 and 32 of the Music VQ-VAE. The embedded ones keep the meaning (the low level has
the finer latents) at hops 256 and 128 of two small spectral codecs with one codebook of 2048, see `EMBEDDED_CODECS`.
"""

from __future__ import annotations

from dataclasses import replace

from dance2music.codec.quantizer import CodebookConfig, ResidualQuantizerConfig
from dance2music.codec.spectral import SpectralCodecConfig
from dance2music.papers.creative_gan import TemporalMusicVectorGeneratorConfig
from dance2music.papers.d2m_gan_any_length import TemporalD2MGanConfig
from dance2music.papers.discriminators import ConvLayer, ReshapedDiscriminatorConfig
from dance2music.papers.gan_step import D2M_RELEASED, GanTraining, GanWeights
from dance2music.papers.patch_gan import PatchGanConfig
from dance2music.papers.sizes import CREATIVE_GANS, D2M_GANS, DISCRIMINATORS
from dance2music.train.codec import SpectralCodecTraining
from dance2music.train.pieces import SegmentsConfig
from dance2music.train.start import LoopConfig

LEVELS = ("high", "low")
PAPER_LOOP = LoopConfig(
    steps=1_245_000, learning_rate=1e-4, warmup_steps=0, final_factor=1.0, grad_clip=0.0, precision="32-true", save_every_steps=1000,
    validate_every_steps=5000,
)  # fmt: skip
"""Adam 1e-4, constant (D2M-GAN section 4.1); 3000 epochs of 415 batches of 16 are the released code's."""

RELEASED_GAIN = (0.3, 1.0)
"""D2M-GAN's released loader scales the music of each training segment by a factor between these."""

CREATIVE_WEIGHTS = GanWeights(feature_matching=3.0, commitment=15.0, waveform=0.0, mel=0.0, style=1.0, perceptual=1.0)
"""Creative-GAN Eq. 12. Its weights are not given: those of D2M-GAN, and 1."""

EMBEDDED_LOOP = LoopConfig(
    steps=1200, learning_rate=2e-3, warmup_steps=20, final_factor=0.1, grad_clip=10.0, ema_decay=0.98, save_every_steps=100,
    log_every_steps=10, threads=1, workers=0, validate_every_steps=100,
)  # fmt: skip


CREATIVE_EMBEDDED_WEIGHTS = GanWeights(
    adversarial=0.3, feature_matching=1.0, commitment=5.0, waveform=0.0, mel=0.0, style=0.1, perceptual=20.0
)
"""Of Eq. 12 at the embedded size. The perceptual loss alone says how music sounds at what time, and at 1 its gradient on the generator is a
thirtieth of the commitment's; the rest is a third of `CREATIVE_WEIGHTS`, and less of style, which a small genre discriminator misjudges."""


def spectral_small(hop_length: int, n_fft: int, distortion_weight: float = 0.02) -> SpectralCodecTraining:
    """A small spectral codec with one codebook of 2048, as the papers' lookup needs.

    With a ``distortion_weight`` its codes may hold the phase of the waveform. At hop 128 they then do: music that is 1.5 ms late has
    latents as far from its own as the latents' median is, and no dance tells a generator that.
    """
    codec = SpectralCodecConfig(
        hop_length=hop_length, n_fft=n_fft, encoder_width=128, encoder_depth=2, decoder_width=160, decoder_depth=3,
        quantizer=ResidualQuantizerConfig(n_codebooks=1, dropout=0.0, codebook=CodebookConfig(size=2048, dim=64)),
    )  # fmt: skip
    return SpectralCodecTraining(
        codec=codec,
        segments=SegmentsConfig(n_samples=86 * 256, pieces_per_step=4, segments_per_piece=2, first_pieces=64, steps_per_new_piece=4),
        distortion_weight=distortion_weight,
        loop=LoopConfig(
            steps=1000,
            learning_rate=2e-3,
            warmup_steps=50,
            threads=1,
            workers=0,
            accelerator="cpu",
            save_every_steps=500,
            log_every_steps=50,
        ),
        held_out_pieces=4,
    )


EMBEDDED_CODECS = {"spectral-small-high": spectral_small(256, 1024), "spectral-small-low": spectral_small(128, 512, distortion_weight=0.0)}

NARROW_DISCRIMINATOR = ReshapedDiscriminatorConfig(
    rows=(
        ConvLayer(4, 15, stride=4, reflected=7),
        ConvLayer(16, 41, stride=4, zeros=20),
        ConvLayer(32, 41, stride=4, zeros=20),
        ConvLayer(64, 41, stride=4, zeros=20),
        ConvLayer(64, 5, zeros=2),
        ConvLayer(1, 3, zeros=1),
    )
)
"""Appendix Table 5 with few channels, ungrouped, which is faster on a CPU, and one layer less: the stride of 4 begins with the first."""


def _paper(kind: str, level: str, data: str) -> GanTraining:
    if kind == "creative-gan":
        genres = not data.startswith("tiktok")
        return GanTraining(
            generator=CREATIVE_GANS[f"creative-gan-{level}-{data}"],
            discriminator=DISCRIMINATORS["creative-gan"],
            codec=f"creative-gan-vqvae-{level}",
            level=level,
            loop=PAPER_LOOP,
            weights=CREATIVE_WEIGHTS if genres else replace(CREATIVE_WEIGHTS, style=0.0),
            adversary="logarithmic",
            genre_discriminator=genres,
        )
    form = data.rpartition("-")[2]
    return GanTraining(
        generator=D2M_GANS[f"d2m-gan-{level}-{data}"],
        discriminator=DISCRIMINATORS[f"d2m-gan-{form}"],
        codec=f"vqvae-{level}",
        level=level,
        loop=PAPER_LOOP,
        weights=D2M_RELEASED if form == "released" else GanWeights(),
        straight_through=form != "released",
        gain=RELEASED_GAIN if form == "released" else (1.0, 1.0),
    )


def _embedded(kind: str, level: str) -> GanTraining:
    network = TemporalD2MGanConfig(
        channels=64, visual_channels=16, genre_dim=16, doublings=1 if level == "high" else 2, kernel_size=9, dilations=(1, 3, 9), sigma=5.0,
        standardize=True,
    )  # fmt: skip
    base = GanTraining(
        generator=network,
        discriminator=NARROW_DISCRIMINATOR,
        codec=f"spectral-small-{level}",
        level=level,
        batch_size=4,
        loop=EMBEDDED_LOOP,
        discriminator_rate=0.25,
    )
    if kind == "d2m-gan":
        return base
    return replace(
        base,
        generator=TemporalMusicVectorGeneratorConfig(network),
        discriminator=PatchGanConfig(channels=(32, 64, 64), strides=(2, 2, 1)),
        weights=CREATIVE_EMBEDDED_WEIGHTS,
        adversary="logarithmic",
        genre_discriminator=True,
        genre_hidden=48,
    )


GAN_TRAININGS: dict[str, GanTraining] = {
    **{
        f"d2m-gan-{level}-{data}-{form}": _paper("d2m-gan", level, f"{data}-{form}")
        for level in LEVELS
        for data in ("aist", "tiktok")
        for form in ("paper", "released")
    },
    **{
        f"creative-gan-{level}-{form}": _paper("creative-gan", level, form)
        for level in LEVELS
        for form in ("paper", "tiktok-paper", "holistic")
    },
    **{f"{kind}-{level}-embedded": _embedded(kind, level) for kind in ("d2m-gan", "creative-gan") for level in LEVELS},
}
