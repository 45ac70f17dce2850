"""Evaluation of a folder of generated music: every metric and every control for every clip, intervals, results by genre and length.

    match --Match--> score_clip (in parallel) --Scored--> metrics.summary --> Results --> results.json

What is heard in a sound and seen in a dance is kept under ``OUT/cache``, or in a folder that evaluations share, so that an interrupted
evaluation goes on where it was.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from dance2music.data.aist_beats import beats_by_name
from dance2music.errors import InputError, PartlyDone
from dance2music.evaluation.catalogue import Pair, score_pair
from dance2music.evaluation.controls import make_controls
from dance2music.evaluation.databases import database_of, database_rule
from dance2music.evaluation.features import (
    AudioFeatures,
    Cache,
    HearingConfig,
    MotionFeatures,
    embed_piece,
    embedding,
    hear,
    see_file,
)
from dance2music.evaluation.jobs import (
    WINDOWS_PER_CLIP,
    EvaluateConfig,
    Job,
    check_apart,
    genres_of,
    jobs_of,
    load,
    matched,
    training_files,
    windows_of,
)
from dance2music.evaluation.matching import Match, read_beats
from dance2music.evaluation.results import GENERATED, ClipValues, Interval, Results, save_results
from dance2music.evaluation.summary import Scored, summarize
from dance2music.files import placed_together
from dance2music.metrics.genre import Database, genre_right, why_undefined
from dance2music.metrics.reasons import why_nan
from dance2music.music.beats import HEARD_RATE, as_heard
from dance2music.music.loudness import SILENCE_LUFS
from dance2music.music.midi import load_midi
from dance2music.parallel import Engine, engine, one_thread
from dance2music.types import GENRES, Audio, Score
from dance2music.work import Cancel

Progress = Callable[[int, int], None]
"""Called with the number of clips that are done, and of all."""

_GIVEN = ("generated", "reference", "videos", "motion", "database", "training", "genres")
LIBRARIES = ("dance2music", "numpy", "scipy", "torch", "librosa", "mir_eval")


@dataclass(frozen=True)
class Begun:
    """An evaluation whose files are matched: where it writes and keeps what it heard, the matches, what was left out, one job per match."""

    folder: Path
    store: Cache
    matches: list[Match]
    left_out: list[str]
    genres: dict[str, str | None]
    jobs: list[Job]


def begun(config: EvaluateConfig, out: str | Path) -> Begun:
    """Match the files of an evaluation and make its folder. Raises InputError as `evaluate`."""
    matches, left_out = matched(config)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    genres = genres_of(config, matches)
    store = Cache(Path(config.cache) if config.cache else folder / "cache")
    return Begun(folder, store, matches, left_out, genres, jobs_of(config, matches, genres))


def evaluate(
    config: EvaluateConfig,
    out: str | Path,
    *,
    executor: str | Engine = "process",
    cancel: Cancel | None = None,
    progress: Progress | None = None,
    report: Callable[[Results, Path], object] | None = None,
) -> Results:
    """Evaluate a folder of music and write ``OUT/results.json``.

    Parameters
    ----------
    config : EvaluateConfig.
    out : folder, made where missing.
    executor : `parallel.Engine` that runs ``config.workers`` processes, or its name.
    cancel : stops between clips, and workers at any time; a second call goes on with what was heard.
    progress : called after each clip.
    report : writes ``OUT/report.html``, which is put in place together with the results.

    Raises
    ------
    InputError
        If folders or names do not match, a file cannot be read or holds NaN (the message names it), a setting is out of range, or a
        worker dies.
    PartlyDone
        If the report cannot be written; the results are.
    """
    check_apart(config, Path(out))
    hearing, start = HearingConfig(config.vggish, config.codec), begun(config, out)
    matches, genres, jobs, store = start.matches, start.genres, list(start.jobs), start.store
    whole = len(jobs)
    for length in config.lengths_seconds:
        jobs += [window for job in jobs[:whole] for window in windows_of(job, length)]
    database = database_of(config, matches, genres, hearing, store)
    training = None if not config.training else np.stack([embed_piece(load(path), hearing, store) for path in training_files(config)])
    scored: list[Scored] = []
    for item in engine(executor, config.workers).map(partial(_score, hearing=hearing, cache_folder=store.folder), jobs, cancel=cancel):
        scored.append(item)
        if progress is not None:
            progress(len(scored), len(jobs))
    scored = [add_retrieved(item, database, training, other_song=job.other_song) for item, job in zip(scored, jobs)]
    clips = scored[:whole]
    windows = {length: [s for s, job in zip(scored, jobs) if job.window and job.window[1] == length] for length in config.lengths_seconds}
    summary = summarize(clips, windows, seed=config.seed)
    results = Results(
        name=config.name or Path(config.generated).resolve().name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=config.seed,
        settings={
            **_protocol(config),
            "embedding": embedding(config.vggish).name,
            "database": database_rule(config),
            "undefined": {**why_nowhere(summary["summary"]), **undefined(clips, database)},
        },
        versions={name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
        inputs={
            **{kind: getattr(config, kind) or None for kind in _GIVEN},
            "n_files": len(matches),
            "n_dances": len({job.dance for job in jobs[:whole]}),
            "left_out": start.left_out,
        },
        **summary,
    )
    place(results, start.folder, report)
    return results


def place(results: Results, folder: Path, report: Callable[[Results, Path], object] | None) -> None:
    """Write ``results.json`` of a folder and ``report.html`` beside it, both or none.

    Raises
    ------
    PartlyDone
        If the report cannot be written; the results are, and an older report is gone.
    """
    failed = ""
    with placed_together() as placing:
        save_results(results, folder / "results.json")
        if report is not None:
            try:
                with placed_together():
                    report(results, folder / "report.html")
            except (InputError, OSError, ValueError, RuntimeError) as error:
                failed = " ".join(str(error).split())
                placing.stale.append(folder / "report.html")
    if failed:
        raise PartlyDone(f"{folder / 'report.html'}: was not written, the results were ({failed})")


def _score(job: Job, hearing: HearingConfig, cache_folder: Path | None) -> Scored:
    """Score a clip with one thread, so that the engine changes no digit."""
    with one_thread():
        return score_clip(job, hearing, cache_folder)


def score_clip(job: Job, hearing: HearingConfig, cache_folder: Path | None) -> Scored:
    """Score the generated music of one clip and all its controls.

    Returns
    -------
    Scored: every per-clip value but those that need the whole set.
    """
    store = Cache(cache_folder)
    m = job.match
    seen = seen_of(m, store, job.window)
    kinematic = None if seen is None else seen.kinematic_beats
    files = (m.generated, m.reference, job.other)
    played_generated, played_reference, played_other = (None if path is None else cut(load(path), job.window) for path in files)
    assert played_generated is not None
    generated = as_heard(played_generated)
    reference, other = (None if audio is None else as_heard(audio) for audio in (played_reference, played_other))
    controls = make_controls(generated, seed=job.seed, reference=reference, other=other, kinematic_beats=kinematic)
    played = {
        GENERATED: played_generated,
        **make_controls(played_generated, seed=job.seed, reference=played_reference, other=played_other, kinematic_beats=kinematic),
    }
    heard_reference = None if reference is None else hear(reference, hearing, store)
    beats, bpm = (None, 0.0) if heard_reference is None else (heard_reference.beats, heard_reference.tempo_bpm)
    if m.beats is not None:
        beats = _inside(np.array(read_beats(m.beats)), job.window, generated.duration_seconds)
        bpm = 60.0 / float(np.median(np.diff(beats))) if len(beats) > 1 else bpm
    own = _own_beats(m, job.window, generated.duration_seconds, beats, heard_reference)
    scored = Scored(values={}, chance={}, pieces={}, frames={}, clip=_clip(job, generated, seen))
    for system, audio in {GENERATED: generated, **controls}.items():
        heard = hear(audio, hearing, store)
        score = _notes(m, job.window) if system == GENERATED else None
        pair = Pair(heard, audio, heard_reference, reference, beats, bpm, seen, job.genre, played[system], score, own, job.start_bpm)
        scored.values[system], scored.chance[system] = score_pair(pair, seed=job.seed if job.shift_seed is None else job.shift_seed)
        scored.pieces[system], scored.frames[system] = heard.piece, heard.frames
        if system in (GENERATED, "reference"):
            scored.clip.events[f"{system}_onsets"] = np.round(heard.onsets, 4).tolist()
            scored.clip.events[f"{system}_beats"] = np.round(heard.beats, 4).tolist()
    if m.beats is not None and beats is not None:
        scored.clip.events["reference_beats"] = np.round(beats, 4).tolist()
    return scored


def _own_beats(
    m: Match, window: tuple[float, float] | None, seconds: float, beats: np.ndarray | None, reference: AudioFeatures | None
) -> np.ndarray | None:
    """Beats [n] of the dancer's own music: annotated, else by the name of the dance, else as heard in the reference; None where unknown."""
    if m.beats is not None:
        return beats
    start = 0.0 if window is None else window[0]
    named = beats_by_name(m.dance, start + seconds, None if reference is None else reference.beats + start)
    return beats if named is None else named[named >= start] - start


def add_retrieved(scored: Scored, database: Database | None, training: np.ndarray | None, *, other_song: str | None = None) -> Scored:
    """Add the values that need other pieces: genre of the nearest entry of the database, distance to the nearest training piece.

    ``training`` has one embedding per piece [n, D]. The dance's own song is left out of the database; for the control that plays another
    song that one, too.
    """
    from dance2music.metrics.diversity import novelty

    genre = -1 if scored.clip.genre is None else GENRES.index(scored.clip.genre)
    song = scored.clip.song or scored.clip.dance
    for system, piece in scored.pieces.items():
        if database is not None and genre >= 0:
            left = {song, other_song} if system == "other_song" and other_song is not None else {song}
            scored.values[system]["genre_retrieval"] = genre_right(
                database, piece, genre, songs=left, silent=scored.values[system]["loudness_lufs"] <= SILENCE_LUFS
            )
        if training is not None:
            scored.values[system]["novelty"] = float(novelty(training, piece[None])[0])
    return scored


def undefined(scored: Sequence[Scored], database: Database | None) -> dict[str, str]:
    """Why a metric that one may look for is NaN for every clip, by its name."""
    reasons: dict[str, str] = {}
    for item in scored:
        genre = -1 if item.clip.genre is None else GENRES.index(item.clip.genre)
        reason = why_undefined(database, genre, songs={item.clip.song or item.clip.dance})
        if not reason:
            return {}
        reasons[reason] = ""
    return {"genre_retrieval": "; ".join(reasons)} if reasons else {}


def why_nowhere(summary: Mapping[str, Mapping[str, Interval]]) -> dict[str, str]:
    """Why a metric in a summary has no value of the generated music, by its name."""
    return {name: why_nan(name) for name, row in summary.items() if GENERATED not in row or math.isnan(row[GENERATED].mean)}


def cut(audio: Audio, window: tuple[float, float] | None) -> Audio:
    """A window (start and length in seconds) of music [C, N], with zeros where it ends sooner; all of it for None."""
    if window is None:
        return audio
    first, n = round(window[0] * audio.sample_rate), round(window[1] * audio.sample_rate)
    samples = np.zeros((len(audio.samples), n), np.float32)
    part = audio.samples[:, first : first + n]
    samples[:, : part.shape[1]] = part
    return Audio(samples, audio.sample_rate)


def _inside(times: np.ndarray, window: tuple[float, float] | None, duration: float) -> np.ndarray:
    start, length = window or (0.0, duration)
    return times[(times >= start) & (times < start + length)] - start


def seen_of(m: Match, store: Cache, window: tuple[float, float] | None) -> MotionFeatures | None:
    """The dance over a window in seconds: from a motion file where there is one, else from the video; None without either."""
    path = m.motion or m.video
    if path is None:
        return None
    seen = see_file(path, store, video=m.motion is None)
    return seen if window is None else seen.window(*window)


def _notes(m: Match, window: tuple[float, float] | None) -> Score | None:
    """The notes of a clip's music, where ``NAME.mid`` lies beside it; of a window nothing is known."""
    path = m.generated.with_suffix(".mid")
    return load_midi(path) if window is None and path.is_file() else None


def _clip(job: Job, generated: Audio, seen: MotionFeatures | None) -> ClipValues:
    m = job.match
    events: dict[str, list[float]] = {}
    if seen is not None:
        events["kinematic_beats"] = np.round(seen.kinematic_beats, 4).tolist()
        events["kinetic_velocity"] = np.round(seen.kinetic_velocity, 3).tolist()
        events["kinetic_fps"] = [seen.kinetic_fps]
    files = {kind: str(path) for kind in ("generated", "reference", "beats", "video", "motion") if (path := getattr(m, kind)) is not None}
    genre = None if job.genre < 0 else GENRES[job.genre]
    segment = "" if job.dance == m.dance else m.dance
    return ClipValues(m.name, job.dance, m.take, genre, job.song, generated.duration_seconds, {}, events, files, segment)


def _protocol(config: EvaluateConfig) -> dict[str, object]:
    from dance2music.evaluation import controls
    from dance2music.evaluation.catalogue import SHIFTS
    from dance2music.metrics import paper_rhythm as published
    from dance2music.metrics import rhythm

    return {
        "sample_rate": HEARD_RATE,
        "channels": "mean",
        "unit": "one dance; takes, segments and windows of a dance are averaged first",
        "lengths_seconds": list(config.lengths_seconds),
        "windows_per_clip": WINDOWS_PER_CLIP,
        "d2m_detector": asdict(published.D2M_DETECTOR),
        "loris_detector": asdict(published.LORIS_DETECTOR),
        "beats": "librosa beat_track, start_bpm 120; annotated where NAME.beats lies beside the reference",
        "sigma_seconds": rhythm.SIGMA_SECONDS,
        "shifts": SHIFTS,
        "click_bpm": controls.CLICK_BPM,
        "click_start_seconds": controls.CLICK_START_SECONDS,
        "noise_rms": controls.NOISE_RMS,
        "codec": config.codec,
    }
