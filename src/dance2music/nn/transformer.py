"""One small transformer kit for all symbolic models: every kind of attention has a parallel path and a step-by-step one that agree.

``forward`` sees whole sequences, as training does; ``step`` takes one position and a state, as sampling does. Kinds of self-attention:

- ``softmax``: scaled dot products, positions come with the input (InverseMV, JukeBox's prior);
- ``rotary``: the same with queries and keys turned by their positions (the planner; Su et al. 2021, RoFormer);
- ``relative``: the same with a learned table of distances (Foley Music; Huang et al. 2018, Music Transformer, "skewing");
- ``linear``: kernel feature maps instead of the softmax, constant memory per step (CMT; Katharopoulos et al. 2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LINEAR_CHUNK = 64
"""Positions that linear attention multiplies out at a time; between chunks only sums are handed on."""
LINEAR_EPSILON = 1e-6

ATTENTIONS = ("softmax", "rotary", "relative", "linear")

State = dict[str, Tensor]
"""What one block remembers of earlier positions."""


@dataclass(frozen=True)
class BlockConfig:
    """One transformer block.

    ``attention_channels`` is the inner width of the attention (0: as wide as the block); ``max_length`` bounds ``relative`` attention;
    ``window`` bounds how far back ``softmax`` and ``rotary`` attention look (0: everything).
    """

    channels: int = 512
    heads: int = 8
    feed_channels: int = 2048
    norm: str = "pre"
    activation: str = "relu"
    attention: str = "softmax"
    causal: bool = True
    cross: bool = False
    dropout: float = 0.1
    bias: bool = True
    attention_channels: int = 0
    max_length: int = 512
    window: int = 0

    def __post_init__(self) -> None:
        assert self.norm in ("pre", "post") and self.activation in ACTIVATIONS and self.attention in ATTENTIONS
        assert self.inner % self.heads == 0, f"{self.inner} channels cannot be shared among {self.heads} heads"
        assert self.causal or self.attention == "softmax", "rotary, relative and linear attention are causal here"
        assert self.attention != "rotary" or self.inner % (2 * self.heads) == 0, "head size must be even for rotary positions"

    @property
    def inner(self) -> int:
        """Channels of queries, keys and values."""
        return self.attention_channels or self.channels


def quick_gelu(x: Tensor) -> Tensor:
    """x * sigmoid(1.702 x) for x [...], as JukeBox's prior has it."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu, "quick_gelu": quick_gelu}


class SelfAttention(nn.Module):
    """Multi-head self-attention of one of the kinds above."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.config = config
        self.qkv = nn.Linear(config.channels, 3 * config.inner, bias=config.bias)
        self.out = nn.Linear(config.inner, config.channels, bias=config.bias)
        size = config.inner // config.heads
        self.relative = nn.Parameter(torch.rand(config.max_length, size)) if config.attention == "relative" else None
        if config.attention == "rotary":
            self.register_buffer("frequencies", 10000.0 ** (-torch.arange(size // 2) / (size // 2)), persistent=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x [B, L, C]; mask bool [B, L], False where a position is padding (non-causal attention only) -> [B, L, C]."""
        q, k, v = self._heads(x)
        config, L = self.config, x.shape[1]
        if config.attention == "linear":
            return self._join(linear_attention(q, k, v))
        if config.attention == "rotary":
            positions = torch.arange(L, device=x.device)
            q, k = self._rotate(q, positions), self._rotate(k, positions)
        bias: Tensor | None = None
        if config.attention == "relative":
            bias = self._relative_logits(q)
        if config.causal:
            bias = _plus(bias, _causal_mask(L, config.window, x.device))
        if mask is not None:
            bias = _plus(bias, torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, -torch.inf)[:, None, None])
        return self._join(F.scaled_dot_product_attention(q, k, v, attn_mask=bias))

    def step(self, x: Tensor, state: State) -> Tensor:
        """One position x [B, 1, C] after those in ``state``, which is updated -> [B, 1, C].

        ``softmax`` attention without a window takes several positions [B, L, C] at once to begin with.
        """
        q, k, v = self._heads(x)
        several = x.shape[1] > 1
        assert not several or (not state and self.config.attention == "softmax" and not self.config.window), "one position at a time"
        if self.config.attention == "linear":
            return self._join(_linear_step(q, k, v, state))
        if self.config.attention == "rotary":
            position = state.get("position", torch.zeros(1, dtype=torch.long, device=x.device))
            q, k = self._rotate(q, position), self._rotate(k, position)
            state["position"] = position + 1
        if "k" in state:
            k, v = torch.cat([state["k"], k], dim=2), torch.cat([state["v"], v], dim=2)
        if self.config.window:
            k, v = k[:, :, -self.config.window :], v[:, :, -self.config.window :]
        state["k"], state["v"] = k, v
        bias = None
        if self.relative is not None:
            assert k.shape[2] <= len(self.relative), f"{k.shape[2]} positions; the table of distances has {len(self.relative)}"
            bias = q @ self.relative[-k.shape[2] :].T / math.sqrt(q.shape[-1])
        return self._join(F.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=several))

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        B, L, _ = x.shape
        q, k, v = self.qkv(x).view(B, L, 3, self.config.heads, -1).permute(2, 0, 3, 1, 4)  # [B, H, L, C/H] each
        return q, k, v

    def _join(self, y: Tensor) -> Tensor:
        return self.out(y.transpose(1, 2).flatten(2))

    def _rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        """x [B, H, L, D] with its halves turned by angles that grow with the positions [L]."""
        angles = positions[:, None].float() * self.get_buffer("frequencies")  # [L, D / 2]
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)

    def _relative_logits(self, q: Tensor) -> Tensor:
        """[B, H, L, L]: query i times the entry of distance i - j at (i, j); garbage above the diagonal, which the mask hides."""
        assert self.relative is not None
        B, H, L, _ = q.shape
        assert len(self.relative) >= L, f"{L} positions; the table of distances has {len(self.relative)}"
        logits = q @ self.relative[-L:].T / math.sqrt(q.shape[-1])
        return F.pad(logits, (1, 0)).view(B, H, L + 1, L)[:, :, 1:]


class CrossAttention(nn.Module):
    """Multi-head attention to a memory that does not change while a sequence is sampled."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.q = nn.Linear(config.channels, config.inner, bias=config.bias)
        self.kv = nn.Linear(config.channels, 2 * config.inner, bias=config.bias)
        self.out = nn.Linear(config.inner, config.channels, bias=config.bias)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """x [B, L, C], memory [B, M, C], mask bool [B, M] or None -> [B, L, C]."""
        B, L, _ = x.shape
        q = self.q(x).view(B, L, self.heads, -1).transpose(1, 2)
        k, v = self.kv(memory).view(B, memory.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = None if mask is None else mask[:, None, None]
        return self.out(F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Self-attention, cross-attention where the config has it, and two feed-forward layers, each with a residual."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.config = config
        self.attention = SelfAttention(config)
        self.cross = CrossAttention(config) if config.cross else None
        self.feed_in = nn.Linear(config.channels, config.feed_channels)
        self.feed_out = nn.Linear(config.feed_channels, config.channels)
        self.norms = nn.ModuleList(nn.LayerNorm(config.channels) for _ in range(3 if config.cross else 2))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, *, mask: Tensor | None = None, memory_mask: Tensor | None = None) -> Tensor:
        """x [B, L, C], memory [B, M, C] for blocks with cross-attention -> [B, L, C]; masks are False at padding."""
        return self._run(x, memory, memory_mask, lambda y: self.attention(y, mask))

    def step(self, x: Tensor, state: State, memory: Tensor | None = None, *, memory_mask: Tensor | None = None) -> Tensor:
        """One position x [B, 1, C]; ``state``, empty at first, is updated."""
        return self._run(x, memory, memory_mask, lambda y: self.attention.step(y, state))

    def _run(self, x: Tensor, memory: Tensor | None, memory_mask: Tensor | None, attend: Callable[[Tensor], Tensor]) -> Tensor:
        parts = [attend]
        if self.cross is not None:
            cross = self.cross
            assert memory is not None, "a block with cross-attention needs a memory"
            parts.append(lambda y: cross(y, memory, memory_mask))
        parts.append(lambda y: self.feed_out(self.dropout(ACTIVATIONS[self.config.activation](self.feed_in(y)))))
        for part, norm in zip(parts, self.norms):
            if self.config.norm == "pre":
                x = x + self.dropout(part(norm(x)))
            else:
                x = norm(x + self.dropout(part(x)))
        return x


class CausalBlock(nn.Module):
    """Pre-norm block of ``rotary`` attention over at most ``window`` steps, with the layers' names of the planner's weight files."""

    def __init__(self, channels: int, *, heads: int, window: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention_norm, self.feed_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = SelfAttention(BlockConfig(channels, heads, attention="rotary", window=window))
        self.feed = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, *, start: int = 0, cache: list[Tensor] | None = None) -> Tensor:
        """x [B, S, C] -> [B, S, C]; with a ``cache`` of keys and values, empty at first, x is [B, 1, C] at position ``start``."""
        y = self.attention_norm(x)
        if cache is None:
            y = self.attention(y)
        else:
            state = {"position": torch.tensor([start], device=x.device), **dict(zip(("k", "v"), cache))}
            y = self.attention.step(y, state)
            cache[:] = [state["k"], state["v"]]
        x = x + self.dropout(y)
        return x + self.dropout(self.feed(self.feed_norm(x)))


class Stack(nn.Module):
    """Blocks of one config, and a last layer norm."""

    def __init__(self, config: BlockConfig, n_layers: int) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config) for _ in range(n_layers))
        self.norm = nn.LayerNorm(config.channels)

    def forward(self, x: Tensor, memory: Tensor | None = None, *, mask: Tensor | None = None, memory_mask: Tensor | None = None) -> Tensor:
        """x [B, L, C] -> [B, L, C]."""
        for block in self.blocks:
            x = block(x, memory, mask=mask, memory_mask=memory_mask)
        return self.norm(x)

    def start(self) -> list[State]:
        """Empty states for `step`."""
        return [{} for _ in self.blocks]

    def step(self, x: Tensor, states: list[State], memory: Tensor | None = None, *, memory_mask: Tensor | None = None) -> Tensor:
        """One position x [B, 1, C] -> [B, 1, C]; several to begin with where the attention can (`SelfAttention.step`)."""
        for block, state in zip(self.blocks, states):
            x = cast(Block, block).step(x, state, memory, memory_mask=memory_mask)
        return self.norm(x)


def encoder(config: BlockConfig, n_layers: int) -> Stack:
    """A stack that sees the whole sequence."""
    return Stack(replace(config, causal=False, cross=False, attention="softmax"), n_layers)


def sinusoids(n_positions: int, channels: int, *, start: int = 0) -> Tensor:
    """Positions start .. start + n - 1 as float32 [n, channels]: sines in even channels, cosines in odd ones (Vaswani et al. 2017)."""
    return waves(torch.arange(start, start + n_positions), channels)


def waves(positions: Tensor, channels: int) -> Tensor:
    """Sinusoids of any positions [...] as float32 [..., channels], see `sinusoids`."""
    rates = torch.exp(torch.arange(0, channels, 2, dtype=torch.float32, device=positions.device) * (-math.log(10000.0) / channels))
    angles = positions.float()[..., None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[..., :channels]


def linear_attention(q: Tensor, k: Tensor, v: Tensor, *, chunk: int = LINEAR_CHUNK) -> Tensor:
    """Causal linear attention in float32, chunk by chunk: memory does not grow with the square of the length.

    out_i = phi(q_i) S_i / (phi(q_i) z_i + eps) with S_i the sum of phi(k_j) v_j^T and z_i that of phi(k_j) over j <= i, and
    phi(x) = elu(x) + 1.

    Parameters
    ----------
    q, k, v : Tensor [B, H, L, D].
    """
    kind = v.dtype
    q, k, v = (F.elu(q.float()) + 1, F.elu(k.float()) + 1, v.float())
    B, H, L, D = q.shape
    sums, counts = q.new_zeros(B, H, D, v.shape[-1]), q.new_zeros(B, H, D)
    lower = torch.ones(chunk, chunk, dtype=torch.bool, device=q.device).tril()
    parts = []
    for first in range(0, L, chunk):
        a, b, c = (x[:, :, first : first + chunk] for x in (q, k, v))
        n = a.shape[2]
        near = (a @ b.transpose(-1, -2)).masked_fill(~lower[:n, :n], 0.0)
        top = a @ sums + near @ c
        bottom = (a * counts[:, :, None]).sum(dim=-1) + near.sum(dim=-1) + LINEAR_EPSILON
        parts.append(top / bottom[..., None])
        sums, counts = sums + b.transpose(-1, -2) @ c, counts + b.sum(dim=2)
    return torch.cat(parts, dim=2).to(kind)


def _linear_step(q: Tensor, k: Tensor, v: Tensor, state: State) -> Tensor:
    a, b, c = F.elu(q.float()) + 1, F.elu(k.float()) + 1, v.float()
    sums = b.transpose(-1, -2) @ c + state.get("sums", torch.zeros(()))
    counts = b[:, :, 0] + state.get("counts", torch.zeros(()))
    state["sums"], state["counts"] = sums, counts
    return (a @ sums / ((a * counts[:, :, None]).sum(dim=-1, keepdim=True) + LINEAR_EPSILON)).to(v.dtype)


def _causal_mask(length: int, window: int, device: torch.device) -> Tensor:
    """float [L, L]: 0 where position i may look at j, else minus infinity."""
    distance = torch.arange(length, device=device)[:, None] - torch.arange(length, device=device)[None]
    hidden = (distance < 0) | ((distance >= window) if window else torch.zeros_like(distance, dtype=torch.bool))
    return torch.zeros(length, length, device=device).masked_fill(hidden, -torch.inf)


def _plus(bias: Tensor | None, more: Tensor) -> Tensor:
    return more if bias is None else bias + more.to(bias.dtype)
