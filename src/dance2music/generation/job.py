"""The main job with its files: a request in; videos or audio files, pictures and JSON reports out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance2music.dance.watch import read_motion
from dance2music.files import whole_file
from dance2music.generation import pipeline
from dance2music.generation.methods import load_method
from dance2music.generation.outputs import all_or_none, describe, title_of, write_music
from dance2music.generation.ranking import RANKED_SECONDS, best_take
from dance2music.generation.request import Request, _check_length, beside, check, files_of
from dance2music.generation.stages import Progress, Stages
from dance2music.parallel import one_thread
from dance2music.types import Motion

if TYPE_CHECKING:
    from torch import Tensor


def generate(video: str | Path, out: str | Path | None = None, **options: Any) -> list[dict[str, Any]]:
    """Give a dance video back with new music: `run` with the fields of `Request` as keywords, one report per take."""
    return run(Request(video=Path(video), out=None if out is None else Path(out), **options))


def run(request: Request, *, progress: Progress | None = None) -> list[dict[str, Any]]:
    """Carry out a request and return one report per take, as written beside each output.

    Raises
    ------
    InputError
        If anything in the request cannot be used; nothing is written then.
    """
    begun, stages = time.perf_counter(), Stages(progress)
    outputs = check(request)
    with meanwhile() as begin:
        if request.video is not None:
            from dance2music.dance.landmarks import load_mediapipe

            begin(load_mediapipe)
        with stages.stage("load"), one_thread():
            generator = load_generator(request)
            watcher = picture_watcher(request, generator)
            if request.genre is None:
                pipeline.dance_genre_classifier()
        for name in later_modules(request):
            begin(partial(import_module, name))
        motion, duration = watch(request, stages)
    with stages.stage("rhythm"):
        conditioning = pipeline.condition(motion, genre=request.genre, tempo_bpm=request.tempo_bpm, duration_seconds=duration)
    if watcher is not None:
        with stages.stage("pictures"):
            conditioning = replace(conditioning, visual=watcher())
    reports = []
    for i, out in enumerate(outputs):
        with stages.stage("music"):
            take = best_take(generator, conditioning, seed=request.seed + i, soundfont=request.soundfont)
        denoise = request.denoise and getattr(generator, "denoise", True)
        with stages.stage("finish"):
            audio = pipeline.finish(take.audio, denoise=denoise)
        with all_or_none(files_of(request, out), folder=request.stems):
            with stages.stage("write"):
                write_music(request, out, audio, take)
            report = describe(request, conditioning, take, audio, motion) | {"denoised": denoise}
            if request.plot:
                with stages.stage("plot"):
                    from dance2music.generation.plot import plot_result

                    plot_result(motion, conditioning.rhythm[0], audio, beside(out, ".png"), title=title_of(report))
            unwritten = beside(out, ".json")
            report |= {"output": str(out), "files": [str(path) for path in files_of(request, out) if path.exists() or path == unwritten]}
            report |= {"seconds": {**stages.seconds, "total": time.perf_counter() - begun}}
            with whole_file(beside(out, ".json")) as temporary:
                temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        reports.append(report)
    return reports


def load_generator(request: Request) -> Any:
    """The method with its weights, its settings, its instruments, and the video's own music where that is what it codes."""
    from dance2music.baselines.jukebox import JukeboxReconstruction
    from dance2music.methods.base import adjusted

    generator: Any = load_method(request.method, weights=request.weights, level=request.level, precision=request.precision)
    settings = list(request.settings)
    if request.instruments:
        from dance2music.baselines.compound_words import instrument_ids

        settings.append(f"instruments={json.dumps(instrument_ids(request.instruments))}")
    if settings:
        generator = adjusted(generator, settings, where=f"method {request.method!r}")
    if isinstance(generator, JukeboxReconstruction) and request.video is not None:
        from dance2music.music.audio import load_audio

        generator = generator.hear(load_audio(request.video))
    return generator


def picture_watcher(request: Request, generator: Any) -> Callable[[], Tensor] | None:
    """What gives visual features [1, clips, V] of the video, where the method has an extractor and --weights holds that one's files."""
    name = getattr(generator, "visual_extractor", None)
    if name is None or request.weights is None or request.video is None:
        return None
    from dance2music.perception.extractors import EXTRACTORS, load_extractor, video_features

    if not any((request.weights / file).is_file() for file in EXTRACTORS[name][1]):
        return None
    import torch

    extractor, video = load_extractor(name, request.weights), request.video
    return lambda: torch.from_numpy(video_features(video, extractor))[None]


def later_modules(request: Request) -> list[str]:
    """What the stages after watching import."""
    names = ["scipy.signal", "scipy.interpolate", "dance2music.music.audio", "dance2music.music.beats", "dance2music.metrics.rhythm"]
    return names + (["matplotlib.backends.backend_agg", "matplotlib.figure"] if request.plot else [])


@contextmanager
def meanwhile() -> Iterator[Callable[[Callable[[], object]], object]]:
    """Gives a function that has others called one after the other beside the work of the block, whose beginning and end leave a processor
    idle; those that the end of the block finds waiting are left out.

    Importing holds the interpreter, which every decoded frame needs for a moment: it changes hands ten times as often as usual meanwhile.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 10)
    pool = ThreadPoolExecutor(1, thread_name_prefix="meanwhile")
    try:
        yield pool.submit
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        sys.setswitchinterval(interval)


def watch(request: Request, stages: Stages) -> tuple[Motion, float]:
    """Motion of the dance and the length of the music to make, in seconds."""
    if request.video is None:
        from dance2music.dance.motion_files import load_motion

        assert request.from_motion is not None, "check() lets one of both through"
        with stages.stage("motion"):
            motion = load_motion(request.from_motion)
        _check_length(request.from_motion, motion.duration_seconds)
        return motion, motion.duration_seconds
    from dance2music.video.frames import probe

    with stages.stage("watch") as report:
        duration = probe(request.video).duration_seconds
        motion = read_motion(request.video, progress=report)
    if duration > RANKED_SECONDS:  # whose music takes more memory than watching
        from dance2music.dance.tracking import give_back

        give_back()
    return motion, duration
