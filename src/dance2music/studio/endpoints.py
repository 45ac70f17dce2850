"""The whole of the HTTP API, as one table."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dance2music.studio import bodies
from dance2music.studio.api import Endpoint, Studio, openapi
from dance2music.studio.dance_api import (
    cancel_job,
    change_dance,
    dance_file,
    draw_dance,
    listen,
    make_takes,
    one_dance,
    one_job,
    take_back,
    throw_away,
    upload_dance,
    watch_again,
    whole_library,
)  # fmt: skip
from dance2music.studio.take_api import (
    change_take,
    change_voices,
    draw_section,
    export_file,
    export_take,
    export_zip,
    keep_choice,
    make_listening_test,
    make_stems,
    stem_file,
    take_file,
    test_file,
)  # fmt: skip


async def document(studio: Studio, request: Request, body: None) -> Response:
    """The API's own document."""
    return JSONResponse(openapi(ENDPOINTS))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/api/openapi.json", "This document.", document, "an OpenAPI 3.1 document"),
    Endpoint("GET", "/api/library", "Everything in the library.", whole_library, "dances, takes, exports, jobs, and what can be chosen"),
    Endpoint("GET", "/api/events", "What happens, as server-sent events.", listen, "events named after tables; data is the row"),
    Endpoint("POST", "/api/dances", "Upload a video.", upload_dance, "the dance and its job", status=201, query=bodies.UploadDance),
    Endpoint("POST", "/api/dances/drawn", "Draw a dance.", draw_dance, "the dance and its job", bodies.DrawDance, 201),
    Endpoint("GET", "/api/dances/{id}", "A dance with its takes.", one_dance, "the dance"),
    Endpoint("PATCH", "/api/dances/{id}", "Rename a dance.", change_dance, "the dance", bodies.ChangeDance),
    Endpoint("DELETE", "/api/dances/{id}", "Throw a dance away.", throw_away, "the dance"),
    Endpoint("POST", "/api/dances/{id}/restore", "Take a dance out of the bin.", take_back, "the dance"),
    Endpoint("POST", "/api/dances/{id}/watch", "Watch a dance again.", watch_again, "the job", status=202),
    Endpoint("POST", "/api/dances/{id}/takes", "Make more takes.", make_takes, "the job", bodies.MakeTakes, 202),
    Endpoint("POST", "/api/dances/{id}/rhythm", "Make a take on other beats.", make_takes, "the job", bodies.ChangeRhythm, 202),
    Endpoint(
        "POST", "/api/dances/{id}/listening-test", "Compare takes blindly.", make_listening_test, "the job", bodies.ListeningTest, 202
    ),
    Endpoint("PATCH", "/api/takes/{id}", "Rename a take, star it, move its faders.", change_take, "the take", bodies.ChangeTake),
    Endpoint("DELETE", "/api/takes/{id}", "Throw a take away.", throw_away, "the take"),
    Endpoint("POST", "/api/takes/{id}/restore", "Take a take out of the bin.", take_back, "the take"),
    Endpoint("POST", "/api/takes/{id}/section", "Draw a section again.", draw_section, "the job", bodies.DrawSection, 202),
    Endpoint("POST", "/api/takes/{id}/keep", "Keep one of the sections to choose from.", keep_choice, "the take"),
    Endpoint(
        "POST", "/api/takes/{id}/voices", "The same notes with other instruments.", change_voices, "the job", bodies.ChangeVoices, 202
    ),
    Endpoint("POST", "/api/takes/{id}/stems", "Play the instruments apart.", make_stems, "the job", status=202),
    Endpoint("POST", "/api/takes/{id}/exports", "Export a take.", export_take, "the job", bodies.Export, 202),
    Endpoint("GET", "/api/jobs/{id}", "How far a job is.", one_job, "the job"),
    Endpoint("DELETE", "/api/jobs/{id}", "Cancel a job.", cancel_job, "the job"),
    Endpoint("GET", "/media/dances/{id}/{name}", "File of a dance: video, poster, preview, own (sound) or places.", dance_file, "the file"),
    Endpoint("GET", "/media/takes/{id}/{name}", "File of a take: sound, waves, stem-waves, report or take.", take_file, "the file"),
    Endpoint("GET", "/media/takes/{id}/stems/{name}", "A stem of a take, by its role.", stem_file, "the file"),
    Endpoint("GET", "/media/exports/{id}/all.zip", "All files of an export as one zip.", export_zip, "the file"),
    Endpoint("GET", "/media/exports/{id}/{name}", "File of an export, by its number.", export_file, "the file"),
    Endpoint("GET", "/listen/{id}/{file:path}", "A listening test, to open in a browser.", test_file, "the page and its files"),
)
