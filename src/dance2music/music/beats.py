"""What can be heard of rhythm in sound: mel-spectrogram, onset strength, onsets, beats.

Onset strength and onsets are those of librosa 0.11 with its default settings (McFee et al. 2015), computed here block by block: importing
and compiling librosa takes seconds at the first call, and its spectrograms grow with the music. `beat_times`, which only measurements
use, is librosa's own.
"""

from __future__ import annotations

import numpy as np

from dance2music.music.compiled import compiled_alone
from dance2music.types import Audio
from dance2music.work import check

ONSET_HOP_LENGTH = 512
"""Hop of the onset envelope in samples: librosa's default, and that of the published rhythm scores."""

ONSET_FFT = 2048

HEARD_RATE = 22_050
"""Rate in Hz that hop and FFT are meant for, librosa's default and that of the published detectors: at another one hears other onsets."""

DYNAMIC_RANGE_DB = 80.0
"""Spectra are cut this far below their loudest bin."""

PEAK_WINDOW_SECONDS, MEAN_WINDOW_SECONDS, PEAK_DELTA = 0.03, 0.1, 0.07
"""An onset is the highest value of the last 30 ms, and by `PEAK_DELTA` of the range above its mean over 100 ms to both sides."""

USUAL_BPM, TEMPO_PRIOR_OCTAVES = 120.0, 1.0
"""Where a listener who knows nothing expects the tempo, and how far from there it may lie (log-normal)."""

_PULSE_LAGS_SECONDS = (0.33, 1.0)
_BLOCK_FRAMES = 512
_TIGHTNESS = 100.0
_FIRST_BEAT = 0.01
_TEMPO_WINDOW_SECONDS = 8.0
_HIGHEST_HEARD_BPM = 320.0


def mono(audio: Audio) -> np.ndarray:
    """Mean of the channels, float32 [N]."""
    return audio.samples.mean(axis=0)


def as_heard(audio: Audio) -> Audio:
    """Mono at `HEARD_RATE`: what is heard in it does not depend on how a sound is stored."""
    from dance2music.music.audio import resample

    return resample(Audio(np.ascontiguousarray(mono(audio)[None], dtype=np.float32), audio.sample_rate), HEARD_RATE)


def onset_envelope(audio: Audio, *, hop_length: int = ONSET_HOP_LENGTH) -> tuple[np.ndarray, float]:
    """Onset strength float32 [T] (mean rise of the 128 mel bands in decibels), and its frames per second."""
    rise, fps = band_rises(audio, hop_length=hop_length)
    return rise.mean(axis=0), fps


def band_rises(audio: Audio, *, hop_length: int = ONSET_HOP_LENGTH) -> tuple[np.ndarray, float]:
    """Rise of each of 128 mel bands in decibels, float32 [128, T], and frames per second: their mean is the onset strength."""
    decibels = _decibels(_mel_power(audio, n_fft=ONSET_FFT, hop_length=hop_length, n_mels=128), reference=1.0)
    rise = np.maximum(0.0, np.diff(decibels, axis=1))
    late = 1 + ONSET_FFT // (2 * hop_length)
    return np.pad(rise, ((0, 0), (late, 0)))[:, : decibels.shape[1]].astype(np.float32), audio.sample_rate / hop_length


def onset_times(audio: Audio) -> np.ndarray:
    """Onsets in seconds, float64 [n]; empty where the sound is silent. Measured on clicks: 5 to 22 ms after the attack."""
    return onsets_in(*onset_envelope(audio))


def onsets_in(envelope: np.ndarray, fps: float) -> np.ndarray:
    """`onset_times` of a sound whose onset envelope [T] is there already."""
    if not envelope.any():
        return np.zeros(0)
    x = envelope - envelope.min()
    return pick_peaks(x / (x.max() + np.finfo(np.float32).tiny), fps) / fps


def pick_peaks(x: np.ndarray, fps: float) -> np.ndarray:
    """Frames of the peaks of a curve [T] in 0..1, int64 [n] (Boeck et al. 2012, section 2.2, with librosa's widths)."""
    before, around = int(PEAK_WINDOW_SECONDS * fps), int(MEAN_WINDOW_SECONDS * fps)
    frames = np.arange(len(x))
    highest = np.lib.stride_tricks.sliding_window_view(np.pad(x, (before, 0), constant_values=-np.inf), before + 1).max(axis=1)
    total = np.concatenate([[0.0], np.cumsum(x, dtype=np.float64)])
    low, high = np.maximum(frames - around, 0), np.minimum(frames + around + 1, len(x))
    mean = (total[high] - total[low]) / (high - low)
    picked: list[int] = []
    for frame in np.flatnonzero((x == highest) & (x >= mean + PEAK_DELTA)):
        if not picked or frame - picked[-1] > before:
            picked.append(int(frame))
    return np.array(picked, dtype=np.int64)


def pulse_in(envelope: np.ndarray, fps: float) -> float:
    """Largest autocorrelation of an onset envelope [T] at lags of 0.33 to 1 s, 0..1; 0 where it is flat or under a second long."""
    envelope = envelope - envelope.mean()
    energy = float(envelope @ envelope)
    first, last = (round(lag * fps) for lag in _PULSE_LAGS_SECONDS)
    if energy <= 0 or len(envelope) <= first + 1:
        return 0.0
    lags = range(first, min(last, len(envelope) - 1) + 1)
    return max(0.0, max(float(envelope[lag:] @ envelope[:-lag]) for lag in lags) / energy)


def beats_heard(envelope: np.ndarray, fps: float, *, around_bpm: float = USUAL_BPM) -> np.ndarray:
    """Beats in seconds that a listener finds in an onset envelope [T] without being told the tempo; empty where it is flat.

    The envelope may be the median of the bands' rises instead of their mean: beats are then what many bands share. ``around_bpm`` is where
    the listener expects the tempo, such as that of the dance they see; it may lie an octave from there.
    """
    return beats_near(envelope, fps, tempo_heard_bpm(envelope, fps, around_bpm=around_bpm))


def tempo_heard_bpm(envelope: np.ndarray, fps: float, *, around_bpm: float = USUAL_BPM) -> float:
    """Tempo of an onset envelope [T]: the strongest period of its autocorrelation in windows of 8 s, with a prior (Ellis 2007)."""
    n = round(_TEMPO_WINDOW_SECONDS * fps)
    padded = np.pad(envelope.astype(np.float64), n // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n)[:: max(1, n // 32)] * np.hanning(n)
    spectrum = np.fft.rfft(frames, 2 * n, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :n]
    peaks = np.abs(correlation).max(axis=1, keepdims=True)
    mean = (correlation / np.where(peaks > 0, peaks, 1.0)).mean(axis=0)[1:]
    bpm = 60.0 * fps / np.arange(1, n)
    prior = -0.5 * (np.log2(bpm / around_bpm) / TEMPO_PRIOR_OCTAVES) ** 2
    return float(bpm[np.argmax(np.where(bpm < _HIGHEST_HEARD_BPM, np.log1p(1e6 * np.maximum(mean, 0.0)) + prior, -np.inf))])


def beats_near(envelope: np.ndarray, fps: float, tempo_bpm: float) -> np.ndarray:
    """Beats in seconds of an onset envelope [T] whose tempo is known, by dynamic programming (Ellis 2007); empty where it is flat.

    The same beats as librosa's tracker finds in the same envelope, also in the few seconds in which its rules for the ends decide: where
    the path begins and ends, and that weak beats at both ends do not count.

    Parameters
    ----------
    envelope : float [T] from `onset_envelope`; fps : its frames per second.
    tempo_bpm : float, around which the distance of neighbouring beats may vary.
    """
    period = round(60.0 / tempo_bpm * fps)
    if len(envelope) < 2 or envelope.std() == 0:
        return np.zeros(0)
    width = np.arange(-period, period + 1)
    smooth = np.convolve(envelope / envelope.std(ddof=1), np.exp(-0.5 * (width * 32.0 / period) ** 2), mode="full")
    local = smooth[period:][: len(envelope)]
    lags = np.arange(max(1, round(period / 2)), 2 * period + 1)
    cost = _TIGHTNESS * np.log(lags / period) ** 2
    score, back = local.copy(), np.full(len(local), -1)
    begun = int(np.argmax(local >= _FIRST_BEAT * local.max()))
    for t in range(lags[0], len(local)):
        n = min(len(lags), t - lags[0] + 1)
        values = score[t - lags[:n]] - cost[:n]
        best = int(np.argmax(values))
        score[t] += values[best]
        if t >= begun:
            back[t] = t - lags[best]
    beats = [_last_beat(score)]
    while back[beats[-1]] >= 0:
        beats.append(int(back[beats[-1]]))
    found = np.array(beats[::-1])
    strength = np.convolve(local[found], np.hanning(5))[2 : 2 + len(local)]
    strong = np.flatnonzero(local > 0.5 * np.sqrt(np.square(strength).mean()))
    return found[(found >= strong[0]) & (found <= strong[-1])] / fps if len(strong) else np.zeros(0)


def _last_beat(score: np.ndarray) -> int:
    """The last peak of the path's score [T] that has half of the median peak; the last frame where there is none."""
    peaks = np.flatnonzero((score > np.concatenate([score[:1], score[:-1]])) & (score >= np.concatenate([score[1:], [-np.inf]])))
    high = peaks[score[peaks] >= 0.5 * np.median(score[peaks])] if len(peaks) else peaks
    return int(high[-1]) if len(high) else len(score) - 1


def beat_times(audio: Audio, *, start_bpm: float = 120.0) -> tuple[float, np.ndarray]:
    """Tempo in bpm and beats float [n] in seconds by librosa's dynamic programming tracker; (0, empty) where the sound is silent."""
    import librosa

    y = mono(audio)
    if not np.any(y):
        return 0.0, np.zeros(0)
    with compiled_alone("beat_track", str(y.dtype), type(start_bpm).__name__):
        tempo, beats = librosa.beat.beat_track(y=y, sr=audio.sample_rate, hop_length=ONSET_HOP_LENGTH, start_bpm=start_bpm, units="time")
    return float(np.atleast_1d(tempo)[0]), beats


def aist_beat_frames(audio: Audio, *, fps: float = 60.0, start_bpm: float = 120.0) -> np.ndarray:
    """Beats of music as AIST++'s tool finds them (Li et al. 2021): librosa's tracker on onset strength at the frame rate of the motion.

    Parameters
    ----------
    audio : Audio of any rate; its channels are averaged and brought to 512 samples per frame, as librosa loads a file.
    fps : float, frames per second of the motion.
    start_bpm : float, where the tracker begins to look for the tempo: the tool takes that of the piece, which its name tells.

    Returns
    -------
    int64 [n], frame numbers; empty where the sound is silent.
    """
    import librosa

    rate = round(fps * ONSET_HOP_LENGTH)
    y = librosa.resample(mono(audio), orig_sr=audio.sample_rate, target_sr=rate)
    if not np.any(y):
        return np.zeros(0, dtype=np.int64)
    envelope = librosa.onset.onset_strength(y=y, sr=rate, hop_length=ONSET_HOP_LENGTH)
    with compiled_alone("beat_track of an envelope", str(envelope.dtype), type(start_bpm).__name__):
        _, beats = librosa.beat.beat_track(
            onset_envelope=envelope, sr=rate, hop_length=ONSET_HOP_LENGTH, start_bpm=start_bpm, tightness=_TIGHTNESS
        )
    return np.asarray(beats, dtype=np.int64)


def log_mel(audio: Audio, *, n_mels: int = 128, hop_length: int = 256) -> np.ndarray:
    """Mel-spectrogram in decibels below its loudest bin, float32 [n_mels, T]."""
    power = _mel_power(audio, n_fft=1024, hop_length=hop_length, n_mels=n_mels)
    return _decibels(power, reference=float(power.max(initial=0.0)))


def _mel_power(audio: Audio, *, n_fft: int, hop_length: int, n_mels: int) -> np.ndarray:
    """Power in mel bands float32 [n_mels, N // hop + 1]; frames centred by zero padding, periodic Hann window."""
    from scipy.fft import rfft
    from scipy.signal.windows import hann

    from dance2music.music.mel import mel_filters

    filters = mel_filters(audio.sample_rate, n_fft, n_mels).numpy().T
    window = hann(n_fft, sym=False).astype(np.float32)
    padded = np.pad(mono(audio).astype(np.float32, copy=False), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    bands = np.empty((n_mels, len(frames)), dtype=np.float32)
    for begin in range(0, len(frames), _BLOCK_FRAMES):
        check()
        spectrum = rfft(frames[begin : begin + _BLOCK_FRAMES] * window, axis=1)
        bands[:, begin : begin + _BLOCK_FRAMES] = ((spectrum.real**2 + spectrum.imag**2) @ filters).T
    return bands


def _decibels(power: np.ndarray, *, reference: float) -> np.ndarray:
    """Power in decibels above ``reference``, at most `DYNAMIC_RANGE_DB` below its own maximum."""
    least = 1e-10
    decibels = 10.0 * np.log10(np.maximum(power, least)) - 10.0 * np.log10(max(reference, least))
    return np.maximum(decibels, decibels.max(initial=-np.inf) - DYNAMIC_RANGE_DB).astype(np.float32)
