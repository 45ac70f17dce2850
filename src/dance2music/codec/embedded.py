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
