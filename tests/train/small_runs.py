"""A symbolic training and one of the recipe, of a second each, in one process or in several."""

from __future__ import annotations

import os
from pathlib import Path

import torch

import tiny
from dance2music.baselines.jukebox import JukeboxPriorConfig
from dance2music.baselines.jukebox_prior_train import JukeboxTrainConfig, train_jukebox
from dance2music.methods.performer import Performer, PerformerConfig
from dance2music.papers.discriminators import LatentDiscriminatorConfig
from dance2music.recipe.performer import PerformerTrainConfig, train_performer
from dance2music.recipe.planner import CropConfig
from dance2music.train.start import LoopConfig
from dance2music.train.symbolic import SymbolicTrainConfig

NAMES = ("prior", "performer")
LOOP = LoopConfig(
    steps=3, workers=0, warmup_steps=0, save_every_steps=2, log_every_steps=1, accelerator="cpu", learning_rate=1e-3, threads=1
)
PRIOR = JukeboxTrainConfig(
    model=JukeboxPriorConfig(vocabulary=2 * tiny.CODEBOOK_SIZE, n_codebooks=2, context=16, channels=16, heads=2, layers=1),
    training=SymbolicTrainConfig(loop=LOOP, batch_size=4, held_out_batches=1),
)
PERFORMER = PerformerTrainConfig(
    loop=LOOP,
    crops=CropConfig(batch_size=2, crop_frames=48),
    discriminator=LatentDiscriminatorConfig(latent_dim=tiny.LATENT_DIM, channels=8, layers=3, scales=2),
    adversarial_from=1,
)
SMALL = PerformerConfig(
    latent_dim=tiny.LATENT_DIM, n_codebooks=tiny.N_CODEBOOKS, codebook_size=tiny.CODEBOOK_SIZE, role_channels=8, role_dilations=(1,),
    trunk_channels=12, trunk_dilations=(1, 2),
)  # fmt: skip


def train(out: Path) -> None:
    """Train both into ``out/NAME`` and write each one's weights as ``out/NAME-RANK.pt``; other processes begin with other weights."""
    out.mkdir(parents=True, exist_ok=True)
    rank = int(os.environ.get("RANK", "0"))
    pairs, vocabulary = tiny.pairs()
    torch.manual_seed(rank)
    models = [train_jukebox(pairs, pairs, PRIOR, out / "prior")]
    torch.manual_seed(rank)
    models.append(train_performer(Performer(SMALL), tiny.codec(), pairs, vocabulary, PERFORMER, out / "performer"))
    for name, model in zip(NAMES, models):
        torch.save(model.state_dict(), out / f"{name}-{rank}.pt")
