"""The main job with its files: a request in; videos or audio files, pictures and JSON reports out."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance2music.dance.watch import read_dancers
from dance2music.errors import InputError
from dance2music.files import placed_together
from dance2music.generation import pipeline
from dance2music.generation.outputs import write_take
from dance2music.generation.request import Request, ResolvedJob, TakeFiles, check_motion_length, kept_original, resolve
from dance2music.parallel import one_thread
from dance2music.people.dancers import ALL, of_motion
from dance2music.takes.methods import LoadedMethod, load
from dance2music.takes.ranking import IMPORTED, RANKING, best_take
from dance2music.takes.take import Source, finished_take
from dance2music.types import Conditioning, Dancer
from dance2music.work import Cancel, Progress, Stages, cancellable

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)


def generate(video: str | Path | None = None, out: str | Path | None = None, **options: Any) -> list[dict[str, Any]]:
    """Give a dance video back with new music: `run` with the fields of `Request` as keywords, one report per take.

    Parameters
    ----------
    options : genre, seed, takes, tempo_bpm, method, settings, take and the other fields of `Request`; files as strings or paths.

    Raises
    ------
    InputError
        If there is no such option, or anything that is asked for cannot be used.
    """
    known = [field.name for field in fields(Request)]
    if unknown := sorted(options.keys() - set(known)):
        raise InputError(f"option {unknown[0]!r}: unknown; expected one of {', '.join(known)}")
    return run(Request(video=video, out=out, **options))  # type: ignore[arg-type]  # strings become paths


def run(request: Request, *, progress: Progress | None = None, cancel: Cancel | None = None) -> list[dict[str, Any]]:
    """Carry out a request and return one report per take, as written beside each output; all files appear together.

    Parameters
    ----------
    progress : called with the name of a stage and the share of it that is done.
    cancel : stops the job from another thread, within a second.

    Raises
    ------
    InputError
        If anything in the request cannot be used; nothing is written then. What fails after the first take is noted in its report.
    Cancelled
        If ``cancel`` was set; nothing is left then.
    """
    begun, stages = time.perf_counter(), Stages(progress)
    with cancellable(cancel):
        job = resolve(request)
        if request.take is not None and not job.method.redraws:
            logger.warning("--take: keeps the take, but no section of it can be drawn again: %s makes whole pieces", job.method.name)
        method, conditioning = prepare(job, stages)
        source = Source(job.source, _sha256(job.source), job.video is not None) if request.take is not None else None
        reports: list[dict[str, Any]] = []

        def made(seed: int, files: TakeFiles) -> dict[str, Any]:
            with stages.stage("music"):
                take = best_take(method, conditioning, seed=seed, soundfont=request.soundfont, sample_rate=request.sample_rate)
            with stages.stage("finish"):
                take = finished_take(take, denoise=request.denoise and job.method.denoise, source=source)
            kept = kept_original(request)
            return write_take(take, files, video=job.video, kept=kept, stages=stages, begun=begun, **asked(request))

        with placed_together():
            for i, files in enumerate(job.outputs):
                try:
                    reports.append(made(request.seed + i, files))
                except InputError as error:
                    if not reports:
                        raise
                    reports[0].setdefault("not_written", {})[str(files.music)] = str(error)
                    break
    return reports


def prepare(job: ResolvedJob, stages: Stages) -> tuple[LoadedMethod, Conditioning]:
    """The method, loaded, and the dance, watched."""
    request = job.request
    with meanwhile() as begin:
        if job.video is not None:
            from dance2music.dance.networks import load_networks

            begin(load_networks)
        with stages.stage("load"), one_thread():
            method = load(job.method, job.given)
            watcher = picture_watcher(job)
            network = None if request.rhythm is None else pipeline.load_rhythm_network(request.rhythm)
            classifier = None if request.dance_genre is None else pipeline.load_dance_genre(request.dance_genre)
            if request.genre is None and classifier is None:
                pipeline.dance_genre_classifier()
        import_module("scipy.ndimage")  # watching needs it: not from two threads at once, which may see half of scipy
        for name in later_modules(request):
            begin(partial(import_module, name))
        dancers, duration = watch(job, stages)
    with stages.stage("rhythm"):
        conditioning = pipeline.condition(
            dancers,
            dancer=request.dancer,
            genre=request.genre,
            tempo_bpm=request.tempo_bpm,
            duration_seconds=duration,
            choice=job.choice,
            rhythm_network=network,
            genre_classifier=classifier,
            hits=request.hits,
            ending=request.ending,
        )
    if watcher is not None:
        with stages.stage("pictures"):
            conditioning = replace(conditioning, visual=watcher())
    return method, conditioning


def picture_watcher(job: ResolvedJob) -> Callable[[], Tensor] | None:
    """What gives visual features [clips, V] of the video, where the method has an extractor and its files lie in or beside --weights."""
    name, weights = job.method.visual_extractor, job.given.weights
    if name is None or weights is None or job.video is None:
        return None
    folder = weights if weights.is_dir() else weights.parent
    from dance2music.perception.extractors import EXTRACTORS, load_extractor, video_features

    if not any((folder / file).is_file() for file in EXTRACTORS[name][1]):
        return None
    import torch

    extractor, video = load_extractor(name, folder), job.video.path
    return lambda: torch.from_numpy(video_features(video, extractor))


def later_modules(request: Request) -> list[str]:
    """What the stages after watching import."""
    return [*IMPORTED] + (["matplotlib.backends.backend_agg", "matplotlib.figure"] if request.plot else [])


_switching = threading.Lock()
_jobs_switching, _interval_before = 0, 0.0


@contextmanager
def meanwhile() -> Iterator[Callable[[Callable[[], object]], object]]:
    """Gives a function that has others called one after the other beside the work of the block, whose beginning and end leave a processor
    idle; those that the end of the block finds waiting are left out.

    An exception in the block, as an interruption, waits for none of them. Importing holds the interpreter, which every decoded frame needs
    for a moment: it changes hands ten times as often as usual meanwhile.
    That interval is the process's own; of jobs that overlap, the last to leave puts it back.
    """
    global _jobs_switching, _interval_before
    with _switching:
        if not _jobs_switching:
            _interval_before = sys.getswitchinterval()
            sys.setswitchinterval(_interval_before / 10)
        _jobs_switching += 1
    pool = ThreadPoolExecutor(1, thread_name_prefix="meanwhile")
    try:
        yield pool.submit
        pool.shutdown(wait=True, cancel_futures=True)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        with _switching:
            _jobs_switching -= 1
            if not _jobs_switching:
                sys.setswitchinterval(_interval_before)


def watch(job: ResolvedJob, stages: Stages) -> tuple[Sequence[Dancer], float]:
    """Who dances, and the length of the music to make, in seconds."""
    request = job.request
    if job.video is None:
        from dance2music.dance.motion_files import load_motion

        with stages.stage("motion"):
            motion = load_motion(job.source, fps=request.fps, tell_rate=True)
        check_motion_length(job.source, motion.duration_seconds)
        return (of_motion(motion),), motion.duration_seconds
    with stages.stage("watch") as report:
        details = job.method.details and job.given.weights is not None
        dancers = read_dancers(job.video, details=details, progress=report)
    if job.video.duration_seconds > RANKING.ranked_seconds:  # whose music takes more memory than watching
        from dance2music.dance.tracking import give_back

        give_back()
    return dancers, job.video.duration_seconds


def tempo_chosen(request: Request) -> str:
    """Where the tempo is from, for the report."""
    level = ", in half time as asked" if request.half_time else ", in double time as asked" if request.double_time else ""
    return ("by the user" if request.tempo_bpm or request.tap else "from the dance") + level


def asked(request: Request) -> dict[str, Any]:
    """What a report says of the request."""
    chosen = {
        "dancer": "" if request.dancer == ALL else request.dancer,
        "half_time": request.half_time,
        "double_time": request.double_time,
        "shift_beats": request.shift_beats,
        "tap": str(request.tap or ""),
        "rhythm_weights": str(request.rhythm or ""),
        "dance_genre_weights": str(request.dance_genre or ""),
    }
    return {
        "input": str(request.video or request.from_motion),
        "seed": request.seed,
        "tempo_chosen": tempo_chosen(request),
        **{name: value for name, value in chosen.items() if value},
    }


def _sha256(path: Path) -> str:
    from dance2music.checkpoint import sha256_of

    return sha256_of(path)
