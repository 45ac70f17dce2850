"""A prepared folder with shards of it, shared by the tests of shards."""

from __future__ import annotations

from pathlib import Path

from dance2music.data.prepare import prepare
from dance2music.scale.pack import pack
from layouts import write_pairs


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a folder by relative path, but the records that only a preparation goes on from."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.parent.name != "rows"}


def write_other(home: Path) -> Path:
    """A prepared folder of another data set, with a clip of a name that `write_home` has too."""
    prepare(write_pairs(home / "data", ("a",), seconds=2.0, first_seed=40), "folder", home / "folder")
    return home / "folder"


def write_home(home: Path) -> Path:
    """``data`` of seven clips and one that is too short, ``folder`` prepared, ``shards`` of it with three clips or fewer each."""
    data = write_pairs(home / "data" / "train" / "house", ("a", "b", "c", "d", "e"), seconds=4.0)
    write_pairs(home / "data" / "test" / "pop", ("f", "g"), first_seed=20)
    write_pairs(data, ("h",), seconds=1.0, first_seed=30)
    prepare(home / "data", "folder", home / "folder")
    size = (home / "folder" / "clips" / "a.npz").stat().st_size
    pack(home / "folder", home / "shards", shard_bytes=2 * size)
    return home
