"""Drawing from logits: one function for all models that write a symbol at a time."""

from __future__ import annotations

import torch
from torch import Tensor


def draw(
    logits: Tensor, uniform: Tensor, *, temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0, allowed: Tensor | None = None
) -> Tensor:
    """One draw per row, decided by a number from the caller's own source of chance: the same number gives the same draw.

    Parameters
    ----------
    logits : Tensor [..., n].
    uniform : Tensor [...] in 0..1.
    temperature : above 0; 0 takes the likeliest class.
    top_p : draw from the smallest set of likeliest classes that holds this much of the probability (Holtzman et al. 2020).
    top_k : draw from this many of the likeliest classes; 0 means from all.
    allowed : bool Tensor [..., n], classes that a grammar permits; at least one per row.

    Returns
    -------
    int64 Tensor [...].
    """
    if allowed is not None:
        assert bool(allowed.any(dim=-1).all()), "the grammar permits nothing"
        logits = logits.masked_fill(~allowed, -torch.inf)
    if temperature == 0:
        return logits.argmax(dim=-1)
    p, order = torch.softmax(logits.double() / temperature, dim=-1).sort(dim=-1, descending=True, stable=True)
    p = p.masked_fill(p.cumsum(dim=-1) - p >= top_p, 0.0)
    if top_k:
        p = torch.cat([p[..., :top_k], torch.zeros_like(p[..., top_k:])], dim=-1)
    p = p.cumsum(dim=-1)
    chosen = (p < uniform.unsqueeze(-1) * p[..., -1:]).sum(dim=-1, keepdim=True)
    return order.gather(-1, chosen.clamp(max=logits.shape[-1] - 1)).squeeze(-1)
