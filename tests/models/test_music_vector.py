from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dance2music.checkpoint import load_model, save_model
from dance2music.errors import InputError
from dance2music.models.d2m_gan import VQGeneratorConfig
from dance2music.models.encoders import MotionEncoderConfig, Row, StackConfig
from dance2music.models.music_vector import (
    MusicVectorGenerator,
    MusicVectorGeneratorConfig,
    TemporalMusicVectorGenerator,
    TemporalMusicVectorGeneratorConfig,
)
from dance2music.models.temporal_gan import TemporalD2MGanConfig
from dance2music.presets import CREATIVE_GANS, DISCRIMINATORS

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
