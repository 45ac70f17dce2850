"""From names and files to a training: what the commands ``train gan``, ``train decoder``, ``train codec`` and ``ablate`` do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance2music.codec.base import CodecModel
from dance2music.config import override
from dance2music.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from dance2music.papers.gan_step import GanTraining
    from dance2music.papers.segments import Segments

COMPOSED = "composed"
"""Given as a data set: clips are composed and drawn on the spot, and kept in the output folder."""


def gan_training(preset: str, settings: list[str]) -> GanTraining:
    """A named training with settings ``name=value`` replaced. Raises InputError for an unknown name, ConfigError for a wrong setting."""
    from dance2music.papers.trainings import GAN_TRAININGS

    if preset not in GAN_TRAININGS:
        raise InputError(f"preset {preset!r}: unknown; expected one of {', '.join(GAN_TRAININGS)}")
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


def open_segments(data: str | Path, config: GanTraining, codec: CodecModel, folder: str | Path) -> Segments:
    """Segments for a training: of a prepared folder, or `COMPOSED` ones with features for the generators of any length.

    They have codes and latents of the codec, unless ``config.gain`` scales the music or the folder has none.

    Raises
    ------
    InputError
        If the data set lacks the motion that the generator takes; composed clips have features only.
    """
    from dance2music.papers.segments import ComposedConfig, Prepared, coded, composed_segments

    motion = motion_layout(config.generator)
    if str(data) == COMPOSED:
        if motion != "features":
            raise InputError(
                f"data {COMPOSED!r}: has motion features for generators of any length; this preset takes {motion}: prepare data"
            )
        settings = ComposedConfig(clip_seconds=3 * config.segment_seconds, segment_seconds=config.segment_seconds)
        plain = composed_segments(settings, Path(folder) / "data")
        return plain if config.gain != (1.0, 1.0) else coded(plain, codec)
    if config.segment_seconds != 2.0:
        raise InputError(f"segment_seconds {config.segment_seconds:g}: prepared segments last 2 s; composed ones may have any length")
    label = "" if config.gain != (1.0, 1.0) else _prepared_label(data, codec)
    return Prepared(data, motion=motion, flow=motion == "features", codec=label, genres=needs_genre(config))


def motion_layout(generator: Any) -> str:
    """What a generator takes: "smpl" (120 x 219), "keypoints" (60 x 75) or "features" (any length). Raises InputError for another."""
    motion = generator.motion if hasattr(generator, "motion") else generator.network.motion
    if isinstance(motion, int):
        return "features"
    layout = {(120, 219): "smpl", (60, 75): "keypoints"}.get((motion.frames, motion.features))
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

    label = codec_label(codec)
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
    preset: str, data: str | Path, codec_file: str | Path, out: str | Path, settings: list[str], *, soundnet: str | Path | None = None
) -> Path:
    """``dance2music train gan``: train a generator; returns its model file.

    Parameters
    ----------
    soundnet : file of SoundNet's weights for the perceptual loss, in place of the setting ``perceptual``.

    Raises
    ------
    InputError
        If the preset, the data, the codec or SoundNet's weights cannot be used, or ``soundnet`` is given to a training whose perceptual
        loss has no weight.
    """
    from dance2music.papers.gan_step import train_gan

    config = gan_training(preset, settings)
    if soundnet is not None:
        if not config.weights.perceptual:
            raise InputError(f"soundnet {soundnet}: {preset} has no perceptual loss; leave it out or set weights.perceptual=1")
        config = replace(config, perceptual=str(soundnet))
    perceptual = open_perceptual(config)
    codec = open_codec(codec_file, config.codec, config.level)
    segments = open_segments(data, config, codec, out)
    train_gan(config, segments, codec, out, perceptual=perceptual, preset=preset)
    return Path(out) / "generator.safetensors"


def run_decoder(preset: str, data: str | Path, codec_file: str | Path, out: str | Path, settings: list[str]) -> Path:
    """``dance2music train decoder``: fine-tune the decoder of the codec of a generator's preset; returns the codec's model file."""
    from dance2music.papers.finetune_decoder import DecoderTraining, train_decoder

    gan = gan_training(preset, [])
    base = DecoderTraining(codec=gan.codec, level=gan.level, segment_seconds=gan.segment_seconds, batch_size=gan.batch_size)
    config = override(replace(base, discriminator=gan.discriminator) if hasattr(gan.discriminator, "rows") else base, settings)
    codec = open_codec(codec_file, config.codec, config.level)
    train_decoder(config, open_segments(data, gan, codec, out), codec, out)
    return Path(out) / "codec.safetensors"


def run_codec(preset: str, out: str | Path, settings: list[str]) -> Path:
    """``dance2music train codec``: train a codec on composed music; returns its model file.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    from dance2music.papers.sizes import CODEC_TRAININGS
    from dance2music.papers.trainings import EMBEDDED_CODECS
    from dance2music.train.codec import train_codec

    trainings = {**CODEC_TRAININGS, **EMBEDDED_CODECS}
    if preset not in trainings:
        raise InputError(f"preset {preset!r}: unknown; expected one of {', '.join(trainings)}")
    train_codec(override(trainings[preset], settings), out)
    return Path(out) / "latest.safetensors"
