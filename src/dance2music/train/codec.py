"""Training of the codecs on composed music: `train_codec` for the embedded spectral codec and for the papers' waveform VQ-VAE."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.checkpoint import fill, load_model, save_model
from dance2music.codec.base import CodecModel
from dance2music.codec.spectral import SpectralCodec, SpectralCodecConfig
from dance2music.codec.vqvae import VQVAE, VQVAELoss, VQVAEObjective
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.codec.vqvae_losses import Bandwidth, measure_bandwidth
from dance2music.codec.vqvae_weights import one_level, start_from_below
from dance2music.config import check_ranges, to_dict
from dance2music.metrics.quality import log_mel_l1, si_sdr_db
from dance2music.metrics.sound import averaged_log_mel_l1, frame_rate_comb
from dance2music.music.mel import log_mel
from dance2music.seeds import HELD_OUT_PIECES
from dance2music.train.loop import Loop
from dance2music.train.own_music import OwnMusic
from dance2music.train.pieces import MusicSegments, OwnStore, Pieces, PieceStore, SegmentsConfig, composed_piece
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric
from dance2music.types import Audio, Codec

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpectralCodecTraining:
    """How the embedded codec is trained.

    ``start_from`` names a model file to go on from. With ``decoder_only`` its encoder and codebooks stay as they are and only the decoder
    learns: codes that were made with it keep their meaning, and sound better.
    """

    codec: SpectralCodecConfig = field(default_factory=SpectralCodecConfig)
    segments: SegmentsConfig = field(default_factory=SegmentsConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(precision="auto", steps=17_000, warmup_steps=200, save_every_steps=1000))
    mel_weight: float = 1.0
    distortion_weight: float = 0.02
    commitment_weight: float = 0.1
    held_out_pieces: int = 12
    start_from: str = ""
    decoder_only: bool = False

    def __post_init__(self) -> None:
        check_ranges(self, held_out_pieces=(1, 10_000))


@dataclass(frozen=True)
class VQVAETraining:
    """How the papers' VQ-VAE is trained; by default Jukebox's losses and optimiser, with loss scales from ``bandwidth_steps`` batches."""

    codec: VQVAEConfig = field(default_factory=lambda: VQVAEConfig(levels=(2,), level=2))
    segments: SegmentsConfig = field(default_factory=SegmentsConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=20_000, learning_rate=3e-4, final_factor=1.0))
    objective: VQVAEObjective = field(default_factory=VQVAEObjective)
    betas: tuple[float, float] = (0.9, 0.999)
    bandwidth_steps: int = 50
    held_out_pieces: int = 12
    start_from: str = ""
    """Model file to start from: of this level, or of the one below (`codec.vqvae_weights.start_from_below`)."""

    def __post_init__(self) -> None:
        check_ranges(self, held_out_pieces=(1, 10_000), bandwidth_steps=(1, 10_000))


def train_codec(
    config: SpectralCodecTraining | VQVAETraining,
    out_dir: str | Path,
    *,
    pieces: Pieces = composed_piece,
    pieces_folder: str | Path | None = None,
) -> nn.Module:
    """Train a codec, resuming from ``out_dir`` where it was stopped.

    ``pieces`` are composed by default, or a user's own (`train.own_music`).

    Writes ``config.json``, ``checkpoint.pt``, ``log.jsonl``, TensorBoard events, rendered ``pieces`` (into ``pieces_folder`` instead, if
    given, where several runs find them), and at every regular save ``latest.safetensors`` with the averaged weights,
    ``latest-raw.safetensors`` with the raw ones, and ``best.safetensors`` where the averaged ones have the lowest log-mel distance on
    held-out pieces until then.

    Returns
    -------
    The codec with the averaged weights, on the CPU and in evaluation mode.

    Raises
    ------
    InputError
        If ``out_dir`` holds a run of another codec or on other music, or with other settings.
    """
    out_dir = Path(out_dir)
    fabric = start_fabric(config.loop)
    seconds, rate = config.segments.piece_seconds, config.codec.sample_rate
    folder = pieces_folder or out_dir / "pieces"
    store = OwnStore(pieces, seconds, rate) if isinstance(pieces, OwnMusic) else PieceStore(pieces, folder, seconds, rate)
    data = MusicSegments(store, config.segments, seed=config.loop.seed, steps=config.loop.steps)
    if isinstance(config, SpectralCodecTraining):
        return _train_spectral(fabric, config, out_dir, data, pieces)
    return _train_vqvae(fabric, config, out_dir, data, pieces)


def _train_spectral(fabric: Any, config: SpectralCodecTraining, out_dir: Path, data: MusicSegments, pieces: Pieces) -> nn.Module:
    model = SpectralCodec(config.codec)
    if config.start_from:
        fill(model, load_model(config.start_from, expected="spectral-codec").state_dict(), where=config.start_from)
    if config.decoder_only:
        for part in (model.encoder_in, model.encoder_trunk, model.encoder_norm, model.encoder_out):
            part.requires_grad_(False)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=config.loop.learning_rate, betas=(0.8, 0.99), weight_decay=1e-3, fused=True)
    wrapped = fabric.setup_module(model)
    weights = {"mel": config.mel_weight, "distortion_db": config.distortion_weight, "commitment": config.commitment_weight}
    about = {"kind": "spectral-codec", "hop_length": str(config.codec.hop_length)} | _data_set(pieces)
    loop = Loop(fabric, config.loop, out_dir, model=model, optimizers={"codec": optimizer}, data=process_share(fabric, data),
                about=about, settings=config)  # fmt: skip
    for _, audio in loop:
        if loop.just_saved:
            _report(loop, model, config, out_dir, pieces)
        model.quantizer.train(not config.decoder_only)
        estimate, quantized = wrapped(audio)
        mel = mel_loss(audio, estimate.float(), sample_rate=config.codec.sample_rate)
        distortion = distortion_db(audio, estimate.float())
        loop.update("codec", {"mel": mel, "distortion_db": distortion, "commitment": quantized.commitment}, weights)
    return _report(loop, model, config, out_dir, pieces)


def _data_set(pieces: Pieces) -> dict[str, str]:
    """What a checkpoint says of the music that is learnt from."""
    return {"data set": pieces.fingerprint() if isinstance(pieces, OwnMusic) else "composed"}


def _train_vqvae(fabric: Any, config: VQVAETraining, out_dir: Path, data: MusicSegments, pieces: Pieces) -> nn.Module:
    model = VQVAE(config.codec)
    if config.start_from:
        begun = load_model(config.start_from, expected="vqvae")
        assert isinstance(begun, VQVAE)
        if config.codec.level in begun.config.levels and begun.config.levels != config.codec.levels:
            begun = one_level(begun, config.codec.level)  # of a file that holds several
        if begun.config.level == config.codec.level:
            fill(model, begun.state_dict(), where=config.start_from)
        else:
            start_from_below(model, begun)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.loop.learning_rate, betas=config.betas, eps=1e-8)
    bandwidth = measure_bandwidth(data[step] for step in range(min(config.bandwidth_steps, config.loop.steps)))
    wrapped = fabric.setup_module(_WithLosses(model, bandwidth, config.objective))
    loop = Loop(fabric, config.loop, out_dir, model=model, optimizers={"codec": optimizer}, data=process_share(fabric, data),
                about={"kind": "vqvae", "levels": str(config.codec.levels)} | _data_set(pieces), settings=config)  # fmt: skip
    for _, audio in loop:
        if loop.just_saved:
            _report(loop, model, config, out_dir, pieces)
        loss = wrapped(audio)
        weights = config.objective.weights
        loop.update("codec", {name: getattr(loss, name) for name in weights}, weights)
    return _report(loop, model, config, out_dir, pieces)


class _WithLosses(nn.Module):
    """A VQ-VAE whose call gives its losses; in half precision Fabric looks through all arguments of a call and refuses frozen ones."""

    def __init__(self, model: VQVAE, bandwidth: Bandwidth, objective: VQVAEObjective) -> None:
        super().__init__()
        self.model, self.bandwidth, self.objective = model, bandwidth, objective

    def forward(self, audio: Tensor) -> VQVAELoss:
        """Audio [B, 1, N]."""
        return self.model.losses(audio, self.bandwidth, self.objective)


def mel_loss(
    reference: Tensor, estimate: Tensor, *, sample_rate: int, weights: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
) -> Tensor:
    """Weighted sum over three resolutions of the L1 distance of natural-log mel magnitudes of audio [B, C, N]: Tensor [].

    The windows are 512, 1024 and 2048 samples, with 40, 80 and 128 bands; the middle one is that of `metrics.quality.log_mel_l1`.
    """
    both, terms = torch.cat([reference, estimate]), []
    for weight, (n_fft, n_mels) in zip(weights, ((512, 40), (1024, 80), (2048, 128))):
        first, second = log_mel(both, sample_rate, n_fft, n_fft // 4, n_mels).chunk(2)
        terms.append(weight * (second - first).abs().mean())
    return torch.stack(terms).sum()


def distortion_db(reference: Tensor, estimate: Tensor) -> Tensor:
    """Mean over all channels of 10 log10 of error energy over signal energy, audio [B, C, N]: minus the signal-to-noise ratio; Tensor [].

    A floor of -60 dB of full scale in both energies keeps near-silence from dominating.
    """
    floor = 1e-6 * reference.shape[-1]
    error = (estimate - reference).square().sum(dim=-1) + floor
    return (10 * torch.log10(error / (reference.square().sum(dim=-1) + floor))).mean()


def evaluate_codec(codec: Codec, pieces: Pieces = composed_piece, *, n_pieces: int, seconds: float) -> dict[str, float]:
    """Mean `reconstruction_scores` of a codec on held-out pieces (seeds from `HELD_OUT_PIECES`)."""
    scores = [reconstruction_scores(codec, _held_out(pieces, index, seconds, codec.sample_rate)) for index in range(n_pieces)]
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}


def reconstruction_scores(codec: Codec, audio: np.ndarray, *, n_codebooks: int | None = None) -> dict[str, float]:
    """`log_mel_l1`, `averaged_log_mel_l1`, `si_sdr_db` and `frame_rate_comb` of mono audio float32 [N] when coded.

    The audio is brought to a peak of 0.7 first.
    ``n_codebooks`` keeps only the first, coarsest ones; 0 leaves the latents unquantised, which no codebooks can do better than.
    """
    audio = (audio * (0.7 / max(float(np.abs(audio).max()), 1e-4))).astype(np.float32)
    heard = coded(codec, audio, n_codebooks=n_codebooks)
    rate, estimate = codec.sample_rate, heard.samples[0]
    comb = frame_rate_comb(heard, rate / codec.hop_length)
    return {
        "log_mel_l1": log_mel_l1(audio, estimate, rate),
        "averaged_log_mel_l1": averaged_log_mel_l1(audio, estimate, rate),
        "si_sdr_db": si_sdr_db(audio, estimate),
        "comb_db": comb.level_db,
        "comb_share": comb.share,
    }


@torch.no_grad()
def coded(codec: Codec, audio: np.ndarray, *, n_codebooks: int | None = None) -> Audio:
    """What a codec makes of mono audio float32 [N]; ``n_codebooks`` as in `reconstruction_scores`."""
    z = codec.encode(torch.from_numpy(audio)[None, None])
    if n_codebooks != 0:
        z = codec.lookup(codec.quantize(z).codes[:, :n_codebooks])
    return Audio.from_tensor(codec.decode(z, len(audio)), codec.sample_rate)


@lru_cache(maxsize=64)
def _held_out(pieces: Pieces, index: int, seconds: float, sample_rate: int) -> np.ndarray:
    return pieces(HELD_OUT_PIECES + index, seconds, sample_rate)


def _report(loop: Loop, model: CodecModel, config: SpectralCodecTraining | VQVAETraining, out_dir: Path, pieces: Pieces) -> nn.Module:
    """The averaged weights as a model, measured on held-out pieces, logged, and written to ``latest.safetensors`` by the first process."""
    assert loop.average is not None
    averaged = copy.deepcopy(model).cpu().eval()
    averaged.load_state_dict(loop.average.state_dict_of(model))
    if not loop.fabric.is_global_zero:
        return averaged  # type: ignore[no-any-return]
    scores = evaluate_codec(averaged, pieces, n_pieces=config.held_out_pieces, seconds=config.segments.piece_seconds)
    loop.write(**{f"held_out_{name}": value for name, value in scores.items()})
    provenance: Mapping[str, Any] = {"step": loop.step, "training": to_dict(config), "held_out": scores}
    best = loop.judge(scores["log_mel_l1"])
    files = {"latest": None, "latest-raw": model.state_dict()} | ({"best": None} if best else {})
    if loop.due(config.loop.keep_every_steps):
        (out_dir / "weights").mkdir(exist_ok=True)
        files[f"weights/step-{loop.step:07d}"] = None
    for name, state in files.items():
        save_model(out_dir / f"{name}.safetensors", averaged, config.codec, state=state, provenance=provenance)
    return averaged
