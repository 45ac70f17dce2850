"""A decoder that neither buzzes nor smears: noise and fine gains for its head, losses that hear them; encoder, codebooks and codes stay.

After `recipe.codec_refinement` the decoder gives frames whose phase it cannot know the same phase each, which sounds as lines at multiples
of the frame rate, and its hits begin as dully as its window is long. Here it learns on with noise in its head
(`codec.spectral.NoiseConfig`) and gains that are finer in time than its frames (`codec.fine_gain`), by the energy distance of two draws,
near onsets once more, and the distance of time-averaged spectra (`codec.spectral_losses`). What was made with the codec before stays
valid and sounds better.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dance2music.checkpoint import read_provenance
from dance2music.codec.fine_gain import FineGainConfig
from dance2music.codec.spectral import NoiseConfig, SpectralCodec
from dance2music.codec.spectral_losses import (
    SpectralViews,
    average_spectrum_distance,
    averaged_mel_distance,
    energy_distance,
    onset_views,
    views,
)
from dance2music.recipe.codec_growth import load_spectral, write_measured
from dance2music.train.codec import distortion_db
from dance2music.train.loop import Loop
from dance2music.train.pieces import MusicSegments, Pieces, PieceStore, SegmentsConfig, composed_piece
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric

_HEAD = ("decoder_out", "decoder_noise", "decoder_gain")


@dataclass(frozen=True)
class SoundLosses:
    """What a sound is compared with music by, and what each term weighs (`sound_terms`): of all that learn to sound."""

    views: SpectralViews = field(default_factory=SpectralViews)
    repulsion: float = 0.7
    average_weight: float = 3.5
    mel_weight: float = 5.0
    onset_weight: float = 2.0
    distortion_weight: float = 0.02


@dataclass(frozen=True)
class CodecSound(SoundLosses):
    """How the decoder learns to sound.

    Items are decoded from the first ``first_codebooks`` codebooks, which generators use; a share ``whole_share`` of them from all. The
    head's learning rate is ``head_rate`` times that of the trunk.
    """

    noise: NoiseConfig = field(default_factory=lambda: NoiseConfig(bands=96, slots=16))
    fine_gain: FineGainConfig = field(default_factory=lambda: FineGainConfig(edges_hz=(2000.0, 5000.0), slots=16))
    first_codebooks: int = 6
    whole_share: float = 0.25
    head_rate: float = 4.0
    segments: SegmentsConfig = field(
        default_factory=lambda: SegmentsConfig(n_samples=172 * 256, pieces_per_step=4, first_pieces=1000, steps_per_new_piece=40)
    )
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=3000, seed=41, learning_rate=3e-4, warmup_steps=50, ema_decay=0.995, save_every_steps=250, log_every_steps=25
        )
    )
    held_out_pieces: int = 12


def tune_sound(
    config: CodecSound,
    codec_file: str | Path,
    out_dir: str | Path,
    *,
    pieces: Pieces = composed_piece,
    pieces_folder: str | Path | None = None,
) -> SpectralCodec:
    """Teach the decoder of a model file to sound like the music, resuming from ``out_dir`` where it was stopped.

    Writes ``checkpoint.pt``, ``log.jsonl``, TensorBoard events, rendered ``pieces`` (into ``pieces_folder`` instead, if given), at every
    regular save ``latest.safetensors``, and at the end ``finished.safetensors`` in full precision.

    Returns
    -------
    The codec with the averaged weights, on the CPU and in evaluation mode; encoder and codebooks have the bits that they had.

    Raises
    ------
    InputError
        If the file holds no spectral codec.
    """
    out_dir = Path(out_dir)
    fabric = start_fabric(config.loop)
    before, origin = load_spectral(codec_file), read_provenance(codec_file)
    store = PieceStore(pieces, pieces_folder or out_dir / "pieces", config.segments.piece_seconds, before.sample_rate)
    data = MusicSegments(store, config.segments, seed=config.loop.seed, steps=config.loop.steps)
    origin = {name: value for name, value in origin.items() if name not in ("kind", "config")}
    _train(fabric, with_sound_parts(before, config.noise, config.fine_gain), config, data, out_dir, origin)
    return load_spectral(out_dir / "finished.safetensors")


def with_sound_parts(codec: SpectralCodec, noise: NoiseConfig, fine_gain: FineGainConfig) -> SpectralCodec:
    """A copy of a codec with a noise part that begins at its initial level and fine gains that begin at zero; parts it had stay."""
    model = SpectralCodec(replace(codec.config, noise=noise, fine_gain=fine_gain))
    own = codec.state_dict()
    model.load_state_dict({**model.state_dict(), **own})
    model.restore_averages()
    return model.train(codec.training)


class _Sounding(nn.Module):
    """The codec with frozen codes: two draws of the sound of audio."""

    def __init__(self, codec: SpectralCodec, config: CodecSound) -> None:
        super().__init__()
        self.codec, self.config = codec, config

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Two sounds [B, 1, N] of audio [B, 1, N]."""
        codec = self.codec
        with torch.no_grad():
            codes = codec.quantize(codec.encode(audio)).codes
            few, whole = codec.lookup(codes[:, : self.config.first_codebooks]), codec.lookup(codes)
            z = torch.where(torch.rand(len(audio), 1, 1, device=audio.device) < self.config.whole_share, whole, few)
        return [sound[..., : audio.shape[-1]].float() for sound in codec.draws(z, 2)]


def _train(fabric: Any, model: SpectralCodec, config: CodecSound, data: MusicSegments, out_dir: Path, origin: dict[str, Any]) -> None:
    """Train the decoder alone, and write ``finished.safetensors``."""
    model.train().freeze_codes()
    head = [p for name, p in model.named_parameters() if name.startswith(_HEAD)]
    trunk = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith(_HEAD)]
    groups: list[dict[str, Any]] = [{"params": head, "scale": config.head_rate}, {"params": trunk}]
    optimizer = torch.optim.AdamW(groups, lr=config.loop.learning_rate, betas=(0.8, 0.99), weight_decay=1e-3, fused=True)
    wrapped = fabric.setup_module(_Sounding(model, config))
    loop = Loop(fabric, config.loop, out_dir, model=model, optimizers={"codec": optimizer}, data=process_share(fabric, data),
                about={"kind": "sound of spectral-codec", "n_codebooks": str(model.n_codebooks)}, settings=config)  # fmt: skip

    def write(name: str, storage: str) -> None:
        if fabric.is_global_zero:
            write_measured(loop, model, out_dir / name, config, data, {"tuned_from": origin}, storage=storage)

    for _, audio in loop:
        if loop.just_saved:
            write("latest.safetensors", "float16")
        first, second = wrapped(audio)
        loop.update("codec", sound_terms(audio, first, second, model.sample_rate, config), sound_weights(config))
    write("latest.safetensors", "float16")
    write("finished.safetensors", "float32")
    fabric.barrier()


def sound_weights(config: SoundLosses) -> dict[str, float]:
    """Weights of `sound_terms` by name."""
    return {
        "energy": 1.0,
        "average": config.average_weight,
        "mel": config.mel_weight,
        "onset": config.onset_weight,
        "distortion_db": config.distortion_weight,
    }


def sound_terms(audio: Tensor, first: Tensor, second: Tensor, sample_rate: int, config: SoundLosses) -> dict[str, Tensor]:
    """Energy distances, distances of averages, and distortion in dB, of two draws [B, 1, N] of audio [B, 1, N]."""
    heard = [views(sound, sample_rate, config.views) for sound in (audio, first, second)]
    onsets = onset_views(audio, (first, second), sample_rate)
    mels = [averaged_mel_distance(audio, sound, sample_rate) for sound in (first, second)]
    averages = [average_spectrum_distance(audio, sound, sample_rate) for sound in (first, second)]
    return {
        "energy": energy_distance(*heard, repulsion=config.repulsion),
        "average": torch.stack(averages).mean(),
        "mel": torch.stack(mels).mean(),
        "onset": energy_distance(*onsets, repulsion=config.repulsion),
        "distortion_db": distortion_db(torch.cat([first, second]), torch.cat([audio, audio])),
    }
