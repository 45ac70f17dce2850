"""A section of a kept take drawn again, with its files: a take file in; the video with the new music, and what else was asked for, out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance2music.config import fit_fields
from dance2music.errors import InputError
from dance2music.generation.outputs import write_take
from dance2music.generation.redraw import regenerate
from dance2music.generation.request import (
    Request,
    TakeFiles,
    beside,
    check_files,
    check_notes,
    check_original,
    check_out_names,
    check_seed,
    files_of,
    kept_original,
)
from dance2music.music.duck import DuckConfig
from dance2music.names import fitting
from dance2music.rhythm.choices import span_of_bars
from dance2music.takes.methods import METHODS
from dance2music.takes.take import Take, open_take
from dance2music.types import Span
from dance2music.video.container import VideoInfo, probe
from dance2music.work import Cancel, Progress, Stages, cancellable


@dataclass(frozen=True)
class SectionRequest:
    """Which section of which take to draw again, or none: the take as it is; the fields are the options of ``dance2music regenerate``.

    Raises InputError for values of other types.
    """

    take: Path
    begin: float | None = None
    end: float | None = None
    in_bars: bool = False
    seed: int = 0
    video: Path | None = None
    out: Path | None = None
    wav: bool = False
    audio: Path | None = None
    midi: Path | None = None
    stems: Path | None = None
    markers: Path | None = None
    keep_original_db: float | None = None
    duck_db: float = 0.0
    duck_attack_seconds: float = DuckConfig.attack_seconds
    duck_release_seconds: float = DuckConfig.release_seconds
    kept: Path | None = None
    plot: bool = True

    def __post_init__(self) -> None:
        fit_fields(self)


def run(request: SectionRequest, *, progress: Progress | None = None, cancel: Cancel | None = None) -> dict[str, Any]:
    """Draw the section and return the report of the new take, as written beside the output; without a section that of the take as it is.

    Raises
    ------
    InputError
        If anything in the request cannot be used; nothing is written then.
    Cancelled
        If ``cancel`` was set; nothing is left then.
    """
    begun, stages = time.perf_counter(), Stages(progress)
    with cancellable(cancel):
        check_seed(request.seed)
        with stages.stage("load"):
            _check_section(request)
            take, method = open_take(request.take)
            span = _span(request, take)
            asked = _asked(request)
            video, files = _files(request, asked, take)
        with stages.stage("music"):
            new = take if span is None else regenerate(take, span, seed=request.seed, method=method)
        with stages.stage("finish"):
            new.finished  # noqa: B018 (made here, so that its seconds count here)
        told: dict[str, Any] = {"input": str(request.take)}
        if span is not None:
            told |= {"seed": request.seed, "section": {"from_seconds": span.begin_seconds, "to_seconds": span.end_seconds}}
        return write_take(new, files, video=video, kept=kept_original(asked), stages=stages, begun=begun, **told)


def _check_section(request: SectionRequest) -> None:
    """Refuse half a section, and what is asked of a section where there is none: raises InputError."""
    if (request.begin is None) != (request.end is None):
        given, missing = ("--to", "--from") if request.begin is None else ("--from", "--to")
        raise InputError(f"{given}: without {missing}; expected both for a section, or neither for the take as it is")
    if request.begin is None and (request.in_bars or request.seed):
        option = "--bars" if request.in_bars else f"--seed {request.seed}"
        raise InputError(f"{option}: is of a section that is drawn again; give it with --from and --to")


def _span(request: SectionRequest, take: Take) -> Span | None:
    """The section in seconds, or None where none is asked for."""
    if request.begin is None or request.end is None:
        return None
    if not request.in_bars:
        return Span(request.begin, request.end)
    return span_of_bars(take.conditioning.rhythm, request.begin, request.end, duration_seconds=take.conditioning.duration_seconds)


def _asked(request: SectionRequest) -> Request:
    """What of a request for a whole piece is asked of the piece with the new section."""
    return Request(
        wav=request.wav,
        audio=request.audio,
        midi=request.midi,
        stems=request.stems,
        markers=request.markers,
        take=request.kept,
        plot=request.plot,
        keep_original_db=request.keep_original_db,
        duck_db=request.duck_db,
        duck_attack_seconds=request.duck_attack_seconds,
        duck_release_seconds=request.duck_release_seconds,
    )


def _files(request: SectionRequest, asked: Request, take: Take) -> tuple[VideoInfo | None, TakeFiles]:
    """The video of the take, if it was made for one, and the files to write."""
    method, source = METHODS[take.method], take.source
    check_notes(asked, method, take.given.sound)
    path = request.video if request.video is not None else source.path if source is not None and source.is_video else None
    if path is None:
        out = request.out if request.out is not None else beside(request.take, ".wav")
        video = None
    else:
        video = probe(path)
        _check_video(request, take, video)
        out = request.out if request.out is not None else path.with_name(fitting(path.stem, f".again{path.suffix}"))
    check_original(asked, video)
    check_out_names(asked, out, pictures=video is not None)
    files = files_of(asked, out, 1)
    check_files((files,), [request.take, *([] if source is None else [source.path]), *([] if path is None else [path])], video)
    return video, files


def _check_video(request: SectionRequest, take: Take, video: VideoInfo) -> None:
    """Refuse a video that is not the one that the take was made for."""
    from dance2music.checkpoint import sha256_of

    if take.source is not None and take.source.sha256 != sha256_of(video.path):
        raise InputError(f"{video.path}: is not the video that {request.take} was made for (sha256 differs); name that one with --video")
