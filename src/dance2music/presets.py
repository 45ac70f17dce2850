"""Named sizes: what the papers, the authors' code and the embedded weights use. One entry per model that can be built or trained."""

from __future__ import annotations

from dance2music.codec.spectral import SpectralCodecConfig
from dance2music.codec.vqvae import VQVAEConfig, VQVAEObjective
from dance2music.train.codec import SpectralCodecTraining, VQVAETraining
from dance2music.train.loop import LoopConfig
from dance2music.train.pieces import SegmentsConfig


def creative_gan_codec(*, level: int) -> VQVAETraining:
    """The Music VQ-VAE of Creative-GAN (Eq. 1-3, section 4.1.2) at one of its levels: 2 (hop 128, "high") or 1 (hop 32, "low").

    Adam at 1e-5 with betas 0.5 and 0.9, two seconds, batches of 16, plain L1. Not in the paper: beta (0.25, van den Oord et al. 2017)
    and the codebook's length (2048, as JukeBox).
    """
    codec = VQVAEConfig(levels=(level,), level=level, codebook_by_gradient=True)
    hop = codec.hop_length_of(level)
    return VQVAETraining(
        codec=codec,
        objective=VQVAEObjective(reconstruction="l1", multispectral_weight=0.0, commitment_weight=0.25),
        betas=(0.5, 0.9),
        segments=SegmentsConfig(n_samples=2 * codec.sample_rate // hop * hop, pieces_per_step=8, segments_per_piece=2),
        loop=LoopConfig(steps=100_000, learning_rate=1e-5, warmup_steps=0, final_factor=1.0),
    )


CODECS: dict[str, SpectralCodecConfig | VQVAEConfig] = {
    "spectral-embedded": SpectralCodecConfig(),
    # Jukebox's three levels (hops 8, 32, 128); D2M-GAN calls level 2 "high" and level 1 "low".
    "vqvae": VQVAEConfig(),
    "vqvae-high": VQVAEConfig(levels=(2,), level=2),
    "vqvae-low": VQVAEConfig(levels=(1,), level=1),
}

CODEC_TRAININGS: dict[str, SpectralCodecTraining | VQVAETraining] = {
    "spectral-embedded": SpectralCodecTraining(),
    # Jukebox: Adam 3e-4 after 100 steps of warm-up, constant, gradients cut at 1.
    "vqvae-high": VQVAETraining(codec=VQVAEConfig(levels=(2,), level=2)),
    "vqvae-low": VQVAETraining(codec=VQVAEConfig(levels=(1,), level=1)),
    "creative-gan-vqvae-high": creative_gan_codec(level=2),
    "creative-gan-vqvae-low": creative_gan_codec(level=1),
}
