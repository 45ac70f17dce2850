"""Named sizes: what the papers, the authors' code and the embedded weights use. One entry per model that can be built or trained."""

from __future__ import annotations

from dance2music.codec.spectral import SpectralCodecConfig
from dance2music.codec.vqvae import VQVAEConfig
from dance2music.train.codec import SpectralCodecTraining, VQVAETraining

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
}
