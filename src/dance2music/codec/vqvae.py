"""The papers' Music VQ-VAE: Jukebox's three independent waveform autoencoders (Dhariwal et al. 2020, section 3 and appendix B.1).

Level 0, 1, 2 code 8, 32, 128 samples into one of 2048 vectors of 64 numbers. Tensor names are those of the published checkpoints, so that
these load as they are; `VQVAEConfig.levels` says which levels a model holds, and D2M-GAN's "high" and "low" level are 2 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music import losses
from dance2music.checkpoint import fill, read_torch_state
from dance2music.codec.quantizer import Codebook, CodebookConfig, Quantized, rows_of, straight_through
from dance2music.codec.vqvae_networks import Decoder, Encoder
from dance2music.errors import InputError

PIECE = 1 << 18
"""Samples that longer audio is coded and decoded in at a time."""


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
        """Whole hops, in samples, beyond which nothing is heard of by encoder or decoder of a level: a bound, to either side."""
        hop_length = self.hop_length_of(level)
        dilations = sum(self.dilation_growth**power for power in range(self.depth * self.multipliers[level]))
        return 2 * hop_length * (dilations + 3)


class _Bottleneck(nn.Module):
    """Holds ``level_blocks``, for the sake of the published names."""

    def __init__(self, level_blocks: nn.ModuleDict) -> None:
        super().__init__()
        self.level_blocks = level_blocks


class Bandwidth(NamedTuple):
    """Statistics of the training music that scale the losses: variance, and mean Frobenius norm of its STFT (n_fft 2048)."""

    l2: float
    spectral: float


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


class VQVAELoss(NamedTuple):
    """Scalar losses summed over the held levels, and the reconstruction [B, N] of the lowest one."""

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
        """Latents before quantisation [B, E, N // hop] of audio [B, N]. Raises InputError for audio shorter than one hop."""
        if audio.shape[-1] < self.hop_length:
            raise InputError(f"audio: {audio.shape[-1]} samples; expected at least one hop of {self.hop_length}; pad it")
        encoder = self.encoders[str(self.config.level)]
        return _in_pieces(encoder, audio.unsqueeze(1), PIECE, self.config.reach_of(self.config.level), 1, self.hop_length)

    def quantize(self, z_e: Tensor) -> Quantized:
        """Quantise latents [B, E, L] of ``config.level``; in training mode this also moves the codebook."""
        return quantize_single(self._codebook(self.config.level), z_e)

    def code(self, audio: Tensor) -> Tensor:
        """Codes int64 [B, 1, L] of audio [B, N] of any length, whose latents are never all held at once."""
        encoder, codebook, hop_length = self.encoders[str(self.config.level)], self._codebook(self.config.level), self.hop_length

        def codes(x: Tensor) -> Tensor:
            z_e = encoder(x)
            return codebook.nearest(rows_of(z_e)).view(len(z_e), 1, -1)

        return _in_pieces(codes, audio.unsqueeze(1), PIECE, self.config.reach_of(self.config.level), 1, hop_length)

    def lookup(self, codes: Tensor) -> Tensor:
        """Latents [B, E, L] of int64 codes [B, 1, L]. Raises InputError for codes that cannot be of this codec."""
        if codes.ndim != 3 or codes.shape[1] != 1:
            raise InputError(f"codes: shape {list(codes.shape)}; expected [batch, 1 codebook, frames]")
        if codes.numel() and (int(codes.min()) < 0 or int(codes.max()) >= self.codebook_size):
            raise InputError(f"codes: values {int(codes.min())}..{int(codes.max())}; expected 0..{self.codebook_size - 1}")
        return self._codebook(self.config.level).lookup(codes[:, 0]).transpose(1, 2)

    def decode(self, z: Tensor, n_samples: int | None = None) -> Tensor:
        """Audio [B, n_samples] of latents [B, E, L] of ``config.level``; by default all L * hop samples, zeros beyond them."""
        reach = self.config.reach_of(self.config.level) // self.hop_length
        decoder = self.decoders[str(self.config.level)]
        audio = _in_pieces(decoder, z, PIECE // self.hop_length, reach, self.hop_length, 1).squeeze(1)
        n_samples = audio.shape[-1] if n_samples is None else n_samples
        return F.pad(audio, (0, max(0, n_samples - audio.shape[-1])))[:, :n_samples]

    def losses(self, audio: Tensor, bandwidth: Bandwidth, objective: VQVAEObjective = VQVAEObjective()) -> VQVAELoss:
        """Training losses of audio [B, N], N a multiple of the largest hop, summed over the held levels: Creative-GAN Eq. 2.

        total = reconstruction + multispectral + codebook + commitment, weighted; in training mode averaged codebooks move.

        Raises
        ------
        InputError
            If ``objective.reconstruction`` is unknown.
        """
        if objective.reconstruction not in ("lmix", "l1"):
            raise InputError(f"reconstruction {objective.reconstruction!r}: unknown; expected lmix or l1")
        reconstruction = multispectral = commitment = following = torch.zeros((), device=audio.device)
        estimate = audio
        for level in sorted(self.config.levels, reverse=True):
            codebook = self._codebook(level)
            z_e = self.encoders[str(level)](audio.unsqueeze(1))
            quantized = quantize_single(codebook, z_e)
            estimate = self.decoders[str(level)](quantized.z).squeeze(1)
            if objective.reconstruction == "l1":
                reconstruction = reconstruction + losses.reconstruction(audio, estimate)
            else:
                reconstruction = reconstruction + lmix_loss(audio, estimate) / bandwidth.l2
            if objective.multispectral_weight:
                multispectral = multispectral + multispectral_loss(audio, estimate) / bandwidth.spectral
            commitment = commitment + quantized.commitment
            if self.config.codebook_by_gradient:
                entries = codebook.lookup(quantized.codes[:, 0]).transpose(1, 2)
                following = following + losses.codebook_following(z_e, entries)
        total = reconstruction + objective.multispectral_weight * multispectral
        total = total + objective.codebook_weight * following + objective.commitment_weight * commitment
        return VQVAELoss(total, reconstruction, multispectral, commitment, following, estimate)

    def forward(self, audio: Tensor, bandwidth: Bandwidth, objective: VQVAEObjective = VQVAEObjective()) -> VQVAELoss:
        """See `losses`."""
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


def lmix_loss(reference: Tensor, estimate: Tensor, *, linf_weight: float = 0.02, linf_k: int = 2048) -> Tensor:
    """Jukebox's ``lmix``: mean squared error plus 0.02 times the mean of each item's 2048 largest squared errors; audio [B, N]."""
    squares = (reference - estimate).square()
    largest = squares.topk(min(linf_k, squares.shape[-1]), dim=-1).values
    return squares.mean() + linf_weight * largest.mean()


def multispectral_loss(reference: Tensor, estimate: Tensor) -> Tensor:
    """Frobenius distance of magnitude spectra of audio [B, N], mean over three resolutions and the batch (Jukebox, section 3.2)."""
    norms = []
    for n_fft, hop_length, window_length in ((2048, 240, 1200), (1024, 120, 600), (512, 50, 240)):
        difference = magnitude(reference, n_fft, hop_length, window_length) - magnitude(estimate, n_fft, hop_length, window_length)
        norms.append(difference.square().sum(dim=(1, 2)).clamp_min(1e-20).sqrt())
    return torch.stack(norms).mean()


def magnitude(audio: Tensor, n_fft: int, hop_length: int, window_length: int) -> Tensor:
    """Magnitude spectrum [B, F, L] of audio [B, N], Hann window, frames centred by reflection."""
    window = torch.hann_window(window_length, device=audio.device)
    spectrum = torch.stft(audio, n_fft, hop_length, window_length, window=window, return_complex=True)
    return (torch.view_as_real(spectrum).square().sum(dim=-1) + 1e-20).sqrt()


def measure_bandwidth(batches: Iterable[Tensor]) -> Bandwidth:
    """`Bandwidth` of audio batches [B, N]: variance of all samples, mean Frobenius norm of the items' STFT (2048, hop 256, window 1200)."""
    total = squares = norms = 0.0
    count = items = 0
    for audio in batches:
        total += float(audio.double().sum())
        squares += float(audio.double().square().sum())
        count += audio.numel()
        norms += float(magnitude(audio, 2048, 256, 1200).square().sum(dim=(1, 2)).sqrt().sum())
        items += len(audio)
    assert count > 0, "at least one batch is needed"
    return Bandwidth(squares / count - (total / count) ** 2, norms / items)


def load_published_vqvae(path: str | Path, config: VQVAEConfig = VQVAEConfig()) -> VQVAE:
    """VQ-VAE with the weights of a published checkpoint (Jukebox's ``vqvae.pth.tar``, D2M-GAN's ``vqvae_*.pt``), in evaluation mode.

    With fewer ``config.levels`` than the file has, the others are left out.

    Raises
    ------
    InputError
        If the file cannot be read without unpickling objects, or tensors are missing, unknown or of another shape.
    """
    state = read_torch_state(path)
    held = {str(level) for level in config.levels}
    state = {name: value for name, value in state.items() if _level_of(name) is None or _level_of(name) in held}
    model = VQVAE(config)
    fill(model, state, where=str(path))
    return model.eval()


def one_level(model: VQVAE, level: int, *, untuned: bool = False) -> VQVAE:
    """The same weights with one of the levels alone, in use, in evaluation mode; ``untuned`` with the decoder before fine-tuning.

    Raises
    ------
    InputError
        If the model does not hold the level, or not this decoder.
    """
    if level not in model.config.levels:
        raise InputError(f"VQ-VAE: holds the levels {model.config.levels}; expected {level} among them; choose another file")
    if untuned and not model.config.untuned:
        raise InputError("VQ-VAE: holds no decoders from before fine-tuning; expected a file with both; leave 'untuned' out")
    alone = VQVAE(replace(model.config, levels=(level,), level=level, untuned=False))
    left_out = "decoders." if untuned else "untuned_decoders."
    state = {
        name.removeprefix("untuned_"): value
        for name, value in model.state_dict().items()
        if _level_of(name) in (None, str(level)) and not name.startswith(left_out)
    }
    fill(alone, state, where="VQ-VAE")
    return alone.eval()


def joined(tuned: Sequence[VQVAE], *, untuned: Sequence[VQVAE]) -> VQVAE:
    """Models of one level each as one that holds all, the last level in use, with the decoders of ``untuned`` beside them."""
    levels = tuple(model.config.level for model in tuned)
    whole = VQVAE(replace(tuned[-1].config, levels=levels, level=levels[-1], untuned=True))
    state = {name: value for model in tuned for name, value in model.state_dict().items()}
    before = {name: value for model in untuned for name, value in model.state_dict().items() if name.startswith("decoders.")}
    fill(whole, {**state, **{f"untuned_{name}": value for name, value in before.items()}}, where="VQ-VAE")
    return whole.eval()


def start_from_below(model: VQVAE, below: VQVAE) -> None:
    """Give a model of one level the weights that it has in common with one of the level below: the blocks of the higher sample rates.

    JukeBox trains its levels independently; a level that begins so has only its last block to learn anew.

    Raises
    ------
    InputError
        If ``below`` is not of the level below, or of other sizes.
    """
    level, lower = model.config.level, below.config.level
    own = model.state_dict()
    lent = {name.replace(f"coders.{lower}.", f"coders.{level}."): value for name, value in below.state_dict().items() if "coders." in name}
    if lower != level - 1 or any(name not in own or own[name].shape != value.shape for name, value in lent.items()):
        raise InputError(f"VQ-VAE: level {lower} cannot start level {level}; expected level {level - 1} of the same width and depth")
    model.load_state_dict({**own, **lent})


def _level_of(name: str) -> str | None:
    """Level in a published tensor name, as '2' in ``encoders.2.level_blocks...`` and ``bottleneck.level_blocks.2.k``."""
    parts = name.split(".")
    if parts[0] in ("encoders", "decoders", "untuned_decoders") and len(parts) > 1:
        return parts[1]
    if parts[:2] == ["bottleneck", "level_blocks"] and len(parts) > 2:
        return parts[2]
    return None
