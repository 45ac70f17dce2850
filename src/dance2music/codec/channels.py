"""Which channels a codec hears."""

from __future__ import annotations

from torch import Tensor

from dance2music.errors import InputError


def check_mono(audio: Tensor) -> None:
    """Raises InputError for what is no mono audio [B, 1, N]."""
    if audio.ndim != 3 or audio.shape[1] != 1:
        raise InputError(f"audio: shape {list(audio.shape)}; this codec expected [batch, 1 channel, samples]; mix the channels down")
