"""Roads from a dance to codes, compared on the same composed pairs at a small size and an equal number of steps.

    python benchmarks/compare_roads.py BUILD_DIR [--steps 400]

BUILD_DIR is a folder of ``dance2music train`` that holds coded pairs and a codec. Roads: the papers' adversarial objective or the
classification of codes, each from the dance alone or with the score plan as a further input; and classification followed by the
adversarial objective. The plan given here is the true one, so the rows with a plan are upper bounds of what a predicted plan can reach.

Measured on held-out pairs: onset strength at true beats and at random times (standard deviations above the mean), and the Fréchet distance
of log-mel frames to the true music (0 for the truth).
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

from dance2music.codec.mel import log_mel
from dance2music.codec.spectral import SpectralCodec
from dance2music.dance.steps import frames_from_steps
from dance2music.data.pairs import Pair
from dance2music.losses import code_classification
from dance2music.metrics.rhythm import onset_z
from dance2music.models.performer import Performer, PerformerConfig, tables_of
from dance2music.music.beats import onset_envelope
from dance2music.music.plan import Vocabulary
from dance2music.train.adversarial import (
    AdversarialSetup,
    AdversarialTrainConfig,
    discriminator_losses,
    generator_losses,
    straight_through_latents,
    weighted,
)
from dance2music.train.generator import PerformerData, PerformerTrainConfig
from dance2music.train.recipe import Build, Recipe
from dance2music.types import Audio

ROADS = ("adversarial, dance only", "codes, dance only", "adversarial, plan", "codes, plan", "codes, plan, then adversarial")
REACH_SECONDS = 0.05
EVALUATED_FRAMES = 700


def features_of(performer: Performer, batch: dict[str, Tensor], *, plan: bool) -> Tensor:
    """Hidden features with the plan's roll or without it."""
    share = 1.0 if plan else 0.0
    return performer.trunk_features(
        batch["drums"] * share, batch["pitched"] * share, batch["programs"], batch["sound"], batch["genre"], batch["fused"]
    )


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
    """Train a performer along one road."""
    plan, config = "plan" in road, AdversarialTrainConfig()
    setup = AdversarialSetup(performer, config)
    stages = [("codes", steps)] if road.startswith("codes") else [("adversarial", steps)]
    if road.endswith("then adversarial"):
        stages = [("codes", steps), ("adversarial", steps // 4)]
    done = 0
    for objective, count in stages:
        tuned = done > 0
        g = torch.optim.AdamW(performer.parameters(), lr=2e-4 if objective == "adversarial" else 1e-3, betas=(0.5, 0.9))
        d = torch.optim.AdamW([*setup.discriminator.parameters(), *setup.genre.parameters()], lr=1e-4, betas=(0.5, 0.9))
        for step in range(done, done + count):
            batch = data[step]
            with torch.no_grad():
                real = codec.lookup(batch["codes"])
            features = features_of(performer, batch, plan=plan)
            logits, latents = performer(features, batch["codes"])
            if objective == "codes":
                loss = code_classification(logits, batch["codes"])
            else:
                if tuned:
                    fake = straight_through_latents(logits, codec)
                else:
                    with torch.no_grad():
                        entries = codec.lookup(codec.quantize(latents).codes)
                    fake = latents + (entries - latents).detach()
                d_losses = discriminator_losses(setup, real, fake.detach(), batch["genre"])
                (d_losses["discriminator"] + d_losses["genre"]).backward()
                d.step()
                d.zero_grad()
                with torch.no_grad():
                    audio = codec.decode(real)
                loss = weighted(generator_losses(setup, codec, real, fake, audio), config.weights)
                if tuned:
                    loss = loss + code_classification(logits, batch["codes"])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(performer.parameters(), 1.0)
            g.step()
            g.zero_grad()
            d.zero_grad()
        done += count


@torch.no_grad()
def evaluate(road: str, performer: Performer, codec: SpectralCodec, held: RoadData, n: int) -> dict[str, float]:
    """Values of a road on held-out pairs."""
    performer.eval()
    z, z_random, frames, true_frames = [], [], [], []
    for i in range(n):
        pair = held.items[i][1]
        batch = held.whole(i, EVALUATED_FRAMES)
        batch["fused"] = torch.from_numpy(fused(pair, 0, EVALUATED_FRAMES, held.frame_rate))[None]
        true = codec.decode(codec.lookup(batch["codes"]))
        if road == "truth":
            audio = true
        else:
            features = features_of(performer, batch, plan="plan" in road)
            codes = performer.choose(features) if "codes" in road else codec.quantize(performer(features, batch["codes"])[1]).codes
            audio = codec.decode(codec.lookup(codes))
        envelope, fps = onset_envelope(Audio(audio.numpy(), codec.sample_rate))
        seconds = audio.shape[-1] / codec.sample_rate
        beats = pair.beat_times_seconds[(pair.beat_times_seconds >= 0) & (pair.beat_times_seconds < seconds)]
        z.append(onset_z(envelope, fps, beats, reach_seconds=REACH_SECONDS))
        z_random.append(onset_z(envelope, fps, np.random.default_rng(i).uniform(0, seconds, 300), reach_seconds=REACH_SECONDS))
        frames.append(log_mel(audio, codec.sample_rate, n_mels=40)[0].T.numpy())
        true_frames.append(log_mel(true, codec.sample_rate, n_mels=40)[0].T.numpy())
    distance = frechet(np.concatenate(frames), np.concatenate(true_frames))
    return {"onset_z": float(np.mean(z)), "onset_z_random": float(np.mean(z_random)), "frechet_log_mel": distance}


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of two sets of frames [n, D] taken as Gaussians (Dowson & Landau 1982)."""
    from scipy.linalg import sqrtm

    covariances = [np.cov(x, rowvar=False) + 1e-6 * np.eye(x.shape[1]) for x in (a, b)]
    mixed = sqrtm(covariances[0] @ covariances[1]).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * mixed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--steps", type=int, default=400)
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
    config = PerformerTrainConfig(batch_size=6, crop_frames=160)
    data = RoadData(build.coded_pairs(), config, vocabulary, frame_rate)
    held = RoadData(build.coded_pairs("held")[: arguments.held], config, vocabulary, frame_rate)
    dim = data[0]["fused"].shape[1]
    rows = {"truth": evaluate("truth", Performer(PerformerConfig(fused_dim=dim)), codec, held, arguments.held)}
    for road in ROADS:
        torch.manual_seed(0)
        start = time.time()
        performer = Performer(PerformerConfig(role_channels=96, trunk_channels=160, fused_dim=dim))
        performer.attach(tables_of(codec))
        train(road, performer, codec, data, arguments.steps)
        rows[road] = evaluate(road, performer, codec, held, arguments.held) | {"training_seconds": time.time() - start}
        print(json.dumps({road: rows[road]}), flush=True)
    print("| road | onset z at beats | at random times | Fréchet distance |\n|---|---|---|---|")
    for road, row in rows.items():
        print(f"| {road} | {row['onset_z']:.2f} | {row['onset_z_random']:.2f} | {row['frechet_log_mel']:.2f} |")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"steps": arguments.steps, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
