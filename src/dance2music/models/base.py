"""The one contract of everything that turns a dance into music."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dance2music.types import Conditioning, Latents, Score


class MusicGenerator(Protocol):
    """Conditioning in, music out: `Latents` where the method works in a codec, `Score` where it writes notes.

    The same conditioning and seeds give the same bits. Tempo and phase come from ``conditioning.rhythm``, the genre from
    ``conditioning.genre``; the result lasts ``conditioning.duration_seconds``.
    """

    def generate(self, conditioning: Conditioning, *, seeds: Sequence[int]) -> Sequence[Latents | Score]:
        """One piece of music per seed for the first item of the batch."""
        ...
