"""Training of Dance2Music's online network on what the offline search writes for drawn dances.

The published training script does not exist; that targets are the search's own notes is told by the names of its files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from dance2music.baselines.dance2music_offline import SearchConfig, block_means, pose_vectors, search
from dance2music.baselines.dance2music_online import Dance2MusicOnline, OnlineConfig, decision
from dance2music.seeds import HELD_OUT_SYMBOLIC, Corpus, RecipeStep
from dance2music.train.start import LoopConfig
from dance2music.train.symbolic import Arrays, Batch, SymbolicTrainConfig, batch_of, fit, kept


@dataclass(frozen=True)
class OnlineTrainConfig:
    """One run of the online network. Adam's 2e-4 and batches of 128 are the likely published settings."""

    model: OnlineConfig = field(default_factory=OnlineConfig)
    training: SymbolicTrainConfig = field(
        default_factory=lambda: SymbolicTrainConfig(
            loop=LoopConfig(steps=700, learning_rate=6e-4, warmup_steps=50, save_every_steps=100, precision="auto"),
            batch_size=96,
            n_pieces=600,
            piece_seconds=12.0,
        )
    )


class MelodyData(Dataset[Batch]):
    """Decisions of the search, drawn at random; item ``step`` is the batch of that step."""

    def __init__(self, items: list[Arrays], config: OnlineTrainConfig, *, seed: int) -> None:
        self.items, self.config, self.seed = items, config, seed

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step, RecipeStep.MELODY_DECISIONS])
        rows = []
        for _ in range(self.config.training.batch_size):
            item = self.items[int(rng.integers(len(self.items)))]
            window, notes, note = decision(item["poses"], item["melody"], int(rng.integers(1, len(item["melody"]))), self.config.model)
            rows.append({"similarity": window[None], "notes": notes, "note": np.asarray(note)})
        return batch_of(rows)


def melody_losses(model: Dance2MusicOnline, batch: Batch) -> dict[str, Tensor]:
    """Cross entropy of the next note, and how often the likeliest is right: Tensors []."""
    logits = model(batch["similarity"], batch["notes"]).float()
    return {
        "cross_entropy": F.cross_entropy(logits, batch["note"]),
        "accuracy": (logits.argmax(dim=-1) == batch["note"]).float().mean(),
    }


def searched(seed: int, *, seconds: float, config: SearchConfig) -> Arrays:
    """Poses float32 [F, 36] of a drawn dance, as a pose estimator sees it, and the melody int64 [n] of the search for it."""
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    motion = perturb(synthetic_clip(seed, duration_seconds=seconds).motion, np.random.default_rng([seed, Corpus.SYMBOLIC_POSE_NOISE]))
    poses = pose_vectors(motion, seconds)
    melody = search(*block_means(poses, config.frames_per_note), config, first_class=config.first_class)
    return {"poses": poses.astype(np.float32), "melody": melody.astype(np.int64)}


def train_online(config: OnlineTrainConfig, out_dir: str | Path) -> Dance2MusicOnline:
    """Train the online network; dances and their melodies are kept in ``out_dir``."""
    out_dir, training = Path(out_dir), config.training
    make = partial(searched, seconds=training.piece_seconds, config=config.model.search)
    train = kept(out_dir / "train.npz", make, range(training.n_pieces), workers=training.workers)
    held = kept(out_dir / "held.npz", make, range(HELD_OUT_SYMBOLIC, HELD_OUT_SYMBOLIC + training.n_held_out), workers=training.workers)
    data, held_data = MelodyData(train, config, seed=training.loop.seed), MelodyData(held, config, seed=training.loop.seed + 1)
    return fit(Dance2MusicOnline(config.model), data, melody_losses, training, out_dir, held_out=held_data)
