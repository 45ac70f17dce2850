"""A finer codec whose old codes keep their meaning: codebooks are appended, the decoder deepened and trained on, the encoder left alone.

What was made with the codec before (latents, codes, generators of either) fits the grown one: its first codebooks are the same. The
appended ones are fitted by k-means to what the codebooks before them leave over, each in turn (`codec.quantizer.fit_codebook`), and
stay as they are while the decoder learns from latents of all codebooks and, for a share of the items, of the first few.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dance2music.checkpoint import load_model, read_provenance, save_model
from dance2music.codec.quantizer import fit_codebook, rows_of
from dance2music.codec.spectral import SpectralCodec, grown
from dance2music.config import to_dict
from dance2music.train.codec import distortion_db, evaluate_codec, mel_loss
from dance2music.train.loop import Loop
from dance2music.train.pieces import MusicSegments, Pieces, PieceStore, SegmentsConfig, composed_piece
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CodecGrowth:
    """What a codec grows to and how; ``dropout`` is the share of training items that keep only the first 1..Q-1 codebooks.

    The codebooks see ``codebook_batches`` batches, ``codebook_rounds`` times each. The loss weighs resolutions of log-mel magnitudes by
    ``mel_weights``, finest in time first; the middle one is that of `metrics.quality.log_mel_l1`.
    """

    n_codebooks: int = 10
    decoder_depth: int = 8
    dropout: float = 0.1
    codebook_batches: int = 400
    codebook_rounds: int = 12
    segments: SegmentsConfig = field(default_factory=lambda: SegmentsConfig(pieces_per_step=8))
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            precision="auto", steps=4000, seed=21, learning_rate=5e-4, warmup_steps=100, save_every_steps=500
        )
    )
    mel_weights: tuple[float, float, float] = (0.1, 0.8, 0.1)
    distortion_weight: float = 0.01
    held_out_pieces: int = 12


def grow_codec(
    config: CodecGrowth,
    codec_file: str | Path,
    out_dir: str | Path,
    *,
    pieces: Pieces = composed_piece,
    pieces_folder: str | Path | None = None,
) -> SpectralCodec:
    """Grow the spectral codec of a model file, resuming from ``out_dir`` where it was stopped.

    Writes ``grown.safetensors`` (the codec with its codebooks before its decoder learns), ``checkpoint.pt``, ``log.jsonl``, TensorBoard
    events, rendered ``pieces`` (into ``pieces_folder`` instead, if given), and at every regular save ``latest.safetensors``.

    Returns
    -------
    The codec with the averaged weights, on the CPU and in evaluation mode; encoder and first codebooks have the bits that they had.

    Raises
    ------
    InputError
        If the file holds no spectral codec.
    """
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    fabric = start_fabric(config.loop)
    before, origin = load_spectral(codec_file), read_provenance(codec_file)
    store = PieceStore(pieces, pieces_folder or out_dir / "pieces", config.segments.piece_seconds, before.sample_rate)
    data = MusicSegments(store, config.segments, seed=config.loop.seed, steps=config.loop.steps)
    start = out_dir / "grown.safetensors"
    if not start.exists() and fabric.is_global_zero:
        model = grown(before, n_codebooks=config.n_codebooks, decoder_depth=config.decoder_depth, dropout=config.dropout)
        fit_appended(model, (data[step] for step in range(config.codebook_batches)), before.n_codebooks, config.codebook_rounds)
        grown_from = {name: value for name, value in origin.items() if name not in ("kind", "config")}
        save_model(start, model, model.config, provenance={"grown_from": grown_from}, storage="float32")
    fabric.barrier()
    model = load_spectral(start)
    _train(fabric, model, config, data, out_dir)
    return load_spectral(out_dir / "finished.safetensors")


@torch.no_grad()
def fit_appended(codec: SpectralCodec, batches: Iterable[Tensor], first: int, rounds: int) -> None:
    """Fit the codebooks from index ``first`` on, one after the other, to what those before them leave of the audio [B, 1, N] of batches."""
    rest = torch.cat([rows_of(codec.encode(audio)) for audio in batches])
    books: list[Any] = list(codec.quantizer.codebooks)
    for index, book in enumerate(books):
        if index >= first:
            fit_codebook(book, rest, rounds=rounds)
        rest = rest - book.lookup(book.nearest(rest))
        logger.info("codebook %d leaves %.4f of a mean square of 1", index + 1, float(rest.square().mean()))


def appended_codebooks(codec: SpectralCodec, first: int) -> list[str]:
    """Names of the codebooks from index ``first`` on in the codec's state dict: so fine that eight bits are enough for them."""
    return [f"quantizer.codebooks.{index}.k" for index in range(first, codec.n_codebooks)]


def _train(fabric: Any, model: SpectralCodec, config: CodecGrowth, data: MusicSegments, out_dir: Path) -> None:
    """Train the decoder alone and write ``finished.safetensors`` in full precision."""
    model.train().freeze_codes()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=config.loop.learning_rate, betas=(0.8, 0.99), weight_decay=1e-3, fused=True)
    wrapped = fabric.setup_module(model)
    weights = {"mel": 1.0, "distortion_db": config.distortion_weight}
    loop = Loop(fabric, config.loop, out_dir, model=model, optimizers={"codec": optimizer}, data=process_share(fabric, data),
                about={"kind": "grown spectral-codec", "n_codebooks": str(config.n_codebooks)}, settings=config)  # fmt: skip

    def write(name: str, storage: str) -> None:
        if fabric.is_global_zero:
            origin = {"grown_from": read_provenance(out_dir / "grown.safetensors")["grown_from"]}
            write_measured(loop, model, out_dir / name, config, data, origin, storage=storage)

    for _, audio in loop:
        if loop.just_saved:
            write("latest.safetensors", "float16")
        estimate, _ = wrapped(audio)
        mel = mel_loss(audio, estimate.float(), sample_rate=model.sample_rate, weights=config.mel_weights)
        distortion = distortion_db(audio, estimate.float())
        loop.update("codec", {"mel": mel, "distortion_db": distortion}, weights)
    write("latest.safetensors", "float16")
    write("finished.safetensors", "float32")
    fabric.barrier()


def write_measured(loop: Loop, model: SpectralCodec, path: Path, config: Any, data: MusicSegments, origin: dict[str, Any], *,
                   storage: str) -> None:  # fmt: skip
    """Measure the averaged weights on ``config.held_out_pieces`` held-out pieces, log, and write them with ``config`` and ``origin``."""
    assert loop.average is not None
    averaged = copy.deepcopy(model).cpu().eval()
    averaged.load_state_dict(loop.average.state_dict_of(model))
    scores = evaluate_codec(averaged, data.store.pieces, n_pieces=config.held_out_pieces, seconds=config.segments.piece_seconds)
    loop.write(**{f"held_out_{name}": value for name, value in scores.items()})
    provenance = {"step": loop.step, "training": to_dict(config), "held_out": scores, **origin}
    save_model(path, averaged, averaged.config, provenance=provenance, storage=storage)


def load_spectral(path: str | Path) -> SpectralCodec:
    """The spectral codec of a model file. Raises InputError if it holds none."""
    model = load_model(path, expected="spectral-codec")
    assert isinstance(model, SpectralCodec)
    return model
