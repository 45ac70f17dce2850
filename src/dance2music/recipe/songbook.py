"""A composed corpus in the shape of AIST++: few songs, many dances to each, at many tempi.

AIST++ has six songs per genre, each danced again and again, and that is what the papers' generators learn from. Here a genre has a slow and
a quick song of four bars, written by the composer in a thin, a plain and a full arrangement; a clip plays its bars in turn, each in the
arrangement that goes with the dancer's energy, on a beat grid of its own, and a drawn dancer dances to it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from dance2music.checkpoint import codec_digest
from dance2music.codec.spectral import SpectralCodec
from dance2music.composer.compose import compose
from dance2music.dance.kinematics import motion_features
from dance2music.files import whole_file
from dance2music.music.synth import render
from dance2music.rhythm.clock import CLOCK_FPS, clock_features
from dance2music.seeds import Corpus
from dance2music.synthetic.choreography import dance
from dance2music.synthetic.perturb import perturb
from dance2music.synthetic.synthetic import beat_energy, synthetic_rhythm
from dance2music.train.segments import MOTION_FPS, StackedSegments
from dance2music.types import BEATS_PER_BAR, GENRES, Note, Rhythm, Score, Track

log = logging.getLogger(__name__)

SONG_BARS = 4
LEVELS = (0.25, 0.55, 0.9)
"""Energy of the arrangements of a song."""
SONG_SEEDS = (
    4, 1003, 2006, 3007, 4005, 5005, 6003, 7003, 8003, 9006, 10005, 11005, 12003, 13003, 14004, 15006, 16006, 17001, 18001, 19002,
)  # fmt: skip
"""Of the slow and the quick song of each genre, the clearest of eight (`clearest`)."""
QUICK_BPM = 105.0
"""Clips from this tempo on have the quick song of their genre."""


@dataclass(frozen=True)
class SongbookConfig:
    """Clips of ``clip_seconds`` from ``first_seed`` on, in segments of ``segment_seconds`` that begin ``step_seconds`` apart.

    Notes begin at frames of the codec, so that latents follow from the clock.
    """

    clips: int = 400
    clip_seconds: float = 8.0
    segment_seconds: float = 4.0
    step_seconds: float = 1.0
    first_seed: int = 70_000_000
    soundfont: str | None = None


@lru_cache(maxsize=64)
def song(genre: int, quick: bool) -> tuple[Score, ...]:
    """A song of a genre in its arrangements, one `Score` of `SONG_BARS` bars per level of `LEVELS`, on a steady grid."""
    return tuple(_written(genre, SONG_SEEDS[2 * genre + quick], quick, level) for level in LEVELS)


def clearest(genre: int, quick: bool, candidates: int) -> int:
    """Seed of the song in the clearest key, with the most harmony and a melody, of so many: how `SONG_SEEDS` were found."""
    from dance2music.metrics.musicality import harmonic_share, key_clarity

    def clear(seed: int) -> float:
        heard = render(_written(genre, seed, quick, LEVELS[1]))
        melody = len(_written(genre, seed, quick, LEVELS[2]).tracks[3].notes) > 0
        return key_clarity(heard) + min(harmonic_share(heard), 0.8) + 0.2 * melody

    first = 1000 * (2 * genre + quick)
    return max(range(first, first + candidates), key=clear)


def _written(genre: int, seed: int, quick: bool, energy: float) -> Score:
    count = SONG_BARS * BEATS_PER_BAR
    grid = np.arange(count + 1) * 60.0 / (120.0 if quick else 92.0)
    return compose(genre, seed=seed, beat_times_seconds=grid, duration_seconds=float(grid[count]), energy=np.full(count + 1, energy))


def played(arrangements: tuple[Score, ...], rhythm: Rhythm, duration_seconds: float, energy: np.ndarray) -> Score:
    """A song on another beat grid: its bars in turn from the first downbeat, each in the arrangement that goes with its energy.

    Parameters
    ----------
    energy : float [n_beats] in 0..1, per beat of the grid.
    """
    base = arrangements[0]
    first, last = (int(np.floor(float(rhythm.beat_at(np.array([t]))[0]) / BEATS_PER_BAR)) for t in (0.0, duration_seconds))
    tracks = []
    for i, track in enumerate(base.tracks):
        notes: list[Note] = []
        for bar in range(first, last + 1):
            beats = np.clip(np.arange(BEATS_PER_BAR) + bar * BEATS_PER_BAR + rhythm.downbeat, 0, len(energy) - 1)
            level = int(np.argmin(np.abs(np.asarray(LEVELS) - energy[beats].mean())))
            begin = (bar % SONG_BARS) * BEATS_PER_BAR
            move = bar * BEATS_PER_BAR - begin
            notes += [
                note._replace(start_beats=note.start_beats + move)
                for note in arrangements[level].tracks[i].notes
                if begin <= note.start_beats < begin + BEATS_PER_BAR
            ]
        tracks.append(Track(track.role, track.program, notes, track.is_drum))
    return Score(
        tracks, rhythm.beat_times_seconds, rhythm.downbeat, duration_seconds, base.genre, base.key, base.minor, base.swing,
        base.swing_unit_beats,
    )  # fmt: skip


@dataclass(frozen=True)
class SongClip:
    """A clip of the book: motion [T, F] at `MOTION_FPS`, its clock, music [N], genre."""

    motion: np.ndarray
    clock: np.ndarray
    audio: np.ndarray
    genre: int


def song_clip(seed: int, config: SongbookConfig, codec: SpectralCodec) -> SongClip:
    """A drawn dance to a song of the book, as a pose estimator would see it; a pure function of the arguments.

    Of the codec rate and hop alone count.
    """
    rng = np.random.default_rng([seed, Corpus.SONG_CLIP])
    genre, seconds = int(seed % len(GENRES)), config.clip_seconds
    rhythm = synthetic_rhythm(rng, genre=genre, duration_seconds=seconds)
    energy = beat_energy(rng, rhythm)
    arrangements = song(genre, rhythm.tempo_bpm >= QUICK_BPM)
    score = played(arrangements, rhythm, seconds, energy)
    motion = dance(rhythm, genre=genre, seed=seed, duration_seconds=seconds, score=score, energy=0.6 + 0.75 * energy)
    features = motion_features(perturb(motion, rng), fps=MOTION_FPS)
    rate, hop = codec.sample_rate, codec.hop_length
    audio = render(score, sample_rate=rate, soundfont=config.soundfont, onset_grid_seconds=hop / rate).samples[0]
    return SongClip(
        motion=features,
        clock=clock_features(rhythm, features, fps=MOTION_FPS, duration_seconds=seconds),
        audio=audio * (0.95 / max(float(np.abs(audio).max()), 1e-4)),
        genre=genre,
    )


def songbook_segments(config: SongbookConfig, codec: SpectralCodec, folder: str | Path) -> StackedSegments:
    """Training segments of the book with latents and all codes of a codec; kept in ``folder`` and read from there the next time."""
    path = Path(folder) / f"songbook-{hashlib.sha256(f'{config}{codec_digest(codec)}'.encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rows: dict[str, list[np.ndarray]] = {}
        for i in range(config.clips):
            for item in _segments_of(song_clip(config.first_seed + i, config, codec), config, codec):
                for name, value in item.items():
                    rows.setdefault(name, []).append(value)
            if i % 25 == 24:
                log.info("%d of %d clips of the songbook", i + 1, config.clips)
        with whole_file(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **{name: np.stack(values) for name, values in rows.items()})
    with np.load(path, allow_pickle=False) as data:
        return StackedSegments({name: torch.from_numpy(data[name]) for name in data.files})


@torch.no_grad()
def _segments_of(clip: SongClip, config: SongbookConfig, codec: SpectralCodec) -> Iterator[dict[str, np.ndarray]]:
    """The segments of a clip, cut at the codec's frames."""
    rate = codec.sample_rate / codec.hop_length
    n, step = (int(seconds * rate) for seconds in (config.segment_seconds, config.step_seconds))
    latents = codec.encode(torch.from_numpy(clip.audio.astype(np.float32))[None, None])
    codes = codec.quantize(latents).codes[0].to(torch.int16).numpy()
    for start in range(0, latents.shape[-1] - n, step):
        begin = start / rate
        yield {
            "motion": _at(clip.motion, MOTION_FPS, begin, config.segment_seconds).astype(np.float16),
            "visual": _at(clip.clock, CLOCK_FPS, begin, config.segment_seconds).astype(np.float32),
            "genre": np.asarray(clip.genre, dtype=np.int16),
            "audio": np.round(clip.audio[None, start * codec.hop_length : (start + n) * codec.hop_length] * 32767).astype(np.int16),
            "latents": latents[0, :, start : start + n].numpy().astype(np.float16),
            "codes": codes[:, start : start + n],
        }


def _at(rows: np.ndarray, fps: float, begin_seconds: float, seconds: float) -> np.ndarray:
    """``seconds`` of rows [T, F] from a time on, at the same pace."""
    at = begin_seconds * fps + np.arange(round(seconds * fps))
    below = np.minimum(at.astype(int), len(rows) - 2)
    share = np.minimum(at - below, 1.0)[:, None]
    return np.asarray((1 - share) * rows[below] + share * rows[below + 1])
