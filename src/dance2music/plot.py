"""The picture of a result: does the music follow the dancer, and what does it look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dance2music.dance.kinematics import kinetic_velocity
from dance2music.files import whole_file
from dance2music.music.beats import beat_times, log_mel, onset_envelope
from dance2music.types import Audio, Motion, Rhythm

SHOWN_SECONDS = 30.0
_MEL_HOP_LENGTH = 256


def plot_result(motion: Motion, rhythm: Rhythm, audio: Audio, path: str | Path, *, title: str = "") -> None:
    """Kinetic velocity of the dancer with kinematic beats, onset strength of the music with its beats, and its mel-spectrogram.

    One time axis, as in D2M-GAN Fig. 5 and Creative-GAN Fig. 4. Of long dances the first `SHOWN_SECONDS` are shown.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = min(audio.duration_seconds, SHOWN_SECONDS)
    heard = Audio(audio.samples[:, : round(shown * audio.sample_rate)], audio.sample_rate)
    _, beats = beat_times(heard, start_bpm=rhythm.tempo_bpm)
    kinematic = rhythm.kinematic_beats_seconds[rhythm.kinematic_beats_seconds < shown]
    grid = rhythm.beat_times_seconds[(rhythm.beat_times_seconds >= 0) & (rhythm.beat_times_seconds < shown)]
    figure = Figure(figsize=(12, 7), layout="constrained")
    FigureCanvasAgg(figure)
    dance, music, mel = figure.subplots(3, 1, sharex=True, height_ratios=(2, 2, 3))
    velocity = kinetic_velocity(motion)
    dance.plot(np.arange(len(velocity)) / motion.fps, velocity, color="tab:blue", linewidth=1.2)
    dance.vlines(kinematic, 0, velocity.max(initial=1e-6), color="tab:red", linewidth=1.0, label="kinematic beats")
    dance.set(ylabel="kinetic velocity\n(body sizes / s)", title=title or f"{rhythm.tempo_bpm:.1f} bpm, confidence {rhythm.confidence:.2f}")
    dance.legend(loc="upper right", fontsize=8)
    envelope, fps = onset_envelope(heard)
    music.plot(np.arange(len(envelope)) / fps, envelope, color="black", linewidth=0.9)
    music.vlines(beats, 0, envelope.max(initial=1e-6), color="tab:green", linewidth=1.2, label="music beats (tracked)")
    music.vlines(kinematic, 0, envelope.max(initial=1e-6) / 2, color="tab:red", linewidth=1.0, linestyles="dotted", label="kinematic beats")
    music.plot(grid, np.zeros(len(grid)), "^", color="tab:orange", markersize=5, label="beats of the dance (estimated)", clip_on=False)
    music.set(ylabel="onset strength")
    music.legend(loc="upper right", fontsize=8)
    decibels = log_mel(heard, hop_length=_MEL_HOP_LENGTH)
    extent = (0.0, decibels.shape[1] * _MEL_HOP_LENGTH / audio.sample_rate, 0.0, float(len(decibels)))
    mel.imshow(decibels, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-80, vmax=0)
    mel.set(xlabel="seconds", ylabel="mel band", xlim=(0, shown))
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=110)
