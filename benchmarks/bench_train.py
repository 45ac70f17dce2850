"""The published training step and inference, written out literally, against this project's, in one run and taking turns.

    python benchmarks/bench_train.py [--level high] [--batch 16] [--repeats 3] [--inference 5] [--threads 2]

Both sides have the same networks (the released sizes for AIST++), the same weights and the same batch. The literal side follows the order
of the released code: it encodes the music at all three levels, looks up all three, decodes the generated and the true codes of the level
in use without a gradient, and leaves subnormal numbers to the processor, as torch does by default. Ours is `papers.gan_step.GanTrainer`
with the released objective and cached encodings; "bf16" is the same under autocast. Weights of a step are those that the released code
draws.

Inference is motion, pictures and genre in, waveform out, one clip at a time, without denoising. Its weights are drawn wide, so that
the latents are as spread as a trained network's: thus there are hardly subnormal numbers in it, and codes can differ.

Seconds are of the processor (all threads together) and, in brackets, of the clock: on a busy machine the former say more. Ratios are of the
former. Differences are those of the losses of the first step, and of codes and waveform of the inference. ``--sides ours --form paper``
measures time and memory of a step at the paper's sizes with its own objective.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.music.mel import published_log_mel
from dance2music.nn.conv_stack import fold_weight_norm
from dance2music.nn.convolution import WeightNormConv1d
from dance2music.papers.gan_step import GanTrainer, Networks
from dance2music.papers.trainings import GAN_TRAININGS
from dance2music.train.start import start_fabric

N_SAMPLES = 44100
LEVEL_OF = {"high": 2, "low": 1}
SIDES = ("literal", "ours", "ours, bf16")


def encode_all(codecs: list[VQVAE], audio: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Latents and codes of all three levels."""
    latents = [codec.encode(audio) for codec in codecs]
    return latents, [codec.quantize(z).codes for codec, z in zip(codecs, latents)]


def plain(network: torch.nn.Module) -> torch.nn.Module:
    """Give every convolution torch's own form, as the released code has it, in place of `encoders.convolve`; the network is changed."""

    def forward(conv: Any, x: Tensor) -> Tensor:
        weight = conv.normed() if isinstance(conv, WeightNormConv1d) else conv.weight
        return F.conv1d(x, weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)

    for module in network.modules():
        if isinstance(module, torch.nn.Conv1d):
            module.forward = MethodType(forward, module)  # type: ignore[method-assign]
    return network


class Literal:
    """The released step, in its order; see the head of this file."""

    def __init__(self, generator: torch.nn.Module, discriminator: torch.nn.Module, codecs: list[VQVAE], level: int) -> None:
        self.generator, self.discriminator, self.level = plain(generator), plain(discriminator), level
        self.codecs: list[Any] = [plain(deepcopy(codec)) for codec in codecs]
        self.g = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.5, 0.9))
        self.d = torch.optim.Adam(discriminator.parameters(), lr=1e-4, betas=(0.5, 0.9))

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One batch; the unweighted terms."""
        audio, codec = batch["audio"], self.codecs[self.level]
        fake = self.generator(batch["motion"], batch["visual"], batch["genre"])
        with torch.no_grad():
            latents, codes = encode_all(self.codecs, audio)
            fake_codes = [each.quantize(fake).codes for each in self.codecs]
            heard = codec.decode(codec.lookup(fake_codes[self.level]).contiguous())
            entries = codec.lookup(codes[self.level]).contiguous()  # torch's own layout: decoding by time is ours
            codec.decode(entries)
        real = latents[self.level]
        terms = {"latent": F.l1_loss(real, fake), "commitment": F.l1_loss(entries, fake)}
        terms["waveform"] = F.l1_loss(audio[..., : heard.shape[-1]], heard)
        terms["mel"] = F.l1_loss(published_log_mel(audio, 22050), published_log_mel(heard, 22050))
        seen_fake, seen_real = self.discriminator(fake.detach()), self.discriminator(real)
        loss_d = sum((F.relu(1 + f[-1]).mean() for f in seen_fake), torch.zeros(()))
        loss_d = loss_d + sum((F.relu(1 - r[-1]).mean() for r in seen_real), torch.zeros(()))
        self.discriminator.zero_grad()
        loss_d.backward()
        self.d.step()
        seen = self.discriminator(fake)
        terms["adversarial"] = sum((-f[-1].mean() for f in seen), torch.zeros(()))
        matched = torch.zeros(())
        for r, f in zip(seen_real, seen):
            for a, b in zip(r[:-1], f[:-1]):
                matched = matched + F.l1_loss(b, a.detach()) / 3
        terms["feature_matching"] = matched
        weights = {"adversarial": 1.0, "feature_matching": 3.0 * 4 / 5, "latent": 5.0, "commitment": 8.0, "waveform": 40.0, "mel": 15.0}
        total = sum((weights[name] * value for name, value in terms.items()), torch.zeros(()))
        self.generator.zero_grad()
        total.backward()
        self.g.step()
        return {**terms, "discriminator": loss_d}

    def ready(self) -> Literal:
        """For inference."""
        self.generator.eval()
        return self

    @torch.no_grad()
    def infer(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, codes and waveform of one clip: latents are looked up at all three levels, as in the released script."""
        fake = self.generator(batch["motion"], batch["visual"], batch["genre"])
        codes = [codec.quantize(fake).codes for codec in self.codecs][self.level]
        return fake, codes, self.codecs[self.level].decode(self.codecs[self.level].lookup(codes).contiguous())


class Ours:
    """The same by this project."""

    def __init__(self, networks: Networks, codec: VQVAE, name: str, precision: str) -> None:
        config = GAN_TRAININGS[name]
        config = replace(config, loop=replace(config.loop, precision=precision, accelerator="cpu"))
        self.trainer = GanTrainer(start_fabric(config.loop), config, codec)
        self.loop = self.trainer.loop(TensorDataset(), tempfile.mkdtemp())
        self.trainer.networks.load_state_dict(networks.state_dict())
        self.codec, self.precision = codec, precision

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One batch; all terms."""
        return self.trainer.step(batch, self.loop)

    def ready(self) -> Ours:
        """Fold the weight norm, for inference."""
        self.kind = torch.float32 if self.precision == "32-true" else torch.bfloat16
        self.folded: Any = fold_weight_norm(deepcopy(self.trainer.networks.generator), self.kind).eval()
        return self

    @torch.inference_mode()
    def infer(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, codes and waveform of one clip: one level, in the precision of this side up to the lookup."""
        fake = self.folded(batch["motion"].to(self.kind), batch["visual"].to(self.kind), batch["genre"]).float()
        codes = self.codec.quantize(fake).codes
        return fake, codes, self.codec.decode(self.codec.lookup(codes))


def timed(function: Callable[[], Any], *, flush: bool) -> tuple[float, float, Any]:
    """Seconds of processor and clock, and the result, with subnormal numbers flushed to zero or not."""
    torch.set_flush_denormal(flush)
    processor, clock = time.process_time(), time.perf_counter()
    result = function()
    took = time.process_time() - processor, time.perf_counter() - clock
    torch.set_flush_denormal(True)
    return *took, result


def spread(network: torch.nn.Module) -> None:
    """Draw wide weights: normal with deviation 0.9 / sqrt(fan in)."""
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("weight_g"):
                continue
            value.normal_(0, 0.9 / float(value[0].numel()) ** 0.5 if value.ndim > 1 else 0.02)
        for module in network.modules():
            if isinstance(module, WeightNormConv1d):
                module.weight_g.copy_(module.weight_v.flatten(1).norm(dim=1).view(module.weight_g.shape))


def worst(reference: dict[str, Tensor], terms: dict[str, Tensor]) -> float:
    """Largest relative difference of the terms that both have."""
    return max(abs(float(terms[name]) - float(value)) / max(abs(float(value)), 1e-6) for name, value in reference.items() if name in terms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--level", choices=LEVEL_OF, default="high")
    parser.add_argument("--form", choices=("released", "paper"), default="released")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--inference", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("out/bench_train.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    level, name = LEVEL_OF[arguments.level], f"d2m-gan-{arguments.level}-aist-{arguments.form}"
    codecs, batch = inputs(arguments.batch, level)
    networks = Networks(GAN_TRAININGS[name])
    report: dict[str, Any] = {name: getattr(arguments, name) for name in ("level", "form", "batch", "threads")} | {
        "torch": torch.__version__
    }
    report["parameters"] = {part: sum(p.numel() for p in net.parameters()) for part, net in networks.named_children()}

    def runners(networks: Networks) -> dict[str, Any]:
        makers: dict[str, Callable[[], Any]] = {
            "literal": lambda: Literal(deepcopy(networks.generator), deepcopy(networks.discriminator), codecs, level),
            "ours": lambda: Ours(networks, codecs[level], name, "32-true"),
            "ours, bf16": lambda: Ours(networks, codecs[level], name, "bf16-mixed"),
        }
        return {side: makers[side]() for side in arguments.sides}

    if arguments.repeats:
        compare(report, "training step", runners(networks), lambda runner: runner.step(batch), arguments.repeats, losses_apart)
    if arguments.inference:
        spread(networks.generator)
        one = {key: value[:1] for key, value in batch.items()}
        sides = {side: runner.ready() for side, runner in runners(networks).items()}
        compare(report, "inference", sides, lambda runner: runner.infer(one), arguments.inference, music_apart)
    report["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({key: report[key] for key in ("parameters", "peak_mib")}))


def inputs(B: int, level: int) -> tuple[list[VQVAE], dict[str, Tensor]]:
    """Codecs of the three levels with codebooks of encoded frames, and a batch with its encodings."""
    codecs = [VQVAE(VQVAEConfig(levels=(i,), level=i)).eval().requires_grad_(False) for i in range(3)]
    draw = torch.Generator().manual_seed(1)
    audio = 0.3 * torch.randn(B, 1, N_SAMPLES, generator=draw)
    for codec in codecs:
        spread(codec)
        codec._codebook(codec.config.level).k.copy_(8 * torch.randn(2048, 64, generator=draw))
    batch = {
        "motion": torch.randn(B, 120, 219, generator=draw),
        "visual": torch.randn(B, 2048, generator=draw),
        "genre": torch.randint(10, (B,), generator=draw),
        "audio": audio,
    }
    with torch.no_grad():
        batch["latents"] = codecs[level].encode(audio)
        batch["codes"] = codecs[level].quantize(batch["latents"]).codes
    return codecs, batch


def compare(
    report: dict[str, Any],
    what: str,
    sides: dict[str, Any],
    run: Callable[[Any], Any],
    repeats: int,
    apart: Callable[..., dict[str, float]],
) -> None:
    """Let the sides take turns, once to warm up and to compare results with the first side's, then ``repeats`` times, to and fro."""
    rows: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    first: Any = None
    for turn in range(repeats + 1):
        for side, runner in list(sides.items())[:: -1 if turn % 2 else 1]:
            processor, clock, result = timed(lambda runner=runner: run(runner), flush=side != "literal")  # type: ignore[misc]
            if turn:
                rows[side].append((processor, clock))
            elif first is None:
                first = result
            else:
                report[f"{what}, {side}"] = apart(first, result)
    base = statistics.median(processor for processor, _ in rows[next(iter(sides))])
    for side, values in rows.items():
        processor, clock = (statistics.median(column) for column in zip(*values))
        report.setdefault(f"{what}, {side}", {}).update(
            processor_seconds=processor, clock_seconds=clock, ratio=base / processor, all=values
        )
        print(f"{what:14} {side:11} {processor:7.3f} s ({clock:.3f} s)  x{base / processor:.2f}  n = {len(values)}", flush=True)


def losses_apart(reference: dict[str, Tensor], terms: dict[str, Tensor]) -> dict[str, float]:
    """Largest relative difference of the terms that both have."""
    both = [name for name in reference if name in terms]
    return {"losses": max(abs(float(terms[name].detach()) / float(reference[name].detach()) - 1) for name in both)}


def music_apart(reference: tuple[Tensor, ...], result: tuple[Tensor, ...]) -> dict[str, float]:
    """Share of equal codes, how many are in use, and root-mean-square differences of latents and waveform, relative to the reference."""
    (latents, codes, audio), (own_latents, own_codes, own_audio) = reference, result

    def apart(a: Tensor, b: Tensor) -> float:
        return float((a - b).square().mean().sqrt() / a.square().mean().sqrt())

    alike = float((codes == own_codes).float().mean())
    return {
        "latents": apart(latents, own_latents),
        "codes_alike": alike,
        "codes_in_use": len(codes.unique()),
        "audio": apart(audio, own_audio),
    }


if __name__ == "__main__":
    main()
