"""Data of both halves of the embedded generator, and the training of the planner; that of the performer is `recipe.performer`.

Data are pairs in memory (`recipe.pairs`); a batch is a pure function of (seed, step), so that a resumed run sees what the broken one would
have seen. Logging, checkpoints and resuming are `train.loop`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from dance2music.methods.form import form_features
from dance2music.methods.performer import Performer
from dance2music.methods.plan import STEPS_PER_BAR, Vocabulary
from dance2music.methods.planner import HEADER_SIZES, Planner, header_of
from dance2music.methods.roll import NoteTable, frame_roll, note_table
from dance2music.recipe.pairs import Pair
from dance2music.seeds import RecipeStep
from dance2music.train.average import averaged
from dance2music.train.loop import Loop
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric

PLAN_FIELDS = ("dynamics", "chords", "pad", "bass", "lead")


@dataclass(frozen=True)
class PlannerTrainConfig:
    """One run of the planner."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=4000, learning_rate=6e-4, warmup_steps=200, precision="auto"))
    batch_size: int = 16
    bars: int = 12
    motion_dropout: float = 0.1
    """Share of items whose dance features are blanked, so that the planner also plays without a dance."""
    form_dropout: float = 0.05
    """Share of items whose form is not told."""


@dataclass(frozen=True)
class CropConfig:
    """How pairs are cut for the performer."""

    batch_size: int = 4
    crop_frames: int = 256


class PlannerData(Dataset[dict[str, Tensor]]):
    """Crops of plans with their step features; item ``step`` is the batch of that step."""

    def __init__(self, pairs: Sequence[Pair], config: PlannerTrainConfig) -> None:
        self.pairs, self.config = pairs, config

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        """int64 and float tensors [B, S, ...]; shorter pieces are padded and masked."""
        rng = np.random.default_rng([self.config.loop.seed, step, RecipeStep.PLANNER_CROPS])
        S = self.config.bars * STEPS_PER_BAR
        rows: dict[str, list[np.ndarray]] = {}
        for _ in range(self.config.batch_size):
            pair = self.pairs[int(rng.integers(len(self.pairs)))]
            n_bars = pair.plan.n_steps // STEPS_PER_BAR
            bar = int(rng.integers(max(1, n_bars - self.config.bars + 1)))
            at = slice(bar * STEPS_PER_BAR, bar * STEPS_PER_BAR + S)
            keep = np.float32(rng.random() >= self.config.motion_dropout)
            told = np.float32(rng.random() >= self.config.form_dropout)
            item = {name: getattr(pair.plan, name)[at] for name in ("drums", *PLAN_FIELDS)}
            item |= {
                "motion": pair.motion[at] * keep,
                "visual": pair.visual[at] * keep,
                "form": form_features(pair.sections, first_bar=pair.plan.first_bar, n_steps=pair.plan.n_steps)[at] * told,
                "mask": np.ones(len(item["bass"]), dtype=np.float32),
            }
            for name, value in item.items():
                rows.setdefault(name, []).append(np.pad(value, [(0, S - len(value))] + [(0, 0)] * (value.ndim - 1)))
            for name, number in (
                ("genre", pair.plan.genre),
                ("tempo_bpm", np.float32(pair.tempo_bpm)),
                ("first_bar", pair.plan.first_bar + bar),
                ("header", header_of(pair.plan)),
            ):
                rows.setdefault(name, []).append(np.asarray(number))
        stacked = {name: torch.from_numpy(np.stack(value)) for name, value in rows.items()}
        return {name: value if value.is_floating_point() else value.long() for name, value in stacked.items()}


def planner_losses(planner: Planner, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Cross entropies of the header and, per step, of every field of the plan: Tensor [] by name; what is minimised is their sum.

    Parameters
    ----------
    batch : an item of `PlannerData`, Tensor [B, S, ...] by name.
    """
    mask = batch["mask"]
    header = planner.header_logits(batch["genre"], batch["tempo_bpm"], batch["header"])
    losses = {"header": torch.stack([F.cross_entropy(h, batch["header"][:, i]) for i, h in enumerate(header)]).sum()}
    assert len(header) == len(HEADER_SIZES)
    fused = planner.encode(batch["motion"], batch["visual"])
    context = planner.context(fused, batch["genre"], batch["tempo_bpm"], batch["header"], batch["first_bar"], batch["form"])
    fields = {name: batch[name] for name in PLAN_FIELDS}
    drums, logits = planner(context, batch["drums"], fields)
    each = F.cross_entropy(drums.flatten(0, 2), batch["drums"].flatten(), reduction="none").view(batch["drums"].shape).sum(dim=-1)
    losses["drums"] = (each * mask).sum() / mask.sum()
    for name, value in fields.items():
        each = F.cross_entropy(logits[name].flatten(0, 1), value.flatten(), reduction="none").view(value.shape)
        losses[name] = (each * mask).sum() / mask.sum()
    return losses


class PerformerData(Dataset[dict[str, Tensor]]):
    """Crops of rolls with their sketch and codes; item ``step`` is the batch of that step."""

    def __init__(self, pairs: Sequence[Pair], config: CropConfig, vocabulary: Vocabulary, frame_rate: float, *, seed: int = 0) -> None:
        self.config, self.frame_rate, self.seed = config, frame_rate, seed
        self.items: list[tuple[NoteTable, Pair]] = []
        for pair in pairs:
            assert pair.codes is not None and pair.sketch is not None, "the performer trains on coded pairs (data.pairs.add_codes)"
            self.items.append((note_table(pair.score(vocabulary), frame_rate), pair))

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        """Rolls, programs, genre and codes."""
        rng = np.random.default_rng([self.seed, step, RecipeStep.PERFORMER_CROPS])
        rows: dict[str, list[np.ndarray]] = {}
        for _ in range(self.config.batch_size):
            index = int(rng.integers(len(self.items)))
            start = int(rng.integers(self.n_frames(index) - self.config.crop_frames + 1))
            for name, value in self._crop(index, start, self.config.crop_frames).items():
                rows.setdefault(name, []).append(value)
        return {name: torch.from_numpy(np.stack(value)) for name, value in rows.items()}

    def n_frames(self, index: int) -> int:
        """Codec frames of an item."""
        codes = self.items[index][1].codes
        assert codes is not None
        return codes.shape[1]

    def whole(self, index: int, n_frames: int) -> dict[str, Tensor]:
        """The first ``n_frames`` of one item as a batch [1, ...]."""
        return {name: torch.from_numpy(value)[None] for name, value in self._crop(index, 0, n_frames).items()}

    def _crop(self, index: int, start: int, n_frames: int) -> dict[str, np.ndarray]:
        table, pair = self.items[index]
        assert pair.codes is not None and pair.sketch is not None
        drums, pitched = frame_roll(table, start, n_frames, self.frame_rate)
        return {
            "drums": drums,
            "pitched": pitched,
            "programs": table.programs,
            "genre": np.asarray(pair.plan.genre),
            "sound": np.asarray(0),
            "codes": pair.codes[:, start : start + n_frames],
            "sketch": pair.sketch[:, start : start + n_frames].astype(np.float32),
            "item": np.asarray(index),
            "start": np.asarray(start),
        }


def performer_features(performer: Performer, batch: dict[str, Tensor]) -> Tensor:
    """Hidden features [B, L, C] of a batch of `PerformerData`."""
    names = ("drums", "pitched", "programs", "sound", "genre", "sketch", "fused")
    return performer.features(**{name: batch[name] for name in names if name in batch})


def train_planner(planner: Planner, pairs: Sequence[Pair], config: PlannerTrainConfig, out_dir: str | Path) -> Planner:
    """Train a planner on pairs and return it with its averaged weights; resumes what ``out_dir`` holds.

    Raises
    ------
    TrainingDiverged
        If a loss or the gradient is no number; the last checkpoint stays.
    """
    fabric = start_fabric(config.loop)
    optimizer = torch.optim.AdamW(planner.parameters(), lr=config.loop.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    data = process_share(fabric, PlannerData(pairs, config))
    loop = Loop(fabric, config.loop, out_dir, model=planner, optimizers={"planner": optimizer}, data=data, settings=config)
    planner.train()
    for _, batch in loop:
        with fabric.autocast():
            losses = planner_losses(planner, batch)
        loop.update("planner", losses)
    averaged(planner, loop.average)
    return planner
