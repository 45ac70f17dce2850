"""Training of the genre classifier of sound on composed music, made on the fly. That of dances is in `recipe.dance_genre`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from dance2music.checkpoint import load_model
from dance2music.perception.genre import MusicGenreClassifier
from dance2music.seeds import GENRE_CLIPS, Corpus, RecipeStep
from dance2music.train.average import averaged
from dance2music.train.loop import Loop
from dance2music.train.pieces import PieceStore, composed_piece
from dance2music.train.pool import Item, pool_of
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric
from dance2music.types import GENRES


@dataclass(frozen=True)
class GenreTrainConfig:
    """One run of a genre classifier."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(steps=6000, learning_rate=1.5e-3, warmup_steps=200, threads=1, seed=3, precision="auto")
    )
    batch_size: int = 32
    clip_seconds: float = 6.0
    pool_size: int = 5544
    """Pieces that are made once and cut anew at every step."""
    draw_workers: int = 2
    piece_seconds: float = 10.0
    start_from: str = ""
    """Model file of the classifier of sound whose weights its run begins with, or none."""


class MusicClips(Dataset[dict[str, Tensor]]):
    """Cuts of composed music as mel amplitudes, with random equaliser, noise floor and smear; item ``step`` is the batch of that step.

    The pool are pieces of the codec's corpus, and for every fourth the music of a drawn clip (any tempo, dynamics of a dance). Their
    spectra are computed once and kept in ``folder``.
    """

    def __init__(self, config: GenreTrainConfig, model: MusicGenreClassifier, pieces: PieceStore, folder: Path) -> None:
        self.config, self.model, self.pieces = config, model, pieces
        self.clips = PieceStore(clip_music, folder / "clips", config.piece_seconds, pieces.sample_rate)
        pool = pool_of(self._piece, config.pool_size, folder / f"mels-{config.loop.seed}", workers=config.draw_workers)
        self.mels, self.genres = pool["mels"], pool["genres"]
        white = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 10 * model.config.sample_rate)).astype(np.float32))
        self.white = model.mel(white)[0].mean(dim=-1).numpy()

    def _piece(self, index: int) -> Item:
        """Mel amplitudes float16 [n_mels, T] of one piece of the pool, and its genre."""
        of_clip = index % CLIP_EVERY == CLIP_EVERY - 1
        sound = (self.clips if of_clip else self.pieces)[index] / np.float32(32767.0)
        with torch.no_grad():
            mel = self.model.mel(torch.from_numpy(sound)[None, None])[0].half().numpy()
        return {"mels": mel, "genres": np.asarray(index // CLIP_EVERY % len(GENRES) if of_clip else genre_of_piece(index))}

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.config.loop.seed, step, RecipeStep.MUSIC_GENRE_CUTS])
        T = round(self.config.clip_seconds * self.model.config.sample_rate / self.model.config.hop_length)
        chosen = rng.integers(len(self.mels), size=self.config.batch_size)
        starts = rng.integers(self.mels.shape[2] - T + 1, size=self.config.batch_size)
        cuts = [disturb_mel(self.mels[i, :, s : s + T].astype(np.float32), self.white, rng) for i, s in zip(chosen, starts)]
        return {"mel": torch.from_numpy(np.stack(cuts)), "genre": torch.from_numpy(self.genres[chosen])}


CLIP_EVERY = 4
"""One of so many pieces of the pool is the music of a drawn clip."""


def clip_music(index: int, seconds: float, sample_rate: int) -> np.ndarray:
    """`train.pieces.Pieces`: music float32 [N] of a drawn clip, mostly through the soundfont that every installation has, roles remixed."""
    from dance2music.music.synth import find_soundfonts, render
    from dance2music.synthetic.synthetic import synthetic_clip

    rng = np.random.default_rng([index, Corpus.GENRE_CLIP_SOUND])
    clip = synthetic_clip(GENRE_CLIPS + index, duration_seconds=seconds, genre=index // CLIP_EVERY % len(GENRES))
    assert clip.score is not None
    for track in clip.score.tracks:
        track.gain *= float(10 ** (rng.uniform(-6.0, 4.0) / 20)) * float(rng.random() > 0.05)
    fonts = find_soundfonts()
    font = "timgm" if rng.random() < 0.75 else sorted(fonts)[int(rng.integers(len(fonts)))]
    return render(clip.score, sample_rate=sample_rate, soundfont=fonts[font]).samples[0]


def genre_of_piece(seed: int) -> int:
    """Genre of `composer.compose.compose_corpus_piece` ``seed``: it walks a grid of 10 genres by 6 tempi."""
    slots = 6 * len(GENRES)
    return seed % slots // 6


def disturb_mel(mel: np.ndarray, white: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`disturb` in mel amplitudes [n_mels, T], with smear on top: what a codec or a phone may do.

    ``white`` [n_mels] are the mel amplitudes of white noise of RMS 1.
    """
    bands = np.linspace(0.0, 1.0, len(mel))
    gain = np.interp(bands, np.linspace(0.0, 1.0, 6), rng.normal(0, 4, 6))
    noise = 10 ** rng.uniform(-3.7, -1.4) * white[:, None] * np.abs(rng.normal(1.0, 0.3, mel.shape))
    out = np.hypot(mel * 10 ** (gain[:, None] / 20), noise)
    if rng.random() < 0.4:  # detail is lost, in some bands more than in others
        share = rng.uniform(0.0, 0.8, (len(mel), 1))
        out = out * (1 - share) + share / 3 * (out + np.roll(out, 1, axis=1) + np.roll(out, -1, axis=1))
        out = out * np.exp(rng.normal(0.0, rng.uniform(0.0, 0.3), out.shape))
    return out.astype(np.float32)


def disturb(clip: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """The clip float [N] through a gentle random equaliser, with a noise floor: what a codec or a phone may do to it. float32 [N]."""
    spectrum = np.fft.rfft(clip)
    hz = np.fft.rfftfreq(len(clip), 1 / sample_rate)
    corners = np.array([30, 120, 500, 2000, 8000, 12000], dtype=np.float64)
    gain = np.interp(np.log(hz + 1), np.log(corners), rng.normal(0, 4, len(corners)))
    shaped = np.fft.irfft(spectrum * 10 ** (gain / 20), n=len(clip))
    return (shaped + rng.normal(0, 10 ** rng.uniform(-4.5, -2.2), len(clip))).astype(np.float32)


def train_music_genre(config: GenreTrainConfig, out_dir: str | Path, pieces_dir: str | Path) -> MusicGenreClassifier:
    """Train the classifier of sound and return it with its averaged weights; rendered pieces are kept in ``pieces_dir``."""
    model = MusicGenreClassifier()
    if config.start_from:
        model.load_state_dict(load_model(config.start_from, expected="music-genre").state_dict())
    store = PieceStore(composed_piece, pieces_dir, config.piece_seconds, model.config.sample_rate)
    _train(model, "classify_mel", MusicClips(config, model, store, Path(out_dir)), "mel", config, out_dir)
    return model.eval()


def _train(
    model: torch.nn.Module, method: str, data: Dataset[dict[str, Tensor]], key: str, config: GenreTrainConfig, out_dir: str | Path
) -> None:
    """Cross-entropy of what ``method`` of the model makes of each batch's ``key``."""
    fabric = start_fabric(config.loop)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.loop.learning_rate, weight_decay=0.02)
    loop = Loop(
        fabric, config.loop, out_dir, model=model, optimizers={"genre": optimizer}, data=process_share(fabric, data), settings=config
    )
    wrapped = fabric.setup_module(model)
    if method != "forward":
        wrapped.mark_forward_method(method)
    wrapped.train()
    for _, batch in loop:
        logits = getattr(wrapped, method)(batch[key])
        loop.update("genre", {"loss": F.cross_entropy(logits, batch["genre"], label_smoothing=0.05)})
        loop.log(accuracy=(logits.argmax(-1) == batch["genre"]).float().mean())
    averaged(model, loop.average)
