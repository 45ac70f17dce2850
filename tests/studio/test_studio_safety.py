"""Requests that have no business here are refused with the right status, and change no file of the library."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from studio_server import Running

JSON = {"Content-Type": "application/json"}
BYTES = {"Content-Type": "application/octet-stream"}
ZIP, TEXT = b"PK\x03\x04" + b"\0" * 2000, b"ffconcat version 1.0\nfile '/etc/passwd'\n" * 50
VIDEO = b"\0\0\0\x20ftypisom" + b"\0" * 2000

HOSTILE: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/api/library", {"token": False}, 401),
    ("GET", "/", {"token": False}, 401),
    ("GET", "/?token=guess", {"token": False}, 401),
    ("GET", "/page/main.js", {"token": False}, 401),
    ("GET", "/api/events", {"token": False}, 401),
    ("GET", "/media/takes/TAKE/sound", {"token": False}, 401),
    ("POST", "/api/dances?title=x", {"token": False, "headers": BYTES, "body": VIDEO}, 401),
    ("DELETE", "/api/takes/TAKE", {"token": False}, 401),
    ("GET", "/api/library", {"headers": {"Authorization": "Bearer x"}, "token": False}, 401),
    ("GET", "/api/library", {"headers": {"Cookie": "dance2music-studio-1=x; =;;"}, "token": False}, 401),
    ("GET", "/api/library", {"headers": {"Host": "evil.example"}}, 421),
    ("GET", "/", {"headers": {"Host": "127.0.0.1"}}, 421),
    ("GET", "/api/library", {"headers": {"Host": "localhost.evil.example:80"}}, 421),
    ("GET", "/api/library", {"headers": {"Origin": "http://evil.example"}}, 403),
    ("GET", "/api/library", {"headers": {"Origin": "null"}}, 403),
    ("POST", "/api/dances/drawn", {"headers": JSON | {"Origin": "https://127.0.0.1"}, "body": b"{}"}, 403),
    ("DELETE", "/api/takes/TAKE", {"headers": {"Origin": "http://127.0.0.1:1"}}, 403),
    ("GET", "/api/library", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
    ("GET", "/page/../../../pyproject.toml", {}, 404),
    ("GET", "/page/..%2f..%2fserver.py", {}, 404),
    ("GET", "/media/takes/TAKE/../../library.sqlite", {}, 404),
    ("GET", "/media/takes/..%2F..%2Flibrary.sqlite/sound", {}, 404),
    ("GET", "/media/takes/TAKE/..%2Ftake.take", {}, 404),
    ("GET", "/media/takes/TAKE/stems/..%2F..%2Fsound", {}, 404),
    ("GET", "/media/dances/DANCE/%2e%2e", {}, 404),
    ("GET", "/listen/DANCE/..%2f..%2flibrary.sqlite", {}, 404),
    ("GET", "/api/takes/TAKE%00", {}, 405),
    ("POST", "/api/dances?title=big.mp4", {"headers": BYTES | {"Content-Length": "2000000000"}, "body": b""}, 413),
    ("POST", "/api/dances?title=zip.mp4", {"headers": BYTES, "body": ZIP}, 415),
    ("POST", "/api/dances?title=text.mp4", {"headers": BYTES, "body": TEXT}, 415),
    ("POST", "/api/dances?title=soundfont.sf2", {"headers": BYTES, "body": b"RIFF\0\0\0\0sfbk" + b"\0" * 2000}, 415),
    ("POST", "/api/dances?title=weights.pt", {"headers": BYTES, "body": b"\x80\x02}q\x00." + b"\0" * 2000}, 415),
    ("POST", "/api/dances?title=form", {"headers": {"Content-Type": "multipart/form-data"}, "body": VIDEO}, 415),
    ("POST", "/api/dances?title=empty", {"headers": BYTES, "body": b""}, 415),
    ("POST", "/api/dances/drawn", {"headers": {"Content-Type": "text/plain"}, "body": b"{}"}, 415),
    ("POST", "/api/dances/drawn", {"headers": JSON, "body": b"{not json"}, 422),
    ("POST", "/api/dances/drawn", {"headers": JSON, "body": b"[" * 20_000}, 422),
    ("POST", "/api/dances/drawn", {"headers": JSON, "body": b'{"seconds": 1e9}'}, 422),
    ("POST", "/api/dances/drawn", {"headers": JSON, "body": b'{"seconds": NaN}'}, 422),
    ("POST", "/api/dances/drawn", {"headers": JSON, "body": b'{"weights": "/etc/passwd"}'}, 422),
    ("POST", "/api/dances/drawn", {"headers": JSON, "body": b'{"seconds": 4, "x": "' + b"x" * 70_000 + b'"}'}, 413),
    ("POST", "/api/dances/DANCE/takes", {"headers": JSON, "body": b'{"count": 100}'}, 422),
    ("POST", "/api/dances/DANCE/takes", {"headers": JSON, "body": b'{"method": "d2m-gan"}'}, 422),
    ("POST", "/api/dances/DANCE/takes", {"headers": JSON, "body": b'{"like": "../../x"}'}, 422),
    ("POST", "/api/dances/DANCE/rhythm", {"headers": JSON, "body": b'{"tempo_bpm": 1e300}'}, 422),
    ("POST", "/api/dances/DANCE/rhythm", {"headers": JSON, "body": b'{"taps_seconds": [1, NaN]}'}, 422),
    ("POST", "/api/takes/TAKE/section", {"headers": JSON, "body": b'{"from_seconds": 3, "to_seconds": 1}'}, 422),
    ("POST", "/api/takes/TAKE/section", {"headers": JSON, "body": b'{"from_seconds": 1}'}, 422),
    ("POST", "/api/takes/TAKE/exports", {"headers": JSON, "body": b'{"sounds": [".sh"]}'}, 422),
    ("PATCH", "/api/takes/TAKE", {"headers": JSON, "body": b'{"mix": {"../x": {}}}'}, 422),
    ("PATCH", "/api/takes/TAKE", {"headers": JSON, "body": b'{"mix": {"drums": {"gain_db": NaN}}}'}, 422),
    ("PATCH", "/api/takes/'; DROP TABLE takes; --", {"headers": JSON, "body": b"{}"}, 404),
    ("PUT", "/api/library", {"headers": JSON, "body": b"{}"}, 405),
]  # fmt: skip


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of the library with its size and the time of its last change, but what the process that waits for a job writes."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != "log.txt"]
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def answer(
    studio: Running, method: str, path: str, *, body: bytes | None = None, headers: Any = None, token: bool = True
) -> tuple[int, Any]:
    """Status and headers, sent as it stands: urllib would tidy paths and hosts up."""
    host = studio.base.removeprefix("http://")
    given = {"Host": host} | ({"Authorization": f"Bearer {studio.token}"} if token else {}) | (headers or {})
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.putrequest(method, path.replace(" ", "%20"), skip_host=True, skip_accept_encoding=True)
    if body is not None:
        given = {"Content-Length": str(len(body))} | given
    for name, value in given.items():
        connection.putheader(name, value)
    connection.endheaders(body or None)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    assert b"Traceback" not in text and (response.status == 200 or str(studio.folder).encode() not in text)
    return response.status, dict(response.getheaders())


@pytest.mark.parametrize("method, path, sent, status", HOSTILE, ids=[f"{n}-{row[0]}-{row[3]}" for n, row in enumerate(HOSTILE)])
def test_a_hostile_request_is_refused_and_changes_nothing(
    studio: Running, dance: Any, take: Any, method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    before = files(studio.folder)
    found, headers = answer(studio, method, path.replace("DANCE", dance["id"]).replace("TAKE", take["id"]), **sent)
    assert found == status
    assert headers["x-content-type-options"] == "nosniff" and "default-src 'none'" in headers["content-security-policy"]
    assert files(studio.folder) == before


def test_the_address_with_its_token_sets_a_cookie_that_scripts_and_other_sites_cannot_use(studio: Running) -> None:
    status, headers = answer(studio, "GET", f"/?token={studio.token}", token=False)
    assert status == 303 and headers["location"] == "/"
    assert "HttpOnly" in headers["set-cookie"] and "SameSite=strict" in headers["set-cookie"]
    cookie = headers["set-cookie"].partition(";")[0]
    assert answer(studio, "GET", "/api/library", headers={"Cookie": cookie}, token=False)[0] == 200


def test_a_title_with_markup_is_kept_as_text_and_names_no_file(studio: Running, clip: Path) -> None:
    title = "..%2F..%2F%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E.mp4"
    made = studio.upload(clip, title)
    studio.ask("DELETE", f"/api/jobs/{made['job']['id']}")
    assert made["dance"]["title"] == "../../<img src=x onerror=alert(1)>" and made["dance"]["file"] == "video.mp4"
    assert not [path for path in studio.folder.parent.rglob("*") if "onerror" in path.name]
    studio.settled(made["job"]["id"])


def test_no_endpoint_answers_without_a_token(studio: Running) -> None:
    document = json.loads(studio.request("GET", "/api/openapi.json")[1])
    for path, methods in document["paths"].items():
        for method in methods:
            assert answer(studio, method.upper(), path.replace("{", "").replace("}", ""), token=False)[0] == 401
