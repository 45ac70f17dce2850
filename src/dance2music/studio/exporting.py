"""What leaves the library: the video with its music, the music as sound, stems, notes, the take itself; and a listening test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from dance2music.documents import json_text
from dance2music.errors import InputError
from dance2music.generation.outputs import describe, stems_of, stems_with_original, with_original
from dance2music.generation.request import KeptOriginal
from dance2music.music.audio import save_audio, save_wav
from dance2music.music.duck import DuckConfig
from dance2music.music.loudness import loudness
from dance2music.music.markers import markers_of, save_markers
from dance2music.studio.mixing import Mixture, as_played, gains_of, is_neutral, mixed, read_sound
from dance2music.studio.task import SOUND_FILE, STEMS_FOLDER, TAKE_FILE, Task
from dance2music.takes.take import LEAD_SECONDS, Take, keeping_sound, open_take
from dance2music.types import Audio
from dance2music.video.container import probe
from dance2music.video.mux import OUTPUT_FORMATS, mux


def export(task: Task) -> None:
    """Write what is asked for of a take into one folder; raises InputError if the take has no notes, or no stems to mix."""
    asked, folder = task.asked, task.new_folder("export")
    with task.stages.stage("load"):
        take, method = open_take(task.paths["take"] / TAKE_FILE)
    with task.stages.stage("mix"):
        (sound, stems), info = heard(task, take), probe(task.paths["video"])
        if asked.get("original_db") is not None:
            kept = KeptOriginal(float(asked["original_db"]), DuckConfig(depth_db=float(asked.get("duck_db", 0.0))))
            both = with_original(keeping_sound(take, finished=sound), info, kept)
            sound, stems = both.mix.audio, stems_with_original(stems, both) if asked.get("stems") else {}
    name, written = str(asked["name"]), []

    def write(suffix: str, writer: Callable[[Path], object]) -> None:
        writer(folder / f"{name}{suffix}")
        written.append(f"{name}{suffix}")

    with task.stages.stage("write"):
        if asked.get("video"):
            write(info.path.suffix if info.path.suffix in OUTPUT_FORMATS else ".mkv", lambda path: mux(info, sound, path))
        for suffix in asked.get("sounds", ()):
            write(suffix, lambda path: save_audio(sound, path))
        if asked.get("midi"):
            from dance2music.music.midi import save_midi

            score = take.score
            if score is None:
                raise InputError(f"midi: method {take.method} has no notes; leave MIDI out")
            write(".mid", lambda path: save_midi(score, path))
        for suffix in asked.get("markers", ()):
            write(f".markers{suffix}", lambda path: save_markers(markers_of(take.conditioning, lead_seconds=LEAD_SECONDS), path))
        for role, stem in sorted(stems.items()) if asked.get("stems") else ():
            write(f".{role}.wav", partial(save_wav, stem, bits=24, over_full_scale=True))
        if asked.get("take"):
            write(".take", lambda path: take.save(path, method=method))
        level = loudness(sound)
        report = describe(take) | {"exported_loudness_lufs": round(level, 2), "mix": asked.get("mix", {})}
        write(".json", lambda path: path.write_text(json_text(report, indent=2) + "\n", encoding="utf-8"))
    task.publish("export", folder, about={"files": written, "take": asked["take_id"], "loudness_lufs": round(level, 2)})


def heard(task: Task, take: Take) -> Mixture:
    """A take as its faders have it, before it is rounded for a file, and its stems where they are asked for or mixed.

    Raises
    ------
    InputError
        If it has no stems to mix.
    """
    place, mix = task.paths["take"], task.asked.get("mix", {})
    paths = sorted((place / STEMS_FOLDER).glob("*.wav"))
    neutral, stems = is_neutral(mix), {}
    if paths and (task.asked.get("stems") or not neutral):
        played = stems_of(take)
        kept = {path.stem: read_sound(path) for path in paths}
        stems = {role: as_played(played[role], sound) if role in played else sound for role, sound in kept.items()}
    if neutral:
        return Mixture(as_played(take.finished, read_sound(place / SOUND_FILE)), stems)
    if not stems:
        raise InputError("this take has no stems to mix; put the faders back to 0 dB, or make a take with the studio's sound")
    return mixed(stems, gains_of(mix, list(stems)), loud=bool(task.asked.get("loud", True)))


def listening_test(task: Task) -> None:
    """A listening test between takes, as a folder that runs in any browser."""
    from dance2music.listening.build import build
    from dance2music.listening.design import ListeningConfig

    folder = task.new_folder("export")
    with task.stages.stage("load"):
        info = probe(task.paths["video"])
        methods, seen = {}, task.new_folder("seen")
        for i, (key, name) in enumerate(zip(task.asked["takes"], task.asked["names"])):
            methods[name] = task.new_folder(f"heard-{i}")
            sound = read_sound(task.paths[key] / SOUND_FILE)
            save_wav(sound, methods[name] / "dance.wav")
        mux(info, sound, seen / f"dance{info.path.suffix if info.path.suffix in OUTPUT_FORMATS else '.mkv'}")
    with task.stages.stage("write"):
        config = ListeningConfig(
            parts=("preference",),
            listeners=1,
            pairs=28,
            checks=0,
            controls=False,
            title=f"{task.asked['name']}: which take?",
            own=True,
        )
        build(folder / "test", methods, videos=seen, config=config, key=folder / "key.json", progress=lambda _, share: None)
    told: dict[str, Any] = {"files": ["key.json"], "test": True, "takes": task.asked["takes"]}
    task.publish("export", folder, about=told)


def write_stems(take: Take, folder: Path) -> dict[str, Audio]:
    """Write the stems of a take that has some, and give them."""
    stems = stems_of(take)
    folder.mkdir()
    for role, stem in stems.items():
        save_wav(stem, folder / f"{role}.wav", over_full_scale=True)
    return stems
