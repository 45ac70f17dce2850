"""The folder of a listening test, and the key that tells afterwards what was what. It needs no server and loads nothing from afar."""

from __future__ import annotations

import json
import math
import os
import secrets
import tempfile
from dataclasses import asdict
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from dance2music import __version__
from dance2music.errors import InputError
from dance2music.files import whole_file, whole_folder
from dance2music.listening import texts
from dance2music.listening.design import ORIGINAL, ListeningConfig, Sample, Trial, assign, check_config
from dance2music.listening.media import Clip, Progress, find_clips, sound_of, write_pictures, write_sample

KEY_FORMAT = "dance2music-listening-key"
KEY_VERSION = 1
PAGE = {"listen.html": "index.html", "listen.css": "listen.css", "listen.js": "listen.js"}
MAX_QUIET_LU = 1.0
_SALT_BITS = 64
_TIME = 946_684_800
"""Seconds since 1970 at which every file of a test was changed, as it says: 2000-01-01."""


def build(
    out: str | Path,
    methods: dict[str, Path],
    *,
    original: Path | None = None,
    videos: Path | None = None,
    config: ListeningConfig | None = None,
    key: Path | None = None,
    common: bool = False,
    salt: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a listening test: a folder for the listeners and a key for the experimenter.

    Names in the folder are opaque and samples carry no tags, so that a listener cannot see which method made what, which item is a check or
    a control: not by working names or the order of items out again, for which the key has a salt, nor by the order or times of files.
    The folder appears whole or not at all.

    Parameters
    ----------
    out : folder to write, which must not be there yet.
    methods : name to folder of generated sound or videos; files of the same name belong to the same dance.
    original : folder of the dances' own music; its videos give the pictures unless ``videos`` does.
    videos : folder of the dances.
    config : settings.
    key : file for the key; beside the folder by default, ``<out>.key.json``.
    common : leave out clips that some method lacks.
    salt : what names and orders hang on beside the seed; drawn where it is None, and never to be told to listeners.
    progress : called with ("samples", share).

    Returns
    -------
    dict, the key: settings, what every sample is, the items of every listener, and warnings.

    Raises
    ------
    InputError
        As `find_clips` and `assign`; if ``out`` is there already or cannot be written, or the key would lie inside it.
    """
    out, config = Path(out), config or ListeningConfig()
    key = key or out.with_name(f"{out.name}.key.json")
    if out.exists():
        raise InputError(f"{out}: is there already; expected the name of a new folder; choose another or remove it")
    if out.resolve() in key.resolve().parents:
        raise InputError(f"{key}: lies inside the folder for the listeners; expected a place that they do not see")
    check_config(config, list(methods))
    pictures = any(texts.PART_TEXTS[part]["video"] for part in config.parts)
    clips = {c.name: c for c in find_clips(methods, original, videos, pictures=pictures, common=common, seconds=config.seconds)}
    salt = secrets.randbits(_SALT_BITS) if salt is None else salt
    sessions = assign(config, list(clips), list(methods), original=original is not None, salt=salt)
    wanted = _wanted(sessions)
    with whole_folder(out) as folder:
        media = _write_media(folder, clips, wanted, config, salt, progress or (lambda *_: None))
        key_data = _key(config, methods, clips, media, sessions, salt)
        _write_page(folder, key_data)
        _same_times(folder)
        with whole_file(key) as temporary:
            temporary.write_text(json.dumps(key_data, indent=1) + "\n", encoding="utf-8")
    return key_data


def _wanted(sessions: list[list[Trial]]) -> list[tuple[Sample, bool]]:
    """Every sample that somebody hears, and whether with pictures."""
    found = set()
    for trial in (trial for session in sessions for trial in session):
        video = texts.PART_TEXTS[trial.part]["video"]
        found |= {(sample, video) for sample in (*trial.samples, trial.reference) if sample is not None}
    return list(found)


def _opaque(salt: int, sample: Sample, video: bool) -> str:
    """Name of a sample: nothing that can be worked out without the salt, which only the key has."""
    text = json.dumps([salt, sample.clip, sample.source, sample.beeps, video])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _same_times(folder: Path) -> None:
    """Give all files the same time: theirs would tell the order in which they were made."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (_TIME, _TIME))


def _write_media(
    folder: Path, clips: dict[str, Clip], wanted: list[tuple[Sample, bool]], config: ListeningConfig, salt: int, progress: Progress
) -> dict[str, dict[str, Any]]:
    """Write all samples; by opaque name, what each is."""
    (folder / "media").mkdir()
    media: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="pictures-", dir=folder) as scratch:
        silent: dict[str, Path] = {}
        sizes: dict[str, tuple[int, int]] = {}
        for n, (name, sample, video) in enumerate(sorted((_opaque(salt, *one), *one) for one in wanted)):
            clip = clips[sample.clip]
            if video and clip.name not in silent:
                assert clip.video is not None, "find_clips wants a video for parts with video"
                silent[clip.name] = Path(scratch) / f"{len(silent)}.mp4"
                sizes[clip.name] = write_pictures(clip.video, silent[clip.name], seconds=clip.seconds, longest_side=config.longest_side)
            # With and without video the same shift or noise, so the generator does not depend on it; nor on the salt.
            rng = np.random.default_rng([config.seed, int(_opaque(config.seed, sample, True), 16) % 2**32])
            shifted = ORIGINAL if ORIGINAL in clip.sounds else config.focus or next(iter(clip.sounds))
            audio = sound_of(clip, sample, rng, shifted_source=shifted, loudness_lufs=config.loudness_lufs)
            path = folder / "media" / f"{name}{'.mp4' if video else '.m4a' if config.compressed else '.wav'}"
            level = write_sample(audio, silent.get(clip.name) if video else None, path)
            media[name] = {
                "file": f"media/{path.name}",
                **asdict(sample),
                "video": video,
                **({"width": sizes[clip.name][0], "height": sizes[clip.name][1]} if video else {}),
                "seconds": round(audio.duration_seconds, 4),
                "loudness_lufs": round(level, 2) if math.isfinite(level) else None,
            }
            progress("samples", (n + 1) / len(wanted))
    return media


def _key(
    config: ListeningConfig,
    methods: dict[str, Path],
    clips: dict[str, Clip],
    media: dict[str, dict[str, Any]],
    sessions: list[list[Trial]],
    salt: int,
) -> dict[str, Any]:
    def row(trial: Trial) -> dict[str, Any]:
        video = texts.PART_TEXTS[trial.part]["video"]
        reference = {"reference": _opaque(salt, trial.reference, video)} if trial.reference else {}
        samples = [_opaque(salt, sample, video) for sample in trial.samples]
        return {"part": trial.part, "samples": samples, "training": trial.training, **reference}

    least = config.loudness_lufs - MAX_QUIET_LU
    quiet = [
        f"{m['clip']} of {m['source']}: {'silent' if m['loudness_lufs'] is None else str(m['loudness_lufs']) + ' LUFS'}"
        for m in media.values()
        if not m["beeps"] and (m["loudness_lufs"] is None or m["loudness_lufs"] < least)
    ]
    rows = [[row(trial) for trial in session] for session in sessions]
    name = blake2b(json.dumps([asdict(config), sorted(media), rows]).encode(), digest_size=4).hexdigest()
    return {
        "format": KEY_FORMAT,
        "version": KEY_VERSION,
        "software": __version__,
        "test": name,
        "config": asdict(config),
        "salt": salt,
        "methods": list(methods),
        "clips": {clip.name: round(clip.seconds, 4) for clip in clips.values()},
        "quieter_than_the_rest": quiet,
        "media": media,
        "sessions": rows,
    }


def _write_page(folder: Path, key: dict[str, Any]) -> None:
    """The page and what it may know: questions, opaque samples, who hears what."""
    config = key["config"]
    parts = []
    for name in config["parts"]:
        text = dict(texts.PART_TEXTS[name])
        text["scale"] = [{"value": value, "label": label} for value, label in text["scale"]]
        if name == "coherence" and config["reference_shown"]:
            text["introduction"] = [*text["introduction"], texts.REFERENCE_SHOWN]
        if config["own"]:
            text |= texts.OWN_PART
        parts.append({"name": name, **text})
    sessions = [[{**trial, **_note(trial, key["media"])} for trial in session] for session in key["sessions"]]
    test = {
        "id": key["test"],
        "title": config["title"],
        "welcome": texts.OWN_WELCOME if config["own"] else texts.WELCOME,
        "parts": parts,
        "media": {name: {k: row[k] for k in ("file", "width", "height") if k in row} for name, row in key["media"].items()},
        "sessions": sessions,
        "names": {name: row["source"] for name, row in key["media"].items()} if config["own"] else None,
    }
    (folder / "test.js").write_text(f'"use strict";\nwindow.LISTENING_TEST = {json.dumps(test)};\n', encoding="utf-8")
    page = files("dance2music.listening")
    for source, name in PAGE.items():
        (folder / name).write_bytes(page.joinpath(source).read_bytes())


def _note(trial: dict[str, Any], media: dict[str, dict[str, Any]]) -> dict[str, str]:
    if not trial["training"]:
        return {}
    if not any(media[name]["beeps"] for name in trial["samples"]):
        return {"note": texts.PRACTICE}
    return {"note": texts.PRACTICE_BEEPS_PAIR if len(trial["samples"]) == 2 else texts.PRACTICE_BEEPS_RATED}
