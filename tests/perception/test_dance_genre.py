"""The genre of a dance by its traits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dance2music.checkpoint import load_model, save_model
from dance2music.dance.skeleton import SKELETONS
from dance2music.perception.dance_genre import GENRE_TRAITS, DanceGenreClassifier, DanceGenreConfig, set_population
from dance2music.perception.dance_traits import TRAITS, dance_traits
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.types import GENRES, Motion


def drawn(genre: str = "house") -> Motion:
    return synthetic_clip(1_000_000_300, duration_seconds=6.0, genre=GENRES.index(genre), fps=30.0).motion


def test_traits_do_not_mind_size_place_or_frame_rate() -> None:
    motion = drawn()
    moved = replace(motion, joints=3.0 * motion.joints + np.float32(5.0))
    assert dance_traits(moved, 120.0) == pytest.approx(dance_traits(motion, 120.0), abs=1e-3)
    same = synthetic_clip(1_000_000_300, duration_seconds=6.0, genre=GENRES.index("house"), fps=60.0).motion
    assert np.abs(dance_traits(same, 120.0) - dance_traits(motion, 120.0)).max() < 0.15


def test_limbs_that_were_not_seen_have_no_traits_and_flow_has_only_a_tempo() -> None:
    motion = drawn()
    confidence = motion.confidence.copy()
    confidence[:, [SKELETONS["smpl-24"].index(f"{side}_{joint}") for side in ("left", "right") for joint in ("knee", "ankle")]] = 0.0
    legless = dict(zip(TRAITS, dance_traits(replace(motion, confidence=confidence), 100.0)))
    assert np.isnan([legless[name] for name in ("stance", "lift", "lowest")]).all() and np.isfinite(legless["arm_height"])
    flow = Motion(np.zeros((60, 15, 2), np.float32), np.ones((60, 15), np.float32), 30.0, "flow", flow_energy=np.ones(60, np.float32))
    traits = dance_traits(flow, 100.0)
    assert traits[0] == 0.0 and np.isnan(traits[1:]).all()


def test_a_dancer_who_has_all_traits_of_a_genre_is_of_it_and_one_without_any_trait_is_of_none() -> None:
    model = DanceGenreClassifier()
    for genre in range(len(GENRES)):
        p = model(torch.tensor([2.0 * GENRE_TRAITS[name][genre] for name in TRAITS])).exp()
        assert int(p.argmax()) == genre and float(p.sum()) == pytest.approx(1.0, abs=1e-5)
    assert float(model(torch.full((len(TRAITS),), torch.nan)).exp().max()) == pytest.approx(0.1)


def test_where_no_genre_is_sure_tempo_and_energy_choose() -> None:
    model = DanceGenreClassifier(DanceGenreConfig(sure=1.1))
    traits = dance_traits(drawn(), 124.0)
    set_population(model, traits - np.eye(len(TRAITS))[0], np.ones(len(TRAITS)))  # nothing but quicker than others
    guess = model.guess(drawn(), 124.0)
    assert not guess.sure and GENRES[guess.genre] == "house" and len(guess.probabilities) == len(GENRES)


def test_it_comes_back_from_a_model_file(tmp_path: Path) -> None:
    model = DanceGenreClassifier()
    set_population(model, np.linspace(-1, 1, len(TRAITS)), np.linspace(0.5, 2, len(TRAITS)))
    save_model(tmp_path / "genre.safetensors", model, model.config, storage="int8")
    loaded, x = load_model(tmp_path / "genre.safetensors", expected="dance-genre"), torch.randn(len(TRAITS))
    assert loaded(x).detach().numpy() == pytest.approx(model(x).numpy(), abs=0.02)
