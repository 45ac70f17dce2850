"""Shards: plain tars of some hundred megabytes with the files of many prepared clips, and an index of where each array begins.

::

    PLACE/prepared.json              what the data set is, as of a prepared folder, with "shards": how many; written last
    PLACE/manifest.parquet           a row per clip (`scale.table`)
    PLACE/shards/000012.tar          for every clip CLIP.json (its row), CLIP.features.npz, CLIP.CODEC.codes.npz, as WebDataset has them
    PLACE/shards/000012.json         `ShardIndex`: rows and places of arrays; written after its tar, which it makes count

The npz files are those of the folder, bit by bit; an array in them is a stretch of the tar, so that a segment is read from a mapped file
without a look at anything else. Tars and not Arrow files: a measurement (``benchmarks/bench_scale.py reading``) has clips read out of them
four times as fast, for Arrow's rows come by way of Python objects, and every tool reads tars.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import mmap
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.data.manifest import ClipRow, Skip
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.scale.places import Place

FOLDER = "shards"
SHARD_BYTES = 256 * 2**20
_VERSION = 1
_ZIP_LENGTHS_AT = 26
Spot = tuple[int, str, tuple[int, ...]]
"""Where an array begins in its tar, its dtype, its shape."""


@dataclass(frozen=True)
class Stored:
    """One file of a clip in a tar: where its bytes are, and its arrays."""

    offset: int
    size: int
    arrays: Mapping[str, Spot]


@dataclass(frozen=True)
class ShardIndex:
    """What lies in a shard.

    Attributes
    ----------
    key : digest of what it was made of; another key makes it anew.
    size, crc32 : of the tar; 0 where all of its clips were skipped and there is none.
    rows : of its clips.
    files : by clip, by "features" or the codec's name.
    skipped : what was left out of it.
    """

    key: str
    size: int
    crc32: int
    rows: Sequence[ClipRow]
    files: Mapping[str, Mapping[str, Stored]]
    skipped: Sequence[Skip] = field(default_factory=list)

    def to_json(self) -> str:
        """The index as JSON."""
        files = {clip: {kind: [f.offset, f.size, dict(f.arrays)] for kind, f in own.items()} for clip, own in self.files.items()}
        values = {
            "version": _VERSION,
            "key": self.key,
            "size": self.size,
            "crc32": self.crc32,
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "files": files,
            "skipped": [[skip.name, skip.reason] for skip in self.skipped],
        }
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: bytes | str, *, where: str) -> ShardIndex:
        """The index of a JSON text. Raises InputError if it is none."""
        try:
            values: dict[str, Any] = json_value(text)
            if values["version"] != _VERSION:
                raise ValueError(f"version {values['version']}, not {_VERSION}")
            files = {clip: {kind: _stored(*told) for kind, told in own.items()} for clip, own in values["files"].items()}
            rows = [ClipRow.from_json(json.dumps(row), where=where) for row in values["rows"]]
            skipped = [Skip(str(name), str(reason)) for name, reason in values["skipped"]]
            return cls(str(values["key"]), int(values["size"]), int(values["crc32"]), rows, files, skipped)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{where}: is no index of a shard ({error}); make the shard anew") from error


def _stored(offset: Any, size: Any, arrays: dict[str, Any]) -> Stored:
    spots = {name: (int(at), str(dtype), tuple(int(n) for n in shape)) for name, (at, dtype, shape) in arrays.items()}
    return Stored(int(offset), int(size), spots)


def shard_name(number: int) -> str:
    """Name of a shard's tar; with .json it is its index."""
    return f"{FOLDER}/{number:06d}.tar"


def numbered(place: Place) -> list[tuple[int, str]]:
    """The tars and indexes that lie in a place, whole or not, by the numbers of their shards. Raises InputError as `Place.names`."""
    found = [(re.fullmatch(r"(\d{6,})\.(?:tar|json)", name), name) for name in place.names(FOLDER)]
    return [(int(match[1]), f"{FOLDER}/{name}") for match, name in found if match is not None]


def read_index(place: Place, number: int) -> ShardIndex | None:
    """The index of a shard; None where it is not whole yet. Raises InputError if it is damaged or cannot be read."""
    name = shard_name(number).replace(".tar", ".json")
    try:
        return ShardIndex.from_json(place.read(name), where=f"{place}/{name}")
    except FileNotFoundError:
        return None


def whole_shard(place: Place, number: int, key: str) -> ShardIndex | None:
    """The index of a shard that is there and was made of what the key says, else None. Raises InputError as `read_index`."""
    index = read_index(place, number)
    if index is None or index.key != key or (index.rows and place.size(shard_name(number)) != index.size):
        return None
    return index


def write_shard(
    place: Place, number: int, rows: Sequence[ClipRow], folder: Path, *, key: str, scratch: Path, skipped: Sequence[Skip] = ()
) -> ShardIndex:
    """Write a shard of prepared clips, and then its index.

    Parameters
    ----------
    rows : of the clips, whose files lie in ``folder``.
    scratch : local folder in which the tar is made before it goes to its place.

    Raises
    ------
    InputError
        If a clip's file cannot be read, or the shard not be written.
    """
    files: dict[str, dict[str, Stored]] = {}
    size, crc32 = 0, 0
    if rows:
        path = scratch / f"{number:06d}.tar"
        try:
            with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
                for row in rows:
                    _add(tar, f"{row.name}.json", row.to_json().encode())
                    own = {"features": _add(tar, f"{row.name}.features.npz", _bytes_of(folder / row.features))}
                    for label, file in row.codes.items():
                        own[label] = _add(tar, f"{row.name}.{label}.codes.npz", _bytes_of(folder / file))
                    files[row.name] = {kind: stored for kind, stored in own.items() if stored is not None}
            size, crc32 = path.stat().st_size, _sum(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error}); free space, or choose another folder") from error
        except (ValueError, tarfile.TarError) as error:
            raise InputError(f"{place}/{shard_name(number)}: cannot be made ({error}); prepare its clips again") from error
        try:
            place.write(shard_name(number), path)
        finally:
            path.unlink(missing_ok=True)
    index = ShardIndex(key, size, crc32, list(rows), files, list(skipped))
    place.write(shard_name(number).replace(".tar", ".json"), index.to_json().encode())
    return index


class OpenShard:
    """A local tar, mapped. ``arrays(clip, kind)`` are views into it.

    Raises
    ------
    InputError
        If the tar is missing, or is not what its index says.
    """

    def __init__(self, path: Path, index: ShardIndex) -> None:
        self.index = index
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read ({error}); expected the shard of its index; run 'data prepare' or 'data pack' again"
            ) from error
        if len(self._map) != index.size or zlib.crc32(self._map) != index.crc32:
            raise InputError(
                f"{path}: is damaged ({len(self._map)} bytes); expected {index.size} bytes with the checksum of its index; "
                "remove it and run 'data prepare' or 'data pack' again"
            )

    def arrays(self, clip: str, kind: str) -> Mapping[str, np.ndarray]:
        """Arrays [...] by name, views into the tar, of a clip's file: "features", or a codec's name."""
        return _Views(self._map, self.index.files[clip][kind].arrays)

    def file(self, clip: str, kind: str) -> bytes:
        """The bytes of a clip's npz."""
        stored = self.index.files[clip][kind]
        return self._map[stored.offset : stored.offset + stored.size]


class _Views(Mapping[str, np.ndarray]):
    """Arrays that become views as they are asked for."""

    def __init__(self, mapped: mmap.mmap, spots: Mapping[str, Spot]) -> None:
        self.mapped, self.spots = mapped, spots

    def __getitem__(self, name: str) -> np.ndarray:
        offset, dtype, shape = self.spots[name]
        return np.frombuffer(self.mapped, dtype, math.prod(shape), offset).reshape(shape)

    def __contains__(self, name: object) -> bool:
        return name in self.spots

    def __iter__(self) -> Iterator[str]:
        return iter(self.spots)

    def __len__(self) -> int:
        return len(self.spots)


def npz_spots(data: bytes, start: int) -> dict[str, Spot]:
    """Where the arrays of an uncompressed npz begin, if it begins at ``start``. Raises ValueError if it is none such."""
    spots: dict[str, Spot] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                with archive.open(info) as member:
                    version = np.lib.format.read_magic(member)
                    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                    shape, fortran, dtype = read(member)
                    header_bytes = member.tell()
                if info.compress_type != zipfile.ZIP_STORED or dtype.hasobject or (fortran and len(shape) > 1):
                    raise ValueError(f"{info.filename} is compressed or no plain array")
                at = info.header_offset + _ZIP_LENGTHS_AT
                name_bytes, extra_bytes = struct.unpack("<HH", data[at : at + 4])
                offset = start + at + 4 + name_bytes + extra_bytes + header_bytes
                spots[info.filename.removesuffix(".npy")] = (offset, dtype.str, tuple(int(n) for n in shape))
    except (zipfile.BadZipFile, EOFError, struct.error, OSError) as error:
        raise ValueError(str(error)) from error
    return spots


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> Stored | None:
    """Add a file to a tar; its place there, if it is an npz."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
    start = tar.offset - (len(data) + 511) // 512 * 512
    return Stored(start, len(data), npz_spots(data, start)) if name.endswith(".npz") else None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected what 'dance2music data prepare' wrote; run it again"
        ) from error


def _sum(path: Path) -> int:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return zlib.crc32(mapped)
