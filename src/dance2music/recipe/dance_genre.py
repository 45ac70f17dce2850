"""What the classifier of dances knows beside its table: which traits go together, and where dancers lie. No gradient is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch

from dance2music.data.danced import danced_clips
from dance2music.errors import InputError
from dance2music.perception.dance_genre import DanceGenreClassifier, DanceGenreConfig, set_population
from dance2music.perception.dance_traits import TRAITS, dance_traits
from dance2music.seeds import DANCES_PER_RUN, GENRE_DANCES, Corpus
from dance2music.train.pool import Item, pool_of
from dance2music.types import GENRES

POPULATION: dict[str, tuple[float, float]] = {
    "tempo": (0.06, 0.17), "energy": (-0.25, 0.99), "feet_to_arms": (-0.61, 0.84), "trunk_to_arms": (-0.81, 0.69),
    "lowest": (0.87, 0.14), "levels": (-2.71, 0.73), "arm_extension": (0.72, 0.14), "arm_height": (-0.50, 0.24),
    "arm_stops": (0.23, 0.17), "arm_snap": (0.90, 0.43), "bounce": (-3.10, 0.72), "eighths": (-0.49, 0.95), "lean": (0.11, 0.08),
    "travel": (-1.37, 0.71), "stance": (0.54, 0.21), "lift": (-1.31, 1.05), "turning": (0.10, 0.08), "jerk": (1.29, 0.21),
}  # fmt: skip
"""Mean and standard deviation of each trait: a setting, from the twelve development dances of AIST++; of the tempo, over its 60 pieces."""


@dataclass(frozen=True)
class DanceGenreTrainConfig:
    """How the classifier of dances is made."""

    model: DanceGenreConfig = field(default_factory=DanceGenreConfig)
    dances: int = 1500
    """Drawn dances whose traits are looked at."""
    seconds: float = 10.0
    seed: int = 3
    draw_workers: int = 2
    data: str = ""
    """Folder of 'data prepare' whose training split is looked at, too, or none: real dances of known genre."""
    table_weight: float = 10.0
    """The table of genres weighs as much as so many real dances of each."""
    least_real: int = 30
    """From so many real dances on they tell where dancers lie, and not `POPULATION`."""


def train_dance_genre(config: DanceGenreTrainConfig, out_dir: str | Path) -> DanceGenreClassifier:
    """Make the classifier: correlations within a genre on drawn dances, and with data the means of genres and of all dancers on real ones.

    Raises
    ------
    InputError
        If the data cannot be read, or has no dance with genre and tempo.
    """
    real = _real(config) if config.data else None
    pool = pool_of(partial(_drawn, config), config.dances, Path(out_dir) / f"traits-{config.seed}", workers=config.draw_workers)
    within = _within(pool["traits"], pool["genres"])
    model = DanceGenreClassifier(config.model)
    middle, width = (np.array([POPULATION[name][k] for name in TRAITS]) for k in (0, 1))
    if real is not None:
        traits, genres = real
        if len(traits) >= config.least_real:
            middle, width = np.nanmean(traits, axis=0), np.nanstd(traits, axis=0) + 1e-3
        z = np.clip((traits - middle) / width, -config.model.farthest, config.model.farthest)
        means = model.get_buffer("means")
        for genre in np.unique(genres):
            own = z[genres == genre]
            total = config.table_weight * means[genre].double().numpy() + np.nansum(own, axis=0)
            means[genre] = torch.from_numpy(total / (config.table_weight + np.isfinite(own).sum(axis=0)))
    kept = config.model.togetherness
    correlation = kept * np.corrcoef(within.T) + (1.0 - kept) * np.eye(len(TRAITS))
    model.get_buffer("correlation").copy_(torch.from_numpy(correlation))
    set_population(model, middle, width)
    return model.eval()


def _within(traits: np.ndarray, genres: np.ndarray) -> np.ndarray:
    """Traits [N, F] less the mean of their genre, of dances all of whose limbs were seen."""
    whole = np.isfinite(traits).all(axis=1)
    traits, genres = traits[whole], genres[whole]
    return np.concatenate([traits[genres == genre] - traits[genres == genre].mean(axis=0) for genre in np.unique(genres)])


def _real(config: DanceGenreTrainConfig) -> tuple[np.ndarray, np.ndarray]:
    """Traits [N, F] and genres [N] of the real dances whose genre and tempo are known."""
    clips = [clip for clip in danced_clips(config.data) if clip.genre is not None and clip.tempo_bpm is not None]
    if not clips:
        raise InputError(f"{config.data}: no dance has both genre and tempo; expected AIST++ or a folder that tells them; see docs/data.md")
    traits = np.stack([dance_traits(clip.motion, clip.tempo_bpm or 0.0) for clip in clips])
    return traits, np.array([clip.genre for clip in clips])


def _drawn(config: DanceGenreTrainConfig, index: int) -> Item:
    """Traits float64 [F] of one drawn dance as a pose estimator would see it, and its genre."""
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    genre = index % len(GENRES)
    clip = synthetic_clip(GENRE_DANCES + config.seed * DANCES_PER_RUN + index, duration_seconds=config.seconds, genre=genre)
    assert clip.rhythm is not None
    seen = perturb(clip.motion, np.random.default_rng([index, Corpus.GENRE_POSE_NOISE]))
    return {"traits": dance_traits(seen, clip.rhythm.tempo_bpm), "genres": np.asarray(genre)}
