"""The one contract of everything that turns a dance into music."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol

from dance2music.config import override
from dance2music.errors import InputError
from dance2music.types import Conditioning, Latents, Score


class MusicGenerator(Protocol):
    """Conditioning in, music out: `Latents` where the method works in a codec, `Score` where it writes notes.

    The same conditioning and seeds give the same bits. Tempo and phase come from ``conditioning.rhythm``, the genre from
    ``conditioning.genre``; the result lasts ``conditioning.duration_seconds``.
    """

    def generate(self, conditioning: Conditioning, *, seeds: Sequence[int]) -> Sequence[Latents | Score]:
        """One piece of music per seed for the first item of the batch."""
        ...


def adjusted(generator: Any, settings: Sequence[str], *, where: str) -> Any:
    """The same generator with some fields of its config replaced: those that decide how it plays, listed as its ``SETTINGS``.

    Parameters
    ----------
    settings : ``name=value`` texts, see `config.override`.
    where : what to call the generator in messages.

    Raises
    ------
    InputError
        If the generator has no such setting. ConfigError if a value does not fit.
    """
    known: tuple[str, ...] = getattr(generator, "SETTINGS", ())
    for text in settings:
        if text.partition("=")[0] not in known:
            has = f"has only the settings {', '.join(known)}" if known else "has no settings"
            raise InputError(f"--set {text}: {where} {has}; leave this one out")
    result = copy.copy(generator)
    result.config = override(generator.config, list(settings))
    return result
