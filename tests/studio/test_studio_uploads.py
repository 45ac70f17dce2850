"""Uploads are refused by their length and first bytes before anything opens them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from dance2music.studio import api
from dance2music.studio.uploads import Refused, check_length, receive, video_suffix


async def chunks(data: bytes, size: int = 700) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize(
    "head, suffix",
    [
        (b"\0\0\0\x20ftypisom", ".mp4"),
        (b"\0\0\0\x14ftypqt  ", ".mov"),
        (b"\0\0\0\x08wide\0\0\0\0", ".mov"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01webm", ".webm"),
        (b"\x1a\x45\xdf\xa3\x9fmatroska", ".mkv"),
        (b"RIFF\0\0\0\0AVI LIST", ".avi"),
        (b"\x47" + b"\0" * 187 + b"\x47" + b"\0" * 187 + b"\x47" + b"\0" * 187, ".ts"),
        (b"\0\0\x01\xba\x44", ".mpg"),
        (b"FLV\x01\x05", ".flv"),
    ],
)
def test_a_video_is_known_by_its_first_bytes(head: bytes, suffix: str) -> None:
    assert video_suffix(head) == suffix


@pytest.mark.parametrize(
    "head",
    [b"PK\x03\x04zip", b"ffconcat version 1.0\nfile /etc/passwd", b"#EXTM3U\nhttp://elsewhere/x.ts", b"\x80\x04\x95pickle", b"GIF89a",
     b"\x89PNG\r\n", b"RIFF\0\0\0\0sfbk", b"RIFF\0\0\0\0WAVE", b"<svg", b"MThd\0\0\0\x06", b"", b"\x47" * 3],
)  # fmt: skip
def test_anything_else_is_refused(head: bytes) -> None:
    with pytest.raises(Refused, match="this is no video") as caught:
        video_suffix(head)
    assert caught.value.status == 415


@pytest.mark.parametrize("text, status", [(None, 411), ("many", 411), ("-1", 411), ("0", 415), ("2000000000", 413)])
def test_lengths_that_cannot_be_taken(text: str | None, status: int, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        check_length(text, tmp_path)
    assert caught.value.status == status


def test_a_disk_without_room_is_told_before_anything_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dance2music.studio.uploads.shutil.disk_usage", lambda folder: SimpleNamespace(free=300 << 20))
    assert check_length(str(20 << 20), tmp_path) == 20 << 20
    with pytest.raises(Refused, match="the disk has no room for 105 MB; free space and try again") as caught:
        check_length(str(100 << 20), tmp_path)
    assert caught.value.status == 507


def test_an_upload_is_kept_byte_by_byte_under_our_name(tmp_path: Path) -> None:
    data = b"\0\0\0\x20ftypisom" + bytes(range(256)) * 20
    path = asyncio.run(receive(chunks(data), tmp_path, len(data)))
    assert path == tmp_path / "video.mp4" and path.read_bytes() == data


@pytest.mark.parametrize("sent, announced, status", [(5000, 6000, 400), (6000, 5000, 400), (10, 4000, 400)])
def test_a_file_that_ends_early_or_late_is_refused(sent: int, announced: int, status: int, tmp_path: Path) -> None:
    data = (b"\0\0\0\x20ftypisom" + b"x" * 10_000)[:sent]
    with pytest.raises(Refused) as caught:
        asyncio.run(receive(chunks(data), tmp_path, announced))
    assert caught.value.status == status


def test_nothing_is_written_of_what_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        asyncio.run(receive(chunks(b"PK\x03\x04" + b"x" * 5000), tmp_path, 5004))
    assert not list(tmp_path.iterdir())


def test_a_length_of_thousands_of_digits_is_too_large_and_no_fault_of_ours(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="expected at most") as caught:
        check_length("9" * 5000, tmp_path)
    assert caught.value.status == 413


@pytest.mark.parametrize("values", [{"a": 10**400}, {"a": [{"b": -(1 << 63)}]}, {"like": "\ud800"}, {"\udfff": 1}])
def test_values_that_nothing_can_hold_are_found_wherever_they_are(values: dict) -> None:
    assert api._odd(values) is not None
    assert api._odd({"a": [1, 2.5, None, True, "\u00e9\U0001f57a", {"b": (1 << 63) - 1}]}) is None
