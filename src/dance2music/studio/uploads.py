"""What comes in by upload: its size and its first bytes are looked at before a byte is kept, and its name is ours."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from dance2music.errors import InputError

MAX_BYTES = 1 << 30
ROOM_BYTES = 256 << 20
"""What is left free on the disk."""
_HEAD = 1024
_MOST_DIGITS = 18
"""Of a number that a request has as text: of more, what they begin with is too large already."""


class Refused(InputError):
    """A request that is refused, with the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def video_suffix(head: bytes) -> str:
    """Suffix for a video file by its first bytes.

    Raises
    ------
    Refused
        415, if they are not those of a container that holds videos: playlists and other texts, archives, pictures and sound are not opened.
    """
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return ".mov" if head[8:10] == b"qt" or head[4:8] != b"ftyp" else ".mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return ".webm" if b"webm" in head[:64] else ".mkv"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return ".avi"
    if head.startswith(b"FLV\x01"):
        return ".flv"
    if head.startswith(b"OggS"):
        return ".ogv"
    if head.startswith(b"\x00\x00\x01\xba"):
        return ".mpg"
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return ".wmv"
    if any(len(head) > start + 2 * 188 and all(head[start + k * 188] == 0x47 for k in range(3)) for start in (0, 4)):
        return ".ts"
    raise Refused(415, "this is no video; expected mp4, mov, mkv, webm, avi, ts, mpg, flv, ogv or wmv; choose another file")


def check_length(text: str | None, folder: Path, *, limit: int = MAX_BYTES) -> int:
    """The length in bytes that the sender announces.

    Raises
    ------
    Refused
        411 if there is none, 413 if it is too large, 507 if the disk has no room for it.
    """
    if text is None or not text.isdecimal():
        raise Refused(411, "the length of the upload is missing; send a Content-Length")
    length = int(text[:_MOST_DIGITS])
    if not length:
        raise Refused(415, "the file is empty (0 bytes); copy or download it again")
    if length > limit:
        raise Refused(413, f"the file has {length / 1e6:.0f} MB; expected at most {limit / 1e6:.0f} MB; cut it or make it smaller")
    if shutil.disk_usage(folder).free < length + ROOM_BYTES:
        raise Refused(507, f"the disk has no room for {length / 1e6:.0f} MB; free space and try again")
    return length


async def receive(body: AsyncIterator[bytes], folder: Path, length: int) -> Path:
    """Write an upload into a folder and give the file, named ``video`` with the suffix that its first bytes ask for.

    Raises
    ------
    Refused
        415 as `video_suffix`; 400 if there are more or fewer bytes than announced, as when a file ends while it is copied; 507 if the disk
        fills up. The caller removes the folder then.
    """
    head, file, written = b"", None, 0
    try:
        async for chunk in body:
            written += len(chunk)
            if written > length:
                raise Refused(400, "more was sent than announced; try again")
            if file is None:
                head += chunk
                if len(head) < min(_HEAD, length):
                    continue
                path = folder / f"video{video_suffix(head)}"
                file, chunk = path.open("xb"), head
            file.write(chunk)
        if written < length or file is None:
            raise Refused(
                400, f"{written} of {length} bytes came: the file ended while it was sent; wait until it is copied, and try again"
            )
    except OSError as error:
        raise Refused(507, f"the upload cannot be kept ({error.strerror}); free space and try again") from error
    finally:
        if file is not None:
            file.close()
    return path
