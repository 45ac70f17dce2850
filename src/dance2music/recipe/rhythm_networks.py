"""The rhythm stage of the recipe: networks that are trained by themselves, one after the other, then joined (`rhythm.network.joined`)."""

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

FIRST = "rhythm"


def rhythm_networks(recipe: Recipe) -> dict[str, RhythmTrainConfig]:
    """Settings of every network that is trained, by their names in the recipe, as ``other_rhythms.0``.

    Those beside the first learn from its real dances where they have none of their own.

    Raises
    ------
    ConfigError
        If one does not tell the same things as the first.
    """
    networks = {FIRST: recipe.rhythm}
    for i, other in enumerate(recipe.other_rhythms):
        with settings_of(f"other_rhythms.{i}.model"):
            beside(recipe.rhythm.model, other.model)
        if other.loop.steps:
            networks[f"other_rhythms.{i}"] = replace(other, data=other.data or recipe.rhythm.data)
    return networks


def train_networks(networks: Mapping[str, RhythmTrainConfig], folder: Path) -> tuple[RhythmModel, dict[str, Any]]:
    """Train each network in a folder of its name, which resumes; the joined model and the provenance of all.

    Raises
    ------
    InputError, ConfigError
        As `train_rhythm`; of a setting the message says which network's it is.
    """
    models: list[RhythmModel] = []
    provenance: dict[str, Any] = {}
    for name, config in networks.items():
        with settings_of(name):
            file = train_rhythm(config, folder / name)
        model = load_model(file, expected="rhythm")
        assert isinstance(model, RhythmModel)
        models.append(model)
        about = {key: value for key, value in read_provenance(file).items() if key not in ("kind", "config")}
        provenance |= about if name == FIRST else {name: about}
    return joined(*models), provenance


def provenance_of(name: str, provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the provenance of a joined model says of one of its networks, by its name in the recipe."""
    return provenance if name == FIRST else provenance.get(name, {})
