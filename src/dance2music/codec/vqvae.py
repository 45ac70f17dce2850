"""The papers' Music VQ-VAE: Jukebox's three independent waveform autoencoders (Dhariwal et al. 2020, section 3 and appendix B.1).

Level 0, 1, 2 code 8, 32, 128 samples into one of 2048 vectors of 64 numbers. Tensor names are those of the published checkpoints, so that
these load as they are; `VQVAEConfig.levels` says which levels a model holds, and D2M-GAN's "high" and "low" level are 2 and 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music import losses
from dance2music.codec.channels import check_mono
from dance2music.codec.quantizer import Codebook, CodebookConfig, Quantized, rows_of, straight_through
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.codec.vqvae_losses import Bandwidth, lmix_loss, multispectral_loss
from dance2music.codec.vqvae_networks import Decoder, Encoder
from dance2music.errors import InputError
from dance2music.work import check

PIECE = 1 << 18
"""Samples that longer audio is coded and decoded in at a time."""


class _Bottleneck(nn.Module):
    """Holds ``level_blocks``, for the sake of the published names."""

    def __init__(self, level_blocks: nn.ModuleDict) -> None:
        super().__init__()
        self.level_blocks = level_blocks


@dataclass(frozen=True)
class VQVAEObjective:
    """What the autoencoder minimises; the defaults are Jukebox's.

    ``reconstruction`` is ``lmix`` (`lmix_loss`, scaled by `Bandwidth`) or ``l1`` (`losses.reconstruction`, Creative-GAN Eq. 3).
    ``codebook_weight`` counts only where the codebooks learn by gradient (`VQVAEConfig.codebook_by_gradient`).
    """

    reconstruction: str = "lmix"
    multispectral_weight: float = 1.0
    codebook_weight: float = 1.0
    commitment_weight: float = 0.02

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each term of `VQVAELoss` in its total."""
        weights = {"multispectral": self.multispectral_weight, "commitment": self.commitment_weight, "codebook": self.codebook_weight}
        return {"reconstruction": 1.0, **weights}


class VQVAELoss(NamedTuple):
    """Scalar losses summed over the held levels, and the reconstruction [B, 1, N] of the lowest one."""

    total: Tensor
    reconstruction: Tensor
    multispectral: Tensor
    commitment: Tensor
    codebook: Tensor
    audio: Tensor


class VQVAE(nn.Module):
    """The codec contract (encode, quantize, lookup, decode) for ``config.level``, and `losses` for training all held levels."""

    def __init__(self, config: VQVAEConfig = VQVAEConfig()) -> None:
        super().__init__()
        assert config.level in config.levels, "the level in use must be among those held"
        self.config = config
        self.sample_rate, self.dim = config.sample_rate, config.dim
        self.hop_length = config.hop_length_of(config.level)
        self.n_codebooks, self.codebook_size = 1, config.codebook_size
        codebook = CodebookConfig(config.codebook_size, config.dim, config.ema_decay, config.restart_threshold, config.reset_restarted,
                                  by_gradient=config.codebook_by_gradient)  # fmt: skip
        self.encoders = nn.ModuleDict({str(level): Encoder(config, level) for level in config.levels})
        self.decoders = nn.ModuleDict({str(level): Decoder(config, level) for level in config.levels})
        if config.untuned:
            self.untuned_decoders = nn.ModuleDict({str(level): Decoder(config, level) for level in config.levels})
        self.bottleneck = _Bottleneck(nn.ModuleDict({str(level): Codebook(codebook) for level in config.levels}))

    def encode(self, audio: Tensor) -> Tensor:
        """Latents before quantisation [B, E, N // hop] of audio [B, 1, N]. Raises InputError if it is not mono or shorter than one hop."""
        check_mono(audio)
        if audio.shape[-1] < self.hop_length:
            raise InputError(f"audio: {audio.shape[-1]} samples; expected at least one hop of {self.hop_length}; pad it")
        encoder = self.encoders[str(self.config.level)]
        return _in_pieces(encoder, audio, PIECE, self.config.reach_of(self.config.level), 1, self.hop_length)

    def quantize(self, z_e: Tensor) -> Quantized:
        """Quantise latents [B, E, L] of ``config.level``; in training mode this also moves the codebook."""
        return quantize_single(self._codebook(self.config.level), z_e)

    def code(self, audio: Tensor) -> Tensor:
        """Codes int64 [B, 1, L] of audio [B, 1, N] of any length, whose latents are never all held at once."""
        check_mono(audio)
        encoder, codebook, hop_length = self.encoders[str(self.config.level)], self._codebook(self.config.level), self.hop_length

        def codes(x: Tensor) -> Tensor:
            z_e = encoder(x)
            return codebook.nearest(rows_of(z_e)).view(len(z_e), 1, -1)

        return _in_pieces(codes, audio, PIECE, self.config.reach_of(self.config.level), 1, hop_length)

    def lookup(self, codes: Tensor) -> Tensor:
        """Latents [B, E, L] of int64 codes [B, 1, L]. Raises InputError for codes that cannot be of this codec."""
        if codes.ndim != 3 or codes.shape[1] != 1:
            raise InputError(f"codes: shape {list(codes.shape)}; expected [batch, 1 codebook, frames]")
        if codes.numel() and (int(codes.min()) < 0 or int(codes.max()) >= self.codebook_size):
            raise InputError(f"codes: values {int(codes.min())}..{int(codes.max())}; expected 0..{self.codebook_size - 1}")
        return self._codebook(self.config.level).lookup(codes[:, 0]).transpose(1, 2)

    def decode(self, z: Tensor, n_samples: int | None = None) -> Tensor:
        """Audio [B, 1, n_samples] of latents [B, E, L] of ``config.level``; by default all L * hop samples, zeros beyond them."""
        reach = self.config.reach_of(self.config.level) // self.hop_length
        decoder = self.decoders[str(self.config.level)]
        audio = _in_pieces(decoder, z, PIECE // self.hop_length, reach, self.hop_length, 1)
        n_samples = audio.shape[-1] if n_samples is None else n_samples
        return F.pad(audio, (0, max(0, n_samples - audio.shape[-1])))[..., :n_samples]

    def losses(self, audio: Tensor, bandwidth: Bandwidth, objective: VQVAEObjective = VQVAEObjective()) -> VQVAELoss:
        """Training losses of audio [B, 1, N], N a multiple of the largest hop, summed over the held levels: Creative-GAN Eq. 2.

        total = reconstruction + multispectral + codebook + commitment, weighted; in training mode averaged codebooks move.

        Raises
        ------
        InputError
            If ``objective.reconstruction`` is unknown, or the audio is not mono.
        """
        check_mono(audio)
        if objective.reconstruction not in ("lmix", "l1"):
            raise InputError(f"reconstruction {objective.reconstruction!r}: unknown; expected lmix or l1")
        reconstruction = multispectral = commitment = following = torch.zeros((), device=audio.device)
        estimate = audio
        for level in sorted(self.config.levels, reverse=True):
            codebook = self._codebook(level)
            z_e = self.encoders[str(level)](audio)
            quantized = quantize_single(codebook, z_e)
            estimate = self.decoders[str(level)](quantized.z)
            if objective.reconstruction == "l1":
                reconstruction = reconstruction + losses.reconstruction(audio, estimate)
            else:
                reconstruction = reconstruction + lmix_loss(audio, estimate) / bandwidth.l2
            if objective.multispectral_weight:
                multispectral = multispectral + multispectral_loss(audio, estimate) / bandwidth.spectral
            commitment = commitment + quantized.commitment
            if self.config.codebook_by_gradient:
                entries = codebook.lookup(quantized.codes[:, 0]).transpose(1, 2)
                following = following + losses.codebook_loss(z_e, entries)
        total = reconstruction + objective.multispectral_weight * multispectral
        total = total + objective.codebook_weight * following + objective.commitment_weight * commitment
        return VQVAELoss(total, reconstruction, multispectral, commitment, following, estimate)

    def forward(self, audio: Tensor, bandwidth: Bandwidth, objective: VQVAEObjective = VQVAEObjective()) -> VQVAELoss:
        """The losses of audio [B, 1, N], see `losses`."""
        return self.losses(audio, bandwidth, objective)

    def _codebook(self, level: int) -> Codebook:
        codebook = self.bottleneck.level_blocks[str(level)]
        assert isinstance(codebook, Codebook)
        return codebook


def _in_pieces(function: Callable[[Tensor], Tensor], x: Tensor, piece: int, reach: int, up: int, down: int) -> Tensor:
    """``function(x)`` over the last axis in pieces with ``reach`` more on both sides, so that memory is bounded; nothing else changes.

    Its output has ``up`` values for every ``down`` of x; ``piece`` and ``reach`` are multiples of ``down``.
    """
    n = x.shape[-1]
    if n <= piece + 2 * reach:
        return function(x)
    parts = []
    for start in range(0, n - n % down, piece):
        check()
        first, end = max(0, start - reach), min(n, start + piece)
        y = function(x[..., first : min(n, end + reach)])
        parts.append(y[..., (start - first) * up // down : (end - first) * up // down].clone())
    return torch.cat(parts, dim=-1)


def quantize_single(codebook: Codebook, z_e: Tensor) -> Quantized:
    """Quantise latents z_e [B, E, L] with one codebook, codes [B, 1, L]; when the codebook is in training mode, start or update it too."""
    with torch.autocast(z_e.device.type, enabled=False):
        z_e = z_e.float()
        rows = rows_of(z_e.detach())
        if codebook.training and not bool(codebook.started):
            codebook.start(rows)
        chosen = codebook.nearest(rows)
        z_q = codebook.lookup(chosen).view(z_e.shape[0], z_e.shape[2], -1).transpose(1, 2)
        if codebook.training:
            codebook.update(rows, chosen)
        z = straight_through(z_e, z_q) if codebook.training else z_q
        return Quantized(z, chosen.view(z_e.shape[0], 1, -1), losses.latent_commitment(z_e, z_q))
