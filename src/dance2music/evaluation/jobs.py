"""What an evaluation is asked for, and the jobs that follow from it: which files, which other song, which windows, which database."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.errors import InputError
from dance2music.evaluation.features import Cache, HearingConfig, embed_piece
from dance2music.evaluation.matching import Match, match, sounds
from dance2music.metrics.genre import Database, genre_of_name, read_genres, song_of_name
from dance2music.seeds import Control
from dance2music.types import GENRES, Audio

WINDOWS_PER_CLIP = 8


@dataclass(frozen=True)
class EvaluateConfig:
    """What to evaluate, against what.

    Attributes
    ----------
    generated, reference, videos, motion : folders, '' where there is none; files are matched by name (`evaluation.matching`).
    name : of the method, for tables; by default the name of the folder.
    genres : file of ``name,genre`` lines; by default genres are read from AIST++ and corpus names.
    database : folder of music with genres in its names, for retrieval; by default the references of the other songs.
    training : folder of the music that the method was trained on, for novelty.
    vggish : VGGish weights for the embeddings; by default the embedded classifier's.
    lengths_seconds : also cut all clips into windows of these lengths and score those.
    codec : measure what the embedded codec makes of everything.
    cache : folder of what was heard and seen, which evaluations may share; ``OUT/cache`` by default.
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
    cache: str = ""
    partial: bool = False
    seed: int = 0
    workers: int = 2


@dataclass(frozen=True)
class Job:
    """One clip, or a window of it, to be scored: its files, the music of another song and which that is, genre and seed."""

    match: Match
    other: Path | None
    other_song: str | None
    genre: int
    song: str | None
    seed: int
    window: tuple[float, float] | None = None


def matched(config: EvaluateConfig) -> tuple[list[Match], list[str]]:
    """The generated files with their partners, and what was left out; raises InputError as `evaluate.evaluate` says."""
    if config.workers < 1 or any(length <= 0 for length in config.lengths_seconds):
        raise InputError(f"workers {config.workers}, lengths {config.lengths_seconds}; expected at least one process and positive seconds")
    folders = {kind: Path(getattr(config, kind)) if getattr(config, kind) else None for kind in ("reference", "videos", "motion")}
    return match(Path(config.generated), **folders, partial=config.partial)


def of_set(config: EvaluateConfig) -> EvaluateConfig:
    """The config of a folder that ``dance2music generate-set`` wrote, its references, motion and genres filled in where none are given.

    Other folders' configs come back as they are. Raises InputError if the folder's ``set.json`` cannot be read.
    """
    folder = Path(config.generated)
    about = folder / "set.json"
    if not about.is_file():
        return config
    try:
        method = str(json.loads(about.read_text(encoding="utf-8"))["method"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{about}: is no record of a set ({error}); expected one that 'dance2music generate-set' wrote") from error
    genres = folder / "genres.csv"
    own: dict[str, Any] = {"reference": str(folder / "reference"), "genres": str(genres) if genres.is_file() else "", "name": method}
    if not config.videos:
        own["motion"] = str(folder / "motion")
    chosen = {name: getattr(config, name) or value for name, value in own.items()}
    return replace(config, generated=str(folder / "music"), **chosen)


def genres_of(config: EvaluateConfig, matches: list[Match]) -> dict[str, str | None]:
    """Genre of every dance, from the given file or its name."""
    given = read_genres(config.genres) if config.genres else {}
    return {m.dance: given.get(m.dance, given.get(m.name)) or genre_of_name(m.dance) for m in matches}


def jobs_of(config: EvaluateConfig, matches: list[Match], genres: dict[str, str | None]) -> list[Job]:
    """One job per generated file; the other song is that of a dance drawn from those whose song differs.

    Drawn, since neighbours by name are often of one genre.
    """
    dances = {m.dance: m for m in matches}
    songs = {dance: song_of_name(dance) or dance for dance in dances}
    jobs = []
    for m in matches:
        seed = zlib.crc32(m.name.encode()) ^ config.seed
        others = [dance for dance in dances if songs[dance] != songs[m.dance]]
        other = dances[others[int(np.random.default_rng([seed, Control.OTHER_MUSIC]).integers(len(others)))]] if others else None
        genre = genres[m.dance]
        jobs.append(
            Job(
                match=m,
                other=None if other is None else other.reference or other.generated,
                other_song=None if other is None else songs[other.dance],
                genre=-1 if genre is None else GENRES.index(genre),
                song=song_of_name(m.dance),
                seed=seed,
            )
        )
    return jobs


def windows_of(job: Job, length: float) -> Iterator[Job]:
    """Windows of a clip side by side, at most `WINDOWS_PER_CLIP`, spread over it; none for a shorter clip."""
    total = load(job.match.generated).duration_seconds
    n = int((total + 0.02) // length)  # a clip of 2 s may lack some samples
    for i in sorted({round(k) for k in np.linspace(0, n - 1, min(n, WINDOWS_PER_CLIP))}) if n else ():
        yield replace(job, window=(i * length, length), seed=job.seed + i + 1)


def database_of(
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
    pieces = np.stack([embed_piece(load(path), hearing, store) for path, _, _ in entries if path is not None])
    return Database(pieces, np.array([GENRES.index(genre) for _, genre, _ in entries if genre]), tuple(song for _, _, song in entries))


def training_files(config: EvaluateConfig) -> list[Path]:
    """The music that the method was trained on."""
    return list(sounds(Path(config.training), "training music").values())


def database_rule(config: EvaluateConfig) -> str:
    """What genres are retrieved from, in words."""
    source = f"music in {config.database}" if config.database else "the references of this evaluation"
    return f"{source}; entries of the query's own song (by AIST++ name, else by file name) are left out; Euclidean, first of equals"


def load(path: Path) -> Audio:
    """Music as its file has it, the first two channels at its own rate; an error names the file."""
    from dance2music.music.audio import load_audio

    audio = load_audio(path, mono=False)
    return Audio(audio.samples[:2], audio.sample_rate)
