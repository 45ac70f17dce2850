"""What a finished take is written as: the music, what else was asked for, the report."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dance2music import __version__
from dance2music.files import whole_file
from dance2music.generation.methods import METHODS
from dance2music.generation.ranking import measure_sync
from dance2music.generation.request import TakeFiles
from dance2music.generation.take import Take
from dance2music.generation.take_file import versions
from dance2music.music.splice import spliced_audio
from dance2music.types import GENRES, Audio, Latents, Score
from dance2music.video.container import VideoInfo
from dance2music.work import Stages, report


def write_take(take: Take, files: TakeFiles, *, video: VideoInfo | None, stages: Stages, begun: float, **told: Any) -> dict[str, Any]:
    """Write all files of a take, all or none, and return its report.

    Parameters
    ----------
    take : a finished take.
    files : what to write.
    video : whose pictures the music is put to; None writes the music alone.
    stages : where seconds and progress go.
    begun : `time.perf_counter` when the job began.
    told : what the report says beside what the take itself tells.
    """
    with all_or_none(files.all(), folder=files.stems_folder):
        with stages.stage("write"):
            write_music(take, files, video)
        written = describe(take) | told
        if files.picture is not None:
            with stages.stage("plot"):
                from dance2music.generation.plot import plot_result

                assert take.conditioning.dance is not None, "a take that is drawn has its dance"
                dance, rhythm = take.conditioning.dance, take.conditioning.rhythm
                plot_result(dance, rhythm, take.finished, files.picture, title=title_of(written), sections=take.sections)
        there = [str(path) for path in files.all() if path == files.report or path.exists()]
        written |= {"output": str(files.music), "files": there, "seconds": {**stages.seconds, "total": time.perf_counter() - begun}}
        with whole_file(files.report) as temporary:
            temporary.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return written


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


def write_music(take: Take, files: TakeFiles, video: VideoInfo | None) -> None:
    """The video with its new music, or the music alone; and what else was asked for but the picture and the report."""
    from dance2music.music.audio import save_audio, save_wav

    audio: Audio = take.finished
    report(0.1)
    if video is None:
        save_audio(audio, files.music)
    else:
        from dance2music.video.mux import mux

        mux(video, audio, files.music)
    if files.wav is not None:
        save_wav(audio, files.wav)
    if files.midi is not None:
        assert take.score is not None, "resolve() refuses --midi for methods without notes"
        from dance2music.music.midi import save_midi

        save_midi(take.score, files.midi)
    if files.stems is not None:
        for role, stem in stems_of(take).items():
            save_wav(stem, files.stems[role], over_full_scale=True)
    if files.take is not None:
        take.save(files.take)


def stems_of(take: Take) -> dict[str, Audio]:
    """Sound [C, N] of each role that plays, as the take is heard: sections that were drawn again are put into each as into the mix."""
    stems = _played(take, take.music)
    for edit in take.edits:
        drawn = _played(take, edit.music)
        stems = {role: spliced_audio(stem, drawn[role], edit.span) for role, stem in stems.items()}
    return {role: stem for role, stem in stems.items() if stem.samples.any()}


def _played(take: Take, music: Latents | Score) -> dict[str, Audio]:
    """Sound [C, N] of every role of a piece, silence too."""
    assert isinstance(music, Score), "resolve() refuses --stems for methods whose notes are not played"
    if take.given.sound == "studio":
        from dance2music.sound.render import render_studio_stems

        return render_studio_stems(music, seed=take.seed)
    from dance2music.music.synth import render_stems

    return render_stems(music, soundfont=take.soundfont)


def title_of(told: dict[str, Any]) -> str:
    """One line on a take, for its picture."""
    sync = told["sync"]
    return (
        f"{Path(told['input']).name}: {told['method']}, {told['genre']}, {told['tempo_bpm']:.1f} bpm, "
        f"sync {sync['beat_alignment']:.2f} (by chance {sync['shifted_mean']:.2f})"
    )


def describe(take: Take) -> dict[str, Any]:
    """What a take itself tells, for its report."""
    conditioning, rhythm, motion = take.conditioning, take.conditioning.rhythm, take.conditioning.dance
    given = take.given
    told: dict[str, Any] = {
        "version": __version__,
        "libraries": versions(),
        "method": take.method,
        "preset": f"{take.method}-{given.level or ('embedded' if given.weights is None else 'high')}",
    }
    if given.settings:
        told["settings"] = list(given.settings)
    if given.instruments:
        told["instruments"] = list(given.instruments)
    if given.weights is not None:
        told |= {"weights": str(given.weights), "precision": given.precision}
    told["take"] = {"seed": take.seed, "candidates": take.candidates}
    if take.candidates > 1:
        told["take"]["chosen_by"] = "sync with this dance, pulse, key and harmony"
    if take.edits:
        told["drawn_again"] = [
            {"from_seconds": edit.span.begin_seconds, "to_seconds": edit.span.end_seconds, "seed": edit.seed} for edit in take.edits
        ]
    told |= {
        **sound_of(take),
        "genre": GENRES[conditioning.genre],
        "tempo_bpm": rhythm.tempo_bpm,
        "rhythm_confidence": rhythm.confidence,
        "beat_times_seconds": [round(float(t), 4) for t in rhythm.beat_times_seconds],
        "downbeat": rhythm.downbeat,
        "sections": sections_of(take),
        "kinematic_beats_seconds": [round(float(t), 4) for t in rhythm.kinematic_beats_seconds],
        "sync": measure_sync(take.finished, rhythm),
        "duration_seconds": conditioning.duration_seconds,
        "denoised": take.finishing.denoise,
    }
    if motion is not None:
        told["motion"] = {"source": motion.source, "skeleton": motion.skeleton, "fps": motion.fps}
    return told


def sections_of(take: Take) -> list[dict[str, Any]]:
    """The form of the music, within its length, for the report."""
    rhythm, duration = take.conditioning.rhythm, take.conditioning.duration_seconds
    edges = np.array([(section.begin_beat, section.end_beat) for section in take.sections], dtype=np.float64).reshape(-1, 2)
    return [
        {"name": section.name, "begin_seconds": round(float(begin), 4), "end_seconds": round(float(end), 4), "level": section.level}
        for section, (begin, end) in zip(take.sections, np.clip(rhythm.time_at(edges), 0.0, duration))
    ]


def sound_of(take: Take) -> dict[str, Any]:
    """How the take is heard: the studio, what notes were played with, what a recording was coded with; for the report."""
    method, given = METHODS[take.method], take.given
    told: dict[str, Any] = {"sound": given.sound}
    if method.hears:
        own = f"embedded VQ-VAE, {given.level}" if given.level else "embedded spectral codec"
        told["codec"] = own if given.weights is None else "imported VQ-VAE"
    if given.sound == "soundfont":
        from dance2music.music.synth import check_soundfont

        name, sha256 = check_soundfont(take.soundfont)
        told["soundfont"] = {"name": name, "sha256": sha256}
    return told
