"""Sound files, seams, fades and denoising."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import videos
from dance2music.errors import InputError
from dance2music.music.audio import (
    AUDIO_SUFFIXES,
    denoise,
    fade,
    load_audio,
    overlap_add,
    reduce_hiss,
    resample,
    save_audio,
    save_wav,
    to_int16,
)
from dance2music.types import Audio


def tone(hz: float = 440.0, *, seconds: float = 1.0, rate: int = 22050, level: float = 0.5, channels: int = 1) -> Audio:
    wave = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return Audio(np.tile(wave.astype(np.float32), (channels, 1)), rate)


def test_a_stem_beyond_full_scale_is_kept_where_asked_and_clipped_elsewhere(tmp_path: Path) -> None:
    loud = Audio(np.array([[0.5, 1.5, -1.25, 0.0]], np.float32), 8000)
    save_wav(loud, tmp_path / "kept.wav", over_full_scale=True)
    save_wav(loud, tmp_path / "clipped.wav")
    assert np.array_equal(load_audio(tmp_path / "kept.wav").samples, loud.samples)
    assert np.abs(load_audio(tmp_path / "clipped.wav").samples).max() <= 1.0


def test_a_wav_file_comes_back_to_half_a_step_of_16_bits(tmp_path: Path) -> None:
    audio = tone()
    save_wav(audio, tmp_path / "a.wav")
    again = load_audio(tmp_path / "a.wav")
    assert again.sample_rate == 22050
    assert again.samples.shape == audio.samples.shape and again.samples.dtype == np.float32
    assert np.abs(again.samples * 32768 - audio.samples * 32767).max() <= 0.51


def test_the_same_sound_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        save_wav(tone(), tmp_path / name)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_too_loud_samples_are_clipped_not_wrapped() -> None:
    assert to_int16(np.array([-9.0, -1.0, 0.0, 0.5, 1.0, 9.0])).tolist() == [-32768, -32767, 0, 16384, 32767, 32767]


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_every_suffix_is_written_and_read_back_in_time(tmp_path: Path, suffix: str) -> None:
    audio = Audio(np.zeros((2, 44100), np.float32), 44100)
    audio.samples[:, 22050:22200] = 0.8 * np.sin(2 * np.pi * 3000 * np.arange(150) / 44100)
    save_audio(audio, tmp_path / f"a{suffix}")
    again = load_audio(tmp_path / f"a{suffix}", mono=False)
    assert len(again.samples) == 2
    assert again.duration_seconds == pytest.approx(1.0, abs=0.05)
    onset = np.argmax(np.abs(again.samples[0]) > 0.3) / again.sample_rate
    assert onset == pytest.approx(0.5, abs=0.005)


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'\.aiff'; expected \.wav, \.flac, \.ogg, \.mp3, \.m4a"):
        save_audio(tone(), tmp_path / "a.aiff")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_gives_one_line_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *args: object, **settings: object) -> None:
        path.write_bytes(b"half")
        raise soundfile.LibsndfileError(2, "Error in file: ")

    monkeypatch.setattr(soundfile, "write", full)
    with pytest.raises(InputError, match="cannot be written"):
        save_wav(tone(), tmp_path / "a.wav")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".m4a"])
def test_a_disk_that_fills_up_is_noticed(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    noise = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, size=(1, 44100 * 2)).astype(np.float32), 44100)
    try:  # the system refuses every byte of a file beyond the limit, as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(InputError, match="cannot be written"):
            save_audio(noise, tmp_path / f"a{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


def test_the_sound_of_a_video_is_read(tmp_path: Path) -> None:
    audio = load_audio(videos.write_video(tmp_path / "a.mp4"), sample_rate=22050)
    assert audio.sample_rate == 22050
    assert audio.duration_seconds == pytest.approx(2.0, abs=0.05)
    spectrum = np.abs(np.fft.rfft(audio.samples[0]))
    assert np.argmax(spectrum) / audio.duration_seconds == pytest.approx(440.0, abs=1.0)


def test_channels_are_averaged_or_kept(tmp_path: Path) -> None:
    stereo = Audio(np.stack([np.full(1000, 0.5), np.full(1000, -0.1)]).astype(np.float32), 22050)
    save_audio(stereo, tmp_path / "a.flac")
    assert load_audio(tmp_path / "a.flac").samples == pytest.approx(np.full((1, 1000), 0.2), abs=1e-4)
    assert load_audio(tmp_path / "a.flac", mono=False).samples == pytest.approx(stereo.samples, abs=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_sound_that_is_not_a_number_is_refused_by_name(tmp_path: Path, value: float) -> None:
    samples = tone().samples.copy()
    samples[0, 7:10] = value
    soundfile.write(tmp_path / "broken.wav", samples.T, 22050, subtype="FLOAT")
    with pytest.raises(InputError, match=r"broken\.wav: 3 samples are NaN or infinite"):
        load_audio(tmp_path / "broken.wav")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p, "No such file"),
        (lambda p: p.mkdir(), "is a folder"),
        (videos.empty, r"is empty \(0 bytes\)"),
        (videos.renamed_text, "cannot be read as sound"),
        (lambda p: videos.write_video(p.with_suffix(".mp4"), audio=False).rename(p), "has no sound"),
        (lambda p: soundfile.write(p, np.zeros((0, 1)), 22050), r"has no sound \(0 samples\)"),
    ],
    ids=["missing", "folder", "empty", "text", "silent video", "no samples"],
)
def test_bad_input_gets_one_clear_line(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "music.wav"
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        load_audio(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_wav(tone(), tmp_path / "a.wav")

    def refuse(*args: object, **settings: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)  # tests may run as root, who may read everything
    with pytest.raises(InputError, match="Permission denied"):
        load_audio(tmp_path / "a.wav")


@given(old=st.sampled_from([8000, 22050, 44100, 48000]), new=st.sampled_from([8000, 22050, 44100, 48000]), length=st.integers(1, 3000))
@settings(max_examples=40, deadline=None)
def test_resampling_gives_the_length_that_the_rates_demand(old: int, new: int, length: int) -> None:
    result = resample(Audio(np.zeros((2, length), np.float32), old), new)
    assert result.samples.shape == (2, round(length * new / old))
    assert result.sample_rate == new and result.samples.dtype == np.float32


def test_resampling_keeps_a_tone_and_its_place() -> None:
    old, new = tone(440.0, rate=44100), tone(440.0, rate=22050)
    inside = slice(200, -200)
    assert resample(old, 22050).samples[:, inside] == pytest.approx(new.samples[:, inside], abs=2e-3)


def test_a_fade_begins_and_ends_in_silence_and_leaves_the_middle() -> None:
    ones = Audio(np.ones((1, 1000), np.float32), 1000)
    result = fade(ones, in_seconds=0.1, out_seconds=0.2).samples[0]
    assert result[0] < 0.001 and result[-1] < 0.001
    assert np.all(result[100:800] == 1.0)
    assert np.all(np.diff(result[:100]) > 0) and np.all(np.diff(result[800:]) < 0)
    assert ones.samples.min() == 1.0
    assert fade(ones, in_seconds=5.0).samples[0, 999] == pytest.approx(1.0, abs=1e-4)


def test_no_fade_changes_nothing() -> None:
    assert np.array_equal(fade(tone()).samples, tone().samples)


@given(overlap=st.integers(0, 20), lengths=st.lists(st.integers(40, 90), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_chunks_that_agree_are_joined_without_a_trace(overlap: int, lengths: list[int], seed: int) -> None:
    total = sum(lengths) - overlap * (len(lengths) - 1)
    whole = np.random.default_rng(seed).normal(size=(2, total)).astype(np.float32)
    begins = np.cumsum([0] + [n - overlap for n in lengths[:-1]])
    chunks = (whole[:, begin : begin + n] for begin, n in zip(begins, lengths))
    assert np.concatenate(list(overlap_add(chunks, overlap)), axis=-1) == pytest.approx(whole, abs=1e-6)


def test_chunks_that_differ_keep_their_power_through_the_seam() -> None:
    rng = np.random.default_rng(0)
    takes = [rng.normal(size=(1, 60_000)) for _ in range(2)]
    joined = np.concatenate(list(overlap_add(takes, 30_000, equal_power=True)), axis=-1)
    assert joined.shape == (1, 90_000)
    assert [np.square(part).mean() for part in np.split(joined[0], 9)] == pytest.approx([1.0] * 9, abs=0.06)


def test_overlap_add_takes_its_chunks_one_by_one() -> None:
    taken = 0

    def chunks() -> Iterator[np.ndarray]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield np.zeros((1, 50), np.float32)

    joined = overlap_add(chunks(), 10)
    next(joined)
    assert taken == 1


def power_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.square(samples).mean()))


def noisy_note(rate: int = 22050) -> tuple[Audio, Audio]:
    """A note of half a second that starts after one second, clean and with hiss 31 dB below it; 4 s in all."""
    note = np.zeros((1, 4 * rate), np.float32)
    note[0, rate : rate + rate // 2] = tone(440.0, seconds=0.5, rate=rate).samples
    hiss = 0.01 * np.random.default_rng(0).normal(size=note.shape)
    return Audio(note, rate), Audio(note + hiss.astype(np.float32), rate)


def test_denoising_lowers_steady_noise_more_than_a_short_note() -> None:
    _, noisy = noisy_note()
    clean = denoise(noisy)
    assert clean.samples.shape == noisy.samples.shape and clean.samples.dtype == np.float32
    rate = noisy.sample_rate
    lost_db = [
        power_db(noisy.samples[0, part]) - power_db(clean.samples[0, part])
        for part in (slice(2 * rate, 3 * rate), slice(rate + 2000, rate + 4000))  # hiss alone, and the note
    ]
    assert lost_db[0] > 8 and lost_db[0] > lost_db[1] + 4
    unchanged = denoise(noisy, strength=0.0)
    assert unchanged.samples == pytest.approx(noisy.samples, abs=1e-5)


def test_hiss_is_reduced_and_a_held_chord_is_not() -> None:
    rate = 22050
    chord = sum(tone(hz, seconds=6.0, rate=rate, level=0.2).samples for hz in (220.0, 277.2, 329.6))
    noise = (0.01 * np.random.default_rng(0).normal(size=(1, 6 * rate))).astype(np.float32)
    clean = reduce_hiss(Audio(chord + noise, rate)).samples
    inside = slice(rate // 2, -rate // 2)
    assert power_db((clean - chord)[0, inside]) < power_db(noise[0, inside]) - 4
    assert power_db(clean[0, inside]) == pytest.approx(power_db(chord[0, inside]), abs=0.2)
    assert power_db(denoise(Audio(chord, rate)).samples[0, inside]) < power_db(chord[0, inside]) - 6  # why hiss has its own function
    assert reduce_hiss(Audio(chord, rate)).samples[0, inside] == pytest.approx(chord[0, inside], abs=0.01)


@pytest.mark.parametrize("length", [1, 100, 5000])
def test_hiss_reduction_keeps_any_length(length: int) -> None:
    audio = Audio(np.random.default_rng(0).normal(size=(2, length)).astype(np.float32), 22050)
    result = reduce_hiss(audio)
    assert result.samples.shape == audio.samples.shape and np.isfinite(result.samples).all()


def test_denoising_short_sound_is_the_librarys_own() -> None:
    import noisereduce

    noise = np.random.default_rng(0).normal(size=22050).astype(np.float32) * 0.1
    expected = noisereduce.reduce_noise(y=noise, sr=22050)
    assert denoise(Audio(noise[None], 22050)).samples[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("clean", [denoise, reduce_hiss])
def test_denoising_in_windows_leaves_no_seam(clean: Callable[[Audio], Audio], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    rate = 8000
    audio = Audio((0.1 * rng.normal(size=(1, 15 * rate)) * (1 + np.sin(np.arange(15 * rate) / 900))).astype(np.float32), rate)
    whole = clean(audio).samples
    monkeypatch.setattr("dance2music.music.audio.DENOISE_CHUNK_SECONDS", 4.0)
    windowed = clean(audio).samples
    assert windowed.shape == whole.shape
    inner = slice(rate, -rate)
    assert np.abs(windowed - whole)[:, inner].max() < 0.1 * np.abs(whole).max()


@pytest.mark.parametrize("clean", [denoise, reduce_hiss])
def test_digital_silence_stays_silent(clean: Callable[[Audio], Audio]) -> None:
    silence = Audio(np.zeros((2, 22050), np.float32), 22050)
    assert np.array_equal(clean(silence).samples, silence.samples)
