"""A codec as a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from dance2music.codec.spectral import SpectralCodec
    from dance2music.codec.vqvae import VQVAE

CodecModel = Union["SpectralCodec", "VQVAE"]  # names only: either module may stay unloaded
"""For what trains, saves or moves a codec; what only uses one asks for the protocol `types.Codec`."""
