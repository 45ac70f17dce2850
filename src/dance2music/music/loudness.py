"""Loudness as ears judge it (ITU-R BS.1770-4), its range and true peaks, and a limiter. Everything works block by block.

The recommendation tabulates its two filters for 48 kHz only; pyloudnorm's ``DeMan`` filters, which are used here, reproduce that table and
hold at any rate (De Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 145, 2018).
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


def loudness(audio: Audio, *, gain: np.ndarray | None = None) -> float:
    """Integrated loudness in LUFS (BS.1770-4, Eq. 2 to 7): K-weighted power of 0.4 s blocks, gated twice; ``-inf`` for silence.

    An incomplete block at the end does not count, as the recommendation has it; sound shorter than a block is one. Up to two channels.
    ``gain`` float32 [N] is one for each sample that the sound is to be multiplied with.
    """
    power = weighted_power(audio, gain=gain)
    if len(power) >= round(GATE_SECONDS / GATE_STEP_SECONDS):
        power = _windowed(power, GATE_SECONDS, GATE_STEP_SECONDS)
    else:
        power = weighted_power(audio, step_seconds=audio.duration_seconds, gain=gain)
    power = power[power >= _power(SILENCE_LUFS)]
    if not len(power):
        return -math.inf
    return float(_lufs(power[power > power.mean() / 10.0].mean()))


def loudness_range(audio: Audio) -> float:
    """Loudness range in LU (EBU Tech 3342): between the 10th and the 95th percentile of the loudness of 3 s windows, gated twice.

    The windows lie whole within the sound and 0.1 s apart; nan for silence and for sound shorter than a window.
    """
    levels = short_time_loudness(audio, window_seconds=3.0, hop_seconds=GATE_STEP_SECONDS)
    levels = levels[levels >= SILENCE_LUFS]
    if not len(levels):
        return math.nan
    levels = levels[levels >= _lufs(_power(levels).mean()) - 20.0]
    low, high = np.percentile(levels, [10, 95])
    return float(high - low)


def short_time_loudness(audio: Audio, *, window_seconds: float, hop_seconds: float) -> np.ndarray:
    """Loudness in LUFS, ungated, of the windows that lie whole within the sound: float64 [n]; both lengths are tenths of a second.

    Silence is so quiet that it is never counted: -120 LUFS and less.
    """
    return np.asarray(_lufs(_windowed(weighted_power(audio), window_seconds, hop_seconds) + 1e-12))


def true_peak_db(audio: Audio) -> float:
    """Largest absolute value, between samples too (fourfold oversampling, BS.1770-4 annex 2), in dB of full scale; ``-inf`` for silence."""
    peak = max((float(block.max(initial=0.0)) for block in _true_peaks(audio)), default=0.0)
    return 20.0 * math.log10(peak) if peak > 0 else -math.inf


def weighted_power(audio: Audio, *, step_seconds: float = GATE_STEP_SECONDS, gain: np.ndarray | None = None) -> np.ndarray:
    """Mean power of each whole step of K-weighted sound (BS.1770-4, Eq. 1), added over the channels: float64 [n].

    The filters are pyloudnorm's; its own measures hold several copies of the sound in double precision, this goes block by block.
    """
    from pyloudnorm import Meter
    from scipy.signal import lfilter

    rate, length = audio.sample_rate, audio.samples.shape[-1]
    if not length:
        return np.zeros(0)
    n_steps = int(length / rate / step_seconds + 1e-9)
    filters = [(f.passband_gain * f.b, f.a) for f in Meter(rate, filter_class="DeMan")._filters.values()]
    power = np.zeros(n_steps)
    bounds = np.round(np.arange(n_steps + 1) * step_seconds * rate).astype(int)
    block = max(1, round(_BLOCK_SECONDS / step_seconds))
    for channel in audio.samples:
        states = [np.zeros(len(a) - 1) for _, a in filters]
        for first in range(0, n_steps, block):
            check()
            edges = bounds[first : first + block + 1]
            sound = channel[edges[0] : edges[-1]]
            sound = (sound if gain is None else sound * gain[edges[0] : edges[-1]]).astype(np.float64)
            for i, (b, a) in enumerate(filters):
                sound, states[i] = lfilter(b, a, sound, zi=states[i])
            power[first : first + len(edges) - 1] += np.add.reduceat(np.square(sound), edges[:-1] - edges[0]) / np.diff(edges)
    return power


def _windowed(power: np.ndarray, window_seconds: float, hop_seconds: float) -> np.ndarray:
    """Mean over windows of steps [n] of `GATE_STEP_SECONDS`."""
    width, hop = (round(seconds / GATE_STEP_SECONDS) for seconds in (window_seconds, hop_seconds))
    if len(power) < width:
        return np.zeros(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(power, width)[::hop].mean(axis=1))


def _lufs(power: np.ndarray) -> np.ndarray:
    return -0.691 + 10.0 * np.log10(power)


def _power(lufs: np.ndarray | float) -> np.ndarray:
    return np.asarray(10.0 ** ((np.asarray(lufs) + 0.691) / 10.0))


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
    """Hold peaks, also those between samples, under ``ceiling_db`` dB of full scale, by `limiter_gain`; all channels get the same gain.

    Sound that stays under the ceiling is returned as it is.
    """
    gain = limiter_gain(audio, ceiling_db=ceiling_db)
    return audio if gain is None else Audio((audio.samples * gain).astype(np.float32, copy=False), audio.sample_rate)


def limiter_gain(audio: Audio, *, ceiling_db: float = -1.0) -> np.ndarray | None:
    """Gain float32 [N] that holds a sound [C, N] under ``ceiling_db`` dB of full scale (true peaks), or None where it stays under it.

    The gain that each sample needs is spread by a minimum and then smoothed by a mean over `LIMITER_SECONDS`, which never exceeds what any
    sample needs.
    """
    ceiling = 10.0 ** (ceiling_db / 20.0)
    gain = np.empty(audio.samples.shape[-1], dtype=np.float32)
    position = 0
    for peaks in _true_peaks(audio):
        gain[position : position + len(peaks)] = ceiling / np.maximum(peaks, ceiling)
        position += len(peaks)
    if gain.min(initial=1.0) >= 1.0:
        return None
    width = 2 * round(LIMITER_SECONDS * audio.sample_rate / 2) + 1
    return smooth_gain(gain, width)


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
