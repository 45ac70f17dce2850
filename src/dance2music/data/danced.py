"""Dances of a prepared folder whose beats are known, for training what watches dancers (`train rhythm`, `train dance-genre`).

The joints are the 25 keypoints that every prepared clip has. Beats are those of the clip, else those of its AIST++ piece; clips without
either serve the genre only. The annotations of AIST++ alone, as they unpack, will do, too: no music is needed to know its beats. Nothing
of a held-out split is read, and AIST++'s test pieces are refused wherever they stand.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance2music.dance.openpose import KEYPOINT_FPS
from dance2music.data.aist import AistName
from dance2music.data.aist_beats import TEST_PIECES, beats_by_name
from dance2music.data.lists import find_list, read_list
from dance2music.data.manifest import MANIFEST, ClipRow, read_manifest
from dance2music.errors import InputError
from dance2music.types import GENRES, Motion

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DancedClip:
    """One dance of a training split.

    Attributes
    ----------
    name, song : as in the manifest.
    motion : Motion [T, 25, 2] of skeleton "body-25", y up.
    beat_times_seconds : float64 [n] of the music it was danced to, the first one a downbeat; None where they are not known.
    tempo_bpm : float, None where it is not known.
    genre : index into `GENRES`, None where it is not known.
    """

    name: str
    song: str
    motion: Motion
    beat_times_seconds: np.ndarray | None
    tempo_bpm: float | None
    genre: int | None


def danced_clips(folder: str | Path) -> list[DancedClip]:
    """The training split of a prepared folder, or of the unpacked annotations of AIST++.

    Raises
    ------
    InputError
        If there is neither a manifest nor a list of the official split, a clip's file cannot be read, a test piece of AIST++ is in the
        training split, or nothing is left.
    """
    folder = Path(folder)
    listed = None if (folder / MANIFEST).is_file() else find_list(folder, "crossmodal_train")
    clips = _prepared(folder) if listed is None else _annotated(folder, listed)
    if not clips:
        raise InputError(f"{folder}: has no clips in its training split; expected some; see 'dance2music data prepare'")
    logger.info("%s: %d dances to %d pieces", folder, len(clips), len({clip.song for clip in clips}))
    return clips


def fingerprint(clips: Sequence[DancedClip]) -> str:
    """What tells these dances from others, in a checkpoint or a model file: how many, and a digest of all that is known of them."""
    digest = hashlib.sha256()
    for clip in clips:
        beats = np.zeros(0) if clip.beat_times_seconds is None else clip.beat_times_seconds
        digest.update(repr((clip.name, clip.song, clip.genre, clip.tempo_bpm)).encode())
        digest.update(clip.motion.joints.tobytes() + np.asarray(beats, dtype=np.float64).tobytes())
    return f"{len(clips)} dances, {digest.hexdigest()[:12]}"


def _refuse_test_piece(name: str, song: str, where: Path) -> None:
    if song in TEST_PIECES:
        raise InputError(
            f"{where}: {name} is danced to {song}, a test piece of AIST++, and is in the training split; "
            "expected test pieces to be held out; take the official splits"
        )


def _prepared(folder: Path) -> list[DancedClip]:
    rows = [row for row in read_manifest(folder) if row.split == "train"]
    for row in rows:
        _refuse_test_piece(row.name, row.song, folder)
    return [_clip(folder, row) for row in rows]


def _clip(folder: Path, row: ClipRow) -> DancedClip:
    path = folder / row.features
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keypoints = arrays["keypoints"]
            beats = arrays["beat_times_seconds"] if "beat_times_seconds" in arrays.files else None
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run 'dance2music data prepare' again") from error
    points = keypoints.reshape(len(keypoints), -1, 3)[: round(row.duration_seconds * KEYPOINT_FPS)]
    joints = (points[..., :2] * [1.0, -1.0]).astype(np.float32)
    motion = Motion(joints, points[..., 2].astype(np.float32), float(KEYPOINT_FPS), "body-25", source=row.name)
    if beats is None:
        beats = beats_by_name(row.name, row.duration_seconds)
    genre = GENRES.index(row.genre) if row.genre in GENRES else None
    tempo = row.tempo_bpm if beats is None or len(beats) < 2 else float(60.0 / np.median(np.diff(beats)))
    return DancedClip(row.name, row.song, motion, beats, tempo, genre)


def _annotated(folder: Path, listed: Path) -> list[DancedClip]:
    from dance2music.dance.motion_files import load_motion

    ignored = find_list(folder, "ignore_list")
    left_out = set() if ignored is None else set(read_list(ignored))
    motions = {path.stem: path for path in sorted(folder.rglob("*.pkl")) if path.parent.name == "motions"}
    clips = []
    for i, line in enumerate(read_list(listed), start=1):
        name = AistName.parse(line, where=f"{listed} line {i}")
        _refuse_test_piece(line, name.piece, listed)
        if line in left_out or line not in motions:
            continue
        motion = load_motion(motions[line])
        beats = beats_by_name(line, motion.duration_seconds)
        clips.append(DancedClip(line, name.piece, motion, beats, name.tempo_bpm, name.genre))
    return clips
