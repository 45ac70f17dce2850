"""Generators by the name that a user types; each entry loads the method with its embedded weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dance2music.checkpoint import load_embedded
from dance2music.codec import embedded
from dance2music.errors import InputError
from dance2music.methods.base import MusicGenerator

if TYPE_CHECKING:
    from torch import nn


def _creative_gan() -> MusicGenerator:
    from dance2music.methods.planned import CreativeGan

    model = load_embedded("creative_gan", expected="creative-gan")
    assert isinstance(model, CreativeGan)
    return model.attach(embedded.embedded_codec())


def _d2m_gan() -> MusicGenerator:
    from importlib import resources

    from dance2music.errors import InputError
    from dance2music.papers.d2m_gan_any_length import TemporalD2MGan

    if not resources.files("dance2music.weights").joinpath("d2m_gan.safetensors").is_file():
        raise InputError("method 'd2m-gan': has no weights in the package; expected --weights with a folder of imported ones; "
                         "see dance2music weights import --help")  # fmt: skip
    model = load_embedded("d2m_gan", expected="d2m-gan")
    assert isinstance(model, TemporalD2MGan)
    return model.attach(embedded.embedded_codec())


def _composer() -> MusicGenerator:
    from dance2music.methods.composer import Composer

    return Composer()


def _memory() -> MusicGenerator:
    from dance2music.methods.memory import Memory

    model = load_embedded("memory", expected="memory")
    assert isinstance(model, Memory)
    return model.attach(embedded.embedded_codec())


def _dance2music_offline() -> MusicGenerator:
    from dance2music.baselines.dance2music_offline import Dance2MusicSearch

    return Dance2MusicSearch()


def _trained(kind: str) -> MusicGenerator:
    """A network that is ready once its embedded weights are in it."""
    return ready(load_embedded(kind.replace("-", "_"), expected=kind))


def ready(model: nn.Module) -> MusicGenerator:
    """The generator that a loaded model is: JukeBox's prior gets the embedded codec, all others are generators themselves."""
    from dance2music.baselines.jukebox import JukeboxPrior, JukeboxRandom

    return JukeboxRandom(model, embedded.embedded_codec()) if isinstance(model, JukeboxPrior) else cast(MusicGenerator, model)


def _reconstruction() -> MusicGenerator:
    from dance2music.baselines.jukebox import JukeboxReconstruction

    return JukeboxReconstruction(embedded.embedded_codec())


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


def load_method(method: str, *, weights: str | Path | None = None, level: str | None = None, precision: str = "fp32") -> MusicGenerator:
    """The generator of that name with its embedded weights, or with those in the folder ``weights`` (`published.import_weights`).

    ``level`` is 'high' or 'low', for methods that have both; of the embedded JukeBox VQ-VAE one of `baselines.jukebox.EMBEDDED_LEVELS`.
    ``precision`` is one of `published.PRECISIONS`, for d2m-gan with ``weights``.
    """
    from dance2music.generation.methods import GENERATORS
    from dance2music.papers.published_weights import load_published, working_precision

    if working_precision(precision) == "bf16" and (method != "d2m-gan" or weights is None) and precision != "auto":
        raise InputError(f"--precision bf16: method {method!r} plays in fp32; expected method d2m-gan with --weights; leave it out")

    if method not in GENERATORS:
        raise InputError(f"method {method!r}: unknown; expected one of {', '.join(GENERATORS)}")
    if method == "d2m-gan" and weights is not None:
        return load_published(weights, level=level or "high", precision=precision)
    if weights is not None or level is not None:
        return _brought(method, weights, level)
    return GENERATORS[method]()


def _brought(method: str, weights: str | Path | None, level: str | None) -> MusicGenerator:
    """A generator with weights that the user brings, or the embedded one of a level."""
    from dance2music.generation.methods import FROM_MODEL_FILE, ready
    from dance2music.papers.published_weights import load_codec

    if method in FROM_MODEL_FILE and weights is not None:
        from dance2music.checkpoint import load_model

        return ready(load_model(weights, expected=FROM_MODEL_FILE[method]))
    if method not in ("d2m-gan", "jukebox-reconstruction"):
        raise InputError(f"--weights, --level: method {method!r} has its weights in the package; expected method d2m-gan; leave them out")
    if weights is None and method == "jukebox-reconstruction":
        from dance2music.baselines.jukebox import JukeboxReconstruction, embedded_vqvae

        return JukeboxReconstruction(embedded_vqvae(str(level)))
    if weights is None:
        raise InputError(f"--level {level}: its weights are not in the package; expected --weights with a folder of imported ones")
    from dance2music.baselines.jukebox import JukeboxReconstruction

    return JukeboxReconstruction(load_codec(weights, level=level))
