"""Any folder as a data set: dance videos with their own music, or pairs of a motion file and a sound file of the same name.

::

    FOLDER/[train|validation|test/][GENRE/]NAME.mp4             a video; its sound is the music, the pose estimator gives the dance
    FOLDER/[train|validation|test/][GENRE/]NAME.npz + NAME.ogg  a motion file and its music; a video of that name adds optical flow
    FOLDER/clips.csv                                            optional: name, song, split, genre, tempo_bpm; what it says counts

Folder names say split and genre where they are one of ours (``house``, ``HO``). Without a split one song in ten is for testing and one for
validation, chosen by a digest of its name, so that adding clips moves no other. A clip is its own song unless ``clips.csv`` says otherwise.
"""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from pathlib import Path

from dance2music.data.lists import files_by_stem
from dance2music.data.manifest import MUSIC_SUFFIXES, SPLITS, VIDEO_SUFFIXES, Listing, Skip, Source, check_leaks
from dance2music.errors import InputError
from dance2music.types import GENRE_CODES, GENRES

TEST_SONG_EVERY = 10
TABLE = "clips.csv"
_COLUMNS = ("name", "song", "split", "genre", "tempo_bpm")
_MOTION_SUFFIXES = (".npz", ".npy", ".pkl")


def list_folder(folder: Path, *, lists: Path | None = None) -> Listing:
    """Clips of a folder of videos or pairs. ``lists`` is a folder that holds ``clips.csv``, by default the folder itself.

    Raises
    ------
    InputError
        If there is nothing to use, the table is broken, names a clip that is not there, or a song is in two splits.
    """
    motions, music, videos = (files_by_stem(folder, kinds) for kinds in (_MOTION_SUFFIXES, MUSIC_SUFFIXES, VIDEO_SUFFIXES))
    if lists is not None and not (lists / TABLE).is_file():
        raise InputError(f"{lists / TABLE}: no such file; expected a table of clips; leave --lists out or write one")
    table = _table((lists or folder) / TABLE)
    names = sorted(motions.keys() | videos.keys())
    unknown = [name for name in table if name not in names]
    if unknown:
        raise InputError(f"{(lists or folder) / TABLE}: {len(unknown)} entries have no file, first {unknown[0]!r}; expected all of them")
    sources: list[Source] = []
    skipped = [Skip(name, "is music without a video or motion file of that name") for name in sorted(music.keys() - set(names))]
    for name in names:
        sound = music.get(name) or videos.get(name)
        if sound is None:
            skipped.append(Skip(name, "is motion without music or a video of that name"))
            continue
        row = table.get(name, {})
        place = (motions.get(name) or videos[name]).relative_to(folder).parts[:-1]
        song = row.get("song") or name
        in_place = [genre for part in place if (genre := known_genre(part)) is not None]
        sources.append(
            Source(
                name,
                song,
                row.get("split") or next((part for part in place if part in SPLITS), None) or drawn_split(song),
                sound,
                motions.get(name),
                videos.get(name),
                genre=_genre(row["genre"], row["where"]) if row.get("genre") else next(iter(in_place), None),
                tempo_bpm=_tempo(row["tempo_bpm"], row["where"]) if row.get("tempo_bpm") else None,
            )
        )
    if not sources:
        raise InputError(f"{folder}: has no videos and no pairs of motion and music; expected some ({', '.join(VIDEO_SUFFIXES)})")
    check_leaks(sources, where=str(folder))
    return Listing(sources, skipped, _drawn(sources, table, folder))


def _drawn(sources: list[Source], table: dict[str, dict[str, str]], folder: Path) -> list[str]:
    """A note on how many songs had no split and drew one."""
    given = {clip.song for clip in sources if table.get(clip.name, {}).get("split") or _in_split(clip, folder)}
    drawn = {clip.song: clip.split for clip in sources if clip.song not in given}
    if not drawn:
        return []
    counts = ", ".join(f"{list(drawn.values()).count(split)} {split}" for split in SPLITS)
    return [f"{len(drawn)} songs had no split and drew one by their names: {counts}"]


def _in_split(clip: Source, folder: Path) -> bool:
    """Whether a clip lies in a folder that is named as a split."""
    return any(part in SPLITS for part in (clip.motion or clip.video or clip.music).relative_to(folder).parts[:-1])


def drawn_split(song: str) -> str:
    """Split of a song that no one has put into one: "test" for about one in ten, "validation" for another, by a digest of its name."""
    digest = int.from_bytes(hashlib.sha256(song.encode()).digest()[:4], "big")
    return {0: "test", 1: "validation"}.get(digest % TEST_SONG_EVERY, "train")


def known_genre(text: str) -> int | None:
    """Index into `types.GENRES` of a genre's name or AIST code, any case; None for other text."""
    if text.lower() in GENRES:
        return GENRES.index(text.lower())
    return GENRE_CODES.index(text.upper()) if text.upper() in GENRE_CODES else None


def _genre(text: str, where: str) -> int:
    genre = known_genre(text)
    if genre is None:
        raise InputError(f"{where}: genre {text!r}; expected one of {', '.join(GENRES)}, or nothing")
    return genre


def _tempo(text: str, where: str) -> float:
    try:
        tempo = float(text)
    except ValueError:
        tempo = 0.0
    if not 20.0 <= tempo <= 400.0:
        raise InputError(f"{where}: tempo_bpm {text!r}; expected 20 to 400, or nothing")
    return tempo


def _table(path: Path) -> dict[str, dict[str, str]]:
    """Rows of ``clips.csv`` by name, with "where" each stands; none where there is no such file."""
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [(f"{path} line {reader.line_num}", row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({error}); expected columns {', '.join(_COLUMNS)}") from error
    if not rows:
        raise InputError(f"{path}: is an empty table; expected columns {', '.join(_COLUMNS)} and a row for a clip; fill it or remove it")
    table: dict[str, dict[str, str]] = {}
    for where, row in rows:
        odd = [column for column in row if column not in _COLUMNS]
        if odd or not row.get("name"):
            raise InputError(f"{where}: expected columns {', '.join(_COLUMNS)} with a name; correct the table")
        values = [value for value in row.values() if value is not None]
        if len(values) < len(row):
            raise InputError(f"{where}: has {len(values)} values; expected {len(row)}, one of each column, which may be empty; correct it")
        name = row["name"].strip()
        for text in (name, row.get("song", "").strip()):
            if any(unicodedata.category(letter) == "Cc" for letter in text):
                raise InputError(f"{where}: {text!r} has a control character in it; expected letters; correct the table")
        if name in table:
            raise InputError(f"{where}: {name!r} is there twice; expected every clip once")
        if row.get("split") and row["split"] not in SPLITS:
            raise InputError(f"{where}: split {row['split']!r}; expected {', '.join(SPLITS)}, or nothing")
        table[name] = {column: value.strip() for column, value in row.items()} | {"where": where}
    return table
