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
from dance2music.files import whole_file
from dance2music.models.genre import DanceGenreClassifier, MusicGenreClassifier
from dance2music.train.loop import Loop, LoopConfig, averaged, start_fabric
from dance2music.train.pieces import PieceStore, composed_piece
from dance2music.types import GENRES


@dataclass(frozen=True)
class GenreTrainConfig:
    """One run of a genre classifier."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=1500, learning_rate=1e-3, warmup_steps=100, workers=1, seed=3))
    batch_size: int = 24
    clip_seconds: float = 6.0
    pool_size: int = 2000
    """Pieces or dances that are made once and cut anew at every step."""
    piece_seconds: float = 10.0


class MusicClips(Dataset[dict[str, Tensor]]):
    """Cuts of composed music, with random equaliser and noise floor; item ``step`` is the batch of that step."""

    def __init__(self, config: GenreTrainConfig, store: PieceStore) -> None:
        self.config, self.store = config, store

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.config.loop.seed, step, 5])
        n = round(self.config.clip_seconds * self.store.sample_rate)
        clips, genres = [], []
        for _ in range(self.config.batch_size):
            seed = int(rng.integers(self.config.pool_size))
            piece = self.store[seed]
            start = int(rng.integers(len(piece) - n + 1))
            clips.append(disturb(piece[start : start + n] / 32767.0, self.store.sample_rate, rng))
            genres.append(genre_of_piece(seed))
        return {"audio": torch.from_numpy(np.stack(clips)), "genre": torch.tensor(genres)}


def genre_of_piece(seed: int) -> int:
    """Genre of `music.compose.compose_corpus_piece` ``seed``: it walks a grid of 10 genres by 6 tempi."""
    slots = 6 * len(GENRES)
    return seed % slots // 6


def disturb(clip: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """The clip through a gentle random equaliser, with a noise floor: what a codec or a phone may do to it."""
    spectrum = np.fft.rfft(clip)
    hz = np.fft.rfftfreq(len(clip), 1 / sample_rate)
    corners = np.array([30, 120, 500, 2000, 8000, 12000], dtype=np.float64)
    gain = np.interp(np.log(hz + 1), np.log(corners), rng.normal(0, 4, len(corners)))
    shaped = np.fft.irfft(spectrum * 10 ** (gain / 20), n=len(clip))
    return (shaped + rng.normal(0, 10 ** rng.uniform(-4.5, -2.2), len(clip))).astype(np.float32)


class DanceClips(Dataset[dict[str, Tensor]]):
    """Cuts of drawn dances as a pose estimator would see them; item ``step`` is the batch of that step."""

    def __init__(self, config: GenreTrainConfig, folder: Path) -> None:
        self.config = config
        path = folder / f"dances-{config.loop.seed}-{config.pool_size}.npz"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            features, genres = zip(*(_dance(config, i) for i in range(config.pool_size)))
            with whole_file(path) as temporary:
                np.savez(temporary, features=np.stack(features).astype(np.float16), genres=np.array(genres))
        with np.load(path, allow_pickle=False) as stored:
            self.features, self.genres = stored["features"], stored["genres"]

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.config.loop.seed, step, 6])
        T = round(self.config.clip_seconds * FEATURE_FPS)
        chosen = rng.integers(len(self.features), size=self.config.batch_size)
        starts = rng.integers(self.features.shape[1] - T + 1, size=self.config.batch_size)
        motion = np.stack([self.features[i, s : s + T] for i, s in zip(chosen, starts)]).astype(np.float32)
        return {"motion": torch.from_numpy(motion), "genre": torch.from_numpy(self.genres[chosen])}


def _dance(config: GenreTrainConfig, index: int) -> tuple[np.ndarray, int]:
    """Features of one drawn dance and its genre."""
    from dance2music.dance.kinematics import motion_features
    from dance2music.data.perturb import perturb
    from dance2music.data.synthetic import synthetic_clip

    clip = synthetic_clip(3 * 10**8 + config.loop.seed * 10**6 + index, duration_seconds=config.piece_seconds)
    assert clip.genre is not None
    seen = perturb(clip.motion, np.random.default_rng([index, 7]))
    features = motion_features(seen, fps=FEATURE_FPS)
    T = round(config.piece_seconds * FEATURE_FPS) - 2
    return np.pad(features[:T], [(0, max(0, T - len(features))), (0, 0)]), clip.genre


def train_music_genre(config: GenreTrainConfig, out_dir: str | Path, pieces_dir: str | Path) -> MusicGenreClassifier:
    """Train the classifier of sound and return it with its averaged weights; rendered pieces are kept in ``pieces_dir``."""
    model = MusicGenreClassifier()
    store = PieceStore(composed_piece, pieces_dir, config.piece_seconds, model.config.sample_rate)
    _train(model, MusicClips(config, store), "audio", config, out_dir)
    return model.eval()


def train_dance_genre(config: GenreTrainConfig, out_dir: str | Path) -> DanceGenreClassifier:
    """Train the classifier of dances and return it with its averaged weights."""
    model = DanceGenreClassifier()
    _train(model, DanceClips(config, Path(out_dir)), "motion", config, out_dir)
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
    averaged(model, loop)
