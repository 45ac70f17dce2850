"""Dance2Music, offline (Aggarwal & Parikh 2021, arXiv:2107.06252): a melody whose self-similarity is that of the dance.

Every 0.2 s one of five notes is chosen by beam search, so that the matrix of distances between notes correlates with the matrix of cosine
similarities between poses. The published code rewards only the last ten notes (2 s); the abstract speaks of the whole dance, which is the
``whole`` objective here. Nothing is learned, and nothing ties the notes to a beat grid: time is cut into 0.2 s whatever the tempo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dance2music.baselines.framed import framed_joints
from dance2music.errors import InputError
from dance2music.methods.base import Given, adjusted, whole_only
from dance2music.music.tokens import TimedNote, score_of
from dance2music.seeds import BaselineTake
from dance2music.types import Conditioning, Latents, Motion, Score, Span
from dance2music.work import check

NOTE_PITCHES = (60, 62, 64, 67, 69)
"""The five notes: C major pentatonic from middle C."""
POSE_FPS = 30.0
POSE_SKELETON = "openpose-18"
OBJECTIVES = ("window", "whole")
_ROWS = 25
"""Notes whose rows of the dance matrix are looked at together: 22 MB of ten minutes."""


@dataclass(frozen=True)
class SearchConfig:
    """Settings of the search; the defaults are those of the published code.

    Attributes
    ----------
    frames_per_note : video frames at 30 fps that a note lasts: 6, which is 0.2 s.
    beams : candidate melodies that are kept after each note.
    window_notes : how far back the ``window`` objective looks: ten notes, 2 s.
    objective : ``window`` as published, or ``whole``, the correlation over all notes so far.
    hold_similarity : a note goes on where two poses are at least so alike; above 1 never, as in effect in the published code.
    """

    frames_per_note: int = 6
    beams: int = 50
    window_notes: int = 10
    objective: str = "window"
    first_class: int = 2
    hold_similarity: float = 2.0
    program: int = 0
    velocity: int = 100

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise InputError(f"objective {self.objective!r}: unknown; expected one of {', '.join(OBJECTIVES)}")


class Dance2MusicSearch:
    """The search behind the contract of `methods.base.MusicGenerator`.

    Seed 0 gives the published, deterministic melody; any other seed draws the first note, and with it another melody.
    """

    def __init__(self, config: SearchConfig = SearchConfig()) -> None:
        self.config = config

    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Score]:
        """See `methods.base.MusicGenerator.generate`: whole pieces only."""
        whole_only(span, "dance2music-offline")
        poses = pose_vectors(dance_of(conditioning), conditioning.duration_seconds)
        blocks = block_means(poses, self.config.frames_per_note)
        melodies: dict[int, np.ndarray] = {}
        scores = []
        for seed in seeds:
            rng = np.random.default_rng([seed, BaselineTake.OFFLINE])
            first = self.config.first_class if seed == 0 else int(rng.integers(len(NOTE_PITCHES)))
            if first not in melodies:
                melodies[first] = search(*blocks, self.config, first_class=first)
            held = hold(melodies[first], poses, self.config)
            scores.append(play(held, conditioning, self.config))
        return scores


def dance_of(conditioning: Conditioning) -> Motion:
    """The joints that the conditioning was made from; raises InputError where it has none."""
    if conditioning.dance is None:
        raise InputError("conditioning: has no joints; expected a dance for this method; make it with pipeline.condition(motion)")
    return conditioning.dance


def pose_vectors(motion: Motion, duration_seconds: float) -> np.ndarray:
    """Poses as the method sees them: float64 [F, 36] at 30 fps, x and y of 18 joints (`baselines.framed.framed_joints`)."""
    joints = framed_joints(motion, skeleton=POSE_SKELETON, fps=POSE_FPS, duration_seconds=duration_seconds)
    return joints.reshape(len(joints), -1)


def cosine_similarity(poses: np.ndarray) -> np.ndarray:
    """The dance matrix: cosine of every two pose vectors, [F, D] -> [F, F], values crowd near 1."""
    unit = unit_vectors(poses)
    return unit @ unit.T


def unit_vectors(poses: np.ndarray) -> np.ndarray:
    """Pose vectors [F, D] of length one."""
    return poses / np.maximum(np.linalg.norm(poses, axis=1, keepdims=True), 1e-12)


def block_means(poses: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of the dance matrix and of its squares over blocks of ``size`` x ``size``: two [n, n] with n = F // size; the rest is cut off.

    A note matrix that is enlarged block by block correlates with the full matrix through these alone. The full one is never held: ten
    minutes would take 2.6 GB.
    """
    n = len(poses) // size
    unit = unit_vectors(poses[: n * size])
    means, squares = np.zeros((n, n)), np.zeros((n, n))
    for first in range(0, n, _ROWS):
        rows = (unit[first * size : (first + _ROWS) * size] @ unit.T).reshape(-1, size, n, size)
        at = slice(first, first + _ROWS)
        means[at], squares[at] = rows.mean(axis=(1, 3)), np.square(rows).mean(axis=(1, 3))
    return means, squares


def similarity_of_notes(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Entries of the music matrix, 1 minus the distance of two notes over the largest one: classes int [...], broadcast, -> float [...]."""
    return 1.0 - np.abs(a - b) / (len(NOTE_PITCHES) - 1)


def search(means: np.ndarray, squares: np.ndarray, config: SearchConfig, *, first_class: int) -> np.ndarray:
    """Classes int [n] of the best melody that the beam search finds.

    Parameters
    ----------
    means, squares : float [n, n], see `block_means`.
    first_class : class of the first note.
    """
    n, classes = len(means), len(NOTE_PITCHES)
    if not n:
        return np.zeros(0, dtype=np.int64)
    beams = np.full((1, 1), first_class)
    sums = _Sums.of(beams, means, squares) if config.objective == "whole" else None
    for step in range(1, n):
        check()
        parents = np.repeat(np.arange(len(beams)), classes)
        notes = np.tile(np.arange(classes), len(beams))
        grown = np.concatenate([beams[parents], notes[:, None]], axis=1)
        if sums is None:
            first = max(0, step + 1 - config.window_notes)
            at = slice(first, step + 1)
            rewards = correlation(grown[:, first:], means[at, at], squares[at, at])
        else:
            grown_sums = sums.grow(parents, grown, means, squares)
            rewards = grown_sums.correlation()
        # Ties go to the later candidate, as in the published code; a stable sort makes that the same on every machine.
        best = (len(rewards) - 1 - np.argsort(-np.round(rewards[::-1], 12), kind="stable"))[: config.beams]
        beams = grown[best]
        if sums is not None:
            sums = grown_sums.take(best)
    return beams[0]


def correlation(notes: np.ndarray, means: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Pearson correlation of the note matrix of each melody [B, h] with the dance [h, h]; 0 where either is constant."""
    music = similarity_of_notes(notes[:, :, None], notes[:, None, :])
    mean = music.mean(axis=(1, 2))
    covariance = (music * means).mean(axis=(1, 2)) - mean * means.mean()
    return _ratio(covariance, np.square(music).mean(axis=(1, 2)) - mean**2, squares.mean() - means.mean() ** 2)


@dataclass(frozen=True)
class _Sums:
    """Running sums of the ``whole`` objective, so that a note costs one row and not the whole matrix."""

    n: int
    music: np.ndarray
    music_squares: np.ndarray
    products: np.ndarray
    dance: float
    dance_squares: float

    @classmethod
    def of(cls, notes: np.ndarray, means: np.ndarray, squares: np.ndarray) -> _Sums:
        one = np.ones(len(notes))
        return cls(1, one, one, one * means[0, 0], float(means[0, 0]), float(squares[0, 0]))

    def grow(self, parents: np.ndarray, notes: np.ndarray, means: np.ndarray, squares: np.ndarray) -> _Sums:
        step = notes.shape[1] - 1
        row = similarity_of_notes(notes[:, :-1], notes[:, -1:])
        return _Sums(
            self.n + 1,
            self.music[parents] + 2 * row.sum(axis=1) + 1,
            self.music_squares[parents] + 2 * np.square(row).sum(axis=1) + 1,
            self.products[parents] + 2 * row @ means[step, :step] + means[step, step],
            self.dance + 2 * float(means[step, :step].sum()) + float(means[step, step]),
            self.dance_squares + 2 * float(squares[step, :step].sum()) + float(squares[step, step]),
        )

    def correlation(self) -> np.ndarray:
        size = self.n**2
        mean, dance = self.music / size, self.dance / size
        return _ratio(self.products / size - mean * dance, self.music_squares / size - mean**2, self.dance_squares / size - dance**2)

    def take(self, best: np.ndarray) -> _Sums:
        return _Sums(self.n, self.music[best], self.music_squares[best], self.products[best], self.dance, self.dance_squares)


def _ratio(covariance: np.ndarray, music: np.ndarray, dance: float) -> np.ndarray:
    scale = np.sqrt(np.maximum(music, 0.0) * max(dance, 0.0))
    return np.where(scale > 1e-9, covariance / np.maximum(scale, 1e-9), 0.0)


def hold(classes: np.ndarray, poses: np.ndarray, config: SearchConfig) -> np.ndarray:
    """The melody int [n] with each note repeated where the pose [F, D] hardly changed since the note before (``hold_similarity``)."""
    if config.hold_similarity > 1:
        return classes
    result = classes.copy()
    for i in range(1, len(classes)):
        a, b = poses[(i - 1) * config.frames_per_note], poses[i * config.frames_per_note]
        if a @ b >= config.hold_similarity * max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12):
            result[i] = result[i - 1]
    return result


def play(classes: np.ndarray, conditioning: Conditioning, config: SearchConfig) -> Score:
    """Score of a melody of classes int [n], one every `SearchConfig.frames_per_note` frames; repeats of a class are one long note."""
    step = config.frames_per_note / POSE_FPS
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    ends = np.append(starts[1:], len(classes))
    notes = [TimedNote(a * step, b * step, NOTE_PITCHES[classes[a]], config.velocity) for a, b in zip(starts, ends)]
    return score_of(
        notes,
        conditioning.rhythm,
        duration_seconds=conditioning.duration_seconds,
        genre=conditioning.genre,
        program=config.program,
    )


def load(given: Given) -> Dance2MusicSearch:
    """The search with its settings; it has no weights."""
    return adjusted(Dance2MusicSearch(), given.settings)
