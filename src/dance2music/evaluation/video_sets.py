"""New music for a whole folder of dance videos, ``dance2music generate-set FOLDER -o OUT``: on several processors or machines, resumable.

::

    OUT/PLACE/NAME.mp4, .json, ...    what ``generate`` writes for FOLDER/PLACE/NAME; all files of a video appear together
    OUT/set.json                      what the set is made with; other settings are refused
    OUT/report.json                   written last: counts, a row per video, and why videos were left out

A second call makes what is missing, what failed, and videos that have changed.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from dance2music import __version__
from dance2music.data.manifest import VIDEO_SUFFIXES
from dance2music.documents import json_text, json_value
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.generation.request import Request
from dance2music.leftovers import only_here
from dance2music.parallel import Engine, Serial, one_thread
from dance2music.takes.methods import method_for
from dance2music.work import Cancel, Progress

ABOUT, REPORT = "set.json", "report.json"


def videos_in(folder: Path) -> list[Path]:
    """The videos below a folder, sorted; hidden ones are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    return sorted(path for path in found if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts))


def generate_videos(
    folder: str | Path,
    out: str | Path,
    request: Request | None = None,
    *,
    executor: Engine | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> dict[str, Any]:
    """Make what is missing of a folder's videos and return the report: counts, seconds, a row per video, what was left out.

    Parameters
    ----------
    folder : videos, in folders below it too.
    out : folder to write, made where missing; not in ``folder``.
    request : what to make of each; its ``video`` and ``out`` are set here.
    executor : engine whose workers make them, one thread each; None is one after the other.
    progress : called with "music" and the share that is done.
    cancel : stops the work; finished videos stay.

    Raises
    ------
    InputError
        If there are no videos, ``out`` lies among them or holds a set that was made otherwise, or none could be made.
    Cancelled
        If ``cancel`` was set.
    """
    begun, folder, out, request = time.perf_counter(), Path(folder), Path(out), request or Request()
    videos = videos_in(folder)
    if not videos:
        raise InputError(f"{folder}: has no videos; expected some ({', '.join(VIDEO_SUFFIXES)}), or a folder of 'data prepare'")
    if out.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{out}: lies among the videos of {folder}; choose an -o elsewhere")
    _claim(out, folder, request)
    targets = _targets(folder, out, videos)
    with only_here(out, "a set"):
        rows: dict[str, dict[str, Any]] = {}
        todo = []
        for video, target in zip(videos, targets):
            there = _there(video, target)
            if there is None:
                todo.append((video, target))
            else:
                rows[str(video)] = there
        kept = len(rows)
        if progress is not None:
            progress("music", 0.0)
        made = (executor or Serial()).map(partial(_make, request), todo, ordered=False, cancel=cancel)
        for n, (name, row) in enumerate(made, start=1):
            rows[name] = row
            if progress is not None:
                progress("music", n / len(todo))
        listed = [{"video": str(video.relative_to(folder)), **rows[str(video)]} for video in videos]
        left_out = [row for row in listed if "reason" in row]
        report = {
            "out": str(out), "videos": len(videos), "made": len(todo) - len(left_out), "there": kept, "left_out": len(left_out),
            "seconds": round(time.perf_counter() - begun, 2), "rows": listed,
        }  # fmt: skip
        with whole_file(out / REPORT) as temporary:
            temporary.write_text(json_text(report, indent=1) + "\n", encoding="utf-8")
    if len(left_out) == len(videos):
        raise InputError(f"{folder}: none of {len(videos)} videos could be used, first {left_out[0]['video']}: {left_out[0]['reason']}")
    return report


def _targets(folder: Path, out: Path, videos: Sequence[Path]) -> list[Path]:
    """Where the music video of each goes; videos whose names differ in their suffix only keep it."""
    from dance2music.video.mux import OUTPUT_FORMATS

    stems = Counter(video.with_suffix("") for video in videos)
    targets = []
    for video in videos:
        suffix = video.suffix if video.suffix.lower() in OUTPUT_FORMATS else ".mp4"
        name = video.stem if stems[video.with_suffix("")] == 1 else video.name
        targets.append(out / video.relative_to(folder).parent / f"{name}{suffix}")
    return targets


def _stamp(video: Path) -> list[int]:
    about = video.stat()
    return [about.st_size, about.st_mtime_ns]


def _mark(target: Path) -> Path:
    """The file that says which video a target was made of."""
    return target.parent / f".{target.name}.of.json"


def _there(video: Path, target: Path) -> dict[str, Any] | None:
    """The row of a video that was made already of the same file."""
    try:
        mark = json_value(_mark(target).read_text(encoding="utf-8"))
        row: dict[str, Any] = mark["row"]
        return row if mark["of"] == _stamp(video) and all((target.parent / name).is_file() for name in row["files"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _make(request: Request, one: tuple[Path, Path]) -> tuple[str, dict[str, Any]]:
    """Make one video: its name, and its row or the reason why it has none."""
    from dance2music.generation.job import run

    video, target = one
    try:
        stamp = _stamp(video)
        target.parent.mkdir(parents=True, exist_ok=True)
        with one_thread():
            reports = run(replace(request, video=video, out=target))
    except InputError as error:
        return str(video), {"reason": str(error)}
    except OSError as error:
        return str(video), {"reason": f"{error.filename}: cannot be read or made ({error.strerror})"}
    first = reports[0]
    files = [Path(name).name for report in reports for name in report["files"]]
    row = {"files": files, "genre": first["genre"], "tempo_bpm": first["tempo_bpm"], "duration_seconds": first["duration_seconds"],
           "seconds": first["seconds"]["total"]}  # fmt: skip
    with whole_file(_mark(target)) as temporary:
        temporary.write_text(json_text({"of": stamp, "row": row}), encoding="utf-8")
    return str(video), row


def _claim(out: Path, folder: Path, request: Request) -> None:
    """Write what makes the set, or refuse a folder in which another was begun. Raises InputError."""
    fields, usual = _plain(request), _plain(Request())
    fields["method"] = method_for(request.method, request.weights).name
    about = {"version": __version__, "folder": str(folder.resolve()), **fields}
    path = out / ABOUT
    try:
        had = json_value(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); choose another folder") from error
    else:
        has = usual | had if isinstance(had, dict) else {}  # a set of before there was a setting was made with its default
        changed = [
            f"{name} {has.get(name)!r}, now {value!r}" for name, value in about.items() if name != "version" and has.get(name) != value
        ]
        if changed:
            raise InputError(f"{out}: holds a set of {'; '.join(changed)}; choose another folder, or the same settings")
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made ({error.strerror}); choose another folder") from error
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _plain(request: Request) -> dict[str, Any]:
    """The fields of a request as they come back from JSON."""
    fields = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(request).items()}
    return dict(json.loads(json.dumps(fields)))
