"""Visual beats of a dance as CMT reads them from a video: how fast a bar moves, and how hard its stops are (Di et al. 2021, section 3).

The published features come from optical flow; here the joints move: a histogram of joint displacements by direction, weighted by speed,
takes the place of the directogram (Davis & Agrawala 2018). Everything after it is as published: blur, deceleration, high-pass, peaks, and a
chain of peaks of the greatest weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance2music.dance.kinematics import resample
from dance2music.dance.skeleton import body_joints
from dance2music.types import Motion

IMPACT_FPS = 30.0
N_ANGLES = 128
_BLUR_BINS, _BLUR_FRAMES = 5.0, 3.0
_HIGH_PASS_HZ = 1.25
_CLIP_PERCENTILE = 99.0
_PEAK_REACH, _MEAN_REACH, _PEAK_RISE, _PEAK_GAP = 2, 5, 0.015, 2
GAP_LIMITS_SECONDS = (0.25, 3.75)
"""A gap between two visual beats outside these limits costs the chain as much as the strongest beat brings."""


@dataclass(frozen=True)
class VisualBeats:
    """Times and weights of the chosen visual beats, and the speed of the motion: float [n], [n], [T] at `IMPACT_FPS`."""

    times_seconds: np.ndarray
    weights: np.ndarray
    speed: np.ndarray


def visual_beats(motion: Motion) -> VisualBeats:
    """Visual beats of a dance; none for one that does not move."""
    displacement = _displacement(motion)
    envelope = impact_envelope(directogram(displacement))
    peaks = find_peaks(envelope)
    chain = best_chain(peaks, envelope[peaks])
    return VisualBeats(chain / IMPACT_FPS, envelope[chain], np.abs(displacement).mean(axis=(1, 2)))


def _displacement(motion: Motion) -> np.ndarray:
    """Displacement per frame of the common body's joints, in body sizes: [T, J, 2]."""
    xy = body_joints(resample(motion, IMPACT_FPS)).joints[..., :2].astype(np.float64)
    height = np.percentile(np.ptp(xy[..., 1], axis=1), 80) if len(xy) else 1.0
    return np.diff(xy, axis=0, prepend=xy[:1]) / max(float(height), 1e-9)


def directogram(displacement: np.ndarray) -> np.ndarray:
    """Histogram over 128 directions of displacements [T, J, 2], weighted by their size: [T, 128]."""
    size = np.linalg.norm(displacement, axis=-1)
    bins = np.floor((np.arctan2(displacement[..., 1], displacement[..., 0]) / (2 * np.pi) + 0.5) * N_ANGLES).astype(int) % N_ANGLES
    result = np.zeros((len(displacement), N_ANGLES))
    np.add.at(result, (np.arange(len(displacement))[:, None], bins), size)
    return result / max(displacement.shape[1], 1)


def impact_envelope(histogram: np.ndarray) -> np.ndarray:
    """How much motion stops at each frame, [T, 128] -> [T], 1 at its 99th percentile; what rises above that for longer is a cut, and 0."""
    from scipy.ndimage import gaussian_filter, median_filter
    from scipy.signal import butter, sosfiltfilt

    smooth = median_filter(gaussian_filter(histogram, (_BLUR_FRAMES, _BLUR_BINS), mode=("nearest", "wrap")), size=3)
    stops = np.maximum(-np.diff(smooth, axis=0, prepend=smooth[:1]), 0.0).mean(axis=1)
    sos = butter(5, _HIGH_PASS_HZ, "highpass", fs=IMPACT_FPS, output="sos")
    if len(stops) > 40:  # the filter's own padding
        stops = sosfiltfilt(sos, stops)
    stops = np.maximum(stops, 0.0)
    top = np.percentile(stops, _CLIP_PERCENTILE)
    if top <= 1e-9:
        return np.zeros_like(stops)
    above = stops > top
    cut = above & (np.roll(above, 1) | np.roll(above, -1))
    return np.where(cut, 0.0, np.minimum(stops, top)) / top


def find_peaks(envelope: np.ndarray) -> np.ndarray:
    """Frames int64 [n] of an envelope [T] that are its peaks, at least 2 apart.

    A peak is the greatest within 2 to either side and stands out of the mean of 5 to either side.
    """
    peaks: list[int] = []
    for t in range(len(envelope)):
        near = envelope[max(0, t - _PEAK_REACH) : t + _PEAK_REACH + 1]
        around = envelope[max(0, t - _MEAN_REACH) : t + _MEAN_REACH + 1]
        if envelope[t] == near.max() and envelope[t] >= around.mean() + _PEAK_RISE and (not peaks or t - peaks[-1] >= _PEAK_GAP):
            peaks.append(t)
    return np.array(peaks, dtype=np.int64)


def best_chain(peaks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The peaks, frames int64 [m] of [n], whose weights [n] add up to most when every gap outside `GAP_LIMITS_SECONDS` costs 1.

    The published pairwise term is meant to be the tempogram at the gap; by a slip (frames divided by the frame rate) it is about 0 within
    the limits, and so it is here. The first peak of the chain, which the published trace-back loses, is kept.
    """
    best, before = weights.astype(np.float64).copy(), np.full(len(peaks), -1)
    for i in range(1, len(peaks)):
        gaps = (peaks[i] - peaks[:i]) / IMPACT_FPS
        totals = best[:i] - ((gaps < GAP_LIMITS_SECONDS[0]) | (gaps > GAP_LIMITS_SECONDS[1]))
        j = int(np.argmax(totals))
        if totals[j] > 0:
            best[i], before[i] = weights[i] + totals[j], j
    chain = []
    at = int(np.argmax(best)) if len(peaks) else -1
    while at >= 0:
        chain.append(int(peaks[at]))
        at = int(before[at])
    return np.array(chain[::-1], dtype=np.int64)
