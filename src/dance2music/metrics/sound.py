"""What an ear takes offence at and distances frame by frame do not see: a buzz at the rate of a codec's frames, dull attacks, wrong colour.

None of these is a loss of any training here, except that `dance2music.codec.spectral_losses` looks at average spectra, too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dance2music.errors import InputError
from dance2music.types import Audio

WINDOW_SECONDS = 8192 / 22050
"""Window that tells lines at a frame rate from the spectrum between them: 2.7 Hz per bin."""

COMB_BAND_HZ = (2000.0, 10_000.0)
SEARCHED_RATES_HZ = (40.0, 700.0)
"""Frame rates of codecs: 40 ms frames to hops of 32 samples at 22.05 kHz."""
ATTACK_FROM_HZ = 6000.0
"""Above it hats and the noise of snares are nearly all there is."""

_RATES_AT_ONCE = 256
_BETWEEN = (0.3, 0.4, 0.6, 0.7)
_HEARD = 1e-3
"""Peak of the envelope relative to that of the sound below which there is nothing to measure."""
_ENVELOPE_SECONDS = 0.0005
_ATTACK_REACH_SECONDS = 0.03
_ATTACK_GAP_SECONDS = 0.06


class Comb(NamedTuple):
    """Lines of a sound at multiples of a rate: their level over what lies between, dB, and their share of the band's energy, 0..1."""

    level_db: float
    share: float


class FoundComb(NamedTuple):
    """The rate in Hz at whose multiples a sound drones most, and the comb there."""

    rate_hz: float
    level_db: float
    share: float


def frame_rate_comb(audio: Audio, rate_hz: float, *, band_hz: tuple[float, float] = COMB_BAND_HZ) -> Comb:
    """How much a sound drones at the multiples of a rate: 0 dB for music that knows nothing of it, 15 dB for a plain buzz.

    The level compares what stays for three quarters of the time (the lower quartile over frames) on the multiples and between them, median
    over multiples; so music that plays there for a while does not count. The share takes three bins around each multiple, so that it is
    about ``3 * bin / rate`` for a flat spectrum: 0.09 at 86 Hz.

    Parameters
    ----------
    audio : Audio; channels are averaged.
    rate_hz : rate of the codec's frames, Hz: ``codec.sample_rate / codec.hop_length``.
    band_hz : multiples that lie in it with the next one are looked at; must lie below half the sample rate and hold one at least.

    Returns
    -------
    Comb; (0, 0) for silence and for less than one window of sound.

    Raises
    ------
    InputError
        If the band holds no multiple or reaches beyond half the sample rate.
    """
    low, high = band_hz
    multiples = _multiples(np.array([rate_hz]), low, high)[0][0]
    if len(multiples) == 0 or high > audio.sample_rate / 2:
        raise InputError(
            f"comb: band {low:g} to {high:g} Hz at {audio.sample_rate} Hz; expected multiples of {rate_hz:g} Hz below half the rate; "
            "choose another band or resample"
        )
    spectrum = _fine_spectrum(audio)
    if spectrum is None:
        return Comb(0.0, 0.0)
    bin_hz, _, mean = spectrum
    hz = np.arange(len(mean)) * bin_hz
    at = np.round(multiples * rate_hz / bin_hz).astype(int)
    lines = sum(float(mean[b - 1 : b + 2].sum()) for b in at)
    whole = max(float(mean[(hz > low) & (hz < high)].sum()), 1e-30)
    return Comb(float(_comb_levels(np.array([rate_hz]), band_hz, spectrum)[0]), lines / whole)


def found_comb(
    audio: Audio, *, rates_hz: tuple[float, float] = SEARCHED_RATES_HZ, band_hz: tuple[float, float] = COMB_BAND_HZ
) -> FoundComb:
    """The rate whose multiples a sound drones at most, where the rate of its codec is not known: `frame_rate_comb` of many rates.

    Of the rates that reach 0.9 of the highest level the lowest is taken: the multiples of twice the rate are among those of the rate. What
    has no comb has its highest level by chance, about 1 to 2 dB.

    Parameters
    ----------
    rates_hz : lowest and highest rate to try; its steps move the highest multiple in the band by half a bin.

    Returns
    -------
    FoundComb; rate nan and (0, 0) for silence and for less than one window of sound.
    """
    high = min(band_hz[1], audio.sample_rate / 2)
    spectrum = _fine_spectrum(audio)
    if spectrum is None or high <= band_hz[0]:
        return FoundComb(float("nan"), 0.0, 0.0)
    steps = np.log(rates_hz[1] / rates_hz[0]) / np.log1p(0.5 * spectrum[0] / high)
    rates = rates_hz[0] * (1.0 + 0.5 * spectrum[0] / high) ** np.arange(int(np.ceil(steps)))
    blocks = np.array_split(rates, range(_RATES_AT_ONCE, len(rates), _RATES_AT_ONCE))
    levels = np.concatenate([_comb_levels(block, (band_hz[0], high), spectrum) for block in blocks])
    best = float(rates[np.flatnonzero(levels >= 0.9 * levels.max())[0] if levels.max() > 0 else levels.argmax()])
    return FoundComb(best, *frame_rate_comb(audio, best, band_hz=(band_hz[0], high)))


def _multiples(rates_hz: np.ndarray, low_hz: float, high_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Multiples of each rate [R] above ``low_hz`` that have the next one below ``high_hz``: int64 [R, n], and bool [R, n], which count."""
    first, last = (low_hz / rates_hz).astype(int) + 1, (high_hz / rates_hz).astype(int)
    multiples = first[:, None] + np.arange(max(0, int((last - first).max())))
    return multiples, multiples < last[:, None]


def _fine_spectrum(audio: Audio) -> tuple[float, np.ndarray, np.ndarray] | None:
    """Width of a bin in Hz, and the lower quartile and mean over time of the power in each, float64 [bins]; None for too little sound."""
    from scipy.signal import stft

    from dance2music.music.beats import mono

    y, n_fft = mono(audio), 2 * round(WINDOW_SECONDS * audio.sample_rate / 2)
    if len(y) < n_fft or not np.any(y):
        return None
    power = np.square(np.abs(stft(y.astype(np.float64), audio.sample_rate, nperseg=n_fft, noverlap=n_fft - n_fft // 8)[2]))
    return audio.sample_rate / n_fft, np.percentile(power, 25, axis=1), power.mean(axis=1)


def _comb_levels(rates_hz: np.ndarray, band_hz: tuple[float, float], spectrum: tuple[float, np.ndarray, np.ndarray]) -> np.ndarray:
    """Median over the multiples of each rate [R] of the lasting level on them over that between them, dB, float64 [R]."""
    bin_hz, lasting, mean = spectrum
    floor = 1e-10 * float(mean.max())
    multiples, there = _multiples(rates_hz, *band_hz)

    def at(offset: float) -> np.ndarray:
        bins = np.round((multiples + offset) * rates_hz[:, None] / bin_hz).astype(int)
        return np.asarray(lasting[np.minimum(bins, len(lasting) - 1)])

    between = np.mean([at(offset) for offset in _BETWEEN], axis=0)
    levels = np.sort(np.where(there, 10 * np.log10((at(0.0) + floor) / (between + floor)), np.inf), axis=1)
    count = there.sum(axis=1)
    middle = np.stack([(count - 1) // 2, count // 2], axis=1)
    return np.asarray(np.take_along_axis(levels, middle, axis=1).mean(axis=1))


def averaged_log_mel_l1(reference: np.ndarray, estimate: np.ndarray, sample_rate: int, *, n_frames: int = 8) -> float:
    """As `quality.log_mel_l1`, but of mel magnitudes averaged over ``n_frames`` hops of 256: noise is not punished for being noise.

    Frame by frame, noise of the right level is as far from other noise as a buzz is, and farther than its mean; averages tell the level.

    Parameters
    ----------
    reference, estimate : mono sounds [N] at ``sample_rate``.

    Raises
    ------
    InputError
        If the arrays are not one-dimensional and of the same, non-zero length.
    """
    import torch
    from torch.nn import functional as F

    from dance2music.metrics.quality import LOG_FLOOR, _check_pair
    from dance2music.music.mel import log_mel

    _check_pair(reference, estimate)
    pair = torch.from_numpy(np.stack([reference, estimate]).astype(np.float32))
    mels = log_mel(pair, sample_rate, floor=LOG_FLOOR).exp()
    width = min(n_frames, mels.shape[-1])
    averages = F.avg_pool1d(mels, width).log()
    return float((averages[0] - averages[1]).abs().mean())


def attack_seconds(audio: Audio, *, from_hz: float = ATTACK_FROM_HZ) -> float:
    """Median time that the strongest onsets above ``from_hz`` take from 10 to 90 % of their peak: how sharp hats and snares begin.

    The envelope is the root mean square over `_ENVELOPE_SECONDS` of the sound above ``from_hz``; an onset is a peak of it that no larger
    one is near and that lies 12 dB above what was before, among the louder half.

    Returns
    -------
    float seconds; nan if there is no onset.
    """
    from scipy.signal import butter, find_peaks, sosfiltfilt

    from dance2music.music.beats import mono

    rate = audio.sample_rate
    y = mono(audio).astype(np.float64)
    if len(y) < rate // 10 or not np.any(y):
        return float("nan")
    high = sosfiltfilt(butter(6, from_hz, "highpass", fs=rate, output="sos"), y)
    width = max(1, round(_ENVELOPE_SECONDS * rate))
    kernel = np.hanning(2 * width + 1)
    envelope = np.sqrt(np.maximum(np.convolve(high**2, kernel / kernel.sum(), "same"), 0.0))
    if float(envelope.max()) < _HEARD * float(np.abs(y).max()):
        return float("nan")
    peaks, _ = find_peaks(envelope, distance=max(1, round(_ATTACK_GAP_SECONDS * rate)), height=0.05 * envelope.max())
    reach, times = round(_ATTACK_REACH_SECONDS * rate), []
    for peak in peaks:
        before = envelope[max(0, peak - reach) : peak + 1]
        if len(before) <= reach or before[: reach // 3].mean() > 0.25 * envelope[peak]:
            continue
        base = float(before.min())
        tenth, ninth = (base + share * (envelope[peak] - base) for share in (0.1, 0.9))
        start = np.flatnonzero(before <= tenth)[-1]
        end = start + np.flatnonzero(before[start:] >= ninth)[0]
        times.append((float(envelope[peak]), (end - start) / rate))
    if not times:
        return float("nan")
    median = np.median([level for level, _ in times])
    return float(np.median([seconds for level, seconds in times if level >= median]))
