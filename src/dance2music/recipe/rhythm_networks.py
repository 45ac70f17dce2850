"""The rhythm stage of the recipe: two networks that are trained by themselves, then joined (`rhythm.network.joined`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dance2music.checkpoint import load_model, read_provenance
from dance2music.config import settings_of
from dance2music.recipe.rhythm import RhythmTrainConfig, train_rhythm
from dance2music.recipe.settings import Recipe
from dance2music.rhythm.network import RhythmModel, beside, joined

_IN_PROVENANCE = {"second_rhythm": "second"}


def rhythm_networks(recipe: Recipe) -> dict[str, RhythmTrainConfig]:
    """Settings of every network that is trained, by their names in the recipe; the second learns from the first's real dances by default.

    Raises
    ------
    ConfigError
        If the two do not tell the same things.
    """
    first, second = recipe.rhythm, recipe.second_rhythm
    with settings_of("second_rhythm.model"):
        beside(first.model, second.model)
    networks = {"rhythm": first, "second_rhythm": replace(second, data=second.data or first.data)}
    return {name: config for name, config in networks.items() if name == "rhythm" or config.loop.steps}


def train_networks(networks: Mapping[str, RhythmTrainConfig], folder: Path) -> tuple[RhythmModel, dict[str, Any]]:
    """Train each network in a folder of its name, which resumes; the joined model and the provenance of all.

    Raises
    ------
    InputError, ConfigError
        As `train_rhythm`; of a setting the message says which network's it is.
    """
    files = {}
    for name, config in networks.items():
        with settings_of(name):
            files[name] = train_rhythm(config, folder / name)
    first, *others = (load_model(file, expected="rhythm") for file in files.values())
    assert isinstance(first, RhythmModel)
    provenance: dict[str, Any] = {}
    for name, file in files.items():
        about = {key: value for key, value in read_provenance(file).items() if key not in ("kind", "config")}
        provenance |= about if name == "rhythm" else {_IN_PROVENANCE[name]: about}
    for other in others:
        assert isinstance(other, RhythmModel)
        first = joined(first, other)
    return first, provenance


def provenance_of(name: str, provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the provenance of a joined model says of one of its networks, by its name in the recipe."""
    return provenance if name == "rhythm" else provenance.get(_IN_PROVENANCE[name], {})
