"""Rules of composition, which Creative-GAN (Huang et al. 2023, conclusion) names as future work, as measures of sound.

Five rules, each a pure function of one piece and each 0 for silence: key clarity (`metrics.musicality`), consonance of chords, consistency
of the groove, structure by repetition, stability of the tempo. They say whether a piece keeps the rule, not whether it is good: a click
track keeps those of time perfectly. What composed truth, recorded music, noise and clicks score is in docs/metrics.md.
"""

from __future__ import annotations

import numpy as np

from dance2music.metrics.musicality import harmonic_share, key_clarity, pulse_clarity
from dance2music.music.beats import mono, onset_envelope
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Audio

__all__ = [
    "chord_consonance",
    "groove_consistency",
    "harmonic_share",
    "key_clarity",
    "pulse_clarity",
    "self_similarity_structure",
    "tempo_stability",
]

INTERVAL_CONSONANCE = np.array([-1.428, -0.582, 0.594, 0.386, 1.240, -0.453])
"""Consonance of the interval classes 1 to 6 (minor second or major seventh, ..., fourth or fifth, tritone): Huron 1994, table 2."""

CHORD_SECONDS = 0.5
"""Stretch whose pitch classes are taken to sound together."""

STRUCTURE_SECONDS = (2.0, 30.0)
"""A repetition that counts as structure comes after this long: at least a bar, at most half a minute."""

LOCAL_TEMPO_SECONDS = 4.0
LOCAL_TEMPO_STEP_SECONDS = 0.5
LOCAL_TEMPO_TOLERANCE = 0.04
LOCAL_TEMPO_BPM = (60.0, 180.0)
CLEAR_PULSE = 0.2
"""Least autocorrelation at the local beat for a stretch to have a tempo at all."""

_CHROMA_FFT = 4096
_PITCHED_HZ = (65.0, 2100.0)


def chord_consonance(audio: Audio) -> float:
    """Mean consonance of the intervals that sound together, 0..1 (Huron 1994, weighted by strength).

    Of every `CHORD_SECONDS` the pitch-class strengths above their median (drums fill all classes alike); each pair of classes counts by the
    product of its strengths with `INTERVAL_CONSONANCE`, mapped from -1.428..1.24 to 0..1. Stretches weigh by their tonal strength.

    Returns
    -------
    float: 1 if only fifths sound, 0 for minor seconds; a major or minor triad has 0.81, all twelve classes alike 0.53, a stretch with a
    single class counts as 1. 0 for silence.
    """
    chroma, fps = pitch_classes(audio)
    width = max(1, round(CHORD_SECONDS * fps))
    n = chroma.shape[1] // width
    if n == 0 or not chroma.any():
        return 0.0
    together = chroma[:, : n * width].reshape(12, n, width).mean(axis=2)
    strength = np.maximum(together - np.median(together, axis=0), 0.0)
    weight = strength.sum(axis=0)
    if weight.sum() <= 0:
        return 0.0
    pairs, consonance = np.zeros(n), np.zeros(n)
    for interval in range(1, 12):
        product = (strength * np.roll(strength, interval, axis=0)).sum(axis=0)
        pairs += product
        consonance += product * INTERVAL_CONSONANCE[min(interval, 12 - interval) - 1]
    low, high = INTERVAL_CONSONANCE.min(), INTERVAL_CONSONANCE.max()
    mean = np.where(pairs > 0, consonance / np.maximum(pairs, 1e-30), high)
    return float((weight * (mean - low)).sum() / weight.sum() / (high - low))


def groove_consistency(audio: Audio, beats: np.ndarray | None = None) -> float:
    """How alike neighbouring bars are in their pattern of onsets: mean correlation at lags of one bar, 0..1.

    After the grooving pattern similarity of Wu and Yang 2020 (The Jazz Transformer), with onset strength in place of notes: the envelope is
    read at 16ths between the beats, and each stretch of four beats compared with the next four.

    Parameters
    ----------
    audio : Audio.
    beats : float [n], beats in seconds; by default librosa's.

    Returns
    -------
    float, negative correlations counting as 0; 0 for silence, NaN for fewer than eight beats (no two bars).
    """
    from dance2music.music.beats import beat_times

    envelope, fps = onset_envelope(audio)
    if not envelope.any():
        return 0.0
    beats = beat_times(audio)[1] if beats is None else np.asarray(beats, dtype=np.float64)
    bar = BEATS_PER_BAR * STEPS_PER_BEAT
    if len(beats) < 2 * BEATS_PER_BAR:
        return float("nan")
    steps = np.interp(np.arange((len(beats) - 1) * STEPS_PER_BEAT + 1) / STEPS_PER_BEAT, np.arange(len(beats)), beats)
    reach = max(1, round(float(np.median(np.diff(steps))) * fps / 2))
    highest = np.lib.stride_tricks.sliding_window_view(np.pad(envelope, reach), 2 * reach + 1).max(axis=1)
    pattern = highest[np.clip(np.round(steps * fps).astype(int), 0, len(highest) - 1)].astype(np.float64)
    scores = []
    for start in range(0, len(pattern) - 2 * bar + 1 + STEPS_PER_BEAT, STEPS_PER_BEAT):
        first, second = pattern[start : start + bar], pattern[start + bar : start + 2 * bar]
        n = min(len(first), len(second))
        scores.append(_correlation(first[:n], second[:n]))
    return max(0.0, float(np.mean(scores))) if scores else float("nan")


def self_similarity_structure(audio: Audio) -> float:
    """How much the piece repeats itself after a bar or more: strongest lag of its self-similarity above the mean lag, 0..1.

    The self-similarity matrix (Foote 1999) of timbre and pitch classes at two frames per second, each feature standardised within the
    piece; the mean along each diagonal in `STRUCTURE_SECONDS` says how alike the piece is to itself that much later (Goto 2003). The
    highest of these minus their mean is returned. Sameness throughout (a drone) is no structure; clicks, which repeat exactly, have much.

    Returns
    -------
    float in 0..1; 0 for silence and for music under twice the shortest lag.
    """
    features, fps = _texture(audio)
    n = features.shape[1]
    first, last = round(STRUCTURE_SECONDS[0] * fps), min(round(STRUCTURE_SECONDS[1] * fps), n // 2)
    if last <= first:
        return 0.0
    spread = features.std(axis=1, keepdims=True)
    x = np.where(spread > 1e-6, (features - features.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-6), 0.0)
    norm = np.linalg.norm(x, axis=0, keepdims=True)
    x = np.where(norm > 1e-9, x / np.maximum(norm, 1e-9), 0.0)
    lags = np.array([(x[:, lag:] * x[:, : n - lag]).sum() / (n - lag) for lag in range(first, last + 1)])
    return float(np.clip(lags.max() - lags.mean(), 0.0, 1.0))


def tempo_stability(audio: Audio) -> float:
    """Share of the piece whose local tempo is that of the whole: within 4 %, half and double time allowed, 0..1.

    Local tempo is the strongest autocorrelation of onset strength in windows of `LOCAL_TEMPO_SECONDS` at 60 to 180 bpm, refined between
    frames; a window whose autocorrelation stays under `CLEAR_PULSE` has none and counts as unstable. The whole's tempo is the local one
    that most windows agree with.

    Returns
    -------
    float; 0 for silence and for sound without pulse. Music shorter than two windows has few of them to disagree.
    """
    envelope, fps = onset_envelope(audio)
    tempi = _local_tempi(envelope.astype(np.float64), fps)
    known = tempi[tempi > 0]
    if not len(known):
        return 0.0
    agree = [int(_same_tempo(known, tempo).sum()) for tempo in known]
    return float(max(agree) / len(tempi))


def pitch_classes(audio: Audio) -> tuple[np.ndarray, float]:
    """Strength of the twelve pitch classes (C first) per frame, float64 [12, T], and frames per second.

    Magnitudes of spectral peaks (no bin beside is higher) between 65 and 2100 Hz, of frames of 4096 samples at 22.05 kHz or as long.
    """
    import torch

    from dance2music.music.mel import stft

    n_fft = 2 ** round(np.log2(_CHROMA_FFT * audio.sample_rate / 22050))
    y = torch.from_numpy(np.ascontiguousarray(mono(audio), dtype=np.float32))[None]
    magnitude = stft(y, n_fft, n_fft // 4)[0].abs().double().numpy()
    hz = np.arange(len(magnitude)) * audio.sample_rate / n_fft
    inside = (hz >= _PITCHED_HZ[0]) & (hz <= _PITCHED_HZ[1])
    inside[[0, -1]] = False
    rows = np.flatnonzero(inside)
    below, here, above = magnitude[rows - 1], magnitude[rows], magnitude[rows + 1]
    peak = (here > below) & (here >= above)
    bend = below - 2.0 * here + above
    shift = np.where(peak & (bend < 0), 0.5 * (below - above) / np.minimum(bend, -1e-12), 0.0)
    exact = (rows[:, None] + np.clip(shift, -0.5, 0.5)) * audio.sample_rate / n_fft
    classes = np.round(12.0 * np.log2(exact / 440.0) + 9.0).astype(int) % 12
    strength = np.where(peak, here, 0.0)
    out = np.stack([np.where(classes == pitch, strength, 0.0).sum(axis=0) for pitch in range(12)])
    return out, audio.sample_rate / (n_fft // 4)


def _texture(audio: Audio) -> tuple[np.ndarray, float]:
    """Thirteen cepstral coefficients and twelve pitch classes at two frames per second: float64 [25, T], and that rate."""
    from scipy.fft import dct

    from dance2music.music.beats import log_mel

    rate = 2.0
    hop = 512
    if not np.any(audio.samples):
        return np.zeros((25, 0)), rate
    cepstrum = dct(log_mel(audio, n_mels=64, hop_length=hop).astype(np.float64), axis=0, norm="ortho")[:13]
    chroma, chroma_fps = pitch_classes(audio)
    n = int(audio.duration_seconds * rate)
    return np.concatenate([_pooled(cepstrum, audio.sample_rate / hop, n, rate), _pooled(chroma, chroma_fps, n, rate)]), rate


def _pooled(values: np.ndarray, fps: float, n: int, rate: float) -> np.ndarray:
    """Means [D, n] over stretches of 1 / rate seconds of frames [D, T]."""
    edges = np.minimum(np.round(np.arange(n + 1) / rate * fps).astype(int), values.shape[1])
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    return np.diff(total[:, edges], axis=1) / np.maximum(np.diff(edges), 1)


def _local_tempi(envelope: np.ndarray, fps: float) -> np.ndarray:
    """Tempo in bpm of each window, 0 where there is no clear pulse."""
    width, step = round(LOCAL_TEMPO_SECONDS * fps), max(1, round(LOCAL_TEMPO_STEP_SECONDS * fps))
    width = min(width, len(envelope))
    low, high = int(np.floor(60.0 / LOCAL_TEMPO_BPM[1] * fps)), int(np.ceil(60.0 / LOCAL_TEMPO_BPM[0] * fps))
    if width < 2 * low or not envelope.any():
        return np.zeros(1)
    tempi = []
    for start in range(0, len(envelope) - width + 1, step):
        x = envelope[start : start + width]
        x = x - x.mean()
        spectrum = np.fft.rfft(x, 2 * width)
        # each lag divided by what it could reach, so that long lags are not held back
        auto = np.fft.irfft(np.abs(spectrum) ** 2)[: min(high + 2, width)]
        power = np.cumsum(np.square(x))
        lags = np.arange(len(auto))
        reach = np.sqrt(power[width - 1 - lags] * (power[-1] - np.concatenate([[0.0], power])[lags]))
        auto = np.where(reach > 1e-12, auto / np.maximum(reach, 1e-12), 0.0)
        inner = np.arange(max(low, 1), len(auto) - 1)
        if not len(inner):
            tempi.append(0.0)
            continue
        lag = int(inner[np.argmax(auto[inner])])
        if auto[lag] < CLEAR_PULSE:
            tempi.append(0.0)
            continue
        bend = auto[lag - 1] - 2.0 * auto[lag] + auto[lag + 1]
        shift = 0.5 * (auto[lag - 1] - auto[lag + 1]) / bend if bend < -1e-12 else 0.0
        tempi.append(60.0 * fps / (lag + float(np.clip(shift, -0.5, 0.5))))
    return np.array(tempi)


def _same_tempo(tempi: np.ndarray, tempo: float) -> np.ndarray:
    ratio = tempi[:, None] / (tempo * np.array([0.5, 1.0, 2.0]))
    return np.asarray((np.abs(ratio - 1.0) <= LOCAL_TEMPO_TOLERANCE).any(axis=1))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation; 1 for two equal flat patterns, 0 where one alone is flat."""
    if a.std() < 1e-9 or b.std() < 1e-9:
        return float(a.std() < 1e-9 and b.std() < 1e-9)
    return float(np.corrcoef(a, b)[0, 1])
