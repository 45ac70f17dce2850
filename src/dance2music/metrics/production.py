"""Is it a produced track: content, width, crest, low end, loudness over time, and whether music follows the dance's energy and has a hook.

Signal measures of the sound as it is, all channels at its own rate; those of loudness and peaks stand on `music.loudness`.
"""

from __future__ import annotations

import numpy as np

from dance2music.music.beats import mono
from dance2music.music.loudness import short_time_loudness
from dance2music.types import Audio, Score

CONTENT_SHARE = 3e-6
"""Of the strongest part of a smoothed spectrum: -55 dB."""
SUB_HZ = 60.0
_WELCH = 8192
_SMOOTH_BINS = 33
_SPREAD_SECONDS = 9.0
_ENERGY_WINDOW_SECONDS, _ENERGY_HOP_SECONDS, _FEWEST_WINDOWS = 3.0, 1.0, 6
_SAME_BAR = 0.75


def bandwidth_hz(audio: Audio) -> float:
    """Highest frequency at which the power spectrum (Welch, 8192 points, smoothed over 33 bins) lies within 55 dB of its maximum; nan for
    silence."""
    hz, power = _spectrum(audio)
    if not power.any():
        return float("nan")
    smooth = np.convolve(power, np.ones(_SMOOTH_BINS) / _SMOOTH_BINS, "same")
    return float(hz[np.flatnonzero(smooth > smooth.max() * CONTENT_SHARE)[-1]])


def stereo_width(audio: Audio) -> float:
    """Root mean square of the side over that of middle and side added, 0..1: 0 for mono, .5 for channels that have nothing in common."""
    if len(audio.samples) == 1:
        return 0.0
    left, right = audio.samples[0].astype(np.float64), audio.samples[1].astype(np.float64)
    side, middle = _rms((left - right) / 2), _rms((left + right) / 2)
    return side / (middle + side + 1e-9)


def crest_db(audio: Audio) -> float:
    """Largest absolute sample over the root mean square of all channels, dB; nan for silence."""
    if not audio.samples.any():
        return float("nan")
    return float(20 * np.log10(np.abs(audio.samples).max() / _rms(audio.samples)))


def sub_db(audio: Audio) -> float:
    """Energy below 60 Hz relative to all, dB; nan for silence."""
    hz, power = _spectrum(audio)
    low = float(power[hz < SUB_HZ].sum())
    return 10 * float(np.log10(low / power.sum())) if low > 0 else float("nan")


def loudness_spread_db(audio: Audio) -> float:
    """From the 5th to the 95th percentile of the loudness of 4 s windows a second apart, ungated; nan for sound of 9 s and less."""
    if audio.duration_seconds <= _SPREAD_SECONDS:
        return float("nan")
    low, high = np.percentile(short_time_loudness(audio, window_seconds=4.0, hop_seconds=1.0), [5, 95])
    return float(high - low)


def energy_correlation(audio: Audio, kinetic_velocity: np.ndarray, fps: float) -> float:
    """Rank correlation (Spearman) over 3 s windows a second apart of the dance's mean kinetic velocity and the music's loudness, -1..1.

    Parameters
    ----------
    kinetic_velocity : float [T] at ``fps`` frames per second, on the music's time axis.

    Returns
    -------
    float; nan for fewer than six windows, or where one of the two is the same in all.
    """
    from scipy.stats import spearmanr

    levels = short_time_loudness(audio, window_seconds=_ENERGY_WINDOW_SECONDS, hop_seconds=_ENERGY_HOP_SECONDS)
    begins = np.arange(len(levels)) * _ENERGY_HOP_SECONDS
    spans = [(round(begin * fps), round((begin + _ENERGY_WINDOW_SECONDS) * fps)) for begin in begins]
    spans = [span for span in spans if span[1] <= len(kinetic_velocity) + 1]
    if len(spans) < _FEWEST_WINDOWS:
        return float("nan")
    energy = np.array([kinetic_velocity[first:last].mean() for first, last in spans])
    levels = levels[: len(spans)]
    if np.ptp(energy) == 0 or np.ptp(levels) == 0:
        return float("nan")
    return float(spearmanr(energy, levels).statistic)


def lead_repetition(score: Score) -> float:
    """Share of the bars of the lead that come again; nan where it has notes in fewer than two.

    A bar comes again where three quarters of its and another bar's notes (Jaccard) are in both, by their place in the bar and
    their pitch relative to the bar's first note.
    """
    bars: dict[int, set[tuple[int, int]]] = {}
    firsts: dict[int, int] = {}
    for track in score.tracks:
        if track.role != "lead":
            continue
        for note in sorted(track.notes, key=lambda n: (n.start_beats, n.pitch)):
            step = int(np.floor(note.start_beats * 4 + 1e-3))
            bar = step // 16
            first = firsts.setdefault(bar, note.pitch)
            bars.setdefault(bar, set()).add((step % 16, note.pitch - first))
    if len(bars) < 2:
        return float("nan")
    shapes = list(bars.values())
    again = [
        any(len(shape & other) >= _SAME_BAR * len(shape | other) for j, other in enumerate(shapes) if i != j)
        for i, shape in enumerate(shapes)
    ]
    return float(np.mean(again))


def _spectrum(audio: Audio) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and power float64 [bins] of the mean of the channels."""
    from scipy.signal import welch

    y = mono(audio).astype(np.float64)
    return welch(y, audio.sample_rate, nperseg=min(_WELCH, max(len(y), 1))) if len(y) else (np.zeros(1), np.zeros(1))


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if x.size else 0.0
