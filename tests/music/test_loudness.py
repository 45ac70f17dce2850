"""Loudness against the numbers in ITU-R BS.1770-4 and EBU Tech 3341, and the limiter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dance2music.music.loudness import limit, limiter_gain, loudness, loudness_range, normalize_loudness, short_time_loudness, true_peak_db
from dance2music.types import Audio
from peaks import true_peak


def sine(level_db: float, *, hz: float = 1000.0, seconds: float = 5.0, rate: int = 48000, channels: int = 1) -> Audio:
    wave = 10.0 ** (level_db / 20.0) * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return Audio(np.tile(wave.astype(np.float32), (channels, 1)), rate)


def join(*parts: Audio) -> Audio:
    return Audio(np.concatenate([p.samples for p in parts], axis=-1), parts[0].sample_rate)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_a_full_scale_sine_at_997_hz_in_one_channel_is_at_minus_3_01(rate: int) -> None:
    # BS.1770-4: a 0 dB FS 997 Hz sine in one channel reads -3.01 LKFS
    assert loudness(sine(0.0, hz=997.0, rate=rate)) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_two_channels_of_a_sine_read_their_level(level: float) -> None:
    # EBU Tech 3341, cases 1 and 2
    assert loudness(sine(level, channels=2)) == pytest.approx(level, abs=0.1)


def test_quiet_parts_are_gated() -> None:
    # EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 reads -23; shortened to a fifth
    quiet, loud = sine(-36.0, seconds=2.0, channels=2), sine(-23.0, seconds=12.0, channels=2)
    assert loudness(join(quiet, loud, quiet)) == pytest.approx(-23.0, abs=0.1)


def test_silence_does_not_count_and_silence_alone_has_no_loudness() -> None:
    silence = Audio(np.zeros((2, 48000 * 5), np.float32), 48000)
    assert loudness(join(silence, sine(-20.0, channels=2), silence)) == pytest.approx(-20.0, abs=0.3)
    assert loudness(silence) == -np.inf
    assert normalize_loudness(silence) is silence
    assert loudness(Audio(np.zeros((1, 0), np.float32), 48000)) == -np.inf


def test_a_short_sound_has_a_loudness_too() -> None:
    assert loudness(sine(-20.0, seconds=0.2)) == pytest.approx(-23.0, abs=1.0)


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_a_block_that_is_not_whole_at_the_end_does_not_count(rate: int) -> None:
    noise = 0.1 * np.random.default_rng(0).normal(size=(2, round(2.57 * rate))).astype(np.float32)
    noise[:, round(2.5 * rate) :] *= 20.0
    whole = loudness(Audio(noise[:, : round(2.5 * rate)], rate))
    assert loudness(Audio(noise, rate)) == whole
    assert loudness(Audio(noise[:, : round(2.4 * rate)], rate)) != whole


@given(target=st.floats(-30.0, -14.0), level=st.floats(0.01, 0.3), seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_normalised_music_has_the_loudness_asked_for_and_stays_under_the_ceiling(target: float, level: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = Audio((level * rng.normal(size=(1, 44100))).astype(np.float32), 22050)
    result = normalize_loudness(noise, target_lufs=target)
    assert loudness(result) == pytest.approx(target, abs=0.3)
    assert true_peak(result) <= 10 ** (-1 / 20) * 1.01
    assert result.samples.dtype == np.float32 and result.samples.shape == noise.samples.shape


def test_the_limiter_finds_what_lies_between_the_samples() -> None:
    # a quarter-rate sine at 45 degrees: samples reach 0.707 of its peak
    wave = np.sin(2 * np.pi * np.arange(4000) / 4 + np.pi / 4)
    wave *= np.hanning(len(wave))
    audio = Audio(wave[None].astype(np.float32), 44100)
    assert np.abs(audio.samples).max() == pytest.approx(0.707, abs=0.001)
    assert true_peak(audio) == pytest.approx(1.0, abs=0.02)
    assert true_peak(limit(audio)) == pytest.approx(10 ** (-1 / 20), rel=0.01)


def test_the_limiter_leaves_quiet_sound_alone() -> None:
    quiet = sine(-6.0)
    assert limit(quiet) is quiet


def test_the_limiter_holds_the_ceiling_and_keeps_channels_together() -> None:
    rng = np.random.default_rng(3)
    samples = (0.05 * rng.normal(size=(2, 22050 * 12))).astype(np.float32)
    samples[0, rng.integers(0, samples.shape[1], size=60)] = 1.8
    audio = Audio(samples, 22050)
    result = limit(audio)
    assert true_peak(result) <= 10 ** (-1 / 20) * 1.01
    gain = result.samples / np.where(samples == 0, 1, samples)
    assert gain[0] == pytest.approx(gain[1], abs=1e-5)
    assert gain.max() <= 1.0 + 1e-6 and np.abs(np.diff(gain[0])).max() < 0.01  # smooth: no clicks


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_integrated_loudness_is_pyloudnorm_s(rate: int, channels: int) -> None:
    from pyloudnorm import Meter

    rng = np.random.default_rng(1)
    swells = 10.0 ** rng.uniform(-3.0, -0.5, 24).repeat(rate // 2)
    audio = Audio((swells * rng.standard_normal((channels, len(swells)))).astype(np.float32), rate)
    expected = Meter(rate, filter_class="DeMan").integrated_loudness(audio.samples.T.astype(np.float64))
    assert loudness(audio) == pytest.approx(expected, abs=1e-6)


def test_the_range_of_two_levels_is_their_difference() -> None:
    # EBU Tech 3342, case 1: 20 s at -20, 20 s at -30 reads 10 LU
    assert loudness_range(join(sine(-20.0, seconds=20.0, channels=2), sine(-30.0, seconds=20.0, channels=2))) == pytest.approx(
        10.0, abs=0.2
    )
    assert loudness_range(sine(-20.0, seconds=5.0)) == pytest.approx(0.0, abs=0.1)
    assert np.isnan(loudness_range(sine(-20.0, seconds=2.9))) and np.isnan(loudness_range(Audio(np.zeros((1, 480_000), np.float32), 48000)))


def test_short_time_loudness_has_a_value_for_each_window() -> None:
    levels = short_time_loudness(join(sine(-20.0, seconds=6.0), sine(-40.0, seconds=6.0)), window_seconds=4.0, hop_seconds=1.0)
    assert len(levels) == 9 and levels[0] - levels[-1] == pytest.approx(20.0, abs=0.1)


def test_the_true_peak_lies_between_samples() -> None:
    wave = np.sin(2 * np.pi * np.arange(4000) / 4 + np.pi / 4) * np.hanning(4000)
    assert true_peak_db(Audio(wave[None].astype(np.float32), 44100)) == pytest.approx(0.0, abs=0.2)
    assert true_peak_db(Audio(np.zeros((1, 100), np.float32), 44100)) == -np.inf


def test_the_limiter_s_gain_is_what_it_multiplies() -> None:
    rng = np.random.default_rng(3)
    audio = Audio((0.6 * rng.normal(size=(2, 22050))).astype(np.float32), 22050)
    gain = limiter_gain(audio)
    assert gain is not None and np.array_equal(limit(audio).samples, audio.samples * gain)
    assert limiter_gain(sine(-6.0)) is None
