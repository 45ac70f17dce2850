"""D2M-GAN: every preset's size, names of the published files, two seconds and any length, music from a dance."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from dance2music.config import from_json, to_json
from dance2music.errors import InputError
from dance2music.methods.base import CodecGenerator
from dance2music.papers import sizes as presets
from dance2music.papers.d2m_gan import D2MGan, D2MGanConfig, blend, motion_rows
from dance2music.papers.d2m_gan_any_length import TemporalD2MGan, TemporalD2MGanConfig
from dance2music.papers.discriminators import ReshapedDiscriminator, ReshapedDiscriminatorConfig
from dance2music.types import Conditioning, Rhythm
from oracles import filled, manifest, normal, oracle
from small_gan import CONFIG, DIM, FEATURES, FRAMES, N_FRAMES, VISUAL, codec, generator

SMALL = TemporalD2MGanConfig(motion=5, visual=3, latent_dim=8, channels=32, visual_channels=8, genre_dim=4, kernel_size=5, sigma=3.0)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def built(name: str) -> D2MGan:
    config = presets.D2M_GANS[name]
    assert isinstance(config, D2MGanConfig)
    with torch.device("meta"):
        return D2MGan(config)


@pytest.mark.parametrize(
    ("name", "motion", "generator", "frames"),
    [
        ("d2m-gan-high-aist-released", 31_361_665, 22_310_378, 344),
        ("d2m-gan-low-aist-released", 31_361_665, 108_694_092, 1378),
        ("d2m-gan-high-tiktok-released", 31_154_305, 21_780_970, 344),
        # as published 101,873,740; ours has the missing layer lin too
        ("d2m-gan-low-tiktok-released", 31_154_305, 101_873_740 + 3072 * 2048 + 2048, 1378),
        # by hand from the appendix's tables, see `papers.d2m_tables`
        ("d2m-gan-high-aist-paper", 26_246_401, 20_031_082, 344),
        ("d2m-gan-low-aist-paper", 26_246_401, 103_824_276, 1378),
        ("d2m-gan-high-tiktok-paper", 25_963_777, 20_031_082, 344),
        ("d2m-gan-low-tiktok-paper", 25_963_777, 103_824_276, 1378),
    ],
)
def test_every_preset_has_its_size_and_makes_its_number_of_latents(name: str, motion: int, generator: int, frames: int) -> None:
    model = built(name)
    own = model.config.motion
    assert (count(model.motion), count(model.generator)) == (motion, generator)
    with torch.device("meta"):
        z = model(torch.zeros(2, own.frames, own.features), torch.zeros(2, 2048), torch.zeros(2, dtype=torch.long), n_frames=frames)
    assert z.shape == (2, 64, frames)


def test_discriminators_have_their_sizes() -> None:
    with torch.device("meta"):
        reshaped = {name: config for name, config in presets.DISCRIMINATORS.items() if isinstance(config, ReshapedDiscriminatorConfig)}
        sizes = {name: count(ReshapedDiscriminator(config)) for name, config in reshaped.items()}
    assert sizes["d2m-gan-released"] == 9_212_358
    assert sizes["d2m-gan-paper"] == 16_924_086


def test_presets_survive_json() -> None:
    for config in (*presets.D2M_GANS.values(), *presets.DISCRIMINATORS.values()):
        assert from_json(type(config), to_json(config)) == config


@pytest.mark.parametrize("data", ["aist", "tiktok"])
def test_names_and_shapes_are_those_of_the_published_files(data: str) -> None:
    high, low = built(f"d2m-gan-high-{data}-released"), built(f"d2m-gan-low-{data}-released")
    for model, name in ((high.motion, "motion_encoder"), (high.generator, "vq_generator_high"), (low.generator, "vq_generator_low")):
        own = {key: list(value.shape) for key, value in model.state_dict().items()}
        if name == "vq_generator_low" and data == "tiktok":
            assert own.pop("lin.weight") == [2048, 3072] and own.pop("lin.bias") == [2048]  # what the published one lacks
        assert own == manifest(f"{name}_{data}")


def test_the_high_level_computes_what_the_published_one_does() -> None:
    reference, rule = oracle("vq_generator_high_aist.npz"), "B"
    model = filled(D2MGan(presets.D2M_GANS["d2m-gan-high-aist-released"]).generator, rule)  # type: ignore[arg-type]
    with torch.no_grad():
        z = model(normal(0, 1, 1, 3072), torch.tensor([3]))
    assert np.abs(z.numpy() - reference[f"out_{rule}"]).max() <= 1e-4 * np.abs(reference[f"out_{rule}"]).max() + 1e-5


def test_latents_are_within_sigma_and_hang_on_motion_pictures_and_genre() -> None:
    model = generator().eval()
    motion, visual, genre = torch.randn(1, FRAMES, FEATURES), torch.randn(1, 1, VISUAL), torch.tensor([3])
    with torch.no_grad():
        z = model(motion, visual, genre)
        assert z.shape == (1, DIM, N_FRAMES) and float(z.abs().max()) <= CONFIG.generator.sigma
        assert torch.equal(z, model(motion, visual[:, 0], genre))
        for other in ((motion + 1, visual, genre), (motion, visual + 1, genre), (motion, visual, genre + 1)):
            assert not torch.allclose(z, model(*other))


def test_another_number_of_frames_is_refused_with_what_fits() -> None:
    model, visual, genre = generator(), torch.zeros(1, VISUAL), torch.tensor([0])
    with pytest.raises(InputError, match=r"60 x 75"):
        model(torch.zeros(1, FRAMES + 1, FEATURES), visual, genre)
    with pytest.raises(InputError, match="visual"):
        model(torch.zeros(1, FRAMES, FEATURES), visual[:, 1:], genre)
    with pytest.raises(InputError, match="two seconds"):
        model(torch.zeros(1, FRAMES, FEATURES), visual, genre, n_frames=N_FRAMES + 1)


def dance(seconds: float, *, visual: torch.Tensor | None = None) -> Conditioning:
    from dance2music.dance.kinematics import MOTION_FEATURES
    from dance2music.synthetic.drawing import example_dance

    n = round(seconds * 30)
    return Conditioning(
        motion=torch.zeros(n, MOTION_FEATURES), visual=torch.zeros(n, 5) if visual is None else visual,
        rhythm=Rhythm(np.arange(0.0, seconds + 1, 0.5), 0, 120.0, 1.0, np.zeros(0)), genre=2, fps=30.0, duration_seconds=seconds,
        dance=example_dance(seconds)[0],
    )  # fmt: skip


def test_music_of_any_length_comes_from_windows_that_are_looked_up(caplog: pytest.LogCaptureFixture) -> None:
    model, vqvae = CodecGenerator(generator().eval(), codec()), codec()
    with caplog.at_level(logging.WARNING):
        first, second = model.generate(dance(5.3), [0, 1])
    assert "no I3D features" in caplog.text
    assert first.codes is not None and torch.equal(first.z, vqvae.lookup(first.codes[None])[0])
    assert first.z.shape == (DIM, -(-round(5.3 * 22050) // 256))
    assert torch.equal(first.z, second.z)
    assert len(first.codes.unique()) > 1


def test_visual_vectors_that_are_given_are_used(caplog: pytest.LogCaptureFixture) -> None:
    model = CodecGenerator(generator().eval(), codec())
    torch.manual_seed(0)
    with caplog.at_level(logging.WARNING):
        seen = model.generate(dance(4.0, visual=3 * torch.randn(2, VISUAL)), [0])[0]
    assert "no I3D" not in caplog.text
    assert not torch.equal(seen.z, model.generate(dance(4.0), [0])[0].z)


def test_windows_blend_to_one_everywhere_and_keep_what_they_agree_on() -> None:
    assert torch.allclose(blend(torch.ones(3, 2, 16), 4), torch.ones(2, 40))
    ramp = torch.arange(40.0)[None]
    windows = torch.stack([ramp[:, i * 12 : i * 12 + 16] for i in range(3)])
    torch.testing.assert_close(blend(windows, 4), ramp)


def test_any_dance_becomes_the_motion_that_an_encoder_takes() -> None:
    conditioning = dance(2.5)
    assert conditioning.dance is not None
    keypoints = motion_rows(conditioning.dance, CONFIG.motion)
    smpl = motion_rows(conditioning.dance, replace(CONFIG.motion, frames=120, features=219))
    assert keypoints.shape == (75, 75) and smpl.shape == (150, 219)
    assert np.isfinite(smpl).all() and keypoints.dtype == smpl.dtype == np.float32
    with pytest.raises(InputError, match="219 or 75"):
        motion_rows(conditioning.dance, replace(CONFIG.motion, features=7))


@pytest.mark.parametrize(("frames", "latents"), [(60, 173), (60, 344), (3, 5), (300, 861), (1, 1)])
def test_the_temporal_form_takes_any_length(frames: int, latents: int) -> None:
    torch.manual_seed(0)
    model = TemporalD2MGan(SMALL).eval()
    with torch.no_grad():
        z = model(torch.randn(2, frames, 5), torch.randn(2, frames, 3), torch.tensor([0, 9]), n_frames=latents)
    assert z.shape == (2, 8, latents) and float(z.abs().max()) <= SMALL.sigma


def test_in_the_temporal_form_music_follows_the_motion_of_its_own_time() -> None:
    torch.manual_seed(0)
    model = TemporalD2MGan(replace(SMALL, dilations=(1, 3))).eval()
    motion, visual, genre = torch.randn(1, 300, 5), torch.randn(1, 3), torch.tensor([1])
    changed = motion.clone()
    changed[:, 150] += 3.0
    with torch.no_grad():
        moved = (model(motion, visual, genre, n_frames=860) - model(changed, visual, genre, n_frames=860)).abs().sum(dim=(0, 1))
    where = moved.nonzero()[:, 0] / 860
    assert 0.4 < float(where.min()) < 0.5 < float(where.max()) < 0.6
    assert int(moved.argmax()) / 860 == pytest.approx(0.5, abs=0.02)


def test_the_temporal_form_makes_music_with_any_codec() -> None:
    torch.manual_seed(0)
    config = replace(SMALL, motion=80, visual=5)
    model = CodecGenerator(TemporalD2MGan(config).eval(), codec())
    (latents,) = model.generate(dance(3.0), [0])
    assert latents.codes is not None and torch.equal(latents.z, codec().lookup(latents.codes[None])[0])
    assert latents.z.shape == (8, -(-round(3.0 * 22050) // 256))
