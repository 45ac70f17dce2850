"""Codebooks learnt by exponential moving averages, and residual quantisation over several of them.

The codebook, its moving-average update and the restart of dead codes follow Jukebox (Dhariwal et al. 2020, section 3 and
appendix; van den Oord et al. 2017, appendix A.1); residual quantisation with dropout of the later codebooks follows SoundStream (Zeghidour
et al. 2021, III.C).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.errors import InputError
from dance2music.types import Quantized

_ROWS_AT_ONCE = 16_384
"""Rows whose distances from all codes are held at a time."""


@dataclass(frozen=True)
class CodebookConfig:
    """One codebook.

    It follows its latents by moving averages or, with ``by_gradient``, by the gradient of a loss (`losses.codebook_loss`).
    ``restart_threshold`` is in average uses per step: a code below it is replaced by a random row of the batch. With ``reset_restarted``
    the averages of such a code start afresh; without, they keep what they had, as Jukebox does.
    """

    size: int = 1024
    dim: int = 64
    ema_decay: float = 0.99
    restart_threshold: float = 0.03
    reset_restarted: bool = True
    by_gradient: bool = False


class Codebook(nn.Module):
    """K vectors of E numbers. The tensor ``k`` [K, E] is all that a checkpoint keeps; the averages rebuild from it."""

    k: Tensor
    k_sum: Tensor
    k_elem: Tensor
    started: Tensor

    def __init__(self, config: CodebookConfig) -> None:
        super().__init__()
        self.config = config
        self.frozen = False
        if config.by_gradient:
            self.k = nn.Parameter(torch.zeros(config.size, config.dim))
        else:
            self.register_buffer("k", torch.zeros(config.size, config.dim))
        self.register_buffer("k_sum", torch.zeros(config.size, config.dim), persistent=False)
        self.register_buffer("k_elem", torch.ones(config.size), persistent=False)
        self.register_buffer("started", torch.tensor(False), persistent=False)

    def restore_averages(self) -> None:
        """Set the averages to what a codebook of equally used codes would have; call it after loading ``k`` and before training on."""
        self.k_elem.fill_(1.0)
        self.k_sum.copy_(self.k)
        self.started.fill_(True)

    def nearest(self, rows: Tensor) -> Tensor:
        """Index [n] of the nearest code of each row [n, E] by squared Euclidean distance; the lowest index on a tie."""
        lengths = self.k.square().sum(dim=1)
        scores = (torch.addmm(lengths, part, self.k.t(), alpha=-2.0) for part in rows.split(_ROWS_AT_ONCE))
        return torch.cat([part.argmin(dim=1) for part in scores])

    def lookup(self, codes: Tensor) -> Tensor:
        """Code vectors [..., E] of int64 codes [...]."""
        return F.embedding(codes, self.k)

    @torch.no_grad()
    def start(self, rows: Tensor) -> None:
        """Fill the codebook with a random choice of rows [n, E], tiled with a little noise where there are fewer rows than codes."""
        self.k.copy_(self._random_rows(rows))
        self.restore_averages()

    @torch.no_grad()
    def update(self, rows: Tensor, codes: Tensor) -> None:
        """Moving-average step from the rows [n, E] and the codes [n] that they got from the codebook as it still is; none by gradient."""
        if self.config.by_gradient or self.frozen:
            return
        config, decay = self.config, self.config.ema_decay
        counts = torch.bincount(codes, minlength=config.size).to(rows.dtype)
        sums = torch.zeros_like(self.k).index_add_(0, codes, rows)
        self.k_sum.mul_(decay).add_(sums, alpha=1 - decay)
        self.k_elem.mul_(decay).add_(counts, alpha=1 - decay)
        used = self.k_elem >= config.restart_threshold
        means = self.k_sum / self.k_elem.clamp_min(1e-12).unsqueeze(1)
        if bool(used.all()):
            self.k.copy_(means)
            return
        fresh = self._random_rows(rows)
        self.k.copy_(torch.where(used.unsqueeze(1), means, fresh))
        if config.reset_restarted:
            # A restarted code begins with the average use of all codes, so that it has time to find rows of its own.
            share = torch.full_like(self.k_elem, len(rows) / config.size)
            self.k_sum.copy_(torch.where(used.unsqueeze(1), self.k_sum, fresh * share.unsqueeze(1)))
            self.k_elem.copy_(torch.where(used, self.k_elem, share))

    def _random_rows(self, rows: Tensor) -> Tensor:
        size, dim = self.k.shape
        if len(rows) < size:
            copies = -(-size // len(rows))
            rows = rows.repeat(copies, 1)
            rows = rows + torch.randn_like(rows) * (0.01 / dim**0.5)
        return rows[torch.randperm(len(rows), device=rows.device)[:size]]


def straight_through(z_e: Tensor, z_q: Tensor) -> Tensor:
    """Value of ``z_q`` [B, E, L], gradient of ``z_e`` [B, E, L] (van den Oord et al. 2017, section 3.2)."""
    return z_e + (z_q - z_e).detach()


def rows_of(z: Tensor) -> Tensor:
    """[B, E, L] -> [B * L, E]."""
    return z.transpose(1, 2).reshape(-1, z.shape[1])


@dataclass(frozen=True)
class ResidualQuantizerConfig:
    """Q codebooks; ``dropout`` is the share of training items that keep only the first 1..Q-1 of them."""

    n_codebooks: int = 6
    dropout: float = 0.2
    codebook: CodebookConfig = CodebookConfig()


class ResidualQuantizer(nn.Module):
    """Each codebook quantises what the ones before it left over; the quantised latent is the sum of the code vectors."""

    def __init__(self, config: ResidualQuantizerConfig) -> None:
        super().__init__()
        self.config = config
        self.codebooks = nn.ModuleList(Codebook(config.codebook) for _ in range(config.n_codebooks))

    def forward(self, z_e: Tensor) -> Quantized:
        """Quantise z_e [B, E, L]; in training mode also update the codebooks and drop late ones for some items."""
        with torch.autocast(z_e.device.type, enabled=False):
            z_e = z_e.float()
            batch, _, length = z_e.shape
            kept = self._kept_codebooks(batch, z_e.device)
            residual = rows_of(z_e.detach())
            total = torch.zeros_like(residual)
            codes = []
            for index, codebook in enumerate(self.codebooks):
                assert isinstance(codebook, Codebook)
                if self.training and not bool(codebook.started):
                    codebook.start(residual)
                chosen = codebook.nearest(residual)
                step = codebook.lookup(chosen)
                if self.training:
                    codebook.update(residual, chosen)
                keep = (kept > index).repeat_interleave(length).unsqueeze(1)
                total = total + step * keep
                residual = residual - step
                codes.append(chosen.view(batch, length))
            z_q = total.view(batch, length, z_e.shape[1]).transpose(1, 2)
            commitment = F.mse_loss(z_e, z_q)
            z = straight_through(z_e, z_q) if self.training else z_q
            return Quantized(z, torch.stack(codes, dim=1), commitment)

    def lookup(self, codes: Tensor) -> Tensor:
        """Latents [B, E, L] of int64 codes [B, q, L]; q may be smaller than Q, then the first q codebooks are used.

        Raises
        ------
        InputError
            If the shape is wrong or a code lies outside the codebook.
        """
        size = self.config.codebook.size
        if codes.ndim != 3 or not 1 <= codes.shape[1] <= len(self.codebooks):
            raise InputError(f"codes: shape {list(codes.shape)}; expected [batch, 1..{len(self.codebooks)} codebooks, frames]")
        if codes.numel() and (int(codes.min()) < 0 or int(codes.max()) >= size):
            raise InputError(f"codes: values {int(codes.min())}..{int(codes.max())}; expected 0..{size - 1}; was another codec used?")
        vectors = [F.embedding(codes[:, i], self.codebooks[i].k) for i in range(codes.shape[1])]  # type: ignore[arg-type]
        return torch.stack(vectors).sum(dim=0).transpose(1, 2)

    def restore_averages(self) -> None:
        """See `Codebook.restore_averages`."""
        for codebook in self.codebooks:
            assert isinstance(codebook, Codebook)
            codebook.restore_averages()

    def freeze(self, first: int | None = None) -> None:
        """Keep the codebooks, or only the ``first`` so many, as they are in training mode, too."""
        for codebook in self.codebooks[:first]:
            assert isinstance(codebook, Codebook)
            codebook.frozen = True

    def _kept_codebooks(self, batch: int, device: torch.device) -> Tensor:
        n = self.config.n_codebooks
        kept = torch.full((batch,), n, device=device)
        if not self.training or self.config.dropout == 0 or n == 1:
            return kept
        fewer = torch.randint(1, n, (batch,), device=device)
        return torch.where(torch.rand(batch, device=device) < self.config.dropout, fewer, kept)


@torch.no_grad()
def fit_codebook(codebook: Codebook, rows: Tensor, *, rounds: int = 12, rows_at_once: int = 32_768) -> None:
    """Fit a codebook to rows [n, E] by Lloyd's algorithm from a random choice of them; a code that nothing uses starts again at another."""
    codebook.start(rows)
    size = codebook.config.size
    for _ in range(rounds):
        codes = torch.cat([codebook.nearest(part) for part in rows.split(rows_at_once)])
        counts = torch.bincount(codes, minlength=size).unsqueeze(1)
        means = torch.zeros_like(codebook.k).index_add_(0, codes, rows) / counts.clamp_min(1)
        chance = rows[torch.randint(len(rows), (size,), device=rows.device)]
        codebook.k.copy_(torch.where(counts > 0, means, chance))
    codebook.restore_averages()
