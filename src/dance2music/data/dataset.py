"""Prepared clips as batches of 2 s segments for training: `PreparedSegments`."""

from __future__ import annotations

import struct
import zipfile
from collections import OrderedDict
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
    """What a batch holds.

    Attributes
    ----------
    batch_size : segments of a step, over all processes.
    motion : "smpl" ([120, 219], AIST++), "keypoints" ([60, 75], TikTok) or "features" ([60, 80], the embedded ones).
    visual_dim : width of the visual vector; see `PreparedSegments`.
    codec : give codes and latents of the prepared codec whose name begins so, as "vqvae-hop128"; "" for none.
    audio : give the music itself.
    gain : each segment's music is scaled by a factor drawn between these; the released code has 0.3 to 1 in training. Without a codec only:
        codes are those of the unscaled music.
    """

    batch_size: int = 16
    motion: str = "smpl"
    visual_dim: int = 2048
    codec: str = ""
    audio: bool = True
    gain: tuple[float, float] = (1.0, 1.0)


class PreparedSegments(Dataset[dict[str, Tensor]]):
    """Segments of a folder that ``dance2music data prepare`` made; item ``step`` is the batch of that step.

    A pure function of (seed, step): every epoch goes once through all segments in an order of its own, and batches run on across epochs, so
    that all are of the same size (the released loader cuts its last batch in two instead). With several processes each takes every
    ``world_size``-th row of the same batch.

    ============  =====================  ==============================================================================================
    ``motion``    float32 [B, T, F]      in the layout of `PreparedConfig.motion`
    ``visual``    float32 [B, D_v]       the vector that the data set or a visual network gave (I3D); elsewhere the optical flow
                                         [60, 5] row by row. Cut, or filled with zeros, to ``visual_dim``
    ``flow``      float32 [B, 60, 5]     `dance.flow.visual_features` at 30 fps
    ``genre``     int64 [B]              index into `types.GENRES`, -1 where unknown
    ``tempo_bpm`` float32 [B]            NaN where unknown
    ``index``     int64 [B]              of the segment: `names` says which
    ``audio``     float32 [B, 44100]     peak 0.95
    ``codes``     int64 [B, Q, L]        with a codec: of the segment's music
    ``latents``   float32 [B, E, L]      with a codec: its encoder's output before quantisation
    ============  =====================  ==============================================================================================

    Parameters
    ----------
    folder : a prepared folder, or several, whose segments are put together.
    config : what a batch holds.
    split : "train", "validation" or "test".
    seed, steps : of the run.
    rank, world_size : of this process.

    Raises
    ------
    InputError
        If there is no manifest, the split is empty, or a clip lacks the motion layout or the codes that are asked for.
    ConfigError
        If the config contradicts itself.
    """

    def __init__(
        self, folder: str | Path | list[str | Path], config: PreparedConfig = PreparedConfig(), *, split: str = "train", seed: int = 0,
        steps: int = 1, rank: int = 0, world_size: int = 1,
    ) -> None:  # fmt: skip
        if config.motion not in ("smpl", "keypoints", "features"):
            raise ConfigError(f"motion {config.motion!r}; expected smpl, keypoints or features")
        if config.codec and config.gain != (1.0, 1.0):
            raise ConfigError(f"gain {config.gain} with codec {config.codec!r}; codes are of the music as it is; choose one of the two")
        if config.batch_size < 1 or config.batch_size % world_size:
            raise ConfigError(f"batch_size {config.batch_size} on {world_size} processes; expected a multiple of their number")
        self.config, self.seed, self.steps, self.rank, self.world_size = config, seed, steps, rank, world_size
        self._items: list[tuple[Path, ClipRow, int]] = []
        for one in folder if isinstance(folder, list) else [folder]:
            for row in read_manifest(one):
                if row.split == split:
                    self._check(Path(one), row)
                    self._items += [(Path(one), row, position) for position in range(len(row.segments))]
        if not self._items:
            raise InputError(f"{folder}: no segment of split {split!r}; expected some; prepare more data or choose another split")
        self._files: OrderedDict[Path, dict[str, np.ndarray]] = OrderedDict()
        self._order: tuple[int, np.ndarray] = (-1, np.zeros(0, np.int64))

    def __len__(self) -> int:
        return self.steps

    @property
    def n_segments(self) -> int:
        """Segments of the split: an epoch."""
        return len(self._items)

    @property
    def names(self) -> list[str]:
        """``CLIP_segK`` of every segment, in the order of ``index``."""
        return [segment_name(row.name, row.segments[position]) for _, row, position in self._items]

    def row(self, index: int) -> ClipRow:
        """The manifest's row of a segment's clip."""
        return self._items[index][1]

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        size = self.config.batch_size
        places = range(step * size + self.rank, (step + 1) * size, self.world_size)
        items = [self.segment(self._index_at(place), gain_seed=place) for place in places]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def segment(self, index: int, *, gain_seed: int | None = None) -> dict[str, Tensor]:
        """One segment: the tensors of a batch without their first axis, as ``motion`` [T, F] and ``codes`` [Q, L].

        The music is scaled only where a ``gain_seed`` is given.
        """
        folder, row, position = self._items[index]
        k = row.segments[position]
        arrays = self._read(folder / row.features)
        flow = segment_frames(arrays["flow"], k, "flow")
        visual = arrays["visual"][position] if "visual" in arrays else flow.reshape(-1)
        item = {
            "motion": segment_frames(arrays[self.config.motion], k, self.config.motion),
            "visual": np.pad(visual[: self.config.visual_dim], (0, max(0, self.config.visual_dim - len(visual)))),
            "flow": flow,
            "genre": np.int64(UNKNOWN_GENRE if row.genre is None else GENRES.index(row.genre)),
            "tempo_bpm": np.float32(np.nan if row.tempo_bpm is None else row.tempo_bpm),
            "index": np.int64(index),
        }
        if self.config.audio:
            low, high = self.config.gain
            gain = 1.0 if gain_seed is None or low == high else np.random.default_rng([self.seed, 31, gain_seed]).uniform(low, high)
            item["audio"] = segment_audio(arrays["audio"], k) * np.float32(gain)
        if self.config.codec:
            coded = self._read(folder / row.codes[self._codec_of(row)])
            item["codes"] = coded["codes"][position].astype(np.int64)
            item["latents"] = coded["latents"][position].astype(np.float32)
        return {name: torch.from_numpy(np.asarray(value)) for name, value in item.items()}

    def _index_at(self, place: int) -> int:
        """The segment at a place in the endless sequence of epochs."""
        epoch, at = divmod(place, len(self._items))
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.seed, 30, epoch]).permutation(len(self._items))
        return int(self._order[1][at])

    def _codec_of(self, row: ClipRow) -> str:
        return next(name for name in row.codes if name.startswith(self.config.codec))

    def _check(self, folder: Path, row: ClipRow) -> None:
        if self.config.motion not in row.arrays:
            there = ", ".join(name for name in LAYOUT_FPS if name in row.arrays)
            raise InputError(
                f"{folder}: clip {row.name} has no {self.config.motion!r} motion; it has {there}; choose one (smpl needs 3-D motion)"
            )
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
