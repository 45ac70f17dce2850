"""The genre classifier of sound: shapes, invariance to loudness, saved and loaded by kind."""

from __future__ import annotations

from pathlib import Path

import torch

from dance2music.checkpoint import load_model, save_model
from dance2music.perception.genre import MusicGenreClassifier, MusicGenreConfig
from dance2music.types import GENRES

SMALL_MUSIC = MusicGenreConfig(channels=16, n_mels=24, dilations=(1, 2))


def test_the_music_classifier_does_not_mind_loudness() -> None:
    torch.manual_seed(0)
    model, audio = MusicGenreClassifier(SMALL_MUSIC).eval(), torch.randn(2, 1, 8000) * 0.2
    with torch.no_grad():
        logits = model(audio)
        assert logits.shape == (2, len(GENRES)) and model.embed(audio).shape == (2, 32)
        torch.testing.assert_close(model(3 * audio), logits, atol=1e-3, rtol=1e-3)
        assert torch.isfinite(model(torch.zeros(1, 1, 8000))).all()


def test_the_music_classifier_hears_stereo_as_its_mono_mix() -> None:
    torch.manual_seed(0)
    model, stereo = MusicGenreClassifier(SMALL_MUSIC).eval(), torch.randn(2, 2, 8000)
    with torch.no_grad():
        torch.testing.assert_close(model(stereo), model(stereo.mean(dim=1, keepdim=True)))


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    model = MusicGenreClassifier(SMALL_MUSIC)
    torch.nn.functional.cross_entropy(model(torch.randn(2, 1, 8000)), torch.tensor([1, 2])).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_it_comes_back_from_a_model_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MusicGenreClassifier(SMALL_MUSIC).eval()
    save_model(tmp_path / "music.safetensors", model, SMALL_MUSIC, storage="float32")
    loaded, x = load_model(tmp_path / "music.safetensors", expected="music-genre"), torch.randn(1, 1, 8000)
    with torch.no_grad():
        torch.testing.assert_close(loaded(x), model(x))
