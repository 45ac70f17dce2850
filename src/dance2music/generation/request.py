"""A request for music, and all that can be refused before the work begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dance2music.errors import InputError
from dance2music.files import check_writable
from dance2music.generation import pipeline
from dance2music.rhythm.estimate import TEMPO_LIMITS_BPM
from dance2music.types import ROLES

if TYPE_CHECKING:
    pass

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
        from dance2music.video.frames import probe

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
        from dance2music.video.mux import check_mux

        check_mux(request.video, outputs[0])
    return outputs


def check_notes(request: Request) -> None:
    """Refuse what is asked of notes where the method has none, or plays them otherwise than through a soundfont."""
    from dance2music.generation.methods import PLAYED, WITHOUT_NOTES
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


def _default_name(video: Path) -> Path:
    """Name beside a video; in mp4, or in mkv, which holds any picture stream, where the video's own kind cannot be written."""
    from dance2music.video.mux import OUTPUT_FORMATS, check_mux

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


def _check_length(path: Path, seconds: float) -> None:
    from dance2music.video.container import LENGTH_TOLERANCE_SECONDS, MAX_SECONDS, MIN_SECONDS

    if not MIN_SECONDS - LENGTH_TOLERANCE_SECONDS <= seconds <= MAX_SECONDS + LENGTH_TOLERANCE_SECONDS:
        raise InputError(
            f"{path}: the motion is {seconds:.2f} s long; expected {MIN_SECONDS:g} s to {MAX_SECONDS:g} s; choose another or cut it"
        )


def beside(out: Path, suffix: str) -> Path:
    """File beside the output with another suffix."""
    return out.with_name(f"{out.stem}{suffix}")
