"""Checkpoints of the published systems, brought by the user: told apart by their tensors, checked, kept as safetensors.

Neither the networks of D2M-GAN nor JukeBox's VQ-VAE come with this package; see `LICENCE_NOTES`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dance2music.checkpoint import fill, load_model, read_provenance, read_torch_state, save_model, sha256_of
from dance2music.errors import InputError
from dance2music.methods.base import PRECISIONS, CodecGenerator
from dance2music.nn.laid_out import multiplies_bfloat16

if TYPE_CHECKING:
    from dance2music.codec.vqvae import VQVAE

logger = logging.getLogger(__name__)

LEVELS = ("high", "low")
RECONSTRUCTED = {"high": 2, "low": 1, "finest": 0}
"""Levels of JukeBox's VQ-VAE, hops 128, 32 and 8; D2M-GAN uses the first two."""

LICENCE_NOTES = {
    "d2m-gan": (
        "D2M-GAN's authors (github.com/L-YeZhu/D2M-GAN) state no licence for their code and weights: all rights reserved. "
        "Ask them before you pass these weights on."
    ),
    "jukebox": (
        "JukeBox's VQ-VAE (c) 2020 OpenAI, Noncommercial Use License: neither it nor what is made with it may be used commercially, "
        "and what is made with it must be marked as made with OpenAI's Jukebox."
    ),
}


@dataclass(frozen=True)
class PublishedKind:
    """A kind of published file: how to build what it fits, which level it belongs to where the tensors tell, and whose it is."""

    build: Callable[[], tuple[nn.Module, Any]]
    stem: str
    level: str = ""
    licence: str = "d2m-gan"


def _motion_encoder(data: str) -> tuple[nn.Module, Any]:
    from dance2music.nn.conv_stack import MotionEncoder
    from dance2music.papers.d2m_tables import released

    config = released("high", data).motion
    return MotionEncoder(config), config


def _generator(level: str, data: str) -> tuple[nn.Module, Any]:
    from dance2music.papers.d2m_gan import VQGenerator
    from dance2music.papers.d2m_tables import released

    config = released(level, data).generator
    return VQGenerator(config), config


def _discriminator() -> tuple[nn.Module, Any]:
    from dance2music.papers.discriminators import ReshapedDiscriminator, ReshapedDiscriminatorConfig

    config = ReshapedDiscriminatorConfig()
    return ReshapedDiscriminator(config), config


def _vqvae() -> tuple[nn.Module, Any]:
    from dance2music.codec.vqvae import VQVAE
    from dance2music.codec.vqvae_config import VQVAEConfig

    config = VQVAEConfig()
    return VQVAE(config), config


PUBLISHED: dict[str, PublishedKind] = {
    "motion-encoder-aist": PublishedKind(lambda: _motion_encoder("aist"), "motion_encoder_aist"),
    "motion-encoder-tiktok": PublishedKind(lambda: _motion_encoder("tiktok"), "motion_encoder_tiktok"),
    "generator-high-aist": PublishedKind(lambda: _generator("high", "aist"), "generator_aist", "high"),
    "generator-low-aist": PublishedKind(lambda: _generator("low", "aist"), "generator_aist", "low"),
    "generator-high-tiktok": PublishedKind(lambda: _generator("high", "tiktok"), "generator_tiktok", "high"),
    "generator-low-tiktok": PublishedKind(lambda: _generator("low", "tiktok"), "generator_tiktok", "low"),
    "discriminator": PublishedKind(_discriminator, "discriminator"),
    "vqvae": PublishedKind(_vqvae, "vqvae", licence="jukebox"),
}
"""Kinds of published files by name: mencoder.pt, netG.pt, netD.pt of D2M-GAN; vqvae_high.pt, vqvae_low.pt, JukeBox's vqvae.pth.tar."""


def import_weights(files: Sequence[str | Path], out: str | Path, *, kind: str = "auto", level: str | None = None) -> list[Path]:
    """Read published checkpoints, check them, and write each as a model file.

    Parameters
    ----------
    files : torch files.
    out : folder to write into, or a name ending in .safetensors for one file.
    kind : key of `PUBLISHED` that all files must be of, or 'auto'.
    level : 'high' or 'low' for files whose tensors do not tell it (motion encoder, discriminator, VQ-VAE). Without, a generator among the
        files or the file's name tells it (``vqvae_high.pt``); else the file serves both.

    Returns
    -------
    The files written, in order.

    Raises
    ------
    InputError
        If a file cannot be read without unpickling objects, or names or shapes are not those of a known kind; nothing is written then.
    """
    paths, out = [Path(file) for file in files], Path(out)
    if kind != "auto" and kind not in PUBLISHED:
        raise InputError(f"--kind {kind!r}: unknown; expected auto or one of {', '.join(PUBLISHED)}")
    if level not in (None, *LEVELS):
        raise InputError(f"--level {level!r}: unknown; expected {' or '.join(LEVELS)}")
    if out.suffix == ".safetensors" and len(paths) != 1:
        raise InputError(f"{out}: one name for {len(paths)} files; expected a folder; name a folder")
    read = []
    for file in paths:
        state = read_torch_state(file)
        found = recognise(state, where=str(file)) if kind == "auto" else kind
        told = PUBLISHED[found].level
        if level and told and told != level:
            raise InputError(f"{file}: is of the {told} level; expected {level}; choose the other file or leave --level out")
        read.append((file, state, found))
    levels = {PUBLISHED[found].level for _, _, found in read} - {""}
    common = level or (levels.pop() if len(levels) == 1 else "")
    made = [(file, found, _level_of(file, found, common), *_filled(state, found, where=str(file))) for file, state, found in read]
    written: list[Path] = []
    for file, found, of_level, model, config, added in made:
        known = PUBLISHED[found]
        if found == "vqvae" and of_level:
            config = replace(config, level={"high": 2, "low": 1}[of_level])
        target = out if out.suffix == ".safetensors" else out / f"{known.stem}{f'_{of_level}' if of_level else ''}.safetensors"
        if target in written:
            raise InputError(
                f"{file}: would be written to {target.name} like a file before it; expected one of each kind and level; use --level"
            )
        about = {
            "imported": found,
            "level": of_level,
            "source": file.name,
            "sha256": sha256_of(file),
            "licence": LICENCE_NOTES[known.licence],
            "added": added,
        }
        target.parent.mkdir(parents=True, exist_ok=True)
        save_model(target, model, config, provenance=about, storage="float32")
        written.append(target)
    return written


@cache
def _shapes(known: PublishedKind) -> dict[str, torch.Size]:
    """Shapes of the tensors of a kind by name."""
    with torch.device("meta"):
        return {name: value.shape for name, value in known.build()[0].state_dict().items()}


def recognise(state: Mapping[str, Tensor], *, where: str) -> str:
    """Kind of a published state dict of tensors [...]: the one of `PUBLISHED` with the fewest missing, unknown or of another shape.

    Raises
    ------
    InputError
        If it shares fewer than half of the names of the nearest kind.
    """

    def misfits(kind: str) -> tuple[int, int]:
        own = _shapes(PUBLISHED[kind])
        wrong = sum(name not in state or state[name].shape != shape for name, shape in own.items())
        return wrong + len(state.keys() - own.keys()), -len(own)

    best = min(PUBLISHED, key=misfits)
    own = _shapes(PUBLISHED[best])
    shared = len(state.keys() & own.keys())
    if shared < len(own) // 2:
        raise InputError(
            f"{where}: {len(state)} tensors ({', '.join(list(state)[:3])}, ...) of no published network; expected one of "
            f"{', '.join(PUBLISHED)}; choose mencoder.pt, netG.pt, netD.pt or a vqvae file"
        )
    return best


def _filled(state: dict[str, Tensor], kind: str, *, where: str) -> tuple[nn.Module, Any, str]:
    """Model, config, and what was added to what the file holds."""
    model, config = PUBLISHED[kind].build()
    added = ""
    if kind == "generator-low-tiktok" and "lin.weight" not in state:
        # The released class has this layer commented out and stops with an error on its own 3072 numbers. With it as written here the
        # network computes what the published one does on pictures alone, which is all that it can run on.
        width, fused = config.sequence, config.fused
        weight = torch.zeros(width, fused)
        weight[:, fused - width :] = torch.eye(width)
        state = {**state, "lin.weight": weight, "lin.bias": torch.zeros(width)}
        added = f"lin: Linear({fused} -> {width}), which the released code lacks; it hands on the pictures and, until trained, no motion"
        logger.warning("%s: added %s", where, added)
    try:
        fill(model, state, where=where)
    except InputError as error:
        raise InputError(f"{error}; it was taken for {kind}, what is nearest is {recognise(state, where=where)}") from None
    return model, config, added


def _level_of(file: Path, kind: str, common: str) -> str:
    """Level that a file serves: by its tensors, its name, or the files imported with it; '' for both."""
    if PUBLISHED[kind].level:
        return PUBLISHED[kind].level
    named = [level for level in LEVELS if level in file.stem.lower()]
    return named[0] if len(named) == 1 else common


def working_precision(precision: str) -> str:
    """'fp32' or 'bf16' of one of `PRECISIONS`: 'auto' is bfloat16 on a processor that multiplies in it (AVX512-BF16 or AMX), else float32.

    Raises
    ------
    InputError
        If ``precision`` is none of them.
    """
    if precision not in PRECISIONS:
        raise InputError(f"--precision {precision!r}: unknown; expected one of {', '.join(PRECISIONS)}")
    has = multiplies_bfloat16()
    if precision == "bf16" and not has:
        logger.warning("--precision bf16: this processor does not multiply in bfloat16, fp32 is faster on it")
    return precision if precision != "auto" else "bf16" if has else "fp32"


def load_published(folder: str | Path, *, level: str = "high", data: str | None = None, precision: str = "fp32") -> CodecGenerator:
    """D2M-GAN from a folder that `import_weights` wrote, with its codec, made ready for inference (`conv_stack.fold_weight_norm`).

    Parameters
    ----------
    folder : holds a generator, a motion encoder and a VQ-VAE.
    level : 'high' or 'low'.
    data : 'aist' or 'tiktok'; by default AIST++'s where both are there.
    precision : one of `PRECISIONS`, of the motion encoder and the generator; lookup and decoder compute in float32. bfloat16 takes half the
        time; some of the codes (1 to 3 % with random weights) become others.

    Raises
    ------
    InputError
        If a part is missing or of another kind; the message lists what is needed and what is there.
    """
    from dance2music.codec.vqvae import VQVAE
    from dance2music.codec.vqvae_weights import one_level
    from dance2music.nn.conv_stack import fold_weight_norm
    from dance2music.papers.d2m_gan import D2MGan, D2MGanConfig

    folder, dtype = Path(folder), torch.bfloat16 if working_precision(precision) == "bf16" else torch.float32
    if level not in LEVELS:
        raise InputError(f"--level {level!r}: unknown; expected {' or '.join(LEVELS)}")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one that 'dance2music weights import' wrote; check the path")
    sets = (data,) if data else ("aist", "tiktok")
    chosen = next((d for d in sets if (folder / f"generator_{d}_{level}.safetensors").is_file()), sets[0])
    motion = part_of(folder, f"motion_encoder_{chosen}", level, "d2m-gan-motion-encoder")
    generator = part_of(folder, f"generator_{chosen}", level, "d2m-gan-generator")
    codec = part_of(folder, "vqvae", level, "vqvae")
    assert isinstance(codec, VQVAE)
    with torch.device("meta"):
        model = D2MGan(D2MGanConfig(motion.config, generator.config))  # type: ignore[arg-type]
    model.motion, model.generator = motion, generator  # type: ignore[assignment]
    network: Any = fold_weight_norm(model, dtype).eval()
    return CodecGenerator(network, one_level(codec, {"high": 2, "low": 1}[level]))


def load_codec(path: str | Path, *, level: str | None = None) -> VQVAE:
    """One level of a Music VQ-VAE, from a folder that `import_weights` wrote or from one model file.

    ``level`` is a key of `RECONSTRUCTED`; by default the high one of a folder, and the one that a file decodes.

    Raises
    ------
    InputError
        If there is no such file or it has not this level.
    """
    from dance2music.codec.vqvae import VQVAE
    from dance2music.codec.vqvae_weights import one_level

    path = Path(path)
    if level not in (None, *RECONSTRUCTED):
        raise InputError(f"--level {level!r}: unknown; expected one of {', '.join(RECONSTRUCTED)}")
    codec = part_of(path, "vqvae", level or "high", "vqvae") if path.is_dir() else load_model(path, expected="vqvae")
    assert isinstance(codec, VQVAE)
    return one_level(codec, codec.config.level if level is None else RECONSTRUCTED[level])


def part_of(folder: Path, stem: str, level: str, kind: str) -> nn.Module:
    """The model of one file of a folder of imported weights, that of the level or the one for both.

    Raises
    ------
    InputError
        If there is none, or it is of the other level or another kind.
    """
    names = [f"{stem}_{level}.safetensors", f"{stem}.safetensors"]
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        there = ", ".join(sorted(p.name for p in folder.glob("*.safetensors"))) or "nothing"
        raise InputError(f"{folder}: holds {there}; expected {names[0]}; import it with 'dance2music weights import'")
    told = read_provenance(path).get("level", "")
    if told and told != level:
        raise InputError(f"{path}: is of the {told} level; expected {level}; import the other file")
    return load_model(path, expected=kind)
