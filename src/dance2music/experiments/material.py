"""What ablation rows are trained and measured on: composed clips, or the training and test split of a prepared folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance2music.codec.base import CodecModel
from dance2music.data.manifest import SAMPLE_RATE, ClipRow, read_manifest, segment_name
from dance2music.errors import InputError
from dance2music.metrics.genre import Database, EmbeddedGenre
from dance2music.papers.runs import COMPOSED, motion_layout, needs_genre, open_codec, open_segments
from dance2music.train.segments import ComposedClip, ComposedConfig, Prepared, Segments, coded, composed_segments, held_out_clips
from dance2music.types import Audio

if TYPE_CHECKING:
    from torch import Tensor

    from dance2music.papers.gan_step import GanTraining

PREPARED_SECONDS = 2.0
COMPOSED_HELD_OUT = 24


@dataclass(frozen=True)
class Material:
    """What one row needs: its segments, the codec that they are coded with, the one whose decoder is heard, clips to measure on, and the
    training music from which genres are retrieved."""

    segments: Segments
    codec: CodecModel
    decoder: CodecModel
    held: list[ComposedClip]
    database: Database | None = None


class AblationContext:
    """Codecs by level and a data set, opened as rows ask for them.

    Parameters
    ----------
    folder : composed clips are kept in ``data`` in it.
    codecs : a codec's model file by level, high and low, and by "high fine-tuned" and "low fine-tuned" for rows that need these.
    data : a folder of ``dance2music data prepare``, or `COMPOSED`.
    clips : how many composed clips are trained on.
    held_out : how many clips are measured on at most, spread over the test split; 0 for all of it, or `COMPOSED_HELD_OUT` composed ones.
    """

    def __init__(
        self, folder: str | Path, codecs: Mapping[str, Path], *, data: str | Path = COMPOSED, clips: int = 200, held_out: int = 0
    ) -> None:
        self.folder, self.data, self.clips, self.held_out = Path(folder), data, clips, held_out
        if clips < 1 or held_out < 0:
            raise InputError(f"clips {clips}, held_out {held_out}: expected at least one, and 0 or more")
        self.codecs = dict(codecs)
        self._opened: dict[str, Any] = {}
        self._segments: dict[tuple[str, float, str], Segments] = {}
        self._held: dict[str, list[ComposedClip]] = {}
        self._databases: dict[str, Database | None] = {}

    @property
    def about(self) -> str:
        """The data, for a table's head."""
        if str(self.data) == COMPOSED:
            return (
                f"{self.clips} composed clips of {ComposedConfig.clip_seconds:g} s, measured on {self.held_out or COMPOSED_HELD_OUT} others"
            )
        return f"training split of {Path(self.data).name}, measured on {max((len(held) for held in self._held.values()), default=0)} others"

    def open(self, config: GanTraining, *, fine_tuned: bool = False) -> Material:
        """What a row is trained and measured on.

        Raises
        ------
        InputError
            If something is missing that the row needs: a codec, a fine-tuned decoder, its motion, its length, genres. What and where from.
        """
        if str(self.data) != COMPOSED and config.segment_seconds != PREPARED_SECONDS:
            raise InputError(
                f"segments of {config.segment_seconds:g} s: prepared ones last {PREPARED_SECONDS:g} s; composed ones have any length"
            )
        codec = self._codec(config, "")
        decoder = self._codec(config, " fine-tuned") if fine_tuned else codec
        key = config.level, config.segment_seconds, motion_layout(config.generator)
        if key not in self._segments:
            self._segments[key] = self._open_segments(config, codec)
        return Material(self._segments[key], codec, decoder, self.held(config), self.database(config, self._segments[key]))

    def held(self, config: GanTraining) -> list[ComposedClip]:
        """Clips that a generator of this config is measured on, none of which is trained on. Raises InputError as `prepared_clips`."""
        layout = motion_layout(config.generator)
        if layout not in self._held:
            composed = str(self.data) == COMPOSED
            count = self.held_out or COMPOSED_HELD_OUT
            self._held[layout] = _composed(count) if composed else prepared_clips(self.data, config, limit=self.held_out)
        return self._held[layout]

    def database(self, config: GanTraining, segments: Segments | None) -> Database | None:
        """Training music from which genres are retrieved: of a prepared folder, or composed ``segments``; None where no genre is known."""
        from dance2music.evaluation.databases import has_genres, prepared_database
        from dance2music.evaluation.features import Cache, HearingConfig

        if str(self.data) != COMPOSED:
            if "prepared" not in self._databases:
                known = has_genres(Path(self.data))
                hearing = HearingConfig(codec=False)
                self._databases["prepared"] = prepared_database(Path(self.data), hearing, Cache(None)) if known else None
            return self._databases["prepared"]
        key = f"{config.segment_seconds:g}"
        if key not in self._databases and segments is not None:
            items = [segments[i] for i in range(len(segments))]
            pieces = np.stack([EmbeddedGenre().piece(Audio(item["audio"].numpy(), SAMPLE_RATE)) for item in items])
            genres = np.array([int(item["genre"]) for item in items])
            self._databases[key] = Database(pieces, genres, tuple(f"training {i}" for i in range(len(items))))
        return self._databases.get(key)

    def _codec(self, config: GanTraining, form: str) -> CodecModel:
        name = config.level + form
        if name not in self.codecs:
            what, command = ("fine-tuned decoder", "train decoder") if form else ("codec", "train codec")
            raise InputError(f"no {what} of the {config.level} level is given; make one with 'dance2music {command}'")
        if name not in self._opened:
            self._opened[name] = open_codec(self.codecs[name], config.codec, config.level)
        return self._opened[name]

    def _open_segments(self, config: GanTraining, codec: CodecModel) -> Segments:
        if str(self.data) != COMPOSED or motion_layout(config.generator) != "features":
            return open_segments(self.data, config, codec, self.folder)
        seconds = config.segment_seconds
        whole = math.ceil(ComposedConfig.clip_seconds / seconds) * seconds
        plain = composed_segments(ComposedConfig(clips=self.clips, clip_seconds=whole, segment_seconds=seconds), self.folder / "data")
        return coded(plain, codec)


def prepared_clips(folder: str | Path, config: GanTraining, *, limit: int) -> list[ComposedClip]:
    """Test clips of a prepared folder, as generators of a config take them: whole ones at any length, segments of 2 s otherwise.

    Beats are the data set's, where it knows them, or those of its music (`music.beats.beat_times`); kinematic beats are the keypoints'.

    Parameters
    ----------
    limit : so many are returned at most, spread over the split; 0 for all.

    Raises
    ------
    InputError
        If there is no test split, or clips lack the motion that the generator takes or a genre that it needs.
    """
    from dance2music.data.dataset import mapped_npz

    layout = motion_layout(config.generator)
    segments = Prepared(folder, motion=layout, flow=layout == "features", split="test", genres=needs_genre(config))
    index = {name: i for i, name in enumerate(segments.data.names)}
    runs: list[tuple[ClipRow, tuple[int, ...]]] = []
    for row in read_manifest(folder):
        if row.split == "test":
            whole = layout == "features" and _in_a_row(row.segments)
            runs += [(row, run) for run in ([row.segments] if whole else [(k,) for k in row.segments])]
    chosen = range(len(runs)) if not limit else sorted({round(i) for i in np.linspace(0, len(runs) - 1, min(limit, len(runs)))})
    clips: list[ComposedClip] = []
    for row, run in (runs[i] for i in chosen):
        items = [segments[index[segment_name(row.name, k)]] for k in run]
        clip = _clip_of(items, mapped_npz(Path(folder) / row.features), start_seconds=PREPARED_SECONDS * (run[0] - 1), seed=len(clips))
        clips.append(replace(clip, recording=row.name, song=row.song))
    return clips


def _clip_of(items: list[dict[str, Tensor]], arrays: Mapping[str, np.ndarray], *, start_seconds: float, seed: int) -> ComposedClip:
    """Segments that follow one another as one clip, with the beats of the whole recording that lie in it."""
    end_seconds = start_seconds + PREPARED_SECONDS * len(items)
    music, dance = _beats(arrays)
    inside = [beats[(beats >= start_seconds) & (beats < end_seconds)] - start_seconds for beats in (music, dance)]
    motion = np.concatenate([item["motion"].numpy() for item in items])
    audio = np.concatenate([item["audio"].numpy() for item in items], axis=-1)
    frames = items[0]["visual"].ndim == 2
    visual = np.concatenate([item["visual"].numpy() for item in items]) if frames else items[0]["visual"].numpy()
    return ComposedClip(seed, motion, visual, audio, int(items[0]["genre"]), inside[0], inside[1])


def _beats(arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Beats of the music and of the dance of a whole prepared clip, in seconds."""
    from dance2music.dance.kinematics import kinematic_beats
    from dance2music.dance.openpose import KEYPOINT_FPS
    from dance2music.music.beats import beat_times
    from dance2music.types import Motion

    points = np.asarray(arrays["keypoints"], dtype=np.float32).reshape(len(arrays["keypoints"]), -1, 3)
    dance = kinematic_beats(Motion(points[..., :2] * np.array([1, -1], dtype=np.float32), points[..., 2], float(KEYPOINT_FPS), "body-25"))
    if "beat_times_seconds" in arrays:
        return np.asarray(arrays["beat_times_seconds"], dtype=np.float64), dance
    return beat_times(Audio(np.asarray(arrays["audio"], dtype=np.float32)[None] / 32767, SAMPLE_RATE))[1], dance


def _in_a_row(segments: tuple[int, ...]) -> bool:
    return segments == tuple(range(segments[0], segments[0] + len(segments)))


@cache
def _composed(count: int) -> list[ComposedClip]:
    return held_out_clips(ComposedConfig(held_out=count))
