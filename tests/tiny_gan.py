"""A GAN small enough to train in a test: networks, segments and a codec. Run as a script, ``python tiny_gan.py OUT``, it trains."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import dance2music.papers.gan_step as gan
from dance2music.checkpoint import save_model
from dance2music.codec.quantizer import CodebookConfig, ResidualQuantizerConfig
from dance2music.codec.spectral import SpectralCodec, SpectralCodecConfig
from dance2music.papers.discriminators import LatentDiscriminatorConfig
from dance2music.train.loop import Loop
from dance2music.train.objective import Update
from dance2music.train.segments import StackedSegments, coded
from dance2music.train.start import LoopConfig

MOTION_DIM, VISUAL_DIM, LATENT_DIM, FRAMES = 6, 3, 64, 16
HOP = 64


@dataclass(frozen=True)
class TinyGeneratorConfig:
    width: int = 8


class TinyGenerator(nn.Module):
    def __init__(self, config: TinyGeneratorConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(MOTION_DIM + VISUAL_DIM, config.width, 3, padding=1), nn.ReLU(), nn.Conv1d(config.width, LATENT_DIM, 3, padding=1)
        )
        self.genre = nn.Embedding(10, LATENT_DIM)

    def forward(self, motion: Tensor, visual: Tensor, genre: Tensor, *, n_frames: int) -> Tensor:
        x = torch.cat([motion, visual], dim=-1).transpose(1, 2)
        return self.layers(F.interpolate(x, size=n_frames)) + self.genre(genre).unsqueeze(-1)


def codec() -> SpectralCodec:
    torch.manual_seed(3)
    model = SpectralCodec(
        SpectralCodecConfig(
            hop_length=HOP,
            n_fft=128,
            n_mels=10,
            dim=LATENT_DIM,
            encoder_width=8,
            encoder_depth=1,
            decoder_width=8,
            decoder_depth=1,
            quantizer=ResidualQuantizerConfig(n_codebooks=1, codebook=CodebookConfig(size=16, dim=LATENT_DIM)),
        )
    )
    model.quantizer.codebooks[0].get_buffer("k").copy_(torch.randn(16, LATENT_DIM))
    return model.eval().requires_grad_(False)


def segments(n: int = 10, *, seed: int = 0) -> StackedSegments:
    draw = torch.Generator().manual_seed(seed)
    plain = {
        "motion": torch.randn(n, 12, MOTION_DIM, generator=draw),
        "visual": torch.randn(n, 12, VISUAL_DIM, generator=draw),
        "genre": torch.arange(n) % 10,
        "audio": torch.rand(n, 1, FRAMES * HOP, generator=draw) - 0.5,
    }
    return coded(StackedSegments(plain), codec())


LOOP = LoopConfig(
    steps=6, learning_rate=1e-2, warmup_steps=0, final_factor=1.0, grad_clip=0.0, ema_decay=0.9, save_every_steps=2, log_every_steps=1,
    workers=0, threads=1, accelerator="cpu",
)  # fmt: skip
CONFIG = gan.GanTraining(
    generator=TinyGeneratorConfig(),
    discriminator=LatentDiscriminatorConfig(channels=8, layers=3, scales=2),
    batch_size=4,
    loop=LOOP,
    weights=replace(gan.GanWeights(), style=0.5, latent=1.0),
    genre_discriminator=True,
)


def without_model_file() -> None:
    """The tiny generator is no kind of model file."""
    gan.save_generator = lambda *arguments: None  # type: ignore[assignment]


def kill_at(step: int, where: str) -> None:
    """From now on a run kills itself at a step, before ``where`` ("generator" or "discriminator") is updated."""
    update = Loop.update

    def updated(loop: Loop, name: str, *rest: Any) -> Update:
        if loop.step == step and name == where:
            os.kill(os.getpid(), signal.SIGKILL)
        return update(loop, name, *rest)

    Loop.update = updated  # type: ignore[assignment,method-assign]


def codec_file_in(folder: Path) -> Path:
    """A codec file of the high level that has learnt nothing."""
    torch.manual_seed(0)
    config = SpectralCodecConfig(
        hop_length=256, n_fft=512, n_mels=20, encoder_width=8, encoder_depth=1, decoder_width=8, decoder_depth=1,
        quantizer=ResidualQuantizerConfig(n_codebooks=1, codebook=CodebookConfig(size=16, dim=64)),
    )  # fmt: skip
    model = SpectralCodec(config)
    model.quantizer.codebooks[0].get_buffer("k").copy_(torch.randn(16, 64))
    path = folder / "codec.safetensors"
    save_model(path, model, config, storage="float32")
    return path


if __name__ == "__main__":
    without_model_file()
    gan.train_gan(CONFIG, segments(), codec(), Path(sys.argv[1]))
