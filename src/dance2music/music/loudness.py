"""Loudness as ears judge it (ITU-R BS.1770-4, measured by pyloudnorm), and a limiter of true peaks.

The recommendation tabulates its two filters for 48 kHz only; pyloudnorm's ``DeMan`` filters reproduce that table and hold at any rate (De
Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 145, 2018). Measuring takes about 24 bytes of memory per
sample; everything else here works block by block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dance2music.types import Audio
from dance2music.work import check

SILENCE_LUFS = -70.0
"""Absolute gate of BS.1770: blocks below it do not count, and music without any other block has no loudness."""

GATE_SECONDS = 0.4
GATE_STEP_SECONDS = 0.1

OVERSAMPLING = 4
LIMITER_SECONDS = 0.02
LOUDNESS_PASSES = 3
LOUDNESS_TOLERANCE_LU = 0.2
_BLOCK_SECONDS = 10.0
_SMOOTHING_BLOCK = 2**18


def loudness(audio: Audio) -> float:
    """Integrated loudness in LUFS (BS.1770-4, Eq. 2 to 7): K-weighted power of 0.4 s blocks, gated twice; ``-inf`` for silence.

    An incomplete block at the end does not count, as the recommendation has it; sound shorter than a block is one. Up to five channels.
    """
    from pyloudnorm import Meter

    length, rate = audio.samples.shape[-1], audio.sample_rate
    steps = int(length / rate / GATE_STEP_SECONDS + 1e-9)  # whole steps: pyloudnorm would take up to half a step of silence for sound
    short = steps < round(GATE_SECONDS / GATE_STEP_SECONDS)
    counted = audio.samples if short else audio.samples[:, : round(steps * GATE_STEP_SECONDS * rate)]
    if not counted.any():
        return -math.inf
    meter = Meter(rate, filter_class="DeMan", block_size=length / rate if short else GATE_SECONDS)
    return float(meter.integrated_loudness(counted.T.astype(np.float64)))


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


def _true_peaks(audio: Audio) -> Iterator[np.ndarray]:
    """For every sample, the largest absolute value over all channels between it and its neighbours: float32 [n], block by block."""
    from scipy.signal import resample_poly

    context = 64
    hop = round(_BLOCK_SECONDS * audio.sample_rate)
    length = audio.samples.shape[-1]
    for begin in range(0, length, hop):
        check()
        end = min(begin + hop, length)
        left, right = min(begin, context), min(length - end, context)
        finer = np.abs(resample_poly(audio.samples[:, begin - left : end + right], OVERSAMPLING, 1, axis=-1)).max(axis=0)
        peaks = finer.reshape(-1, OVERSAMPLING).max(axis=1)
        before = np.concatenate([peaks[:1], peaks[:-1]])  # a peak after a sample belongs to the next one as well
        yield np.maximum(peaks, before)[left : left + end - begin]
