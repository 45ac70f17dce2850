"""Roads from a dance to codes, compared on the same composed pairs at a small size and an equal number of steps.

    python benchmarks/compare_roads.py BUILD_DIR [--steps 300]

BUILD_DIR is a folder of ``dance2music train`` that holds coded pairs and a codec. Roads: the papers' objective on latents that are looked
up, or a classifier over the codes; each from the dance alone, with the score plan as a further input, and with plan and sketch. The
plan given here is the true one, so the rows with a plan are upper bounds of what a predicted plan can reach.

Measured on held-out pairs: onset strength at true beats and at random times (standard deviations above the mean), the Fréchet distance
of log-mel frames to the true music (0 for the truth), and the key clarity and harmonic share of `metrics.musicality`.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dance2music.codec.lookup import straight_through
from dance2music.codec.spectral import SpectralCodec
from dance2music.losses import code_classification
from dance2music.methods.performer import Performer, PerformerConfig
from dance2music.methods.plan import Vocabulary
from dance2music.metrics.musicality import harmonic_share, key_clarity
from dance2music.metrics.rhythm import onset_z
from dance2music.music.beats import onset_envelope
from dance2music.music.mel import log_mel
from dance2music.recipe.build import Build
from dance2music.recipe.pairs import Pair
from dance2music.recipe.performer import (
    PerformerTrainConfig,
    Setup,
    adversarial_losses,
    discriminator_losses,
    reconstruction_losses,
)
from dance2music.recipe.planner import CropConfig, PerformerData, performer_features
from dance2music.recipe.settings import Recipe
from dance2music.rhythm.steps import frames_from_steps
from dance2music.train.loop import weighted_total
from dance2music.types import Audio

ROADS = (
    "objective, dance only",
    "codes, dance only",
    "objective, plan",
    "codes, plan",
    "objective, plan and sketch",
    "codes, plan and sketch",
)
REACH_SECONDS = 0.05
EVALUATED_FRAMES = 700


def seen(road: str, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The batch with what the road does not see set to zero."""
    hidden = () if "plan" in road else ("drums", "pitched")
    hidden += () if "sketch" in road else ("sketch",)
    return {name: torch.zeros_like(value) if name in hidden else value for name, value in batch.items()}


class RoadData(PerformerData):
    """Batches of the performer with the dance's features and beat phase at codec frames beside them."""

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        batch = super().__getitem__(step)
        rows = []
        for index, start in zip(batch["item"].tolist(), batch["start"].tolist()):
            rows.append(fused(self.items[index][1], start, self.config.crop_frames, self.frame_rate))
        return {**batch, "fused": torch.from_numpy(np.stack(rows))}


def fused(pair: Pair, start: int, n_frames: int, frame_rate: float) -> np.ndarray:
    """Motion and visual features and the beat's phase at codec frames, float32 [D, n_frames]."""
    times = (start + np.arange(n_frames)) / frame_rate
    beats = np.interp(times, pair.beat_times_seconds, np.arange(len(pair.beat_times_seconds)) - pair.downbeat)
    steps = np.concatenate([pair.motion, pair.visual], axis=1)
    phase = [f(2 * np.pi * beats / period) for period in (1.0, 4.0) for f in (np.sin, np.cos)]
    return np.concatenate([frames_from_steps(steps, beats, first_bar=pair.plan.first_bar).T, phase]).astype(np.float32)


def train(road: str, performer: Performer, codec: SpectralCodec, data: RoadData, steps: int) -> None:
    """Train a performer along one road; discriminators join for the second half of the papers' objective."""
    config = PerformerTrainConfig()
    setup = Setup(performer, config)
    g = torch.optim.AdamW(performer.parameters(), lr=1e-3, betas=(0.8, 0.98))
    d = torch.optim.AdamW([*setup.discriminator.parameters(), *setup.genre.parameters()], lr=2e-4, betas=(0.5, 0.9))
    n_codebooks = performer.config.n_codebooks
    for step in range(steps):
        batch = seen(road, data[step])
        features, codes = performer_features(performer, batch), batch["codes"][:, :n_codebooks]
        if performer.codes is not None:
            loss = code_classification(performer.codes(features, codes), codes)
        else:
            with torch.no_grad():
                real = codec.lookup(codes)
                audio = codec.decode(real)
            fake = straight_through(performer.regress(features), codec, n_codebooks)
            terms = reconstruction_losses(codec, real, fake, audio)
            if step >= steps // 2:
                d_losses = discriminator_losses(setup, real, fake.detach(), batch["genre"])
                (d_losses["discriminator"] + d_losses["genre"]).backward()
                d.step()
                d.zero_grad()
                terms |= adversarial_losses(setup, real, fake)
            loss = weighted_total(terms, vars(config.weights))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(performer.parameters(), 1.0)
        g.step()
        g.zero_grad()
        d.zero_grad()


@torch.no_grad()
def evaluate(road: str, performer: Performer, codec: SpectralCodec, held: RoadData, n: int) -> dict[str, float]:
    """Values of a road on held-out pairs."""
    performer.eval()
    rows, frames, true_frames = [], [], []
    for i in range(n):
        pair = held.items[i][1]
        batch = held.whole(i, EVALUATED_FRAMES)
        batch["fused"] = torch.from_numpy(fused(pair, 0, EVALUATED_FRAMES, held.frame_rate))[None]
        true = codec.decode(codec.lookup(batch["codes"]))
        if road == "truth":
            audio = true
        else:
            features = performer_features(performer, seen(road, batch))
            codes = performer.codes.choose(features) if performer.codes is not None else codec.quantize(performer.regress(features)).codes
            audio = codec.decode(codec.lookup(codes[:, : performer.config.n_codebooks]))
        sound = Audio.from_tensor(audio, codec.sample_rate)
        envelope, fps = onset_envelope(sound)
        beats = pair.beat_times_seconds[(pair.beat_times_seconds >= 0) & (pair.beat_times_seconds < sound.duration_seconds)]
        random = np.random.default_rng(i).uniform(0, sound.duration_seconds, 300)
        rows.append(
            {
                "onset_z": onset_z(envelope, fps, beats, reach_seconds=REACH_SECONDS),
                "onset_z_random": onset_z(envelope, fps, random, reach_seconds=REACH_SECONDS),
                "key_clarity": key_clarity(sound),
                "harmonic_share": harmonic_share(sound),
            }
        )
        frames.append(log_mel(audio, codec.sample_rate, n_mels=40)[0, 0].T.numpy())
        true_frames.append(log_mel(true, codec.sample_rate, n_mels=40)[0, 0].T.numpy())
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"frechet_log_mel": frechet(np.concatenate(frames), np.concatenate(true_frames))}


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of two sets of frames [n, D] taken as Gaussians (Dowson & Landau 1982)."""
    from scipy.linalg import sqrtm

    covariances = [np.cov(x, rowvar=False) + 1e-6 * np.eye(x.shape[1]) for x in (a, b)]
    mixed = sqrtm(covariances[0] @ covariances[1]).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * mixed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--held", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("out/compare_roads.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    build = Build(replace(Recipe(), n_coded_pairs=arguments.pairs), arguments.build)
    codec, vocabulary = build.codec().requires_grad_(False), Vocabulary(build.voicings())
    frame_rate = codec.sample_rate / codec.hop_length
    crops = CropConfig(batch_size=4, crop_frames=160)
    data = RoadData(build.coded_pairs(), crops, vocabulary, frame_rate)
    held_build = Build(replace(Recipe(), n_coded_pairs=arguments.held), arguments.build)
    held = RoadData(held_build.coded_pairs("held"), crops, vocabulary, frame_rate)
    small = PerformerConfig(role_channels=96, trunk_channels=160, fused_dim=data[0]["fused"].shape[1])
    rows = {"truth": evaluate("truth", Performer(small), codec, held, arguments.held)}
    for road in ROADS:
        torch.manual_seed(0)
        start = time.time()
        performer = Performer(replace(small, classify=road.startswith("codes")))
        if performer.codes is not None:
            performer.codes.attach(codec)
        train(road, performer, codec, data, arguments.steps)
        rows[road] = evaluate(road, performer, codec, held, arguments.held) | {"training_seconds": time.time() - start}
        print(json.dumps({road: rows[road]}), flush=True)
    columns = list(rows["truth"])
    print("| road | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for road, row in rows.items():
        print(f"| {road} | " + " | ".join(f"{row[column]:.2f}" for column in columns) + " |")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"steps": arguments.steps, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
