"""What every data set becomes: clips in a manifest. A reader lists `Source`s; `data.prepare` makes a `ClipRow` of each, or a `Skip`.

A clip is a dance and its music on one time axis. It is cut into segments of `SEGMENT_SECONDS`, as both papers train and test on, named
``CLIP_segK`` with K from 1 as in the published lists. Songs belong to one split each: `check_leaks`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dance2music.documents import fits, inside, json_value, plain_name
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.types import GENRES

SAMPLE_RATE = 22050
"""Hz, of all music of both papers."""
SEGMENT_SECONDS = 2.0
SLACK_SECONDS = 0.05
"""So much may be missing at the end of a clip's last segment, and is filled: AIST's counts come out a frame short here and there."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
MUSIC_SUFFIXES = (".wav", ".flac", ".aiff", ".aif", ".ogg", ".opus", ".oga", ".mp3", ".m4a", ".aac")
SPLITS = ("train", "validation", "test")
_MOST_SEGMENTS = 10_000
MANIFEST, SKIPPED, ABOUT = "manifest.jsonl", "skipped.jsonl", "prepared.json"


@dataclass(frozen=True)
class Source:
    """One clip as a data set has it on disk, before anything of it was read.

    Attributes
    ----------
    name : str, unique in the data set; a file name without folder or suffix.
    song : str; two clips with the same music have the same.
    split : one of `SPLITS`.
    genre : index into `types.GENRES`, or None.
    tempo_bpm : float or None.
    motion : motion file of any kind that `dance.motion_files.load_motion` reads, or None: the pose is then estimated from ``video``.
    music : sound file, or a video whose sound is taken.
    video : None where there is no picture.
    visual : ``.npy`` files of float [1, D] or [D], one visual vector per segment, from elsewhere; empty where there are none.
    visual_segments : which segments (K, from 1) have them; empty where all that are wanted have.
    segments : which segments (K, from 1) are wanted; None takes all that fit.
    beat_times_seconds : known beats, or None.
    """

    name: str
    song: str
    split: str
    music: Path
    motion: Path | None = None
    video: Path | None = None
    genre: int | None = None
    tempo_bpm: float | None = None
    visual: tuple[Path, ...] = ()
    visual_segments: tuple[int, ...] = ()
    segments: tuple[int, ...] | None = None
    beat_times_seconds: tuple[float, ...] | None = None

    @property
    def files(self) -> dict[str, Path]:
        """All files that the clip is made of, by what they are."""
        own = {"motion": self.motion, "music": self.music, "video": self.video}
        return {kind: path for kind, path in own.items() if path is not None} | {
            f"visual{i}": path for i, path in enumerate(self.visual, start=1)
        }


@dataclass(frozen=True)
class Skip:
    """A clip, or one of its segments, that a data set names and that cannot be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """What a reader found: clips to prepare, and what it left out already."""

    sources: Sequence[Source]
    skipped: Sequence[Skip] = ()
    notes: Sequence[str] = ()


class Reader(Protocol):
    """A data set: its folder in, its clips out, without reading more than names and lists. Raises InputError if the folder is of another
    kind, a list is broken, or a song is in two splits."""

    def __call__(self, folder: Path, *, lists: Path | None = None) -> Listing: ...


@dataclass(frozen=True)
class ClipRow:
    """One row of the manifest.

    Attributes
    ----------
    name, song, split, genre, tempo_bpm : as `Source`; the genre by its name.
    duration_seconds : float, of what motion and music share.
    segments : the segments (K, from 1) that lie in it; K covers the seconds 2 (K - 1) to 2 K.
    features : file of the features, relative to the manifest's folder; `data.features` says what is in it.
    arrays : names and shapes of the arrays in it.
    codes : by codec (name and digest), the file of its codes.
    sources : by kind, the file that it was made from.
    music_sha256 : digest of the music's samples.
    key : digest of the settings and of size and time of the source files; another key makes the clip anew.
    """

    name: str
    song: str
    split: str
    genre: str | None
    tempo_bpm: float | None
    duration_seconds: float
    segments: tuple[int, ...]
    features: str
    arrays: dict[str, list[int]]
    sources: dict[str, str]
    music_sha256: str
    key: str
    codes: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str, *, where: str) -> ClipRow:
        """The row of a line. Raises InputError if it is none."""
        try:
            values: dict[str, Any] = json_value(text)
            row = cls(**{**values, "segments": tuple(int(k) for k in values["segments"])})
            if not fits(row, cls) or not all(0 <= number < 1e6 for number in (row.duration_seconds, row.tempo_bpm or 0)):
                raise ValueError("a value of another kind")
            if not row.segments or len(row.segments) > _MOST_SEGMENTS or not all(1 <= k <= _MOST_SEGMENTS for k in row.segments):
                raise ValueError("segments that cannot be")
            if row.genre is not None and row.genre not in GENRES:
                raise ValueError("an unknown genre")
            plain_name(row.name, where=where)
            for file in (row.features, *row.codes.values()):
                inside(Path(), file, where=where)
            return row
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise InputError(f"{where}: is no row of a manifest ({error}); run 'dance2music data prepare' again") from error


def read_manifest(folder: str | Path) -> list[ClipRow]:
    """The rows of a prepared folder.

    Raises
    ------
    InputError
        If there is no manifest or a row cannot be read; the message names the line.
    """
    path = Path(folder) / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        if path.with_suffix(".parquet").is_file():
            raise InputError(
                f"{folder}: holds shards; expected a file per clip; make a folder of it with 'dance2music data unpack'"
            ) from error
        raise InputError(f"{path}: cannot be read; expected a folder made by 'dance2music data prepare'; run it to its end") from error
    return [ClipRow.from_json(line, where=f"{path} line {i}") for i, line in enumerate(lines, start=1)]


def write_lines(path: Path, rows: Iterable[str]) -> None:
    """Write a JSON lines file whole."""
    with whole_file(path) as temporary:
        temporary.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def check_leaks(clips: Iterable[Source | ClipRow], *, where: str, same_held_out: bool = False) -> None:
    """Refuse a data set in which a song, or the very same music under two names, is in two splits.

    Parameters
    ----------
    clips : sources, or rows of a manifest, whose music is then compared too.
    where : the data set, for the message.
    same_held_out : validation and test may share songs, as in the official split of AIST++; the training split never shares any.

    Raises
    ------
    InputError
        Naming the song, both splits and a clip of each.
    """
    seen: dict[str, Source | ClipRow] = {}
    for clip in clips:
        for key in (clip.song, getattr(clip, "music_sha256", clip.song)):
            first = seen.setdefault(key, clip)
            if first.split == clip.split or (same_held_out and "train" not in (first.split, clip.split)):
                continue
            song = f"song {clip.song!r}" if first.song == clip.song else f"the same music, as songs {first.song!r} and {clip.song!r},"
            raise InputError(
                f"{where}: {song} is in two splits, {first.split} ({first.name}) and {clip.split} ({clip.name}); "
                "expected every song in one; move all its clips into one split"
            )


def segment_name(clip: str, k: int) -> str:
    """Name of a segment as in the published lists; a clip that is a published segment itself keeps its name."""
    return clip if re.search(r"_seg\d+$", clip) else f"{clip}_seg{k}"


def segments_within(duration_seconds: float) -> tuple[int, ...]:
    """The segments (K, from 1) that fit into a clip."""
    return tuple(range(1, 1 + int((duration_seconds + SLACK_SECONDS) // SEGMENT_SECONDS)))


Progress = Callable[[int, int], None]
"""Called with (done, of)."""
