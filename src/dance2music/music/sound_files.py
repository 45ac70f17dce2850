"""Samples of sound files that strangers made, by libsndfile or FFmpeg: bounded, and none opens another file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dance2music.errors import InputError

READ_RATES_HZ = (1000, 768_000)
MAX_READ_SAMPLES = 2 * 48_000 * 1800
"""Of a sound file, all channels together: half an hour of stereo."""
_SOUND_READERS = (
    *("wav", "w64", "aiff", "flac", "ogg", "mp3", "aac", "ac3", "eac3", "ape", "caf", "au", "amr", "tta", "wv", "dts", "opus"),
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "asf", "mxf", "nut", "rm"),
)
"""FFmpeg's readers of files that hold their sound themselves: no playlists."""
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(_SOUND_READERS)}


def read_samples(path: Path) -> tuple[np.ndarray, int]:
    """Samples float32 [C, N] of a file, and how many there are per second.

    Raises
    ------
    InputError
        If neither library reads it, it is too long, or its rate cannot be.
    """
    samples, rate = _read_soundfile(path) or _read_av(path)
    if not READ_RATES_HZ[0] <= rate <= READ_RATES_HZ[1]:
        raise InputError(f"{path}: {rate} samples per second; expected {READ_RATES_HZ[0]} to {READ_RATES_HZ[1]}; convert it first")
    return samples, rate


def _read_soundfile(path: Path) -> tuple[np.ndarray, int] | None:
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            if file.frames * file.channels > MAX_READ_SAMPLES:
                raise _too_long(path)
            rate, samples = file.samplerate, file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, ValueError):
        return None
    return np.ascontiguousarray(samples.T), int(rate)


def _too_long(path: Path) -> InputError:
    return InputError(f"{path}: has more than {MAX_READ_SAMPLES / 1e6:.0f} million samples; expected at most those of half an hour; cut it")


def _read_av(path: Path) -> tuple[np.ndarray, int]:
    import av

    expected = "expected one of wav, flac, ogg, opus, mp3, m4a, aiff or a video with sound; convert it or choose another file"
    try:
        with av.open(f"file:{path}", metadata_errors="surrogateescape", container_options=_OPTIONS) as container:
            if not container.streams.audio:
                raise InputError(f"{path}: has no sound; {expected}")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise ValueError("its codec is unknown")
            rate = stream.codec_context.sample_rate
            resampler = av.AudioResampler(format="fltp", layout=stream.layout.name, rate=rate)
            blocks: list[np.ndarray] = []
            read = 0
            for frame in container.decode(stream):
                for block in resampler.resample(frame):
                    blocks.append(block.to_ndarray())
                    read += blocks[-1].size
                    if read > MAX_READ_SAMPLES:
                        raise _too_long(path)
            blocks.extend(block.to_ndarray() for block in resampler.resample(None))
    except (av.FFmpegError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        raise InputError(f"{path}: cannot be read as sound ({reason}); {expected}") from error
    if not blocks:
        raise InputError(f"{path}: has no sound (0 samples); {expected}")
    return np.concatenate(blocks, axis=-1).astype(np.float32, copy=False), int(rate)
