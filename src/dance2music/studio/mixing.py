"""Stems behind faders, as the page plays them and as they are exported; sound files of takes read without losing a bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dance2music.music.loudness import limiter_gain, normalized
from dance2music.types import Audio

LEAST_DB, MOST_DB = -60.0, 12.0
TARGET_LUFS, CEILING_DB = -14.0, -1.0
ONE_STEP = 1.001 / 32767.0
"""Of a sound file of 16 bits; a rounded one is at most half of it away."""


def read_sound(path: Path) -> Audio:
    """Sound [C, N] of a file of the library; what has 16 bits is written again with the same bits."""
    import soundfile

    if soundfile.info(path).subtype != "PCM_16":
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return Audio(np.ascontiguousarray(samples.T), rate)
    whole, rate = soundfile.read(path, dtype="int16", always_2d=True)
    return Audio(np.ascontiguousarray(whole.T) / np.float32(32767.0), rate)


def as_played(played: Audio, heard: Audio) -> Audio:
    """Sound [C, N] as its take plays it now, where that is what was heard of it, to the 16 bits of its file; else what was heard."""
    if played.sample_rate != heard.sample_rate or played.samples.shape != heard.samples.shape:
        return heard
    return played if np.abs(played.samples - heard.samples).max(initial=0.0) <= ONE_STEP else heard


def gains_of(mix: Mapping[str, Mapping[str, Any]], names: list[str]) -> dict[str, float]:
    """Linear gain of each stem: where some are soloed the others are silent; a fader all the way down is silent, too."""
    rows = {name: mix.get(name, {}) for name in names}
    soloed = any(row.get("solo") for row in rows.values())
    gains = {}
    for name, row in rows.items():
        level_db = float(row.get("gain_db", 0.0))
        silent = row.get("mute") or (soloed and not row.get("solo")) or level_db <= LEAST_DB
        gains[name] = 0.0 if silent else 10.0 ** (min(level_db, MOST_DB) / 20.0)
    return gains


def is_neutral(mix: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the faders leave the music as it is."""
    return all(not row.get("mute") and not row.get("solo") and not float(row.get("gain_db", 0.0)) for row in mix.values())


class Mixture(NamedTuple):
    """A mix [C, N] and the stems in it as they are heard there, which add up to it."""

    audio: Audio
    stems: dict[str, Audio]


def mixed(stems: Mapping[str, Audio], gains: Mapping[str, float], *, loud: bool = True) -> Mixture:
    """Stems [C, N] with their gains added up, their true peaks under `CEILING_DB`; ``loud``: brought to `TARGET_LUFS`."""
    first = next(iter(stems.values()))
    total = np.zeros_like(first.samples)
    for name, stem in stems.items():
        if gains[name]:
            total += stem.samples * np.float32(gains[name])
    audio, rate, level = Audio(total, first.sample_rate), first.sample_rate, np.float32(1.0)
    if loud:
        gain_db = normalized(audio, target_lufs=TARGET_LUFS, ceiling_db=CEILING_DB)[1]
        level = np.float32(1.0 if gain_db is None else 10.0 ** (gain_db / 20.0))
    audio = Audio(total * level, rate)
    curve = limiter_gain(audio, ceiling_db=CEILING_DB)
    held = level if curve is None else level * curve
    heard = {name: Audio(stem.samples * (np.float32(gains[name]) * held), rate) for name, stem in stems.items() if gains[name]}
    return Mixture(audio if curve is None else Audio(audio.samples * curve, rate), heard)
