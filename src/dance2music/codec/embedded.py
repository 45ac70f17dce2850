"""The codec that comes with the package."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dance2music.checkpoint import load_embedded

if TYPE_CHECKING:
    from dance2music.codec.spectral import SpectralCodec


@cache
def embedded_codec() -> SpectralCodec:
    """The codec that comes with the package, loaded once."""
    from dance2music.codec.spectral import SpectralCodec

    codec = load_embedded("codec", expected="spectral-codec")
    assert isinstance(codec, SpectralCodec)
    return codec


LEVEL_CODEBOOKS = {"high": 6, "low": 10}
"""Levels of this codec, as the papers speak of levels: it has one hop, and the coarser level the first of its residual codebooks alone."""


@cache
def embedded_level(level: str) -> SpectralCodec:
    """The codec that comes with the package at a level of `LEVEL_CODEBOOKS`, loaded once."""
    from dance2music.codec.spectral import first_codebooks

    return first_codebooks(embedded_codec(), LEVEL_CODEBOOKS[level])
