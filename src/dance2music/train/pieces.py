"""Music to train codecs on: composed pieces, kept on disk, cut into segments that are a pure function of seed and step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dance2music.config import check_ranges
from dance2music.files import whole_file
from dance2music.seeds import Corpus
from dance2music.train.own_music import OwnMusic
from dance2music.types import Score

Pieces = Callable[[int, float, int], np.ndarray]
"""``pieces(seed, seconds, sample_rate) -> float32 [N]``: a piece of mono music that depends on its arguments only."""

GRID_HOP_LENGTH = 256


def composed_score(seed: int, seconds: float, rng: np.random.Generator | None = None) -> Score:
    """The notes of `composed_piece`, with drawn role gains; a role that is left out has gain 0. ``rng`` is drawn from as there."""
    from dance2music.composer.compose import compose_corpus_piece

    rng = np.random.default_rng([seed, Corpus.PIECE_SOUND]) if rng is None else rng
    score = compose_corpus_piece(seed, duration_seconds=seconds)
    for track in score.tracks:
        track.gain *= float(10 ** (rng.uniform(-9.0, 6.0) / 20)) * float(rng.random() > 0.08)
    return score


def composed_piece(seed: int, seconds: float, sample_rate: int, soundfont: str | None = None) -> np.ndarray:
    """`Pieces` of the synthetic corpus: a composed piece, float32 [N], with a drawn soundfont and role gains, at times a role left out.

    ``soundfont`` (a name of `music.synth.find_soundfonts`) takes the place of the drawn one; nothing else changes.
    Of three pieces one has its onsets on the frames of hop 256, as generated music has.
    """
    from dance2music.music.synth import find_soundfonts, render

    rng = np.random.default_rng([seed, Corpus.PIECE_SOUND])
    score = composed_score(seed, seconds, rng)
    fonts = find_soundfonts()
    drawn = sorted(fonts)[int(rng.integers(len(fonts)))]
    grid = GRID_HOP_LENGTH / sample_rate if rng.random() < 1 / 3 else 0.0
    return render(score, sample_rate=sample_rate, soundfont=fonts[soundfont or drawn], onset_grid_seconds=grid).samples[0]


@dataclass(frozen=True)
class SegmentsConfig:
    """A step sees ``pieces_per_step * segments_per_piece`` segments of ``n_samples``.

    Rendering a piece takes longer than a step, so pieces are kept on disk and met again: at step s they are drawn from the first
    ``first_pieces + s // steps_per_new_piece``.
    """

    n_samples: int = 86 * 256
    pieces_per_step: int = 4
    segments_per_piece: int = 1
    first_pieces: int = 32
    steps_per_new_piece: int = 3
    piece_seconds: float = 10.0

    def __post_init__(self) -> None:
        check_ranges(
            self, n_samples=(1, 2**31), pieces_per_step=(1, 65_536), segments_per_piece=(1, 65_536), first_pieces=(1, 2**31),
            steps_per_new_piece=(1, 2**31), piece_seconds=(0.1, 3600),
        )  # fmt: skip


class PieceStore:
    """Pieces rendered once and kept as 16-bit numpy files in a folder; safe for several processes at a time."""

    def __init__(self, pieces: Pieces, folder: str | Path, seconds: float, sample_rate: int) -> None:
        self.pieces, self.folder, self.seconds, self.sample_rate = pieces, Path(folder), seconds, sample_rate
        self.folder.mkdir(parents=True, exist_ok=True)

    def __getitem__(self, seed: int) -> np.ndarray:
        """int16 [N] of the piece with that seed, peak at full scale, mapped from disk."""
        path = self.folder / f"{seed}.npy"
        if not path.exists():
            piece = self.pieces(seed, self.seconds, self.sample_rate)
            peak = max(float(np.abs(piece).max()), 1e-4)
            with whole_file(path) as temporary:
                np.save(temporary, np.round(piece * (32767 / peak)).astype(np.int16))
        return np.asarray(np.load(path, mmap_mode="r"))


class OwnStore(PieceStore):
    """Cuts of a user's recordings, int16 [N], which are on disk already."""

    def __init__(self, music: OwnMusic, seconds: float, sample_rate: int) -> None:
        self.pieces, self.music, self.n_samples = music, music, round(seconds * sample_rate)

    def __getitem__(self, seed: int) -> np.ndarray:
        return self.music.cut(seed, self.n_samples)


class MusicSegments(Dataset[Tensor]):
    """Item ``step`` is float32 [segments, 1, N]: cuts of pieces, 0 to 12 dB below full scale; a pure function of seed and step."""

    def __init__(self, store: PieceStore, config: SegmentsConfig, *, seed: int, steps: int) -> None:
        self.store, self.config, self.seed, self.steps = store, config, seed, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Tensor:
        config = self.config
        rng = np.random.default_rng([self.seed, step])
        cuts = []
        for _ in range(config.pieces_per_step):
            piece = self.store[int(rng.integers(config.first_pieces + step // config.steps_per_new_piece))]
            for _ in range(config.segments_per_piece):
                start = int(rng.integers(len(piece) - config.n_samples))
                gain = 10 ** (rng.uniform(-12.0, 0.0) / 20) * float(rng.choice((-1.0, 1.0)))
                cuts.append(piece[start : start + config.n_samples].astype(np.float32) * np.float32(gain / 32767))
        return torch.from_numpy(np.stack(cuts))[:, None]
