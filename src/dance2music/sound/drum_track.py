"""Places drum hits: one-shots are made once per process, mixed from soft and hard strokes, varied from stroke to stroke; open hats are
choked."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.drum_kits import DrumKit, DrumSound
from dance2music.sound.effects import pan_gains
from dance2music.sound.randomness import uniform
from dance2music.sound.voices import hardness, velocity_gain
from dance2music.types import Score, Track

VARIANTS = 4
REFERENCE_PEAK = 0.5
"""Of a drum of level 0 dB at full velocity."""

_JITTER_DB = 1.0
_JITTER_TOUCH = 0.12
_CHOKE_SECONDS = 0.014
_RING_SECONDS = 8.0


class DrumStrip(NamedTuple):
    """What the drums give to the desk: kick [N] and the rest [2, N] dry, and the send to the room [N]; float32."""

    kick: np.ndarray
    others: np.ndarray
    room: np.ndarray


@lru_cache(maxsize=512)
def one_shot(sound: DrumSound, sample_rate: int, variant: int) -> np.ndarray:
    """A drum's stroke, soft and hard, its hard peak at `REFERENCE_PEAK`, as mono or left and right: float32 [2, 1 or 2, n]; not to be
    changed."""
    shot = sound.make(sample_rate, variant)
    for layer in shot:
        # Soft and hard have the same level: velocity sets it.
        layer *= np.float32(REFERENCE_PEAK / (np.abs(layer[0]).max() + 1e-9))
    if shot.shape[1] == 2:
        shot = np.stack([shot[:, 0] + shot[:, 1], shot[:, 0] - shot[:, 1]], axis=1)
    shot.setflags(write=False)
    return shot


def place_drums(track: Track, kit: DrumKit, score: Score, strip: DrumStrip, *, sample_rate: int, seed: int) -> None:
    """Add all hits of a drum track to the strip, in place."""
    n_samples = strip.kick.shape[-1]
    starts = score.time_at(np.array([n.start_beats for n in track.notes], dtype=np.float64))
    sounds = {pitch: kit.sound(pitch) for pitch in {n.pitch for n in track.notes}}
    stops = np.sort([t for t, n in zip(starts, track.notes) if sounds[n.pitch].chokes])
    for index, (note, start) in enumerate(zip(track.notes, starts)):
        at = round(float(start) * sample_rate)
        if at >= n_samples or start < -_RING_SECONDS:
            continue
        sound = sounds[note.pitch]
        shot = one_shot(sound, sample_rate, int(uniform(seed, index, 1) * VARIANTS))
        touch = float(np.clip(hardness(note.velocity) + _JITTER_TOUCH * (uniform(seed, index, 2) - 0.5), 0.0, 1.0))
        gain = track.gain * velocity_gain(note.velocity) * 10.0 ** ((sound.level_db + _JITTER_DB * (uniform(seed, index, 3) - 0.5)) / 20.0)
        cut, n = max(0, -at), min(shot.shape[-1], n_samples - at)
        if sound.choked:
            later = np.searchsorted(stops, start + 1e-4)
            if later < len(stops):
                n = min(n, round((stops[later] - start + _CHOKE_SECONDS) * sample_rate))
        if n <= cut:
            continue
        part = shot[0, :, cut:n] * np.float32(gain * (1.0 - touch)) + shot[1, :, cut:n] * np.float32(gain * touch)
        if n < shot.shape[-1]:
            envelopes.fade_out(part, _CHOKE_SECONDS, sample_rate=sample_rate)
        where = slice(at + cut, at + n)
        if sound.is_kick:
            strip.kick[where] += part[0]
            continue
        for channel, side in enumerate(pan_gains(sound.pan)):
            strip.others[channel, where] += side * part[min(channel, len(part) - 1)]
        if sound.room:
            strip.room[where] += np.float32(sound.room) * (part[0] if len(part) == 1 else np.float32(0.5) * (part[0] + part[1]))


def kick_strokes(score: Score, kit: DrumKit) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds and strengths (level relative to full velocity) of all kicks, float64 [k] each."""
    times: list[np.ndarray] = [np.zeros(0)]
    strengths: list[float] = []
    for track in score.tracks:
        if track.is_drum:
            notes = [n for n in track.notes if kit.sound(n.pitch).is_kick]
            times.append(score.time_at(np.array([n.start_beats for n in notes], dtype=np.float64)))
            strengths.extend(min(1.0, 1.15 * velocity_gain(n.velocity) ** 0.5) * min(1.0, track.gain) for n in notes)
    return np.concatenate(times), np.array(strengths)
