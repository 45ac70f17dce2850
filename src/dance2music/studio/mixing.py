"""Stems behind faders, as the page plays them and as they are exported; sound files of takes read without losing a bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.music.loudness import limit, normalized
from dance2music.types import Audio

LEAST_DB, MOST_DB = -60.0, 12.0
TARGET_LUFS, CEILING_DB = -14.0, -1.0


def read_sound(path: Path) -> Audio:
    """Sound [C, N] of a file of the library; what has 16 bits is written again with the same bits."""
    import soundfile

    if soundfile.info(path).subtype != "PCM_16":
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return Audio(np.ascontiguousarray(samples.T), rate)
    whole, rate = soundfile.read(path, dtype="int16", always_2d=True)
    return Audio(np.ascontiguousarray(whole.T) / np.float32(32767.0), rate)


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


def mixed(stems: Mapping[str, Audio], gains: Mapping[str, float], *, loud: bool = True) -> Audio:
    """Stems [C, N] with their gains added up, their true peaks under `CEILING_DB`; ``loud``: brought to `TARGET_LUFS`."""
    first = next(iter(stems.values()))
    total = np.zeros_like(first.samples)
    for name, stem in stems.items():
        if gains[name]:
            total += stem.samples * np.float32(gains[name])
    audio = Audio(total, first.sample_rate)
    if loud:
        return normalized(audio, target_lufs=TARGET_LUFS, ceiling_db=CEILING_DB)[0]
    return limit(audio, ceiling_db=CEILING_DB)
