"""The one contract of everything that turns a dance into music, and the wrapper for those that write latents of a codec."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dance2music.config import fit_fields, override
from dance2music.errors import InputError
from dance2music.types import Conditioning, Latents, Score, Span

if TYPE_CHECKING:
    from torch import Tensor

    from dance2music.types import Codec

G = TypeVar("G")

PRECISIONS = ("fp32", "bf16", "auto")
"""In what imported networks compute; 'auto' goes by the processor (`papers.published_weights.working_precision`)."""


SOUNDS = ("studio", "soundfont", "neural", "hybrid")
"""How music is heard: notes by the instruments of the room ``sound``, notes through a soundfont, latents through their codec, or a codec's
sound under the studio's drums."""


@dataclass(frozen=True)
class Given:
    """What a user brings for a method; the fields are options of ``dance2music generate``.

    ``weights`` is a folder of imported weights or a model file, ``codec`` and ``decoder`` model files of the codec that a trained generator
    goes with and of one whose decoder was tuned from it, ``settings`` are ``name=value`` texts, ``heard`` is a file with the dance's
    own music, for methods that code it, ``sound`` one of `SOUNDS`, '' for the method's own. `takes.methods.Method` says which of these
    a method takes. Raises InputError for values of other types.
    """

    weights: Path | None = None
    level: str | None = None
    precision: str = "fp32"
    settings: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    heard: Path | None = None
    sound: str = ""
    codec: Path | None = None
    decoder: Path | None = None

    def __post_init__(self) -> None:
        fit_fields(self)


class MusicGenerator(Protocol):
    """Conditioning in, music out: `Latents` where the method works in a codec, `Score` where it writes notes.

    The same conditioning and seeds give the same bits. Tempo and phase come from ``conditioning.rhythm``, the genre from
    ``conditioning.genre``; the result lasts ``conditioning.duration_seconds``.
    """

    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> Sequence[Latents | Score]:
        """One piece of music per seed.

        Parameters
        ----------
        conditioning : the dance.
        seeds : int >= 0, one per piece.
        span : the section to draw again, with ``keep``; None draws the whole piece.
        keep : a piece that this generator made for the same conditioning: outside ``span`` the result has its codes and notes, inside it
            goes on in its key, tempo and groove.

        Raises
        ------
        InputError
            If ``span`` is given and the method cannot (`whole_only`), or the conditioning lacks what the method needs.
        """
        ...


class LatentNetwork(Protocol):
    """A network that writes latents of whatever codec it was trained for; `CodecGenerator` makes a generator of it."""

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """One piece of ``n_frames`` codec frames per seed; see `MusicGenerator.generate`."""
        ...


class CodecGenerator:
    """A network with the codec whose latents it writes; the codec is no part of the network's own weights."""

    def __init__(self, network: LatentNetwork, codec: Codec) -> None:
        self.network, self.codec = network, codec

    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Latents]:
        """See `MusicGenerator.generate`."""
        import torch

        assert not isinstance(keep, Score), "what a codec's method made are latents"
        n_frames = frames_in(conditioning.duration_seconds, self.codec)
        with torch.no_grad():
            return self.network.latents(conditioning, seeds, self.codec, n_frames=n_frames, span=span, keep=keep)


def frames_in(duration_seconds: float, codec: Codec) -> int:
    """Codec frames that music of this length takes, the last one perhaps in part."""
    return -(-round(duration_seconds * codec.sample_rate) // codec.hop_length)


def looked_up(codes: Tensor, codec: Codec, *, score: Score | None = None) -> Latents:
    """Latents of codes int64 [Q, L]."""
    return Latents(z=codec.lookup(codes[None])[0], codes=codes, codec=codec, score=score)


def quantized(z: Tensor, codec: Codec) -> Latents:
    """Latents [E, L] as the codec's codebooks have them."""
    return looked_up(codec.quantize(z[None]).codes[0], codec)


def whole_only(span: Span | None, method: str) -> None:
    """Refuse to draw a section again, for methods that make whole pieces only: raises InputError."""
    if span is not None:
        raise InputError(f"method {method!r}: makes whole pieces and cannot draw a section again; make another take with another --seed")


def adjusted(generator: G, settings: Sequence[str]) -> G:
    """The same generator with some fields of its ``config`` replaced by ``name=value`` texts, see `config.override`.

    Raises
    ------
    ConfigError
        If there is no such field or a value does not fit.
    """
    if not settings:
        return generator
    result: Any = copy.copy(generator)
    result.config = override(result.config, list(settings))
    return result


def load_network(given: Given, kind: str) -> Any:
    """The network of a kind (`checkpoint.KINDS`) from the user's model file, or the one that comes with the package."""
    from dance2music.checkpoint import load_embedded, load_model

    if given.weights is not None:
        return load_model(given.weights, expected=kind)
    return load_embedded(kind.replace("-", "_"), expected=kind)
