"""Training of CMT: unpaired, on the words of composed pieces; dances only tell what counts as fast and as hard."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dance2music.baselines.cmt import DENSITY_EDGES, N_INSTRUMENTS, STRENGTH_EDGES, Cmt, CmtConfig, word_losses
from dance2music.baselines.compound_words import BAR, BEAT, INSTRUMENT, words_of
from dance2music.seeds import HELD_OUT_SYMBOLIC, Corpus, RecipeStep
from dance2music.train.start import LoopConfig
from dance2music.train.symbolic import Arrays, Batch, SymbolicTrainConfig, batch_of, fit, kept


@dataclass(frozen=True)
class CmtTrainConfig:
    """One run of CMT. ``crop_words`` are cut from a bar's beginning; pieces keep their own length in the progress of each word."""

    model: CmtConfig = field(default_factory=CmtConfig)
    training: SymbolicTrainConfig = field(
        default_factory=lambda: SymbolicTrainConfig(
            loop=LoopConfig(steps=2500, learning_rate=1e-3, warmup_steps=150, save_every_steps=250), batch_size=8, n_pieces=2400,
            piece_seconds=48.0,
        )
    )  # fmt: skip
    crop_words: int = 320
    n_dances: int = 120
    """Dances over which the percentiles of speed and impact are taken."""


class WordData(Dataset[Batch]):
    """Crops of word sequences; item ``step`` is the batch of that step."""

    def __init__(self, items: list[Arrays], config: CmtTrainConfig, *, seed: int) -> None:
        self.items, self.config, self.seed = items, config, seed

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step, RecipeStep.WORD_CROPS])
        rows, n = [], self.config.crop_words
        for _ in range(self.config.training.batch_size):
            item = self.items[int(rng.integers(len(self.items)))]
            words = item["words"].astype(np.int64)
            bars = np.flatnonzero(words[:, BEAT] == BAR)
            crop = words[int(rng.choice(bars[: max(1, np.searchsorted(bars, len(words) - n, side="right"))])) :][:n]
            present = np.isin(np.arange(1, N_INSTRUMENTS + 1), words[:, INSTRUMENT])
            rows.append(
                {
                    "words": np.pad(crop, [(0, n - len(crop)), (0, 0)]),
                    "mask": np.arange(n) < len(crop),
                    "genre": np.asarray(int(item["genre"]) + 1),
                    "instruments": present,
                }
            )
        return batch_of(rows)


def losses(model: Cmt, batch: Batch) -> dict[str, Tensor]:
    """What a batch of `WordData` loses: one term, a Tensor [], see `baselines.cmt.word_losses`."""
    return {"cross_entropy": word_losses(model, batch["words"], batch["genre"], batch["instruments"], batch["mask"])}


def piece_words(seed: int, *, seconds: float) -> Arrays:
    """Words int16 [n, 10] and genre of a composed piece."""
    from dance2music.composer.compose import compose_corpus_piece

    score = compose_corpus_piece(seed, duration_seconds=seconds)
    return {"words": words_of(score).astype(np.int16), "genre": np.asarray(score.genre)}


def dance_statistics(seed: int, *, seconds: float = 12.0) -> Arrays:
    """Mean speed of every bar and weight of every visual beat of a drawn dance, as a pose estimator sees it."""
    from dance2music.rhythm.impact import IMPACT_FPS, visual_beats
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    clip = synthetic_clip(seed, duration_seconds=seconds)
    assert clip.rhythm is not None
    seen = visual_beats(perturb(clip.motion, np.random.default_rng([seed, Corpus.SYMBOLIC_POSE_NOISE])))
    bars = np.floor(clip.rhythm.beat_at(np.arange(len(seen.speed)) / IMPACT_FPS) / 4).astype(int)
    return {"speed": np.array([seen.speed[bars == bar].mean() for bar in np.unique(bars)]), "weight": seen.weights}


def train_cmt(config: CmtTrainConfig, out_dir: str | Path) -> Cmt:
    """Train CMT; words and dances are kept in ``out_dir``. Resumes what the folder holds."""
    out_dir, training = Path(out_dir), config.training
    make = partial(piece_words, seconds=training.piece_seconds)
    train = kept(out_dir / "train.npz", make, range(training.n_pieces), workers=training.workers)
    held = kept(out_dir / "held.npz", make, range(HELD_OUT_SYMBOLIC, HELD_OUT_SYMBOLIC + training.n_held_out), workers=training.workers)
    dances = kept(out_dir / "dances.npz", dance_statistics, range(config.n_dances), workers=training.workers)
    model = Cmt(config.model)
    set_percentiles(model, dances)
    data, held_data = WordData(train, config, seed=training.loop.seed), WordData(held, config, seed=training.loop.seed + 1)
    return fit(model, data, losses, training, out_dir, held_out=held_data)


def set_percentiles(model: Cmt, dances: list[Arrays]) -> None:
    """Set the edges of the classes of speed and impact so that each class holds as many bars and beats of these dances."""
    for name, values, n in (("density", "speed", DENSITY_EDGES), ("strength", "weight", STRENGTH_EDGES)):
        everything = np.concatenate([dance[values] for dance in dances])
        edges = np.percentile(everything, np.linspace(0, 100, n + 2)[1:-1])
        model.get_buffer(f"{name}_edges").copy_(torch.from_numpy(edges).float())
