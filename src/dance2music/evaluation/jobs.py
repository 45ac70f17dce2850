"""What an evaluation is asked for, and the jobs that follow from it: which files, which other song, which windows."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.checkpoint import read_provenance
from dance2music.data.aist import AistName
from dance2music.data.manifest import MANIFEST
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.evaluation.matching import Match, match, sounds
from dance2music.generation.request import check_seed
from dance2music.metrics.genre import genre_of_name, read_genres, song_of_name
from dance2music.music.beats import USUAL_BPM
from dance2music.seeds import Control
from dance2music.takes.methods import METHODS, Method
from dance2music.types import GENRES, Audio

WINDOWS_PER_CLIP = 8
SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0


@dataclass(frozen=True)
class EvaluateConfig:
    """What to evaluate, against what.

    Attributes
    ----------
    generated, reference, videos, motion : folders, '' where there is none; files are matched by name (`evaluation.matching`).
    name : of the method, for tables; by default the name of the folder.
    genres : file of ``name,genre`` lines; by default genres are read from AIST++ and corpus names.
    songs : ``manifest.jsonl`` of a set, which says to which song a dance belongs; by default AIST++ names tell, else the name itself.
    start_bpm : tempo at which AIST++'s score begins to look for the beat; 0 takes the piece's, by AIST++ name or ``songs``, else 120.
    database : folder of music with genres in its names, or of ``dance2music data prepare``, of which the training segments are taken, for
        retrieval; by default the references of the other songs.
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
    songs: str = ""
    start_bpm: float = 0.0
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
    """One clip, or a window of it, to be scored: its files, the music of another song and which that is, genre, its tempo, seed.

    ``dance`` is the unit: of a segment the clip, whose segments have ``shift_seed`` in common, so that random shifts move them together.
    """

    match: Match
    other: Path | None
    other_song: str | None
    genre: int
    song: str | None
    seed: int
    window: tuple[float, float] | None = None
    start_bpm: float = USUAL_BPM
    dance: str = ""
    shift_seed: int | None = None


def matched(config: EvaluateConfig) -> tuple[list[Match], list[str]]:
    """The generated files with their partners, and what was left out; raises InputError as `evaluate.evaluate` says."""
    if config.workers < 1 or any(length <= 0 for length in config.lengths_seconds):
        raise InputError(f"workers {config.workers}, lengths {config.lengths_seconds}; expected at least one process and positive seconds")
    if config.start_bpm and not SLOWEST_BPM <= config.start_bpm <= FASTEST_BPM:
        raise InputError(f"--start-bpm {config.start_bpm:g}: expected {SLOWEST_BPM:g} to {FASTEST_BPM:g}, or 0 for the piece's own tempo")
    check_seed(config.seed)
    folders = {kind: Path(getattr(config, kind)) if getattr(config, kind) else None for kind in ("reference", "videos", "motion")}
    return match(Path(config.generated), **folders, partial=config.partial)


@dataclass(frozen=True)
class SetRecord:
    """What made a folder of ``dance2music generate-set``: the method's name with its level, the prepared folder, and whether its music was
    denoised, or should be, since the noise of a codec is in it."""

    name: str
    prepared: str
    denoised: bool
    noisy: bool


def set_record(folder: Path) -> SetRecord | None:
    """The record of a set of prepared dances, or None of a folder that is none. Raises InputError if its ``set.json`` cannot be read."""
    path = folder / "set.json"
    if not path.is_file():
        return None
    try:
        about = json_value(path.read_text(encoding="utf-8"))
        if "folder" in about and "prepared" not in about:  # music for a folder of videos: nothing is known of its dances
            return None
        method, prepared = str(about["method"]), str(about["prepared"])
        known = METHODS.get(method)
        gated = known is None or known.denoise
        level = _level_of(about.get("level"), about.get("weights"), known)
        denoised = bool(about.get("denoise", True)) and gated
        return SetRecord(f"{method}-{level}" if level else method, prepared, denoised, gated and not denoised)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is no record of a set ({error}); expected one that 'dance2music generate-set' wrote") from error


def _level_of(asked: str | None, weights: str | None, method: Method | None) -> str:
    """The level of a set's method: what was asked for, its first one, or that of the run whose weights played; "" where it has none."""
    if asked or method is None or not method.levels:
        return asked or ""
    if weights is None:
        return method.levels[0]
    path = Path(weights) / "generator.safetensors" if Path(weights).is_dir() else Path(weights)
    try:
        return str(read_provenance(path).get("level", ""))
    except InputError:  # the run has moved
        return ""


def of_set(config: EvaluateConfig) -> EvaluateConfig:
    """The config of a folder that ``dance2music generate-set`` wrote, its what it knows filled in where nothing is given.

    Other folders' configs come back as they are. Raises InputError if the folder's ``set.json`` cannot be read.
    """
    folder = Path(config.generated)
    record = set_record(folder)
    if record is None:
        return config
    genres, songs = folder / "genres.csv", folder / MANIFEST
    own: dict[str, Any] = {"reference": str(folder / "reference"), "genres": str(genres) if genres.is_file() else "", "name": record.name}
    own["songs"] = str(songs) if songs.is_file() else ""
    if not config.videos:
        own["motion"] = str(folder / "motion")
    chosen = {name: getattr(config, name) or value for name, value in own.items()}
    return replace(config, generated=str(folder / "music"), **chosen)


@dataclass(frozen=True)
class Piece:
    """What is known of the music that a dance was danced to: its song, by which clips of one song are told, the clip that the dance
    is, or is a segment of, and its tempo, 0 if unknown."""

    song: str | None
    clip: str
    tempo_bpm: float = 0.0


def pieces_of(config: EvaluateConfig, dances: Iterable[str]) -> dict[str, Piece]:
    """The piece of every dance, from the manifest of its set or its AIST++ name. Raises InputError if the manifest cannot be read."""
    listed: dict[str, Any] = {}
    if config.songs:
        try:
            rows = [json_value(line) for line in Path(config.songs).read_text(encoding="utf-8").splitlines()]
            listed = {row["name"]: Piece(str(row["song"]), clip_of(str(row["clip"])), float(row["tempo_bpm"] or 0.0)) for row in rows}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{config.songs}: cannot be read ({error}); expected the manifest that 'dance2music generate-set' wrote"
            ) from error
    return {dance: listed.get(dance) or Piece(song_of_name(dance), clip_of(dance), _named_bpm(dance)) for dance in dances}


def clip_of(name: str) -> str:
    """The clip that a segment ``CLIP_segK``, by its name, is of; other names as they are."""
    return re.sub(r"_seg\d+(-\d+)?$", "", name)


def check_apart(config: EvaluateConfig, out: Path) -> None:
    """Refuse results among the music that they are of, where a second call would find them. Raises InputError."""
    for kind in ("generated", "reference", "videos", "motion"):
        given = getattr(config, kind)
        if given and out.resolve().is_relative_to(Path(given).resolve()):
            raise InputError(f"{out}: lies in --{kind} {given}, of which it would become a part; choose an --out elsewhere")


def _named_bpm(dance: str) -> float:
    """Tempo of the piece of an AIST++ sequence or segment, 0 for other names."""
    try:
        return float(AistName.parse(clip_of(dance)).tempo_bpm)
    except InputError:
        return 0.0


def genres_of(config: EvaluateConfig, matches: list[Match]) -> dict[str, str | None]:
    """Genre of every dance, from the given file or its name."""
    given = read_genres(config.genres) if config.genres else {}
    return {m.dance: given.get(m.dance, given.get(m.name)) or genre_of_name(m.dance) for m in matches}


def jobs_of(config: EvaluateConfig, matches: list[Match], genres: dict[str, str | None]) -> list[Job]:
    """One job per generated file; the other song is that of a dance drawn from those whose song differs.

    Drawn, since neighbours by name are often of one genre.
    """
    dances = {m.dance: m for m in matches}
    pieces = pieces_of(config, dances)
    songs = {dance: piece.song or piece.clip for dance, piece in pieces.items()}
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
                song=pieces[m.dance].song,
                seed=seed,
                start_bpm=config.start_bpm or pieces[m.dance].tempo_bpm or USUAL_BPM,
                dance=pieces[m.dance].clip,
                shift_seed=None if pieces[m.dance].clip == m.dance else zlib.crc32(pieces[m.dance].clip.encode()) ^ config.seed,
            )
        )
    return jobs


def windows_of(job: Job, length: float, *, most: int = WINDOWS_PER_CLIP) -> Iterator[Job]:
    """Windows of a clip side by side, at most ``most``, spread over it; none for a shorter clip."""
    total = load(job.match.generated).duration_seconds
    n = int((total + 0.02) // length)  # a clip of 2 s may lack some samples
    for i in sorted({round(k) for k in np.linspace(0, n - 1, min(n, most))}) if n else ():
        yield replace(job, window=(i * length, length), seed=job.seed + i + 1)


def training_files(config: EvaluateConfig) -> list[Path]:
    """The music that the method was trained on."""
    return list(sounds(Path(config.training), "training music").values())


def load(path: Path) -> Audio:
    """Music as its file has it, the first two channels at its own rate; an error names the file."""
    from dance2music.music.audio import load_audio

    audio = load_audio(path, mono=False)
    return Audio(audio.samples[:2], audio.sample_rate)
