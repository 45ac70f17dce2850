"""GAN fine-tuning of a codec's decoder with encoder and codebook fixed: D2M-GAN section 3.4.

The generator is the decoder, fed the codebook's entries of true music; the discriminators are the multi-scale ones of section 3.3 on the
waveform. No code was released for this stage and the paper gives no weights for it: those of the generator's stage are taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from dance2music import losses
from dance2music.checkpoint import codec_digest
from dance2music.codec.base import CodecModel
from dance2music.codec.spectral_losses import average_spectrum_distance
from dance2music.config import check_ranges
from dance2music.music.mel import published_log_mel
from dance2music.papers.discriminators import ReshapedDiscriminator, ReshapedDiscriminatorConfig
from dance2music.papers.judging import in_float
from dance2music.train.average import averaged
from dance2music.train.loop import Loop
from dance2music.train.segments import SegmentBatches, Segments, fingerprint
from dance2music.train.start import LoopConfig, start_fabric


@dataclass(frozen=True)
class DecoderWeights:
    """Weights of the decoder's terms. ``colour`` is ours, not the paper's: the distance of spectra averaged over a segment
    (`codec.spectral_losses.average_spectrum_distance`), which hears lines at the rates of a decoder's strides; 0 leaves it out.
    """

    adversarial: float = 1.0
    feature_matching: float = 3.0
    waveform: float = 40.0
    mel: float = 15.0
    colour: float = 0.0


@dataclass(frozen=True)
class DecoderTraining:
    """One run; Adam at 1e-5 for decoder and discriminators (section 4.1)."""

    codec: str = "vqvae-high"
    level: str = "high"
    segment_seconds: float = 2.0
    batch_size: int = 16
    discriminator: ReshapedDiscriminatorConfig = field(default_factory=ReshapedDiscriminatorConfig)
    weights: DecoderWeights = field(default_factory=DecoderWeights)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=100_000, learning_rate=1e-5, warmup_steps=0, final_factor=1.0, grad_clip=0.0, save_every_steps=1000
        )
    )

    def __post_init__(self) -> None:
        check_ranges(self, batch_size=(1, 65_536), segment_seconds=(0.1, 3600))


def decoder_parameters(codec: nn.Module) -> list[nn.Parameter]:
    """Parameters of the decoder of any codec, in both of which their names begin so."""
    return [parameter for name, parameter in codec.named_parameters() if name.startswith("decoder")]


class DecoderTrainer:
    """Codec, discriminators, optimisers and one step."""

    def __init__(self, fabric: Fabric, config: DecoderTraining, codec: CodecModel) -> None:
        self.fabric, self.config = fabric, config
        self.codec = codec.to(fabric.device).eval().requires_grad_(False)
        self.discriminator = ReshapedDiscriminator(config.discriminator).to(fabric.device)
        self.networks = nn.ModuleDict({"codec": self.codec, "discriminator": self.discriminator})
        self.g_params, self.d_params = decoder_parameters(codec), list(self.discriminator.parameters())
        for parameter in self.g_params:
            parameter.requires_grad_(True)
        rate = config.loop.learning_rate
        self.optimizers = {
            "decoder": torch.optim.Adam(self.g_params, lr=rate, betas=(0.5, 0.9), fused=True),
            "discriminator": torch.optim.Adam(self.d_params, lr=rate, betas=(0.5, 0.9), fused=True),
        }

    def step(self, batch: Mapping[str, Tensor], loop: Loop) -> None:
        """Update the discriminators, then the decoder.

        Parameters
        ----------
        batch : with ``audio`` Tensor [B, 1, N] and, where they are at hand, its ``codes`` int64 [B, Q, L].
        loop : over `networks` and `optimizers`.

        Raises
        ------
        TrainingDiverged
            If a term or a gradient is no number.
        """
        weights, audio = self.config.weights, batch["audio"]
        with torch.no_grad():
            codes = batch["codes"] if "codes" in batch else self.codec.quantize(self.codec.encode(audio)).codes
            entries = self.codec.lookup(codes)
        with self.fabric.autocast():
            heard = self.codec.decode(entries).float()
            audio = audio[..., : heard.shape[-1]]
            heard = heard[..., : audio.shape[-1]]
            seen_real = self.discriminator(audio)
            judged = losses.discriminator_hinge(in_float(seen_real), in_float(self.discriminator(heard.detach())))
        loop.update("discriminator", {"discriminator": judged})
        self.discriminator.requires_grad_(False)
        with self.fabric.autocast():
            seen = in_float(self.discriminator(heard))
        terms = {
            "adversarial": losses.generator_hinge(seen),
            "feature_matching": losses.feature_matching(in_float(seen_real), seen),
            "waveform": losses.waveform(audio, heard),
            "mel": losses.mel(published_log_mel(audio, self.codec.sample_rate), published_log_mel(heard, self.codec.sample_rate)),
        }
        if weights.colour:
            n_fft = min(8192, 2 ** int(math.log2(audio.shape[-1])))
            terms["colour"] = average_spectrum_distance(audio, heard, self.codec.sample_rate, n_fft=n_fft)
        loop.update("decoder", terms, vars(weights))
        self.discriminator.requires_grad_(True)


def train_decoder(config: DecoderTraining, segments: Segments, codec: CodecModel, out_dir: str | Path) -> CodecModel:
    """Fine-tune the decoder of a codec on segments with music and return the codec with averaged weights; resumes what ``out_dir`` holds.

    The codec's encoder and codebook stay as they are, bit by bit: codes keep their meaning. Writes ``codec.safetensors`` at the end, and
    ``codec-raw.safetensors`` with the weights that were not averaged.

    Raises
    ------
    InputError
        If ``out_dir`` holds a run of another codec, level or data set.
    TrainingDiverged
        If a term or a gradient is no number; the last checkpoint stays.
    """
    fabric = start_fabric(config.loop)
    about = {"kind": "decoder", "level": config.level, "codec": codec_digest(codec), "data set": fingerprint(segments)}
    trainer = DecoderTrainer(fabric, config, codec)
    data = SegmentBatches(
        segments, batch_size=config.batch_size, seed=config.loop.seed, rank=fabric.global_rank, world_size=fabric.world_size
    )
    loop = Loop(fabric, config.loop, out_dir, model=trainer.networks, optimizers=trainer.optimizers, data=data, average=codec, about=about,
                settings=config)  # fmt: skip
    for _, batch in loop:
        trainer.step(batch, loop)
    raw = {name: value.clone() for name, value in codec.state_dict().items()}
    averaged(codec, loop.average)
    codec.requires_grad_(False)
    if fabric.is_global_zero:
        from dance2music.checkpoint import save_model
        from dance2music.train.losses_plot import plot_losses

        for name, state in (("codec", codec.state_dict()), ("codec-raw", raw)):
            path = Path(out_dir) / f"{name}.safetensors"
            save_model(path, codec, codec.config, state=state, provenance=about | {"step": loop.step}, storage="float32")
        plot_losses(Path(out_dir) / "log.jsonl", Path(out_dir) / "losses.png")
    fabric.barrier()
    return codec
