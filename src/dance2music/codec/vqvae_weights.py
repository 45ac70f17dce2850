"""Weights of the Music VQ-VAE: published files, and levels put together and taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dance2music.checkpoint import fill, read_torch_state
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.errors import InputError


def load_published_vqvae(path: str | Path, config: VQVAEConfig = VQVAEConfig()) -> VQVAE:
    """VQ-VAE with the weights of a published checkpoint (Jukebox's ``vqvae.pth.tar``, D2M-GAN's ``vqvae_*.pt``), in evaluation mode.

    With fewer ``config.levels`` than the file has, the others are left out.

    Raises
    ------
    InputError
        If the file cannot be read without unpickling objects, or tensors are missing, unknown or of another shape.
    """
    state = read_torch_state(path)
    held = {str(level) for level in config.levels}
    state = {name: value for name, value in state.items() if _level_of(name) is None or _level_of(name) in held}
    model = VQVAE(config)
    fill(model, state, where=str(path))
    return model.eval()


def one_level(model: VQVAE, level: int, *, untuned: bool = False) -> VQVAE:
    """The same weights with one of the levels alone, in use, in evaluation mode; ``untuned`` with the decoder before fine-tuning.

    Raises
    ------
    InputError
        If the model does not hold the level, or not this decoder.
    """
    if level not in model.config.levels:
        raise InputError(f"VQ-VAE: holds the levels {model.config.levels}; expected {level} among them; choose another file")
    if untuned and not model.config.untuned:
        raise InputError("VQ-VAE: holds no decoders from before fine-tuning; expected a file with both; leave 'untuned' out")
    alone = VQVAE(replace(model.config, levels=(level,), level=level, untuned=False))
    left_out = "decoders." if untuned else "untuned_decoders."
    state = {
        name.removeprefix("untuned_"): value
        for name, value in model.state_dict().items()
        if _level_of(name) in (None, str(level)) and not name.startswith(left_out)
    }
    fill(alone, state, where="VQ-VAE")
    return alone.eval()


def joined(tuned: Sequence[VQVAE], *, untuned: Sequence[VQVAE]) -> VQVAE:
    """Models of one level each as one that holds all, the last level in use, with the decoders of ``untuned`` beside them."""
    levels = tuple(model.config.level for model in tuned)
    whole = VQVAE(replace(tuned[-1].config, levels=levels, level=levels[-1], untuned=True))
    state = {name: value for model in tuned for name, value in model.state_dict().items()}
    before = {name: value for model in untuned for name, value in model.state_dict().items() if name.startswith("decoders.")}
    fill(whole, {**state, **{f"untuned_{name}": value for name, value in before.items()}}, where="VQ-VAE")
    return whole.eval()


def start_from_below(model: VQVAE, below: VQVAE) -> None:
    """Give a model of one level the weights that it has in common with one of the level below: the blocks of the higher sample rates.

    JukeBox trains its levels independently; a level that begins so has only its last block to learn anew.

    Raises
    ------
    InputError
        If ``below`` is not of the level below, or of other sizes.
    """
    level, lower = model.config.level, below.config.level
    own = model.state_dict()
    lent = {name.replace(f"coders.{lower}.", f"coders.{level}."): value for name, value in below.state_dict().items() if "coders." in name}
    if lower != level - 1 or any(name not in own or own[name].shape != value.shape for name, value in lent.items()):
        raise InputError(f"VQ-VAE: level {lower} cannot start level {level}; expected level {level - 1} of the same width and depth")
    model.load_state_dict({**own, **lent})


def _level_of(name: str) -> str | None:
    """Level in a published tensor name, as '2' in ``encoders.2.level_blocks...`` and ``bottleneck.level_blocks.2.k``."""
    parts = name.split(".")
    if parts[0] in ("encoders", "decoders", "untuned_decoders") and len(parts) > 1:
        return parts[1]
    if parts[:2] == ["bottleneck", "level_blocks"] and len(parts) > 2:
        return parts[2]
    return None
