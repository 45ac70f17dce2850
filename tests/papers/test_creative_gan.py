from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import tiny as tiny_models
from dance2music.checkpoint import load_model, save_model
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.errors import InputError
from dance2music.methods.base import CodecGenerator
from dance2music.nn.conv_stack import MotionEncoderConfig, Row, StackConfig
from dance2music.papers.creative_gan import (
    FRAMES_AND_FEATURES,
    MusicVectorGenerator,
    MusicVectorGeneratorConfig,
    TemporalMusicVectorGenerator,
    TemporalMusicVectorGeneratorConfig,
)
from dance2music.papers.d2m_gan import VQGeneratorConfig
from dance2music.papers.d2m_gan_any_length import TemporalD2MGanConfig
from dance2music.papers.sizes import CREATIVE_GANS, DISCRIMINATORS

TINY = MusicVectorGeneratorConfig(
    MotionEncoderConfig(StackConfig((Row(4, 3), Row(1, 3, stack=False)), dilations=(1,)), 20, 6, over_time=True, out=8),
    VQGeneratorConfig(StackConfig((Row(4, 4, 2), Row(8, 3, stack=False)), dilations=(1,)), fused=8 + 5 + 3, genre_dim=2, sequence=64),
    visual=5,
    noise_dim=3,
)


def inputs(batch: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(batch, 20, 6), torch.randn(batch, 5), torch.arange(batch)


def tiny() -> MusicVectorGenerator:
    torch.manual_seed(0)
    return MusicVectorGenerator(TINY).eval()


@pytest.mark.parametrize(
    ("preset", "shape", "count"),
    [
        ("creative-gan-high-paper", (1, 64, 344), 46_277_483),
        ("creative-gan-low-paper", (1, 64, 1378), 130_070_677),
        ("creative-gan-high-holistic", (1, 64, 344), 47_054_955),
        ("creative-gan-low-holistic", (1, 64, 1378), 131_355_797),
    ],
)
def test_the_papers_sizes_give_music_vectors_of_64_by_344_and_64_by_1378(preset: str, shape: tuple[int, ...], count: int) -> None:
    config = CREATIVE_GANS[preset]
    assert isinstance(config, MusicVectorGeneratorConfig)
    with torch.device("meta"):  # shapes without the work
        model = MusicVectorGenerator(config)
        z = model(torch.empty(1, config.motion.frames, config.motion.features), torch.empty(1, 2048), torch.zeros(1, dtype=torch.long))
    assert z.shape == shape
    assert sum(p.numel() for p in model.parameters()) == count


def test_as_printed_there_is_neither_noise_nor_genre() -> None:
    for name in ("creative-gan-high-paper", "creative-gan-low-paper"):
        config = CREATIVE_GANS[name]
        assert isinstance(config, MusicVectorGeneratorConfig)
        assert config.noise_dim == config.generator.genre_dim == 0
    assert "creative-gan" in DISCRIMINATORS


def test_motion_pictures_genre_and_noise_each_change_the_music_and_sigma_bounds_it() -> None:
    model = tiny()
    motion, visual, genre = inputs()
    noise = torch.randn(2, 3)
    with torch.no_grad():
        z = model(motion, visual, genre, noise=noise)
        assert z.shape == (2, 8, TINY.generator.n_frames) and float(z.abs().max()) <= 100.0
        for other in (
            model(motion.flip(1), visual, genre, noise=noise),
            model(motion, -visual, genre, noise=noise),
            model(motion, visual, genre.flip(0), noise=noise),
            model(motion, visual, genre, noise=-noise),
        ):
            assert not torch.allclose(z, other)


def test_noise_is_drawn_while_training_and_zero_otherwise() -> None:
    model = tiny()
    with torch.no_grad():
        assert torch.equal(model(*inputs()), model(*inputs(), noise=torch.zeros(2, 3)))
        model.train()
        assert not torch.equal(model(*inputs()), model(*inputs()[:2], inputs()[2], noise=torch.zeros(2, 3)))


def test_what_does_not_fit_is_refused_with_both_sizes() -> None:
    motion, visual, genre = inputs()
    with pytest.raises(InputError, match="takes 20 x 6"):
        tiny()(motion[:, :10], visual, genre)
    with pytest.raises(InputError, match="takes one vector of 5"):
        tiny()(motion, visual[:, :4], genre)
    with pytest.raises(InputError, match="500 asked; this Creative-GAN makes"):
        tiny()(motion, visual, genre, n_frames=500)
    with pytest.raises(InputError, match=r"noise: shape \[2, 4\]; expected \[2, 3\]"):
        tiny()(motion, visual, genre, noise=torch.zeros(2, 4))


@pytest.mark.parametrize("n_frames", [33, 200])
def test_the_temporal_form_makes_any_length_and_takes_noise(n_frames: int) -> None:
    torch.manual_seed(0)
    network = TemporalD2MGanConfig(motion=6, visual=5, latent_dim=8, channels=32, visual_channels=8, genre_dim=4, kernel_size=5)
    model = TemporalMusicVectorGenerator(TemporalMusicVectorGeneratorConfig(network, noise_dim=3)).eval()
    motion, visual, genre = inputs()
    with torch.no_grad():
        z = model(motion, visual, genre, n_frames=n_frames)
        assert z.shape == (2, 8, n_frames)
        assert torch.equal(z, model(motion, visual[:, None].expand(-1, 20, -1), genre, n_frames=n_frames))
        assert not torch.allclose(z, model(motion, visual, genre, n_frames=n_frames, noise=torch.ones(2, 3)))


def test_generators_are_saved_and_loaded_as_model_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = tiny()
    save_model(tmp_path / "g.safetensors", model, model.config, storage="float32")
    loaded = load_model(tmp_path / "g.safetensors", expected="music-vector")
    with torch.no_grad():
        assert torch.equal(loaded(*inputs()), model(*inputs()))
    temporal = TemporalMusicVectorGeneratorConfig(TemporalD2MGanConfig(motion=6, visual=5, latent_dim=8, channels=32, visual_channels=8))
    save_model(tmp_path / "t.safetensors", TemporalMusicVectorGenerator(temporal), temporal)
    again = load_model(tmp_path / "t.safetensors", expected="music-vector-temporal")
    assert isinstance(again, TemporalMusicVectorGenerator) and again.config == replace(temporal)


def vqvae() -> VQVAE:
    torch.manual_seed(0)
    model = VQVAE(VQVAEConfig(levels=(2,), level=2, width=4, depth=1, dim=8, codebook_size=64))
    model.bottleneck.level_blocks["2"].k.normal_().mul_(20.0)
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("data", ["aist", "holistic"])
@pytest.mark.parametrize("noise_dim", [0, 4])
def test_a_dance_of_any_length_is_given_music_in_windows_and_takes_differ_by_noise_alone(data: str, noise_dim: int) -> None:
    frames, features = FRAMES_AND_FEATURES[data]
    motion = MotionEncoderConfig(StackConfig((Row(4, 3), Row(1, 3, stack=False)), dilations=(1,)), frames, features, over_time=True, out=8)
    stack = StackConfig((Row(8, 3, zeros=1, stack=False),), dilations=(1,))
    generator = VQGeneratorConfig(stack, fused=8 + 5 + noise_dim, genre_dim=0, sequence=344)
    torch.manual_seed(0)
    model = MusicVectorGenerator(MusicVectorGeneratorConfig(motion, generator, visual=5, noise_dim=noise_dim)).eval()
    with torch.no_grad():
        model.generator.lin.weight.mul_(30.0)
    given = tiny_models.conditioning(5.0)
    first, again, other = CodecGenerator(model, vqvae()).generate(given, [3, 3, 4])
    assert first.codes is not None and first.codes.shape == (1, -(-5 * 22_050 // 128))
    assert first.codes.unique().numel() >= 2
    assert torch.equal(first.z, again.z)
    assert torch.equal(first.z, other.z) == (noise_dim == 0)


@pytest.mark.parametrize(("visual", "told"), [(5, False), (7, True)])
def test_it_says_that_it_sees_no_pictures_where_their_vectors_are_missing(
    visual: int, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    frames, features = FRAMES_AND_FEATURES["aist"]
    motion = MotionEncoderConfig(StackConfig((Row(1, 3, stack=False),), dilations=(1,)), frames, features, over_time=True, out=8)
    generator = VQGeneratorConfig(StackConfig((Row(8, 3, zeros=1, stack=False),)), fused=8 + visual, genre_dim=0, sequence=344)
    model = MusicVectorGenerator(MusicVectorGeneratorConfig(motion, generator, visual=visual)).eval()
    CodecGenerator(model, vqvae()).generate(tiny_models.conditioning(2.0), [0])  # whose pictures are 5 numbers
    assert ("no TSN features (7 numbers)" in caplog.text) is told


def test_the_temporal_form_gives_one_dance_several_takes() -> None:
    torch.manual_seed(0)
    network = TemporalD2MGanConfig(latent_dim=tiny_models.LATENT_DIM, channels=32, visual_channels=8, kernel_size=5, sigma=5.0)
    model = TemporalMusicVectorGenerator(TemporalMusicVectorGeneratorConfig(network, noise_dim=4)).eval()
    with torch.no_grad():
        model.network.visual.conv.weight.mul_(300.0)  # untrained, it would hardly hear its noise
        model.network.out.weight.mul_(10.0)
    given = tiny_models.conditioning()
    takes = CodecGenerator(model, tiny_models.codec()).generate(given, [1, 2, 1])
    assert takes[0].z.shape == (tiny_models.LATENT_DIM, -(-6 * 22_050 // tiny_models.codec().hop_length))
    assert torch.equal(takes[0].z, takes[2].z) and not torch.equal(takes[0].z, takes[1].z)
