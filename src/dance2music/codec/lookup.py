"""Looking up latents with a gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from dance2music.types import Codec


def straight_through(latents: Tensor, codec: Codec, n_codebooks: int | None = None) -> Tensor:
    """Latents [B, E, L] as the first codebooks have them (all by default), with the gradient of what they were before the lookup."""
    with torch.no_grad():
        entries = codec.lookup(codec.quantize(latents).codes[:, :n_codebooks])
    return latents + (entries - latents).detach()
