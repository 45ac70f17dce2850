"""Loudness as ears judge it, and a limiter: ITU-R BS.1770-4, written from the recommendation.

The recommendation tabulates its two filters for 48 kHz only; here they are designed for any sample rate from the analogue prototypes that
reproduce that table (centre frequencies, gain and qualities as given by De Man, "Evaluation of implementations of the EBU R128 loudness
measurement", AES 145, 2018). All functions work block by block, so that ten minutes of music take little memory beyond the music itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dance2music.types import Audio

SILENCE_LUFS = -70.0
"""Absolute gate of BS.1770: blocks below it do not count, and music without any other block has no loudness."""

RELATIVE_GATE_LU = -10.0
GATE_SECONDS = 0.4
GATE_STEP_SECONDS = 0.1
OFFSET_LUFS = -0.691

SHELF_HZ, SHELF_DB, SHELF_Q, SHELF_SLOPE = 1681.9744509555319, 3.99984385397, 0.7071752369554193, 0.4996667741545416
HIGHPASS_HZ, HIGHPASS_Q = 38.13547087613982, 0.5003270373253953

OVERSAMPLING = 4
LIMITER_SECONDS = 0.02
LOUDNESS_PASSES = 3
LOUDNESS_TOLERANCE_LU = 0.2
_BLOCK_SECONDS = 10.0
_SMOOTHING_BLOCK = 2**18


def loudness(audio: Audio) -> float:
    """Integrated loudness in LUFS (BS.1770-4, Eq. 2 to 7): K-weighted power of 0.4 s blocks, gated twice; ``-inf`` for silence.

    All channels weigh the same, which is right for one and two. Sound shorter than a block counts as one block.
    """
    power = _block_power(audio)
    with np.errstate(divide="ignore"):
        level = OFFSET_LUFS + 10.0 * np.log10(power)
    loud = power[level > SILENCE_LUFS]
    if not len(loud):
        return -math.inf
    gate = OFFSET_LUFS + 10.0 * math.log10(loud.mean()) + RELATIVE_GATE_LU
    return OFFSET_LUFS + 10.0 * math.log10(power[level > max(gate, SILENCE_LUFS)].mean())


def normalize_loudness(audio: Audio, *, target_lufs: float = -16.0, ceiling_db: float = -1.0, gain_db: float | None = None) -> Audio:
    """Music at a given integrated loudness, its peaks held under a ceiling by `limit`; silence stays as it is.

    Parameters
    ----------
    audio : Audio.
    target_lufs : float; -16 suits stereo music for phones and the web.
    ceiling_db : float, dB relative to full scale. Where the limiter takes loudness away, the gain is raised again, `LOUDNESS_PASSES` times
        at most, so very spiky sound may stay a little under the target.
    gain_db : a gain to use instead of the one that the loudness asks for, as `normalized` told it of a piece that this one goes with.
    """
    if gain_db is not None:
        return limit(_scaled(audio, gain_db), ceiling_db=ceiling_db)
    return normalized(audio, target_lufs=target_lufs, ceiling_db=ceiling_db)[0]


def normalized(audio: Audio, *, target_lufs: float = -16.0, ceiling_db: float = -1.0) -> tuple[Audio, float | None]:
    """`normalize_loudness`, and the gain in dB that it gave the music before the limiter; None for silence."""
    measured = loudness(audio)
    if not math.isfinite(measured):
        return audio, None
    gain_db = target_lufs - measured
    for _ in range(LOUDNESS_PASSES):
        used_db, louder = gain_db, limit(_scaled(audio, gain_db), ceiling_db=ceiling_db)
        missing = target_lufs - loudness(louder)
        if missing < LOUDNESS_TOLERANCE_LU:
            break
        gain_db += missing
    return louder, used_db


def _scaled(audio: Audio, gain_db: float) -> Audio:
    return Audio(audio.samples * np.float32(10.0 ** (gain_db / 20.0)), audio.sample_rate)


def limit(audio: Audio, *, ceiling_db: float = -1.0) -> Audio:
    """Hold peaks, also those between samples (fourfold oversampling, BS.1770-4 annex 2), under ``ceiling_db`` dB of full scale.

    The gain that each sample needs is spread by a minimum and then smoothed by a mean over `LIMITER_SECONDS`, which never exceeds what any
    sample needs. All channels get the same gain; sound that stays under the ceiling is returned as it is.
    """
    ceiling = 10.0 ** (ceiling_db / 20.0)
    gain = np.empty(audio.samples.shape[-1], dtype=np.float32)
    position = 0
    for peaks in _true_peaks(audio):
        gain[position : position + len(peaks)] = ceiling / np.maximum(peaks, ceiling)
        position += len(peaks)
    if gain.min(initial=1.0) >= 1.0:
        return audio
    width = 2 * round(LIMITER_SECONDS * audio.sample_rate / 2) + 1
    gain = smooth_gain(gain, width)  # the gain that was needed is given back before the product is made
    return Audio((audio.samples * gain).astype(np.float32, copy=False), audio.sample_rate)


def smooth_gain(gain: np.ndarray, width: int) -> np.ndarray:
    """A limiter's gain float32 [n] from the gain [n] that each sample needs: the running minimum over ``width`` samples, then its mean.

    Nowhere above what is needed. In blocks, since scipy's filters hold two copies of a line in double precision.
    """
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    smooth = np.empty(len(gain), dtype=np.float32)
    hop = max(_SMOOTHING_BLOCK, width)
    for begin in range(0, len(gain), hop):
        end = min(begin + hop, len(gain))
        left = max(0, begin - width)
        part = uniform_filter1d(minimum_filter1d(gain[left : end + width], width, mode="nearest"), width, mode="nearest")
        smooth[begin:end] = np.minimum(part[begin - left : end - left], gain[begin:end])
    return smooth


def true_peak(audio: Audio) -> float:
    """Largest absolute value of the sound between its samples too, by fourfold oversampling (BS.1770-4 annex 2); 1 is full scale."""
    return max((float(peaks.max(initial=0.0)) for peaks in _true_peaks(audio)), default=0.0)


def k_weighting(sample_rate: int) -> np.ndarray:
    """Second-order sections [2, 6] of the K-weighting filter (BS.1770-4 annex 1): a high shelf, then a high pass."""
    k = math.tan(math.pi * SHELF_HZ / sample_rate)
    high = 10.0 ** (SHELF_DB / 20.0)
    middle = high**SHELF_SLOPE
    a0 = 1.0 + k / SHELF_Q + k * k
    shelf = [
        (high + middle * k / SHELF_Q + k * k) / a0,
        2.0 * (k * k - high) / a0,
        (high - middle * k / SHELF_Q + k * k) / a0,
        1.0,
        2.0 * (k * k - 1.0) / a0,
        (1.0 - k / SHELF_Q + k * k) / a0,
    ]
    k = math.tan(math.pi * HIGHPASS_HZ / sample_rate)
    a0 = 1.0 + k / HIGHPASS_Q + k * k
    highpass = [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / HIGHPASS_Q + k * k) / a0]
    return np.array([shelf, highpass])


def _block_power(audio: Audio) -> np.ndarray:
    """K-weighted power, summed over channels, of 0.4 s blocks every 0.1 s: float64 [n], at least one."""
    from scipy.signal import sosfilt

    step = round(GATE_STEP_SECONDS * audio.sample_rate)
    per_block = round(GATE_SECONDS / GATE_STEP_SECONDS)
    sections = k_weighting(audio.sample_rate)
    state = np.zeros((len(sections), len(audio.samples), 2))
    length = audio.samples.shape[-1]
    if not length:
        return np.zeros(1)
    steps: list[np.ndarray] = []
    hop = step * round(_BLOCK_SECONDS / GATE_STEP_SECONDS)
    for begin in range(0, length, hop):
        weighted, state = sosfilt(sections, audio.samples[:, begin : begin + hop].astype(np.float64), zi=state)
        power = np.square(weighted).sum(axis=0)
        if length < step * per_block:
            return np.array([power.mean()])
        whole = len(power) // step * step
        steps.append(power[:whole].reshape(-1, step).mean(axis=1))
    means = np.concatenate(steps)
    return np.convolve(means, np.full(per_block, 1.0 / per_block), mode="valid")


def _true_peaks(audio: Audio) -> Iterator[np.ndarray]:
    """For every sample, the largest absolute value over all channels between it and its neighbours: float32 [n], block by block."""
    from scipy.signal import resample_poly

    context = 64
    hop = round(_BLOCK_SECONDS * audio.sample_rate)
    length = audio.samples.shape[-1]
    for begin in range(0, length, hop):
        end = min(begin + hop, length)
        left, right = min(begin, context), min(length - end, context)
        finer = np.abs(resample_poly(audio.samples[:, begin - left : end + right], OVERSAMPLING, 1, axis=-1)).max(axis=0)
        peaks = finer.reshape(-1, OVERSAMPLING).max(axis=1)
        before = np.concatenate([peaks[:1], peaks[:-1]])  # a peak after a sample belongs to the next one as well
        yield np.maximum(peaks, before)[left : left + end - begin]
