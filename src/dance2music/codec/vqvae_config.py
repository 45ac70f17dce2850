"""Size of the Music VQ-VAE."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VQVAEConfig:
    """Jukebox's ``vqvae`` hyper-parameters; ``downs`` is the number of halvings that each level adds to the one below.

    ``levels`` are held, ``level`` is the one that `VQVAE.encode` and `VQVAE.decode` use.
    """

    sample_rate: int = 22050
    levels: tuple[int, ...] = (0, 1, 2)
    level: int = 2
    downs: tuple[int, ...] = (3, 2, 2)
    multipliers: tuple[int, ...] = (2, 1, 1)
    width: int = 32
    depth: int = 4
    dilation_growth: int = 3
    dim: int = 64
    codebook_size: int = 2048
    ema_decay: float = 0.99
    restart_threshold: float = 1.0
    codebook_by_gradient: bool = False
    """Codebooks that learn by the second term of Creative-GAN Eq. 2 instead of moving averages."""
    reset_restarted: bool = False
    """See `CodebookConfig`; JukeBox does without, but batches with fewer codes than the codebook has need it."""
    untuned: bool = False
    """The decoders before fine-tuning (D2M-GAN section 3.4) are held, too; `one_level` can put them in use."""

    def hop_length_of(self, level: int) -> int:
        """Samples per code of a level: 8, 32, 128."""
        return int(2 ** sum(self.downs[: level + 1]))

    def reach_of(self, level: int) -> int:
        """Bound on the receptive field of a level's encoder and decoder, to either side: whole hops, in samples."""
        hop_length = self.hop_length_of(level)
        dilations = sum(self.dilation_growth**power for power in range(self.depth * self.multipliers[level]))
        return 2 * hop_length * (dilations + 3)


EMBEDDED_VQVAE = VQVAEConfig(depth=3, multipliers=(1, 1, 1), restart_threshold=0.02, reset_restarted=True)
"""What the package brings of it: the published width, three residual blocks instead of four (eight at hop 8)."""
