"""Oracles of losses, of one whole training step of the released preset, of the codebook's step, and of the scores of rhythm."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from parity_rows import LOOSE, LOSS, STEP, Row, Worst, add_stats
from parity_weights import filled, normal
from torch import nn
from torch.utils.data import TensorDataset


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
    from dance2music.music.mel import published_log_mel

    worst = Worst("mel shapes", "-")
    for name, shape in expected.items():
        worst.add(published_log_mel(torch.zeros(1, 1, int(name.removeprefix("shape"))), 22050)[:, 0].shape, shape)
    yield worst.row()


def _high_codec() -> nn.Module:
    from dance2music.codec.vqvae import VQVAE
    from dance2music.codec.vqvae_config import VQVAEConfig

    return filled(VQVAE(VQVAEConfig(levels=(2,), level=2)), "B")


def _losses_fixed(expected: Any) -> Iterator[Row]:
    from dance2music import losses
    from dance2music.papers.discriminators import ReshapedDiscriminator
    from dance2music.papers.gan_step import D2M_RELEASED

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
    """One step of `papers.gan_step.GanTrainer` with the released preset, from the same weights."""
    from dataclasses import replace

    from dance2music import losses
    from dance2music.music.mel import published_log_mel
    from dance2music.papers.d2m_tables import released
    from dance2music.papers.discriminators import ReshapedDiscriminatorConfig
    from dance2music.papers.gan_step import D2M_RELEASED, GanTrainer, GanTraining
    from dance2music.train.start import start_fabric

    config = GanTraining(released("high", "aist"), ReshapedDiscriminatorConfig(), batch_size=2, weights=D2M_RELEASED,
                         straight_through=False)  # fmt: skip
    config = replace(config, loop=replace(config.loop, accelerator="cpu")) if hasattr(config.loop, "accelerator") else config
    codec: Any = _high_codec()
    trainer = GanTrainer(start_fabric(config.loop), config, codec)
    model: Any = trainer.networks.generator
    filled(model.motion, "B").train()
    filled(model.generator, "B").train()
    filled(trainer.networks.discriminator, "B").train()
    batch = {"audio": normal(2, 2, 1, 44100) * 0.1, "visual": normal(3, 2, 1, 2048), "motion": normal(4, 2, 120, 219),
             "genre": torch.tensor([3, 7])}  # fmt: skip
    with torch.no_grad():
        before = model(batch["motion"], batch["visual"], batch["genre"])
        heard = codec.decode(codec.lookup(codec.quantize(before).codes))
    audio_error = losses.waveform(batch["audio"][..., : heard.shape[-1]], heard)
    mel_error = losses.mel(published_log_mel(batch["audio"], codec.sample_rate), published_log_mel(heard, codec.sample_rate))
    with torch.enable_grad(), tempfile.TemporaryDirectory() as folder:
        terms = trainer.step(batch, trainer.loop(TensorDataset(), folder))
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
        "total": terms["generator_total"] + D2M_RELEASED.waveform * audio_error + D2M_RELEASED.mel * mel_error,
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
    from dance2music.codec.vqvae import VQVAE
    from dance2music.codec.vqvae_config import VQVAEConfig
    from dance2music.codec.vqvae_losses import Bandwidth

    audio = normal(6, 2, 8192, 1).transpose(1, 2) * 0.1
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
    from dance2music.metrics.paper_rhythm import beats_coverage, beats_hit, published_onsets, second_bins

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
