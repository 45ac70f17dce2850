"""Training of the codecs on composed music: losses, data, loop."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from dance2music.checkpoint import save_model
from dance2music.codec.mel import log_mel
from dance2music.codec.spectral import SpectralCodec, SpectralCodecConfig
from dance2music.config import to_dict
from dance2music.metrics.quality import log_mel_l1, si_sdr_db
from dance2music.train.loop import Loop, LoopConfig, start_fabric

logger = logging.getLogger(__name__)

Pieces = Callable[[int, float, int], np.ndarray]
"""``pieces(seed, seconds, sample_rate) -> float32 [N]``: a piece of mono music that depends on its arguments only."""

HELD_OUT_SEED = 900_000_000
"""Pieces with seeds from here on are never trained on."""


def composed_piece(seed: int, seconds: float, sample_rate: int) -> np.ndarray:
    """`Pieces` of the synthetic corpus: a composed piece with a drawn soundfont, drawn role gains, and at times a role left out.

    Of three pieces one has its onsets on the frames of hop 256, as generated music has.
    """
    from dance2music.music.compose import compose_corpus_piece
    from dance2music.music.synth import find_soundfonts, render

    rng = np.random.default_rng([seed, 71])
    score = compose_corpus_piece(seed, duration_seconds=seconds)
    for track in score.tracks:
        track.gain *= float(10 ** (rng.uniform(-9.0, 6.0) / 20)) * float(rng.random() > 0.08)
    fonts = find_soundfonts()
    font = fonts[sorted(fonts)[int(rng.integers(len(fonts)))]]
    grid = 256 / sample_rate if rng.random() < 1 / 3 else 0.0
    return render(score, sample_rate=sample_rate, soundfont=font, onset_grid_seconds=grid).samples[0]


@dataclass(frozen=True)
class SpectralCodecTraining:
    """How the embedded codec is trained. A step sees ``pieces_per_step * segments_per_piece`` segments of ``segment_frames`` hops."""

    codec: SpectralCodecConfig = field(default_factory=SpectralCodecConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(precision="bf16-mixed", steps=10_000))
    pieces_per_step: int = 4
    segments_per_piece: int = 2
    piece_seconds: float = 10.0
    segment_frames: int = 86
    mel_weight: float = 1.0
    distortion_weight: float = 0.05
    commitment_weight: float = 0.25
    held_out_pieces: int = 8


class MusicSegments(Dataset[Tensor]):
    """Item ``step`` is float32 [segments, N]: random cuts of fresh pieces, at random loudness; a pure function of the seed and the step."""

    def __init__(self, pieces: Pieces, config: SpectralCodecTraining) -> None:
        self.pieces, self.config = pieces, config

    def __len__(self) -> int:
        return self.config.loop.steps

    def __getitem__(self, step: int) -> Tensor:
        config, codec = self.config, self.config.codec
        n_samples = config.segment_frames * codec.hop_length
        rng = np.random.default_rng([config.loop.seed, step])
        cuts = []
        for _ in range(config.pieces_per_step):
            piece = self.pieces(int(rng.integers(HELD_OUT_SEED)), config.piece_seconds, codec.sample_rate)
            peak = max(float(np.abs(piece).max()), 1e-4)
            for _ in range(config.segments_per_piece):
                start = int(rng.integers(len(piece) - n_samples))
                gain = 10 ** (rng.uniform(-12.0, 0.0) / 20) / peak
                cuts.append(piece[start : start + n_samples] * np.float32(gain * rng.choice((-1.0, 1.0))))
        return torch.from_numpy(np.stack(cuts).astype(np.float32))


def mel_loss(estimate: Tensor, reference: Tensor, sample_rate: int) -> Tensor:
    """Mean over three resolutions of the L1 distance of natural-log mel magnitudes of audio [B, N]."""
    both = torch.cat([estimate, reference])
    terms = []
    for n_fft, n_mels in ((512, 40), (1024, 80), (2048, 128)):
        first, second = log_mel(both, sample_rate, n_fft, n_fft // 4, n_mels).chunk(2)
        terms.append((first - second).abs().mean())
    return torch.stack(terms).mean()


def distortion_db(estimate: Tensor, reference: Tensor) -> Tensor:
    """Mean over the batch of 10 log10 of error energy over signal energy, audio [B, N]: minus the signal-to-noise ratio.

    A floor of -60 dB of full scale in both energies keeps near-silence from dominating.
    """
    floor = 1e-6 * reference.shape[-1]
    error = (estimate - reference).square().sum(dim=-1) + floor
    return (10 * torch.log10(error / (reference.square().sum(dim=-1) + floor))).mean()


def train_spectral_codec(config: SpectralCodecTraining, out_dir: str | Path, pieces: Pieces) -> SpectralCodec:
    """Train the embedded codec, resuming from ``out_dir`` where it was stopped.

    Writes ``checkpoint.pt``, ``log.jsonl``, TensorBoard events, and at every save ``latest.safetensors`` with the averaged weights.

    Returns
    -------
    SpectralCodec with the averaged weights, in evaluation mode.
    """
    fabric = start_fabric(config.loop)
    out_dir = Path(out_dir)
    model = SpectralCodec(config.codec)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.loop.learning_rate, betas=(0.8, 0.99), weight_decay=1e-3)
    wrapped, wrapped_optimizer = fabric.setup(model, optimizer)
    loop = Loop(fabric, config.loop, out_dir, model=model, optimizers={"codec": optimizer}, data=MusicSegments(pieces, config))
    for _, audio in loop:
        if loop.just_saved:
            _report(loop, model, config, out_dir, pieces)
        estimate, quantized = wrapped(audio)
        mel = mel_loss(estimate.float(), audio, config.codec.sample_rate)
        distortion = distortion_db(estimate.float(), audio)
        loss = config.mel_weight * mel + config.distortion_weight * distortion + config.commitment_weight * quantized.commitment
        wrapped_optimizer.zero_grad()
        fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.loop.grad_clip)
        wrapped_optimizer.step()
        loop.log(loss=loss, mel=mel, distortion_db=distortion, commitment=quantized.commitment, gradient_norm=norm)
    return _report(loop, model, config, out_dir, pieces)


def evaluate_codec(codec: Any, pieces: Pieces, *, n_pieces: int, seconds: float) -> dict[str, float]:
    """Mean `log_mel_l1` and `si_sdr_db` of a codec on held-out pieces (seeds from `HELD_OUT_SEED`), each brought to a peak of 0.7."""
    mels, ratios = [], []
    for index in range(n_pieces):
        piece = pieces(HELD_OUT_SEED + index, seconds, codec.sample_rate)
        piece = (piece * (0.7 / max(float(np.abs(piece).max()), 1e-4))).astype(np.float32)
        with torch.no_grad():
            codes = codec.quantize(codec.encode(torch.from_numpy(piece)[None])).codes
            estimate = codec.decode(codec.lookup(codes), len(piece))[0].numpy()
        mels.append(log_mel_l1(piece, estimate, codec.sample_rate))
        ratios.append(si_sdr_db(piece, estimate))
    return {"log_mel_l1": float(np.mean(mels)), "si_sdr_db": float(np.mean(ratios))}


def _report(loop: Loop, model: SpectralCodec, config: SpectralCodecTraining, out_dir: Path, pieces: Pieces) -> SpectralCodec:
    """Measure the averaged weights on held-out pieces, log, and write them to ``latest.safetensors``."""
    assert loop.average is not None
    averaged = copy.deepcopy(model).cpu().eval()
    averaged.load_state_dict(loop.average.state_dict_of(model))
    scores = evaluate_codec(averaged, pieces, n_pieces=config.held_out_pieces, seconds=config.piece_seconds)
    loop.write(**{f"held_out_{name}": value for name, value in scores.items()})
    provenance = {"step": loop.step, "training": to_dict(config), "held_out": scores}
    save_model(out_dir / "latest.safetensors", averaged, config.codec, provenance=provenance)
    return averaged
