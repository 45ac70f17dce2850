"""Prepared clips as segments of 2 s for training: `PreparedSegments`."""

from __future__ import annotations

import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dance2music.data.features import LAYOUT_FPS, segment_audio, segment_frames
from dance2music.data.manifest import ClipRow, read_manifest, segment_name
from dance2music.errors import ConfigError, InputError
from dance2music.types import GENRES

UNKNOWN_GENRE = -1
_FILES_OPEN = 512
_ZIP_LENGTHS_AT = 26
"""Where the lengths of name and extra field stand in the local header of a zip file; both follow."""


@dataclass(frozen=True)
class PreparedConfig:
    """What a segment holds.

    Attributes
    ----------
    motion : "smpl" ([120, 219], AIST++), "keypoints" ([60, 75], TikTok), "features" ([60, 80], the embedded ones) or "posture" ([60, 249],
        body, hands and face).
    visual_dim : width of the visual vector; see `PreparedSegments`.
    codec : give codes and latents of the prepared codec whose name begins so, as "vqvae-hop128"; "" for none.
    """

    motion: str = "smpl"
    visual_dim: int = 2048
    codec: str = ""


class PreparedSegments(Dataset[dict[str, Tensor]]):
    """Segments of a folder that ``dance2music data prepare`` made; `train.segments.SegmentBatches` makes batches of them.

    An item is one segment:

    ============  =====================  ==============================================================================================
    ``motion``    float32 [T, F]         in the layout of `PreparedConfig.motion`
    ``visual``    float32 [D_v]          the vector that the data set or a visual network gave (I3D); elsewhere the optical flow
                                         [60, 5] row by row. Cut, or filled with zeros, to ``visual_dim``
    ``flow``      float32 [60, 5]        `dance.flow.visual_features` at 30 fps
    ``genre``     int64 []               index into `types.GENRES`, -1 where unknown
    ``tempo_bpm`` float32 []             NaN where unknown
    ``index``     int64 []               of the segment: `names` says which
    ``audio``     float32 [1, 44100]     peak 0.95
    ``codes``     int64 [Q, L]           with a codec: of the segment's music
    ``latents``   float32 [E, L]         with a codec: its encoder's output before quantisation
    ============  =====================  ==============================================================================================

    Parameters
    ----------
    folder : a prepared folder, or several, whose segments are put together.
    config : what a segment holds.
    split : "train", "validation" or "test".

    Raises
    ------
    InputError
        If there is no manifest, the split is empty, or a clip lacks the motion layout or the codes that are asked for.
    ConfigError
        If the layout is unknown.
    """

    def __init__(self, folder: str | Path | list[str | Path], config: PreparedConfig = PreparedConfig(), *, split: str = "train") -> None:
        if config.motion not in LAYOUT_FPS or config.motion == "flow":
            raise ConfigError(f"motion {config.motion!r}; expected smpl, keypoints, features or posture")
        self.config = config
        self._items: list[tuple[Path, ClipRow, int]] = []
        for one in folder if isinstance(folder, list) else [folder]:
            for row in read_manifest(one):
                if row.split == split:
                    self._check(Path(one), row)
                    self._items += [(Path(one), row, position) for position in range(len(row.segments))]
        if not self._items:
            raise InputError(f"{folder}: no segment of split {split!r}; expected some; prepare more data or choose another split")
        self._files: OrderedDict[Path, dict[str, np.ndarray]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def names(self) -> list[str]:
        """``CLIP_segK`` of every segment, in the order of ``index``."""
        return [segment_name(row.name, row.segments[position]) for _, row, position in self._items]

    def row(self, index: int) -> ClipRow:
        """The manifest's row of a segment's clip."""
        return self._items[index][1]

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        folder, row, position = self._items[index]
        coded = self._read(folder / row.codes[self._codec_of(row)]) if self.config.codec else None
        return segment_item(self.config, row, position, index, self._read(folder / row.features), coded)

    @property
    def nameless(self) -> str | None:
        """Name of the first segment without a genre; None where all have one."""
        return next((name for name, (_, row, _) in zip(self.names, self._items) if row.genre is None), None)

    @property
    def unseen(self) -> str | None:
        """Name of the first segment without a visual vector; None where all have one."""
        return next((name for name, (_, row, _) in zip(self.names, self._items) if "visual" not in row.arrays), None)

    def _codec_of(self, row: ClipRow) -> str:
        return next(name for name in row.codes if name.startswith(self.config.codec))

    def _check(self, folder: Path, row: ClipRow) -> None:
        if self.config.motion not in row.arrays:
            there = ", ".join(name for name in LAYOUT_FPS if name in row.arrays)
            needs = {"smpl": "smpl needs 3-D motion", "posture": "posture is kept by 'data prepare --posture'"}.get(self.config.motion)
            hint = f" ({needs})" if needs else ""
            raise InputError(f"{folder}: clip {row.name} has no {self.config.motion!r} motion; it has {there}; choose one{hint}")
        fitting = [name for name in row.codes if name.startswith(self.config.codec)]
        if self.config.codec and len(fitting) != 1:
            raise InputError(
                f"{folder}: clip {row.name} has codes of {', '.join(row.codes) or 'no codec'}; expected one {self.config.codec!r}; "
                "run 'dance2music data prepare' with --codec, or name the codec in full"
            )

    def _read(self, path: Path) -> dict[str, np.ndarray]:
        """Arrays of a prepared file; those used last stay open."""
        if path not in self._files:
            self._files[path] = mapped_npz(path)
            while len(self._files) > _FILES_OPEN:
                self._files.popitem(last=False)
        self._files.move_to_end(path)
        return self._files[path]


def segment_item(
    config: PreparedConfig,
    row: ClipRow,
    position: int,
    index: int,
    arrays: Mapping[str, np.ndarray],
    coded: Mapping[str, np.ndarray] | None,
) -> dict[str, Tensor]:
    """One segment as in the table of `PreparedSegments`: Tensors [...] by name.

    Parameters
    ----------
    position : of the segment among ``row.segments``.
    index : what the item says it is.
    arrays, coded : of the clip's features [T, ...], and of its codes [S, ...] where they are wanted.
    """
    k = row.segments[position]
    flow = segment_frames(arrays["flow"], k, "flow")
    visual = arrays["visual"][position] if "visual" in arrays else flow.reshape(-1)
    item = {
        "motion": segment_frames(arrays[config.motion], k, config.motion),
        "visual": np.pad(visual[: config.visual_dim], (0, max(0, config.visual_dim - len(visual)))),
        "flow": flow,
        "genre": np.int64(UNKNOWN_GENRE if row.genre is None else GENRES.index(row.genre)),
        "tempo_bpm": np.float32(np.nan if row.tempo_bpm is None else row.tempo_bpm),
        "index": np.int64(index),
        "audio": segment_audio(arrays["audio"], k),
    }
    if coded is not None:
        item["codes"] = coded["codes"][position].astype(np.int64)
        item["latents"] = coded["latents"][position].astype(np.float32)
    return {name: torch.from_numpy(np.asarray(value)) for name, value in item.items()}


def mapped_npz(path: Path) -> dict[str, np.ndarray]:
    """Arrays [...] of an uncompressed npz mapped from disk, so that a segment reads no more than itself.

    Raises
    ------
    InputError
        If the file is missing, damaged or compressed.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            for info in archive.infolist():
                with archive.open(info) as member:
                    version = np.lib.format.read_magic(member)
                    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                    shape, fortran, dtype = read(member)
                    header_bytes = member.tell()
                if info.compress_type != zipfile.ZIP_STORED or dtype.hasobject:
                    raise ValueError(f"{info.filename} is compressed or no plain array")
                raw.seek(info.header_offset + _ZIP_LENGTHS_AT)
                name_bytes, extra_bytes = struct.unpack("<HH", raw.read(4))
                offset = info.header_offset + _ZIP_LENGTHS_AT + 4 + name_bytes + extra_bytes + header_bytes
                arrays[info.filename.removesuffix(".npy")] = np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
    except (OSError, ValueError, KeyError, EOFError, struct.error, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected what 'dance2music data prepare' wrote; run it again") from error
    return arrays
