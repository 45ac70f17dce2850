"""A take: one piece of music for a dance, with all that it came from."""

from __future__ import annotations

from dataclasses import dataclass

from dance2music.types import Audio, Score


@dataclass(frozen=True)
class Take:
    """One piece of music for a dance, and how well it follows.

    Attributes
    ----------
    audio : Audio as the method made it, before `finish`.
    score : Score or None, the notes behind it where the method has notes.
    seed : int, the seed that the method was given for this take.
    candidates : int, how many takes it was chosen from.
    """

    audio: Audio
    score: Score | None
    seed: int
    candidates: int = 1
