"""Training of the genre classifier of sound on a few composed pieces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from dance2music.composer.compose import compose_corpus_piece
from dance2music.perception.genre import MusicGenreClassifier
from dance2music.recipe.genre import (
    GenreTrainConfig,
    MusicClips,
    clip_music,
    disturb,
    disturb_mel,
    genre_of_piece,
    train_music_genre,
)
from dance2music.train.pieces import PieceStore
from dance2music.train.start import LoopConfig

LOOP = LoopConfig(steps=3, workers=0, warmup_steps=1, save_every_steps=2, log_every_steps=1, accelerator="cpu", learning_rate=1e-3)
CONFIG = GenreTrainConfig(loop=LOOP, batch_size=4, clip_seconds=1.0, pool_size=3, piece_seconds=2.0)


def noise(seed: int, seconds: float, sample_rate: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * sample_rate)).astype(np.float32)


def test_the_genre_of_a_piece_is_the_one_that_the_corpus_composes() -> None:
    for seed in (0, 7, 31, 59, 60, 145):
        assert compose_corpus_piece(seed, duration_seconds=2.0).genre == genre_of_piece(seed)


def test_clips_of_music_are_a_pure_function_of_the_step(tmp_path: Path) -> None:
    data = MusicClips(CONFIG, MusicGenreClassifier(), PieceStore(noise, tmp_path, CONFIG.piece_seconds, 22_050), tmp_path / "run")
    a, b, c = data[1], data[1], data[2]
    assert torch.equal(a["mel"], b["mel"]) and not torch.equal(a["mel"], c["mel"])
    assert a["mel"].shape == (4, 64, 43) and a["genre"].tolist() == b["genre"].tolist()


def test_the_music_of_a_clip_is_a_pure_function_of_its_index() -> None:
    a, b = clip_music(3, 1.5, 22_050), clip_music(3, 1.5, 22_050)
    assert a.shape == (33_075,) and np.abs(a).max() > 0 and np.array_equal(a, b)


def test_disturbing_mel_amplitudes_keeps_the_loudest_band() -> None:
    mel = np.full((64, 20), 0.01, np.float32)
    mel[30] = 10.0
    other = disturb_mel(mel, np.full(64, 0.05, np.float32), np.random.default_rng(0))
    assert other.shape == mel.shape and other.dtype == np.float32 and not np.allclose(other, mel)
    assert other.mean(axis=1).argmax() == 30


def test_disturbing_changes_the_sound_a_little_but_not_its_length() -> None:
    t = np.arange(22_050) / 22_050
    clip = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    other = disturb(clip, 22_050, np.random.default_rng(0))
    assert other.shape == clip.shape and other.dtype == np.float32 and not np.allclose(other, clip)
    assert np.argmax(np.abs(np.fft.rfft(other))) == 440


def test_the_classifier_trains_and_keeps_what_it_made(tmp_path: Path) -> None:
    music = train_music_genre(CONFIG, tmp_path / "music", tmp_path / "pieces")
    assert len(list((tmp_path / "pieces").glob("*.npy"))) <= CONFIG.pool_size and not music.training
    lines = [json.loads(line) for line in (tmp_path / "music" / "log.jsonl").read_text().splitlines()]
    assert {"loss", "accuracy"} <= lines[-1].keys() and len(lines) == 3
    stored = next((tmp_path / "music").glob("mels-*/*.npz")).stat().st_mtime_ns
    again = train_music_genre(CONFIG, tmp_path / "music", tmp_path / "pieces")
    assert next((tmp_path / "music").glob("mels-*/*.npz")).stat().st_mtime_ns == stored
    assert all(torch.equal(a, b) for a, b in zip(music.state_dict().values(), again.state_dict().values()))
