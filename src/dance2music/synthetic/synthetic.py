"""The composed corpus: pieces whose beats are known, and dancers who dance to them. `dance2music data synthetic` writes it to disk.

Music and dance share one latent energy per beat, which thickens the music and widens the moves; strong hits of the music pull the dancer's
moves, its silences make it freeze. Every clip is a pure function of its seed. A share of the corpus is drawn as video and passed through
the real pose estimator, so that training meets the noise of real input.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.leftovers import only_here
from dance2music.parallel import Engine, engine
from dance2music.seeds import Corpus
from dance2music.synthetic.choreography import dance
from dance2music.synthetic.perturb import perturb
from dance2music.synthetic.timing import MARGIN_SECONDS, REAL_TIMING, TimingConfig, hurried
from dance2music.types import BEATS_PER_BAR, GENRE_CODES, GENRES, STEPS_PER_BEAT, Audio, Clip, Motion, Rhythm, Section
from dance2music.work import Cancel

__all__ = ["perturb", "synthetic_clip", "synthetic_rhythm", "write_corpus"]

log = logging.getLogger(__name__)

HELD_OUT_EVERY = 10
"""Every tenth song of a written corpus is held out."""

_SAMPLE_RATE = 22050
_SHORTEST_SECONDS, _LONGEST_SECONDS = 1.0, 600.0


def synthetic_rhythm(rng: np.random.Generator, *, genre: int, duration_seconds: float) -> Rhythm:
    """A beat grid around the clip: one of the genre's tempi or any between 76 and 140 bpm, any phase, steady or slightly human.

    Returns
    -------
    Rhythm from at least one bar before 0 to one bar after the end; confidence 1, no kinematic beats yet.
    """
    from dance2music.composer.styles import STYLES

    bpm = float(rng.choice(STYLES[genre].tempi_bpm))
    if rng.random() < 0.5:
        bpm = float(np.exp(rng.uniform(np.log(76.0), np.log(140.0))))
    period = 60.0 / bpm
    count = int(np.ceil(duration_seconds / period)) + 2 * BEATS_PER_BAR + 2
    periods = np.full(count, period)
    if rng.random() < 0.4:  # a band without a click: the tempo wanders by about half a percent
        wander = np.cumsum(rng.normal(0.0, 0.0015, count))
        periods *= np.exp(np.clip(wander - wander.mean(), -0.02, 0.02))
    first = -period * (BEATS_PER_BAR + float(rng.random()))
    beats = first + np.concatenate([[0.0], np.cumsum(periods[:-1])])
    return Rhythm(beats, int(rng.integers(BEATS_PER_BAR)), float(60.0 / np.median(np.diff(beats))), 1.0, np.zeros(0))


def beat_energy(rng: np.random.Generator, rhythm: Rhythm) -> np.ndarray:
    """Energy float [n_beats] per beat, 0..1: sections of two bars, some pieces even, some with a breakdown."""
    count = len(rhythm.beat_times_seconds)
    bar = (np.arange(count) - rhythm.downbeat) // BEATS_PER_BAR
    section = bar // 2 - (bar // 2).min()
    level = np.clip(0.55 + np.cumsum(rng.normal(0.0, 0.18, section.max() + 1)), 0.15, 1.0)
    if rng.random() < 0.35:
        level[:] = level.mean()
    elif rng.random() < 0.2:
        level[int(rng.integers(len(level)))] = 0.1  # a breakdown
    return np.clip(level[section] + rng.normal(0.0, 0.05, count), 0.0, 1.0)


def _formed_energy(rng: np.random.Generator, rhythm: Rhythm) -> np.ndarray:
    """Energy float [n_beats] per beat of a dance with parts: of 4 or 8 bars, each at its level, 0..1 within the dance as it is read."""
    from dance2music.rhythm.sections import within_dance

    count = len(rhythm.beat_times_seconds)
    bar = (np.arange(count) - rhythm.downbeat) // BEATS_PER_BAR
    bar -= bar.min() + int(rng.integers(4))
    level = np.zeros(count)
    begin = -4
    while begin <= bar.max():
        length = int(rng.choice([4, 4, 8]))
        level[(bar >= begin) & (bar < begin + length)] = rng.uniform(0.0, 1.0)
        begin += length
    return within_dance(level + rng.normal(0.0, 0.06, count))


def _latents(rng: np.random.Generator, rhythm: Rhythm) -> tuple[np.ndarray, np.ndarray]:
    """Energy per beat (`beat_energy`) and accents per 16th, both in 0..1: hits on downbeats, few syncopated ones."""
    count = len(rhythm.beat_times_seconds)
    energy = beat_energy(rng, rhythm)
    accents = np.zeros(count * STEPS_PER_BEAT)
    on_bar = (np.arange(count) - rhythm.downbeat) % BEATS_PER_BAR == 0
    accents[::STEPS_PER_BEAT] = np.where(on_bar & (rng.random(count) < 0.25), rng.uniform(0.6, 1.0, count), 0.0)
    accents = np.maximum(accents, np.where(rng.random(len(accents)) < 0.008, 0.8, 0.0))
    return energy, accents


def synthetic_clip(
    seed: int,
    *,
    duration_seconds: float = 10.0,
    genre: int | None = None,
    fps: float = 60.0,
    audio: bool = False,
    timing: TimingConfig | None = REAL_TIMING,
    formed: bool = False,
) -> Clip:
    """A composed piece and a dancer dancing to it; a pure function of the arguments.

    Parameters
    ----------
    seed : int >= 0; also the song: every seed is a piece of its own.
    duration_seconds : float, 1 to 600.
    genre : index into `GENRES`, drawn by default.
    fps : of the motion.
    audio : render the music with the default soundfont; otherwise ``audio`` of the clip has no samples, and `music.synth.render` of its
        score makes them when they are wanted.
    timing : of the dancer, by default that of real ones; None: as choreographed, on the beat and resting after it.
    formed : the music has the sections that `generate` gives a dance of this energy (`rhythm.sections`), borders and an ending; otherwise
        it is a part cut out of a piece, as the dances of data sets have.

    Returns
    -------
    Clip with motion ("smpl-24", clean 3-D), score, exact rhythm with the kinematic beats of this dance, genre.

    Raises
    ------
    InputError
        If the seed is negative, or the genre or duration out of range.
    """
    from dance2music.composer.compose import compose
    from dance2music.composer.shape import shaped
    from dance2music.dance.kinematics import kinematic_beats
    from dance2music.rhythm.sections import plan_sections

    if seed < 0:
        raise InputError(f"seed: {seed}; expected 0 or more")
    if not _SHORTEST_SECONDS <= duration_seconds <= _LONGEST_SECONDS:
        raise InputError(f"duration_seconds: {duration_seconds}; expected {_SHORTEST_SECONDS:g} to {_LONGEST_SECONDS:g}")
    rng = np.random.default_rng([seed, Corpus.CLIP])
    drawn = int(rng.integers(len(GENRES)))
    genre = drawn if genre is None else genre
    if not 0 <= genre < len(GENRES):
        raise InputError(f"genre: {genre}; expected 0 to {len(GENRES) - 1}, an index into GENRES")
    rhythm = synthetic_rhythm(rng, genre=genre, duration_seconds=duration_seconds)
    energy, accents = _latents(rng, rhythm)
    sections: tuple[Section, ...] = ()
    if formed:
        energy = _formed_energy(np.random.default_rng([seed, Corpus.FORM]), rhythm)
        sections = plan_sections(energy, rhythm, duration_seconds)
    score = compose(
        genre,
        seed=seed,
        beat_times_seconds=rhythm.beat_times_seconds,
        downbeat=rhythm.downbeat,
        duration_seconds=duration_seconds,
        energy=energy,
        accents=accents,
        sections=sections,
    )
    if formed:
        score = shaped(replace(score, sections=sections), seed=seed)
    longer = duration_seconds if timing is None else duration_seconds + MARGIN_SECONDS
    motion = dance(rhythm, genre=genre, seed=seed, fps=fps, duration_seconds=longer, score=score, energy=0.6 + 0.75 * energy)
    if timing is not None:
        habits = np.random.default_rng([seed, Corpus.TIMING])
        motion = hurried(motion, rhythm.beat_times_seconds, duration_seconds, habits, timing)
    sound = Audio(np.zeros((1, 0), np.float32), _SAMPLE_RATE)
    if audio:
        from dance2music.music.synth import render

        sound = render(score, sample_rate=_SAMPLE_RATE)
    return Clip(
        name=f"syn{GENRE_CODES[genre]}{seed:010d}",
        song=f"song{seed:010d}",
        motion=motion,
        audio=sound,
        rhythm=replace(rhythm, kinematic_beats_seconds=kinematic_beats(motion)),
        score=score,
        genre=genre,
    )


def film(motion: Motion, seed: int, folder: str | Path) -> Motion:
    """The motion as the real pose estimator sees it in a drawn video: look, camera, size and frame rate are drawn from ``seed``.

    The video is written into ``folder`` and removed.
    """
    from dance2music.dance.pose import estimate
    from dance2music.synthetic.drawing import draw_video
    from dance2music.video.frames import read_frames

    rng = np.random.default_rng([seed, Corpus.FILM])
    path = Path(folder) / f".film-{seed}.mp4"
    size = ((480, 360), (320, 240), (360, 480), (480, 480))[int(rng.integers(4))]
    try:
        draw_video(motion, path, size=size, fps=float(rng.choice([24.0, 25.0, 30.0, 30.0, 30.0])), seed=seed)
        return estimate(read_frames(path), method="body")
    finally:
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Job:
    """One clip of a written corpus."""

    seed: int
    duration_seconds: float
    filmed: bool
    held_out: bool
    audio: bool


def _write_clip(job: _Job, folder: Path) -> dict[str, Any]:
    """Write the files of one clip and return its manifest row."""
    from dance2music.dance.motion_files import save_motion
    from dance2music.music.audio import save_wav
    from dance2music.music.midi import save_midi
    from dance2music.music.synth import render

    clip = synthetic_clip(job.seed, duration_seconds=job.duration_seconds)
    assert clip.rhythm is not None and clip.score is not None and clip.genre is not None
    row_path = folder / f"{clip.name}.json"
    if row_path.exists():
        row: dict[str, Any] = json_value(row_path.read_text(encoding="utf-8"))
        if all((folder / str(row[kind])).exists() for kind in ("motion", "midi", "audio", "filmed") if row.get(kind)):
            return row
    files = {"motion": f"{clip.name}.npz", "midi": f"{clip.name}.mid"}
    save_motion(clip.motion, folder / files["motion"])
    save_midi(clip.score, folder / files["midi"])
    if job.audio:
        files["audio"] = f"{clip.name}.wav"
        save_wav(render(clip.score, sample_rate=_SAMPLE_RATE), folder / files["audio"])
    if job.filmed:
        files["filmed"] = f"{clip.name}.filmed.npz"
        save_motion(film(clip.motion, job.seed, folder), folder / files["filmed"])
    row = {
        "name": clip.name,
        "song": clip.song,
        "seed": job.seed,
        "genre": GENRES[clip.genre],
        "tempo_bpm": round(clip.rhythm.tempo_bpm, 4),
        "key": clip.score.key,
        "minor": clip.score.minor,
        "duration_seconds": job.duration_seconds,
        "beat_times_seconds": [round(float(t), 5) for t in clip.rhythm.beat_times_seconds],
        "downbeat": clip.rhythm.downbeat,
        "split": "held-out" if job.held_out else "train",
        **files,
    }
    with whole_file(row_path) as temporary:
        temporary.write_text(json.dumps(row), encoding="utf-8")
    return row


def write_corpus(
    out_dir: str | Path,
    n: int,
    seed: int,
    *,
    duration_seconds: float = 10.0,
    filmed_share: float = 0.3,
    audio: bool = True,
    workers: int = 2,
    executor: str | Engine = "process",
    cancel: Cancel | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write ``n`` clips and their manifest; a second call with the same arguments makes only what is missing.

    Parameters
    ----------
    out_dir : folder, made where missing. Per clip: motion npz, MIDI, wav (22.05 kHz), a JSON row, and for a share the filmed motion npz.
    n : number of clips, one song each.
    seed : first seed; clip ``i`` has seed ``seed + i``.
    filmed_share : 0..1, share of clips that are drawn as video and seen by the pose estimator.
    audio : also render the music.
    workers : processes.
    executor : `parallel.Engine` that runs them, or its name.
    cancel : stops between clips, and workers at any time; a second call goes on.
    progress : called with (done, n).

    Returns
    -------
    Path of ``manifest.jsonl``: one row per clip, in order of seeds.

    Raises
    ------
    InputError
        If a number is out of range, the folder cannot be written, or a worker dies.
    """
    if n < 1 or workers < 1 or not 0.0 <= filmed_share <= 1.0:
        raise InputError(f"corpus: n {n}, workers {workers}, filmed_share {filmed_share}; expected n and workers >= 1 and a share in 0..1")
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    jobs = [
        _Job(
            seed + i,
            duration_seconds,
            bool(np.random.default_rng([seed + i, Corpus.IS_FILMED]).random() < filmed_share),
            (seed + i) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1,
            audio,
        )
        for i in range(n)
    ]
    rows: list[dict[str, Any]] = []
    with only_here(folder, "a drawing of a corpus"):
        for row in engine(executor, workers).map(partial(_write_clip, folder=folder), jobs, ordered=False, cancel=cancel):
            rows.append(row)
            if progress is not None:
                progress(len(rows), n)
    rows.sort(key=lambda row: int(row["seed"]))
    manifest = folder / "manifest.jsonl"
    with whole_file(manifest) as temporary:
        temporary.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    log.info("%d clips in %s", n, folder)
    return manifest
