"""One clip of a data set made ready: its features, its codes, and the record of both by which a later run knows what is up to date.

The folder that it is made into is that of `data.prepare`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance2music.data.features import ClipFeatures, clip_features, music_digest, segment_audio
from dance2music.data.manifest import ClipRow, Skip, Source
from dance2music.data.parts import Result
from dance2music.documents import json_value
from dance2music.errors import Cancelled, InputError
from dance2music.files import whole_file
from dance2music.parallel import one_thread
from dance2music.types import GENRES

if TYPE_CHECKING:
    from dance2music.types import Codec

logger = logging.getLogger(__name__)

_SETTINGS_VERSION = 1
"""Part of every key: raised when `data.features` computes other numbers from the same files."""


@dataclass(frozen=True)
class Maker:
    """Makes single clips; goes to the worker processes, which give a clip's name with its result."""

    out: Path
    visual: bool
    codec: str | None
    codec_label: str
    posture: bool = False

    def key(self, clip: Source) -> str:
        """Digest of the settings and of what identifies the clip's files; missing files count as such, labels do not."""
        about = {
            "version": _SETTINGS_VERSION,
            "flow": self.visual,
            "posture": self.posture,
            "files": {kind: (str(path), _stamp(path)) for kind, path in clip.files.items()},
            "segments": (clip.segments, clip.visual_segments),
            "beats": clip.beat_times_seconds,
        }
        return hashlib.sha256(json.dumps(about, default=str, sort_keys=True).encode()).hexdigest()

    def finished(self, clip: Source) -> Result | None:
        """What an earlier run made of the clip, with its present labels, if it still holds and has the codes that are wanted."""
        row, skips = self._known(clip)
        if row is None:
            return (None, skips) if skips else None
        labelled = dataclasses.replace(row, **_labels(clip))
        if labelled != row:
            row = labelled
            self._write_record(clip, row, skips)
        return (row, skips) if not self.codec_label or self.codec_label in row.codes else None

    def __call__(self, clip: Source) -> tuple[str, Result]:
        """Make a clip, or go on with it: its features, its codes, and last its row."""
        row, skips = self._known(clip)
        if row is None:
            try:
                made = clip_features(clip, visual=self.visual, posture=self.posture)
            except InputError as error:  # of this clip only: what cannot be written, or a broken codec, stops the run
                skips = [Skip(clip.name, str(error))]
            except Cancelled:
                raise
            except Exception as error:  # a clip that nobody foresaw must not end a run of hours; without a key it is tried again
                logger.debug("%s", clip.name, exc_info=True)
                reason = " ".join(str(error).split())[:200]
                skips = [Skip(clip.name, f"could not be read: {type(error).__name__}{f' ({reason})' if reason else ''}")]
                self._write_record(clip, None, skips, key="")
                return clip.name, (None, skips)
            else:
                row, skips = self._write_features(clip, made)
        if row is not None and self.codec_label and self.codec_label not in row.codes:
            row = dataclasses.replace(row, codes={**row.codes, self.codec_label: self._write_codes(row)})
        if row is not None:
            row = dataclasses.replace(row, **_labels(clip))
        self._write_record(clip, row, skips)
        return clip.name, (row, skips)

    def _write_record(self, clip: Source, row: ClipRow | None, skips: list[Skip], *, key: str | None = None) -> None:
        record = {
            "key": self.key(clip) if key is None else key,
            "row": None if row is None else dataclasses.asdict(row),
            "skipped": [(s.name, s.reason) for s in skips],
        }
        with whole_file(self._record(clip)) as temporary:
            temporary.write_text(json.dumps(record), encoding="utf-8")

    def _record(self, clip: Source) -> Path:
        return self.out / "rows" / f"{clip.name}.json"

    def _known(self, clip: Source) -> Result:
        """Row and skips of an earlier run; (None, []) where there are none or they are out of date."""
        path = self._record(clip)
        record = read_record(path)
        if record is None or record.get("key") != self.key(clip):
            return None, []
        row, skips = result_of(record, path)
        if row is None:
            return None, skips
        if not (self.out / row.features).exists():
            return None, []
        codes = {name: file for name, file in row.codes.items() if (self.out / file).exists()}
        return dataclasses.replace(row, codes=codes), skips

    def _write_features(self, clip: Source, made: ClipFeatures) -> Result:
        skips = [Skip(f"{clip.name}_seg{k}", f"ends after {made.duration_seconds:.2f} s, where motion or music does") for k in made.unfit]
        skips += [Skip(f"{clip.name}_seg{k}", "has no visual vector") for k in made.unseen]
        if not made.segments:
            return None, skips
        file = f"clips/{clip.name}.npz"
        with whole_file(self.out / file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **made.arrays)  # type: ignore[arg-type]
        row = ClipRow(
            name=clip.name,
            **_labels(clip),
            duration_seconds=round(made.duration_seconds, 4),
            segments=made.segments,
            features=file,
            arrays={name: list(values.shape) for name, values in made.arrays.items()},
            sources={kind: str(path) for kind, path in clip.files.items()},
            music_sha256=music_digest(made.arrays["audio"]),
            key=self.key(clip),
        )
        return row, skips

    def _write_codes(self, row: ClipRow) -> str:
        import torch

        assert self.codec is not None
        codec = _load_codec(self.codec)
        with np.load(self.out / row.features, allow_pickle=False) as archive:
            audio = archive["audio"]
        codes, latents = [], []
        for k in row.segments:  # one by one: the result must not depend on what else is in a batch
            with torch.no_grad(), one_thread():
                z = codec.encode(torch.from_numpy(segment_audio(audio, k))[None])
                codes.append(codec.quantize(z).codes[0].numpy().astype(np.int16))
                latents.append(z[0].numpy().astype(np.float16))
        file = f"codes/{self.codec_label}/{row.name}.npz"
        with whole_file(self.out / file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, codes=np.stack(codes), latents=np.stack(latents))
        return file


def _labels(clip: Source) -> dict[str, Any]:
    """What a data set says of a clip beside its files."""
    genre = None if clip.genre is None else GENRES[clip.genre]
    return {"song": clip.song, "split": clip.split, "genre": genre, "tempo_bpm": clip.tempo_bpm}


def read_record(path: Path) -> dict[str, Any] | None:
    """What a run wrote of a clip; None where it wrote nothing that can be read."""
    try:
        record: dict[str, Any] = json_value(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record


def result_of(record: dict[str, Any], path: Path) -> Result:
    """Row and skips of a clip's record. Raises InputError if the row is none."""
    row = None if record["row"] is None else ClipRow.from_json(json.dumps(record["row"]), where=str(path))
    return row, [Skip(name, reason) for name, reason in record["skipped"]]


@cache
def _load_codec(name: str) -> Codec:
    """The codec of that name or file. Raises InputError as `checkpoint.load_model`."""
    from dance2music.checkpoint import load_embedded, load_model

    if name == "spectral":
        model: Any = load_embedded("codec", expected="spectral-codec")
    elif not Path(name).exists():
        raise InputError(f"codec {name!r}: has no embedded weights, is no file; expected 'spectral' or a model file; train or import one")
    else:
        model = load_model(name)
    if not hasattr(model, "quantize"):
        raise InputError(f"{name}: is a {type(model).__name__}; expected a codec; name another file")
    return model.requires_grad_(False)  # type: ignore[no-any-return]


def codec_label_of(name: str) -> str:
    """Name of a codec's folder."""
    from dance2music.checkpoint import codec_label

    return codec_label(_load_codec(name))


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of a file or a folder's newest file; None where it is missing."""
    try:
        return (path.stat().st_size, path.stat().st_mtime_ns)
    except OSError:
        return None
