"""AIST++ (Li et al. 2021): dances of ten genres to 60 pieces, with SMPL motion at 60 fps. What names say, the official split, the lists.

A name, as ``gBR_sBM_c01_d04_mBR0_ch02``, tells genre, situation, camera (``cAll`` in annotations), dancers, piece and choreography. The
piece tells the tempo: its digit counts steps of 10 bpm from 80, for house of 5 bpm from 110. A basic dance (``sBM``) lasts 16 beats, an
advanced one (``sFM``) 64, which gives the number of 2 s segments in every line of the published lists.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dance2music.data.lists import About, files_by_stem, find_list, list_released, read_list, segment_of
from dance2music.data.manifest import (
    MUSIC_SUFFIXES,
    SPLITS,
    VIDEO_SUFFIXES,
    Listing,
    Skip,
    Source,
    check_leaks,
    segment_name,
    segments_within,
)
from dance2music.errors import InputError
from dance2music.types import GENRE_CODES

CAMERA = "01"
"""The frontal camera, of which the published lists are."""
SITUATION_BEATS: dict[str, int] = {"BM": 16, "FM": 64}

_CODES = "|".join(GENRE_CODES)
_NAME = re.compile(
    rf"g(?P<genre>{_CODES})_s(?P<situation>[A-Z]{{2}})_c(?P<camera>All|\d\d)_d(?P<dancer>\d\d(?:_d\d\d)*)"
    rf"_m(?P<piece>(?:{_CODES})[0-5])_ch(?P<choreography>\d\d)"
)


@dataclass(frozen=True)
class AistName:
    """What the name of an AIST video or sequence says.

    Attributes
    ----------
    genre : index into `types.GENRES`.
    situation : "BM" basic, "FM" advanced, and those of AIST that AIST++ leaves out.
    camera : "01" to "09", or "All".
    dancers : numbers, more than one for a group.
    piece : as "mBR0".
    choreography : number.
    """

    genre: int
    situation: str
    camera: str
    dancers: tuple[int, ...]
    piece: str
    choreography: int

    @classmethod
    def parse(cls, name: str, *, where: str = "AIST++ name") -> AistName:
        """The parts of a name (without folder and suffix). Raises InputError if it is none."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise InputError(f"{where}: {name!r} is no name of AIST++; expected one as gBR_sBM_cAll_d04_mBR0_ch02; check the file")
        return cls(
            GENRE_CODES.index(match["genre"]),
            match["situation"],
            match["camera"],
            tuple(int(d) for d in match["dancer"].split("_d")),
            f"m{match['piece']}",
            int(match["choreography"]),
        )

    def named(self, camera: str) -> str:
        """The name with a camera: "All" for annotations, "01" for the published segments."""
        dancers = "".join(f"_d{d:02d}" for d in self.dancers)
        return f"g{GENRE_CODES[self.genre]}_s{self.situation}_c{camera}{dancers}_{self.piece}_ch{self.choreography:02d}"

    @property
    def tempo_bpm(self) -> float:
        """Tempo of the piece: 80 to 130, of house 110 to 135."""
        return tempo_of_piece(self.piece)

    @property
    def duration_seconds(self) -> float | None:
        """Length by situation and tempo; None for situations without a set number of beats."""
        beats = SITUATION_BEATS.get(self.situation)
        return None if beats is None else beats * 60.0 / self.tempo_bpm


def tempo_of_piece(piece: str) -> float:
    """Tempo in bpm of a piece, as 100 of "mBR2"."""
    digit = int(piece[-1])
    return float(110 + 5 * digit if piece[1:3] == "HO" else 80 + 10 * digit)


def published_segments(path: Path) -> list[tuple[AistName, int]]:
    """Name and K of every line of a published AIST++ segment list. Raises InputError with the line where one is none."""
    entries = []
    for i, entry in enumerate(read_list(path), start=1):
        clip, k = segment_of(entry, where=f"{path} line {i}")
        entries.append((AistName.parse(clip, where=f"{path} line {i}"), k))
    return entries


def check_labels(segments: Sequence[tuple[AistName, int]], labels: Path) -> None:
    """Compare the published one-hot genres, ``.npy`` or ``.npy.gz`` [N, 10], with the names of a list.

    Raises
    ------
    InputError
        If there are not as many, a row is not one-hot, or names say otherwise; the message counts and names the first.
    """
    try:
        data = labels.read_bytes()
        one_hot = np.load(io.BytesIO(gzip.decompress(data) if labels.suffix == ".gz" else data), allow_pickle=False)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{labels}: cannot be read as genre labels ({error}); expected an array [N, 10]; get it again") from error
    if one_hot.shape != (len(segments), len(GENRE_CODES)):
        raise InputError(f"{labels}: shape {one_hot.shape}; expected ({len(segments)}, {len(GENRE_CODES)}), a row per line of the list")
    if not (np.isin(one_hot, (0, 1)).all() and (one_hot.sum(axis=1) == 1).all()):
        raise InputError(f"{labels}: has rows that are not one-hot; expected exactly one 1 in each; get it again")
    wrong = [i for i, (name, _) in enumerate(segments) if int(one_hot[i].argmax()) != name.genre]
    if wrong:
        i = wrong[0]
        raise InputError(
            f"{labels}: {len(wrong)} of {len(segments)} genres are not those of the names, first line {i + 1}: "
            f"{GENRE_CODES[int(one_hot[i].argmax())]} for {segments[i][0].named(CAMERA)}; get list and labels again"
        )


class ListComparison(NamedTuple):
    """Segments that a list has and the split does not give, and the other way round."""

    only_listed: list[str]
    only_regenerated: list[str]


def regenerate(sequences: Iterable[AistName], durations_seconds: Mapping[str, float] | None = None) -> list[str]:
    """Names of all 2 s segments of sequences, as in the published lists (camera 01).

    Parameters
    ----------
    sequences : of a split.
    durations_seconds : by sequence name (``cAll``), where known; elsewhere the length by situation and tempo counts.
    """
    names = []
    for sequence in sequences:
        seconds = (durations_seconds or {}).get(sequence.named("All"), sequence.duration_seconds)
        names += [segment_name(sequence.named(CAMERA), k) for k in segments_within(seconds or 0.0)]
    return names


def compare_lists(published: Iterable[tuple[AistName, int]], regenerated: Iterable[str]) -> ListComparison:
    """What differs between a published list and a regenerated one, sorted."""
    listed, own = {segment_name(name.named(CAMERA), k) for name, k in published}, set(regenerated)
    return ListComparison(sorted(listed - own), sorted(own - listed))


def list_aist(folder: Path, *, lists: Path | None = None) -> Listing:
    """Clips of AIST++ as it unpacks, with AIST's videos or music.

    Annotations (``motions`` or ``keypoints3d``, ``splits``, ``ignore_list.txt``), videos (of camera 01) and music (``mBR0.wav``) may lie
    anywhere in the folder. Sound comes from the video where there is one, as the videos are cut to the music; else from the piece, with
    whose beginning every dance begins.

    By default all segments of the official cross-modal split count, but for the ignore list. With ``lists``, a folder that holds the
    published segment lists (``aist_audio_train_segment.txt``), just these count, checked against names, labels and the official split; the
    published lists hold sequences of the ignore list, which then stay.

    Raises
    ------
    InputError
        If there is no split, a list or name is broken, labels contradict names, or a song is in training and in another split.
    """
    split_folder = lists if lists is not None and find_list(lists, "crossmodal_train") else folder
    official = {split: path for split in SPLITS if (path := find_list(split_folder, f"crossmodal_{_OFFICIAL[split]}"))}
    published = {} if lists is None else {split: path for split in SPLITS if (path := find_list(lists, f"aist_audio_{split}_segment"))}
    if not official and not published:
        raise InputError(
            f"{folder}: has no splits/crossmodal_train.txt; expected the unpacked AIST++ annotations; get them from "
            "https://google.github.io/aistplusplus_dataset/download.html"
        )
    by_split = {split: _sequences(path) for split, path in official.items()}
    notes: list[str] = []
    wanted: dict[str, dict[AistName, tuple[int, ...] | None]] = {}
    skipped: list[Skip] = []
    ignored = _ignored(split_folder)
    for split in published or official:
        if split in published:
            wanted[split] = _published(published[split], split, by_split.get(split), ignored, notes)
            continue
        wanted[split] = {name: None for name in by_split[split] if name.named("All") not in ignored}
        skipped += [Skip(name.named("All"), "is on the ignore list") for name in by_split[split] if name.named("All") in ignored]
    files = _Files(folder)
    sources = []
    for split, names in wanted.items():
        clips = [files.source(name, split, ks) for name, ks in names.items()]
        missing = [clip for clip in clips if isinstance(clip, Skip)]
        sources += [clip for clip in clips if isinstance(clip, Source)]
        skipped += missing
        if missing:
            notes.append(f"{split}: {len(missing)} of {len(clips)} sequences of the split have no files, first {missing[0].name}")
    check_leaks(sources, where=str(folder), same_held_out=True)
    return Listing(sources, skipped, notes)


def list_aist_segments(folder: Path, *, lists: Path | None = None) -> Listing:
    """Clips of the 2 s AIST++ segments as D2M-GAN's authors released them (`data.lists`): SMPL features, visual vectors, wav files.

    Raises
    ------
    InputError
        As `data.lists.list_released`; or if the genre labels beside the lists contradict the names.
    """

    def about(clip: str, where: str) -> About:
        name = AistName.parse(clip, where=where)
        return About(name.piece, name.genre, name.tempo_bpm)

    listing = list_released(folder, lists, data="aist", about=about)
    for split in SPLITS:
        path, labels = find_list(lists or folder, f"aist_audio_{split}_segment"), _labels(lists or folder, split)
        if path is not None and labels is not None:
            check_labels(published_segments(path), labels)
    return listing


_OFFICIAL = {"train": "train", "validation": "val", "test": "test"}


class _Files:
    """The files of an unpacked AIST++ by sequence."""

    def __init__(self, folder: Path) -> None:
        annotations = [path for path in sorted(folder.rglob("*.pkl"))]
        self.motions = {path.stem: path for path in annotations if path.parent.name == "motions"}
        self.keypoints = {path.stem: path for path in annotations if path.parent.name == "keypoints3d"}
        self.videos = files_by_stem(folder, VIDEO_SUFFIXES)
        self.music = files_by_stem(folder, MUSIC_SUFFIXES)

    def source(self, name: AistName, split: str, ks: tuple[int, ...] | None) -> Source | Skip:
        """The clip of a sequence, or what it lacks."""
        sequence, filmed = name.named("All"), name.named(CAMERA)
        motion = self.motions.get(sequence) or self.keypoints.get(sequence)
        video = self.videos.get(filmed)
        music = video or self.music.get(filmed) or self.music.get(name.piece)
        if motion is None:
            return Skip(sequence, "in the list, but has neither motions nor keypoints3d")
        if music is None:
            return Skip(sequence, f"in the list, but neither {filmed}.mp4 nor {name.piece}.wav is there")
        return Source(filmed, name.piece, split, music, motion, video, genre=name.genre, tempo_bpm=name.tempo_bpm, segments=ks)


def _sequences(path: Path) -> list[AistName]:
    """Sequences of an official split."""
    return [AistName.parse(line, where=f"{path} line {i}") for i, line in enumerate(read_list(path), start=1)]


def _ignored(folder: Path) -> frozenset[str]:
    path = find_list(folder, "ignore_list")
    return frozenset() if path is None else frozenset(read_list(path))


def _labels(folder: Path, split: str) -> Path | None:
    return next((path for name in (f"{split}_genre.npy", f"{split}_genre.npy.gz") if (path := folder / name).is_file()), None)


def _published(
    path: Path, split: str, sequences: Sequence[AistName] | None, ignored: frozenset[str], notes: list[str]
) -> dict[AistName, tuple[int, ...] | None]:
    """Segments of a published list by sequence, after all checks; adds what differs to the notes."""
    segments = published_segments(path)
    labels = _labels(path.parent, split)
    if labels is not None:
        check_labels(segments, labels)
    if sequences is not None:
        missing, extra = compare_lists(segments, regenerate(sequences))
        notes.append(f"{path.name}: {len(segments)} segments; the official split gives {len(extra)} more and {len(missing)} fewer")
    by_sequence: dict[AistName, list[int]] = {}
    for name, k in segments:
        by_sequence.setdefault(AistName.parse(name.named("All")), []).append(k)
    kept = sum(name.named("All") in ignored for name in by_sequence)
    if kept:
        notes.append(f"{path.name}: holds {kept} sequences of the ignore list, as published")
    return {name: tuple(sorted(ks)) for name, ks in by_sequence.items()}
