"""What a finished take is written as: the music, what else was asked for, the report."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dance2music import __version__
from dance2music.documents import json_text
from dance2music.errors import Cancelled
from dance2music.files import Placing, placed_together, whole_file
from dance2music.generation.request import ORIGINAL, SAMPLE_RATES, KeptOriginal, TakeFiles
from dance2music.generation.sync import report_dancers, report_sync, sync_in_words
from dance2music.music.duck import Mixed
from dance2music.music.markers import markers_of, save_markers
from dance2music.music.splice import spliced_audio
from dance2music.rhythm.choices import TEMPO_LIMITS_BPM
from dance2music.rhythm.sections import ending_of
from dance2music.takes.methods import METHODS
from dance2music.takes.take import LEAD_SECONDS, Edit, Take
from dance2music.takes.take_file import versions
from dance2music.types import BEATS_PER_BAR, GENRES, Audio, Conditioning, GenreGuess, Latents, Score
from dance2music.video.container import VideoInfo
from dance2music.work import Stages, report


def write_take(
    take: Take, files: TakeFiles, *, video: VideoInfo | None, kept: KeptOriginal | None = None, stages: Stages, begun: float, **told: Any
) -> dict[str, Any]:
    """Write all files of a take together, and return its report.

    What fails beside the music costs nothing but itself: the report's ``not_written`` has the reason by its name.

    Parameters
    ----------
    take : a finished take.
    files : what to write.
    video : whose pictures the music is put to, where it is not written alone, and whose sound may be kept.
    kept : how the video's own sound is kept beside the music; None leaves it out.
    stages : where seconds and progress go.
    begun : `time.perf_counter` when the job began.
    told : what the report says beside what the take itself tells.

    Raises
    ------
    InputError
        If the music cannot be written; nothing is then.
    """
    failed: dict[str, str] = {}
    with placed_together() as placing:
        with stages.stage("write"):
            mix = None if kept is None else with_original(take, video, kept)
            heard = write_music(take, files, video, mix)
            _write_beside(take, files, heard, mix, placing, failed)
            written = describe(take) | loudness_of(heard) | told
        if kept is not None:
            written["original_sound"] = {"level_db": kept.level_db, "duck_db": kept.duck.depth_db}
        if files.picture is not None:
            with stages.stage("plot"), _spared(files.picture, placing, failed):
                from dance2music.generation.plot import plot_result

                assert take.conditioning.dance is not None, "a take that is drawn has its dance"
                dance, rhythm = take.conditioning.dance, take.conditioning.rhythm
                title, people = title_of(written), take.conditioning.dancers
                plot_result(dance, rhythm, take.finished, files.picture, title=title, sections=take.sections, dancers=people)
        there = [str(path) for path in files.all() if path == files.report or path in placing.written]
        written |= {"output": str(files.music), "files": there, "seconds": {**stages.seconds, "total": time.perf_counter() - begun}}
        written |= {"not_written": failed} if failed else {}
        with _spared(files.report, placing, failed), whole_file(files.report) as temporary:
            temporary.write_text(json_text(written, indent=2) + "\n", encoding="utf-8")
        if str(files.report) in failed:
            written |= {"not_written": failed, "files": [name for name in there if name != str(files.report)]}
    return written


@contextmanager
def _spared(path: Path, placing: Placing, failed: dict[str, str]) -> Iterator[None]:
    """Let the rest go on where what is written in the block fails: note why, and have an older file of that name go with the old set."""
    try:
        with placed_together():
            yield
    except Cancelled:
        raise
    except Exception as error:
        failed[str(path)] = " ".join(str(error).split()) or type(error).__name__
        placing.stale.append(path)


class WithOriginal(NamedTuple):
    """A take with the clip's own sound in it, and that sound alone, [C, N] at the rate of the mix."""

    mix: Mixed
    original: Audio


def with_original(take: Take, video: VideoInfo | None, kept: KeptOriginal) -> WithOriginal:
    """The music of a take with the video's own sound in it, at a rate that a video carries. Raises InputError if it cannot be read."""
    assert video is not None, "resolve() refuses --keep-original without a video"
    from dance2music.music.audio import resample
    from dance2music.music.duck import mixed
    from dance2music.video.sound import sound_of

    music = take.finished
    music = resample(music, music.sample_rate if music.sample_rate in SAMPLE_RATES else max(SAMPLE_RATES))
    samples, n = sound_of(video, sample_rate=music.sample_rate).samples, music.samples.shape[-1]
    original = Audio(np.pad(samples, ((0, 0), (0, max(0, n - samples.shape[-1]))))[:, :n], music.sample_rate)
    return WithOriginal(mixed(music, original, level_db=kept.level_db, duck=kept.duck), original)


def write_music(take: Take, files: TakeFiles, video: VideoInfo | None, mix: WithOriginal | None = None) -> Audio:
    """Write the video with its new sound, or that alone: gives the sound."""
    from dance2music.music.audio import save_audio

    audio: Audio = take.finished if mix is None else mix.mix.audio
    report(0.1)
    if video is None or files.music_alone:
        save_audio(audio, files.music)
    else:
        from dance2music.video.mux import mux

        mux(video, audio, files.music)
    return audio


def _write_beside(take: Take, files: TakeFiles, audio: Audio, mix: WithOriginal | None, placing: Placing, failed: dict[str, str]) -> None:
    """Write what else was asked for but the picture and the report."""
    from dance2music.music.audio import save_audio, save_wav

    for path in (files.wav, files.audio):
        if path is not None:
            with _spared(path, placing, failed):
                save_audio(audio, path)
    if files.midi is not None:
        assert take.score is not None, "resolve() refuses --midi for methods without notes"
        from dance2music.music.midi import save_midi

        with _spared(files.midi, placing, failed):
            save_midi(take.score, files.midi)
    if files.stems is not None and files.stems_folder is not None:
        with _spared(files.stems_folder, placing, failed):
            placing.folder(files.stems_folder)
            stems = stems_of(take) if mix is None else stems_with_original(stems_of(take), mix)
            for role, stem in stems.items():
                save_wav(stem, files.stems[role], bits=24, over_full_scale=True)
            placing.stale += [path for role, path in files.stems.items() if role not in stems]
    if files.markers is not None:
        with _spared(files.markers, placing, failed):
            save_markers(markers_of(take.conditioning, lead_seconds=LEAD_SECONDS), files.markers)
    if files.take is not None:
        with _spared(files.take, placing, failed):
            take.save(files.take)


def loudness_of(audio: Audio) -> dict[str, Any]:
    """Integrated loudness, true peak and loudness range of what is heard, for the report; None where there is none."""
    from dance2music.music.loudness import loudness, loudness_range, true_peak_db

    measured = {"integrated_lufs": loudness(audio), "true_peak_dbtp": true_peak_db(audio), "range_lu": loudness_range(audio)}
    return {"loudness": {name: round(value, 2) if math.isfinite(value) else None for name, value in measured.items()}}


def stems_with_original(stems: Mapping[str, Audio], mix: WithOriginal) -> dict[str, Audio]:
    """Stems [C, N] of the music, and the clip's own sound, each with its gain in the mix, so that they add up to it."""
    from dance2music.music.audio import resample

    rate = mix.original.sample_rate
    played = {role: Audio(resample(stem, rate).samples * mix.mix.music_gain, rate) for role, stem in stems.items()}
    return played | {ORIGINAL: Audio(mix.original.samples * mix.mix.other_gain, rate)}


def stems_of(take: Take) -> dict[str, Audio]:
    """Sound [C, N] of each role that plays, as the take is heard: sections that were drawn again are put into each as into the mix."""
    stems = _played(take, take.music)
    for edit in take.edits:
        first, drawn = _played_again(take, edit)
        stems = {role: spliced_audio(stem, drawn[role], edit.span, first=first) for role, stem in stems.items()}
    return {role: stem for role, stem in stems.items() if stem.samples.any()}


def _played(take: Take, music: Latents | Score) -> dict[str, Audio]:
    """Sound [C, N] of every role of a piece, silence too."""
    assert isinstance(music, Score), "resolve() refuses --stems for methods whose notes are not played"
    if take.given.sound == "studio":
        from dance2music.sound.render import SAMPLE_RATE, render_studio_stems

        return render_studio_stems(music, seed=take.seed, sample_rate=take.sample_rate or SAMPLE_RATE)
    from dance2music.music.synth import DEFAULT_SAMPLE_RATE, render_stems

    return render_stems(music, soundfont=take.soundfont, sample_rate=take.sample_rate or DEFAULT_SAMPLE_RATE)


def _played_again(take: Take, edit: Edit) -> tuple[int, dict[str, Audio]]:
    """Index of the first sample and sound [C, n] of every role of a section that was drawn again, as in `Take.finished`."""
    levels = take.finishing.levels
    if levels is None:
        return 0, _played(take, edit.music)
    from dance2music.sound.section import SAMPLE_RATE, render_section_stems

    assert isinstance(edit.music, Score), "what has levels was played by the studio"
    return render_section_stems(edit.music, edit.span, levels, seed=take.seed, sample_rate=take.sample_rate or SAMPLE_RATE)


def title_of(told: dict[str, Any]) -> str:
    """Two lines on a take, for its picture."""
    sync, level = told["sync"], told["loudness"]
    lines = [f"{Path(told['input']).name}: {told['method']}, {told['genre']}, {told['tempo_bpm']:.1f} bpm, " + sync_in_words(sync)]
    if level["integrated_lufs"] is not None:
        reach = "" if level["range_lu"] is None else f", range {level['range_lu']:.1f} LU"
        lines.append(f"{level['integrated_lufs']:.1f} LUFS, true peak {level['true_peak_dbtp']:.1f} dBTP{reach}")
    return "\n".join(lines)


def describe(take: Take) -> dict[str, Any]:
    """What a take itself tells, for its report."""
    conditioning, rhythm, motion = take.conditioning, take.conditioning.rhythm, take.conditioning.dance
    given = take.given
    told: dict[str, Any] = {
        "version": __version__,
        "libraries": versions(),
        "method": take.method,
        "preset": f"{take.method}-{given.level or ('high' if given.weights is not None or METHODS[take.method].codecs else 'embedded')}",
    }
    if given.settings:
        told["settings"] = list(given.settings)
    if given.instruments:
        told["instruments"] = list(given.instruments)
    if given.weights is not None:
        told |= {"weights": str(given.weights), "precision": given.precision}
    told |= {name: str(path) for name, path in (("codec", given.codec), ("decoder", given.decoder)) if path is not None}
    told["take"] = {"seed": take.seed, "candidates": take.candidates}
    if take.candidates > 1:
        told["take"]["chosen_by"] = "sync with the first reading of this dance, pulse, key and harmony"
    if take.edits:
        told["drawn_again"] = [
            {"from_seconds": edit.span.begin_seconds, "to_seconds": edit.span.end_seconds, "seed": edit.seed} for edit in take.edits
        ]
    told |= {
        **sound_of(take),
        "genre": GENRES[conditioning.genre],
        **genre_told(conditioning.genre_guess),
        "tempo_bpm": rhythm.tempo_bpm,
        "rhythm_confidence": rhythm.confidence,
        "rhythm_alternatives": [
            {"tempo_bpm": other.tempo_bpm, "first_beat_seconds": round(other.first_beat_seconds, 4), "probability": other.probability}
            for other in rhythm.alternatives
        ],
        "beat_times_seconds": [round(float(t), 4) for t in rhythm.beat_times_seconds],
        "downbeat": rhythm.downbeat,
        "sections": sections_of(take),
        **loop_of(conditioning),
        "kinematic_beats_seconds": [round(float(t), 4) for t in rhythm.kinematic_beats_seconds],
        "sync": report_sync(take.finished, rhythm, motion),
        "duration_seconds": conditioning.duration_seconds,
        "denoised": take.finishing.denoise,
    }
    told["dancers"] = report_dancers(conditioning.dancers)
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


IN_TIME_BEATS = 0.1
"""A loop that is off whole bars by less joins in time."""


def loop_of(conditioning: Conditioning) -> dict[str, Any]:
    """Beats that music without an ending lasts, whether these are whole bars, and the tempo at which they were, for the report; nothing
    with an ending."""
    sections, rhythm = conditioning.sections, conditioning.rhythm
    if not sections or ending_of(sections) is not None:
        return {}
    begin, end = rhythm.beat_at(np.array([0.0, conditioning.duration_seconds]))
    per_bar = conditioning.duration_seconds / (60.0 * BEATS_PER_BAR)  # bars at 1 bpm
    fewest, most = math.ceil(TEMPO_LIMITS_BPM[0] * per_bar), math.floor(TEMPO_LIMITS_BPM[1] * per_bar)
    bars = max(1, min(max(round((end - begin) / BEATS_PER_BAR), fewest), most))
    fitting = bars / per_bar
    in_time = bool(abs(end - begin - BEATS_PER_BAR * bars) < IN_TIME_BEATS)
    return {"loop": {"beats": round(float(end - begin), 2), "bars": bars, "in_time": in_time, "tempo_bpm": round(fitting, 3)}}


def genre_told(guess: GenreGuess | None) -> dict[str, Any]:
    """How the genre was chosen, and the likeliest ones with their probabilities; for the report."""
    if guess is None:
        return {"genre_chosen": "by the user"}
    order = sorted(range(len(GENRES)), key=lambda genre: -guess.probabilities[genre])
    return {
        "genre_chosen": "from the dance" if guess.sure else "by tempo and energy: how it is danced does not tell the genre surely",
        "genre_guesses": [{"genre": GENRES[genre], "probability": round(guess.probabilities[genre], 4)} for genre in order[:3]],
    }


def sound_of(take: Take) -> dict[str, Any]:
    """How the take is heard: the studio, what notes were played with, what a recording was coded with; for the report."""
    method, given = METHODS[take.method], take.given
    told: dict[str, Any] = {"sound": given.sound}
    if method.hears:
        own = f"embedded VQ-VAE, {given.level}" if given.level else "embedded spectral codec"
        told["codec"] = own if given.weights is None else f"codec of {given.weights.name}"
    if given.sound == "soundfont":
        from dance2music.music.synth import check_soundfont

        name, sha256 = check_soundfont(take.soundfont)
        told["soundfont"] = {"name": name, "sha256": sha256}
    return told
