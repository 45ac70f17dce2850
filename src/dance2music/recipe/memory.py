"""Building of the music memory: composed pieces of every genre and tempo, rendered and kept as residual codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dance2music.codec.spectral import SpectralCodec
from dance2music.methods.memory import Memory, bank
from dance2music.seeds import MEMORY_PIECES
from dance2music.types import BEATS_PER_BAR, GENRES, Score


@dataclass(frozen=True)
class MemoryBuildConfig:
    """What the bank holds: for each genre ``pieces_per_genre`` pieces of ``bars`` bars, at its six tempi in turn.

    ``n_codebooks`` are the coarsest of the codec's, all of them where it has fewer: finer ones make the file larger by as much each.
    """

    pieces_per_genre: int = 6
    bars: int = 8
    soundfont: str | None = None
    n_codebooks: int = 6


def build_memory(config: MemoryBuildConfig, codec: SpectralCodec) -> Memory:
    """Compose, render and encode the bank; the same config gives the same bank."""
    from dance2music.composer.compose import compose
    from dance2music.composer.styles import STYLES
    from dance2music.music.synth import render

    pieces: list[tuple[Tensor, np.ndarray, int, float, np.ndarray]] = []
    for genre in range(len(GENRES)):
        tempi = STYLES[genre].tempi_bpm
        for i in range(config.pieces_per_genre):
            tempo = float(tempi[i % len(tempi)])
            duration = config.bars * BEATS_PER_BAR * 60.0 / tempo
            score = compose(genre, seed=MEMORY_PIECES + 100 * genre + i, tempo_bpm=tempo, duration_seconds=duration)
            audio = render(
                score, sample_rate=codec.sample_rate, soundfont=config.soundfont, onset_grid_seconds=codec.hop_length / codec.sample_rate
            )
            with torch.no_grad():
                codes = codec.quantize(codec.encode(audio.to_tensor())).codes[0, : config.n_codebooks]
            lines = np.round(score.time_at(np.arange(config.bars + 1.0) * BEATS_PER_BAR) * codec.sample_rate / codec.hop_length).astype(
                np.int64
            )
            lines = np.clip(lines, 0, codes.shape[1])
            pieces.append((codes, lines, genre, tempo, _liveliness(score, config.bars)))
    return bank(pieces)


def _liveliness(score: Score, bars: int) -> np.ndarray:
    """Notes times velocity per bar, 0..1 within the piece."""
    total = np.zeros(bars)
    for track in score.tracks:
        for note in track.notes:
            bar = int(note.start_beats // BEATS_PER_BAR)
            if 0 <= bar < bars:
                total[bar] += note.velocity
    spread = total.max() - total.min()
    return (total - total.min()) / spread if spread > 0 else np.full(bars, 0.5)
