"""Adversarial training of both papers' generators: D2M-GAN section 3.5 and Creative-GAN section 3.3, one step for both.

A step is: generate; update the discriminators on encoded real and generated latents; judge again by the updated ones; update the
generator by the weighted objective (D2M Eq. 8, Creative-GAN Eq. 12). Real features for the feature matching are those of the
discriminator before its update, as in the released code. The codec is frozen: its encodings come with the data, and nothing is decoded
unless a term with a weight needs a gradient through the decoder.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import Dataset

from dance2music import losses
from dance2music.checkpoint import codec_digest
from dance2music.codec.base import CodecModel
from dance2music.config import check_ranges
from dance2music.music.mel import published_log_mel
from dance2music.papers.checks import check_segments, check_training
from dance2music.papers.held_out import HeldOut
from dance2music.papers.judging import ADVERSARIES, logits
from dance2music.papers.parts import step_in_parts
from dance2music.train.average import averaged
from dance2music.train.loop import Loop
from dance2music.train.segments import SegmentBatches, Segments, fingerprint
from dance2music.train.start import LoopConfig, start_fabric

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GanWeights:
    """Weights of the generator's terms; one of 0 is not computed. The default is D2M-GAN's (section 3.5).

    ``latent`` is the released code's L1 distance to the encoding itself; ``style`` and ``perceptual`` are Creative-GAN's.
    """

    adversarial: float = 1.0
    feature_matching: float = 3.0
    commitment: float = 15.0
    waveform: float = 40.0
    mel: float = 15.0
    latent: float = 0.0
    style: float = 0.0
    perceptual: float = 0.0


D2M_RELEASED = GanWeights(feature_matching=3.0 * 4 / 5, commitment=8.0, waveform=40.0, mel=15.0, latent=5.0)
"""The released code's: its feature matching has a further factor of 4 / (4 + 1)."""

EMBEDDED = "embedded"
"""The perceptual network that comes with the package."""

DECODED_TERMS = ("waveform", "mel", "perceptual")


@dataclass(frozen=True)
class GanTraining:
    """One run.

    Attributes
    ----------
    generator, discriminator : configs of classes that `build_network` knows.
    genre_discriminator : whether there is one: needed by ``weights.style``.
    codec : name of the codec in `papers.sizes.CODECS`, or a file; its encodings are what is generated.
    level : 'high' or 'low', for messages and checks.
    adversary : key of `ADVERSARIES`.
    straight_through : pass the lookup and the frozen decoder with a gradient. Without, the decoded terms move nothing, as in the released
        code, and so are not computed.
    perceptual : network of ``weights.perceptual``: ``embedded``, or a file of SoundNet's weights (`perception.soundnet.load_soundnet`).
    discriminator_rate : learning rate of the discriminators as a share of the generator's.
    gain : bounds of the factor that each segment's music is scaled by, D2M-GAN's released code has 0.3 and 1; music that is scaled is
        encoded in every step.
    inputs : what the generator sees; the other is given as zeros (D2M-GAN Table 4).
    accumulate : in how many parts a step's batch goes through the networks (`papers.parts`): memory for time.
    recompute : whether networks compute activations again on the way back instead of keeping them: memory for time.
    validation_batches : how many batches of the validation split are looked at every ``loop.validate_every_steps``, at most.
    """

    generator: Any
    discriminator: Any
    codec: str = "vqvae-high"
    level: str = "high"
    segment_seconds: float = 2.0
    batch_size: int = 16
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=1_245_000, learning_rate=1e-4, warmup_steps=0, final_factor=1.0, grad_clip=0.0, precision="32-true", save_every_steps=1000
        )
    )
    weights: GanWeights = field(default_factory=GanWeights)
    adversary: str = "hinge"
    genre_discriminator: bool = False
    genre_hidden: int = 256
    perceptual: str = EMBEDDED
    straight_through: bool = True
    discriminator_rate: float = 1.0
    inputs: tuple[str, ...] = ("motion", "visual")
    gain: tuple[float, float] = (1.0, 1.0)
    accumulate: int = 1
    recompute: bool = False
    validation_batches: int = 8

    def __post_init__(self) -> None:
        check_ranges(
            self, batch_size=(1, 65_536), segment_seconds=(0.1, 3600), adversary=tuple(ADVERSARIES), genre_hidden=(1, 65_536),
            discriminator_rate=(0, 1000), inputs=("motion", "visual"), accumulate=(1, 65_536), validation_batches=(1, 10**9),
        )  # fmt: skip


def build_network(config: Any) -> nn.Module:
    """The network of a config: by custom the class in the same module whose name is the config's without ``Config``."""
    import importlib

    module = importlib.import_module(type(config).__module__)
    network: nn.Module = getattr(module, type(config).__name__.removesuffix("Config"))(config)
    return network


class Networks(nn.Module):
    """Everything that is trained, as one module."""

    def __init__(self, config: GanTraining) -> None:
        super().__init__()
        from dance2music.papers.discriminators import GenreDiscriminator

        self.generator = build_network(config.generator)
        self.discriminator = build_network(config.discriminator)
        self.genre = GenreDiscriminator(hidden=config.genre_hidden) if config.genre_discriminator else None

    @property
    def g_params(self) -> list[nn.Parameter]:
        """Parameters of the generator."""
        return list(self.generator.parameters())

    @property
    def d_params(self) -> list[nn.Parameter]:
        """Parameters of the discriminators."""
        return [*self.discriminator.parameters(), *(self.genre.parameters() if self.genre is not None else ())]


class GanTrainer:
    """Networks, optimisers and one step; `train_gan` puts a `Loop` around it.

    Parameters
    ----------
    codec : frozen; has ``encode``, ``quantize``, ``lookup``, ``decode``, ``sample_rate``.
    perceptual : a `perception.perceptual.FeatureNet`, needed by ``weights.perceptual``.
    """

    def __init__(self, fabric: Fabric, config: GanTraining, codec: CodecModel, *, perceptual: nn.Module | None = None) -> None:
        check_training(config, perceptual)
        self.fabric, self.config, self._judge = fabric, config, ADVERSARIES[config.adversary]
        self.codec = codec.to(fabric.device).eval().requires_grad_(False)
        self.perceptual: Any = None if perceptual is None else perceptual.to(fabric.device).eval().requires_grad_(False)
        self.networks = Networks(config).to(fabric.device).train()
        rate, betas = config.loop.learning_rate, (0.5, 0.9)
        self.g_params, self.d_params = self.networks.g_params, self.networks.d_params
        self.optimizers = {
            "generator": torch.optim.Adam(self.g_params, lr=rate, betas=betas, fused=True),
            "discriminator": torch.optim.Adam(
                [{"params": self.d_params, "scale": config.discriminator_rate}],
                lr=rate * config.discriminator_rate,
                betas=betas,
                fused=True,
            ),
        }

    def loop(self, data: Dataset[dict[str, Tensor]], out_dir: str | Path, *, about: Mapping[str, str] | None = None) -> Loop:
        """The loop over batches (Tensor [B, ...] by name) that `step` takes part in. Raises InputError as `Loop`."""
        networks = self.networks
        return Loop(self.fabric, self.config.loop, out_dir, model=networks, optimizers=self.optimizers, data=data,
                    average=networks.generator, about=about, settings=self.config)  # fmt: skip

    def step(self, batch: Mapping[str, Tensor], loop: Loop) -> dict[str, Tensor]:
        """Update the discriminators, then the generator.

        Parameters
        ----------
        batch : Tensor [B, ...] by name, see `train.segments`.
        loop : what the method `loop` gave.

        Returns
        -------
        Every term unweighted, ``generator_total``, and both gradients' norms before clipping: Tensor [] by name, which ``loop`` has logged.

        Raises
        ------
        TrainingDiverged
            If a term or a gradient is no number.
        """
        if self.config.accumulate > 1:
            return step_in_parts(self, batch, loop)
        real, entries = self.targets(batch)
        with self.fabric.autocast():
            fake = self.generate(batch, real.shape[-1])
        d_terms, seen_real = self.discriminator_terms(real, fake.detach(), batch["genre"])
        d_norm = loop.update("discriminator", d_terms).gradient_norm
        with self.discriminators_fixed():
            terms = self.generator_terms(fake, seen_real) | self.distances(fake, real, entries, batch["audio"])
            total, g_norm = loop.update("generator", terms, vars(self.config.weights))
        return {**d_terms, **terms, "generator_total": total, "discriminator_gradient": d_norm, "generator_gradient": g_norm}

    @contextmanager
    def discriminators_fixed(self) -> Iterator[None]:
        """Gradients pass through the discriminators to the latents, and do not stop there."""
        for parameter in self.d_params:
            parameter.requires_grad_(False)
        yield
        for parameter in self.d_params:
            parameter.requires_grad_(True)

    def discriminator_terms(self, real: Tensor, fake: Tensor, genre: Tensor) -> tuple[dict[str, Tensor], losses.Features]:
        """The discriminators' terms, Tensors [], of encoded and generated latents [B, E, L] and genres [B]; and features of the real."""
        networks = self.networks
        with self.fabric.autocast():
            seen_real = self._run(networks.discriminator, real)
            d_terms = {"discriminator": self._judge[0](logits(seen_real), logits(self._run(networks.discriminator, fake)))}
            if networks.genre is not None:
                d_terms["genre"] = losses.genre_classification(networks.genre(real).float(), genre)
        return d_terms, seen_real

    def generator_terms(self, fake: Tensor, seen_real: losses.Features) -> dict[str, Tensor]:
        """The generator's terms that discriminators judge, Tensors [], of latents [B, E, L]."""
        networks, weights = self.networks, self.config.weights
        with self.fabric.autocast():
            seen_fake = self._run(networks.discriminator, fake)
            terms = {"adversarial": self._judge[1](logits(seen_fake))}
            if weights.feature_matching:
                terms["feature_matching"] = losses.feature_matching(seen_real, seen_fake)
            if weights.style and networks.genre is not None:
                terms["style"] = losses.style_ambiguity(networks.genre(fake).float())
        return terms

    def _run(self, network: Callable[..., Any], *inputs: Tensor, **options: Any) -> Any:
        """What a network gives; with ``recompute`` without keeping activations."""
        if not self.config.recompute or not torch.is_grad_enabled():
            return network(*inputs, **options)
        return checkpoint(network, *inputs, use_reentrant=False, **options)

    def targets(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Encoding and its codebook entries, Tensor [B, E, L] each, of a batch's music."""
        with torch.no_grad():
            real = batch["latents"] if "latents" in batch else self.codec.encode(batch["audio"])
            return real, self.codec.lookup(batch["codes"] if "codes" in batch else self.codec.quantize(real).codes)

    def distances(self, fake: Tensor, real: Tensor, entries: Tensor, audio: Tensor) -> dict[str, Tensor]:
        """The generator's terms with a weight that no discriminator judges, of latents [B, E, L] and audio [B, 1, N]: Tensors []."""
        weights, terms = self.config.weights, {}
        if weights.commitment:
            terms["commitment"] = losses.codebook_commitment(entries, fake)
        if weights.latent:
            terms["latent"] = losses.latent_distance(real, fake)
        if self.config.straight_through and any(getattr(weights, name) for name in DECODED_TERMS):
            terms |= self.decoded_terms(fake, audio)
        return terms

    def generate(self, batch: Mapping[str, Tensor], n_frames: int) -> Tensor:
        """Latents float32 [B, E, n_frames] for a batch."""
        seen = {name: batch[name] if name in self.config.inputs else torch.zeros_like(batch[name]) for name in ("motion", "visual")}
        noise = {"noise": batch["noise"]} if "noise" in batch else {}
        latents: Tensor = self._run(self.networks.generator, seen["motion"], seen["visual"], batch["genre"], n_frames=n_frames, **noise)
        return latents.float()

    def decoded_terms(self, fake: Tensor, audio: Tensor) -> dict[str, Tensor]:
        """The terms of `DECODED_TERMS` that have a weight, of latents [B, E, L] and the true audio [B, 1, N]: Tensors [].

        Gradients pass the lookup straight and the frozen decoder as they are.
        """
        from dance2music.codec.lookup import straight_through

        weights = self.config.weights
        with self.fabric.autocast():
            heard = self._run(self.codec.decode, straight_through(fake, self.codec)).float()
        n = min(heard.shape[-1], audio.shape[-1])
        heard, audio = heard[..., :n], audio[..., :n]
        terms = {}
        if weights.waveform:
            terms["waveform"] = losses.waveform(audio, heard)
        if weights.mel:
            terms["mel"] = losses.mel(published_log_mel(audio, self.codec.sample_rate), published_log_mel(heard, self.codec.sample_rate))
        if weights.perceptual:
            with torch.no_grad():
                reference = self.perceptual.features(audio)
            terms["perceptual"] = losses.perceptual(reference, self.perceptual.features(heard))
        return terms


def train_gan(
    config: GanTraining,
    segments: Segments,
    codec: CodecModel,
    out_dir: str | Path,
    *,
    perceptual: nn.Module | None = None,
    preset: str = "",
    validation: Segments | None = None,
    init: str | Path | None = None,
) -> nn.Module:
    """Train a generator on segments and return it with its averaged weights; resumes what ``out_dir`` holds.

    Writes ``config.json``, ``checkpoint.pt``, ``log.jsonl`` (every term, gradient norms), ``losses.png`` and, at its end,
    ``generator.safetensors`` with the averaged weights and ``generator-raw.safetensors``; on the way, by ``config.loop``, numbered ones
    in ``weights`` and the best on ``validation`` (`papers.held_out`) as ``best.safetensors`` and ``best-raw.safetensors``.

    Parameters
    ----------
    validation : segments of songs that are not trained on; without, nothing is the best.
    init : what the networks begin from, see `papers.begin.begin_from`; a run that goes on does not look at it.

    Raises
    ------
    InputError
        If segments lack what the generator takes, or ``out_dir`` holds a run of another kind, level, codec, data set or perceptual
        network, or with other settings.
    TrainingDiverged
        If a term or a gradient is no number; the last checkpoint stays.
    """
    fabric = start_fabric(config.loop)
    trainer = GanTrainer(fabric, config, codec, perceptual=perceptual)
    check_segments(config, segments)
    data = SegmentBatches(
        segments,
        batch_size=config.batch_size,
        seed=config.loop.seed,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
        noise_dim=getattr(config.generator, "noise_dim", 0),
        gain=config.gain,
    )
    about = {
        "kind": type(config.generator).__name__.removesuffix("Config"),
        "level": config.level,
        "codec": codec_digest(codec),
        "data set": fingerprint(segments),
    }
    if config.weights.perceptual and perceptual is not None:
        about["perceptual network"] = f"{type(perceptual).__name__} {codec_digest(perceptual)}"
    if init is not None:
        from dance2music.papers.begin import begin_from

        about["begun from"] = begin_from(trainer.networks, init, level=config.level)
    loop, out_dir = trainer.loop(data, out_dir, about=about), Path(out_dir)
    held_out = HeldOut(trainer, loop, validation) if validation is not None else None
    generator = trainer.networks.generator

    def export(name: str) -> None:
        """Both forms of the weights as they are, as NAME.safetensors and NAME-raw.safetensors."""
        if fabric.is_global_zero and loop.average is not None:
            said = about | {"preset": preset, "step": str(loop.step)}
            for form, state in (("", loop.average.state_dict_of(generator)), ("-raw", generator.state_dict())):
                save_generator(out_dir / f"{name}{form}.safetensors", generator, config, said, state)

    def look() -> None:
        if held_out is not None and held_out.is_best():
            export("best")

    for _, batch in loop:
        if loop.due(config.loop.validate_every_steps):
            look()
        if loop.due(config.loop.keep_every_steps):
            export(f"weights/step-{loop.step:07d}")
        trainer.step(batch, loop)
    if config.loop.validate_every_steps:
        look()
    export("generator")
    averaged(generator, loop.average)
    if fabric.is_global_zero:
        from dance2music.train.losses_plot import plot_losses

        plot_losses(out_dir / "log.jsonl", out_dir / "losses.png")
    fabric.barrier()
    return generator


def save_generator(path: Path, generator: nn.Module, config: GanTraining, about: Mapping[str, str], state: Mapping[str, Tensor]) -> None:
    """Write a generator with some weights ``state``, Tensor [...] by name, as a model file, with what it was trained as."""
    from dance2music.checkpoint import save_model

    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, generator, config.generator, state=state, provenance=dict(about))
