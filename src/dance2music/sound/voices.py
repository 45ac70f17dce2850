"""Places the notes of a track on a strip of the desk: every distinct note is made once, played soft and hard, and mixed from there.

A note starts at sample ``round(time * sample_rate)``. Notes that begin before 0 are heard from 0 on, at the place in their sound where they
then are. Level goes with ``(velocity / 127) ** 1.6`` as in `music.synth`, timbre from soft to hard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dance2music.sound import envelopes
from dance2music.sound.effects import pan_gains
from dance2music.sound.patch import Patch, Tone
from dance2music.sound.randomness import uniform
from dance2music.types import Note, Score, Track

VELOCITY_POWER = 1.6
REFERENCE_RMS = 0.1
"""Of every note at full velocity, in its loudest 50 ms."""

LONGEST_RING_SECONDS = 8.0
_JITTER_DB = 0.9
_JITTER_TOUCH = 0.1
_CONNECTED_SECONDS = 0.04
_CUT_SECONDS = 0.012
_LONGEST_NOTE_SECONDS = 60.0


@dataclass(frozen=True)
class _Sounding:
    """A note in samples: first sample, samples held, samples of release, and the pitch that it glides from."""

    note: Note
    index: int
    at: int
    held: int
    release: int
    from_pitch: int | None


def hardness(velocity: float) -> float:
    """From soft (0) to hard (1)."""
    return float(np.clip((velocity - 25.0) / 95.0, 0.0, 1.0))


def velocity_gain(velocity: float) -> float:
    """Level of a velocity 1..127."""
    return float((velocity / 127.0) ** VELOCITY_POWER)


def place_track(track: Track, patch: Patch, score: Score, out: np.ndarray, *, sample_rate: int, seed: int, pan: float = 0.0) -> None:
    """Add all notes of a pitched track to ``out``, float32 [2, N].

    Parameters
    ----------
    seed : of the small differences between one stroke and the next: the same seed and note index give the same.
    pan : -1..1, of mono sounds; wide ones stay where they are.
    """
    sounding = _timed(track.notes, patch, score, sample_rate, out.shape[-1])
    longest: dict[tuple[int, int | None], int] = {}
    for s in sounding:
        key = (s.note.pitch, s.from_pitch)
        longest[key] = max(longest.get(key, 0), s.held + s.release)
    made: dict[tuple[int, int | None], np.ndarray] = {}
    left, right = pan_gains(pan)
    for s in sounding:
        key = (s.note.pitch, s.from_pitch)
        if key not in made:
            made[key] = _made(patch, s.note.pitch, s.from_pitch, longest[key], sample_rate)
        sound = made[key]
        touch = float(np.clip(hardness(s.note.velocity) + _JITTER_TOUCH * (uniform(seed, s.index, 1) - 0.5), 0.0, 1.0))
        gain = track.gain * velocity_gain(s.note.velocity) * 10.0 ** (_JITTER_DB * (uniform(seed, s.index, 2) - 0.5) / 20.0)
        n = min(sound.shape[-1], s.held + s.release, out.shape[-1] - s.at)
        cut = max(0, -s.at)
        if n <= cut:
            continue
        # Four products, not a weighted sum of whole notes: soft and hard are mixed on the way into the strip.
        part = sound[0, :, cut:n] * np.float32(gain * (1.0 - touch)) + sound[1, :, cut:n] * np.float32(gain * touch)
        if n > s.held:
            fade = envelopes.release(s.release / sample_rate, sample_rate)
            first = max(s.held, cut)
            part[:, first - cut :] *= fade[first - s.held : n - s.held]
        target = out[:, s.at + cut : s.at + n]
        if len(part) == 1:
            target[0] += left * part[0]
            target[1] += right * part[0]
        else:
            target += part


def _timed(notes: Sequence[Note], patch: Patch, score: Score, sample_rate: int, n_samples: int) -> list[_Sounding]:
    """The notes that are heard, in order of time, with what `Patch.one_voice` and `Patch.glides` make of them."""
    starts = score.time_at(np.array([n.start_beats for n in notes], dtype=np.float64))
    ends = score.time_at(np.array([n.start_beats + n.duration_beats for n in notes], dtype=np.float64))
    order = np.argsort(starts, kind="stable")
    result: list[_Sounding] = []
    for place, i in enumerate(order):
        start, end = float(starts[i]), float(min(ends[i], starts[i] + _LONGEST_NOTE_SECONDS))
        from_pitch, release = None, patch.release_seconds
        if patch.one_voice and place + 1 < len(order) and starts[order[place + 1]] > start:
            following = float(starts[order[place + 1]])
            if following < end + release:
                end = min(end, following)
                release = max(min(release, following - end), _CUT_SECONDS)
        if patch.glides and place > 0:
            before = order[place - 1]
            if start - starts[before] >= 0.0 and start - ends[before] < _CONNECTED_SECONDS and notes[before].pitch != notes[i].pitch:
                from_pitch = notes[before].pitch
        at = round(start * sample_rate)
        if at >= n_samples or end + release < 0.0 or start < -_LONGEST_NOTE_SECONDS - LONGEST_RING_SECONDS:
            continue
        held = max(1, round(end * sample_rate) - at)
        result.append(_Sounding(notes[i], int(i), at, held, max(2, round(release * sample_rate)), from_pitch))
    return result


def _made(patch: Patch, pitch: int, from_pitch: int | None, n_samples: int, sample_rate: int) -> np.ndarray:
    """A note soft and hard at `REFERENCE_RMS`, as mono or as left and right: float32 [2, 1 or 2, n]."""
    n = min(n_samples, round(patch.longest_seconds * sample_rate))
    # Loudness is judged on at least 0.3 s, so that it does not depend on how short a note happens to be.
    enough = max(n, round(0.3 * sample_rate))
    from_hz = None if from_pitch is None else _hz(from_pitch + 12 * patch.octave)
    sound = patch.voice(Tone(_hz(pitch + 12 * patch.octave), enough, sample_rate, pitch, from_hz))
    level = np.float32(REFERENCE_RMS * 10.0 ** (patch.level_db / 20.0))
    for layer in sound:
        layer *= level / np.float32(_loudest_rms(layer, sample_rate) + 1e-9)
    sound = sound[..., :n]
    if n == round(patch.longest_seconds * sample_rate):
        envelopes.fade_out(sound, 0.05, sample_rate=sample_rate)
    if sound.shape[1] == 2:
        sound = np.stack([sound[:, 0] + sound[:, 1], sound[:, 0] - sound[:, 1]], axis=1)
    return sound


def _hz(pitch: float) -> float:
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def _loudest_rms(sound: np.ndarray, sample_rate: int) -> float:
    """Root mean square of the loudest 50 ms among the first second, over mid and side together."""
    block = round(0.05 * sample_rate)
    n = min(sound.shape[-1], sample_rate) // block * block
    power = np.square(sound[:, :n]).sum(axis=0).reshape(-1, block).mean(axis=-1)
    return float(np.sqrt(power.max()))
