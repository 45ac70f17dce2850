"""Sound files and the last steps of every piece of music: loading, saving, resampling, seams, fades, denoising.

`loudness` and `normalize_loudness` come from `music.loudness`. All functions take and give `Audio`, float32 [C, N].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.music.loudness import loudness, normalize_loudness
from dance2music.music.sound_files import read_samples
from dance2music.types import Audio
from dance2music.work import check

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

__all__ = [
    "AAC_FRAME",
    "AAC_SAMPLE_RATES",
    "AUDIO_SUFFIXES",
    "aac_packets",
    "denoise",
    "fade",
    "load_audio",
    "loudness",
    "normalize_loudness",
    "overlap_add",
    "reduce_hiss",
    "resample",
    "save_audio",
    "save_wav",
    "to_int16",
]

_PCM = {".wav": ("WAV", "PCM_24"), ".flac": ("FLAC", "PCM_24"), ".ogg": ("OGG", "VORBIS"), ".mp3": ("MP3", "MPEG_LAYER_III")}
_AAC = {".m4a": "mp4"}
AUDIO_SUFFIXES = (*_PCM, *_AAC)
"""File name endings that `save_audio` knows."""
BITRATE = 320_000
"""Of AAC, bit/s. FFmpeg's encoder adds to peaks: of a master at -2.0 dBTP it made +0.8 at 192,000, -1.0 at 256,000 and -1.9 here."""
_AAC_OPTIONS = {"aac_coder": "fast", "aac_pns": "0", "aac_is": "0", "aac_tns": "0"}
"""At this rate what saves bits at low ones only costs: on 12 pieces of the default the sample that is farthest off is .10 off, in the
mean, in place of .26, crests are .3 dB lower; the noise is .6 dB lower as a whole, 2 dB higher at most in a band (below 100 Hz), 4 dB lower
at the top, and the encoder takes two fifths of the time."""

AAC_SAMPLE_RATES = (44100, 48000)
AAC_FRAME = 1024
"""Samples in one AAC frame, which is also the delay of FFmpeg's AAC encoder (ISO/IEC 14496-3, low complexity profile)."""

DENOISE_CHUNK_SECONDS = 20.0
DENOISE_PADDING_SECONDS = 4.0
DENOISE_OVERLAP_SECONDS = 0.1

HISS_FFT = 1024
HISS_BAND_HZ = 500.0
HISS_QUANTILE = 0.1
HISS_FACTOR = 8.0
"""Mean power of noise over its 10 % quantile is 1 / -ln(0.9) = 9.5, that of an exponential distribution; a little less spares music."""

HISS_REDUCTION_DB = 12.0


def load_audio(path: str | Path, *, sample_rate: int | None = None, mono: bool = True) -> Audio:
    """Read a sound file, or the sound of a video.

    Parameters
    ----------
    path : wav, flac, ogg, mp3 (read by libsndfile) or anything with sound that FFmpeg reads, as mp4 and m4a.
    sample_rate : int, Hz to resample to; None keeps the file's own.
    mono : if True, channels are averaged.

    Returns
    -------
    Audio, float32 [1 or C, N].

    Raises
    ------
    InputError
        If the file is missing, unreadable, has no sound, or holds NaN or infinite values.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; expected a sound file; name one file in it")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a sound file; check the name and its permissions") from error
    if size == 0:
        raise InputError(f"{path}: is empty (0 bytes); expected a sound file; copy or download it again")
    samples, rate = read_samples(path)
    if samples.shape[-1] == 0:
        raise InputError(f"{path}: has no sound (0 samples); expected music; choose another file")
    if not np.isfinite(samples).all():
        bad = int(np.count_nonzero(~np.isfinite(samples)))
        raise InputError(f"{path}: {bad} samples are NaN or infinite; expected finite sound; repair or export it again")
    if mono and len(samples) > 1:
        samples = samples.mean(axis=0, keepdims=True)
    audio = Audio(samples, rate)
    return audio if sample_rate is None else resample(audio, sample_rate)


def resample(audio: Audio, sample_rate: int) -> Audio:
    """Audio at another sample rate, by polyphase filtering; length round(N * new / old)."""
    if sample_rate == audio.sample_rate:
        return audio
    assert sample_rate > 0
    from scipy.signal import resample_poly

    divisor = gcd(sample_rate, audio.sample_rate)
    length = round(audio.samples.shape[-1] * sample_rate / audio.sample_rate)
    samples = resample_poly(audio.samples, sample_rate // divisor, audio.sample_rate // divisor, axis=-1)[:, :length]
    return Audio(np.ascontiguousarray(samples, dtype=np.float32), sample_rate)


def save_wav(audio: Audio, path: str | Path, *, bits: int = 16, over_full_scale: bool = False) -> None:
    """Write a wav file: rounded without dither, clipped rather than wrapped around, whole or not at all.

    Parameters
    ----------
    bits : 16 or 24 of each sample.
    over_full_scale : whether sound beyond -1..1 is kept, in a file of 32-bit floats, instead of being clipped: a stem may be louder than
        the mix, where others take away from it.
    """
    kept = over_full_scale and np.abs(audio.samples).max(initial=0.0) > 1.0
    _save_pcm(audio, Path(path), "WAV", "FLOAT" if kept else f"PCM_{bits}")


def save_audio(audio: Audio, path: str | Path, *, bitrate: int = BITRATE) -> None:
    """Write a sound file whose format goes by the suffix, one of `AUDIO_SUFFIXES`; wav and flac have 24 bits.

    Raises
    ------
    InputError
        If the suffix is unknown, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _PCM:
        _save_pcm(audio, path, *_PCM[suffix])
    elif suffix in _AAC:
        _save_aac(audio, path, _AAC[suffix], bitrate)
    else:
        raise InputError(f"{path}: unknown kind of sound file {path.suffix!r}; expected {', '.join(AUDIO_SUFFIXES)}; rename the output")


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Samples [...] in -1..1 as int16 of the same shape: rounded to nearest, no dither, clipped."""
    return np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(np.int16)


def fade(audio: Audio, *, in_seconds: float = 0.0, out_seconds: float = 0.0) -> Audio:
    """Raised-cosine fade at the beginning and the end; fades that are longer than the audio are cut to it."""
    samples = audio.samples.copy()
    length = samples.shape[-1]
    rise = min(round(in_seconds * audio.sample_rate), length)
    fall = min(round(out_seconds * audio.sample_rate), length)
    if rise:
        samples[:, :rise] *= raised_cosine(rise)
    if fall:
        samples[:, length - fall :] *= raised_cosine(fall)[::-1]
    return Audio(samples, audio.sample_rate)


def overlap_add(chunks: Iterable[np.ndarray], overlap: int, *, equal_power: bool = False) -> Iterator[np.ndarray]:
    """Join chunks of sound, each of which starts ``overlap`` samples before the end of the one before it, without a seam.

    Works chunk by chunk, so that memory does not grow with length.

    Parameters
    ----------
    chunks : arrays [C, N_i], each at least ``2 * overlap`` long but for the first and last, which may be as short as ``overlap``.
    overlap : int, samples.
    equal_power : if True, the gains' squares add up to one (for chunks that differ, as two takes); if False, the gains themselves do (for
        chunks that agree where they overlap, as one decoder run on neighbouring windows: the result is then exactly what both say).

    Yields
    ------
    arrays [C, M_i], to be concatenated; in all ``sum(N_i) - overlap * (number of chunks - 1)`` samples.
    """
    assert overlap >= 0
    tail: np.ndarray | None = None
    rise = raised_cosine(overlap)
    gain_in, gain_out = (np.sqrt(rise), np.sqrt(1 - rise)) if equal_power else (rise, 1 - rise)
    for chunk in chunks:
        assert chunk.shape[-1] >= overlap, f"a chunk of {chunk.shape[-1]} samples is shorter than the overlap of {overlap}"
        if tail is not None and overlap:
            seam = tail * gain_out + chunk[:, :overlap] * gain_in
            chunk = np.concatenate([seam.astype(chunk.dtype), chunk[:, overlap:]], axis=-1)
        cut = chunk.shape[-1] - overlap
        tail = chunk[:, cut:]
        yield chunk[:, :cut]
    if tail is not None:
        yield tail


def denoise(audio: Audio, *, strength: float = 1.0) -> Audio:
    """Spectral gating as both papers do after decoding: ``noisereduce.reduce_noise(y, sr)`` with its defaults.

    Zhu et al. 2022 (arXiv:2204.00604) and Huang et al. 2023 (doi:10.1587/transfun.2023EAP1059) name the library without settings; the
    released code of the first calls it with defaults. **It takes sustained notes for noise**: whatever is not well above its own mean over
    two seconds goes, chords and bass with the hiss. For music that is clean to begin with use `reduce_hiss`.

    Departs from the library for music longer than `DENOISE_CHUNK_SECONDS`: the gate runs on windows of that length, each with
    `DENOISE_PADDING_SECONDS` of context (twice the time constant of the gate's mean) and cross-faded with the next one, so that memory
    stays bounded and no seam is heard. Digital silence stays silent.

    Parameters
    ----------
    audio : Audio.
    strength : float in 0..1, share of the noise that is taken away (``prop_decrease``); the papers use 1.
    """
    import noisereduce

    def gate(samples: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            clean = noisereduce.reduce_noise(y=samples, sr=audio.sample_rate, chunk_size=samples.shape[-1], prop_decrease=strength)
        return np.nan_to_num(np.asarray(clean, dtype=np.float32).reshape(samples.shape))

    return _in_windows(gate, audio)


def reduce_hiss(audio: Audio) -> Audio:
    """Take away broadband hiss, at most `HISS_REDUCTION_DB`, and leave notes alone, held ones too.

    The floor of each frequency is a low quantile over time of its magnitude, then a median over `HISS_BAND_HZ` to both sides: hiss fills a
    whole band, a held note only a few bins, which the median passes over. What lies near the floor is turned down by a Wiener gain
    (Lim and Oppenheim, "Enhancement and bandwidth compression of noisy speech", 1979). Windows as in `denoise`.
    """
    from scipy.ndimage import median_filter, uniform_filter
    from scipy.signal import istft, stft

    rate = audio.sample_rate
    settings = {"nperseg": HISS_FFT, "noverlap": HISS_FFT * 3 // 4}
    half_band = max(1, round(HISS_BAND_HZ * HISS_FFT / rate))
    least = 10.0 ** (-HISS_REDUCTION_DB / 20.0)

    def gate(samples: np.ndarray) -> np.ndarray:
        padded = np.pad(samples, ((0, 0), (0, max(0, HISS_FFT - samples.shape[-1]))))
        spectrum = stft(padded, fs=rate, **settings)[2]
        power = np.square(np.abs(spectrum))
        floor = np.quantile(power, HISS_QUANTILE, axis=-1)
        floor = median_filter(floor, size=(1, 2 * half_band + 1), mode="nearest")[..., None] * HISS_FACTOR
        gain = np.maximum(1.0 - floor / np.maximum(power, np.finfo(np.float32).tiny), least**2)
        gain = np.sqrt(uniform_filter(gain, size=(1, 3, 3)))
        return istft(spectrum * gain, fs=rate, **settings)[1][:, : samples.shape[-1]].astype(np.float32)

    return _in_windows(gate, audio)


def _in_windows(process: Callable[[np.ndarray], np.ndarray], audio: Audio) -> Audio:
    """Apply ``process`` to windows of the music with context on both sides, and cross-fade the results: bounded memory, no seams."""
    rate, length = audio.sample_rate, audio.samples.shape[-1]
    padding, overlap = round(DENOISE_PADDING_SECONDS * rate), round(DENOISE_OVERLAP_SECONDS * rate)
    step = round(DENOISE_CHUNK_SECONDS * rate)

    def window(begin: int, end: int) -> np.ndarray:
        check()
        skip = min(begin, padding)
        return process(audio.samples[:, begin - skip : end + padding])[:, skip : skip + end - begin]

    begins = range(0, max(1, length - overlap), step)
    chunks = (window(begin, min(begin + step + overlap, length)) for begin in begins)
    return Audio(_concatenate(overlap_add(chunks, overlap if length > overlap else 0), audio.samples.shape), rate)


def aac_packets(audio: Audio, out: OutputContainer, *, start_seconds: Fraction = Fraction(0), bitrate: int = BITRATE) -> Iterator[Packet]:
    """Add an AAC stream to an open FFmpeg container and give its packets, encoded one by one as they are asked for.

    Departs from the audio's own sample rate unless it is one of `AAC_SAMPLE_RATES`: many players and sites take no other.

    Parameters
    ----------
    audio : Audio with one or two channels.
    out : container to which nothing was written yet.
    start_seconds : Fraction, presentation time of the first sample. The packet before it carries the encoder's delay; the container's edit
        list (mp4) or codec delay (Matroska) tells players to leave that out.
    bitrate : int, bit/s.
    """
    from av.audio.stream import AudioStream

    if audio.sample_rate not in AAC_SAMPLE_RATES:
        audio = resample(audio, AAC_SAMPLE_RATES[0])
    assert len(audio.samples) in (1, 2), "AAC is written with one or two channels"
    layout = "mono" if len(audio.samples) == 1 else "stereo"
    stream = out.add_stream("aac", rate=audio.sample_rate, layout=layout, bit_rate=bitrate)
    stream.options = dict(_AAC_OPTIONS)
    assert isinstance(stream, AudioStream)
    return _aac_packets(audio, stream, layout, round(start_seconds * audio.sample_rate))


def _aac_packets(audio: Audio, stream: AudioStream, layout: str, first: int) -> Iterator[Packet]:
    from av.audio.frame import AudioFrame

    assert np.isfinite(audio.samples).all(), "music holds NaN or infinite samples"
    for offset in range(0, audio.samples.shape[-1], AAC_FRAME):
        block = np.clip(audio.samples[:, offset : offset + AAC_FRAME], -1.0, 1.0)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block, dtype=np.float32), "fltp", layout)
        frame.sample_rate = audio.sample_rate
        frame.time_base = Fraction(1, audio.sample_rate)
        frame.pts = first + offset
        yield from stream.encode(frame)
    yield from stream.encode(None)


def raised_cosine(length: int) -> np.ndarray:
    """Raised-cosine rise from 0 to 1, float32 [length], symmetric: ramp + reversed ramp = 1."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(length, 1))).astype(np.float32)


def _concatenate(parts: Iterable[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    whole = np.empty(shape, dtype=np.float32)
    position = 0
    for part in parts:
        whole[:, position : position + part.shape[-1]] = part
        position += part.shape[-1]
    assert position == shape[-1], f"{position} samples, expected {shape[-1]}"
    return whole


def _save_pcm(audio: Audio, path: Path, kind: str, subtype: str) -> None:
    import soundfile

    with whole_file(path) as temporary:
        data: Any = audio.samples.T
        if subtype == "PCM_16":
            data = to_int16(data)
        elif subtype == "PCM_24":  # rounded here: libsndfile does so for some kinds of file only
            data = np.clip(np.rint(data * 8_388_607.0), -8_388_608, 8_388_607).astype(np.int32) << 8
        elif subtype != "FLOAT":
            data = np.clip(data, -1.0, 1.0)
        try:
            soundfile.write(temporary, data, audio.sample_rate, format=kind, subtype=subtype)
        except soundfile.LibsndfileError as error:
            raise OSError(0, str(error)) from error


def _save_aac(audio: Audio, path: Path, kind: str, bitrate: int) -> None:
    import av

    with whole_file(path) as temporary, av.open(f"file:{temporary}", "w", format=kind) as out:
        for packet in aac_packets(audio, out, bitrate=bitrate):
            out.mux(packet)
