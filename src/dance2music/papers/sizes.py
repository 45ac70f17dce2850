"""Named sizes: what the papers, the authors' code and the embedded weights use. One entry per model that can be built or trained."""

from __future__ import annotations

from dance2music.codec.spectral import SpectralCodecConfig
from dance2music.codec.vqvae import VQVAEObjective
from dance2music.codec.vqvae_config import EMBEDDED_VQVAE, VQVAEConfig
from dance2music.papers import creative_gan as music_vector
from dance2music.papers.creative_gan import MusicVectorGeneratorConfig, TemporalMusicVectorGeneratorConfig
from dance2music.papers.d2m_gan import D2MGanConfig
from dance2music.papers.d2m_gan_any_length import TemporalD2MGanConfig
from dance2music.papers.d2m_tables import paper, released
from dance2music.papers.discriminators import ConvLayer, LatentDiscriminatorConfig, ReshapedDiscriminatorConfig
from dance2music.papers.patch_gan import PatchGanConfig
from dance2music.train.codec import SpectralCodecTraining, VQVAETraining
from dance2music.train.pieces import SegmentsConfig
from dance2music.train.start import LoopConfig


def creative_gan_codec(*, level: int) -> VQVAETraining:
    """The Music VQ-VAE of Creative-GAN (Eq. 1-3, section 4.1.2) at one of its levels: 2 (hop 128, "high") or 1 (hop 32, "low").

    Adam at 1e-5 with betas 0.5 and 0.9, two seconds, batches of 16, plain L1, no clipping, no average. Not in the paper: beta (0.25, van
    den Oord et al. 2017) and the codebook's length (2048, as JukeBox).
    """
    codec = VQVAEConfig(levels=(level,), level=level, codebook_by_gradient=True)
    hop = codec.hop_length_of(level)
    return VQVAETraining(
        codec=codec,
        objective=VQVAEObjective(reconstruction="l1", multispectral_weight=0.0, commitment_weight=0.25),
        betas=(0.5, 0.9),
        segments=SegmentsConfig(n_samples=2 * codec.sample_rate // hop * hop, pieces_per_step=8, segments_per_piece=2),
        loop=LoopConfig(steps=100_000, learning_rate=1e-5, warmup_steps=0, final_factor=1.0, grad_clip=0.0, ema_decay=0.0),
    )


CODECS: dict[str, SpectralCodecConfig | VQVAEConfig] = {
    "spectral-embedded": SpectralCodecConfig(),
    # Jukebox's three levels (hops 8, 32, 128); D2M-GAN calls level 2 "high" and level 1 "low".
    "vqvae": VQVAEConfig(),
    "vqvae-high": VQVAEConfig(levels=(2,), level=2),
    "vqvae-low": VQVAEConfig(levels=(1,), level=1),
    "vqvae-embedded": EMBEDDED_VQVAE,
}

CODEC_TRAININGS: dict[str, SpectralCodecTraining | VQVAETraining] = {
    "spectral-embedded": SpectralCodecTraining(),
    # Jukebox: Adam 3e-4 after 100 steps of warm-up, constant, gradients cut at 1.
    "vqvae-high": VQVAETraining(codec=VQVAEConfig(levels=(2,), level=2)),
    "vqvae-low": VQVAETraining(codec=VQVAEConfig(levels=(1,), level=1)),
    "creative-gan-vqvae-high": creative_gan_codec(level=2),
    "creative-gan-vqvae-low": creative_gan_codec(level=1),
}

D2M_GANS: dict[str, D2MGanConfig | TemporalD2MGanConfig] = {
    # For music of any length: latents of the embedded codec, or of a Music VQ-VAE at its two levels.
    "d2m-gan": TemporalD2MGanConfig(sigma=5.0),
    "d2m-gan-high": TemporalD2MGanConfig(),
    "d2m-gan-low": TemporalD2MGanConfig(doublings=3),
    # Two seconds, 2048 numbers of I3D: the authors' code (published checkpoints fit) and the appendix's tables.
    "d2m-gan-high-aist-released": released("high", "aist"),
    "d2m-gan-low-aist-released": released("low", "aist"),
    "d2m-gan-high-tiktok-released": released("high", "tiktok"),
    "d2m-gan-low-tiktok-released": released("low", "tiktok"),
    "d2m-gan-high-aist-paper": paper("high", "aist"),
    "d2m-gan-low-aist-paper": paper("low", "aist"),
    "d2m-gan-high-tiktok-paper": paper("high", "tiktok"),
    "d2m-gan-low-tiktok-paper": paper("low", "tiktok"),
}

CREATIVE_GANS: dict[str, MusicVectorGeneratorConfig | TemporalMusicVectorGeneratorConfig] = {
    # Two seconds, 2048 numbers of TSN, SMPL motion as AIST++ has it: as the paper trains.
    "creative-gan-high-paper": music_vector.paper("high"),
    "creative-gan-low-paper": music_vector.paper("low"),
    # The same with key points: TikTok dance-music, of Table 3.
    "creative-gan-high-tiktok-paper": music_vector.paper("high", "tiktok"),
    "creative-gan-low-tiktok-paper": music_vector.paper("low", "tiktok"),
    # Body, hands and face as seen in a video, and the inputs that its claims of several genres and takes need.
    "creative-gan-high-holistic": music_vector.paper("high", "holistic", genre_dim=256, noise_dim=128),
    "creative-gan-low-holistic": music_vector.paper("low", "holistic", genre_dim=256, noise_dim=128),
    # For music of any length: latents of the embedded codec, or of a Music VQ-VAE at its two levels.
    "creative-gan-temporal": TemporalMusicVectorGeneratorConfig(TemporalD2MGanConfig(sigma=5.0)),
    "creative-gan-temporal-high": TemporalMusicVectorGeneratorConfig(TemporalD2MGanConfig()),
    "creative-gan-temporal-low": TemporalMusicVectorGeneratorConfig(TemporalD2MGanConfig(doublings=3)),
}

DISCRIMINATORS: dict[str, ReshapedDiscriminatorConfig | LatentDiscriminatorConfig | PatchGanConfig] = {
    "creative-gan": PatchGanConfig(),
    "d2m-gan-temporal": LatentDiscriminatorConfig(),
    "d2m-gan-released": ReshapedDiscriminatorConfig(),
    # Appendix Table 5; paddings as released.
    "d2m-gan-paper": ReshapedDiscriminatorConfig(
        rows=(
            ConvLayer(16, 15, reflected=7),
            ConvLayer(64, 41, stride=4, groups=4, zeros=20),
            ConvLayer(256, 41, stride=4, groups=16, zeros=20),
            ConvLayer(1024, 41, stride=4, groups=64, zeros=20),
            ConvLayer(1024, 41, stride=4, groups=256, zeros=20),
            ConvLayer(1024, 5, zeros=2),
            ConvLayer(1, 3, zeros=1),
        )
    ),
}
