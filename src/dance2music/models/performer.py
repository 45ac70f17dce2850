"""From a score plan to codec latents: the half of the embedded generator that makes the sound.

Each pitched role passes through one shared encoder that is told its instrument, the drums through another; their sum, like the sum of
sounds in a mix, passes through a trunk that also sees the fused features of the dance. The trunk ends in two heads: a classifier over the
codes of the residual codebooks, coarse to fine (each codebook sees the entries chosen before it), and a regression of the latents
in the manner of the papers (D2M-GAN section 3.2: a generator whose output is looked up in the codebook).
Everything is convolutional over time with a finite receptive field, so that music of any length is made in windows without seams.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.codec.spectral import SpectralCodec
from dance2music.models.blocks import ConvNeXtBlock
from dance2music.music.genres import PROGRAMS
from dance2music.music.plan import PITCHED_ROLES
from dance2music.music.roll import N_DRUM_CHANNELS, N_PITCH_CHANNELS
from dance2music.types import GENRES


@dataclass(frozen=True)
class PerformerConfig:
    """Sizes of the performer. The codec's sizes must match the codec that it is trained for."""

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
    fused_dim: int = 0
    """Features of the dance that the trunk sees beside the plan; 0 where the plan carries them all."""


class Performer(nn.Module):
    """Rolls [B, ...] in, logits over codes and latents out."""

    def __init__(self, config: PerformerConfig) -> None:
        super().__init__()
        self.config = config
        R, C = config.role_channels, config.trunk_channels
        self.program = nn.Embedding(len(PROGRAMS), R)
        self.role = nn.Embedding(len(PITCHED_ROLES), R)
        self.sound = nn.Embedding(config.n_sounds, R)
        self.genre = nn.Embedding(len(GENRES), R)
        self.pitched_in = nn.Conv1d(N_PITCH_CHANNELS, R, 3, padding=1)
        self.pitched_blocks = nn.ModuleList(
            ConvNeXtBlock(R, kernel_size=config.kernel_size, dilation=d, condition_dim=R) for d in config.role_dilations
        )
        self.pitched_out = nn.Conv1d(R, C, 1)
        self.drums_in = nn.Conv1d(N_DRUM_CHANNELS, R, 3, padding=1)
        self.drums_blocks = nn.ModuleList(
            ConvNeXtBlock(R, kernel_size=config.kernel_size, dilation=d, condition_dim=R) for d in config.role_dilations
        )
        self.drums_out = nn.Conv1d(R, C, 1)
        self.fused_in = nn.Conv1d(config.fused_dim, C, 1) if config.fused_dim else None
        self.trunk = nn.ModuleList(ConvNeXtBlock(C, kernel_size=config.kernel_size, dilation=d) for d in config.trunk_dilations)
        self.norm = nn.LayerNorm(C)
        self.latents = nn.Linear(C, config.latent_dim)
        self.chosen = nn.ModuleList(nn.Linear(config.latent_dim, C) for _ in range(config.n_codebooks - 1))
        self.deepen = nn.ModuleList(nn.Linear(C, C) for _ in range(config.n_codebooks))
        self.logits = nn.ModuleList(nn.Linear(C, config.codebook_size) for _ in range(config.n_codebooks))
        tables = torch.zeros(config.n_codebooks, config.codebook_size, config.latent_dim)
        self.register_buffer("tables", tables, persistent=False)

    def attach(self, tables: Tensor) -> None:
        """Learn the codec's codebooks, Tensor [Q, K, E] (`tables_of`): entries that were chosen are seen as vectors, not as numbers."""
        own = self.get_buffer("tables")
        assert tables.shape == own.shape, f"codebooks {list(tables.shape)} do not fit a performer of {list(own.shape)}"
        own.copy_(tables)

    @property
    def receptive_frames(self) -> int:
        """Frames that one output frame sees to each side."""
        half = (self.config.kernel_size - 1) // 2
        return 1 + half * (sum(self.config.role_dilations) + sum(self.config.trunk_dilations))

    def trunk_features(
        self, drums: Tensor, pitched: Tensor, programs: Tensor, sound: Tensor, genre: Tensor, fused: Tensor | None = None
    ) -> Tensor:
        """Hidden features of the mix.

        Parameters
        ----------
        drums : Tensor [B, N_DRUM_CHANNELS, L]; pitched : Tensor [B, 4, N_PITCH_CHANNELS, L] (`music.roll.frame_roll`).
        programs : int64 Tensor [B, 4], index into `PROGRAMS` per role.
        sound, genre : int64 Tensor [B].
        fused : Tensor [B, fused_dim, L] or None.

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
        present = (pitched.flatten(2).amax(dim=2) > 0).to(x.dtype)  # [B, 4]: a silent role adds nothing
        x = (self.pitched_out(x).view(B, R, -1, L) * present[:, :, None, None]).sum(dim=1)
        y = self.drums_in(drums)
        for block in self.drums_blocks:
            y = block(y, common)
        x = x + self.drums_out(y)
        if self.fused_in is not None and fused is not None:
            x = x + self.fused_in(fused)
        for block in self.trunk:
            x = block(x)
        return self.norm(x.transpose(1, 2))

    def forward(self, features: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Teacher-forced heads.

        Parameters
        ----------
        features : Tensor [B, L, C] from `trunk_features`; codes : int64 Tensor [B, Q, L].

        Returns
        -------
        logits : Tensor [B, Q, L, K]; latents : Tensor [B, E, L].
        """
        logits, history, z = [], features, torch.zeros(())
        for q in range(self.config.n_codebooks):
            logits.append(self.logits[q](F.gelu(self.deepen[q](history))))
            if q + 1 < self.config.n_codebooks:
                z = z + F.embedding(codes[:, q], self.get_buffer("tables")[q])
                history = features + self.chosen[q](z)
        return torch.stack(logits, dim=1), self.latents(features).transpose(1, 2)

    def choose(self, features: Tensor, *, temperature: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        """Codes [B, Q, L], coarse to fine; the likeliest at temperature 0, else drawn."""
        codes, history, z = [], features, torch.zeros(())
        for q in range(self.config.n_codebooks):
            logits = self.logits[q](F.gelu(self.deepen[q](history)))
            if temperature > 0:
                p = torch.softmax(logits / temperature, dim=-1)
                chosen = torch.multinomial(p.flatten(0, 1), 1, generator=generator).view(p.shape[:2])
            else:
                chosen = logits.argmax(dim=-1)
            codes.append(chosen)
            if q + 1 < self.config.n_codebooks:
                z = z + F.embedding(chosen, self.get_buffer("tables")[q])
                history = features + self.chosen[q](z)
        return torch.stack(codes, dim=1)


def tables_of(codec: SpectralCodec) -> Tensor:
    """The codebooks of a codec, Tensor [Q, K, E]."""
    return torch.stack([book.get_buffer("k") for book in codec.quantizer.codebooks])
