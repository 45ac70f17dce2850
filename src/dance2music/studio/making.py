"""What jobs do, in the process of a job: a dance watched, takes made, a section drawn again. `KINDS` has them by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.dance.watch import read_motion
from dance2music.errors import InputError
from dance2music.generation import pipeline, take_file
from dance2music.generation.methods import LoadedMethod, load, method_of
from dance2music.generation.outputs import describe
from dance2music.generation.ranking import best_take
from dance2music.generation.take import Source, Take, finished_take
from dance2music.methods.base import Given
from dance2music.music.audio import save_wav
from dance2music.studio.pictures import browser_plays, poster, preview
from dance2music.studio.task import Task
from dance2music.studio.waves import write_waves
from dance2music.types import GENRES, Conditioning
from dance2music.video.container import VideoInfo, probe

DANCE_FILE, TAKE_FILE, SOUND_FILE, REPORT_FILE, WAVES_FILE = "dance.take", "take.take", "sound.wav", "report.json", "waves.bin"
POSTER_FILE, PREVIEW_FILE = "poster.jpg", "preview.mp4"


def new_dance(task: Task) -> None:
    """Watch a video, or draw one, and make its first take."""
    video = task.paths["video"]
    if task.asked.get("draw_seconds"):
        from dance2music.synthetic.drawing import example_video

        with task.stages.stage("draw"):
            example_video(video, seconds=task.asked["draw_seconds"])
    with task.stages.stage("look"):
        info = probe(video)
        folder = _new(task, "dance")
        poster(info, folder / POSTER_FILE)
    with task.stages.stage("watch") as report:
        motion = read_motion(info, progress=report)
    with task.stages.stage("rhythm"):
        conditioning = pipeline.condition(motion, genre=task.asked.get("genre"), duration_seconds=info.duration_seconds)
        save_dance(conditioning, folder / DANCE_FILE)
    if not browser_plays(info):
        with task.stages.stage("preview"):
            preview(info, folder / PREVIEW_FILE)
    task.publish("dance", folder, about=about_dance(info, conditioning))
    make_takes(task, conditioning)


def more_takes(task: Task) -> None:
    """Make takes for a dance that was watched."""
    with task.stages.stage("load"):
        conditioning = load_dance(task.paths["dance"])
    genre = task.asked.get("genre")
    if genre is not None:
        conditioning = replace(conditioning, genre=pipeline.genre_index(genre))
    make_takes(task, conditioning)


def make_takes(task: Task, conditioning: Conditioning) -> None:
    """The takes that are asked for and not made yet, each published when it can be heard; their stems follow."""
    asked, seed = task.asked, int(task.asked.get("seed", 0))
    method = method_of(asked.get("method") or "planned")
    with task.stages.stage("load"):
        loaded = load(method, Given(sound=asked.get("sound") or ""))
    source = Source(task.paths["video"], take_file_sha256(task.paths["video"]), True)
    for number in range(int(asked.get("count", 1))):
        if number in task.made:
            continue
        with task.stages.stage("music"):
            take = best_take(loaded, conditioning, seed=seed + number)
        with task.stages.stage("finish"):
            take = finished_take(take, denoise=method.denoise, source=source)
        publish_take(task, take, number, loaded)


def publish_take(task: Task, take: Take, number: int, method: LoadedMethod, **told: Any) -> None:
    """Write a take into a folder and hand it over; then the stems, where it has any."""
    with task.stages.stage("write"):
        folder = _new(task, f"take-{number}")
        about = describe(take) | told
        save_wav(take.finished, folder / SOUND_FILE)
        take.save(folder / TAKE_FILE, method=method)
        about["waves"] = write_waves({"mix": take.finished}, folder / WAVES_FILE)
        (folder / REPORT_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    task.publish("take", folder, number=number, about=about)


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
        "kinematic_beats_seconds": [round(float(t), 4) for t in rhythm.kinematic_beats_seconds],
    }


def take_file_sha256(path: Path) -> str:
    """Digest of a video, as takes keep it."""
    from dance2music.checkpoint import sha256_of

    return sha256_of(path)


def _new(task: Task, name: str) -> Path:
    folder = task.folder / name
    folder.mkdir()
    return folder


KINDS: dict[str, Callable[[Task], None]] = {"dance": new_dance, "takes": more_takes}
"""Kind of job -> what does it."""
