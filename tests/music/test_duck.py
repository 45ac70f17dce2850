"""Music that gives way to another sound."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.music.duck import DuckConfig, duck_gain, mixed
from dance2music.music.loudness import loudness, true_peak_db
from dance2music.types import Audio

RATE = 8000


def speech(seconds: float = 6.0, *, level: float = 0.2) -> Audio:
    """A tone from 2 to 3 s, silence around it."""
    t = np.arange(round(seconds * RATE)) / RATE
    return Audio((level * np.sin(2 * np.pi * 300 * t) * ((t >= 2) & (t < 3)))[None].astype(np.float32), RATE)


def noise(seconds: float = 6.0, *, channels: int = 2) -> Audio:
    return Audio((0.1 * np.random.default_rng(0).standard_normal((channels, round(seconds * RATE)))).astype(np.float32), RATE)


def decibels(gain: np.ndarray, seconds: float) -> float:
    return float(20 * np.log10(gain[round(seconds * RATE)]))


def test_the_gain_is_down_when_the_voice_begins_and_back_after_the_release() -> None:
    gain = duck_gain(speech(), DuckConfig(depth_db=12.0, attack_seconds=0.1, release_seconds=0.4))
    assert decibels(gain, 1.85) == 0.0 and decibels(gain, 2.01) == pytest.approx(-12.0, abs=1.5)
    assert decibels(gain, 2.5) == pytest.approx(-12.0) and decibels(gain, 3.2) == pytest.approx(-6.0, abs=1.0)
    assert decibels(gain, 3.45) == 0.0 and gain.dtype == np.float32 and gain.max() <= 1.0


def test_silence_hiss_and_a_depth_of_zero_leave_the_music_alone() -> None:
    for other, depth in ((Audio(np.zeros((1, RATE), np.float32), RATE), 12.0), (speech(level=1e-4), 12.0), (speech(), 0.0)):
        assert (duck_gain(other, DuckConfig(depth_db=depth)) == 1.0).all()
    assert duck_gain(Audio(np.zeros((1, 0), np.float32), RATE), DuckConfig(depth_db=6.0)).shape == (0,)


def test_both_sounds_with_their_gains_are_the_mix_as_loud_as_the_music_was() -> None:
    music, voice = noise(), speech()
    mix = mixed(music, voice, level_db=6.0, duck=DuckConfig(depth_db=9.0))
    assert np.allclose(music.samples * mix.music_gain + voice.samples * mix.other_gain, mix.audio.samples, atol=1e-5)
    assert loudness(mix.audio) == pytest.approx(loudness(music), abs=0.3)
    ratio = mix.other_gain[round(2.5 * RATE)] / mix.music_gain[round(2.5 * RATE)]
    assert 20 * np.log10(ratio) == pytest.approx(6.0 + 9.0, abs=0.01)


def test_a_loud_voice_stays_under_the_ceiling() -> None:
    mix = mixed(noise(channels=1), speech(level=0.9), level_db=12.0, duck=DuckConfig(depth_db=20.0))
    assert true_peak_db(mix.audio) <= -0.9


def test_with_silent_music_the_other_sound_is_left() -> None:
    voice = speech()
    mix = mixed(Audio(np.zeros_like(voice.samples), RATE), voice, level_db=0.0, duck=DuckConfig())
    assert np.array_equal(mix.audio.samples, voice.samples)
