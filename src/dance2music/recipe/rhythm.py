"""Training of the rhythm network on drawn dances: its pool of items, the losses and the loop.

Every item is a pure function of its seed and every batch of its step, so a run that was killed goes on with the same bits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from dance2music.checkpoint import load_model, save_model
from dance2music.config import check_ranges, to_dict
from dance2music.dance.kinematics import MOTION_FEATURES, motion_features
from dance2music.data.danced import danced_clips, fingerprint
from dance2music.errors import ConfigError, InputError
from dance2music.recipe.limbs import Danced, measure_limbs
from dance2music.recipe.rhythm_items import RhythmItem, draw_item
from dance2music.rhythm.limbs import LimbModel
from dance2music.rhythm.network import RhythmModel, RhythmModelConfig, RhythmOutput, own_weights
from dance2music.seeds import DANCES_PER_RUN, Corpus
from dance2music.train.loop import Loop
from dance2music.train.pool import Item, pool_of
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric
from dance2music.types import BEATS_PER_BAR

LOOP = LoopConfig(steps=14_000, seed=7, learning_rate=2e-3, warmup_steps=200, final_factor=0.01, precision="auto", threads=1)
"""Length and schedule of the run that made the embedded weights."""


@dataclass(frozen=True)
class RhythmTrainConfig:
    """Recipe of the rhythm network."""

    model: RhythmModelConfig = field(default_factory=lambda: RhythmModelConfig(log_speeds=True))
    loop: LoopConfig = field(default_factory=lambda: LOOP)
    batch_size: int = 32
    weight_decay: float = 1e-2
    pool_size: int = 24_000
    """Dances drawn for training, from seed ``loop.seed * DANCES_PER_RUN`` upwards; held-out ones start at `HELD_OUT_DANCES`."""
    draw_workers: int = 2
    item_seconds: float = 14.0
    min_window_seconds: float = 2.0
    max_window_seconds: float = 12.0
    beat_sigma_seconds: float = 0.04
    tempo_sigma: float = 0.015
    """Width of the soft tempo target, natural logarithm."""
    tempo_doubt: float = 0.05
    """Share of the tempo target that is spread over all tempi, so that the network never gets too sure."""
    tempo_loss_weight: float = 0.35
    downbeat_loss_weight: float = 0.5
    positive_weight: float = 4.0
    start_from: str = ""
    """Model file of the network whose weights a run begins with, or none."""
    tempo_only: bool = False
    """Train the tempo head alone."""
    exact_share: float = 0.0
    """Share of the drawn dances that are as exact as several cameras see them, not perturbed as one does."""
    limb_dances: int = 600
    """Drawn dances on which the limbs are measured, of those that are trained on."""
    data: str = ""
    """Folder of 'data prepare' whose training split is mixed in, or none: real dances with known beats.

    Of the recipe's other networks, none is the first's."""
    data_share: float = 0.4
    """Share of the windows that come from there."""

    def __post_init__(self) -> None:
        many = 10**9
        check_ranges(self, pool_size=(1, many), batch_size=(1, many), limb_dances=(1, many), exact_share=(0, 1), data_share=(0, 1))
        check_ranges(self, draw_workers=(0, 512))
        check_ranges(self, item_seconds=(1, 500), min_window_seconds=(0.5, 500), max_window_seconds=(0.5, 500))
        if self.model.others:
            raise ConfigError("model.others: a network is trained by itself; expected []; the recipe joins it with its other_rhythms")


OTHERS = (
    RhythmTrainConfig(
        model=RhythmModelConfig(channels=64, log_speeds=True),
        loop=replace(LOOP, steps=5000, seed=8, precision="32-true"),
        pool_size=8000,
        exact_share=1 / 3,
    ),
)
"""What made the embedded networks beside the first: other dances, some as several cameras see them."""


def targets(item: RhythmItem, config: RhythmTrainConfig) -> np.ndarray:
    """Beat and downbeat targets of an item at the network's frame rate, float32 [2, T]: Gaussian bumps of height 1."""
    t = np.arange(round(item.motion.duration_seconds * config.model.fps)) / config.model.fps
    grid = item.beat_times_seconds
    rows = [grid, grid[item.downbeat :: BEATS_PER_BAR]]
    return np.stack([np.exp(-0.5 * (np.abs(t[:, None] - row).min(axis=1) / config.beat_sigma_seconds) ** 2) for row in rows]).astype(
        np.float32
    )


def rhythm_losses(output: RhythmOutput, targets_B2T: Tensor, tempo_bpm: Tensor, config: RhythmTrainConfig) -> dict[str, Tensor]:
    """Binary cross-entropy of both activations, and cross-entropy of the tempo against a soft target in log-tempo: Tensor [] by name.

    Parameters
    ----------
    output : activations [B, T] and tempo logits of a batch.
    targets_B2T : Tensor [B, 2, T], beats and downbeats of height 1.
    tempo_bpm : Tensor [B].
    """
    weight = 1.0 + (config.positive_weight - 1.0) * targets_B2T
    beat = F.binary_cross_entropy_with_logits(output.beat, targets_B2T[:, 0], weight=weight[:, 0])
    downbeat = F.binary_cross_entropy_with_logits(output.downbeat, targets_B2T[:, 1], weight=weight[:, 1])
    distance = torch.log(config.model.tempi_bpm().to(tempo_bpm)[None] / tempo_bpm[:, None]) / config.tempo_sigma
    soft = (1.0 - config.tempo_doubt) * torch.softmax(-0.5 * distance**2, dim=-1) + config.tempo_doubt / distance.shape[-1]
    tempo = -(soft * F.log_softmax(output.tempo, dim=-1)).sum(dim=-1).mean()
    return {"beat": beat, "downbeat": downbeat, "tempo": tempo}


def rhythm_weights(config: RhythmTrainConfig) -> dict[str, float]:
    """Weights of `rhythm_losses`."""
    return {"beat": 1.0, "downbeat": config.downbeat_loss_weight, "tempo": config.tempo_loss_weight}


def tempo_accuracy(output: RhythmOutput, tempo_bpm: Tensor, config: RhythmTrainConfig) -> Tensor:
    """Share of a batch whose likeliest tempo is within 4 % (in log-tempo) of the true one [B], Tensor []."""
    off = torch.log(config.model.tempi_bpm().to(tempo_bpm)[output.tempo.argmax(dim=-1)] / tempo_bpm).abs()
    return (off <= 0.04).float().mean()


Pool = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Features float16 [N, T, D_m], targets float16 [N, 2, T] and tempi float32 [N] of drawn dances."""


def draw_pool(config: RhythmTrainConfig, folder: Path) -> Pool:
    """All training items, kept in ``folder`` for the next time, under a name of their own: other items are drawn beside them."""
    make = partial(_pool_item, config=config)
    pool = pool_of(make, config.pool_size, folder / pool_name(config), workers=config.draw_workers)
    return pool["features"], pool["targets"], pool["tempi"]


def pool_name(config: RhythmTrainConfig) -> str:
    """Name of a pool, with a digest of all settings that its items (`_pool_item`) depend on."""
    drawn = (config.loop.seed, config.item_seconds, config.model.fps, config.beat_sigma_seconds, config.exact_share)
    return f"pool-{config.loop.seed}-{hashlib.sha256(repr(drawn).encode()).hexdigest()[:12]}"


def _pool_item(index: int, *, config: RhythmTrainConfig) -> Item:
    """Features float16 [T, D_m], targets float16 [2, T] and tempo of one drawn dance."""
    frames = round(config.item_seconds * config.model.fps)
    seed = config.loop.seed * DANCES_PER_RUN + index
    item = draw_item(seed, seconds=config.item_seconds, augmented=not _seen_exactly(seed, config))
    features, wanted = np.zeros((frames, MOTION_FEATURES), np.float16), np.zeros((2, frames), np.float16)
    seen, rows = motion_features(item.motion, fps=config.model.fps)[:frames], targets(item, config)[:, :frames]
    features[: len(seen)], wanted[:, : rows.shape[1]] = seen, rows
    return {"features": features, "targets": wanted, "tempi": np.asarray(item.tempo_bpm, np.float32)}


def _seen_exactly(seed: int, config: RhythmTrainConfig) -> bool:
    return bool(np.random.default_rng([seed, Corpus.RHYTHM_EXACT]).random() < config.exact_share)


class RealDances:
    """Real dances with known beats: features float32 [T, D_m], targets float32 [2, T] and tempo of each, of any length."""

    def __init__(self, config: RhythmTrainConfig) -> None:
        clips = danced_clips(config.data) if config.data else []
        self.fingerprint = fingerprint(clips)
        self.dances = [Danced(clip.motion, clip.beat_times_seconds) for clip in clips if clip.beat_times_seconds is not None]
        if config.data and not self.dances:
            raise InputError(f"{config.data}: no dance has known beats; expected AIST++ names or beats of the clips; see docs/data.md")
        items = [RhythmItem(motion, beats, 0, float(60.0 / np.median(np.diff(beats)))) for motion, beats in self.dances]
        self.items = [self._item(item, config) for item in items]
        self.tempi = np.array([item.tempo_bpm for item in items], np.float32)
        self.lengths = np.array([len(features) for features, _ in self.items])

    @staticmethod
    def _item(item: RhythmItem, config: RhythmTrainConfig) -> tuple[np.ndarray, np.ndarray]:
        seen, rows = motion_features(item.motion, fps=config.model.fps), targets(item, config)
        count = min(len(seen), rows.shape[1])
        return seen[:count], rows[:, :count]


class RhythmBatches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """The batch of each step, a pure function of seed and step: random items, one random window length, random starts, other gains.

    An item is features float32 [B, T, D_m], targets float32 [B, 2, T], tempi float32 [B]. Where there are real dances, a share of each
    batch comes from those that are long enough.
    """

    def __init__(self, pool: Pool, config: RhythmTrainConfig, real: RealDances | None = None) -> None:
        self.pool, self.config, self.real = pool, config, real

    def __len__(self) -> int:
        return self.config.loop.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        config, (features, wanted, tempi) = self.config, self.pool
        rng = np.random.default_rng([config.loop.seed, step])
        fps, shape = config.model.fps, (config.batch_size, 1, features.shape[2])
        seconds = np.exp(rng.uniform(np.log(config.min_window_seconds), np.log(config.max_window_seconds)))
        length = min(round(float(seconds) * fps), features.shape[1] - 1)
        rows = rng.integers(len(features), size=config.batch_size)
        starts = rng.integers(0, features.shape[1] - length, size=config.batch_size)
        x = np.stack([features[i, s : s + length] for i, s in zip(rows, starts)]).astype(np.float32)
        gains = np.exp(rng.normal(0.0, 0.15, shape)) * (rng.random(shape) > 0.03)
        y = np.stack([wanted[i, :, s : s + length] for i, s in zip(rows, starts)]).astype(np.float32)
        bpm = tempi[rows]
        if self.real is not None:
            for b in np.flatnonzero(rng.random(config.batch_size) < config.data_share):
                long_enough = np.flatnonzero(self.real.lengths >= length)
                if len(long_enough):
                    i = int(rng.choice(long_enough))
                    start = int(rng.integers(0, self.real.lengths[i] - length + 1))
                    seen, known = self.real.items[i]
                    x[b], y[b], bpm[b] = seen[start : start + length], known[:, start : start + length], self.real.tempi[i]
        return torch.from_numpy((x * gains).astype(np.float32)), torch.from_numpy(y), torch.from_numpy(bpm)


def limbs_of(config: RhythmTrainConfig, real: RealDances | None = None) -> LimbModel:
    """The statistics of limbs of the drawn dances that are trained on, and of real ones."""
    first = config.loop.seed * DANCES_PER_RUN
    drawn = (draw_item(first + i, seconds=10.0) for i in range(config.limb_dances))
    dances = [Danced(item.motion, item.beat_times_seconds) for item in drawn]
    return measure_limbs(dances + ([] if real is None else real.dances), fps=config.model.fps, seed=config.loop.seed)


def train_rhythm(config: RhythmTrainConfig, out_dir: str | Path) -> Path:
    """Train the rhythm network; a second call with the same folder goes on where the first was stopped, with the same bits.

    Parameters
    ----------
    config : RhythmTrainConfig
    out_dir : folder for the drawn dances, the loop's checkpoint and logs, and the result.

    Returns
    -------
    Path of ``rhythm.safetensors`` (eight bits; `checkpoint.load_model` reads it).

    Raises
    ------
    InputError
        If the folder holds the state of a run with another config, or with other real dances; if what it starts from has other sizes.
    ConfigError
        If limbs cannot be measured on so few dances, or this machine lacks the device.
    TrainingDiverged
        If a loss or the gradient is no number; the last checkpoint stays.
    """
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    fabric = start_fabric(config.loop)
    real = RealDances(config) if config.data else None
    limbs = limbs_of(config, real) if fabric.is_global_zero else None
    pool = draw_pool(config, out)
    model = RhythmModel(config.model)
    if config.start_from:
        begun = load_model(config.start_from, expected="rhythm")
        assert isinstance(begun, RhythmModel)
        try:
            model.load_state_dict(own_weights(begun))
        except RuntimeError:
            raise InputError(
                f"{config.start_from}: has other sizes than these settings' model; expected its own; set model as it has it"
            ) from None
    if config.tempo_only:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("tempo_"))
    trained_parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained_parameters, lr=config.loop.learning_rate, weight_decay=config.weight_decay)
    model.train()
    data = process_share(fabric, RhythmBatches(pool, config, real))
    about = {"data set": "drawn" if real is None else real.fingerprint}
    loop = Loop(fabric, config.loop, out, model=model, optimizers={"model": optimizer}, data=data, about=about, settings=config)
    trained = fabric.setup_module(model)
    for _, (features, wanted, tempo_bpm) in loop:
        output = RhythmOutput(*(part.float() for part in trained(features)))
        loop.update("model", rhythm_losses(output, wanted, tempo_bpm, config), rhythm_weights(config))
        loop.log(tempo_right=tempo_accuracy(output, tempo_bpm, config))
    assert loop.average is not None
    path = out / "rhythm.safetensors"
    learnt_on = (
        "drawn dances of dance2music.synthetic.choreography with the timing of synthetic.timing, perturbed by recipe.rhythm_items.augment"
    )
    if real is not None:
        learnt_on += f"; {len(real.dances)} real dances of {Path(config.data).name}"
    provenance = {"recipe": to_dict(config), "data": learnt_on} | about
    if limbs is not None:
        model.set_limb_model(limbs)
        save_model(path, model, config.model, state=loop.average.state_dict_of(model), provenance=provenance, storage="int8")
    fabric.barrier()
    return path
