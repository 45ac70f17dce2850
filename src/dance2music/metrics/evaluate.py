"""Evaluation of a folder of generated music: every metric and every control for every clip, intervals, results by genre and length.

    match --Match--> score_clip (in parallel) --Scored--> metrics.summary --> Results --> results.json

What is heard in a sound and seen in a dance is kept under ``OUT/cache``, so that an interrupted evaluation goes on where it was.
"""

from __future__ import annotations

import platform
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from dance2music.errors import InputError
from dance2music.metrics.catalogue import Pair, score_pair
from dance2music.metrics.controls import make_controls
from dance2music.metrics.genre import Database, genre_of_name, read_genres, retrieved_genre, song_of_name
from dance2music.metrics.heard import SAMPLE_RATE, Cache, HearingConfig, Seen, embed_piece, embedding, hear, see_file
from dance2music.metrics.matching import Match, match, read_beats, sounds
from dance2music.metrics.results import GENERATED, ClipValues, Results, save_results
from dance2music.metrics.summary import Scored, summarize
from dance2music.music.loudness import SILENCE_LUFS
from dance2music.types import GENRES, Audio

Progress = Callable[[int, int], None]
"""Called with the number of clips that are done, and of all."""

WINDOWS_PER_CLIP = 8
_GIVEN = ("generated", "reference", "videos", "motion", "database", "training", "genres")
_LIBRARIES = ("dance2music", "numpy", "scipy", "torch", "librosa", "mir_eval")


@dataclass(frozen=True)
class EvaluateConfig:
    """What to evaluate, against what.

    Attributes
    ----------
    generated, reference, videos, motion : folders, '' where there is none; files are matched by name (`metrics.matching`).
    name : of the method, for tables; by default the name of the folder.
    genres : file of ``name,genre`` lines; by default genres are read from AIST++ and corpus names.
    database : folder of music with genres in its names, for retrieval; by default the references of the other songs.
    training : folder of the music that the method was trained on, for novelty.
    vggish : VGGish weights for the embeddings; by default the embedded classifier's.
    lengths_seconds : also cut all clips into windows of these lengths and score those.
    codec : measure what the embedded codec makes of everything.
    partial : leave out what does not match.
    seed, workers : of the random parts; processes.
    """

    generated: str
    reference: str = ""
    videos: str = ""
    motion: str = ""
    name: str = ""
    genres: str = ""
    database: str = ""
    training: str = ""
    vggish: str = ""
    lengths_seconds: tuple[float, ...] = ()
    codec: bool = True
    partial: bool = False
    seed: int = 0
    workers: int = 2


@dataclass(frozen=True)
class Job:
    """One clip, or a window of it, to be scored: its files, the files of another song, genre and seed."""

    match: Match
    other: Path | None
    genre: int
    song: str | None
    seed: int
    window: tuple[float, float] | None = None


def evaluate(config: EvaluateConfig, out: str | Path, *, progress: Progress | None = None) -> Results:
    """Evaluate a folder of music and write ``OUT/results.json``.

    Parameters
    ----------
    config : EvaluateConfig.
    out : folder, made where missing.
    progress : called after each clip.

    Raises
    ------
    InputError
        If folders or names do not match, a file cannot be read or holds NaN (the message names it), or a setting is out of range.
    """
    folder = Path(out)
    matches, left_out = _matched(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    hearing = HearingConfig(config.vggish, config.codec)
    store = Cache(folder / "cache")
    genres = _genres(config, matches)
    jobs = _jobs(config, matches, genres)
    whole = len(jobs)
    for length in config.lengths_seconds:
        jobs += [window for job in jobs[:whole] for window in _windows(job, length)]
    database = _database(config, matches, genres, hearing, store)
    training = None if not config.training else np.stack([embed_piece(_load(path), hearing, store) for path in _training(config)])
    scored = _run([partial(score_clip, job, hearing, folder / "cache") for job in jobs], config.workers, progress)
    scored = [add_retrieved(item, database, training) for item in scored]
    clips = scored[:whole]
    windows = {length: [s for s, job in zip(scored, jobs) if job.window and job.window[1] == length] for length in config.lengths_seconds}
    results = Results(
        name=config.name or Path(config.generated).resolve().name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=config.seed,
        settings={**_protocol(config), "embedding": embedding(config.vggish).name, "database": _database_rule(config)},
        versions={name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()},
        inputs={
            **{kind: getattr(config, kind) or None for kind in _GIVEN},
            "n_files": len(matches),
            "n_dances": len({m.dance for m in matches}),
            "left_out": left_out,
        },
        **summarize(clips, windows, seed=config.seed),
    )
    save_results(results, folder / "results.json")
    return results


def score_clip(job: Job, hearing: HearingConfig, cache_folder: Path | None) -> Scored:
    """Score the generated music of one clip and all its controls.

    Returns
    -------
    Scored: every per-clip value but those that need the whole set.
    """
    store = Cache(cache_folder)
    m = job.match
    generated, reference = _cut(_load(m.generated), job.window), None if m.reference is None else _cut(_load(m.reference), job.window)
    other = None if job.other is None else _cut(_load(job.other), job.window)
    seen = _seen(m, store, job.window)
    controls = make_controls(
        generated, seed=job.seed, reference=reference, other=other, kinematic_beats=None if seen is None else seen.kinematic_beats
    )
    heard_reference = None if reference is None else hear(reference, hearing, store)
    beats, bpm = (None, 0.0) if heard_reference is None else (heard_reference.beats, heard_reference.tempo_bpm)
    if m.beats is not None:
        beats = _inside(np.array(read_beats(m.beats)), job.window, generated.duration_seconds)
        bpm = 60.0 / float(np.median(np.diff(beats))) if len(beats) > 1 else bpm
    scored = Scored(values={}, chance={}, pieces={}, frames={}, clip=_clip(job, generated, seen))
    for system, audio in {GENERATED: generated, **controls}.items():
        heard = hear(audio, hearing, store)
        pair = Pair(heard, audio, heard_reference, reference, beats, bpm, seen, job.genre)
        scored.values[system], scored.chance[system] = score_pair(pair, seed=job.seed)
        scored.pieces[system], scored.frames[system] = heard.piece, heard.frames
        if system in (GENERATED, "reference"):
            scored.clip.events[f"{system}_onsets"] = np.round(heard.onsets, 4).tolist()
            scored.clip.events[f"{system}_beats"] = np.round(heard.beats, 4).tolist()
    if m.beats is not None and beats is not None:
        scored.clip.events["reference_beats"] = np.round(beats, 4).tolist()
    return scored


def add_retrieved(scored: Scored, database: Database | None, training: np.ndarray | None) -> Scored:
    """Add the values that need other pieces: genre of the nearest entry of the database, distance to the nearest training piece."""
    from dance2music.metrics.diversity import novelty

    genre = -1 if scored.clip.genre is None else GENRES.index(scored.clip.genre)
    song = scored.clip.song or scored.clip.dance
    for system, piece in scored.pieces.items():
        if database is not None and genre >= 0 and len(set(database.genres.tolist())) > 1:
            silent = scored.values[system]["loudness_lufs"] <= SILENCE_LUFS  # has no nearest neighbour
            scored.values[system]["genre_retrieval"] = float(not silent and retrieved_genre(database, piece, song=song) == genre)
        if training is not None:
            scored.values[system]["novelty"] = float(novelty(training, piece[None])[0])
    return scored


def _matched(config: EvaluateConfig) -> tuple[list[Match], list[str]]:
    if config.workers < 1 or any(length <= 0 for length in config.lengths_seconds):
        raise InputError(f"workers {config.workers}, lengths {config.lengths_seconds}; expected at least one process and positive seconds")
    folders = {kind: Path(getattr(config, kind)) if getattr(config, kind) else None for kind in ("reference", "videos", "motion")}
    return match(Path(config.generated), **folders, partial=config.partial)


def _genres(config: EvaluateConfig, matches: list[Match]) -> dict[str, str | None]:
    """Genre of every dance, from the given file or its name."""
    given = read_genres(config.genres) if config.genres else {}
    return {m.dance: given.get(m.dance, given.get(m.name)) or genre_of_name(m.dance) for m in matches}


def _jobs(config: EvaluateConfig, matches: list[Match], genres: dict[str, str | None]) -> list[Job]:
    """One job per generated file; the other song is that of the next dance whose song differs."""
    dances = {m.dance: m for m in matches}
    songs = {dance: song_of_name(dance) or dance for dance in dances}
    order = list(dances)
    jobs = []
    for m in matches:
        after = order[order.index(m.dance) + 1 :] + order[: order.index(m.dance)]
        other = next((dances[dance] for dance in after if songs[dance] != songs[m.dance]), None)
        genre = genres[m.dance]
        jobs.append(
            Job(
                match=m,
                other=None if other is None else other.reference or other.generated,
                genre=-1 if genre is None else GENRES.index(genre),
                song=song_of_name(m.dance),
                seed=zlib.crc32(m.name.encode()) ^ config.seed,
            )
        )
    return jobs


def _windows(job: Job, length: float) -> Iterator[Job]:
    """Windows of a clip side by side, at most `WINDOWS_PER_CLIP`, spread over it; none for a shorter clip."""
    from dataclasses import replace

    total = _load(job.match.generated).duration_seconds
    n = int((total + 0.02) // length)  # a clip of 2 s may lack some samples
    for i in sorted({round(k) for k in np.linspace(0, n - 1, min(n, WINDOWS_PER_CLIP))}) if n else ():
        yield replace(job, window=(i * length, length), seed=job.seed + i + 1)


def _database(
    config: EvaluateConfig, matches: list[Match], genres: dict[str, str | None], hearing: HearingConfig, store: Cache
) -> Database | None:
    """Pieces for genre retrieval: those of a folder, else the references."""
    entries: list[tuple[Path | None, str | None, str]]
    if config.database:
        given, files = read_genres(config.genres) if config.genres else {}, sounds(Path(config.database), "music")
        entries = [(path, given.get(name) or genre_of_name(name), song_of_name(name) or name) for name, path in files.items()]
    else:
        firsts = {m.dance: m.reference for m in reversed(matches) if m.reference is not None}
        entries = [(path, genres[dance], song_of_name(dance) or dance) for dance, path in reversed(firsts.items())]
    entries = [entry for entry in entries if entry[1] is not None]
    if not entries:
        return None
    pieces = np.stack([embed_piece(_load(path), hearing, store) for path, _, _ in entries if path is not None])
    return Database(pieces, np.array([GENRES.index(genre) for _, genre, _ in entries if genre]), tuple(song for _, _, song in entries))


def _training(config: EvaluateConfig) -> list[Path]:
    return list(sounds(Path(config.training), "training music").values())


def _database_rule(config: EvaluateConfig) -> str:
    source = f"music in {config.database}" if config.database else "the references of this evaluation"
    return f"{source}; entries of the query's own song (by AIST++ name, else by file name) are left out; Euclidean, first of equals"


def _load(path: Path) -> Audio:
    """Music as it is heard; an error names the file."""
    from dance2music.music.audio import load_audio

    return load_audio(path, sample_rate=SAMPLE_RATE)


def _cut(audio: Audio, window: tuple[float, float] | None) -> Audio:
    if window is None:
        return audio
    first, n = round(window[0] * audio.sample_rate), round(window[1] * audio.sample_rate)
    samples = np.zeros((1, n), np.float32)
    part = audio.samples[:, first : first + n]
    samples[:, : part.shape[1]] = part
    return Audio(samples, audio.sample_rate)


def _inside(times: np.ndarray, window: tuple[float, float] | None, duration: float) -> np.ndarray:
    start, length = window or (0.0, duration)
    return times[(times >= start) & (times < start + length)] - start


def _seen(m: Match, store: Cache, window: tuple[float, float] | None) -> Seen | None:
    """The dance: from a motion file where there is one, else from the video."""
    path = m.motion or m.video
    if path is None:
        return None
    seen = see_file(path, store, video=m.motion is None)
    return seen if window is None else seen.window(*window)


def _clip(job: Job, generated: Audio, seen: Seen | None) -> ClipValues:
    m = job.match
    events: dict[str, list[float]] = {}
    if seen is not None:
        events["kinematic_beats"] = np.round(seen.kinematic_beats, 4).tolist()
        events["kinetic_velocity"] = np.round(seen.kinetic_velocity, 3).tolist()
        events["kinetic_fps"] = [seen.kinetic_fps]
    files = {kind: str(path) for kind in ("generated", "reference", "beats", "video", "motion") if (path := getattr(m, kind)) is not None}
    genre = None if job.genre < 0 else GENRES[job.genre]
    return ClipValues(m.name, m.dance, m.take, genre, job.song, generated.duration_seconds, {}, events, files)


def _protocol(config: EvaluateConfig) -> dict[str, object]:
    from dance2music.metrics import controls, published, rhythm
    from dance2music.metrics.catalogue import SHIFTS

    return {
        "sample_rate": SAMPLE_RATE,
        "channels": "mean",
        "unit": "one dance; takes and windows of a dance are averaged first",
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


def _run(calls: list[partial[Scored]], workers: int, progress: Progress | None) -> list[Scored]:
    """Results in order of the calls."""
    done: dict[int, Scored] = {}
    with _pool(min(workers, len(calls))) as submit:
        for index, result in submit(calls):
            done[index] = result
            if progress is not None:
                progress(len(done), len(calls))
    return [done[i] for i in range(len(calls))]


@contextmanager
def _pool(workers: int) -> Iterator[Callable[[list[partial[Scored]]], Iterator[tuple[int, Scored]]]]:
    """A function that runs calls and yields their results as they come; in this process for one worker."""
    if workers <= 1:
        yield lambda calls: ((i, call()) for i, call in enumerate(calls))
        return
    pool = ProcessPoolExecutor(workers, initializer=_one_thread)
    try:

        def submit(calls: list[partial[Scored]]) -> Iterator[tuple[int, Scored]]:
            futures = {pool.submit(call): i for i, call in enumerate(calls)}
            for future in as_completed(futures):
                yield futures[future], future.result()

        yield submit
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_thread() -> None:
    import warnings

    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
