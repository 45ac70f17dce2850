"""The controls that stand beside every score: what music scores that knows nothing, or only the beat, of the dance.

A score that a click track or another song reaches does not show what it is named for. All are made from the clip itself and a seed, have
its length and rate, and are heard by the same detectors as the generated music.
"""

from __future__ import annotations

import numpy as np

from dance2music.errors import InputError
from dance2music.evaluation.results import CONTROLS
from dance2music.seeds import Control
from dance2music.types import Audio

CLICK_BPM = 120.0
CLICK_START_SECONDS = 0.25
CLICK_SECONDS = 0.03
CLICK_PEAK = 0.5
NOISE_RMS = 0.1
SHIFT_SHARE = (0.2, 0.8)
"""The same music is shifted by a share of its length in this range, so never by nearly nothing."""


def click_track(times: np.ndarray, duration_seconds: float, sample_rate: int) -> Audio:
    """A short, decaying burst of noise at each time; times outside the clip are left out.

    Parameters
    ----------
    times : float [n], seconds.
    duration_seconds, sample_rate : of the result, float32 [1, N].
    """
    n = round(duration_seconds * sample_rate)
    length = round(CLICK_SECONDS * sample_rate)
    burst = np.random.default_rng(0).uniform(-1.0, 1.0, length) * np.exp(-5.0 * np.arange(length) / length)
    burst *= CLICK_PEAK / np.abs(burst).max()
    out = np.zeros(n + length, dtype=np.float32)
    for start in np.round(np.asarray(times, dtype=np.float64) * sample_rate).astype(int):
        if 0 <= start < n:
            out[start : start + length] += burst
    return Audio(np.clip(out[None, :n], -1.0, 1.0), sample_rate)


def fixed_clicks(duration_seconds: float, sample_rate: int, *, tempo_bpm: float = CLICK_BPM) -> Audio:
    """Clicks at one tempo for every dance, from `CLICK_START_SECONDS` on."""
    return click_track(np.arange(CLICK_START_SECONDS, duration_seconds, 60.0 / tempo_bpm), duration_seconds, sample_rate)


def shifted(audio: Audio, *, seed: int) -> Audio:
    """The same music from another place on: a circular shift by a random share of its length within `SHIFT_SHARE`."""
    share = np.random.default_rng([seed, Control.SHIFT]).uniform(*SHIFT_SHARE)
    return Audio(np.roll(audio.samples, round(share * audio.samples.shape[-1]), axis=-1), audio.sample_rate)


def white_noise(duration_seconds: float, sample_rate: int, *, seed: int) -> Audio:
    """Gaussian white noise of `NOISE_RMS`."""
    samples = np.random.default_rng([seed, Control.NOISE]).standard_normal((1, round(duration_seconds * sample_rate)))
    return Audio((NOISE_RMS * samples).clip(-1.0, 1.0).astype(np.float32), sample_rate)


def silence(duration_seconds: float, sample_rate: int) -> Audio:
    """Zeros."""
    return Audio(np.zeros((1, round(duration_seconds * sample_rate)), dtype=np.float32), sample_rate)


def fitted(audio: Audio, duration_seconds: float) -> Audio:
    """Music of another length: cut, or repeated from its beginning."""
    n = round(duration_seconds * audio.sample_rate)
    return Audio(np.stack([np.resize(channel, n) for channel in audio.samples]).astype(np.float32, copy=False), audio.sample_rate)


def make_controls(
    generated: Audio, *, seed: int, reference: Audio | None = None, other: Audio | None = None, kinematic_beats: np.ndarray | None = None
) -> dict[str, Audio]:
    """Every control of `CONTROLS` that can be made for a clip, in that order; those that lack what they are made of are missing.

    Parameters
    ----------
    generated : the music that is scored.
    seed : of this clip.
    reference : the dance's own music.
    other : music of another song.
    kinematic_beats : float [n], of the dancer, seconds.

    Raises
    ------
    InputError
        If ``generated`` has no samples.
    """
    duration, rate = generated.duration_seconds, generated.sample_rate
    if duration <= 0:
        raise InputError(f"generated music: {generated.samples.shape[-1]} samples; expected some")
    made: dict[str, Audio | None] = {
        "reference": reference,
        "click_fixed": fixed_clicks(duration, rate),
        "click_kinematic": None if kinematic_beats is None else click_track(kinematic_beats, duration, rate),
        "other_song": None if other is None else fitted(other, duration),
        "shifted": shifted(generated, seed=seed),
        "noise": white_noise(duration, rate, seed=seed),
        "silence": silence(duration, rate),
    }
    assert list(made) == list(CONTROLS)
    return {name: audio for name, audio in made.items() if audio is not None}
