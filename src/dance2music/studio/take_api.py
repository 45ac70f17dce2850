"""Handlers of the API for takes: sections drawn again, stems and faders, exports, listening tests."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from dance2music.config import from_dict
from dance2music.errors import ConfigError
from dance2music.generation.redraw import ENERGIES
from dance2music.generation.request import DUCK_LIMITS_DB, KEPT_LIMITS_DB
from dance2music.music.audio import AUDIO_SUFFIXES
from dance2music.music.markers import MARKER_SUFFIXES
from dance2music.studio import bodies
from dance2music.studio.api import Studio, check_count, check_genre, check_seed, file_of, fresh_seed, queued, row_of, sent
from dance2music.studio.archive import zipped
from dance2music.studio.library import Row, clean_title, file_name
from dance2music.studio.mixing import LEAST_DB, MOST_DB, is_neutral
from dance2music.studio.task import REPORT_FILE, SOUND_FILE, STEM_WAVES_FILE, STEMS_FOLDER, TAKE_FILE, WAVES_FILE
from dance2music.studio.uploads import Refused
from dance2music.takes.methods import METHODS
from dance2music.takes.voices import VOICES
from dance2music.types import ROLES

FILES = {"sound": SOUND_FILE, "waves": WAVES_FILE, "stem-waves": STEM_WAVES_FILE, "report": REPORT_FILE, "take": TAKE_FILE}
STEMS = (*ROLES, "effects")
_TEST_FILE = re.compile(r"index\.html|listen\.css|listen\.js|test\.js|media/[0-9a-f]+\.(mp4|wav|m4a)")

_MOST_DIGITS = 18


async def change_take(studio: Studio, request: Request, body: bodies.ChangeTake) -> Response:
    """Rename a take or star it."""
    take = row_of(studio, "takes", request)
    changes: Row = {} if body.starred is None else {"starred": int(body.starred)}
    if body.title is not None:
        changes["title"] = clean_title(body.title, otherwise=take["title"])
    if body.mix is not None:
        changes["mix"] = _mix(body.mix)
    return JSONResponse(studio.library.change("takes", take["id"], **changes) if changes else take)


async def take_file(studio: Studio, request: Request, body: None) -> Response:
    """A file of a take."""
    folder = studio.library.place("takes", row_of(studio, "takes", request)["id"])
    return file_of(folder, FILES, request)


async def stem_file(studio: Studio, request: Request, body: None) -> Response:
    """A stem of a take."""
    folder = studio.library.place("takes", row_of(studio, "takes", request)["id"])
    return file_of(folder / STEMS_FOLDER, {stem: f"{stem}.wav" for stem in STEMS}, request)


async def draw_section(studio: Studio, request: Request, body: bodies.DrawSection) -> Response:
    """Queue a section to draw again."""
    take, dance = _with_dance(studio, request)
    if not METHODS[take["about"]["method"]].redraws:
        raise Refused(409, f"{take['about']['method']} makes whole pieces; choose a take of planned, composer or memory")
    length, beat = take["about"]["duration_seconds"], 60.0 / take["about"]["tempo_bpm"]
    begin, end = body.from_seconds, body.to_seconds
    if not (0.0 <= begin < end <= length + 0.05):
        raise Refused(422, f"section from {begin:g} s to {end:g} s: expected one within 0 s and {length:.2f} s")
    if end - begin < beat - 1e-6:
        raise Refused(422, f"section from {begin:g} s to {end:g} s: is shorter than a beat ({beat:.2f} s); choose a longer one")
    if unknown := [role for role in body.roles if role not in ROLES]:
        raise Refused(422, f"roles: {unknown[0]!r}; expected some of {', '.join(ROLES)}")
    if body.energy not in ENERGIES:
        raise Refused(422, f"energy: {body.energy!r}; expected calmer or wilder, or nothing")
    check_genre(body.genre)
    check_count(body.count)
    seed = check_seed(fresh_seed(studio, dance) if body.seed is None else body.seed)
    return queued(studio, "section", dance, asdict(body) | {"seed": seed}, take=take["id"])


async def change_voices(studio: Studio, request: Request, body: bodies.ChangeVoices) -> Response:
    """Queue a take of the same notes with other instruments."""
    take, dance = _with_dance(studio, request)
    wanted = {role: name for role, name in asdict(body).items() if name is not None}
    playing = take["about"].get("voices") or {}
    if not playing:
        raise Refused(409, "this take is one recording, its instruments cannot be changed; make one with the studio's sound")
    for role, name in wanted.items():
        if name not in VOICES[role]:
            raise Refused(422, f"{role}: {name!r}; expected one of {', '.join(VOICES[role])}")
        if role not in playing:
            raise Refused(409, f"{role} does not play in this take; choose of {', '.join(playing)}")
    if all(playing[role] == name for role, name in wanted.items()):
        raise Refused(422, "these instruments play already; choose another one")
    return queued(studio, "voices", dance, {"voices": wanted}, take=take["id"], once=True)


async def keep_choice(studio: Studio, request: Request, body: None) -> Response:
    """Keep one of the sections that were drawn; every other choice of its dance goes into the bin."""
    take, dance = _with_dance(studio, request)
    if not take["candidate"]:
        return JSONResponse(take)
    library = studio.library
    for other in library.rows("takes", "dance = ? AND id != ? AND candidate = 1 AND deleted IS NULL", [dance["id"], take["id"]]):
        library.change("takes", other["id"], deleted=time.time())
    kept = library.change("takes", take["id"], candidate=0, deleted=None, title=library.next_title(dance["id"]))
    _queue_stems(studio, dance, kept)
    return JSONResponse(kept)


async def make_stems(studio: Studio, request: Request, body: None) -> Response:
    """Queue the stems of a take that has none yet."""
    take, dance = _with_dance(studio, request)
    if take["about"].get("sound") not in ("studio", "soundfont"):
        raise Refused(409, "this take is one recording without stems; make one with the studio's sound")
    return _queue_stems(studio, dance, take)


async def export_take(studio: Studio, request: Request, body: bodies.Export) -> Response:
    """Queue an export."""
    take, dance = _with_dance(studio, request)
    if unknown := [suffix for suffix in body.sounds if suffix not in AUDIO_SUFFIXES]:
        raise Refused(422, f"sounds: {unknown[0]!r}; expected some of {', '.join(AUDIO_SUFFIXES)}")
    if unknown := [suffix for suffix in body.markers if suffix not in MARKER_SUFFIXES]:
        raise Refused(422, f"markers: {unknown[0]!r}; expected some of {', '.join(MARKER_SUFFIXES)}")
    if body.original_db is not None and not dance["about"].get("has_sound"):
        raise Refused(409, "the clip has no sound of its own; leave original_db out")
    _within("original_db", body.original_db or 0.0, KEPT_LIMITS_DB)
    _within("duck_db", body.duck_db, DUCK_LIMITS_DB)
    if not (body.markers or body.video or body.sounds or body.stems or body.midi or body.take):
        raise Refused(422, "nothing to export; choose at least one kind of file")
    has_stems = "stem_waves" in take["about"]
    if not has_stems and (body.stems or not is_neutral(take["mix"])):
        raise Refused(409, "the stems of this take are not there yet; wait until they are, or ask for them in the Sound panel")
    if body.midi and not METHODS[take["about"]["method"]].notes:
        raise Refused(409, f"{take['about']['method']} has no notes; leave MIDI out")
    each_once = {"sounds": list(dict.fromkeys(body.sounds)), "markers": list(dict.fromkeys(body.markers))}
    asked = asdict(body) | each_once | {"mix": take["mix"], "name": file_name(dance["title"], take["title"]), "take_id": take["id"]}
    return queued(studio, "export", dance, asked, take=take["id"], once=True)


async def make_listening_test(studio: Studio, request: Request, body: bodies.ListeningTest) -> Response:
    """Queue a listening test between takes of a dance."""
    dance = row_of(studio, "dances", request)
    known = {row["id"]: row for row in studio.library.rows("takes", "dance = ? AND deleted IS NULL", [dance["id"]])}
    if not 2 <= len(body.takes) <= bodies.MOST_TAKES or len({*body.takes} & known.keys()) != len(body.takes):
        raise Refused(422, f"takes: expected 2 to {bodies.MOST_TAKES} ids of takes of this dance, each once")
    titles = [known[key]["title"] for key in body.takes]
    names = [title if titles.count(title) == 1 else f"{title} ({i})" for i, title in enumerate(titles, start=1)]
    return queued(studio, "listen", dance, {"takes": list(body.takes), "names": names, "name": dance["title"]}, once=True)


async def export_file(studio: Studio, request: Request, body: None) -> Response:
    """A file of an export, by its number, to save."""
    row = row_of(studio, "exports", request)
    files, number = row["about"]["files"], request.path_params["name"]
    if not number.isdecimal() or len(number) > _MOST_DIGITS or not int(number) < len(files):
        raise Refused(404, f"there is no such file; expected a number below {len(files)}")
    name = files[int(number)]
    return sent(studio.library.place("exports", row["id"]) / name, save_as=name)


async def export_zip(studio: Studio, request: Request, body: None) -> Response:
    """All files of an export as one, to save."""
    row = row_of(studio, "exports", request)
    folder = studio.library.place("exports", row["id"])
    paths = [path for name in row["about"]["files"] if (path := folder / name).is_file()]
    if row["about"].get("test") or len(paths) < len(row["about"]["files"]):
        raise Refused(404, "there is no such file")
    headers = {"content-disposition": f"attachment; filename*=utf-8''{quote(row['title'])}.zip", "cache-control": "no-store"}
    return StreamingResponse(zipped(paths), media_type="application/zip", headers=headers)


async def test_file(studio: Studio, request: Request, body: None) -> Response:
    """A file of a listening test."""
    row = row_of(studio, "exports", request)
    name = request.path_params["file"] or "index.html"
    path = studio.library.place("exports", row["id"]) / "test" / name
    if not _TEST_FILE.fullmatch(name) or not path.is_file():
        raise Refused(404, "there is no such file")
    return sent(path, cache="no-cache")


def _within(name: str, value: float, limits: tuple[float, float]) -> None:
    if not limits[0] <= value <= limits[1]:
        raise Refused(422, f"{name}: {value:g}; expected {limits[0]:g} to {limits[1]:g}")


def _with_dance(studio: Studio, request: Request) -> tuple[Row, Row]:
    take = row_of(studio, "takes", request)
    dance = studio.library.row("dances", take["dance"])
    assert dance is not None, "a take has a dance"
    return take, dance


def _queue_stems(studio: Studio, dance: Row, take: Row) -> Response:
    unended = studio.library.rows("jobs", "kind = 'stems' AND take = ? AND state IN ('queued', 'running')", [take["id"]])
    waiting = [job for job in unended if studio.runner.wanted(job["id"])]
    if waiting or "stem_waves" in take["about"] or take["about"].get("sound") not in ("studio", "soundfont"):
        return JSONResponse({"dance": dance, "job": waiting[0] if waiting else None}, 202)
    return queued(studio, "stems", dance, {}, take=take["id"])


def _mix(given: dict[str, Any]) -> dict[str, Any]:
    """The faders of a take, checked."""
    faders = {}
    for name, values in given.items():
        if name not in STEMS or not isinstance(values, dict):
            raise Refused(422, f"mix: {name!r}; expected a fader for each of {', '.join(STEMS)}")
        try:
            fader = from_dict(bodies.Fader, values, where=f"mix.{name}")
        except ConfigError as error:
            raise Refused(422, str(error)) from error
        if not LEAST_DB <= fader.gain_db <= MOST_DB:
            raise Refused(422, f"mix.{name}.gain_db: {fader.gain_db:g}; expected {LEAST_DB:g} to {MOST_DB:g}")
        faders[name] = asdict(fader)
    return faders
