"""From a score plan to codec latents: the half of the embedded generator that makes the sound.

Each pitched role passes through one shared encoder that is told its instrument, the drums through another; their sum, like the sum of
sounds in a mix, passes through a trunk together with a sketch of the notes (`methods.sketch`). The trunk ends in latents that are looked up
in the codec's codebooks, in the manner of the papers (D2M-GAN section 3.2), or, as an option, in a classifier over the codes, coarse to
fine. Everything is convolutional over time with a finite receptive field, so that music of any length is made in windows without seams.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.codec.spectral import SpectralCodec
from dance2music.composer.genres import PROGRAMS
from dance2music.methods.plan import PITCHED_ROLES
from dance2music.methods.roll import N_DRUM_CHANNELS, N_PITCH_CHANNELS
from dance2music.nn.blocks import ConvNeXtBlock
from dance2music.types import GENRES


@dataclass(frozen=True)
class PerformerConfig:
    """Sizes of the performer. The latents must be those of the codec that it is trained for; ``n_codebooks`` are the codec's first."""

    latent_dim: int = 64
    n_codebooks: int = 6
    codebook_size: int = 1024
    role_channels: int = 160
    role_dilations: tuple[int, ...] = (1, 3, 9)
    trunk_channels: int = 256
    trunk_dilations: tuple[int, ...] = (1, 3, 9, 1, 3, 9)
    kernel_size: int = 7
    n_sounds: int = 4
    """Soundfonts that the performer can be asked to sound like."""
    classify: bool = False
    """Choose codes with a classifier; else regress latents and look up the nearest codes, as the papers do."""
    sketch: bool = True
    """See the latents of a sketch of the notes, which tell where in its cycle a held tone is."""
    fused_dim: int = 0
    """Features of the dance that the trunk sees beside the plan; 0 where the plan carries them all."""


class Performer(nn.Module):
    """Rolls and a sketch in, latents (or codes) out."""

    def __init__(self, config: PerformerConfig) -> None:
        super().__init__()
        self.config = config
        R, C, k = config.role_channels, config.trunk_channels, config.kernel_size
        self.program = nn.Embedding(len(PROGRAMS), R)
        self.role = nn.Embedding(len(PITCHED_ROLES), R)
        self.sound = nn.Embedding(config.n_sounds, R)
        self.genre = nn.Embedding(len(GENRES), R)
        self.pitched_in = nn.Conv1d(N_PITCH_CHANNELS, R, 3, padding=1)
        self.pitched_blocks = nn.ModuleList(ConvNeXtBlock(R, kernel_size=k, dilation=d, condition_dim=R) for d in config.role_dilations)
        self.pitched_out = nn.Conv1d(R, C, 1)
        self.drums_in = nn.Conv1d(N_DRUM_CHANNELS, R, 3, padding=1)
        self.drums_blocks = nn.ModuleList(ConvNeXtBlock(R, kernel_size=k, dilation=d, condition_dim=R) for d in config.role_dilations)
        self.drums_out = nn.Conv1d(R, C, 1)
        self.sketch_in = nn.Conv1d(config.latent_dim, C, 3, padding=1) if config.sketch else None
        self.fused_in = nn.Conv1d(config.fused_dim, C, 1) if config.fused_dim else None
        self.trunk = nn.ModuleList(ConvNeXtBlock(C, kernel_size=k, dilation=d) for d in config.trunk_dilations)
        self.norm = nn.LayerNorm(C)
        self.latents = nn.Linear(C, config.latent_dim)
        self.codes = CodeHead(config) if config.classify else None

    @property
    def receptive_frames(self) -> int:
        """Frames that one output frame sees to each side."""
        half = (self.config.kernel_size - 1) // 2
        return 1 + half * (sum(self.config.role_dilations) + sum(self.config.trunk_dilations))

    def features(
        self,
        drums: Tensor,
        pitched: Tensor,
        programs: Tensor,
        sound: Tensor,
        genre: Tensor,
        sketch: Tensor | None = None,
        fused: Tensor | None = None,
        present: Tensor | None = None,
    ) -> Tensor:
        """Hidden features of the mix.

        Parameters
        ----------
        drums : Tensor [B, N_DRUM_CHANNELS, L]; pitched : Tensor [B, 4, N_PITCH_CHANNELS, L] (`methods.roll.frame_roll`).
        programs : int64 Tensor [B, 4], index into `PROGRAMS` per role.
        sound, genre : int64 Tensor [B].
        sketch : Tensor [B, E, L], the codec's latents of the sketch, where the config asks for it.
        fused : Tensor [B, fused_dim, L], features of the dance, where the config asks for them.
        present : bool Tensor [B, 4], roles that play anywhere in the piece: a silent one adds nothing. By default as seen in ``pitched``;
            windows of one piece have to agree.

        Returns
        -------
        Tensor [B, L, C].
        """
        B, R, _, L = pitched.shape
        common = self.sound(sound) + self.genre(genre)  # [B, C_role]
        roles = torch.arange(R, device=pitched.device)
        condition = (self.program(programs) + self.role(roles)[None] + common[:, None]).flatten(0, 1)  # [B * 4, C_role]
        x = self.pitched_in(pitched.flatten(0, 1))
        for block in self.pitched_blocks:
            x = block(x, condition)
        present = pitched.flatten(2).amax(dim=2) > 0 if present is None else present
        x = (self.pitched_out(x).view(B, R, -1, L) * present[:, :, None, None].to(x.dtype)).sum(dim=1)
        y = self.drums_in(drums)
        for block in self.drums_blocks:
            y = block(y, common)
        x = x + self.drums_out(y)
        for layer, more, name in ((self.sketch_in, sketch, "a sketch"), (self.fused_in, fused, "features of the dance")):
            if layer is not None:
                assert more is not None, f"this performer was built to see {name}"
                x = x + layer(more)
        for block in self.trunk:
            x = block(x)
        return self.norm(x.transpose(1, 2))

    def regress(self, features: Tensor) -> Tensor:
        """Latents [B, E, L] of features [B, L, C]; each frame has mean square 1, as the codec's have."""
        z = self.latents(features).float()
        return (z * (z.square().mean(dim=-1, keepdim=True) + 1e-4).rsqrt()).transpose(1, 2)


class CodeHead(nn.Module):
    """Classifier over the codes of the residual codebooks, coarse to fine: each sees the sum of the entries chosen before it."""

    def __init__(self, config: PerformerConfig) -> None:
        super().__init__()
        Q, C = config.n_codebooks, config.trunk_channels
        self.chosen = nn.ModuleList(nn.Linear(config.latent_dim, C) for _ in range(Q - 1))
        self.deepen = nn.ModuleList(nn.Linear(C, C) for _ in range(Q))
        self.logits = nn.ModuleList(nn.Linear(C, config.codebook_size) for _ in range(Q))
        self.register_buffer("tables", torch.zeros(Q, config.codebook_size, config.latent_dim), persistent=False)

    def attach(self, codec: SpectralCodec) -> None:
        """Learn the codec's first codebooks: entries that were chosen are seen as vectors, not as numbers."""
        tables = self.get_buffer("tables")
        tables.copy_(tables_of(codec)[: len(tables)])

    def forward(self, features: Tensor, codes: Tensor) -> Tensor:
        """Teacher-forced logits [B, Q, L, K] of features [B, L, C] and codes int64 [B, Q, L]."""
        return torch.stack([logits for logits, _ in self._steps(features, codes)], dim=1)

    def choose(self, features: Tensor) -> Tensor:
        """The likeliest codes [B, Q, L], coarse to fine."""
        return torch.stack([codes for _, codes in self._steps(features, None)], dim=1)

    def _steps(self, features: Tensor, codes: Tensor | None) -> list[tuple[Tensor, Tensor]]:
        steps: list[tuple[Tensor, Tensor]] = []
        history, z = features, torch.zeros((), device=features.device)
        for q, (deepen, out) in enumerate(zip(self.deepen, self.logits)):
            if q:
                z = z + F.embedding(steps[-1][1], self.get_buffer("tables")[q - 1])
                history = features + self.chosen[q - 1](z)
            logits = out(F.gelu(deepen(history)))
            steps.append((logits, logits.argmax(dim=-1) if codes is None else codes[:, q]))
        return steps


def tables_of(codec: SpectralCodec) -> Tensor:
    """The codebooks of a codec, Tensor [Q, K, E]."""
    return torch.stack([book.get_buffer("k") for book in codec.quantizer.codebooks])


def quantized(latents: Tensor, codec: SpectralCodec) -> Tensor:
    """Codes int64 [B, Q, L] that lie nearest to latents [B, E, L]."""
    return codec.quantize(latents).codes
