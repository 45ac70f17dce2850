"""Composed pairs as the generator trains on them: the plan and step features of one synthetic clip per file, with its codes.

What is rendered and encoded is the score that the plan stands for (`Pair.score`), so that the performer hears in training just what
it is asked to play later. `prepare_pairs` writes one npz per seed, in parallel and resumable. Nothing here is unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.methods.plan import Plan, Vocabulary, collect_voicings, plan_from_score, score_from_plan
from dance2music.parallel import Engine, engine, one_thread
from dance2music.seeds import VOICING_PIECES, Corpus
from dance2music.types import SECTION_NAMES, Clip, Rhythm, Score, Section
from dance2music.work import Cancel

if TYPE_CHECKING:
    from dance2music.codec.spectral import SpectralCodec

FEATURE_FPS = 30.0
"""Seeds from here on are never trained on."""
_PLAN_ROWS = ("drums", "bass", "chords", "lead", "pad", "dynamics")


@dataclass(frozen=True)
class Pair:
    """One clip: its plan and beat grid, dance features at the plan's steps, and its codes once they were computed.

    Attributes
    ----------
    motion : float32 [S, D_m]; visual : float32 [S, D_v]; codes : int64 [Q, L] of the music, or None.
    sketch : float16 [E, L], latents of the sketch of its notes (`methods.sketch`), or None.
    sections : the form of the music.
    """

    seed: int
    plan: Plan
    beat_times_seconds: np.ndarray
    downbeat: int
    duration_seconds: float
    motion: np.ndarray
    visual: np.ndarray
    codes: np.ndarray | None = None
    sketch: np.ndarray | None = None
    sections: tuple[Section, ...] = ()

    def score(self, vocabulary: Vocabulary) -> Score:
        """The score that the plan stands for."""
        return score_from_plan(
            self.plan,
            vocabulary,
            beat_times_seconds=self.beat_times_seconds,
            downbeat=self.downbeat,
            duration_seconds=self.duration_seconds,
        )

    @property
    def tempo_bpm(self) -> float:
        """Median tempo of the beat grid."""
        return float(60.0 / np.median(np.diff(self.beat_times_seconds)))


def corpus_vocabulary(n_pieces: int = 400, *, limit: int = 1024) -> list[tuple[int, ...]]:
    """Chord voicings of composed pieces whose seeds are used for nothing else, commonest first."""
    from dance2music.composer.compose import compose_corpus_piece

    return collect_voicings((compose_corpus_piece(VOICING_PIECES + i) for i in range(n_pieces)), limit=limit)


def make_pair(clip: Clip, seed: int, vocabulary: Vocabulary) -> Pair:
    """Pair of a synthetic clip; the dance is seen as a pose estimator would see it, on the true beat grid."""
    from dance2music.synthetic.perturb import perturb

    assert clip.score is not None and clip.rhythm is not None, "a synthetic clip knows its score and rhythm"
    plan = plan_from_score(clip.score, vocabulary)
    motion, visual = dance_features(
        replace(clip, motion=perturb(clip.motion, np.random.default_rng([seed, Corpus.POSE_NOISE]))), clip.rhythm, plan
    )
    return Pair(
        seed=seed,
        plan=plan,
        beat_times_seconds=clip.rhythm.beat_times_seconds,
        downbeat=clip.rhythm.downbeat,
        duration_seconds=clip.score.duration_seconds,
        motion=motion,
        visual=visual,
        sections=clip.score.sections,
    )


def dance_features(clip: Clip, rhythm: Rhythm, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Motion [S, D_m] and visual [S, D_v] features of the clip's dance, pooled at the S steps of the plan."""
    from dance2music.dance.flow import visual_features
    from dance2music.dance.kinematics import motion_features
    from dance2music.rhythm.steps import pool_at_steps

    pool = partial(pool_at_steps, fps=FEATURE_FPS, rhythm=rhythm, first_bar=plan.first_bar, n_steps=plan.n_steps)
    return pool(motion_features(clip.motion, fps=FEATURE_FPS)), pool(visual_features(clip.motion, fps=FEATURE_FPS))


def save_pair(pair: Pair, path: Path) -> None:
    """Write a pair as npz of plain arrays."""
    plan = pair.plan
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            seed=pair.seed,
            about=np.array([plan.first_bar, plan.genre, plan.key, int(plan.minor), plan.swing, *plan.programs], dtype=np.int64),
            beat_times_seconds=pair.beat_times_seconds,
            downbeat=pair.downbeat,
            duration_seconds=pair.duration_seconds,
            motion=pair.motion.astype(np.float16),
            visual=pair.visual.astype(np.float16),
            codes=np.zeros((0, 0), dtype=np.int16) if pair.codes is None else pair.codes.astype(np.int16),
            sketch=np.zeros((0, 0), dtype=np.float16) if pair.sketch is None else pair.sketch.astype(np.float16),
            sections=np.array([[s.begin_beat, s.end_beat, SECTION_NAMES.index(s.name), s.level] for s in pair.sections]).reshape(-1, 4),
            **{name: getattr(plan, name) for name in _PLAN_ROWS},
        )


def load_pair(path: Path) -> Pair:
    """Read a pair that `save_pair` wrote.

    Raises
    ------
    InputError
        If it was written before music had sections: what learns the form would learn that there is none.
    """
    with np.load(path, allow_pickle=False) as data:
        if "sections" not in data:
            raise InputError(f"{path}: was written by a version whose music had no sections; remove {path.parent} to have it made anew")
        first_bar, genre, key, minor, swing, *programs = (int(v) for v in data["about"])
        rows: dict[str, Any] = {name: data[name] for name in _PLAN_ROWS}
        codes = data["codes"]
        return Pair(
            seed=int(data["seed"]),
            plan=Plan(**rows, first_bar=first_bar, genre=genre, key=key, minor=bool(minor), swing=swing, programs=tuple(programs)),
            beat_times_seconds=data["beat_times_seconds"],
            downbeat=int(data["downbeat"]),
            duration_seconds=float(data["duration_seconds"]),
            motion=data["motion"].astype(np.float32),
            visual=data["visual"].astype(np.float32),
            codes=codes.astype(np.int64) if codes.size else None,
            sketch=data["sketch"] if "sketch" in data and data["sketch"].size else None,
            sections=tuple(Section(int(a), int(b), SECTION_NAMES[int(name)], float(level)) for a, b, name, level in data["sections"]),
        )


def load_music(path: Path) -> np.ndarray:
    """The music of a pair that `add_codes` coded, int16 [N], mapped from disk."""
    return np.asarray(np.load(_music_file(path), mmap_mode="r"))


def without_drums(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Write pairs once more into a folder, their plans without drums and not coded yet; files that exist are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [(path, folder / path.name) for path in paths]
    for path, file in files:
        if not file.exists():
            pair = load_pair(path)
            save_pair(replace(pair, plan=replace(pair.plan, drums=np.zeros_like(pair.plan.drums)), codes=None, sketch=None), file)
    return [file for _, file in files]


def prepare_pairs(
    folder: Path,
    *,
    n: int,
    first_seed: int,
    duration_seconds: float,
    voicings: Iterable[tuple[int, ...]],
    workers: int,
    executor: str | Engine = "process",
    cancel: Cancel | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write pairs for ``n`` seeds from ``first_seed``; files that exist are kept.

    Raises
    ------
    InputError
        If a file cannot be written, or a worker dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{first_seed + i:010d}.npz" for i in range(n)]
    missing = [(first_seed + i, path) for i, path in enumerate(paths) if not path.exists()]
    write = partial(_write_pair, duration_seconds=duration_seconds, voicings=tuple(voicings))
    for done, _ in enumerate(engine(executor, workers).map(write, missing, ordered=False, cancel=cancel), start=1):
        if progress is not None:
            progress(done, len(missing))
    return paths


def add_codes(
    paths: list[Path],
    *,
    codec: Path,
    voicings: Iterable[tuple[int, ...]],
    workers: int,
    soundfont: str | None = None,
    executor: str | Engine = "process",
    cancel: Cancel | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render every pair that has no codes yet, sketch it, and encode both with the codec of a model file; the music is kept beside it.

    Raises
    ------
    InputError
        If a file cannot be read or written, or a worker dies.
    """
    write = partial(_write_codes, codec_file=codec, voicings=tuple(voicings), soundfont=soundfont)
    for done, _ in enumerate(engine(executor, workers).map(write, paths, ordered=False, cancel=cancel), start=1):
        if progress is not None:
            progress(done, len(paths))


def _music_file(path: Path) -> Path:
    return path.with_suffix(".npy")


def _write_pair(seed_and_path: tuple[int, Path], *, duration_seconds: float, voicings: tuple[tuple[int, ...], ...]) -> None:
    from dance2music.synthetic.synthetic import synthetic_clip

    seed, path = seed_and_path
    save_pair(make_pair(synthetic_clip(seed, duration_seconds=duration_seconds, formed=True), seed, Vocabulary(voicings)), path)


@lru_cache(maxsize=1)
def _codec(path: Path, changed_ns: int) -> SpectralCodec:
    """The codec of a model file as it was at that time of its last change."""
    from dance2music.checkpoint import load_model
    from dance2music.codec.spectral import SpectralCodec

    codec = load_model(path, expected="spectral-codec")
    assert isinstance(codec, SpectralCodec)
    return codec


def _write_codes(path: Path, *, codec_file: Path, voicings: tuple[tuple[int, ...], ...], soundfont: str | None) -> None:
    import torch

    from dance2music.methods.roll import note_table
    from dance2music.methods.sketch import sketch
    from dance2music.music.synth import render

    pair, kept = load_pair(path), _music_file(path)
    if pair.codes is not None and pair.sketch is not None and kept.exists():
        return
    changed_ns = codec_file.stat().st_mtime_ns if codec_file.exists() else 0
    codec, score = _codec(codec_file, changed_ns), pair.score(Vocabulary(voicings))
    rate, hop = codec.sample_rate, codec.hop_length
    music = render(score, sample_rate=rate, soundfont=soundfont, onset_grid_seconds=hop / rate)
    source = sketch(note_table(score, rate / hop), music.samples.shape[-1], sample_rate=rate, hop_length=hop)
    with torch.no_grad(), one_thread():
        codes = codec.quantize(codec.encode(music.to_tensor())).codes[0].numpy()
        sketched = codec.encode(torch.from_numpy(source)[None, None])[0].numpy().astype(np.float16)
    with whole_file(kept) as temporary, temporary.open("wb") as stream:
        np.save(stream, np.round(np.clip(music.samples[0], -1.0, 1.0) * 32767).astype(np.int16))
    save_pair(replace(pair, codes=codes, sketch=sketched), path)
