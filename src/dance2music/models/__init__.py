"""Generators by the name that a user types; each entry loads the method with its embedded weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from dance2music.checkpoint import load_embedded
from dance2music.models.base import MusicGenerator

if TYPE_CHECKING:
    from dance2music.codec.spectral import SpectralCodec


@cache
def embedded_codec() -> SpectralCodec:
    """The codec that comes with the package, loaded once."""
    from dance2music.codec.spectral import SpectralCodec

    codec = load_embedded("codec", expected="spectral-codec")
    assert isinstance(codec, SpectralCodec)
    return codec


def _creative_gan() -> MusicGenerator:
    from dance2music.models.creative_gan import CreativeGan

    model = load_embedded("creative_gan", expected="creative-gan")
    assert isinstance(model, CreativeGan)
    return model.attach(embedded_codec())


def _composer() -> MusicGenerator:
    from dance2music.models.composer import Composer

    return Composer()


def _memory() -> MusicGenerator:
    from dance2music.models.memory import Memory

    model = load_embedded("memory", expected="memory")
    assert isinstance(model, Memory)
    return model.attach(embedded_codec())


def _dance2music_offline() -> MusicGenerator:
    from dance2music.models.dance2music_search import Dance2MusicSearch

    return Dance2MusicSearch()


GENERATORS: dict[str, Callable[[], MusicGenerator]] = {
    "creative-gan": _creative_gan,
    "composer": _composer,
    "memory": _memory,
    "dance2music-offline": _dance2music_offline,
}
