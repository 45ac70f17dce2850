"""What jobs do, in the process of a job: a dance watched, takes made, a section drawn again. `KINDS` has them by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.dance.watch import read_dancers
from dance2music.documents import json_text
from dance2music.errors import InputError
from dance2music.generation import pipeline
from dance2music.generation.outputs import describe
from dance2music.generation.redraw import Change, draw_sections
from dance2music.generation.sync import report_dancers
from dance2music.methods.base import Given
from dance2music.music.audio import save_wav
from dance2music.music.loudness import loudness
from dance2music.parallel import side_by_side
from dance2music.rhythm.sections import ending_of, energy_at_beats, plan_sections
from dance2music.studio.exporting import export, listening_test, write_stems
from dance2music.studio.mixing import read_sound
from dance2music.studio.own_sound import keep_own_sound
from dance2music.studio.pictures import browser_plays, check_demuxer, poster, preview
from dance2music.studio.places import write_places
from dance2music.studio.rhythms import changed
from dance2music.studio.task import (
    DANCE_FILE,
    OWN_SOUND_FILE,
    PLACES_FILE,
    POSTER_FILE,
    PREVIEW_FILE,
    REPORT_FILE,
    SOUND_FILE,
    STEM_WAVES_FILE,
    STEMS_FOLDER,
    TAKE_FILE,
    WAVES_FILE,
    Task,
)
from dance2music.studio.waves import write_waves
from dance2music.takes import take_file
from dance2music.takes.methods import DEFAULT, LoadedMethod, Method, load, method_of
from dance2music.takes.ranking import best_take
from dance2music.takes.take import Source, Take, finished_take, keeping_sound, open_take
from dance2music.takes.voices import voices_of, with_voices
from dance2music.types import GENRES, Audio, Conditioning, Span
from dance2music.video.container import VideoInfo, probe

SOUNDS_WITH_STEMS = ("studio", "soundfont")


def new_dance(task: Task) -> None:
    """Watch a video, or draw one, and make its first take."""
    video = task.paths["video"]
    if task.asked.get("draw_seconds"):
        from dance2music.synthetic.drawing import example_video

        with task.stages.stage("draw"):
            example_video(video, seconds=task.asked["draw_seconds"])
    with task.stages.stage("look"):
        check_demuxer(video)
        info = probe(video)
        task.tell_length(info.duration_seconds)
        folder = task.new_folder("dance")
        poster(info, folder / POSTER_FILE)
        has_own_sound = keep_own_sound(info, folder / OWN_SOUND_FILE)
    with task.stages.stage("watch") as report:
        dancers = read_dancers(info, details=False, progress=report)
    with task.stages.stage("rhythm"):
        genre, ending = task.asked.get("genre"), task.asked.get("ending", True)
        conditioning = pipeline.condition(dancers, genre=genre, ending=ending, duration_seconds=info.duration_seconds)
        save_dance(conditioning, folder / DANCE_FILE)
        has_places = write_places(conditioning.dancers, folder / PLACES_FILE)
    if not browser_plays(info):
        with task.stages.stage("preview"):
            preview(info, folder / PREVIEW_FILE)
    kept = {"has_own_sound": has_own_sound, "has_places": has_places}
    task.publish("dance", folder, about=about_dance(info, conditioning) | kept)
    make_takes(task, conditioning)


def more_takes(task: Task) -> None:
    """Make takes for a dance that was watched, or one of those who dance, on its own beats, on those of another take, or on chosen ones."""
    with task.stages.stage("load"):
        conditioning = load_dance(task.paths["dance"])
        if task.asked.get("dancer") and conditioning.dancers:
            conditioning = for_dancer(conditioning, task.asked["dancer"])
        if "like" in task.paths:
            other = load_dance(task.paths["like"] / TAKE_FILE)
            conditioning = replace(conditioning, rhythm=other.rhythm, sections=other.sections)
    with task.stages.stage("rhythm"):
        if task.asked.get("rhythm"):
            duration = conditioning.duration_seconds
            conditioning = replace(conditioning, rhythm=changed(conditioning.rhythm, task.asked["rhythm"], duration))
        ends = ending_of(conditioning.sections) is not None
        ending = task.asked.get("ending", ends or not conditioning.sections)
        if task.asked.get("rhythm") or ending != ends:
            form = plan_sections(energy_at_beats(conditioning), conditioning.rhythm, conditioning.duration_seconds, ending=ending)
            conditioning = replace(conditioning, sections=form)
    genre = task.asked.get("genre")
    if genre is not None:
        conditioning = replace(conditioning, genre=pipeline.genre_index(genre))
    make_takes(task, conditioning)


def for_dancer(conditioning: Conditioning, dancer: str) -> Conditioning:
    """What was seen of a dance, in its genre, for all or one of those who dance. Raises InputError if there is no such dancer."""
    duration, genre = conditioning.duration_seconds, GENRES[conditioning.genre]
    chosen = pipeline.condition(conditioning.dancers, dancer=dancer, genre=genre, duration_seconds=duration)
    return replace(chosen, genre_guess=conditioning.genre_guess)


def make_takes(task: Task, conditioning: Conditioning) -> None:
    """The takes that are asked for and not made yet, each published when it can be heard; their stems follow."""
    asked, seed = task.asked, int(task.asked.get("seed", 0))
    method = method_of(asked.get("method") or DEFAULT.name)
    with task.stages.stage("load"):
        loaded = loaded_method(method, Given(sound=asked.get("sound") or ""))
    source = Source(task.paths["video"], digest_of(task.paths["video"]), True)
    for number in range(int(asked.get("count", 1))):
        if number in task.made:
            continue
        with task.stages.stage("music"):
            take = best_take(loaded, conditioning, seed=seed + number)
        with task.stages.stage("finish"):
            take = finished_take(take, denoise=method.denoise, source=source)
        publish_take(task, take, number, loaded, take.finished)
        with task.stages.stage("stems"):
            publish_stems(task, take, number=number)


def sections(task: Task) -> None:
    """Draw a section of a take again, several times to choose from; each is published when it can be heard."""
    asked, place = task.asked, task.paths["take"]
    with task.stages.stage("load"):
        take, method = open_take(place / TAKE_FILE, loader=loaded_method)
        before = read_sound(place / SOUND_FILE)
    span = Span(float(asked["from_seconds"]), float(asked["to_seconds"]))
    numbers = [number for number in range(int(asked["count"])) if number not in task.made]
    with task.stages.stage("music"):
        change = Change(tuple(asked.get("roles") or ()), asked.get("genre"), asked.get("energy") or "")
        seeds = [int(asked["seed"]) + number for number in range(int(asked["count"]))]
        drawn = draw_sections(take, span, seeds=seeds, change=change, method=method)
    told: dict[str, Any] = {"section": {"from_seconds": span.begin_seconds, "to_seconds": span.end_seconds}}
    told["section"] |= {name: asked[name] for name in ("roles", "energy", "genre") if asked.get(name)}

    def finished(number: int) -> tuple[Audio, dict[str, Any]]:
        sound = drawn[number].section_sound(before)
        return sound, _about(drawn[number], sound) | told

    with task.stages.stage("finish"):
        found = side_by_side(finished, numbers)
    for number, (sound, about) in zip(numbers, found):
        publish_take(task, drawn[number], number, method, sound, about=about)


def other_voices(task: Task) -> None:
    """A take of the same notes with other instruments."""
    with task.stages.stage("load"):
        take, method = open_take(task.paths["take"] / TAKE_FILE, loader=loaded_method)
    with task.stages.stage("finish"):
        take = with_voices(take, task.asked["voices"])
    if 0 not in task.made:
        with task.stages.stage("finish"):
            sound = take.finished
        publish_take(task, take, 0, method, sound)
    with task.stages.stage("stems"):
        publish_stems(task, take, number=0)


def stems(task: Task) -> None:
    """Play a take's instruments apart."""
    with task.stages.stage("load"):
        take, _ = open_take(task.paths["take"] / TAKE_FILE, loader=loaded_method)
    with task.stages.stage("stems"):
        publish_stems(task, take)


def publish_take(task: Task, take: Take, number: int, method: LoadedMethod, sound: Audio, *, about: dict[str, Any] | None = None) -> None:
    """Write a take into a folder and hand it over; ``about`` is what is said of it, where that is known already."""
    with task.stages.stage("write"):
        folder = task.new_folder(f"take-{number}")
        about = _about(take, sound) if about is None else about
        save_wav(sound, folder / SOUND_FILE)
        take.save(folder / TAKE_FILE, method=method)
        about["waves"] = write_waves({"mix": sound}, folder / WAVES_FILE)
        (folder / REPORT_FILE).write_text(json_text(about, indent=2) + "\n", encoding="utf-8")
    task.publish("take", folder, number=number, about=about)


def _about(take: Take, sound: Audio) -> dict[str, Any]:
    """What is said of a take that sounds like this."""
    about = describe(keeping_sound(take, finished=sound))
    return about | {"voices": voices_of(take), "loudness_lufs": round(loudness(sound), 2)}


def publish_stems(task: Task, take: Take, **told: Any) -> None:
    """Write the stems of a take into a folder and hand them over, where the take has some."""
    if take.given.sound not in SOUNDS_WITH_STEMS:
        return
    folder = task.new_folder(f"stems-{told.get('number', 0)}")
    found = write_stems(take, folder / STEMS_FOLDER)
    task.publish("stems", folder, about={"stem_waves": write_waves(found, folder / STEM_WAVES_FILE)}, **told)


@cache
def loaded_method(method: Method, given: Given) -> LoadedMethod:
    """A method with its weights, loaded once in this process."""
    return load(method, given)


def save_dance(conditioning: Conditioning, path: Path) -> None:
    """Keep what was seen of a dance, in the format of takes but without music."""
    tensors: dict[str, Any] = {}
    take_file.write(path, {"dance": take_file.put_conditioning(conditioning, tensors)}, tensors)


def load_dance(path: Path) -> Conditioning:
    """The inverse of `save_dance`; raises InputError if the file is missing or damaged."""
    header, tensors = take_file.read(path)
    try:
        return take_file.take_conditioning(header["dance"], tensors)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: does not hold a dance ({error}); drop the video in again") from error


def about_dance(info: VideoInfo, conditioning: Conditioning) -> dict[str, Any]:
    """What the page shows of a dance."""
    from dance2music.dance.kinematics import kinetic_velocity

    dance, rhythm = conditioning.dance, conditioning.rhythm
    curve = np.zeros(0)
    if dance is not None and dance.skeleton != "flow":
        curve = kinetic_velocity(dance)
    elif dance is not None and dance.flow_energy is not None:
        curve = dance.flow_energy
    return {
        "seconds": conditioning.duration_seconds,
        "fps": info.fps,
        "width": info.width,
        "height": info.height,
        "has_sound": info.has_audio,
        "has_preview": not browser_plays(info),
        "genre": GENRES[conditioning.genre],
        "velocity": [round(float(v), 3) for v in curve],
        "velocity_fps": conditioning.fps if dance is None else dance.fps,
        "seen_as": "" if dance is None else dance.skeleton,
        "tempo_bpm": rhythm.tempo_bpm,
        "rhythm_confidence": rhythm.confidence,
        "beat_times_seconds": [round(float(t), 4) for t in rhythm.beat_times_seconds],
        "downbeat": rhythm.downbeat,
        "dancers": report_dancers(conditioning.dancers),
        "kinematic_beats_seconds": [round(float(t), 4) for t in rhythm.kinematic_beats_seconds],
    }


def digest_of(path: Path) -> str:
    """sha256 of a video, as takes keep it."""
    from dance2music.checkpoint import sha256_of

    return sha256_of(path)


KINDS: dict[str, Callable[[Task], None]] = {
    "dance": new_dance, "takes": more_takes, "section": sections, "stems": stems, "voices": other_voices,
    "export": export, "listen": listening_test,
}  # fmt: skip
"""Kind of job -> what does it."""
