"""What makes the embedded VQ-VAE affordable: a level's last block learns from the level below; finished parts are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dance2music.baselines.jukebox_vqvae_train import Cuts, learn_last_block
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.codec.vqvae_weights import start_from_below
from dance2music.train.pieces import MusicSegments, PieceStore, SegmentsConfig

SIZES = {"width": 8, "depth": 1, "dim": 8, "codebook_size": 32, "multipliers": (1, 1, 1), "reset_restarted": True}


def noise(seed: int, seconds: float, sample_rate: int) -> np.ndarray:
    """Music for tests: slow noise."""
    steps = np.random.default_rng(seed).standard_normal(round(seconds * sample_rate) // 40 + 1)
    return (0.3 * np.repeat(steps, 40)[: round(seconds * sample_rate)]).astype(np.float32)


def cuts(folder: Path, n: int) -> MusicSegments:
    config = SegmentsConfig(n_samples=2048, pieces_per_step=4, first_pieces=3, piece_seconds=0.5)
    return MusicSegments(PieceStore(noise, folder, 0.5, 22_050), config, seed=0, steps=n)


def test_the_last_block_learns_the_latents_of_the_level_below_and_moves_nothing_else(tmp_path: Path) -> None:
    torch.manual_seed(0)
    below, model = (VQVAE(VQVAEConfig(levels=(level,), level=level, **SIZES)) for level in (0, 1))  # type: ignore[arg-type]
    data = cuts(tmp_path, 4)
    below.train()
    below.quantize(below.encode(data[0]).detach())  # starts the codebook
    below.eval()
    start_from_below(model, below)

    def error() -> float:
        with torch.no_grad():
            wanted = below.quantize(below.encode(data[3])).z
            z = model.quantize(model.encode(data[3])).z
            decoder: torch.nn.Module = model.decoders["1"].level_blocks[-1]  # type: ignore[index, assignment]
            return float((decoder(z) - wanted).square().mean() / wanted.var())

    learn_last_block(model, below, data, steps=2, batch=4, rate=1e-4)
    before = error()
    learn_last_block(model, below, data, steps=60, batch=8, rate=5e-3)
    assert error() < 0.8 * before
    for own, lent in ((model.encoders["1"], below.encoders["0"]), (model.decoders["1"], below.decoders["0"])):
        assert all(torch.equal(value, own.state_dict()[name]) for name, value in lent.state_dict().items())


def test_cuts_for_fine_tuning_are_one_piece_of_music_each(tmp_path: Path) -> None:
    segments = Cuts(cuts(tmp_path, 5))
    assert len(segments) == 5 and segments[2]["audio"].shape == (1, 2048)
    assert torch.equal(segments[2]["audio"], segments[2]["audio"]) and not torch.equal(segments[2]["audio"], segments[3]["audio"])
