"""Training of the embedded perceptual network on composed music: genre, tempo and which roles sound, of cuts of a few seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from dance2music.perception.perceptual import PerceptualConfig, PerceptualNet, PerceptualOutput
from dance2music.recipe.genre import disturb, genre_of_piece
from dance2music.seeds import HELD_OUT_PIECES, RecipeStep
from dance2music.train.average import averaged
from dance2music.train.loop import Loop
from dance2music.train.pieces import PieceStore, composed_piece, composed_score
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric
from dance2music.types import ROLES

TEMPO_TOLERANCE = 0.04
"""A tempo within this share of the true one is right."""


@dataclass(frozen=True)
class PerceptualTrainConfig:
    """One run of the perceptual network; ``pool_size`` pieces are rendered once and cut anew at every step."""

    network: PerceptualConfig = field(default_factory=PerceptualConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=1400, learning_rate=2e-3, warmup_steps=100, workers=0, seed=5))
    batch_size: int = 16
    clip_seconds: float = 3.0
    piece_seconds: float = 10.0
    pool_size: int = 2400
    held_out_pieces: int = 60
    roles_weight: float = 1.0
    tempo_weight: float = 10.0


class Labels(NamedTuple):
    """What is true of a piece: genre, octaves of its tempo above 100 bpm, and per role the seconds [n, 2] of its notes."""

    genre: int
    tempo_octaves: float
    notes: tuple[np.ndarray, ...]

    def roles_between(self, start_seconds: float, end_seconds: float) -> np.ndarray:
        """float32 [R]: 1 for the roles of which a note starts between the two times."""
        heard = [bool(((n[:, 0] >= start_seconds) & (n[:, 0] < end_seconds)).any()) for n in self.notes]
        return np.asarray(heard, dtype=np.float32)


def labels_of_piece(seed: int, seconds: float) -> Labels:
    """`Labels` of `train.pieces.composed_piece`."""
    score = composed_score(seed, seconds)
    notes = []
    for role in ROLES:
        found = [n for track in score.tracks if track.role == role and track.gain > 0 for n in track.notes]
        beats = np.array([(n.start_beats, n.start_beats + n.duration_beats) for n in found]).reshape(-1, 2)
        notes.append(score.time_at(beats.ravel()).reshape(-1, 2) if len(beats) else beats)
    return Labels(genre_of_piece(seed), float(np.log2(score.tempo_bpm / 100.0)), tuple(notes))


class LabelledCuts(Dataset[dict[str, Tensor]]):
    """Cuts of composed music at -12..0 dB, equalised at random, with what is true of them; item ``step`` is the batch of that step."""

    def __init__(self, config: PerceptualTrainConfig, store: PieceStore) -> None:
        self.config, self.store = config, store
        self._labels: dict[int, Labels] = {}

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.config.loop.seed, step, RecipeStep.PERCEPTUAL_CUTS])
        cuts = [self._cut(int(rng.integers(self.config.pool_size)), rng) for _ in range(self.config.batch_size)]
        return batch_of(cuts)

    def _cut(self, seed: int, rng: np.random.Generator) -> tuple[np.ndarray, Labels, np.ndarray]:
        rate, piece = self.store.sample_rate, self.store[seed]
        n = round(self.config.clip_seconds * rate)
        start = int(rng.integers(len(piece) - n + 1))
        sound = disturb(piece[start : start + n] / 32767.0, rate, rng) * np.float32(10 ** (rng.uniform(-12.0, 0.0) / 20))
        if seed not in self._labels:
            self._labels[seed] = labels_of_piece(seed, self.config.piece_seconds)
        labels = self._labels[seed]
        return sound, labels, labels.roles_between(start / rate, (start + n) / rate)


def batch_of(cuts: list[tuple[np.ndarray, Labels, np.ndarray]]) -> dict[str, Tensor]:
    """Sounds float32 [N], their labels and roles [R] as one batch, whose ``audio`` is [B, 1, N]."""
    return {
        "audio": torch.from_numpy(np.stack([sound for sound, _, _ in cuts]))[:, None],
        "genre": torch.tensor([labels.genre for _, labels, _ in cuts]),
        "tempo_octaves": torch.tensor([labels.tempo_octaves for _, labels, _ in cuts], dtype=torch.float32),
        "roles": torch.from_numpy(np.stack([roles for _, _, roles in cuts])),
    }


def perceptual_losses(heard: PerceptualOutput, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Unweighted loss of each head, Tensors [], for a batch of `batch_of`."""
    return {
        "genre": F.cross_entropy(heard.genre, batch["genre"], label_smoothing=0.05),
        "roles": F.binary_cross_entropy_with_logits(heard.roles, batch["roles"]),
        "tempo": F.smooth_l1_loss(heard.tempo_octaves, batch["tempo_octaves"], beta=0.1),
    }


def train_perceptual(config: PerceptualTrainConfig, out_dir: str | Path, pieces_dir: str | Path) -> PerceptualNet:
    """Train the network and return it with its averaged weights; rendered pieces are kept in ``pieces_dir``, resumes ``out_dir``."""
    fabric = start_fabric(config.loop)
    model = PerceptualNet(config.network)
    store = PieceStore(composed_piece, pieces_dir, config.piece_seconds, model.sample_rate)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.loop.learning_rate, weight_decay=0.02)
    data = process_share(fabric, LabelledCuts(config, store))
    loop = Loop(fabric, config.loop, out_dir, model=model, optimizers={"perceptual": optimizer}, data=data, settings=config)
    wrapped = fabric.setup_module(model)
    wrapped.train()
    weights = {"genre": 1.0, "roles": config.roles_weight, "tempo": config.tempo_weight}
    for _, batch in loop:
        heard = wrapped(batch["audio"])
        loop.update("perceptual", perceptual_losses(heard, batch), weights)
        loop.log(genre_accuracy=(heard.genre.argmax(-1) == batch["genre"]).float().mean())
    averaged(model, loop.average)
    return model.cpu()


def evaluate_perceptual(model: PerceptualNet, config: PerceptualTrainConfig, pieces_dir: str | Path) -> dict[str, float]:
    """Shares right on one undisturbed cut of each held-out piece: genre, tempo within 4 %, roles (of all role labels)."""
    store = PieceStore(composed_piece, pieces_dir, config.piece_seconds, model.sample_rate)
    n = round(config.clip_seconds * store.sample_rate)
    cuts = []
    for seed in range(HELD_OUT_PIECES, HELD_OUT_PIECES + config.held_out_pieces):
        labels = labels_of_piece(seed, config.piece_seconds)
        cuts.append((store[seed][:n].astype(np.float32) / 32767, labels, labels.roles_between(0.0, config.clip_seconds)))
    batch = batch_of(cuts)
    with torch.no_grad():
        heard = model(batch["audio"])
    off = (heard.tempo_octaves - batch["tempo_octaves"]).abs()
    return {
        "genre": float((heard.genre.argmax(-1) == batch["genre"]).float().mean()),
        "tempo": float((off < np.log2(1 + TEMPO_TOLERANCE)).float().mean()),
        "roles": float(((heard.roles > 0).float() == batch["roles"]).float().mean()),
    }
