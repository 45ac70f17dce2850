"""Each genre has a kit and instruments of its own."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.composer.genres import DRUM_LANES
from dance2music.composer.styles import STYLES
from dance2music.sound.drum_track import REFERENCE_PEAK, one_shot
from dance2music.sound.kits import GENRE_SOUNDS
from dance2music.types import GENRES

RATE = 48000


def attack_seconds(sound: np.ndarray) -> float:
    """From 10 to 90 % of the peak of the envelope, the running maximum over half a millisecond."""
    from scipy.ndimage import maximum_filter1d

    envelope = maximum_filter1d(np.abs(sound), int(0.0005 * RATE))
    return float(np.argmax(envelope >= 0.9 * envelope.max()) - np.argmax(envelope >= 0.1 * envelope.max())) / RATE


def test_all_genres_have_a_kit_of_their_own() -> None:
    assert len(GENRE_SOUNDS) == len(GENRES)
    assert len({sound.kit for sound in GENRE_SOUNDS}) == len(GENRES)


@pytest.mark.parametrize("genre", range(len(GENRES)))
def test_hats_and_snares_strike_within_three_milliseconds(genre: int) -> None:
    for pitch in (38, 42, 46):
        for layer in one_shot(GENRE_SOUNDS[genre].kit.sound(pitch), RATE, 1):
            assert attack_seconds(layer.mean(axis=0)) <= 0.003


@pytest.mark.parametrize("lane", [pitch for _, pitch in DRUM_LANES])
def test_drums_are_finite_centred_and_end_in_silence(lane: int) -> None:
    shot = one_shot(GENRE_SOUNDS[5].kit.sound(lane), RATE, 0)
    assert np.isfinite(shot).all() and 0.5 * REFERENCE_PEAK < np.abs(shot).max() < 3 * REFERENCE_PEAK
    assert abs(shot.mean()) < 2e-3
    assert np.abs(shot[..., -20:]).max() < 1e-3 * REFERENCE_PEAK


def test_every_instrument_of_every_style_has_a_patch() -> None:
    for style, sound in zip(STYLES, GENRE_SOUNDS):
        for role, programs in style.programs.items():
            for program in programs:
                assert callable(sound.patch(role, program).voice)


def test_a_kick_is_deep_and_a_hat_is_high() -> None:
    def center_hz(shot: np.ndarray) -> float:
        power = np.square(np.abs(np.fft.rfft(shot[1].mean(axis=0))))
        return float((np.fft.rfftfreq(shot.shape[-1], 1 / RATE) * power).sum() / power.sum())

    kit = GENRE_SOUNDS[5].kit
    assert center_hz(one_shot(kit.sound(36), RATE, 0)) < 150.0 < 5000.0 < center_hz(one_shot(kit.sound(42), RATE, 0))


@pytest.mark.parametrize("genre", range(len(GENRES)))
def test_a_kick_is_over_before_the_next_beat_and_can_be_heard_on_a_phone(genre: int) -> None:
    kick = one_shot(GENRE_SOUNDS[genre].kit.sound(36), RATE, 0)[1, 0].astype(np.float64)
    window = round(0.005 * RATE)
    envelope = np.sqrt(np.convolve(np.square(kick), np.ones(window) / window, mode="same"))
    assert np.flatnonzero(envelope > 0.1 * envelope.max())[-1] / RATE < 0.3  # by 20 dB; a beat at 150 BPM lasts 0.4 s
    power = np.square(np.abs(np.fft.rfft(kick)))
    frequencies_hz = np.fft.rfftfreq(len(kick), 1 / RATE)
    assert 10 * np.log10(power[frequencies_hz > 1000.0].sum() / power.sum()) > -33.0
