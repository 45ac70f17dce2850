"""Names of the papers' trainings, known without importing a network: a wrong one is told at once."""

from __future__ import annotations

from collections.abc import Sequence

from dance2music.errors import InputError

_LEVELS = ("high", "low")
GAN_NAMES = (
    *(f"d2m-gan-{level}-{data}-{form}" for level in _LEVELS for data in ("aist", "tiktok") for form in ("paper", "released")),
    *(f"creative-gan-{level}-{form}" for level in _LEVELS for form in ("paper", "tiktok-paper", "holistic")),
    *(f"{kind}-{level}-embedded" for kind in ("d2m-gan", "creative-gan") for level in _LEVELS),
)
"""Of `papers.trainings.GAN_TRAININGS`."""
CODEC_NAMES = (
    "spectral-embedded", "vqvae-high", "vqvae-low", "creative-gan-vqvae-high", "creative-gan-vqvae-low",
    *(f"spectral-small-{level}" for level in _LEVELS),
)  # fmt: skip
"""Of `papers.sizes.CODEC_TRAININGS` and `papers.trainings.EMBEDDED_CODECS`."""


def check_preset(name: str, names: Sequence[str]) -> None:
    """Refuse a name that is none of ``names``: raises InputError."""
    if name not in names:
        raise InputError(f"preset {name!r}: unknown; expected one of {', '.join(names)}")
