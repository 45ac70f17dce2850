"""Handlers of the API for the library and its dances: uploads, takes to make, the bin, jobs."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from dance2music import __version__
from dance2music.errors import InputError
from dance2music.music.audio import AUDIO_SUFFIXES
from dance2music.music.markers import MARKER_SUFFIXES
from dance2music.studio import bodies
from dance2music.studio.api import Studio, check_count, check_genre, check_seed, check_sound, check_who, file_of, fresh_seed, queued, row_of
from dance2music.studio.library import Row, clean_title, new_id
from dance2music.studio.rhythms import FASTEST_BPM, SLOWEST_BPM, check_wish
from dance2music.studio.task import DANCE_FILE, OWN_SOUND_FILE, PLACES_FILE, POSTER_FILE, PREVIEW_FILE
from dance2music.studio.uploads import Refused, check_length, receive
from dance2music.takes.methods import METHODS
from dance2music.takes.voices import VOICES
from dance2music.types import GENRES
from dance2music.video.container import MAX_SECONDS

MOST_TAPS = 500


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
            "voices": {role: list(names) for role, names in VOICES.items()},
            "sound_suffixes": AUDIO_SUFFIXES,
            "marker_suffixes": MARKER_SUFFIXES,
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


async def upload_dance(studio: Studio, request: Request, body: bodies.UploadDance) -> Response:
    """Take in a video, and queue its job."""
    library = studio.library
    library.check_writable()
    if request.headers.get("content-type", "").partition(";")[0] not in ("application/octet-stream", "video/mp4", "video/quicktime"):
        raise Refused(415, "expected the bytes of a video with Content-Type: application/octet-stream")
    length = check_length(request.headers.get("content-length"), library.folder)
    check_genre(body.genre)
    title = clean_title(body.title, otherwise="Dance").rpartition(".")
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
    return queued(studio, "dance", dance, {"genre": body.genre, "ending": body.ending}, status=201)


async def draw_dance(studio: Studio, request: Request, body: bodies.DrawDance) -> Response:
    """Queue a drawn dance."""
    if not 2.0 <= body.seconds <= 60.0:
        raise Refused(422, f"seconds: {body.seconds:g}; expected 2 to 60")
    check_genre(body.genre)
    key = new_id()
    studio.library.check_writable()
    studio.library.place("dances", key).mkdir()
    count = sum(1 for row in studio.library.rows("dances") if row["about"].get("drawn"))
    about = {"seconds": body.seconds, "drawn": True}
    dance = studio.library.add("dances", id=key, title=f"Drawn dance {count + 1}", state="new", file="video.mp4", about=about)
    return queued(studio, "dance", dance, {"draw_seconds": body.seconds, "genre": body.genre, "ending": body.ending}, status=201)


async def watch_again(studio: Studio, request: Request, body: None) -> Response:
    """Queue a dance whose watching failed or was cancelled."""
    dance = row_of(studio, "dances", request)
    if dance["state"] not in ("failed", "cancelled"):
        raise Refused(409, "this dance is being watched, or was; make more takes of it")
    (first,) = studio.library.rows("jobs", "dance = ? AND kind = 'dance'", [dance["id"]])[:1] or [{"asked": {}}]
    about = {name: value for name, value in dance["about"].items() if name != "error"}
    return queued(studio, "dance", studio.library.change("dances", dance["id"], state="new", about=about), first["asked"])


async def one_dance(studio: Studio, request: Request, body: None) -> Response:
    """A dance with its takes."""
    dance = row_of(studio, "dances", request)
    return JSONResponse(dance | {"takes": studio.library.rows("takes", "dance = ?", [dance["id"]])})


async def change_dance(studio: Studio, request: Request, body: bodies.ChangeDance) -> Response:
    """Rename a dance."""
    dance = row_of(studio, "dances", request)
    changes = {} if body.title is None else {"title": clean_title(body.title, otherwise=dance["title"])}
    return JSONResponse(studio.library.change("dances", dance["id"], **changes) if changes else dance)


async def make_takes(studio: Studio, request: Request, body: bodies.MakeTakes) -> Response:
    """Queue takes, on the beats that were found, on those of another take, or on others."""
    dance = row_of(studio, "dances", request)
    if dance["state"] != "ready":
        raise Refused(409, "this dance was not watched yet; wait until it is")
    check_count(body.count)
    check_sound(body.method, body.sound)
    check_genre(body.genre)
    base = like_of(studio, dance, body.like)
    check_who(body.dancer, dance)
    seed = check_seed(fresh_seed(studio, dance) if body.seed is None else body.seed)
    asked: Row = {"count": body.count, "seed": seed, "genre": body.genre, "method": body.method, "sound": body.sound, "like": body.like}
    if body.dancer is not None:
        asked["dancer"] = body.dancer
    ending = base["about"].get("ending") if body.ending is None else body.ending
    if ending is not None:
        asked["ending"] = ending
    if isinstance(body, bodies.ChangeRhythm):
        asked["rhythm"] = _rhythm(body, base)
    return queued(studio, "takes", dance, asked)


async def throw_away(studio: Studio, request: Request, body: None) -> Response:
    """Put a dance or a take into the bin."""
    table = request.url.path.split("/")[2]
    row = row_of(studio, table, request)
    if table == "dances":
        for job in studio.library.rows("jobs", "dance = ? AND state IN ('queued', 'running')", [row["id"]]):
            studio.runner.cancel(job["id"])
    return JSONResponse(studio.library.change(table, row["id"], deleted=time.time()))


async def take_back(studio: Studio, request: Request, body: None) -> Response:
    """Take a dance or a take out of the bin."""
    table = request.url.path.split("/")[2]
    return JSONResponse(studio.library.change(table, row_of(studio, table, request)["id"], deleted=None))


async def one_job(studio: Studio, request: Request, body: None) -> Response:
    """A job."""
    job = row_of(studio, "jobs", request)
    return JSONResponse(job | studio.runner.progress(job["id"]))


async def cancel_job(studio: Studio, request: Request, body: None) -> Response:
    """Cancel a job."""
    job = row_of(studio, "jobs", request)
    await asyncio.to_thread(studio.runner.cancel, job["id"])
    return JSONResponse(studio.library.row("jobs", job["id"]))


async def dance_file(studio: Studio, request: Request, body: None) -> Response:
    """A file of a dance."""
    dance = row_of(studio, "dances", request)
    folder = studio.library.place("dances", dance["id"])
    names = {"video": dance["file"], "poster": POSTER_FILE, "preview": PREVIEW_FILE, "dance": DANCE_FILE}
    names |= {"own": OWN_SOUND_FILE, "places": PLACES_FILE}
    return file_of(folder, names, request)


def like_of(studio: Studio, dance: Row, like: str | None) -> Row:
    """The take that others are to be like, else the dance. Raises Refused (422) if it is none of the dance."""
    if like is None:
        return dance
    found = studio.library.rows("takes", "id = ? AND dance = ?", [like, dance["id"]])
    if not found:
        raise Refused(422, f"like: {like!r}; expected the id of a take of this dance")
    return found[0]


def _rhythm(body: bodies.ChangeRhythm, base: Row) -> dict[str, Any]:
    """What is asked of the beat. Raises Refused: 422 for values that are none, 400 where no beat comes of them with those of ``base``."""
    if body.factor not in (None, 0.5, 2.0):
        raise Refused(422, f"factor: {body.factor:g}; expected 0.5 or 2")
    if not -2.0 <= body.shift_beats <= 2.0:
        raise Refused(422, f"shift_beats: {body.shift_beats:g}; expected -2 to 2")
    if not -3 <= body.shift_downbeat <= 3:
        raise Refused(422, f"shift_downbeat: {body.shift_downbeat}; expected -3 to 3")
    if body.tempo_bpm is not None and not SLOWEST_BPM <= body.tempo_bpm <= FASTEST_BPM:
        raise Refused(422, f"tempo_bpm: {body.tempo_bpm:g}; expected {SLOWEST_BPM:g} to {FASTEST_BPM:g}")
    if len(body.taps_seconds) > MOST_TAPS or not all(0.0 <= tap <= MAX_SECONDS for tap in body.taps_seconds):
        raise Refused(422, f"taps_seconds: expected at most {MOST_TAPS} times from 0 to {MAX_SECONDS:g} s")
    if not 0.0 <= body.first_beat_seconds <= MAX_SECONDS:
        raise Refused(422, f"first_beat_seconds: {body.first_beat_seconds:g}; expected 0 to {MAX_SECONDS:g}")
    asked = {
        "factor": body.factor,
        "shift_beats": body.shift_beats,
        "shift_downbeat": body.shift_downbeat,
        "tempo_bpm": body.tempo_bpm,
        "first_beat_seconds": body.first_beat_seconds,
        "taps_seconds": list(body.taps_seconds),
    }
    try:
        check_wish(asked, base["about"]["tempo_bpm"])
    except InputError as error:
        raise Refused(400, str(error)) from error
    return asked
