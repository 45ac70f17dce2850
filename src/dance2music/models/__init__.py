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


def _d2m_gan() -> MusicGenerator:
    from importlib import resources

    from dance2music.errors import InputError
    from dance2music.models.temporal_gan import TemporalD2MGan

    if not resources.files("dance2music.weights").joinpath("d2m_gan.safetensors").is_file():
        raise InputError("method 'd2m-gan': has no weights in the package; expected --weights with a folder of imported ones; "
                         "see dance2music weights import --help")  # fmt: skip
    model = load_embedded("d2m_gan", expected="d2m-gan")
    assert isinstance(model, TemporalD2MGan)
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
    "d2m-gan": _d2m_gan,
    "composer": _composer,
    "memory": _memory,
    "dance2music-offline": _dance2music_offline,
}
