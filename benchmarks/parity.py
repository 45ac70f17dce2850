"""Do our networks, losses and scores compute what the published code computes? One row per oracle; ends with exit code 1 on a failure.

python benchmarks/parity.py DIR        DIR holds *.npz, *.json and *.manifest.json with the published code's outputs (README there)

Weights are drawn by two rules from each tensor's name, inputs from numbered seeds, so that the oracles need no weights. The largest
relative difference is the largest difference over the largest absolute value of the reference; for codes, and where names or lists are
compared, it is the number of those that differ (of codes only those that the reference was sure of).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from oracles import filled, normal

NETWORK = 1e-4
SMALL = 1e-5
"""A network may differ by `NETWORK` of the largest reference value plus this much."""
LOSS = 1e-4
STEP = 1e-3
LOOSE = 0.1
"""After Adam's first step, whose size hangs on signs only."""
SURE = 1e-2
"""Margin of squared distance above which a code must be the same."""


@dataclass(frozen=True)
class Row:
    """One comparison: of what, under which weights, and how far apart."""

    what: str
    rule: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return bool(np.isfinite(self.difference) and self.difference <= self.tolerance)


class Worst:
    """The comparison that comes nearest to its limit, of several that make one row."""

    def __init__(self, what: str, rule: str, tolerance: float = NETWORK, small: float = SMALL) -> None:
        self.what, self.rule, self.tolerance, self.small = what, rule, tolerance, small
        self.difference, self.allowed = 0.0, tolerance

    def add(self, ours: Any, reference: Any) -> None:
        """Compare two arrays of the same shape."""
        a, b = (np.asarray(x.detach() if isinstance(x, Tensor) else x, dtype=np.float64) for x in (ours, reference))
        if a.shape != b.shape:
            self.difference = float("inf")
            return
        peak = max(float(np.abs(b).max(initial=0.0)), 1e-30)
        difference, allowed = float(np.abs(a - b).max(initial=0.0)) / peak, self.tolerance + self.small / peak
        if not np.isfinite(difference):
            difference = float("inf")
        if difference * self.allowed >= self.difference * allowed:
            self.difference, self.allowed = difference, allowed

    def row(self) -> Row:
        return Row(self.what, self.rule, self.difference, self.allowed)


def stats(x: Tensor | np.ndarray) -> np.ndarray:
    """Mean, population deviation, largest absolute value, count."""
    x = np.asarray(x, dtype=np.float64)
    return np.array([x.mean(), x.std(), np.abs(x).max(), x.size])


def add_stats(worst: Worst, ours: Tensor, reference: np.ndarray, *strided: Tensor) -> None:
    """Compare statistics; they are of the whole array or of one of its ``strided`` parts, as their count says."""
    chosen = next((x for x in (ours, *strided) if x.numel() == int(reference[3])), ours)
    worst.add(stats(chosen)[3:], reference[3:])
    for value, expected in zip(stats(chosen)[:3], reference[:3]):
        worst.add([value, reference[2]], [expected, reference[2]])  # on the scale of the values themselves


def rules_of(data: Any, prefix: str) -> list[str]:
    """Rules ('A', 'B') under which a file has arrays named ``prefix_rule``."""
    return [rule for rule in ("A", "B") if any(key.startswith(f"{prefix}_{rule}") for key in data)]


def shape_of(data: Any, default: tuple[int, ...]) -> tuple[int, ...]:
    """The input's shape."""
    return tuple(int(n) for n in data["input_shape"]) if "input_shape" in data else default


def motion_encoder(data: Any, dataset: str) -> Iterator[Row]:
    """Names: ``motion_encoder_{aist,tiktok}.npz``."""
    from dance2music.models.d2m_tables import FRAMES_AND_FEATURES, released
    from dance2music.models.encoders import MotionEncoder

    model = MotionEncoder(released("high", dataset).motion)
    motion = normal(0, *shape_of(data, (1, *FRAMES_AND_FEATURES[dataset])))
    for rule in rules_of(data, "out"):
        filled(model, rule)
        worst = Worst("output and last convolution", rule)
        out, before = model(motion), model.before_last(motion)
        worst.add(out, data[f"out_{rule}"])
        if f"pre_lin2_{rule}" in data:
            worst.add(before, data[f"pre_lin2_{rule}"])
        if f"stats_{rule}" in data:
            add_stats(worst, out, data[f"stats_{rule}"])
        yield worst.row()


def generator(data: Any, level: str, dataset: str) -> Iterator[Row]:
    """Names: ``vq_generator_{high,low}_{aist,tiktok}.npz``."""
    from dance2music.models.d2m_gan import VQGenerator
    from dance2music.models.d2m_tables import released

    # The low level for TikTok was published without its first linear layer: its oracle goes in behind it.
    headless = (level, dataset) == ("low", "tiktok")
    model = VQGenerator(released(level, dataset).generator)
    fused = normal(0, *shape_of(data, (1, 1, 2048 if headless else 3072)))
    default = {"high_aist": 1, "high_tiktok": 2}.get(f"{level}_{dataset}", 4)
    stride = int(data["stride_last"]) if "stride_last" in data else default
    for rule in rules_of(data, "out"):
        filled(model, rule)
        y = model.from_sequence(fused) if headless and fused.shape[-1] == 2048 else model(fused, torch.tensor([3]))
        worst = Worst("latents", rule)
        worst.add(y[:, :, ::stride], data[f"out_{rule}"])
        if "shape" in data:
            worst.add(y.shape, data["shape"])
        if f"stats_{rule}" in data:
            add_stats(worst, y, data[f"stats_{rule}"], y[:, :, ::stride])
        yield worst.row()


def discriminator(data: Any, length: int) -> Iterator[Row]:
    """Names: ``discriminator_aist_{high,low}.npz``."""
    from dance2music.models.discriminators import ReshapedDiscriminator

    model = ReshapedDiscriminator()
    x = normal(0, *shape_of(data, (1, 1, length)))
    for rule in rules_of(data, "final"):
        filled(model, rule)
        worst = Worst("activations of 3 scales x 7 layers", rule)
        for s, layers in enumerate(model(x)):
            for i, y in enumerate(layers):
                flat, name = y.flatten(), f"{rule}_s{s}_l{i}"
                if f"shape_s{s}_l{i}" in data:
                    worst.add(y.shape, data[f"shape_s{s}_l{i}"])
                if f"final_{name}" in data:
                    worst.add(flat, data[f"final_{name}"].reshape(-1))
                if f"feat_{name}" in data:
                    worst.add(flat[:: max(1, len(flat) // 200)], data[f"feat_{name}"])
                if f"stats_{name}" in data:
                    add_stats(worst, y, data[f"stats_{name}"])
        yield worst.row()


def jukebox(data: Any, level: int) -> Iterator[Row]:
    """Names: ``jukebox_level{2_hop128,1_hop32,0_hop8}.npz``: encoder, codes, decoder, and the way there and back."""
    from dance2music.codec.vqvae import VQVAE, VQVAEConfig

    model = VQVAE(VQVAEConfig(levels=(level,), level=level))
    audio = normal(0, *shape_of(data, (1, 44100, 1)))[..., 0]
    step: dict[str, Any] = {"code_stride": 4 if level == 0 else 1, "dec_stride": 8, "roundtrip_stride": 16, "latent_stride": (4, 4)}
    step |= {name: data[name] for name in step if name in data}
    code_stride = int(step["code_stride"])
    for rule in rules_of(data, "enc_codes"):
        filled(model, rule)
        z = model.encode(audio)
        codes = model.quantize(z).codes
        n = codes.shape[-1]
        theirs = torch.from_numpy(data[f"enc_codes_{rule}"].astype(np.int64)).reshape(-1)
        margin = data[f"enc_code_margin_{rule}"].reshape(-1)
        margin = margin if len(margin) == len(theirs) else margin[::code_stride]
        differ = codes[0, 0, ::code_stride].numpy() != theirs.numpy()
        yield Row(f"codes ({int((margin > SURE).sum())} of {len(theirs)} sure)", rule, float((differ & (margin > SURE)).sum()), 0.0)
        worst = Worst("encoder's latents", rule)
        rows, columns = (int(s) for s in step["latent_stride"])
        strided = z[:, ::rows, ::columns]
        worst.add(strided, data[f"enc_latent_{rule}"])
        if f"enc_latent_stats_{rule}" in data:
            add_stats(worst, z, data[f"enc_latent_stats_{rule}"], strided)
        if "codes_shape" in data:
            worst.add(codes[:, 0].shape, data["codes_shape"])
        yield worst.row()
        worst = Worst("decoder on drawn codes", rule)
        drawn = torch.from_numpy(np.random.RandomState(0).randint(0, 2048, (1, n)))
        decoded = model.decode(model.lookup(drawn[:, None]))[0]
        heard = decoded[:: int(step["dec_stride"])]
        worst.add(heard, data[f"dec_audio_{rule}"])
        if "audio_len" in data:
            worst.add(len(decoded), int(data["audio_len"]))
        for key, part in ((f"dec_first64_{rule}", decoded[:64]), (f"dec_last64_{rule}", decoded[-64:])):
            if key in data:
                worst.add(part, data[key].reshape(-1))
        if f"dec_audio_stats_{rule}" in data:
            add_stats(worst, decoded, data[f"dec_audio_stats_{rule}"], heard)
        yield worst.row()
        worst = Worst("there and back", rule)
        chosen = codes[0, 0].clone()
        chosen[::code_stride] = theirs  # where the reference was not sure, go back from its own codes
        back = model.decode(model.lookup(chosen[None, None]))[0]
        heard = back[:: int(step["roundtrip_stride"])]
        worst.add(heard, data[f"roundtrip_audio_{rule}"])
        if f"roundtrip_stats_{rule}" in data:
            add_stats(worst, back, data[f"roundtrip_stats_{rule}"], heard)
        yield worst.row()


def mel(data: Any) -> Iterator[Row]:
    """Name: ``audio2mel.npz``."""
    from dance2music.codec.mel import mel_filters, published_log_mel

    audio = 0.1 * normal(0, 1, 1, 44100)[:, 0]
    worst = Worst("log10 mel and filters", "-")
    worst.add(published_log_mel(audio), data["mel44100"])
    filters = mel_filters(22050, 1024, 128)
    if "mel_basis_rowsum" in data:
        worst.add(filters.sum(dim=1), data["mel_basis_rowsum"])
    if "mel_basis_stats" in data:
        add_stats(worst, filters, data["mel_basis_stats"])
    for n in (44032, 44096):
        y = published_log_mel(audio[:, :n])
        if f"mel{n}_shape" in data:
            worst.add(y.shape, data[f"mel{n}_shape"])
        if f"mel{n}_stats" in data:
            add_stats(worst, y, data[f"mel{n}_stats"])
    yield worst.row()


def losses_and_training(data: Any) -> Iterator[Row]:
    """Name: ``losses_and_training.json``."""
    for section, check in (
        ("audio2mel", _mel_shapes),
        ("losses_fixed", _losses_fixed),
        ("train_step_high", _train_step),
        ("bottleneck_ema", _codebook_step),
        ("vqvae_forward_loss", _vqvae_loss),
    ):
        if section in data:
            yield from check(data[section])


def _mel_shapes(expected: Any) -> Iterator[Row]:
    from dance2music.codec.mel import published_log_mel

    worst = Worst("mel shapes", "-")
    for name, shape in expected.items():
        worst.add(published_log_mel(torch.zeros(1, int(name.removeprefix("shape")))).shape, shape)
    yield worst.row()


def _high_codec() -> nn.Module:
    from dance2music.codec.vqvae import VQVAE, VQVAEConfig

    return filled(VQVAE(VQVAEConfig(levels=(2,), level=2)), "B")


def _losses_fixed(expected: Any) -> Iterator[Row]:
    from dance2music import losses
    from dance2music.models.discriminators import ReshapedDiscriminator
    from dance2music.train.gan import D2M_RELEASED

    fake, real = normal(0, 2, 64, 344) * 10, normal(1, 2, 64, 344) * 10
    judge: nn.Module = filled(ReshapedDiscriminator(), "B")
    codec: Any = _high_codec()
    of_fake, of_real = judge(fake), judge(real)
    entries = codec.lookup(codec.quantize(real).codes)
    # The released feature matching has a factor of 4 / (4 + 1), here part of its weight.
    matching = losses.feature_matching(of_real, of_fake) * 4 / 5
    adversarial, code = losses.generator_hinge(of_fake), losses.codebook_commitment(entries, fake)
    latent = losses.latent_distance(real, fake)
    released = D2M_RELEASED
    total = adversarial + released.feature_matching * 5 / 4 * matching + released.latent * latent + released.commitment * code
    ours = {
        "loss_D": losses.discriminator_hinge(of_real, of_fake),
        "loss_G_adv": adversarial,
        "loss_feat": matching,
        "xs_error": latent,
        "code_error": code,
        "total_without_audio": total,
        "n_feat_terms": sum(len(layers) - 1 for layers in of_fake),
    }
    yield _values("losses of fixed tensors", "B", ours, expected, LOSS)


def _train_step(expected: Any) -> Iterator[Row]:
    """One step of `train.gan.GanTrainer` with the released preset, from the same weights."""
    from dataclasses import replace

    from dance2music import losses
    from dance2music.codec.mel import published_log_mel
    from dance2music.models.d2m_tables import released
    from dance2music.models.discriminators import ReshapedDiscriminatorConfig
    from dance2music.train.gan import D2M_RELEASED, GanTrainer, GanTraining
    from dance2music.train.loop import start_fabric

    config = GanTraining(released("high", "aist"), ReshapedDiscriminatorConfig(), batch_size=2, weights=D2M_RELEASED,
                         straight_through=False)  # fmt: skip
    config = replace(config, loop=replace(config.loop, accelerator="cpu")) if hasattr(config.loop, "accelerator") else config
    codec: Any = _high_codec()
    trainer = GanTrainer(start_fabric(config.loop), config, codec)
    model: Any = trainer.networks.generator
    filled(model.motion, "B").train()
    filled(model.generator, "B").train()
    filled(trainer.networks.discriminator, "B").train()
    batch = {"audio": normal(2, 2, 44100) * 0.1, "visual": normal(3, 2, 1, 2048), "motion": normal(4, 2, 120, 219),
             "genre": torch.tensor([3, 7])}  # fmt: skip
    with torch.no_grad():
        before = model(batch["motion"], batch["visual"], batch["genre"])
        heard = codec.decode(codec.lookup(codec.quantize(before).codes))
    audio_error = losses.waveform(batch["audio"][:, : heard.shape[-1]], heard)
    mel_error = losses.mel(published_log_mel(batch["audio"]), published_log_mel(heard))
    with torch.enable_grad():
        terms = trainer.step(batch)
    with torch.no_grad():
        after = model(batch["motion"], batch["visual"], batch["genre"])
    values = expected["values"]
    parts = {"D": trainer.networks.discriminator, "motion": model.motion, "generator": model.generator}
    norms = {f"grad_norm_{name}": _norm(part) for name, part in parts.items()}
    ours = {
        "loss_D": terms["discriminator"],
        "loss_G_adv": terms["adversarial"],
        "loss_feat": terms["feature_matching"] * 4 / 5,
        "xs_error": terms["latent"],
        "code_error": terms["commitment"],
        "audio_error": audio_error,
        "mel_error": mel_error,
        # Both have no gradient in the released code, so that our step leaves them out.
        "total": terms["total"] + D2M_RELEASED.waveform * audio_error + D2M_RELEASED.mel * mel_error,
        **norms,
    }
    yield _values("training step: losses and gradient norms", "B", ours, values, STEP)
    worst = Worst("training step: gradients of single tensors", "B", STEP, 0.0)
    for part, key in ((model.motion, "first_motion_grad_norms"), (model.generator, "first_generator_grad_norms")):
        gradients = {name: p.grad for name, p in part.named_parameters()}
        for name, value in expected.get(key, {}).items():
            worst.add(float(gradients[name].double().norm()), value)
    yield worst.row()
    worst = Worst("training step: latents before", "B", STEP, 0.0)
    add_stats(worst, before, np.array(values["xs_pred_before_step"]))
    yield worst.row()
    reference = values["xs_pred_after_step"]
    yield Row("training step: deviation of latents after", "B", abs(float(after.std(correction=0)) / reference[1] - 1), LOOSE)


def _norm(module: nn.Module) -> float:
    return float(torch.stack([p.grad.double().norm() for p in module.parameters() if p.grad is not None]).norm())


def _codebook_step(expected: Any) -> Iterator[Row]:
    from dance2music.codec.quantizer import Codebook, CodebookConfig, rows_of
    from dance2music.codec.vqvae import quantize_single

    x = normal(5, 2, 4, 64)
    book = Codebook(CodebookConfig(size=8, dim=4, ema_decay=0.99, restart_threshold=1.0, reset_restarted=False))
    book.k.copy_(rows_of(x)[:8])
    book.restore_averages()
    old = book.k.clone()
    quantized = quantize_single(book.train(), x)
    codes = quantized.codes[:, 0]
    yield Row("codebook step: codes", "-", float((codes.numpy() != np.array(expected["codes"])).sum()), 0.0)
    worst = Worst("codebook step: averages, entries, commitment", "-", LOSS, 0.0)
    for ours, name in ((book.k, "k_after"), (book.k_sum, "k_sum"), (book.k_elem, "k_elem"), (quantized.commitment, "commit_loss")):
        worst.add(ours, expected[name])
    shares = torch.bincount(codes.flatten(), minlength=8) / codes.numel()
    derived = {
        "fit": (rows_of(x) - old[codes.flatten()]).square().sum(dim=1).mean(),
        "pn": (x - x.mean()).norm() / x.numel() ** 0.5,
        "entropy": -(shares * (shares + 1e-8).log()).sum(),
        "used_curr": (shares > 0).sum(),
        "usage": (book.k_elem >= 1.0).sum(),
        "dk": (book.k - old).norm() / old.numel() ** 0.5,
    }
    for name, value in derived.items():
        if name in expected:
            worst.add(value, expected[name])
    yield worst.row()


def _vqvae_loss(expected: Any) -> Iterator[Row]:
    from dance2music.codec.vqvae import VQVAE, Bandwidth, VQVAEConfig

    audio = normal(6, 2, 8192, 1)[..., 0] * 0.1
    bandwidth = Bandwidth(l2=0.02, spectral=10.0)
    loss = filled(VQVAE(), "B").losses(audio, bandwidth)
    ours: dict[str, Any] = {
        "recons_loss": loss.reconstruction,
        "multispectral_loss": loss.multispectral,
        "commit_loss": loss.commitment,
    }
    for level in range(3):
        own = filled(VQVAE(VQVAEConfig(levels=(level,), level=level)), "B").losses(audio, bandwidth)
        ours |= {f"recons_loss_l{level + 1}": own.reconstruction, f"multispectral_loss_l{level + 1}": own.multispectral}
    yield _values("VQ-VAE's losses", "B", {"loss": loss.total, **ours}, {"loss": expected["loss"], **expected["metrics"]}, LOSS)
    worst = Worst("VQ-VAE's reconstruction", "B", STEP, 0.0)
    add_stats(worst, loss.audio, np.array(expected["x_out_stats"]))
    yield worst.row()


def _values(what: str, rule: str, ours: dict[str, Any], expected: dict[str, Any], tolerance: float) -> Row:
    """One row of scalars by name."""
    worst = Worst(what, rule, tolerance, 0.0)
    for name, value in ours.items():
        if name in expected:
            worst.add(float(value), float(expected[name]))
    return worst.row()


def beat_alignment(data: Any) -> Iterator[Row]:
    """Name: ``beat_alignment.json``."""
    from scipy.ndimage import gaussian_filter, gaussian_filter1d
    from scipy.signal import argrelextrema

    from dance2music.dance.kinematics import kinematic_beats_aist, kinetic_velocity_aist
    from dance2music.metrics import rhythm

    for case, expected in data.items():
        frames = int(case[1:])
        steps = np.random.RandomState(0).standard_normal((frames, 24, 3)).astype(np.float32).astype(np.float64)
        joints = np.cumsum(gaussian_filter1d(steps, sigma=6, axis=0), axis=0).astype(np.float32)
        music = np.array(expected["music_beats"])
        beats = kinematic_beats_aist(joints)
        # Bailando's detector: smoothed mean speed, every minimum; its mean is over the music's beats.
        smooth = gaussian_filter(np.linalg.norm(np.diff(joints, axis=0), axis=2).mean(axis=1), 5)
        theirs = argrelextrema(smooth, np.less)[0]
        lists = (("music_beats", np.arange(10, frames, 30)), ("mint_motion_beats", beats), ("bailando_motion_beats", theirs))
        wrong = sum(list(ours) != expected[name] for name, ours in lists if name in expected)
        yield Row(f"{case}: frames of beats", "-", float(wrong), 0.0)
        worst = Worst(f"{case}: scores", "-", 1e-6, 0.0)
        worst.add(rhythm.beat_alignment_aist(joints, music), expected["mint_score_sigma3frames"])
        worst.add(kinetic_velocity_aist(joints)[:8], expected["mint_envelope_first8"])
        worst.add(rhythm.beat_alignment(music, beats, sigma_seconds=3.0), expected["mint_dir_reversed_music_to_motion"])
        worst.add(rhythm.beat_alignment(beats / 60, music / 60, sigma_seconds=3.0), expected["same_beats_sigma3_in_seconds"])
        worst.add(rhythm.beat_alignment(music, theirs, sigma_seconds=3.0), expected["bailando_score"])
        yield worst.row()


def beats_scores(data: Any, folder: Path) -> Iterator[Row]:
    """Name: ``beats_scores_official.json``; with the sound files where they are at hand, else from its lists of onsets."""
    from dance2music.metrics.published import beats_coverage, beats_hit, published_onsets, second_bins

    coverage, hit, wrong, heard_wrong, heard = [], [], 0, 0, 0
    for pair in data["pairs"]:
        bins = {}
        for side in ("ref", "syn"):
            clip = pair[side]
            found = np.array(clip["onset_times"])
            sound = _sound(clip["file"], folder)
            if sound is not None:
                from dance2music.music.audio import load_audio

                heard += 1
                found = published_onsets(load_audio(sound))
                heard_wrong += len(found) != clip["n_onsets"] or not np.allclose(found, clip["onset_times"], atol=1e-5)
            bins[side] = second_bins(found, clip["len_loaded"] / 22050)
            wrong += bins[side].astype(int).tolist() != clip["beats"]
        coverage.append(beats_coverage(bins["ref"], bins["syn"]))
        hit.append(beats_hit(bins["ref"], bins["syn"]))
    if heard:
        yield Row(f"onsets of {heard} sound files", "-", float(heard_wrong), 0.0)
    yield Row("seconds with an onset", "-", float(wrong), 0.0)
    worst = Worst("coverage and hit", "-", 1e-9, 0.0)
    worst.add(coverage, [pair["cover"] for pair in data["pairs"]])
    worst.add(hit, [pair["hit"] for pair in data["pairs"]])
    worst.add([np.mean(coverage), np.mean(hit)], [data["mean_cover"], data["mean_hit"]])
    yield worst.row()


def _sound(name: str, folder: Path) -> Path | None:
    """A sound file of the published tool, beside the oracles or in the shared data."""
    side = {"ref_samples": "reference", "syn_samples": "generated"}.get(Path(name).parent.name, Path(name).parent.name)
    shared = os.environ.get("DANCE2MUSIC_SHARED")
    roots = [folder, folder.parents[1] / "data" if len(folder.parents) > 1 else folder, *([Path(shared) / "data"] if shared else [])]
    candidates = [root / part for root in roots for part in (name, f"beats_scores/{side}/{Path(name).name}", f"beats_scores/{name}")]
    return next((path for path in candidates if path.is_file()), None)


def manifest(data: Any, name: str) -> Iterator[Row]:
    """Names: ``*.manifest.json``: names and shapes of a state dict, in any order, and the number of parameters."""
    with torch.device("meta"):
        model = MANIFESTS[name]()
    ours = {key: list(value.shape) for key, value in model.state_dict().items()}
    theirs = {entry["name"]: entry["shape"] for entry in data["entries"]}
    added = {"lin.weight", "lin.bias"} if name == "vq_generator_low_tiktok" else set()  # what the published file lacks
    wrong = sum(theirs.get(key) != shape for key, shape in ours.items() if key not in added) + len(theirs.keys() - ours.keys())
    yield Row(f"names and shapes of {len(theirs)} tensors", "-", float(wrong), 0.0)
    if "n_parameters" in data:
        count = sum(p.numel() for key, p in model.named_parameters() if key not in added)
        yield Row(f"{data['n_parameters']:,} parameters", "-", float(abs(count - data["n_parameters"])), 0.0)


def _released(level: str, dataset: str, part: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        from dance2music.models.d2m_gan import VQGenerator
        from dance2music.models.d2m_tables import released
        from dance2music.models.encoders import MotionEncoder

        config = released(level, dataset)
        return MotionEncoder(config.motion) if part == "motion" else VQGenerator(config.generator)

    return make


def _discriminator() -> nn.Module:
    from dance2music.models.discriminators import ReshapedDiscriminator

    return ReshapedDiscriminator()


def _vqvae() -> nn.Module:
    from dance2music.codec.vqvae import VQVAE

    return VQVAE()


_LEVELS_AND_DATA = [(level, dataset) for level in ("high", "low") for dataset in ("aist", "tiktok")]

MANIFESTS: dict[str, Callable[[], nn.Module]] = {
    **{f"motion_encoder_{dataset}": _released("high", dataset, "motion") for dataset in ("aist", "tiktok")},
    **{f"vq_generator_{level}_{dataset}": _released(level, dataset, "generator") for level, dataset in _LEVELS_AND_DATA},
    "discriminator_aist": _discriminator,
    "jukebox_vqvae_3level": _vqvae,
}

CHECKS: dict[str, Callable[[Any, Path], Iterator[Row]]] = {
    **{f"motion_encoder_{d}.npz": lambda data, _, d=d: motion_encoder(data, d) for d in ("aist", "tiktok")},  # type: ignore[misc]
    **{f"vq_generator_{v}_{d}.npz": lambda data, _, v=v, d=d: generator(data, v, d) for v, d in _LEVELS_AND_DATA},  # type: ignore[misc]
    "discriminator_aist_high.npz": lambda data, _: discriminator(data, 22016),
    "discriminator_aist_low.npz": lambda data, _: discriminator(data, 88192),
    "jukebox_level2_hop128.npz": lambda data, _: jukebox(data, 2),
    "jukebox_level1_hop32.npz": lambda data, _: jukebox(data, 1),
    "jukebox_level0_hop8.npz": lambda data, _: jukebox(data, 0),
    "audio2mel.npz": lambda data, _: mel(data),
    "losses_and_training.json": lambda data, _: losses_and_training(data),
    "beat_alignment.json": lambda data, _: beat_alignment(data),
    "beats_scores_official.json": beats_scores,
    **{f"{name}.manifest.json": lambda data, _, name=name: manifest(data, name) for name in MANIFESTS},  # type: ignore[misc]
}
"""File name -> its comparisons, given the file's content and its folder."""


def read(path: Path) -> Any:
    """Arrays of an npz by name, content of a json."""
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def run(folder: Path, *, only: str = "") -> tuple[list[tuple[str, Row]], list[str]]:
    """All rows of the oracles in a folder, printed as they come, and the names of those that are not there."""
    rows, missing = [], []
    print(f"{'oracle':38} {'what':46} {'rule':4} {'largest relative difference':>27} {'tolerance':>10}  result")
    for name, check in CHECKS.items():
        path = folder / name
        if only not in name:
            continue
        if not path.is_file():
            missing.append(name)
            continue
        found = []
        with torch.no_grad():
            try:
                for row in check(read(path), folder):
                    found.append(row)
                    _print(name, row)
            except Exception as error:  # one oracle that cannot be run must not hide the others
                found.append(Row(f"stopped: {type(error).__name__}: {error}", "-", float("inf"), 0.0))
                _print(name, found[-1])
        if not found:
            found.append(Row("holds nothing to compare", "-", float("inf"), 0.0))
            _print(name, found[-1])
        rows += [(name, row) for row in found]
    return rows, missing


def _print(name: str, row: Row) -> None:
    result = "pass" if row.passed else "FAIL"
    print(f"{name:38} {row.what:46} {row.rule:4} {row.difference:27.2e} {row.tolerance:10.1e}  {result}", flush=True)


def main() -> int:
    """Entry point; the number of failures decides the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of oracles")
    parser.add_argument("--only", default="", help="part of a file name: run these only")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder}: no such folder; expected one with *.npz and *.json")
    warnings.filterwarnings("ignore", message="The value of the smallest subnormal")  # training flushes denormal numbers
    rows, missing = run(arguments.folder.resolve(), only=arguments.only)
    unknown = sorted(p.name for p in arguments.folder.iterdir() if p.suffix in (".npz", ".json") and p.name not in CHECKS)
    if missing:
        print(f"not there: {', '.join(missing)}")
    if unknown:
        print(f"no comparison for: {', '.join(unknown)}")
    failed = sum(not row.passed for _, row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    raise SystemExit(main())
