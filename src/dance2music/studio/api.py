"""The HTTP API's frame: what an endpoint is, how a request's body is checked, what handlers share, and the API's document."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from dance2music import __version__
from dance2music.config import from_dict
from dance2music.documents import json_text, json_value
from dance2music.errors import ConfigError, InputError
from dance2music.generation.request import MAX_SEED
from dance2music.people.dancers import ALL, LARGEST, check_dancer
from dance2music.studio import bodies
from dance2music.studio.events import Events
from dance2music.studio.library import Library, Row
from dance2music.studio.runner import Runner
from dance2music.studio.uploads import Refused
from dance2music.takes.methods import METHODS
from dance2music.types import GENRES

_MOST_BODY = 64 << 10
_MIME = {
    ".mp4": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm", ".mkv": "video/webm", ".jpg": "image/jpeg", ".wav": "audio/wav",
    ".flac": "audio/flac", ".bin": "application/octet-stream", ".json": "application/json", ".html": "text/html", ".css": "text/css",
    ".js": "text/javascript",
}  # fmt: skip
KEPT = "private, max-age=31536000, immutable"
"""How long a browser may keep a file of the library: an id never means another."""

_MOST_DIGITS = 18
_TRUTHS = {"true": True, "false": False}


@dataclass
class Studio:
    """What the API works on."""

    library: Library
    runner: Runner
    events: Events


Handler = Callable[[Studio, Request, Any], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """One thing that can be asked for: ``body`` is a class of `bodies`, ``gives`` says what comes back.

    ``query`` instead of a body: a class of `bodies` whose fields come behind the ``?``, and the body is the bytes of a file.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    gives: str
    body: type | None = None
    status: int = 200
    query: type | None = None


async def body_of(endpoint: Endpoint, request: Request) -> Any:
    """The body of a request, checked.

    Raises
    ------
    Refused
        411, 413, 415 or 422.
    """
    if endpoint.query is not None:
        return _query(endpoint.query, request)
    if endpoint.body is None:
        return None
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused(415, "expected Content-Type: application/json")
    check = request.headers.get("content-length")
    if check is None or not check.isdecimal():
        raise Refused(411, "the length of the request is missing; send a Content-Length")
    if int(check[:_MOST_DIGITS]) > _MOST_BODY:
        raise Refused(413, f"the request has {check[:_MOST_DIGITS]} bytes; expected at most {_MOST_BODY}")
    try:
        values = json_value(await request.body())
    except ValueError as error:
        raise Refused(422, f"the request is no JSON ({error})") from error
    if (odd := _odd(values)) is not None:
        raise Refused(422, f"the request holds {odd}")
    if not isinstance(values, dict):
        raise Refused(422, f"expected an object with the fields of {endpoint.body.__name__}")
    if missing := [name for name in bodies.schema(endpoint.body).get("required", ()) if name not in values]:
        raise Refused(422, f"request: lacks {', '.join(missing)}")
    try:
        return from_dict(endpoint.body, values, where="request")
    except ConfigError as error:
        raise Refused(422, str(error)) from error


def _query(kind: type, request: Request) -> Any:
    """What stands behind the ``?`` as a class of `bodies` whose fields are texts and truths; what is empty is left out."""
    values: dict[str, Any] = {}
    for name, about in bodies.schema(kind)["properties"].items():
        if not (text := request.query_params.get(name, "")):
            continue
        if about["type"] == "boolean" and text not in _TRUTHS:
            raise Refused(422, f"{name}: {text[:40]!r}; expected {' or '.join(_TRUTHS)}")
        values[name] = _TRUTHS[text] if about["type"] == "boolean" else text
    return kind(**values)


def _odd(value: Any) -> str | None:
    """What of a JSON value no table and no file can hold, however it is meant; None where all is well."""
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        return "a text with half a letter (a lone surrogate)"
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return "a whole number of more than 64 bits"
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    names = list(value) if isinstance(value, dict) else []
    return next((odd for one in [*names, *inner] if (odd := _odd(one)) is not None), None)


def openapi(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The API as an OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation: dict[str, Any] = {
            "summary": endpoint.summary,
            "operationId": "_".join([endpoint.method.lower(), *re.findall(r"\w+", endpoint.path)]),
            "responses": {str(endpoint.status): {"description": endpoint.gives}, "default": {"$ref": "#/components/responses/error"}},
        }
        named = [(name, "path", {"type": "string"}) for name in re.findall(r"{(\w+)", endpoint.path)]
        named += (
            []
            if endpoint.query is None
            else [(name, "query", about) for name, about in bodies.schema(endpoint.query)["properties"].items()]
        )
        if named:
            operation["parameters"] = [
                {"name": name, "in": place, "required": place == "path", "schema": about} for name, place, about in named
            ]
        if endpoint.query is not None:
            operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
        if endpoint.body is not None:
            reference = {"$ref": f"#/components/schemas/{endpoint.body.__name__}"}
            operation["requestBody"] = {"content": {"application/json": {"schema": reference}}}
        paths.setdefault(endpoint.path.replace(":path}", "}"), {})[endpoint.method.lower()] = operation
    error = {"type": "object", "properties": {"error": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "dance2music studio", "version": __version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {kind.__name__: bodies.schema(kind) for kind in {e.body for e in endpoints} if kind is not None},
            "responses": {"error": {"description": "what is wrong, in one line", "content": {"application/json": {"schema": error}}}},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def queued(
    studio: Studio, kind: str, dance: Row, asked: Row, *, take: str | None = None, status: int = 202, once: bool = False
) -> Response:
    """Put a job into the queue, and tell of it; ``once``: one that asks for the same and is going to do it is enough."""
    if once:
        waiting = studio.library.rows("jobs", "kind = ? AND dance = ? AND state IN ('queued', 'running')", [kind, dance["id"]])
        for other in waiting:
            if other["asked"] == json_value(json_text(asked)) and other["take"] == take and studio.runner.wanted(other["id"]):
                return JSONResponse({"dance": dance, "job": other}, status)
    job = studio.library.add("jobs", kind=kind, dance=dance["id"], take=take, asked=asked, state="queued")
    studio.runner.wake()
    return JSONResponse({"dance": dance, "job": job}, status)


def row_of(studio: Studio, table: str, request: Request) -> Row:
    """The row that a request names. Raises Refused (404) if there is none."""
    row = studio.library.row(table, request.path_params["id"])
    if row is None:
        raise Refused(404, f"there is no such {table.removesuffix('s')}; it may have been removed")
    return row


def file_of(folder: Path, names: dict[str, str], request: Request) -> Response:
    """A file of a folder by the name that the API has for it, which is never a path. Raises Refused (404) if there is none."""
    name = names.get(request.path_params["name"])
    if name is None or not (folder / name).is_file():
        raise Refused(404, f"there is no such file; expected one of {', '.join(names)}")
    return sent(folder / name)


def sent(path: Path, *, save_as: str | None = None, cache: str = KEPT) -> Response:
    """A file; ``save_as`` has the browser save it under a name."""
    kind = _MIME.get(path.suffix, "application/octet-stream")
    return FileResponse(path, media_type=kind, filename=save_as, headers={"cache-control": cache})


def fresh_seed(studio: Studio, dance: Row) -> int:
    """A seed that no job of the dance has used; seeds in the upper half, which somebody chose, do not count."""
    asked = [row["asked"] for row in studio.library.rows("jobs", "dance = ?", [dance["id"]])]
    used = [int(row.get("seed") or 0) + int(row.get("count", 1)) for row in asked]
    return max((seed for seed in used if seed <= MAX_SEED // 2), default=0)


def check_genre(genre: str | None) -> None:
    """Refuse a genre that is none: raises Refused (422)."""
    if genre is not None and genre not in GENRES:
        raise Refused(422, f"genre: {genre!r}; expected one of {', '.join(GENRES)}")


def check_who(dancer: str | None, dance: Row) -> None:
    """Refuse a dancer who is not in the dance: raises Refused (422)."""
    if dancer is not None:
        dancer = dancer[:_MOST_DIGITS]
        try:
            check_dancer(dancer)
        except InputError as error:
            raise Refused(422, str(error).removeprefix("--")) from error
        people = len(dance["about"].get("dancers", []))
        if dancer not in (ALL, LARGEST) and int(dancer) > people:
            raise Refused(422, f"dancer: {dancer}; expected {ALL}, {LARGEST}" + (f" or 1 to {people}" if people else ""))


def check_seed(seed: int) -> int:
    """The seed, if it is one. Raises Refused (422)."""
    if not 0 <= seed <= 2**53:
        raise Refused(422, f"seed: {seed}; expected a whole number from 0 to {2**53}")
    return seed


def check_count(count: int) -> None:
    """Refuse a number of takes that is none, or too large: raises Refused (422)."""
    if not 1 <= count <= bodies.MOST_TAKES:
        raise Refused(422, f"count: {count}; expected 1 to {bodies.MOST_TAKES}")


def check_sound(method_name: str, sound: str) -> None:
    """Refuse a method that is none of the package's own, or a sound in which it cannot be heard: raises Refused (422)."""
    method = METHODS.get(method_name)
    if method is None or method.compared:
        own = ", ".join(name for name, other in METHODS.items() if not other.compared)
        raise Refused(422, f"method: {method_name!r}; expected one of {own}")
    if sound and sound not in method.sounds:
        raise Refused(422, f"sound: {sound!r}; {method_name} can be heard as {', '.join(method.sounds)}")
