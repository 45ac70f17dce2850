"""The picture of a result: does the music follow the dancer, and what does it look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.dance.kinematics import body_size
from dance2music.dance.second_reading import second_beats, second_speed
from dance2music.files import whole_file
from dance2music.music.beats import as_heard, band_rises, beats_heard, log_mel
from dance2music.names import as_text
from dance2music.types import Audio, Dancer, Motion, Rhythm, Section

SHOWN_SECONDS = 30.0
_MEL_HOP_LENGTH = 256
_MEL_BANDS = 128
_PNG_LEVEL = 3
"""A third of the time that the usual 6 takes, for a file a little larger."""
_MEL_TICKS_HZ = (100, 500, 1000, 2000, 5000, 10_000)
_DANCE, _KINEMATIC, _MUSIC, _BEAT, _GRID, _SECTION = "#3b6ea8", "#c8352c", "#444444", "#1f9d55", "#ef8a17", "#8a6fb0"


def plot_result(
    motion: Motion,
    rhythm: Rhythm,
    audio: Audio,
    path: str | Path,
    *,
    title: str = "",
    sections: Sequence[Section] = (),
    dancers: Sequence[Dancer] = (),
) -> None:
    """Speed of the dancer with kinematic beats, onset strength of the music with its beats, and its mel-spectrogram.

    Speed and kinematic beats are of the second reading (`dance.second_reading`), which took no part in making or choosing the music.

    One time axis, as in D2M-GAN Fig. 5 and Creative-GAN Fig. 4. Of long dances the first `SHOWN_SECONDS` are shown, as the title says.
    ``sections`` of the music stand over the dancer's velocity. Where there are several ``dancers``, a bar for each above it shows when
    it was seen, and its share of the rhythm; the speeds of the others are drawn faintly.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = min(audio.duration_seconds, SHOWN_SECONDS)
    heard = Audio(audio.samples[:, : round(shown * audio.sample_rate)], audio.sample_rate)
    title = title or f"{rhythm.tempo_bpm:.1f} bpm, confidence {rhythm.confidence:.2f}"
    if shown < audio.duration_seconds:
        title += f"  (first {shown:.0f} s of {audio.duration_seconds:.0f} s)"
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(as_text(title), fontsize=11, parse_math=False)
    several = len(dancers) > 1
    *above, dance, music, mel = figure.subplots(3 + several, 1, sharex=True, height_ratios=(0.12 * len(dancers),) * several + (2, 2, 3))
    if several:
        _draw_people(above[0], dancers, shown)
    kinematic = second_beats(motion)
    kinematic = kinematic[kinematic < shown]
    others = [one.motion for one in dancers if one.motion is not motion and one.share > 0]
    number = next((f"dancer {k}" for k, one in enumerate(dancers, start=1) if one.motion is motion and several), "the dancer")
    _draw_dance(dance, motion, kinematic, shown, others, number)
    _draw_sections(dance, sections, rhythm, shown)
    _draw_music(music, heard, rhythm, kinematic, shown)
    _draw_mel(mel, heard)
    mel.set(xlabel="seconds", xlim=(0, shown))
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=110, pil_kwargs={"compress_level": _PNG_LEVEL})


def _draw_people(axes: Any, dancers: Sequence[Dancer], shown: float) -> None:
    """A bar per dancer, the darker the more it counts."""
    for row, one in enumerate(dancers):
        spans = [(begin, min(end, shown) - begin) for begin, end in one.seen if begin < shown]
        axes.broken_barh(spans, (row - 0.4, 0.8), facecolors=_DANCE, alpha=0.15 + 0.85 * one.share)
    labels = [f"dancer {number} ({one.share:.0%})" for number, one in enumerate(dancers, start=1)]
    axes.set_yticks(range(len(dancers)), labels, fontsize=8)
    axes.set(ylim=(len(dancers) - 0.5, -0.5))
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False, left=False)


def _speed(motion: Motion, shown: float) -> tuple[np.ndarray, np.ndarray]:
    """Times [T] in seconds and the speed [T] of a dancer there, in body sizes per second."""
    velocity = second_speed(motion) / (1.0 if motion.skeleton == "flow" else body_size(motion))
    times = np.arange(len(velocity)) / motion.fps
    return times[times <= shown], velocity[times <= shown]


def _draw_dance(axes: Any, motion: Motion, kinematic: np.ndarray, shown: float, others: Sequence[Motion], who: str) -> None:
    for other in others:
        times, velocity = _speed(other, shown)
        seen = np.asarray(other.confidence.max(axis=1) > 0)[: len(times)]
        axes.plot(times, np.where(seen, velocity, np.nan), color=_DANCE, alpha=0.35, linewidth=0.9)
    times, velocity = _speed(motion, shown)
    axes.plot(times, velocity, color=_DANCE, linewidth=1.4, label=f"speed of {who} (second reading)")
    top = float(velocity.max(initial=1e-6))
    axes.vlines(kinematic, 0, top, color=_KINEMATIC, linewidth=1.0, label="kinematic beats (its minima)")
    axes.set(ylabel="body sizes / s", ylim=(0, 1.05 * top))
    _legend_above(axes)


def _draw_sections(axes: Any, sections: Sequence[Section], rhythm: Rhythm, shown: float) -> None:
    """A field per section, the darker the more goes on, with its name."""
    for section in sections:
        begin, end = rhythm.time_at(np.array([section.begin_beat, section.end_beat], dtype=np.float64))
        begin, end = max(float(begin), 0.0), min(float(end), shown)
        if begin < end:
            axes.axvspan(begin, end, color=_SECTION, alpha=0.05 + 0.2 * section.level, linewidth=0)
            axes.axvline(begin, color=_SECTION, linewidth=0.8)
            name = axes.text(begin, axes.get_ylim()[1], f" {section.name}", fontsize=8, va="top", color=_MUSIC, zorder=10)
            name.set_bbox({"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.0})


def _draw_music(axes: Any, heard: Audio, rhythm: Rhythm, kinematic: np.ndarray, shown: float) -> None:
    rises, fps = band_rises(as_heard(heard))
    envelope = rises.mean(axis=0)
    beats = beats_heard(np.median(rises, axis=0), fps, around_bpm=rhythm.tempo_bpm)
    grid = rhythm.beat_times_seconds
    downbeats = grid[rhythm.downbeat :: 4]
    top = float(envelope.max(initial=1e-6))
    axes.plot(np.arange(len(envelope)) / fps, envelope, color=_MUSIC, linewidth=0.9, label="onset strength of the music")
    axes.vlines(beats[beats < shown], 0, top, color=_BEAT, linewidth=1.3, label="music beats (heard)")
    axes.vlines(kinematic, 0, top / 2, color=_KINEMATIC, linewidth=1.2, linestyles="dotted", label="kinematic beats")
    low = np.full(len(grid), -0.05 * top)
    inside = (grid >= 0) & (grid < shown)
    axes.plot(
        grid[inside], low[inside], "^", color=_GRID, markersize=5, label="beats read from the dance (large: downbeats)", clip_on=False
    )
    downbeats = downbeats[(downbeats >= 0) & (downbeats < shown)]
    axes.plot(downbeats, np.full(len(downbeats), -0.05 * top), "^", color=_GRID, markersize=9, clip_on=False)
    axes.set(ylabel="onset strength", ylim=(-0.1 * top, 1.05 * top))
    _legend_above(axes)


def _draw_mel(axes: Any, heard: Audio) -> None:
    from dance2music.music.mel import mel_band_of

    decibels = log_mel(heard, n_mels=_MEL_BANDS, hop_length=_MEL_HOP_LENGTH)
    extent = (0.0, decibels.shape[1] * _MEL_HOP_LENGTH / heard.sample_rate, 0.0, float(_MEL_BANDS))
    axes.imshow(decibels, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-80, vmax=0)
    ticks = [hz for hz in _MEL_TICKS_HZ if hz < heard.sample_rate / 2]
    axes.set_yticks([mel_band_of(hz, heard.sample_rate, _MEL_BANDS) for hz in ticks], [f"{hz:,}" for hz in ticks])
    axes.set(ylabel="Hz (mel scale)")


def _legend_above(axes: Any) -> None:
    """A legend in one row above the axes, where it covers nothing."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, fontsize=8, frameon=False, borderaxespad=0.1)
