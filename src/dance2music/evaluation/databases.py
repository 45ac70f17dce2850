"""What genres are retrieved from: music in a folder, the training segments of a prepared folder, or the references themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dance2music.data.manifest import MANIFEST, SAMPLE_RATE, read_manifest
from dance2music.data.parts import PARTS
from dance2music.errors import InputError
from dance2music.evaluation.features import Cache, HearingConfig, embed_piece, embedding
from dance2music.evaluation.jobs import EvaluateConfig, clip_of, load, pieces_of
from dance2music.evaluation.matching import Match, sounds
from dance2music.metrics.genre import Database, genre_of_name, read_genres, song_of_name
from dance2music.scale.shards import FOLDER as SHARDS
from dance2music.scale.table import is_sharded
from dance2music.types import GENRES, Audio

TRAINING = "train"


def database_of(
    config: EvaluateConfig,
    matches: list[Match],
    genres: dict[str, str | None],
    hearing: HearingConfig,
    store: Cache,
    *,
    window_seconds: float = 0.0,
) -> Database | None:
    """Pieces for genre retrieval: of ``config.database``, else the references; None where none has a genre.

    Parameters
    ----------
    window_seconds : cut sound files into windows of this length, 0 leaves them whole. Prepared segments last 2 s.

    Raises
    ------
    InputError
        If the folder has nothing that can be read, or is a prepared one without a training split or genres, in shards or in parts.
    """
    if config.database and (Path(config.database) / MANIFEST).is_file():
        return prepared_database(Path(config.database), hearing, store)
    if config.database:
        _check_finished(Path(config.database))
    found: list[tuple[Path, str | None, str]]
    if config.database:
        given, files = read_genres(config.genres) if config.genres else {}, sounds(Path(config.database), "music")
        found = [(path, given.get(name) or genre_of_name(name), song_of_name(name) or clip_of(name)) for name, path in files.items()]
    else:
        firsts = {m.dance: m.reference for m in reversed(matches) if m.reference is not None}
        pieces = pieces_of(config, firsts)
        found = [(path, genres[dance], pieces[dance].song or pieces[dance].clip) for dance, path in reversed(firsts.items())]
    embeddings, kinds, songs = [], [], []
    for path, genre, song in found:
        if genre is None:
            continue
        for part in _parts(load(path), window_seconds):
            embeddings.append(embed_piece(part, hearing, store))
            kinds.append(GENRES.index(genre))
            songs.append(song)
    return Database(np.stack(embeddings), np.array(kinds), tuple(songs)) if embeddings else None


def has_genres(folder: Path) -> bool:
    """Whether a folder is one of ``dance2music data prepare`` whose training split can be retrieved from."""
    if not (folder / MANIFEST).is_file():
        return False
    return any(row.split == TRAINING and row.genre is not None for row in read_manifest(folder))


def prepared_database(folder: Path, hearing: HearingConfig, store: Cache) -> Database:
    """The training segments of a folder of ``dance2music data prepare`` that have a genre: D2M-GAN's database (section 4.2).

    Raises
    ------
    InputError
        If it has no training split, none of it has a genre, or a file cannot be read.
    """
    from dance2music.data.dataset import mapped_npz
    from dance2music.data.features import segment_audio

    rows = [row for row in read_manifest(folder) if row.split == TRAINING]
    known = [row for row in rows if row.genre is not None]
    if not known:
        lacks = "its training clips have no genre; give genres when preparing" if rows else "has no training split; prepare one"
        raise InputError(f"--database {folder}: {lacks}, or name music with genres in its names")
    if hearing.vggish == "":
        name = embedding("").name
    else:
        name = hashlib.sha256(Path(hearing.vggish).read_bytes()).hexdigest()
    key = hashlib.sha256("\n".join([name, *(f"{row.music_sha256} {row.segments}" for row in known)]).encode()).hexdigest()

    def compute() -> dict[str, np.ndarray]:
        found = []
        for row in known:
            audio = mapped_npz(folder / row.features)["audio"]
            found += [embedding(hearing.vggish).piece(Audio(segment_audio(audio, k), SAMPLE_RATE)) for k in row.segments]
        return {"pieces": np.stack(found)}

    pieces = store.get("database", key, compute)["pieces"]
    genres = [GENRES.index(str(row.genre)) for row in known for _ in row.segments]
    return Database(pieces, np.array(genres), tuple(row.song for row in known for _ in row.segments))


def _check_finished(folder: Path) -> None:
    """Refuse shards, and a preparation whose parts were not put together, either of which is no folder of music. Raises InputError."""
    expected = "expected a folder with a file per clip, or of music"
    unpack = "make one of it with 'dance2music data unpack' and name that"
    if is_sharded(folder):
        raise InputError(f"--database {folder}: holds shards; {expected}; {unpack}")
    tars = any((folder / SHARDS).glob("*.tar"))
    if tars or any((folder / PARTS).glob("*-of-*.json")):
        then = f", then {unpack}" if tars else ""
        raise InputError(
            f"--database {folder}: holds parts of a preparation; {expected}; first run 'dance2music data merge {folder}'{then}"
        )


def database_rule(config: EvaluateConfig) -> str:
    """What genres are retrieved from, in words."""
    source = f"music in {config.database}" if config.database else "the references of this evaluation"
    if config.database and (Path(config.database) / MANIFEST).is_file():
        source = f"training segments of {config.database}"
    return f"{source}; entries of the query's own song (by manifest or AIST++ name, else by file name) are left out; Euclidean"


def _parts(audio: Audio, window_seconds: float) -> Iterator[Audio]:
    """Windows of a piece side by side, the whole piece for no window or where it is no longer than one."""
    n = round(window_seconds * audio.sample_rate)
    length = audio.samples.shape[-1]
    if not n or length < 2 * n:
        yield audio if not n else Audio(audio.samples[:, :n], audio.sample_rate)
        return
    for start in range(0, length - n + 1, n):
        yield Audio(audio.samples[:, start : start + n], audio.sample_rate)
