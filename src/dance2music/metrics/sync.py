"""Sync of music with a dancer, as takes are ranked and reported by it: what is heard in the music, and how it lies with the dance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance2music.metrics.rhythm import beat_f, shift_lift
from dance2music.music.beats import ONSET_HOP_LENGTH, as_heard, band_rises, beats_heard, onsets_in, pulse_in
from dance2music.types import Audio, Rhythm


@dataclass(frozen=True)
class Heard:
    """What is heard in music, whoever dances to it.

    Attributes
    ----------
    duration_seconds : of the music.
    onsets, beats : float64 [n], in seconds; beats as a listener hears them who expects about the dance's tempo.
    pulse_clarity : 0..1, as `metrics.musicality.pulse_clarity`.
    """

    duration_seconds: float
    onsets: np.ndarray
    beats: np.ndarray
    pulse_clarity: float


def hear(audio: Audio, *, around_bpm: float, hop_length: int = ONSET_HOP_LENGTH) -> Heard:
    """Listen to music with a tempo in mind.

    Parameters
    ----------
    audio : Audio [C, N]; it is heard at `music.beats.HEARD_RATE`, whatever its own.
    around_bpm : the tempo that is expected, as that of the dance; what is heard may lie an octave from there.
    hop_length : of the onset envelope, in samples at `music.beats.HEARD_RATE`.
    """
    rises, fps = band_rises(as_heard(audio), hop_length=hop_length)
    envelope = rises.mean(axis=0)
    beats = beats_heard(np.median(rises, axis=0), fps, around_bpm=around_bpm)
    return Heard(audio.duration_seconds, onsets_in(envelope, fps), beats, pulse_in(envelope, fps))


def beats_on_grid(heard: Heard, rhythm: Rhythm) -> float:
    """F-measure at 70 ms of the beats that are heard in music with the beat grid of the dance."""
    grid = rhythm.beat_times_seconds
    return beat_f(grid[(grid >= 0) & (grid < heard.duration_seconds)], heard.beats)


def measure_sync(audio: Audio | Heard, rhythm: Rhythm, *, seed: int = 0) -> dict[str, float]:
    """Beat Alignment of the music's onsets with the dancer's kinematic beats, and the same under random circular shifts.

    Parameters
    ----------
    audio : Audio [C, N], or what was heard in it (`hear`).
    rhythm : beat grid and kinematic beats of the dance, in seconds.
    seed : of the shifts.

    Returns
    -------
    dict with ``beat_alignment``, ``shifted_mean``, ``shifted_error`` (standard error), ``lift`` (their difference), ``beat_f`` (F-measure
    at 70 ms of the beats that are heard in the music against the dance's beat grid), ``beat_lift`` (the lift of those beats in place of
    the onsets), ``pulse_clarity``, ``kinematic_beats`` and ``onsets`` (counts).
    Values are 0 where there are no beats.
    """
    heard = audio if isinstance(audio, Heard) else hear(audio, around_bpm=rhythm.tempo_bpm)
    kinematic = rhythm.kinematic_beats_seconds
    return {
        **shift_lift(kinematic, heard.onsets, heard.duration_seconds, seed=seed),
        "beat_f": beats_on_grid(heard, rhythm),
        "beat_lift": shift_lift(kinematic, heard.beats, heard.duration_seconds, seed=seed)["lift"],
        "pulse_clarity": heard.pulse_clarity,
        "kinematic_beats": float(len(kinematic)),
        "onsets": float(len(heard.onsets)),
    }
