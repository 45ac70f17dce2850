"""Generators by the name that a user types; each entry loads the method with its embedded weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, cast

from dance2music.checkpoint import load_embedded
from dance2music.models.base import MusicGenerator

if TYPE_CHECKING:
    from torch import nn

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


def _trained(kind: str) -> MusicGenerator:
    """A network that is ready once its embedded weights are in it."""
    return ready(load_embedded(kind.replace("-", "_"), expected=kind))


def ready(model: nn.Module) -> MusicGenerator:
    """The generator that a loaded model is: JukeBox's prior gets the embedded codec, all others are generators themselves."""
    from dance2music.models.jukebox import JukeboxPrior, JukeboxRandom

    return JukeboxRandom(model, embedded_codec()) if isinstance(model, JukeboxPrior) else cast(MusicGenerator, model)


def _reconstruction() -> MusicGenerator:
    from dance2music.models.jukebox import JukeboxReconstruction

    return JukeboxReconstruction(embedded_codec())


GENERATORS: dict[str, Callable[[], MusicGenerator]] = {
    "creative-gan": _creative_gan,
    "d2m-gan": _d2m_gan,
    "composer": _composer,
    "memory": _memory,
    "dance2music-offline": _dance2music_offline,
    "dance2music-online": partial(_trained, "dance2music-online"),
    "foley-music": partial(_trained, "foley-music"),
    "cmt": partial(_trained, "cmt"),
    "inverse-mv": partial(_trained, "inverse-mv"),
    "jukebox-random": partial(_trained, "jukebox-prior"),
    "jukebox-reconstruction": _reconstruction,
}

PLAYED: tuple[str, ...] = ("composer", "dance2music-offline", "dance2music-online", "foley-music", "cmt", "inverse-mv")
"""Methods whose sound is their notes, played through a soundfont."""
WITHOUT_NOTES: tuple[str, ...] = ("memory", "d2m-gan", "jukebox-random", "jukebox-reconstruction")
"""Methods whose takes have no score."""
FROM_MODEL_FILE: dict[str, str] = {
    "dance2music-online": "dance2music-online",
    "foley-music": "foley-music",
    "cmt": "cmt",
    "inverse-mv": "inverse-mv",
    "jukebox-random": "jukebox-prior",
}
"""Methods that take a model file of the user's own in place of the embedded one, and its kind (`checkpoint.KINDS`)."""
