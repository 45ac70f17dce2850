"""What a finished take is written as."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance2music import __version__
from dance2music.generation.pipeline import Take
from dance2music.generation.ranking import measure_sync
from dance2music.generation.request import Request, beside, numbered
from dance2music.types import GENRES, Audio, Conditioning, Motion

if TYPE_CHECKING:
    pass


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


def write_music(request: Request, out: Path, audio: Audio, take: Take) -> None:
    """The video with its new music, or the music alone; and what else was asked for."""
    from dance2music.music.audio import save_audio, save_wav

    if request.video is None:
        save_audio(audio, out)
    else:
        from dance2music.video.mux import mux

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
        "sync": measure_sync(audio, rhythm),
        "duration_seconds": conditioning.duration_seconds,
        "denoised": request.denoise,
    }


def sound_of(request: Request) -> dict[str, Any]:
    """What notes were played with, or what a recording was coded with, for the report."""
    from dance2music.generation.methods import PLAYED

    if request.method == "jukebox-reconstruction":
        own = f"embedded VQ-VAE, {request.level}" if request.level else "embedded spectral codec"
        return {"codec": own if request.weights is None else "imported VQ-VAE"}
    if request.method not in PLAYED:
        return {}
    from dance2music.music.synth import check_soundfont

    name, sha256 = check_soundfont(request.soundfont)
    return {"soundfont": {"name": name, "sha256": sha256}}
