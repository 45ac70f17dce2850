"""From names and files to a training: what the commands ``train gan``, ``train decoder``, ``train codec`` and ``ablate`` do."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance2music.codec.base import CodecModel
from dance2music.config import override
from dance2music.errors import InputError
from dance2music.leftovers import only_here
from dance2music.papers.names import CODEC_NAMES, GAN_NAMES, check_preset
from dance2music.seeds import VALIDATION_CLIPS

if TYPE_CHECKING:
    from torch import nn

    from dance2music.papers.gan_step import GanTraining
    from dance2music.train.segments import Segments

logger = logging.getLogger(__name__)

_VALIDATION_CLIPS = 8
COMPOSED = "composed"
"""Given as a data set: clips are composed and drawn on the spot, and kept in the output folder."""


def gan_training(preset: str, settings: list[str]) -> GanTraining:
    """A named training with settings ``name=value`` replaced. Raises InputError for an unknown name, ConfigError for a wrong setting."""
    from dance2music.papers.trainings import GAN_TRAININGS

    check_preset(preset, GAN_NAMES)
    return override(GAN_TRAININGS[preset], settings)


def open_codec(path: str | Path, preset: str, level: str) -> CodecModel:
    """The codec of a model file, if it is one that the preset's generator makes latents of.

    Parameters
    ----------
    preset : name in `sizes.CODECS`, `sizes.CODEC_TRAININGS` or `trainings.EMBEDDED_CODECS`.
    level : high or low.

    Raises
    ------
    InputError
        If the file is no codec, or its kind, hop or dimension is another one.
    """
    from dance2music.checkpoint import load_model
    from dance2music.codec.vqvae_config import VQVAEConfig
    from dance2music.papers.sizes import CODEC_TRAININGS, CODECS
    from dance2music.papers.trainings import EMBEDDED_CODECS

    trainings = {**CODEC_TRAININGS, **EMBEDDED_CODECS}
    wanted: Any = trainings[preset].codec if preset in trainings else CODECS[preset]
    if isinstance(wanted, VQVAEConfig):
        from dance2music.papers.published_weights import load_codec

        codec: Any = load_codec(path, level=level)
        hop_length = wanted.hop_length_of(wanted.level)
    else:
        codec, hop_length = load_model(path, expected="spectral-codec"), wanted.hop_length
    found = (type(codec).__name__, codec.hop_length, codec.dim)
    expected = ("VQVAE" if isinstance(wanted, VQVAEConfig) else "SpectralCodec", hop_length, wanted.dim)
    if found != expected:
        says = "{} at hop {} with {} numbers per frame"
        raise InputError(f"{path}: is a {says.format(*found)}; expected a {says.format(*expected)} ({preset}, level {level})")
    return codec


def open_segments(data: str | Path, config: GanTraining, codec: CodecModel, folder: str | Path, *, split: str = "train") -> Segments:
    """Segments for a training: of a prepared folder, or `COMPOSED` ones with features for the generators of any length.

    They have codes and latents of the codec, unless ``config.gain`` scales the music or the folder has none. Composed clips of another
    ``split`` than "train" are a few of seeds that are not trained on.

    Raises
    ------
    InputError
        If the data set lacks the motion that the generator takes; composed clips have features only.
    """
    from dance2music.train.segments import ComposedConfig, Prepared, coded, composed_segments

    motion = motion_layout(config.generator)
    if str(data) == COMPOSED:
        if motion != "features":
            raise InputError(
                f"data {COMPOSED!r}: has motion features for generators of any length; this preset takes {motion}: prepare data"
            )
        settings = ComposedConfig(clip_seconds=3 * config.segment_seconds, segment_seconds=config.segment_seconds)
        if split != "train":
            settings = replace(settings, clips=_VALIDATION_CLIPS, first_seed=VALIDATION_CLIPS)
        plain = composed_segments(settings, Path(folder) / "data")
        return plain if config.gain != (1.0, 1.0) else coded(plain, codec)
    if config.segment_seconds != 2.0:
        raise InputError(f"segment_seconds {config.segment_seconds:g}: prepared segments last 2 s; composed ones may have any length")
    label = "" if config.gain != (1.0, 1.0) else _prepared_label(data, codec)
    flow = motion == "features"
    vectors = not flow and "visual" in config.inputs
    return Prepared(data, motion=motion, flow=flow, codec=label, split=split, genres=needs_genre(config), vectors=vectors)


def open_validation(data: str | Path, config: GanTraining, codec: CodecModel, folder: str | Path) -> Segments | None:
    """Segments of the validation split for a training that looks at it; None, and said, where there are none. Raises as `open_segments`."""
    from dance2music.scale.table import labels_of

    if not config.loop.validate_every_steps:
        return None
    if str(data) != COMPOSED and not any(split == "validation" for split, _, _ in labels_of(data)):
        logger.warning("%s: has no validation split; the training keeps no best weights and does not stop early", data)
        return None
    return open_segments(data, replace(config, gain=(1.0, 1.0)), codec, folder, split="validation")


def motion_layout(generator: Any) -> str:
    """What a generator takes: "smpl" (120 x 219), "keypoints" (60 x 75), "posture" (60 x 249) or "features" (any length).

    Raises
    ------
    InputError
        If it takes something else.
    """
    motion = generator.motion if hasattr(generator, "motion") else generator.network.motion
    if isinstance(motion, int):
        return "features"
    layout = {(120, 219): "smpl", (60, 75): "keypoints", (60, 249): "posture"}.get((motion.frames, motion.features))
    if layout is None:
        raise InputError(f"generator: takes motion of {motion.frames} x {motion.features}, which is not prepared; choose another preset")
    return layout


def needs_genre(config: GanTraining) -> bool:
    """Whether the training looks at the genre."""
    inner = getattr(config.generator, "generator", getattr(config.generator, "network", config.generator))
    return config.genre_discriminator or bool(inner.genre_dim)


def _prepared_label(data: str | Path, codec: CodecModel) -> str:
    """Name of this codec's codes in a prepared folder, or "" where it has none: then music is encoded in every step."""
    from dance2music.checkpoint import codec_label
    from dance2music.data.manifest import read_manifest
    from dance2music.scale.places import Place
    from dance2music.scale.table import ClipTable, is_sharded

    label = codec_label(codec)
    if is_sharded(data):
        return label if all(label in codes.split(",") for codes in ClipTable(Place(str(data))).codes) else ""
    return label if all(label in row.codes for row in read_manifest(data)) else ""


def open_perceptual(config: GanTraining) -> nn.Module | None:
    """The frozen network that a training's perceptual loss compares sounds by; None if that loss has no weight.

    Raises
    ------
    InputError
        If ``config.perceptual`` names a file that does not hold SoundNet's weights.
    """
    from dance2music.papers.gan_step import EMBEDDED
    from dance2music.perception.perceptual import embedded_perceptual
    from dance2music.perception.soundnet import load_soundnet

    if not config.weights.perceptual:
        return None
    return embedded_perceptual() if config.perceptual == EMBEDDED else load_soundnet(config.perceptual)


def run_gan(
    preset: str,
    data: str | Path,
    codec_file: str | Path,
    out: str | Path,
    settings: list[str],
    *,
    soundnet: str | Path | None = None,
    init: str | Path | None = None,
) -> Path:
    """``dance2music train gan``: train a generator; returns its model file.

    Parameters
    ----------
    soundnet : file of SoundNet's weights for the perceptual loss, in place of the setting ``perceptual``.
    init : what the networks begin from, see `papers.begin.begin_from`.

    Raises
    ------
    InputError
        If the preset, the data, the codec or SoundNet's weights cannot be used, or ``soundnet`` is given to a training whose perceptual
        loss has no weight.
    """
    from dance2music.papers.gan_step import train_gan

    config = gan_training(preset, settings)
    alone(out)
    if soundnet is not None:
        if not config.weights.perceptual:
            raise InputError(f"soundnet {soundnet}: {preset} has no perceptual loss; leave it out or set weights.perceptual=1")
        config = replace(config, perceptual=str(soundnet))
    perceptual = open_perceptual(config)
    codec = open_codec(codec_file, config.codec, config.level)
    segments, validation = open_segments(data, config, codec, out), open_validation(data, config, codec, out)
    if str(data) != COMPOSED:
        _tell_genres(data, preset, config)
    train_gan(config, segments, codec, out, perceptual=perceptual, preset=preset, validation=validation, init=init)
    return Path(out) / "generator.safetensors"


def alone(out: str | Path) -> None:
    """Say at once, before any data are made, that another training runs in a folder: raises InputError."""
    if os.environ.get("RANK", "0") == "0":
        with only_here(Path(out), "a training"):
            pass


def _tell_genres(data: str | Path, preset: str, config: GanTraining) -> None:
    """Say what genres cannot teach: where there are none, or where a genre is one song."""
    from dance2music.scale.table import labels_of

    if not needs_genre(config):
        if "creative" in preset:
            logger.info("%s: without genres; the genre discriminator and the style term (Creative-GAN Eq. 5 and 6) are off", preset)
        return
    songs = {(genre, song) for split, genre, song in labels_of(data) if split == "train"}
    genres = [genre for genre, _ in songs]
    single = sorted({str(genre) for genre in genres if genres.count(genre) == 1})
    if len(set(genres)) == 1:
        logger.warning("%s: all of it is %s; nothing can be learnt of genres from one", data, genres[0])
    elif single:
        logger.warning(
            "%s: one song each of %s in the training split; what learns genres may learn these songs instead", data, ", ".join(single)
        )


def decoder_training(preset: str, settings: list[str]) -> tuple[GanTraining, Any]:
    """A generator's preset, and the training of its codec's decoder with settings replaced. Raises InputError as `gan_training`."""
    from dance2music.papers.finetune_decoder import DecoderTraining

    gan = gan_training(preset, [])
    base = DecoderTraining(codec=gan.codec, level=gan.level, segment_seconds=gan.segment_seconds, batch_size=gan.batch_size)
    return gan, override(replace(base, discriminator=gan.discriminator) if hasattr(gan.discriminator, "rows") else base, settings)


def run_decoder(preset: str, data: str | Path, codec_file: str | Path, out: str | Path, settings: list[str]) -> Path:
    """``dance2music train decoder``: fine-tune the decoder of the codec of a generator's preset; returns the codec's model file."""
    from dance2music.papers.finetune_decoder import train_decoder

    gan, config = decoder_training(preset, settings)
    alone(out)
    codec = open_codec(codec_file, config.codec, config.level)
    segments = open_segments(data, replace(gan, inputs=("motion",)), codec, out)  # a decoder sees no dance
    train_decoder(config, segments, codec, out)
    return Path(out) / "codec.safetensors"


def codec_training(preset: str, settings: list[str], *, init: str | Path | None = None) -> Any:
    """A named training of a codec with settings replaced; ``init`` is a codec to go on from (`codec_file_of`).

    Raises
    ------
    InputError
        If there is no such preset, or no such codec.
    """
    from dance2music.papers.sizes import CODEC_TRAININGS
    from dance2music.papers.trainings import EMBEDDED_CODECS

    trainings = {**CODEC_TRAININGS, **EMBEDDED_CODECS}
    check_preset(preset, CODEC_NAMES)
    config = override(trainings[preset], settings)
    if init is None:
        return config
    level = {2: "high", 1: "low", 0: "finest"}.get(getattr(config.codec, "level", 2), "high")
    return replace(config, start_from=str(codec_file_of(Path(init), level)))


def codec_file_of(path: Path, level: str) -> Path:
    """The model file of a codec: the file itself, that of a run, or the one of a level among imported weights. Raises InputError."""
    if path.is_file():
        return path
    names = ("latest.safetensors", "codec.safetensors", f"vqvae_{level}.safetensors", "vqvae.safetensors")
    found = next((path / name for name in names if (path / name).is_file()), None)
    if found is None:
        raise InputError(f"--init {path}: expected a codec's model file, or a folder with one of {', '.join(names)}; check the path")
    return found


def run_codec(preset: str, out: str | Path, settings: list[str], *, data: str | Path | None = None, init: str | Path | None = None) -> Path:
    """``dance2music train codec``: train a codec on composed music, or on the user's own; returns its model file.

    Parameters
    ----------
    data : a folder of ``data prepare``, or of music (`train.own_music.OwnMusic`); None composes.
    init : see `codec_training`.

    Raises
    ------
    InputError
        As `codec_training`, or if the folder holds no music.
    """
    from dance2music.train.codec import train_codec
    from dance2music.train.own_music import own_music

    config = codec_training(preset, settings, init=init)
    alone(out)
    if data is None or str(data) == COMPOSED:
        train_codec(config, out)
    else:
        music = Path(out) / "music" / hashlib.sha256(os.fsencode(Path(data).resolve())).hexdigest()[:8]  # other music has other files
        train_codec(config, out, pieces=own_music(data, music, config.codec.sample_rate))
    return Path(out) / "latest.safetensors"
