"""Genre of music: by the nearest neighbour in a database, as D2M-GAN has it, and by a classifier; and the embeddings for both.

Zhu et al. 2022, section 4.2: a generated piece is right if the nearest original in a database of segments (VGGish features, Euclidean) is
of the genre of its dance. The paper leaves open which database, whether a segment's own source is in it, layer, pooling and ties. Here:

- The database is what the caller gives: for the published protocol all training segments of the test segments' length.
- Self-match: entries of the query's own song are left out (same ``song``; where songs are unknown, the same name).
- VGGish before its PCA, mean over the examples of 0.96 s; any other embedding in its place, named beside the score.
- Of equally near entries the first in the database counts.

With a generator that is told the genre this partly measures whether it obeys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dance2music.errors import InputError
from dance2music.metrics.diversity import distances
from dance2music.types import GENRE_CODES, GENRES, Audio

if TYPE_CHECKING:
    from dance2music.perception.genre import MusicGenreClassifier

WINDOW_SECONDS = 2.0
"""Window of `Embedding.frames` of the embedded classifier; windows overlap by half."""


class Embedding(Protocol):
    """Turns music into vectors. ``name`` goes beside every score that was made with it."""

    name: str

    def frames(self, audio: Audio) -> np.ndarray:
        """Vectors of consecutive windows, float32 [n > 0, D]: what Fréchet distances are taken over."""

    def piece(self, audio: Audio) -> np.ndarray:
        """Vector of the whole piece, float32 [D]."""


@dataclass(frozen=True)
class Database:
    """Pieces to be retrieved: ``embeddings`` float [m, D], genre (index into `GENRES`) int [m], and the song of each."""

    embeddings: np.ndarray
    genres: np.ndarray
    songs: tuple[str, ...]


def retrieved_genre(database: Database, embedding: np.ndarray, *, songs: Collection[str] = ()) -> int:
    """Genre of the nearest entry that is not of the query's own song; -1 where there is none.

    Parameters
    ----------
    database : Database.
    embedding : float [D] of the query.
    songs : to be left out: the song that the query's dance belongs to.
    """
    if not len(database.embeddings):
        return -1
    distance = distances(np.asarray(embedding, dtype=np.float64)[None], np.asarray(database.embeddings, dtype=np.float64))[0]
    distance = np.where(np.isin(np.array(database.songs), list(songs)), np.inf, distance)
    nearest = int(np.argmin(distance))
    return int(database.genres[nearest]) if np.isfinite(distance[nearest]) else -1


def genre_right(database: Database, embedding: np.ndarray, genre: int, *, songs: Collection[str] = (), silent: bool = False) -> float:
    """Whether the nearest piece of a database is of the dance's genre: 1 or 0, NaN where no answer could be right or wrong.

    Parameters
    ----------
    database, songs : as `retrieved_genre`.
    embedding : float [D] of the query.
    genre : of the dance, an index into `GENRES`.
    silent : silence has no nearest neighbour: 0.
    """
    if why_undefined(database, genre, songs=songs):
        return math.nan
    return float(not silent and retrieved_genre(database, embedding, songs=songs) == genre)


def why_undefined(database: Database | None, genre: int, *, songs: Collection[str] = ()) -> str:
    """Why no retrieval from a database could be right, or none could be wrong, for a dance; "" where it says something.

    Parameters
    ----------
    database : Database or None.
    genre : of the dance, an index into `GENRES`; -1 where unknown.
    songs : to be left out, as in `retrieved_genre`.
    """
    if genre < 0:
        return "the genre of the dance is not known"
    if database is None or not len(database.embeddings):
        return "there is no database of music with known genres"
    left = database.genres[~np.isin(np.array(database.songs), list(songs))]
    if not np.any(left == genre):
        return "the database has no other song of the dance's genre, so that no answer could be right"
    if np.all(left == genre):
        return "the database has one genre only, so that every answer would be right"
    return ""


def genre_accuracy(reference: Sequence[int], estimate: Sequence[int]) -> float:
    """Share of the pieces whose genre is that of their dance, S_c / S_t (D2M-GAN section 4.2): chance is about one over the genres.

    Parameters
    ----------
    reference, estimate : genres as indices; -1 in ``reference`` (unknown) leaves the piece out, in ``estimate`` it is wrong.

    Returns
    -------
    float in 0..1; NaN where no genre is known.
    """
    known = [(r, e) for r, e in zip(reference, estimate, strict=True) if r >= 0]
    return float(np.mean([r == e for r, e in known])) if known else math.nan


class EmbeddedGenre:
    """The layer before the logits of the classifier that comes with the package, trained on composed music: float32 [2 * channels]."""

    name = "dance2music music_genre, penultimate layer"

    def frames(self, audio: Audio) -> np.ndarray:
        """Vectors float32 [n, D] of windows of `WINDOW_SECONDS` with half an overlap; one of the whole piece where it is shorter."""
        import torch

        x = self._samples(audio)
        width = round(WINDOW_SECONDS * genre_classifier().config.sample_rate)
        if len(x) <= width:
            return self.piece(audio)[None]
        windows = np.lib.stride_tricks.sliding_window_view(x, width)[:: width // 2]
        with torch.no_grad():
            return genre_classifier().embed(torch.from_numpy(np.ascontiguousarray(windows))[:, None]).numpy()

    def piece(self, audio: Audio) -> np.ndarray:
        """Vector float32 [D] of the whole piece."""
        import torch

        with torch.no_grad():
            return genre_classifier().embed(torch.from_numpy(self._samples(audio))[None, None])[0].numpy()

    def classify(self, audio: Audio) -> int:
        """Genre that the classifier hears, as index into `GENRES`; -1 for silence."""
        import torch

        if not np.any(audio.samples):
            return -1
        with torch.no_grad():
            return int(genre_classifier()(torch.from_numpy(self._samples(audio))[None, None]).argmax())

    @staticmethod
    def _samples(audio: Audio) -> np.ndarray:
        """Mono at the classifier's rate, float32 [N], padded to the two windows that its spectrum needs."""
        from dance2music.music.audio import resample
        from dance2music.music.beats import mono

        config = genre_classifier().config
        y = np.array(mono(resample(audio, config.sample_rate)), dtype=np.float32)
        return np.pad(y, (0, max(0, 2 * config.n_fft - len(y))))


class VGGishEmbedding:
    """VGGish from a checkpoint of the user's (`perception.vggish.load_vggish`): 128 numbers, mean over examples of 0.96 s."""

    def __init__(self, path: str | Path) -> None:
        from dance2music.checkpoint import sha256_of
        from dance2music.perception.vggish import load_vggish

        self.model = load_vggish(path)
        self.name = f"VGGish before PCA ({Path(path).name}, sha256 {sha256_of(path)[:12]})"

    def frames(self, audio: Audio) -> np.ndarray:
        """One vector per example: float32 [n, 128]."""
        import torch

        from dance2music.perception.vggish import log_mel_examples

        with torch.no_grad():
            return self.model(log_mel_examples(audio)).numpy()

    def piece(self, audio: Audio) -> np.ndarray:
        """Mean float32 [128] of `frames`."""
        return self.frames(audio).mean(axis=0)


@cache
def genre_classifier() -> MusicGenreClassifier:
    """The embedded classifier of sound, loaded once."""
    from dance2music.checkpoint import load_embedded
    from dance2music.perception.genre import MusicGenreClassifier

    model = load_embedded("music_genre", expected="music-genre")
    assert isinstance(model, MusicGenreClassifier)
    return model


_NAMED = re.compile(r"(?:^|_)(?:g|m|syn)(" + "|".join(GENRE_CODES) + r")(?=[_\d]|$)")
_SONG = re.compile(r"(?:^|_)(m(?:" + "|".join(GENRE_CODES) + r")\d)(?=_|$)")


def genre_of_name(name: str) -> str | None:
    """Genre that a file's name tells: AIST++ (``gBR_...``, ``..._mBR0_...``) and this project's corpus (``synBR0...``); None otherwise."""
    found = _NAMED.search(name)
    return GENRES[GENRE_CODES.index(found[1])] if found else None


def song_of_name(name: str) -> str | None:
    """Piece that an AIST++ file's name tells (``..._mBR0_...``), None otherwise."""
    found = _SONG.search(name)
    return found[1] if found else None


def read_genres(path: str | Path) -> dict[str, str]:
    """Genres from a file with one ``name,genre`` per line; genres as in `GENRES` or as AIST++ letters.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is not of that form.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a text file with one name,genre per line") from error
    genres: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, _, genre = (part.strip() for part in line.partition(","))
        genre = GENRES[GENRE_CODES.index(genre)] if genre in GENRE_CODES else genre
        if not name or genre not in GENRES:
            raise InputError(f"{path}, line {number}: {line!r}; expected name,genre with one of {', '.join(GENRES)}")
        genres[name] = genre
    return genres
