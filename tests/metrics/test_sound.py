"""Buzz, dull attacks and colour: each measure tells what it is for and is blind to the rest."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.metrics.quality import log_mel_l1
from dance2music.metrics.sound import attack_seconds, averaged_log_mel_l1, found_comb, frame_rate_comb
from dance2music.types import Audio

RATE = 22_050
FRAMES_HZ = RATE / 256


def noise(seed: int, seconds: float = 3.0, rate: int = RATE) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def buzz(seed: int = 5, seconds: float = 3.0) -> np.ndarray:
    """One frame of noise over and over."""
    return np.tile(noise(seed, 256 / RATE), round(seconds * RATE / 256))


def audio(x: np.ndarray, rate: int = RATE) -> Audio:
    return Audio(x[None], rate)


def test_a_repeated_frame_is_all_comb_and_noise_has_none() -> None:
    level, share = frame_rate_comb(audio(buzz()), FRAMES_HZ)
    assert level > 20 and share > 0.95
    level, share = frame_rate_comb(audio(noise(0)), FRAMES_HZ)
    assert abs(level) < 2.0 and share == pytest.approx(3 * RATE / 8192 / FRAMES_HZ, abs=0.03)


def test_a_comb_of_another_rate_is_none_of_this_one() -> None:
    level, share = frame_rate_comb(audio(buzz()), 97.3)
    assert level < 3.0 and share < 0.2


def test_the_level_grows_with_the_buzz_in_the_noise() -> None:
    steady, tone = noise(0, len(buzz()) / RATE), buzz()
    levels = [frame_rate_comb(audio(steady + gain * tone), FRAMES_HZ).level_db for gain in (0.0, 0.1, 0.3, 1.0)]
    assert levels == sorted(levels) and levels[-1] > levels[0] + 10


def test_other_sample_rates_and_channels_tell_the_same() -> None:
    stereo = np.stack([np.repeat(buzz(), 2)] * 2)
    assert frame_rate_comb(Audio(stereo, 2 * RATE), FRAMES_HZ).level_db > 20


def test_silence_and_short_sounds_have_no_comb_and_a_band_without_multiples_is_refused() -> None:
    assert frame_rate_comb(audio(np.zeros(RATE, np.float32)), FRAMES_HZ) == (0.0, 0.0)
    assert frame_rate_comb(audio(noise(0, 0.1)), FRAMES_HZ) == (0.0, 0.0)
    with pytest.raises(InputError, match="choose another band"):
        frame_rate_comb(audio(noise(0)), FRAMES_HZ, band_hz=(2000.0, 2050.0))
    with pytest.raises(InputError, match="below half the rate"):
        frame_rate_comb(audio(noise(0, rate=8000), 8000), FRAMES_HZ)


def test_averages_forgive_noise_for_being_other_noise_but_not_its_level() -> None:
    frames, averages = log_mel_l1(noise(0), noise(1), RATE), averaged_log_mel_l1(noise(0), noise(1), RATE)
    assert averages < 0.5 * frames
    assert averaged_log_mel_l1(noise(0), 2 * noise(0), RATE) == pytest.approx(np.log(2), rel=1e-3)
    assert averaged_log_mel_l1(noise(0), noise(0), RATE) == 0.0
    with pytest.raises(InputError, match="equally long"):
        averaged_log_mel_l1(noise(0), noise(0)[1:], RATE)


def hats(rise_seconds: float) -> np.ndarray:
    """Bursts of noise every 0.25 s that rise along a line."""
    t = np.arange(round(0.25 * RATE)) / RATE
    envelope = np.minimum(t / rise_seconds, 1.0) * np.exp(-np.maximum(t - rise_seconds, 0) / 0.03)
    carrier = np.sign(np.sin(2 * np.pi * 8000 * t))  # steady, so that the envelope is what was drawn
    return np.tile(envelope * carrier, 8).astype(np.float32)


def test_the_attack_of_bursts_is_four_fifths_of_their_rise() -> None:
    for rise in (0.004, 0.008):
        assert attack_seconds(audio(hats(rise))) == pytest.approx(0.8 * rise, abs=0.0012)


def test_low_notes_and_silence_have_no_attack() -> None:
    low = np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE).astype(np.float32)
    assert np.isnan(attack_seconds(audio(np.zeros(RATE, np.float32))))
    assert np.isnan(attack_seconds(audio(low * np.hanning(RATE).astype(np.float32))))


def test_the_rate_of_an_unknown_buzz_is_found() -> None:
    rate, n = 22050, 22050 * 4
    hum = np.zeros(n)
    hum[np.round(np.arange(0, n, rate / 172.27)).astype(int)[:-1]] = 0.3
    buzzing = Audio((hum + 0.01 * np.random.default_rng(0).standard_normal(n))[None].astype(np.float32), rate)
    found = found_comb(buzzing)
    assert found.rate_hz == pytest.approx(172.27, abs=0.1) and found.level_db > 6
    plain = found_comb(Audio(0.1 * np.random.default_rng(1).standard_normal((1, n)).astype(np.float32), rate))
    assert plain.level_db < 4 < found.level_db
    assert np.isnan(found_comb(Audio(np.zeros((1, n), np.float32), rate)).rate_hz)
