"""The HTTP API: what a page or a script may ask for. `ENDPOINTS` is the whole of it, and `openapi` its document."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from dance2music import __version__
from dance2music.config import from_dict
from dance2music.errors import ConfigError
from dance2music.generation.methods import METHODS
from dance2music.studio import bodies
from dance2music.studio.events import Events
from dance2music.studio.library import Library, Row, clean_title, new_id
from dance2music.studio.runner import Runner
from dance2music.studio.uploads import Refused, check_length, receive
from dance2music.types import GENRES

_MOST_BODY = 64 << 10
_MIME = {
    ".mp4": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm", ".mkv": "video/webm", ".jpg": "image/jpeg", ".wav": "audio/wav",
    ".bin": "application/octet-stream", ".json": "application/json",
}  # fmt: skip


@dataclass
class Studio:
    """What the API works on."""

    library: Library
    runner: Runner
    events: Events


Handler = Callable[[Studio, Request, Any], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """One thing that can be asked for: ``body`` is a class of `bodies`, ``gives`` says what comes back."""

    method: str
    path: str
    summary: str
    handler: Handler
    gives: str
    body: type | None = None
    status: int = 200


async def whole_library(studio: Studio, request: Request, body: None) -> Response:
    """Everything that a page shows, in one go."""
    library = studio.library
    jobs = [job | studio.runner.progress(job["id"]) for job in library.rows("jobs", "state IN ('queued', 'running', 'failed')")]
    return JSONResponse(
        {
            "version": __version__,
            "folder": str(library.folder.resolve()),
            "read_only": library.read_only,
            "genres": GENRES,
            "methods": {name: {"sounds": m.sounds, "summary": m.summary} for name, m in METHODS.items() if not m.compared},
            "dances": library.rows("dances"),
            "takes": library.rows("takes"),
            "exports": library.rows("exports"),
            "jobs": jobs,
        }
    )


async def listen(studio: Studio, request: Request, body: None) -> Response:
    """Server-sent events."""
    return StreamingResponse(studio.events.listen(), media_type="text/event-stream")


async def upload_dance(studio: Studio, request: Request, body: None) -> Response:
    """Take in a video, and queue its job."""
    library = studio.library
    library.check_writable()
    if request.headers.get("content-type", "").partition(";")[0] not in ("application/octet-stream", "video/mp4", "video/quicktime"):
        raise Refused(415, "expected the bytes of a video with Content-Type: application/octet-stream")
    length = check_length(request.headers.get("content-length"), library.folder)
    title = clean_title(request.query_params.get("title", ""), otherwise="Dance").rpartition(".")
    key = new_id()
    folder = library.place("dances", key)
    try:
        folder.mkdir()
        path = await receive(request.stream(), folder, length)
        dance = library.add("dances", id=key, title=title[0] or title[2], state="new", file=path.name, about={"bytes": length})
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, ClientDisconnect):
            raise Refused(400, "the connection ended while the file was sent; try again") from error
        if isinstance(error, OSError):
            raise Refused(507, f"the library cannot be written ({error.strerror}); free space and try again") from error
        raise
    return _queued(studio, "dance", dance, {}, status=201)


async def draw_dance(studio: Studio, request: Request, body: bodies.DrawDance) -> Response:
    """Queue a drawn dance."""
    if not 2.0 <= body.seconds <= 60.0:
        raise Refused(422, f"seconds: {body.seconds:g}; expected 2 to 60")
    _check_genre(body.genre)
    key = new_id()
    studio.library.check_writable()
    studio.library.place("dances", key).mkdir()
    count = sum(1 for row in studio.library.rows("dances") if row["about"].get("drawn"))
    about = {"seconds": body.seconds, "drawn": True}
    dance = studio.library.add("dances", id=key, title=f"Drawn dance {count + 1}", state="new", file="video.mp4", about=about)
    return _queued(studio, "dance", dance, {"draw_seconds": body.seconds, "genre": body.genre}, status=201)


async def one_dance(studio: Studio, request: Request, body: None) -> Response:
    """A dance with its takes."""
    dance = _row(studio, "dances", request)
    return JSONResponse(dance | {"takes": studio.library.rows("takes", "dance = ?", [dance["id"]])})


async def change_dance(studio: Studio, request: Request, body: bodies.ChangeDance) -> Response:
    """Rename a dance."""
    dance = _row(studio, "dances", request)
    changes = {} if body.title is None else {"title": clean_title(body.title, otherwise=dance["title"])}
    return JSONResponse(studio.library.change("dances", dance["id"], **changes) if changes else dance)


async def make_takes(studio: Studio, request: Request, body: bodies.MakeTakes) -> Response:
    """Queue takes."""
    dance = _row(studio, "dances", request)
    if dance["state"] != "ready":
        raise Refused(409, "this dance was not watched yet; wait until it is")
    if not 1 <= body.count <= bodies.MOST_TAKES:
        raise Refused(422, f"count: {body.count}; expected 1 to {bodies.MOST_TAKES}")
    method = METHODS.get(body.method)
    if method is None or method.compared:
        own = ", ".join(name for name, other in METHODS.items() if not other.compared)
        raise Refused(422, f"method: {body.method!r}; expected one of {own}")
    if body.sound and body.sound not in method.sounds:
        raise Refused(422, f"sound: {body.sound!r}; {body.method} can be heard as {', '.join(method.sounds)}")
    _check_genre(body.genre)
    seed = body.seed if body.seed is not None else _fresh_seed(studio, dance)
    if not 0 <= seed <= 2**53:
        raise Refused(422, f"seed: {seed}; expected a whole number from 0 to {2**53}")
    asked = {"count": body.count, "seed": seed, "genre": body.genre, "method": body.method, "sound": body.sound}
    return _queued(studio, "takes", dance, asked)


async def change_take(studio: Studio, request: Request, body: bodies.ChangeTake) -> Response:
    """Rename a take or star it."""
    take = _row(studio, "takes", request)
    changes: Row = {} if body.starred is None else {"starred": int(body.starred)}
    if body.title is not None:
        changes["title"] = clean_title(body.title, otherwise=take["title"])
    return JSONResponse(studio.library.change("takes", take["id"], **changes) if changes else take)


async def throw_away(studio: Studio, request: Request, body: None) -> Response:
    """Put a dance or a take into the bin."""
    table = request.url.path.split("/")[2]
    row = _row(studio, table, request)
    if table == "dances":
        for job in studio.library.rows("jobs", "dance = ? AND state IN ('queued', 'running')", [row["id"]]):
            studio.runner.cancel(job["id"])
    return JSONResponse(studio.library.change(table, row["id"], deleted=time.time()))


async def take_back(studio: Studio, request: Request, body: None) -> Response:
    """Take a dance or a take out of the bin."""
    table = request.url.path.split("/")[2]
    return JSONResponse(studio.library.change(table, _row(studio, table, request)["id"], deleted=None))


async def one_job(studio: Studio, request: Request, body: None) -> Response:
    """A job."""
    job = _row(studio, "jobs", request)
    return JSONResponse(job | studio.runner.progress(job["id"]))


async def cancel_job(studio: Studio, request: Request, body: None) -> Response:
    """Cancel a job."""
    job = _row(studio, "jobs", request)
    await asyncio.to_thread(studio.runner.cancel, job["id"])
    return JSONResponse(studio.library.row("jobs", job["id"]))


async def dance_file(studio: Studio, request: Request, body: None) -> Response:
    """A file of a dance."""
    dance = _row(studio, "dances", request)
    folder = studio.library.place("dances", dance["id"])
    names = {"video": dance["file"], "poster": "poster.jpg", "preview": "preview.mp4"}
    return _file(folder, names, request)


async def take_file(studio: Studio, request: Request, body: None) -> Response:
    """A file of a take."""
    folder = studio.library.place("takes", _row(studio, "takes", request)["id"])
    return _file(folder, {"sound": "sound.wav", "waves": "waves.bin", "report": "report.json", "take": "take.take"}, request)


async def document(studio: Studio, request: Request, body: None) -> Response:
    """The API's own document."""
    return JSONResponse(openapi())


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/api/openapi.json", "This document.", document, "an OpenAPI 3.1 document"),
    Endpoint("GET", "/api/library", "Everything in the library.", whole_library, "dances, takes, exports, jobs, and what can be chosen"),
    Endpoint("GET", "/api/events", "What happens, as server-sent events.", listen, "events named after tables; data is the row"),
    Endpoint("POST", "/api/dances", "Upload a video (its bytes; ?title=NAME).", upload_dance, "the dance and its job", status=201),
    Endpoint("POST", "/api/dances/drawn", "Draw a dance.", draw_dance, "the dance and its job", bodies.DrawDance, 201),
    Endpoint("GET", "/api/dances/{id}", "A dance with its takes.", one_dance, "the dance"),
    Endpoint("PATCH", "/api/dances/{id}", "Rename a dance.", change_dance, "the dance", bodies.ChangeDance),
    Endpoint("DELETE", "/api/dances/{id}", "Throw a dance away.", throw_away, "the dance"),
    Endpoint("POST", "/api/dances/{id}/restore", "Take a dance out of the bin.", take_back, "the dance"),
    Endpoint("POST", "/api/dances/{id}/takes", "Make more takes.", make_takes, "the job", bodies.MakeTakes, 202),
    Endpoint("PATCH", "/api/takes/{id}", "Rename a take, star it.", change_take, "the take", bodies.ChangeTake),
    Endpoint("DELETE", "/api/takes/{id}", "Throw a take away.", throw_away, "the take"),
    Endpoint("POST", "/api/takes/{id}/restore", "Take a take out of the bin.", take_back, "the take"),
    Endpoint("GET", "/api/jobs/{id}", "How far a job is.", one_job, "the job"),
    Endpoint("DELETE", "/api/jobs/{id}", "Cancel a job.", cancel_job, "the job"),
    Endpoint("GET", "/media/dances/{id}/{name}", "File of a dance: video, poster or preview.", dance_file, "the file"),
    Endpoint("GET", "/media/takes/{id}/{name}", "File of a take: sound, waves, report or take.", take_file, "the file"),
)


def openapi() -> dict[str, Any]:
    """The API as an OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        operation: dict[str, Any] = {
            "summary": endpoint.summary,
            "operationId": f"{endpoint.handler.__name__}_{endpoint.path.split('/')[2]}",
            "responses": {str(endpoint.status): {"description": endpoint.gives}, "default": {"$ref": "#/components/responses/error"}},
        }
        names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
        if names:
            operation["parameters"] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
        if endpoint.body is not None:
            reference = {"$ref": f"#/components/schemas/{endpoint.body.__name__}"}
            operation["requestBody"] = {"content": {"application/json": {"schema": reference}}}
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    error = {"type": "object", "properties": {"error": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "dance2music studio", "version": __version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {kind.__name__: bodies.schema(kind) for kind in {e.body for e in ENDPOINTS} if kind is not None},
            "responses": {"error": {"description": "what is wrong, in one line", "content": {"application/json": {"schema": error}}}},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


async def body_of(endpoint: Endpoint, request: Request) -> Any:
    """The body of a request, checked.

    Raises
    ------
    Refused
        411, 413, 415 or 422.
    """
    if endpoint.body is None:
        return None
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused(415, "expected Content-Type: application/json")
    check = request.headers.get("content-length")
    if check is None or not check.isdecimal():
        raise Refused(411, "the length of the request is missing; send a Content-Length")
    if int(check) > _MOST_BODY:
        raise Refused(413, f"the request has {check} bytes; expected at most {_MOST_BODY}")
    try:
        values = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(422, f"the request is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise Refused(422, f"expected an object with the fields of {endpoint.body.__name__}")
    try:
        return from_dict(endpoint.body, values, where="request")
    except ConfigError as error:
        raise Refused(422, str(error)) from error


def _queued(studio: Studio, kind: str, dance: Row, asked: Row, *, take: str | None = None, status: int = 202) -> Response:
    job = studio.library.add("jobs", kind=kind, dance=dance["id"], take=take, asked=asked, state="queued")
    studio.runner.wake()
    return JSONResponse({"dance": dance, "job": job}, status)


def _row(studio: Studio, table: str, request: Request) -> Row:
    row = studio.library.row(table, request.path_params["id"])
    if row is None:
        raise Refused(404, f"there is no such {table.removesuffix('s')}; it may have been removed")
    return row


def _file(folder: Any, names: dict[str, str], request: Request) -> Response:
    name = names.get(request.path_params["name"])
    if name is None or not (folder / name).is_file():
        raise Refused(404, f"there is no such file; expected one of {', '.join(names)}")
    path = folder / name
    kind = _MIME.get(path.suffix, "application/octet-stream")
    return FileResponse(path, media_type=kind, headers={"cache-control": "private, max-age=31536000, immutable"})


def _fresh_seed(studio: Studio, dance: Row) -> int:
    asked = [row["asked"] for row in studio.library.rows("jobs", "dance = ?", [dance["id"]])]
    return max((int(row.get("seed") or 0) + int(row.get("count", 1)) for row in asked), default=0)


def _check_genre(genre: str | None) -> None:
    if genre is not None and genre not in GENRES:
        raise Refused(422, f"genre: {genre!r}; expected one of {', '.join(GENRES)}")
