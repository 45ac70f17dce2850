"""What a training begins from in place of random weights: imported files of the published systems, or a run of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from dance2music.checkpoint import codec_digest, fill, load_model
from dance2music.errors import InputError

_RUN = ("generator.safetensors", "best.safetensors")
_DATA = {219: "aist", 75: "tiktok"}
"""Data set of the published files by the width of their motion."""


def begin_from(networks: Any, path: str | Path, *, level: str) -> str:
    """Fill networks that are to be trained, in place; returns a digest of what they begin from.

    Parameters
    ----------
    networks : new ones, a `papers.gan_step.Networks`.
    path : a folder that ``weights import`` wrote (generator and motion encoder of the preset's level, the discriminator where there is
        one), the folder of a run of ``train gan`` (its generator, and the discriminators of its checkpoint), or a generator's model file.
    level : high or low.

    Raises
    ------
    InputError
        If nothing there is of the preset's kind and sizes.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"--init {path}: no such file or folder; expected imported weights or a run of 'train gan'; check the path")
    file = path if path.is_file() else next((path / name for name in _RUN if (path / name).is_file()), None)
    if file is not None:
        _fill_generator(networks, file)
        if path.is_dir():
            _fill_judges(networks, path / "checkpoint.pt")
    else:
        _fill_published(networks, path, level)
    return codec_digest(networks.generator)


def _fill_generator(networks: Any, file: Path) -> None:
    model = load_model(file)
    wanted = type(networks.generator).__name__
    if type(model).__name__ != wanted:
        raise InputError(
            f"--init {file}: holds a {type(model).__name__}; expected a {wanted}, which this preset trains; choose its own preset"
        )
    fill(networks.generator, model.state_dict(), where=f"--init {file}")


def _fill_judges(networks: Any, checkpoint: Path) -> None:
    """Take the discriminators of a run where there are any that fit; else they stay new."""
    if not checkpoint.is_file():
        return
    held = torch.load(checkpoint, map_location="cpu", weights_only=True)["model"]
    own = networks.state_dict()
    fitting = {n: held[n] for n in own if not n.startswith("generator.") and n in held and held[n].shape == own[n].shape}
    networks.load_state_dict(fitting, strict=False)


def _fill_published(networks: Any, folder: Path, level: str) -> None:
    from dance2music.papers.published_weights import part_of

    generator = networks.generator
    if type(generator).__name__ != "D2MGan":
        raise InputError(
            f"--init {folder}: holds no run; imported weights begin D2M-GAN at the papers' sizes; expected a run of this preset"
        )
    data = _DATA.get(generator.config.motion.features, "aist")
    parts = (("motion", f"motion_encoder_{data}", "d2m-gan-motion-encoder"), ("generator", f"generator_{data}", "d2m-gan-generator"))
    for name, stem, kind in parts:
        model = part_of(folder, stem, level, kind)
        fill(getattr(generator, name), model.state_dict(), where=f"--init {folder}, {stem}")
    if any(path.name.startswith("discriminator") for path in folder.glob("*.safetensors")):
        model = part_of(folder, "discriminator", level, "d2m-gan-discriminator")
        fill(networks.discriminator, model.state_dict(), where=f"--init {folder}, discriminator")
