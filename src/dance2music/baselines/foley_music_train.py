"""Training of Foley Music on drawn dances and one instrument of their music: melody and chords, folded onto one piano."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from dance2music.baselines.event_losses import danced, event_losses, onset_frames, onset_loss, window_events
from dance2music.baselines.foley_music import FOLEY_EMBEDDED, POSE_FPS, FoleyMusic, FoleyMusicConfig
from dance2music.baselines.framed import framed_joints
from dance2music.dance.kinematics import kinematic_beats
from dance2music.music.tokens import PerformanceTokenizer, notes_of
from dance2music.seeds import HELD_OUT_SYMBOLIC, Corpus, RecipeStep
from dance2music.train.start import LoopConfig
from dance2music.train.symbolic import Arrays, Batch, SymbolicTrainConfig, batch_of, fit, kept

ROLES = ("lead", "chords")
"""Tracks that the instrument plays; the published data have a recording of one instrument instead."""


@dataclass(frozen=True)
class FoleyTrainConfig:
    """One run of Foley Music.

    Attributes
    ----------
    crop_events : bounds the sequences in training, as the published 512 do.
    onset_weight : of the encoder's own loss, whether a note begins in a frame, where the model has an output for it.
    danced : notes are struck where the dancer stops (`event_losses.danced`), as a player's where the hand does; False leaves the music
        that the dance was made for as it is.
    """

    model: FoleyMusicConfig = field(default_factory=lambda: FOLEY_EMBEDDED)
    training: SymbolicTrainConfig = field(
        default_factory=lambda: SymbolicTrainConfig(
            loop=LoopConfig(steps=450, learning_rate=3e-3, warmup_steps=50, save_every_steps=100, precision="auto"),
            batch_size=12, n_pieces=1600, piece_seconds=16.0,
        )
    )  # fmt: skip
    crop_events: int = 160
    onset_weight: float = 0.5
    danced: bool = True


class PoseEvents(Dataset[Batch]):
    """Windows of dances with their events; item ``step`` is the batch of that step."""

    def __init__(self, items: list[Arrays], config: FoleyTrainConfig, *, seed: int) -> None:
        self.items, self.config, self.seed = items, config, seed
        self.tokenizer = PerformanceTokenizer(config.model.tokens)

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step, RecipeStep.POSE_WINDOWS])
        model, rows = self.config.model, []
        T = round(model.window_seconds * POSE_FPS)
        for _ in range(self.config.training.batch_size):
            item = self.items[int(rng.integers(len(self.items)))]
            first = int(rng.integers(max(1, len(item["joints"]) - T + 1)))
            joints = move(item["joints"][np.minimum(np.arange(first, first + T), len(item["joints"]) - 1)].astype(np.float32), rng)
            events = window_events(self.tokenizer, item["notes"], first / POSE_FPS, model.window_seconds, self.config.crop_events + 1)
            rows.append({"joints": joints, "events": events, "onsets": onset_frames(item["notes"], first, T, fps=POSE_FPS)})
        return batch_of(rows)


def move(joints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Joints [T, J, 2] along a path between two random cameras: up to 10 degrees, a tenth nearer or farther, a fifth aside."""
    T = len(joints)
    way = np.linspace(0, 1, T)[:, None]
    angle, scale, *shift = (
        (rng.choice(np.array(states), 2)[None] * np.concatenate([1 - way, way], axis=1)).sum(axis=1)
        for states in ((-10, 0, 10), (0.9, 1.0, 1.1), (-0.2, 0.0, 0.2), (-0.2, 0.0, 0.2))
    )
    c, s = np.cos(np.radians(angle)) * scale, np.sin(np.radians(angle)) * scale
    turned = np.einsum("tij,tvj->tvi", np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], axis=1), joints)
    return (turned + np.stack(shift, axis=-1)[:, None]).astype(np.float32)


def losses(model: FoleyMusic, batch: Batch, *, onset_weight: float = 0.5) -> dict[str, Tensor]:
    """What a batch of `PoseEvents` loses, Tensors [], ``total`` first where the model has an output for onsets."""
    memory = model.remember(batch["joints"])
    terms = event_losses(model.read(memory, batch["events"][:, :-1]), batch["events"][:, 1:], pad=model.config.tokens.pad)
    if not model.config.onsets:
        return terms
    return onset_loss(terms, model.onset_logits(memory), batch["onsets"], weight=onset_weight)


def pose_and_notes(seed: int, *, seconds: float, skeleton: str, follow: bool = True) -> Arrays:
    """Joints float16 [T, V, 2] of a drawn dance, as a pose estimator sees it, and notes float32 [n, 4] of its music."""
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    clip = synthetic_clip(seed, duration_seconds=seconds)
    assert clip.score is not None and clip.rhythm is not None
    motion = perturb(clip.motion, np.random.default_rng([seed, Corpus.SYMBOLIC_POSE_NOISE]))
    joints = framed_joints(motion, skeleton=skeleton, fps=POSE_FPS, duration_seconds=seconds)
    roles = ROLES if any(t.notes for t in clip.score.tracks if t.role in ROLES) else ("pad", "bass")
    notes = notes_of(clip.score, roles=roles)
    if follow:
        notes = danced(notes, kinematic_beats(motion), seconds)
    return {"joints": joints.astype(np.float16), "notes": np.array(notes, dtype=np.float32).reshape(-1, 4)}


def train_foley_music(config: FoleyTrainConfig, out_dir: str | Path) -> FoleyMusic:
    """Train Foley Music; dances and notes are kept in ``out_dir``. Resumes what the folder holds."""
    out_dir, training = Path(out_dir), config.training
    make = partial(pose_and_notes, seconds=training.piece_seconds, skeleton=config.model.skeleton, follow=config.danced)
    train = kept(out_dir / "train.npz", make, range(training.n_pieces), workers=training.workers)
    held = kept(out_dir / "held.npz", make, range(HELD_OUT_SYMBOLIC, HELD_OUT_SYMBOLIC + training.n_held_out), workers=training.workers)
    data, held_data = PoseEvents(train, config, seed=training.loop.seed), PoseEvents(held, config, seed=training.loop.seed + 1)
    return fit(FoleyMusic(config.model), data, partial(losses, onset_weight=config.onset_weight), training, out_dir, held_out=held_data)
