"""A better encoder for a grown codec, whose first codebooks keep their vectors and what they sound like.

After `recipe.codec_growth` the encoder is what limits the codec: it learnt for the first codebooks alone. Here it learns on, together with
the decoder and the appended codebooks, which follow it by moving averages. Three things keep what was made with the codec before valid:
the vectors of the first codebooks do not move; a share of the items is decoded from the codes that the encoder gave before, so that these
go on to sound like the music that they stand for; and sketches (`methods.sketch`), which the performer is given, keep their latents.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from dance2music.checkpoint import read_provenance
from dance2music.codec.quantizer import straight_through
from dance2music.codec.spectral import SpectralCodec
from dance2music.recipe.codec_growth import load_spectral, write_measured
from dance2music.train.codec import distortion_db, mel_loss
from dance2music.train.loop import Loop
from dance2music.train.pieces import GRID_HOP_LENGTH, MusicSegments, Pieces, PieceStore, SegmentsConfig, composed_piece, composed_score
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric

SKETCH_PEAK = 1.5
"""Sketches of the corpus peak at 1.0 to 1.5; kept ones are at full scale."""


@dataclass(frozen=True)
class CodecRefinement:
    """How encoder, appended codebooks and decoder learn together.

    Of the items ``earlier_share`` are decoded from the first ``first_codebooks`` codes of the encoder as it was, and ``coarse_share`` from
    those of the encoder as it is; the rest from all. ``sketch_weight`` holds the latents of sketches, of which there are
    ``sketches_per_step``. The encoder's learning rate is ``encoder_rate`` times that of the decoder.
    """

    first_codebooks: int = 6
    earlier_share: float = 0.15
    coarse_share: float = 0.1
    encoder_rate: float = 0.5
    codebook_decay: float = 0.998
    segments: SegmentsConfig = field(default_factory=lambda: SegmentsConfig(pieces_per_step=8))
    sketches_per_step: int = 4
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            precision="auto", steps=8000, seed=31, learning_rate=4e-4, warmup_steps=100, save_every_steps=500
        )
    )
    mel_weights: tuple[float, float, float] = (0.1, 0.8, 0.1)
    distortion_weight: float = 0.003
    commitment_weight: float = 0.1
    sketch_weight: float = 1.0
    held_out_pieces: int = 12


def refine_codec(
    config: CodecRefinement,
    codec_file: str | Path,
    out_dir: str | Path,
    *,
    pieces: Pieces = composed_piece,
    pieces_folder: str | Path | None = None,
) -> SpectralCodec:
    """Refine the grown codec of a model file, resuming from ``out_dir`` where it was stopped.

    Writes ``checkpoint.pt``, ``log.jsonl``, TensorBoard events, ``sketches``, rendered ``pieces`` (into ``pieces_folder`` instead, if
    given), at every regular save ``latest.safetensors``, and at the end ``finished.safetensors`` in full precision.

    Returns
    -------
    The codec with the averaged weights, on the CPU and in evaluation mode; its first codebooks have the bits that they had.

    Raises
    ------
    InputError
        If the file holds no spectral codec.
    """
    out_dir = Path(out_dir)
    fabric = start_fabric(config.loop)
    before, origin = load_spectral(codec_file), read_provenance(codec_file)
    data = _Sounds(config, pieces, Path(pieces_folder or out_dir / "pieces"), out_dir / "sketches", before.sample_rate)
    _train(fabric, before, config, data, out_dir, {name: value for name, value in origin.items() if name not in ("kind", "config")})
    return load_spectral(out_dir / "finished.safetensors")


def composed_sketch(seed: int, seconds: float, sample_rate: int) -> np.ndarray:
    """`Pieces` of sketches float32 [N]: what the performer is given of `composed_score`."""
    from dance2music.methods.roll import note_table
    from dance2music.methods.sketch import sketch

    table = note_table(composed_score(seed, seconds), sample_rate / GRID_HOP_LENGTH)
    return sketch(table, round(seconds * sample_rate), sample_rate=sample_rate, hop_length=GRID_HOP_LENGTH)


class _Sounds(Dataset[tuple[Tensor, Tensor]]):
    """Item ``step``: segments of music [B, 1, N], and of sketches [S, 1, N]; a pure function of seed and step."""

    def __init__(self, config: CodecRefinement, pieces: Pieces, folder: Path, sketches: Path, sample_rate: int) -> None:
        def segments(pieces: Pieces, folder: Path, segments: SegmentsConfig) -> MusicSegments:
            store = PieceStore(pieces, folder, segments.piece_seconds, sample_rate)
            return MusicSegments(store, segments, seed=config.loop.seed, steps=config.loop.steps)

        self.music = segments(pieces, folder, config.segments)
        self.sketches = segments(composed_sketch, sketches, replace(config.segments, pieces_per_step=config.sketches_per_step))

    def __len__(self) -> int:
        return len(self.music)

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        return self.music[step], self.sketches[step] * SKETCH_PEAK


class _Refined(NamedTuple):
    """Audio [B, 1, N] of the decoder, mean squared distance of latents from their quantisation, and of sketches' latents from before."""

    estimate: Tensor
    commitment: Tensor
    drift: Tensor


class _Refining(nn.Module):
    """The codec that learns beside the codec as it was."""

    def __init__(self, codec: SpectralCodec, before: SpectralCodec, config: CodecRefinement) -> None:
        super().__init__()
        self.codec, self.before, self.config = codec, before, config

    def forward(self, audio: Tensor, sketches: Tensor) -> _Refined:
        """Music [B, 1, N] and sketches [S, 1, N]."""
        codec, before, first = self.codec, self.before, self.config.first_codebooks
        z_e, z_sketches = codec.encode(torch.cat([audio, sketches])).split([len(audio), len(sketches)])
        quantized = codec.quantize(z_e)
        drawn = torch.rand(len(audio), device=audio.device)
        earlier, coarse = drawn < self.config.earlier_share, drawn > 1 - self.config.coarse_share
        with torch.no_grad():
            were, were_sketches = before.encode(torch.cat([audio[earlier], sketches])).split([int(earlier.sum()), len(sketches)])
            early = before.lookup(before.quantize(were).codes[:, :first])
        few = straight_through(z_e, codec.lookup(quantized.codes[:, :first]))
        z = torch.where(coarse[:, None, None], few, quantized.z)
        z = z.index_put((earlier,), early)
        return _Refined(codec.decode(z, audio.shape[-1]), quantized.commitment, F.mse_loss(z_sketches, were_sketches))


def _train(fabric: Any, before: SpectralCodec, config: CodecRefinement, data: _Sounds, out_dir: Path, origin: dict[str, Any]) -> None:
    """Train, and write ``finished.safetensors``."""
    model = _following(before, config)
    encoder = [parameter for name, parameter in model.named_parameters() if name.startswith("encoder")]
    decoder = [parameter for name, parameter in model.named_parameters() if name.startswith("decoder")]
    groups: list[dict[str, Any]] = [{"params": encoder, "scale": config.encoder_rate}, {"params": decoder}]
    optimizer = torch.optim.AdamW(groups, lr=config.loop.learning_rate, betas=(0.8, 0.99), weight_decay=1e-3, fused=True)
    wrapped = fabric.setup_module(_Refining(model.train(), before.eval().requires_grad_(False), config))
    weights = {
        "mel": 1.0,
        "distortion_db": config.distortion_weight,
        "commitment": config.commitment_weight,
        "drift": config.sketch_weight,
    }
    loop = Loop(fabric, config.loop, out_dir, model=model, optimizers={"codec": optimizer}, data=process_share(fabric, data),
                about={"kind": "refined spectral-codec", "n_codebooks": str(model.n_codebooks)}, settings=config)  # fmt: skip

    def write(name: str, storage: str) -> None:
        if fabric.is_global_zero:
            write_measured(loop, model, out_dir / name, config, data.music, {"refined_from": origin}, storage=storage)

    for _, (audio, sketches) in loop:
        if loop.just_saved:
            write("latest.safetensors", "float16")
        estimate, commitment, drift = wrapped(audio, sketches)
        mel = mel_loss(audio, estimate.float(), sample_rate=model.sample_rate, weights=config.mel_weights)
        distortion = distortion_db(audio, estimate.float())
        loop.update("codec", {"mel": mel, "distortion_db": distortion, "commitment": commitment, "drift": drift}, weights)
    write("latest.safetensors", "float16")
    write("finished.safetensors", "float32")
    fabric.barrier()


def _following(before: SpectralCodec, config: CodecRefinement) -> SpectralCodec:
    """A copy of the codec whose first codebooks are frozen and whose others follow their rows slowly, without dropout."""
    quantizer = before.config.quantizer
    assert 1 <= config.first_codebooks <= quantizer.n_codebooks
    codebook = replace(quantizer.codebook, ema_decay=config.codebook_decay)
    model = SpectralCodec(replace(before.config, quantizer=replace(quantizer, dropout=0.0, codebook=codebook)))
    model.load_state_dict(copy.deepcopy(before.state_dict()))
    model.restore_averages()
    model.quantizer.freeze(config.first_codebooks)
    return model
