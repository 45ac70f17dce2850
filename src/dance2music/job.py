"""The main job with its files: a request in; videos or audio files, pictures and JSON reports out."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance2music import __version__, pipeline
from dance2music.dance.rhythm import TEMPO_LIMITS_BPM
from dance2music.errors import InputError
from dance2music.files import check_writable, whole_file
from dance2music.models.sampling import one_thread
from dance2music.pipeline import Stages, Take
from dance2music.types import GENRES, ROLES, Audio, Conditioning, Motion

if TYPE_CHECKING:
    from torch import Tensor

MAX_TAKES = 32
MIDI_SUFFIXES = (".mid", ".midi")


@dataclass(frozen=True)
class Request:
    """What to make from what; the fields are the options of ``dance2music generate``."""

    video: Path | None = None
    out: Path | None = None
    from_motion: Path | None = None
    genre: str | None = None
    seed: int = 0
    takes: int = 1
    tempo_bpm: float | None = None
    method: str = "creative-gan"
    level: str | None = None
    weights: Path | None = None
    precision: str = "fp32"
    wav: bool = False
    midi: Path | None = None
    stems: Path | None = None
    soundfont: str | None = None
    instruments: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    denoise: bool = True
    plot: bool = True


def generate(video: str | Path, out: str | Path | None = None, **options: Any) -> list[dict[str, Any]]:
    """Give a dance video back with new music: `run` with the fields of `Request` as keywords, one report per take."""
    return run(Request(video=Path(video), out=None if out is None else Path(out), **options))


def run(request: Request, *, progress: pipeline.Progress | None = None) -> list[dict[str, Any]]:
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
            take = pipeline.best_take(generator, conditioning, seed=request.seed + i, soundfont=request.soundfont)
        denoise = request.denoise and getattr(generator, "denoise", True)
        with stages.stage("finish"):
            audio = pipeline.finish(take.audio, denoise=denoise)
        with all_or_none(files_of(request, out), folder=request.stems):
            with stages.stage("write"):
                write_music(request, out, audio, take)
            report = describe(request, conditioning, take, audio, motion) | {"denoised": denoise}
            if request.plot:
                with stages.stage("plot"):
                    from dance2music.plot import plot_result

                    plot_result(motion, conditioning.rhythm[0], audio, beside(out, ".png"), title=title_of(report))
            unwritten = beside(out, ".json")
            report |= {"output": str(out), "files": [str(path) for path in files_of(request, out) if path.exists() or path == unwritten]}
            report |= {"seconds": {**stages.seconds, "total": time.perf_counter() - begun}}
            with whole_file(beside(out, ".json")) as temporary:
                temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        reports.append(report)
    return reports


def check(request: Request) -> list[Path]:
    """Names of the outputs, one per take, after everything that can be refused before the work begins was looked at."""
    source = request.from_motion or request.video
    if source is None or (request.video is not None and request.from_motion is not None):
        raise InputError("generate: expected either a video or --from-motion FILE, and not both; see dance2music generate --help")
    if not 1 <= request.takes <= MAX_TAKES:
        raise InputError(f"--takes {request.takes}: expected 1 to {MAX_TAKES}")
    if request.seed < 0:
        raise InputError(f"--seed {request.seed}: expected a whole number from 0")
    if request.genre is not None:
        pipeline.genre_index(request.genre)
    if request.from_motion is not None and request.out is None:
        raise InputError("generate --from-motion: expected -o with the name of an audio file to write")
    if request.tempo_bpm is not None and not TEMPO_LIMITS_BPM[0] <= request.tempo_bpm <= TEMPO_LIMITS_BPM[1]:
        raise InputError(f"--tempo {request.tempo_bpm:g}: expected {TEMPO_LIMITS_BPM[0]:g} to {TEMPO_LIMITS_BPM[1]:g} beats per minute")
    check_notes(request)
    if request.video is not None:
        from dance2music.dance.video import probe

        probe(request.video)
    out = request.out if request.out is not None else _default_name(source)
    from dance2music.music.audio import AUDIO_SUFFIXES

    if request.from_motion is not None and out.suffix.lower() not in AUDIO_SUFFIXES:
        raise InputError(f"{out}: with --from-motion the output is music; expected a name that ends in {', '.join(AUDIO_SUFFIXES)}")
    outputs = [out] if request.takes == 1 else [out.with_name(f"{out.stem}-{i + 1}{out.suffix}") for i in range(request.takes)]
    for path in (path for output in outputs for path in files_of(request, output)):
        if path.exists() and source.exists() and path.samefile(source):
            raise InputError(f"{path}: is the input itself and would be overwritten; choose another output")
        check_writable(path if request.stems is None or path.parent != request.stems or request.stems.is_dir() else request.stems)
    if request.video is not None:
        from dance2music.dance.mux import check_mux

        check_mux(request.video, outputs[0])
    return outputs


def check_notes(request: Request) -> None:
    """Refuse what is asked of notes where the method has none, or plays them otherwise than through a soundfont."""
    from dance2music.models import PLAYED, WITHOUT_NOTES
    from dance2music.music.synth import check_soundfont

    if request.midi is not None:
        if request.method in WITHOUT_NOTES:
            raise InputError(f"--midi: method {request.method!r} has no notes; choose creative-gan or composer, or leave --midi out")
        if request.midi.suffix.lower() not in MIDI_SUFFIXES:
            raise InputError(f"--midi {request.midi}: expected the name of a file to write that ends in {' or '.join(MIDI_SUFFIXES)}")
    for option, given in (("--stems", request.stems), ("--soundfont", request.soundfont)):
        if given is not None and request.method not in PLAYED:
            raise InputError(
                f"{option}: method {request.method!r} plays no notes; choose one of {', '.join(PLAYED)}, or leave {option} out"
            )
    if request.soundfont is not None:
        check_soundfont(request.soundfont)
    if request.stems is not None and ((request.stems.exists() and not request.stems.is_dir()) or not request.stems.parent.is_dir()):
        raise InputError(f"--stems {request.stems}: expected a folder, there or in a folder that is there; choose another")
    if request.instruments and request.method != "cmt":
        raise InputError(f"--instruments: method {request.method!r} chooses its own; expected method cmt; leave --instruments out")


def load_generator(request: Request) -> Any:
    """The method with its weights, its settings, its instruments, and the video's own music where that is what it codes."""
    from dance2music.models.base import adjusted
    from dance2music.models.jukebox import JukeboxReconstruction

    generator: Any = pipeline.load_method(request.method, weights=request.weights, level=request.level, precision=request.precision)
    settings = list(request.settings)
    if request.instruments:
        from dance2music.music.compound import instrument_ids

        settings.append(f"instruments={json.dumps(instrument_ids(request.instruments))}")
    if settings:
        generator = adjusted(generator, settings, where=f"method {request.method!r}")
    if isinstance(generator, JukeboxReconstruction) and request.video is not None:
        from dance2music.music.audio import load_audio

        generator = generator.hear(load_audio(request.video))
    return generator


def _default_name(video: Path) -> Path:
    """Name beside a video; in mp4, or in mkv, which holds any picture stream, where the video's own kind cannot be written."""
    from dance2music.dance.mux import OUTPUT_FORMATS, check_mux

    if video.suffix.lower() in OUTPUT_FORMATS:
        return video.with_name(f"{video.stem}.music{video.suffix}")
    out = video.with_name(f"{video.stem}.music.mp4")
    try:
        check_mux(video, out)
    except InputError:
        return out.with_suffix(".mkv")
    return out


def files_of(request: Request, out: Path) -> list[Path]:
    """All files that are written for one take, the music first; of the stems those of roles that play."""
    wanted = {".wav": request.wav, ".png": request.plot, ".json": True}
    files = [out, *(beside(out, suffix) for suffix, is_wanted in wanted.items() if is_wanted and suffix != out.suffix.lower())]
    if request.midi is not None:
        files.insert(-1 - request.plot, numbered(request, out, request.midi))
    if request.stems is not None:
        files += [numbered(request, out, request.stems / f"{role}.wav") for role in ROLES]
    return files


def numbered(request: Request, out: Path, path: Path) -> Path:
    """A further file of a take, with the take's number where there are several."""
    return path if request.takes == 1 else path.with_name(f"{path.stem}-{out.stem.rpartition('-')[2]}{path.suffix}")


@contextmanager
def all_or_none(files: list[Path], *, folder: Path | None = None) -> Iterator[None]:
    """Remove the files again that were not there before if anything stops their being written, an interruption too.

    So with ``folder``, which is made where it is missing.
    """
    new = [path for path in files if not path.exists()]
    new_folder = None if folder is None or folder.exists() else folder
    try:
        if new_folder is not None:
            new_folder.mkdir()
        yield
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        if new_folder is not None:
            new_folder.rmdir()
        raise


def picture_watcher(request: Request, generator: Any) -> Callable[[], Tensor] | None:
    """What gives visual features [1, clips, V] of the video, where the method has an extractor and --weights holds that one's files."""
    name = getattr(generator, "visual_extractor", None)
    if name is None or request.weights is None or request.video is None:
        return None
    from dance2music.dance.extractors import EXTRACTORS, load_extractor, video_features

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
    from dance2music.dance.video import probe

    with stages.stage("watch") as report:
        duration = probe(request.video).duration_seconds
        motion = pipeline.read_motion(request.video, progress=report)
    if duration > pipeline.RANKED_SECONDS:  # whose music takes more memory than watching
        from dance2music.dance.tracking import give_back

        give_back()
    return motion, duration


def _check_length(path: Path, seconds: float) -> None:
    from dance2music.dance.container import LENGTH_TOLERANCE_SECONDS, MAX_SECONDS, MIN_SECONDS

    if not MIN_SECONDS - LENGTH_TOLERANCE_SECONDS <= seconds <= MAX_SECONDS + LENGTH_TOLERANCE_SECONDS:
        raise InputError(
            f"{path}: the motion is {seconds:.2f} s long; expected {MIN_SECONDS:g} s to {MAX_SECONDS:g} s; choose another or cut it"
        )


def write_music(request: Request, out: Path, audio: Audio, take: Take) -> None:
    """The video with its new music, or the music alone; and what else was asked for."""
    from dance2music.music.audio import save_audio, save_wav

    if request.video is None:
        save_audio(audio, out)
    else:
        from dance2music.dance.mux import mux

        mux(request.video, audio, out)
    if request.wav and out.suffix.lower() != ".wav":
        save_wav(audio, beside(out, ".wav"))
    if request.midi is not None:
        assert take.score is not None, "check() refuses --midi for methods without notes"
        from dance2music.music.midi import save_midi

        save_midi(take.score, numbered(request, out, request.midi))
    if request.stems is not None:
        assert take.score is not None, "check() refuses --stems for methods whose notes are not played"
        from dance2music.music.synth import render_stems

        playing = {track.role for track in take.score.tracks if track.notes}
        for role, stem in render_stems(take.score, soundfont=request.soundfont).items():
            if role in playing:
                save_wav(stem, numbered(request, out, request.stems / f"{role}.wav"))


def title_of(report: dict[str, Any]) -> str:
    """One line on a take, for its picture."""
    sync = report["sync"]
    return (
        f"{Path(report['input']).name}: {report['method']}, {report['genre']}, {report['tempo_bpm']:.1f} bpm, "
        f"sync {sync['beat_alignment']:.2f} (by chance {sync['shifted_mean']:.2f})"
    )


def beside(out: Path, suffix: str) -> Path:
    """File beside the output with another suffix."""
    return out.with_name(f"{out.stem}{suffix}")


def describe(request: Request, conditioning: Conditioning, take: Take, audio: Audio, motion: Motion) -> dict[str, Any]:
    """The JSON report of one take."""
    rhythm = conditioning.rhythm[0]
    return {
        "version": __version__,
        "libraries": {name: version(name) for name in ("torch", "numpy", "librosa", "av", "mediapipe", "symusic")}
        | {"python": platform.python_version()},
        "input": str(request.video or request.from_motion),
        "method": request.method,
        "preset": f"{request.method}-{request.level or ('embedded' if request.weights is None else 'high')}",
        **({"settings": list(request.settings)} if request.settings else {}),
        **({"instruments": list(request.instruments)} if request.instruments else {}),
        **({} if request.weights is None else {"weights": str(request.weights), "precision": request.precision}),
        "seed": request.seed,
        "take": {"seed": take.seed, "candidates": take.candidates}
        | ({"chosen_by": "sync with this dance, pulse, key and harmony"} if take.candidates > 1 else {}),
        **sound_of(request),
        "genre": GENRES[int(conditioning.genre[0])],
        "genre_chosen": "by the user" if request.genre else "from the dance",
        "tempo_bpm": rhythm.tempo_bpm,
        "tempo_chosen": "by the user" if request.tempo_bpm else "from the dance",
        "rhythm_confidence": rhythm.confidence,
        "beat_times_seconds": [round(float(t), 4) for t in rhythm.beat_times_seconds],
        "downbeat": rhythm.downbeat,
        "kinematic_beats_seconds": [round(float(t), 4) for t in rhythm.kinematic_beats_seconds],
        "motion": {"source": motion.source, "skeleton": motion.skeleton, "fps": motion.fps},
        "sync": pipeline.measure_sync(audio, rhythm),
        "duration_seconds": conditioning.duration_seconds,
        "denoised": request.denoise,
    }


def sound_of(request: Request) -> dict[str, Any]:
    """What notes were played with, or what a recording was coded with, for the report."""
    from dance2music.models import PLAYED

    if request.method == "jukebox-reconstruction":
        own = f"embedded VQ-VAE, {request.level}" if request.level else "embedded spectral codec"
        return {"codec": own if request.weights is None else "imported VQ-VAE"}
    if request.method not in PLAYED:
        return {}
    from dance2music.music.synth import check_soundfont

    name, sha256 = check_soundfont(request.soundfont)
    return {"soundfont": {"name": name, "sha256": sha256}}
