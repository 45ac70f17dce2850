"""Training of InverseMV on pictures of drawn dances and all pitched tracks of their music, folded onto a piano."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dance2music.baselines.event_losses import danced, event_losses, onset_frames, onset_loss, window_events
from dance2music.baselines.foley_music_train import move
from dance2music.baselines.framed import framed_joints
from dance2music.baselines.inverse_mv import PICTURE_FPS, PICTURE_SKELETON, InverseMv, InverseMvConfig, draw_pictures
from dance2music.dance.kinematics import kinematic_beats
from dance2music.music.tokens import PerformanceTokenizer, notes_of
from dance2music.seeds import HELD_OUT_SYMBOLIC, Corpus, RecipeStep
from dance2music.train.start import LoopConfig
from dance2music.train.symbolic import Arrays, Batch, SymbolicTrainConfig, batch_of, fit, kept


@dataclass(frozen=True)
class InverseMvTrainConfig:
    """One run of InverseMV.

    Attributes
    ----------
    crop_events : bounds the sequences in training.
    onset_weight, danced : see `FoleyTrainConfig`; made for `INVERSE_MV_GUIDED`.
    """

    model: InverseMvConfig = field(default_factory=InverseMvConfig)
    training: SymbolicTrainConfig = field(
        default_factory=lambda: SymbolicTrainConfig(
            loop=LoopConfig(steps=1800, learning_rate=1e-3, warmup_steps=200, save_every_steps=200),
            batch_size=8, n_pieces=1600, piece_seconds=16.0,
        )
    )  # fmt: skip
    crop_events: int = 400
    onset_weight: float = 0.5
    danced: bool = False


class PictureEvents(Dataset[Batch]):
    """Windows of pictures with their events; item ``step`` is the batch of that step."""

    def __init__(self, items: list[Arrays], config: InverseMvTrainConfig, *, seed: int) -> None:
        self.items, self.config, self.seed = items, config, seed
        self.tokenizer = PerformanceTokenizer(config.model.tokens)

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step, RecipeStep.PICTURE_WINDOWS])
        model, rows = self.config.model, []
        for _ in range(self.config.training.batch_size):
            item = self.items[int(rng.integers(len(self.items)))]
            seconds = model.n_pictures / PICTURE_FPS
            n = round(seconds * model.poses_fps)
            first = int(rng.integers(max(1, len(item["joints"]) - n + 1)))
            joints = move(item["joints"][np.minimum(np.arange(first, first + n), len(item["joints"]) - 1)].astype(np.float32), rng)
            events = window_events(self.tokenizer, item["notes"], first / model.poses_fps, seconds, self.config.crop_events + 1)
            pictures = draw_pictures(joints, model.picture_size, exposure=model.exposure)
            rows.append({"pictures": pictures, "events": events, "onsets": onset_frames(item["notes"], first, n, fps=model.poses_fps)})
        batch = batch_of(rows)
        return batch | {"pictures": batch["pictures"].to(torch.float32)}


def losses(model: InverseMv, batch: Batch, *, onset_weight: float = 0.5) -> dict[str, Tensor]:
    """What a batch of `PictureEvents` loses, Tensors []; ``total`` first where the model has an output for onsets."""
    memory = model.remember(batch["pictures"])
    terms = event_losses(model.read(memory, batch["events"][:, :-1]), batch["events"][:, 1:], pad=model.config.tokens.pad)
    return onset_loss(terms, model.onset_logits(memory), batch["onsets"], weight=onset_weight) if model.config.onsets else terms


def poses_and_notes(seed: int, *, seconds: float, fps: float = PICTURE_FPS, follow: bool = True) -> Arrays:
    """Joints float16 [T, 18, 2] of a drawn dance, as a pose estimator sees it, and notes float32 [n, 4] of its music."""
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    clip = synthetic_clip(seed, duration_seconds=seconds)
    assert clip.score is not None and clip.rhythm is not None
    motion = perturb(clip.motion, np.random.default_rng([seed, Corpus.SYMBOLIC_POSE_NOISE]))
    joints = framed_joints(motion, skeleton=PICTURE_SKELETON, fps=fps, duration_seconds=seconds)
    notes = notes_of(clip.score)
    if follow:
        notes = danced(notes, kinematic_beats(motion), seconds)
    return {"joints": joints.astype(np.float16), "notes": np.array(notes, dtype=np.float32).reshape(-1, 4)}


def train_inverse_mv(config: InverseMvTrainConfig, out_dir: str | Path) -> InverseMv:
    """Train InverseMV; dances and notes are kept in ``out_dir``. Resumes what the folder holds."""
    out_dir, training = Path(out_dir), config.training
    make = partial(poses_and_notes, seconds=training.piece_seconds, fps=config.model.poses_fps, follow=config.danced)
    train = kept(out_dir / "train.npz", make, range(training.n_pieces), workers=training.workers)
    held = kept(out_dir / "held.npz", make, range(HELD_OUT_SYMBOLIC, HELD_OUT_SYMBOLIC + training.n_held_out), workers=training.workers)
    data, held_data = PictureEvents(train, config, seed=training.loop.seed), PictureEvents(held, config, seed=training.loop.seed + 1)
    return fit(InverseMv(config.model), data, partial(losses, onset_weight=config.onset_weight), training, out_dir, held_out=held_data)
