"""The one contract of codecs: sound to latents to codes, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Union

from torch import Tensor

from dance2music.codec.quantizer import Quantized

if TYPE_CHECKING:
    from dance2music.codec.spectral import SpectralCodec
    from dance2music.codec.vqvae import VQVAE

CodecModel = Union["SpectralCodec", "VQVAE"]  # names only: either module may stay unloaded
"""A codec as a network, for what trains, saves or moves it."""


class Codec(Protocol):
    """What everything outside this folder may ask of a codec; B batch, N samples, E dimension, Q codebooks, L frames."""

    sample_rate: int
    hop_length: int
    dim: int
    n_codebooks: int
    codebook_size: int

    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, E, L] before quantisation of mono audio [B, N] at `sample_rate`."""
        ...

    def quantize(self, z_e: Tensor) -> Quantized:
        """Codes int64 [B, Q, L] of latents, and the latents that they stand for."""
        ...

    def lookup(self, codes: Tensor) -> Tensor:
        """Latents [B, E, L] of codes [B, q, L], q = 1..Q."""
        ...

    def decode(self, z: Tensor, n_samples: int | None = None) -> Tensor:
        """Audio [B, n_samples] of latents [B, E, L]; by default all L * hop_length samples."""
        ...
