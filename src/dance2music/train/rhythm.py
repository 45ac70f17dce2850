"""Training of the rhythm network on drawn dances: the corpus, its augmentation, the losses and the loop.

Every item is a pure function of its seed and every batch of its step, so a run that was killed goes on with the same bits.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dance2music.config import to_dict
from dance2music.dance.kinematics import MOTION_FEATURES, low_pass, motion_features, resample
from dance2music.dance.rhythm_model import RhythmModel, RhythmModelConfig, RhythmOutput
from dance2music.data.choreography import dance
from dance2music.errors import ConfigError
from dance2music.files import whole_file
from dance2music.types import BEATS_PER_BAR, GENRES, Motion

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RhythmTrainConfig:
    """Recipe of the rhythm network."""

    model: RhythmModelConfig = field(default_factory=RhythmModelConfig)
    seed: int = 7
    steps: int = 9000
    batch_size: int = 20
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 200
    pool_size: int = 6000
    """Dances drawn for training; seeds ``seed * 10**6`` upwards."""
    item_seconds: float = 14.0
    min_window_seconds: float = 2.0
    max_window_seconds: float = 12.0
    beat_sigma_seconds: float = 0.04
    tempo_sigma: float = 0.015
    """Width of the soft tempo target, natural logarithm."""
    tempo_loss_weight: float = 0.25
    downbeat_loss_weight: float = 0.5
    positive_weight: float = 4.0
    save_every: int = 500
    seed_held_out: int = 990_000_000


@dataclass(frozen=True)
class RhythmItem:
    """One drawn dance as the network meets it: float16 features [T, D_m], and what is true of it."""

    motion: Motion
    beat_times_seconds: np.ndarray
    downbeat: int
    tempo_bpm: float


def draw_item(seed: int, *, seconds: float, augmented: bool = True) -> RhythmItem:
    """A dance with its beat grid, drawn from ``seed`` alone: tempo log-uniform over the music range, slight drift, any phase."""
    rng = np.random.default_rng([seed, 41])
    tempo = float(np.exp(rng.uniform(np.log(76.0), np.log(140.0))))
    n_beats = int((seconds + 4.0) * tempo / 60.0) + 4
    drift = 1.0 + (rng.normal(0.0, 0.01) * np.linspace(-1, 1, n_beats - 1) if rng.random() < 0.3 else np.zeros(n_beats - 1))
    grid = np.concatenate([[0.0], np.cumsum(60.0 / tempo * drift)])
    grid -= rng.uniform(0.0, 3.9) * 60.0 / tempo
    downbeat = int(rng.integers(BEATS_PER_BAR))
    motion = dance(grid, genre=int(rng.integers(len(GENRES))), seed=seed, fps=60.0, duration_seconds=seconds, downbeat=downbeat)
    if augmented:
        motion = augment(motion, rng)
    inside = grid[(grid >= 0) & (grid <= seconds)]
    return RhythmItem(motion, grid, downbeat, float(60.0 / np.median(np.diff(inside))))


def augment(motion: Motion, rng: np.random.Generator) -> Motion:
    """Make a drawn dance look like one that was filmed and tracked: camera, zoom, frame rate, jitter, lost joints, smoothing."""
    joints = motion.joints.astype(np.float64)
    count, n_joints, fps = len(joints), joints.shape[1], motion.fps
    joints = _view(joints, rng)
    size = float(np.ptp(joints[0, :, 1])) + 1e-6
    if rng.random() < 0.3:  # hand-held camera: slow pan and zoom
        sway = low_pass(rng.normal(size=(count, 1, 2)), fps=fps, cutoff_hz=0.5)
        joints = joints + sway / (sway.std() + 1e-9) * size * rng.uniform(0.0, 0.04)
        joints = joints * (1.0 + 0.05 * np.sin(2 * np.pi * (rng.uniform(0.02, 0.2) * np.arange(count) / fps + rng.random())))[:, None, None]
    if rng.random() < 0.4:  # some dancers use some parts of the body more
        centre = joints.mean(axis=0, keepdims=True)
        joints = centre + (joints - centre) * np.exp(rng.normal(0.0, 0.35, (1, n_joints, 1)))
    target_fps = float(rng.choice([24.0, 25.0, 30.0, 30.0, 50.0, 60.0]))
    motion = resample(Motion(joints.astype(np.float32), motion.confidence.copy(), fps, motion.skeleton), target_fps)
    joints, confidence, fps = motion.joints.astype(np.float64), motion.confidence.copy(), target_fps
    count = len(joints)
    if rng.random() < 0.75:  # jitter of the pose estimator, quick and slow, not equal for all joints
        level = size * 10 ** rng.uniform(-3.3, -2.0) * np.exp(rng.normal(0.0, 0.5, (1, n_joints, 1)))
        slow = low_pass(rng.normal(size=joints.shape), fps=fps, cutoff_hz=float(rng.uniform(1.0, 6.0)))
        joints = joints + level * rng.normal(size=joints.shape) + 2.0 * level * slow / (slow.std() + 1e-9)
    if rng.random() < 0.3:  # outliers
        for _ in range(int(rng.integers(1, 12))):
            at, joint = int(rng.integers(count)), int(rng.integers(n_joints))
            joints[at : at + int(rng.integers(1, 4)), joint] += rng.normal(0.0, 0.15 * size, 2)
    if rng.random() < 0.4:  # lost joints: held in place without confidence
        for _ in range(int(rng.integers(1, 6))):
            at, length = int(rng.integers(count)), int(rng.uniform(0.2, 4.0) * fps)
            lost = rng.permutation(n_joints)[: int(rng.integers(1, 7))]
            joints[at : at + length, lost] = joints[at, lost]
            confidence[at : at + length, lost] = 0.0
    if rng.random() < 0.12:  # legs out of the picture
        legs = [1, 2, 4, 5, 7, 8, 10, 11] if rng.random() < 0.3 else [4, 5, 7, 8, 10, 11]
        joints[:, legs] = joints[:, :1] + rng.normal(0.0, 0.05 * size, (1, len(legs), 2))
        confidence[:, legs] = float(rng.choice([0.0, 0.3]))
    if rng.random() < 0.5:  # smoothing in the tracker, which may also lag
        joints = low_pass(joints, fps=fps, cutoff_hz=float(rng.uniform(2.5, 8.0)))
    return Motion(joints.astype(np.float32), confidence, fps, motion.skeleton)


def _view(joints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Joints [T, J, 3] as a camera sees them, [T, J, 2]: turned, tilted, with perspective, perhaps mirrored."""
    yaw, pitch = rng.normal(0.0, 0.5), rng.normal(0.0, 0.12)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    seen = joints @ (tilt @ turn).T
    distance = rng.uniform(2.5, 8.0)
    depth = np.maximum(distance - seen[..., 2:], 0.5)
    flat = seen[..., :2] * distance / depth if rng.random() < 0.8 else seen[..., :2]
    return flat * np.array([-1.0 if rng.random() < 0.5 else 1.0, 1.0])


def targets(item: RhythmItem, config: RhythmTrainConfig) -> np.ndarray:
    """Beat and downbeat targets of an item at the network's frame rate, float32 [2, T]: Gaussian bumps of height 1."""
    t = np.arange(round(item.motion.duration_seconds * config.model.fps)) / config.model.fps
    grid = item.beat_times_seconds
    rows = [grid, grid[item.downbeat :: BEATS_PER_BAR]]
    return np.stack([np.exp(-0.5 * (np.abs(t[:, None] - row).min(axis=1) / config.beat_sigma_seconds) ** 2) for row in rows]).astype(
        np.float32
    )


def rhythm_loss(output: RhythmOutput, targets_B2T: Tensor, tempo_bpm: Tensor, config: RhythmTrainConfig) -> tuple[Tensor, dict[str, float]]:
    """Binary cross-entropy of both activations plus cross-entropy of the tempo against a soft target in log-tempo."""
    weight = 1.0 + (config.positive_weight - 1.0) * targets_B2T
    beat = F.binary_cross_entropy_with_logits(output.beat, targets_B2T[:, 0], weight=weight[:, 0])
    downbeat = F.binary_cross_entropy_with_logits(output.downbeat, targets_B2T[:, 1], weight=weight[:, 1])
    distance = torch.log(config.model.tempi_bpm().to(tempo_bpm)[None] / tempo_bpm[:, None]) / config.tempo_sigma
    soft = torch.softmax(-0.5 * distance**2, dim=-1)
    tempo = -(soft * F.log_softmax(output.tempo, dim=-1)).sum(dim=-1).mean()
    total = beat + config.downbeat_loss_weight * downbeat + config.tempo_loss_weight * tempo
    near = torch.log(config.model.tempi_bpm().to(tempo_bpm)[output.tempo.argmax(dim=-1)] / tempo_bpm).abs() <= 0.04
    return total, {"beat": float(beat), "downbeat": float(downbeat), "tempo": float(tempo), "tempo_right": float(near.float().mean())}


def draw_pool(config: RhythmTrainConfig, folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features float16 [N, T, D_m], targets float16 [N, 2, T] and tempi float32 [N] of all training items, kept in ``folder``."""
    frames = round(config.item_seconds * config.model.fps)
    path = folder / f"pool-{config.seed}-{config.pool_size}-{frames}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return stored["features"], stored["targets"], stored["tempi"]
    features = np.zeros((config.pool_size, frames, MOTION_FEATURES), np.float16)
    wanted = np.zeros((config.pool_size, 2, frames), np.float16)
    tempi = np.zeros(config.pool_size, np.float32)
    for i in range(config.pool_size):
        item = draw_item(config.seed * 10**6 + i, seconds=config.item_seconds)
        seen = motion_features(item.motion, fps=config.model.fps)[:frames]
        features[i, : len(seen)] = seen
        row = targets(item, config)[:, :frames]
        wanted[i, :, : row.shape[1]], tempi[i] = row, item.tempo_bpm
        if i % 1000 == 999:
            log.info("drew %d of %d dances", i + 1, config.pool_size)
    with whole_file(path) as temporary:
        np.savez(temporary, features=features, targets=wanted, tempi=tempi)
    return features, wanted, tempi


def batch_at(step: int, pool: tuple[np.ndarray, np.ndarray, np.ndarray], config: RhythmTrainConfig) -> tuple[Tensor, Tensor, Tensor]:
    """The batch of a step: random items, one random window length, random starts; features [B, T, D_m], targets [B, 2, T], tempi [B]."""
    features, wanted, tempi = pool
    rng = np.random.default_rng([config.seed, step])
    fps = config.model.fps
    length = round(np.exp(rng.uniform(np.log(config.min_window_seconds), np.log(config.max_window_seconds))) * fps)
    rows = rng.integers(len(features), size=config.batch_size)
    starts = rng.integers(0, features.shape[1] - length - round(0.2 * fps), size=config.batch_size)
    x = np.stack([features[i, s : s + length] for i, s in zip(rows, starts)]).astype(np.float32)
    x *= np.exp(rng.normal(0.0, 0.15, (config.batch_size, 1, x.shape[2]))).astype(np.float32)
    x[..., :][rng.random((config.batch_size, 1, x.shape[2])).repeat(length, axis=1) < 0.03] = 0.0
    y = np.stack([wanted[i, :, s : s + length] for i, s in zip(rows, starts)]).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(tempi[rows])


def learning_rate_at(step: int, config: RhythmTrainConfig) -> float:
    """Linear warm-up, then half a cosine down to 1 % of the peak."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + float(np.cos(np.pi * share))))


def train_rhythm(config: RhythmTrainConfig, out_dir: str | Path) -> Path:
    """Train the rhythm network; a second call with the same folder goes on where the first was stopped.

    Parameters
    ----------
    config : RhythmTrainConfig
    out_dir : folder for the drawn dances, ``state.pt`` (to resume), ``log.jsonl`` and the result.

    Returns
    -------
    Path of ``rhythm.safetensors`` (half precision, config in the metadata).

    Raises
    ------
    ConfigError
        If the folder holds the state of a run with another config.
    """
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    pool = draw_pool(config, out)
    torch.manual_seed(config.seed)
    torch.set_flush_denormal(True)
    model = RhythmModel(config.model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    first = 0
    state_path = out / "state.pt"
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        if state["config"] != json.dumps(to_dict(config)):
            raise ConfigError(
                f"{state_path}: belongs to a run with another config; expected the same one; choose another folder or delete it"
            )
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average, first = state["average"], state["step"]
    model.train()
    began, sums = time.monotonic(), {}
    for step in range(first, config.steps):
        torch.manual_seed(config.seed * 1_000_003 + step)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate_at(step, config)
        x, y, tempo_bpm = batch_at(step, pool, config)
        loss, parts = rhythm_loss(model(x), y, tempo_bpm, config)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        keep = min(0.998, (step + 1) / (step + 10))
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1.0 - keep)
        for name, part in {"loss": float(loss.detach()), **parts}.items():
            sums[name] = sums.get(name, 0.0) + part
        if (step + 1) % 100 == 0:
            row = {
                "step": step + 1,
                **{name: round(total / 100, 4) for name, total in sums.items()},
                "seconds": round(time.monotonic() - began, 1),
            }
            log.info("%s", row)
            with (out / "log.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row) + "\n")
            sums = {}
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
            state = {
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "average": average,
                "step": step + 1,
                "config": json.dumps(to_dict(config)),
            }
            with whole_file(state_path) as temporary:
                torch.save(state, temporary)
            _save(replace(config), average, out / "rhythm.safetensors", step + 1)
    return out / "rhythm.safetensors"


def _save(config: RhythmTrainConfig, weights: dict[str, Tensor], path: Path, step: int) -> None:
    from safetensors.torch import save_file

    half = {name: value.to(torch.float16).contiguous() for name, value in weights.items()}
    with whole_file(path) as temporary:
        save_file(
            half, temporary, metadata={"config": json.dumps(to_dict(config.model)), "train": json.dumps(to_dict(config)), "step": str(step)}
        )
