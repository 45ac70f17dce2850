"""Training of the two genre classifiers on composed music and drawn dances, made on the fly."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from dance2music.data.pairs import FEATURE_FPS
from dance2music.models.genre import DanceGenreClassifier, MusicGenreClassifier
from dance2music.train.loop import Loop, LoopConfig, start_fabric


@dataclass(frozen=True)
class GenreTrainConfig:
    """One run of a genre classifier."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=1500, learning_rate=1e-3, warmup_steps=100, workers=1, seed=3))
    batch_size: int = 24
    clip_seconds: float = 6.0
    clips_per_piece: int = 2


class MusicClips(Dataset[dict[str, Tensor]]):
    """Composed music through random soundfonts, with random equaliser and noise floor; item ``step`` is the batch of that step."""

    def __init__(self, config: GenreTrainConfig, sample_rate: int) -> None:
        self.config, self.sample_rate = config, sample_rate

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        from dance2music.music.compose import compose_corpus_piece
        from dance2music.music.synth import find_soundfonts, render

        rng = np.random.default_rng([self.config.loop.seed, step, 5])
        fonts = list(find_soundfonts().values())
        n = round(self.config.clip_seconds * self.sample_rate)
        clips, genres = [], []
        for _ in range(self.config.batch_size // self.config.clips_per_piece):
            score = compose_corpus_piece(int(rng.integers(10**8)))
            sound = render(score, sample_rate=self.sample_rate, soundfont=fonts[rng.integers(len(fonts))]).samples[0]
            for _ in range(self.config.clips_per_piece):
                start = int(rng.integers(max(1, len(sound) - n)))
                clip = np.pad(sound[start : start + n], (0, max(0, n - len(sound) + start)))
                clips.append(disturb(clip, self.sample_rate, rng))
                genres.append(score.genre)
        return {"audio": torch.from_numpy(np.stack(clips)), "genre": torch.tensor(genres)}


def disturb(clip: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """The clip through a gentle random equaliser, with a noise floor: what a codec or a phone may do to it."""
    spectrum = np.fft.rfft(clip)
    hz = np.fft.rfftfreq(len(clip), 1 / sample_rate)
    corners = np.array([30, 120, 500, 2000, 8000, 12000], dtype=np.float64)
    gain = np.interp(np.log(hz + 1), np.log(corners), rng.normal(0, 4, len(corners)))
    shaped = np.fft.irfft(spectrum * 10 ** (gain / 20), n=len(clip))
    return (shaped + rng.normal(0, 10 ** rng.uniform(-4.5, -2.2), len(clip))).astype(np.float32)


class DanceClips(Dataset[dict[str, Tensor]]):
    """Drawn dances as a pose estimator would see them; item ``step`` is the batch of that step."""

    def __init__(self, config: GenreTrainConfig) -> None:
        self.config = config

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        from dance2music.dance.kinematics import motion_features
        from dance2music.data.perturb import perturb
        from dance2music.data.synthetic import synthetic_clip

        rng = np.random.default_rng([self.config.loop.seed, step, 6])
        T = round(self.config.clip_seconds * FEATURE_FPS)
        features, genres = [], []
        for _ in range(self.config.batch_size):
            clip = synthetic_clip(int(rng.integers(10**8)), duration_seconds=self.config.clip_seconds + 0.5)
            assert clip.genre is not None
            features.append(motion_features(perturb(clip.motion, rng), fps=FEATURE_FPS)[:T])
            genres.append(clip.genre)
        return {"motion": torch.from_numpy(np.stack(features)), "genre": torch.tensor(genres)}


def train_music_genre(config: GenreTrainConfig, out_dir: str | Path) -> MusicGenreClassifier:
    """Train the classifier of sound and return it with its averaged weights."""
    model = MusicGenreClassifier()
    _train(model, MusicClips(config, model.config.sample_rate), "audio", config, out_dir)
    return model.eval()


def train_dance_genre(config: GenreTrainConfig, out_dir: str | Path) -> DanceGenreClassifier:
    """Train the classifier of dances and return it with its averaged weights."""
    model = DanceGenreClassifier()
    _train(model, DanceClips(config), "motion", config, out_dir)
    return model.eval()


def _train(model: torch.nn.Module, data: Dataset[dict[str, Tensor]], key: str, config: GenreTrainConfig, out_dir: str | Path) -> None:
    fabric = start_fabric(config.loop)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.loop.learning_rate, weight_decay=0.02)
    loop = Loop(fabric, config.loop, out_dir, model=model, optimizers={"genre": optimizer}, data=data)
    wrapped, wrapped_optimizer = fabric.setup(model, optimizer)
    wrapped.train()
    for _, batch in loop:
        logits = wrapped(batch[key])
        loss = F.cross_entropy(logits, batch["genre"], label_smoothing=0.05)
        fabric.backward(loss)
        fabric.clip_gradients(wrapped, wrapped_optimizer, max_norm=config.loop.grad_clip)
        wrapped_optimizer.step()
        wrapped_optimizer.zero_grad()
        loop.log(loss=loss, accuracy=(logits.argmax(-1) == batch["genre"]).float().mean())
    assert loop.average is not None
    model.load_state_dict(loop.average.state_dict_of(model))
