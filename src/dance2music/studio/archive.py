"""Files of an export as one zip, written while it is sent: nothing of it is kept in memory or on the disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_PART_BYTES = 1 << 20


class _Outbox(io.RawIOBase):
    """What was written and not fetched yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def fetch(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def zipped(paths: Sequence[Path]) -> Iterator[bytes]:
    """Bytes of a zip of files, by their names and as they are: music and video do not get smaller."""
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            entry = zipfile.ZipInfo.from_file(path, path.name, strict_timestamps=False)
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while part := source.read(_PART_BYTES):
                    target.write(part)
                    yield outbox.fetch()
    yield outbox.fetch()
