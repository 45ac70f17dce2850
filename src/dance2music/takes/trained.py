"""Weights that a user brings: which method plays what a training wrote, which of its files, and with which codec.

Every training of ``dance2music train`` leaves model files (`checkpoint.KINDS`) in its folder; `found` takes the folder or the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dance2music.errors import InputError

if TYPE_CHECKING:
    from dance2music.codec.base import CodecModel
    from dance2music.methods.base import CodecGenerator, Given

_IN_A_RUN = ("generator.safetensors", "codec.safetensors", "latest.safetensors")
"""What trainings of generators, decoders and codecs write at their end."""
_TWO_SECONDS = ("d2m-gan-two-seconds", "music-vector")
_CODECS = ("spectral-codec", "vqvae")
_IMPORTED = ("motion_encoder", "generator_", "vqvae", "discriminator")
"""Beginnings of the names of what 'dance2music weights import' writes."""


def found(weights: Path, asked: str, players: Mapping[str, Any]) -> tuple[str, Path]:
    """Name of the method that plays what a user brought, and the file, or folder of imported weights, to load.

    Parameters
    ----------
    weights : a model file, the folder of a training, or one of imported weights.
    asked : name of the method that the user wants; '' for the one that fits.
    players : records of all methods by name (`takes.methods.METHODS`).

    Raises
    ------
    InputError
        If there is nothing to play, the training has not ended, it is not clear which of several is meant, or the method plays others.
    """
    from dance2music.checkpoint import read_provenance

    method = players[asked] if asked else None
    if method is not None and not method.kinds:
        raise InputError(f"--weights: method {asked!r} has its weights in the package; leave --weights out")
    if not weights.exists():
        raise InputError(f"{weights}: no such file or folder; expected what 'dance2music train' or 'weights import' wrote; check the path")
    if weights.is_dir() and (fitting := _imported(weights)):
        if asked not in ("", fitting, "jukebox-reconstruction"):
            raise InputError(f"{weights}: holds imported weights of {fitting}; method {asked!r} takes {players[asked].weights}")
        return asked or fitting, weights
    file = weights if weights.is_file() else _file_of(weights, method, players)
    kind = read_provenance(file)["kind"]
    fit = [name for name, player in players.items() if kind in player.kinds]
    if method is not None and asked not in fit:
        plays = f"play it with --method {fit[0]}" if fit else "nothing plays it alone"
        raise InputError(f"{file}: holds a {kind!r}; expected {' or '.join(method.kinds)} for method {asked!r}; {plays}")
    if not fit:
        raise InputError(
            f"{file}: holds a {kind!r}, which makes no music by itself; expected a run of train gan, codec, decoder or symbolic"
        )
    return asked or fit[0], file


def _imported(folder: Path) -> str:
    """The method of a folder of imported weights: that of a generator, or of a codec alone; '' for another folder."""
    names = [path.name for path in folder.glob("*.safetensors") if path.name.startswith(_IMPORTED)]
    if not names:
        return ""
    return "jukebox-reconstruction" if all(name.startswith("vqvae") for name in names) else "d2m-gan"


def _file_of(folder: Path, method: Any, players: Mapping[str, Any]) -> Path:
    """The model file of a training's folder. Raises InputError as `found`."""
    for name in _IN_A_RUN:
        if (folder / name).is_file():
            return folder / name
    made = folder / "weights" if (folder / "weights").is_dir() else folder
    files = {name: made / f"{player.file}.safetensors" for name, player in players.items() if player.file}
    there = {name: path for name, path in files.items() if path.is_file()}
    if method is not None and method.name in there:
        return there[method.name]
    if method is None and len(there) == 1:
        return next(iter(there.values()))
    if method is None and there:
        raise InputError(f"{folder}: holds weights of {', '.join(there)}; say which with --method")
    if (folder / "checkpoint.pt").is_file():
        raise InputError(f"{folder}: is a training that has not ended: it has a checkpoint and no weights yet; run its command again")
    held = ", ".join(sorted(path.name for path in folder.iterdir())[:4]) or "nothing"
    raise InputError(f"{folder}: holds {held}; expected one of {', '.join(_IN_A_RUN)} or weights/*.safetensors; choose a training's folder")


def load_d2m_gan(given: Given) -> CodecGenerator:
    """D2M-GAN: the package's own small one at a level, the published one of a folder of imported weights, or one that the user trained.

    Raises
    ------
    InputError
        As `load_trained` and `papers.published_weights.load_published`.
    """
    if given.weights is not None and given.weights.is_dir():
        from dance2music.papers.published_weights import load_published

        if given.codec is not None or given.decoder is not None:
            raise InputError(f"--codec, --decoder: {given.weights} has a codec of its own; leave them out")
        return load_published(given.weights, level=given.level or "high", precision=given.precision)
    return _embedded("d2m_gan", given) if given.weights is None else load_trained(given.weights, given)


def load_creative_gan(given: Given) -> CodecGenerator:
    """Creative-GAN: the package's own small one at a level, or one that the user trained. Raises InputError as `load_trained`."""
    return _embedded("creative_gan", given) if given.weights is None else load_trained(given.weights, given)


def _embedded(name: str, given: Given) -> CodecGenerator:
    """A generator that comes with the package, with the embedded codec at its level."""
    from dance2music.checkpoint import load_embedded
    from dance2music.codec.embedded import embedded_level
    from dance2music.methods.base import CodecGenerator
    from dance2music.nn.conv_stack import fold_weight_norm

    if given.codec is not None:
        raise InputError(f"--codec {given.codec}: the weights in the package go with the package's codec; expected --weights, too")
    level = given.level or "high"
    network: Any = fold_weight_norm(load_embedded(f"{name}_{level}"))
    return CodecGenerator(network, with_decoder(embedded_level(level), given.decoder, level))


def load_trained(file: Path, given: Given) -> CodecGenerator:
    """A generator that 'dance2music train gan' wrote, with its codec.

    Parameters
    ----------
    file : its model file.
    given : ``codec`` is the one that it was trained with, by default the embedded one, ``decoder`` a codec whose decoder was tuned from it.

    Raises
    ------
    InputError
        If the generator is of another level or was trained with another codec, or a file is of another kind.
    """
    from dance2music.checkpoint import load_model, read_provenance
    from dance2music.methods.base import CodecGenerator
    from dance2music.nn.conv_stack import fold_weight_norm
    from dance2music.papers.published_weights import working_precision

    about = read_provenance(file)
    level = str(about.get("level") or given.level or "high")
    if given.level not in (None, level):
        raise InputError(f"--level {given.level}: {file} is of the {level} level; leave --level out")
    network: Any = load_model(file)
    half = working_precision(given.precision) == "bf16"
    if half and about["kind"] not in _TWO_SECONDS:
        raise InputError(f"--precision {given.precision}: {file} plays in fp32; leave it out")
    codec = codec_of(file, str(about.get("codec", "")), given, level)
    made = latent_dim(about["kind"], network)
    if made != codec.dim:
        raise InputError(f"{file}: makes latents of {made} numbers; expected {codec.dim}, as its codec has; give that as --codec")
    folded: Any = fold_weight_norm(network, torch.bfloat16 if half else torch.float32).eval()
    return CodecGenerator(folded, with_decoder(codec, given.decoder, level))


def codec_of(file: Path, digest: str, given: Given, level: str) -> CodecModel:
    """The codec that a generator was trained with: the given one, or the embedded one where that is it.

    Parameters
    ----------
    digest : `checkpoint.codec_digest` of that codec, '' where the generator's file does not tell.

    Raises
    ------
    InputError
        If it is another one.
    """
    from dance2music.checkpoint import codec_digest
    from dance2music.codec.embedded import LEVEL_CODEBOOKS, embedded_codec, embedded_level

    if given.codec is None:
        own = [embedded_codec(), *(embedded_level(name) for name in LEVEL_CODEBOOKS)]
        fitting = next((codec for codec in own if digest in ("", codec_digest(codec))), None)
        if fitting is None:
            raise InputError(f"{file}: was trained with codec {digest}, which is not the package's own; give its model file with --codec")
        return fitting
    codec = open_any_codec(given.codec, level)
    if digest not in ("", codec_digest(codec)):
        raise InputError(
            f"--codec {given.codec}: is codec {codec_digest(codec)}; {file} was trained with {digest}; give that one, and a tuned decoder "
            "with --decoder"
        )
    return codec


def open_any_codec(path: Path, level: str) -> CodecModel:
    """A spectral codec or a level of a VQ-VAE: of a model file, the folder of a training, or one of imported weights.

    Raises
    ------
    InputError
        If there is none.
    """
    from dance2music.checkpoint import load_model, read_provenance
    from dance2music.papers.published_weights import load_codec

    if path.is_dir() and _imported(path):
        return load_codec(path, level=level)
    file = _file_of(path, None, {}) if path.is_dir() else path
    kind = read_provenance(file)["kind"]
    if kind not in _CODECS:
        raise InputError(f"{file}: holds a {kind!r}; expected a codec ({', '.join(_CODECS)}); choose another file")
    codec: Any = load_codec(file, level=level) if kind == "vqvae" else load_model(file, expected=kind)
    return codec  # type: ignore[no-any-return]


def with_decoder(codec: CodecModel, tuned: Path | None, level: str) -> CodecModel:
    """The codec with the decoder of another that was tuned from it, or as it is.

    Raises
    ------
    InputError
        If that one's encoder or codebooks are not the codec's own: its decoder was tuned for others.
    """
    if tuned is None:
        return codec
    from dance2music.codec.spectral import SpectralCodec, first_codebooks

    other = open_any_codec(tuned, level)
    if isinstance(codec, SpectralCodec) and isinstance(other, SpectralCodec) and other.n_codebooks > codec.n_codebooks:
        other = first_codebooks(other, codec.n_codebooks)
    own, theirs = codec.state_dict(), other.state_dict()
    fixed = {name for name in own.keys() | theirs.keys() if not name.startswith("decoder")}
    if any(name not in own or name not in theirs or not torch.equal(own[name], theirs[name]) for name in fixed):
        raise InputError(f"--decoder {tuned}: was tuned from another codec: its codebooks are others; give the one tuned from this codec")
    return other


def latent_dim(kind: str, network: Any) -> int:
    """How many numbers a frame of a generator's latents has, by its kind."""
    config = network.config.network if kind == "music-vector-temporal" else network.config
    return int(config.generator.stack.rows[-1].channels if kind in _TWO_SECONDS else config.latent_dim)
