"""Training of the embedded JukeBox VQ-VAE on composed music: three levels one after the other, then the decoder of each once more.

Levels, losses and the fixed codebook of the second stage are the papers' (Creative-GAN Eq. 1-3 with JukeBox's spectral loss; D2M-GAN
section 3.4). What is ours makes it affordable on a laptop: fewer residual blocks, each level starts from the one below
(`codec.vqvae_weights.start_from_below`), and its new blocks learn the latents of that one first (`learn_last_block`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dance2music.checkpoint import load_model, save_model
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import EMBEDDED_VQVAE, VQVAEConfig
from dance2music.codec.vqvae_weights import joined, one_level, start_from_below
from dance2music.config import to_dict
from dance2music.papers.discriminators import ConvLayer, ReshapedDiscriminatorConfig
from dance2music.papers.finetune_decoder import DecoderTraining, DecoderWeights, train_decoder
from dance2music.train.codec import VQVAETraining, evaluate_codec, train_codec
from dance2music.train.pieces import MusicSegments, Pieces, PieceStore, SegmentsConfig, composed_piece
from dance2music.train.start import LoopConfig

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JukeboxVqvaeTrainConfig:
    """One run. ``steps`` and ``tuning_steps`` are for hops 8, 32 and 128; the rest is for all levels.

    The learning rates are higher than the published ones (3e-4, 1e-5 for fine-tuning), the runs shorter by a factor of a hundred. A batch
    has fewer codes than the codebook; so codes restart, with the average use, where they fall below a sixth of it. Fine-tuning has a term
    of ours (`DecoderWeights.colour`), without which decoders hum at the rates of their strides.
    """

    codec: VQVAEConfig = EMBEDDED_VQVAE
    training: VQVAETraining = field(
        default_factory=lambda: VQVAETraining(
            segments=SegmentsConfig(n_samples=8192, pieces_per_step=4, first_pieces=2000),
            loop=LoopConfig(
                learning_rate=7e-4,
                warmup_steps=100,
                final_factor=0.02,
                ema_decay=0.998,
                save_every_steps=1000,
                precision="auto",
                threads=1,
            ),
            held_out_pieces=8,
        )
    )
    steps: tuple[int, int, int] = (1100, 1500, 2000)
    inner_steps: int = 600
    """Steps of `learn_last_block` for hops 32 and 128, each with ``inner_cuts`` of ``inner_bank`` cuts."""
    inner_cuts: int = 24
    inner_bank: int = 1200
    tuning: DecoderTraining = field(
        default_factory=lambda: DecoderTraining(
            codec="jukebox_vqvae",
            segment_seconds=0.75,
            batch_size=3,
            weights=DecoderWeights(colour=25.0),
            discriminator=ReshapedDiscriminatorConfig(
                rows=(
                    ConvLayer(16, 15, reflected=7),
                    ConvLayer(32, 41, stride=4, groups=4, zeros=20),
                    ConvLayer(64, 41, stride=4, groups=8, zeros=20),
                    ConvLayer(128, 41, stride=4, groups=16, zeros=20),
                    ConvLayer(128, 5, zeros=2),
                    ConvLayer(1, 3, zeros=1),
                )
            ),
            loop=LoopConfig(
                learning_rate=8e-4, warmup_steps=0, final_factor=0.05, ema_decay=0.98, grad_clip=0.0, precision="auto", threads=1
            ),
        )
    )
    tuning_steps: tuple[int, int, int] = (2800, 2800, 2800)


class Cuts:
    """Segments for `train_decoder`: a cut of composed music each, without a dance."""

    def __init__(self, cuts: MusicSegments) -> None:
        self.cuts = cuts

    def __len__(self) -> int:
        return len(self.cuts)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"audio": self.cuts[index][0]}


def train_jukebox_vqvae(
    config: JukeboxVqvaeTrainConfig,
    out_dir: str | Path,
    *,
    pieces: Pieces = composed_piece,
    pieces_folder: str | Path | None = None,
) -> tuple[VQVAE, Mapping[str, Any]]:
    """Train all levels and fine-tune their decoders, resuming what ``out_dir`` holds.

    Parameters
    ----------
    pieces_folder : where rendered pieces are kept; by default in ``out_dir``.

    Returns
    -------
    The levels as one model, with the decoders before and after fine-tuning, and what it scores on held-out pieces by hop and stage.
    """
    out_dir = Path(out_dir)
    pieces_folder = out_dir / "pieces" if pieces_folder is None else pieces_folder
    plain, tuned, scores = [], [], {}
    for level in (0, 1, 2):
        plain.append(train_level(config, level, out_dir, pieces, pieces_folder))
    for codec in plain:
        tuned.append(tune_level(config, codec, out_dir, pieces, pieces_folder))
        segments = config.training.segments
        for stage, model in (("before", codec), ("after", tuned[-1])):
            scores[f"hop {codec.hop_length} {stage} fine-tuning"] = evaluate_codec(
                model, pieces, n_pieces=config.training.held_out_pieces, seconds=segments.piece_seconds
            )
    return joined(tuned, untuned=plain), scores


def train_level(config: JukeboxVqvaeTrainConfig, level: int, out_dir: Path, pieces: Pieces, pieces_folder: str | Path) -> VQVAE:
    """One level, from the one below if there is one, as ``level-N/latest.safetensors``; what is finished is read."""
    folder = out_dir / f"level-{level}"
    if not (folder / "finished.safetensors").exists():
        training = replace(
            config.training,
            codec=replace(config.codec, levels=(level,), level=level),
            loop=replace(config.training.loop, steps=config.steps[level]),
        )
        if level:
            training = replace(training, start_from=str(begin_level(config, training, out_dir, pieces, pieces_folder)))
        model = train_codec(training, folder, pieces=pieces, pieces_folder=pieces_folder)
        provenance = {"training": to_dict(training)}
        save_model(folder / "finished.safetensors", model, training.codec, provenance=provenance, storage="float32")
    return _vqvae(folder / "finished.safetensors")


def begin_level(config: JukeboxVqvaeTrainConfig, training: VQVAETraining, out_dir: Path, pieces: Pieces, pieces_folder: str | Path) -> Path:
    """A level with the blocks of the one below, whose latents its last block has learnt, as ``level-N/begun.safetensors``."""
    level, path = training.codec.level, out_dir / f"level-{training.codec.level}" / "begun.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(training.loop.seed)
        model, below = VQVAE(training.codec), _vqvae(out_dir / f"level-{level - 1}" / "finished.safetensors")
        start_from_below(model, below)
        if config.inner_steps:
            store = PieceStore(pieces, pieces_folder, training.segments.piece_seconds, training.codec.sample_rate)
            sizes = replace(training.segments, pieces_per_step=4, segments_per_piece=1, steps_per_new_piece=1_000_000)
            cuts = MusicSegments(store, sizes, seed=training.loop.seed + 2, steps=-(-config.inner_bank // 4))
            learn_last_block(model, below, cuts, steps=config.inner_steps, batch=config.inner_cuts, rate=training.loop.learning_rate)
        save_model(path, model, training.codec, storage="float32")
    return path


def learn_last_block(model: VQVAE, below: VQVAE, cuts: MusicSegments, *, steps: int, batch: int, rate: float) -> None:
    """Teach the last blocks and the codebook of a level to code the quantised latents of the level below: far fewer than samples.

    The loss is the mean squared error of these latents, over their variance, with a commitment of 0.25 (van den Oord et al. 2017).
    """
    level = model.config.level
    encoder: Any = model.encoders[str(level)]
    decoder: Any = model.decoders[str(level)]
    with torch.no_grad():
        bank, wanted = [], []
        for step in range(len(cuts)):
            z = cuts[step]
            for block in encoder.level_blocks[:-1]:
                z = block(z)
            bank.append(z)
            wanted.append(below.quantize(z).z)
    inputs, targets = torch.cat(bank), torch.cat(wanted)
    scale = float(targets.var())
    parameters = [*encoder.level_blocks[-1].parameters(), *decoder.level_blocks[-1].parameters()]
    optimizer = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for step in range(steps):
        rows = torch.randint(len(inputs), (batch,), generator=torch.Generator().manual_seed(step))
        quantized = model.quantize(encoder.level_blocks[-1](inputs[rows]))
        error = (decoder.level_blocks[-1](quantized.z) - targets[rows]).square().mean()
        loss = (error + 0.25 * quantized.commitment) / scale
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 49:
            logger.info("level %d, last block, step %d: error %.3f of the variance", level, step + 1, float(error.detach()) / scale)
    model.eval()


def tune_level(config: JukeboxVqvaeTrainConfig, codec: VQVAE, out_dir: Path, pieces: Pieces, pieces_folder: str | Path) -> VQVAE:
    """A copy of a level's codec with its decoder fine-tuned, ``tuned-N/codec.safetensors``; what is finished is read."""
    level, sizes = codec.config.level, config.training.segments
    folder = out_dir / f"tuned-{level}"
    if not (folder / "codec.safetensors").exists():
        steps = config.tuning_steps[level]
        tuning = replace(config.tuning, level=f"hop {codec.hop_length}", loop=replace(config.tuning.loop, steps=steps))
        n_samples = round(tuning.segment_seconds * codec.sample_rate) // codec.hop_length * codec.hop_length
        store = PieceStore(pieces, pieces_folder, sizes.piece_seconds, codec.sample_rate)
        cuts = replace(sizes, n_samples=n_samples, pieces_per_step=1, segments_per_piece=1, steps_per_new_piece=1_000_000)
        data = MusicSegments(store, cuts, seed=tuning.loop.seed + 1, steps=steps * tuning.batch_size)
        train_decoder(tuning, Cuts(data), one_level(codec, level), folder)
    return _vqvae(folder / "codec.safetensors")


def _vqvae(path: Path) -> VQVAE:
    model = load_model(path, expected="vqvae")
    assert isinstance(model, VQVAE)
    return model
