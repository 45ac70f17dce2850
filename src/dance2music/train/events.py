"""What the models of performance events have in common in training: a window's events, and what is lost on them."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from dance2music.music.tokens import PerformanceTokenizer, TimedNote


def window_events(tokenizer: PerformanceTokenizer, notes: np.ndarray, start_seconds: float, window_seconds: float, size: int) -> np.ndarray:
    """Start (padding where the tokeniser has none), events of the notes that begin in a window, and end: int64 [size], padded or cut.

    notes : float [n, 4], onset and offset in seconds, pitch, velocity.
    """
    config = tokenizer.config
    inside = [
        TimedNote(on - start_seconds, min(off - start_seconds, window_seconds), int(pitch), int(velocity))
        for on, off, pitch, velocity in notes.tolist()
        if start_seconds <= on < start_seconds + window_seconds
    ]
    first = config.start if config.start >= 0 else config.pad
    ids = [first, *tokenizer.encode(inside), config.end][:size]
    return np.array(ids + [config.pad] * (size - len(ids)), dtype=np.int64)


def event_losses(logits: Tensor, target: Tensor, *, pad: int) -> dict[str, Tensor]:
    """Cross entropy of the next event, padding left out, and how often the likeliest is right. logits [B, L, n], target int64 [B, L]."""
    real = target != pad
    return {
        "cross_entropy": F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), ignore_index=pad),
        "accuracy": ((logits.argmax(dim=-1) == target) & real).float().sum() / real.sum().clamp_min(1),
    }
