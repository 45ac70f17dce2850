from __future__ import annotations

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.evaluation.controls import CLICK_BPM, NOISE_RMS, click_track, fitted, fixed_clicks, make_controls, shifted, white_noise
from dance2music.evaluation.results import CONTROLS
from dance2music.music.beats import onset_times
from dance2music.types import Audio

RATE = 22_050


def ramp(seconds: float = 2.0) -> Audio:
    return Audio(np.linspace(-1, 1, round(seconds * RATE), dtype=np.float32)[None], RATE)


def test_all_seven_controls_stand_beside_a_clip_in_order() -> None:
    made = make_controls(ramp(), seed=3, reference=ramp(), other=ramp(3.0), kinematic_beats=np.array([0.5, 1.0]))
    assert list(made) == list(CONTROLS) and len(made) == 7
    for name, audio in made.items():
        assert audio.samples.shape == (1, 2 * RATE) and audio.samples.dtype == np.float32, name
        assert np.isfinite(audio.samples).all() and np.abs(audio.samples).max() <= 1.0


def test_what_cannot_be_made_is_missing() -> None:
    assert list(make_controls(ramp(), seed=0)) == ["click_fixed", "shifted", "noise", "silence"]
    with pytest.raises(InputError, match="0 samples"):
        make_controls(Audio(np.zeros((1, 0), np.float32), RATE), seed=0)


def test_clicks_are_heard_where_they_are_put() -> None:
    times = np.array([0.3, 0.8, 1.7])
    assert onset_times(click_track(times, 2.0, RATE)) == pytest.approx(times, abs=0.04)
    assert not click_track(np.array([-0.1, 2.0, 5.0]), 2.0, RATE).samples.any()
    assert np.diff(onset_times(fixed_clicks(10.0, RATE))) == pytest.approx(60 / CLICK_BPM, abs=0.03)


def test_shifted_music_is_the_same_music_elsewhere() -> None:
    moved = shifted(ramp(), seed=5).samples
    assert sorted(moved[0].tolist()) == sorted(ramp().samples[0].tolist())
    place = int(np.argmin(moved[0])) / moved.shape[1]
    assert 0.2 <= place <= 0.8
    assert (shifted(ramp(), seed=5).samples == moved).all() and (shifted(ramp(), seed=6).samples != moved).any()


def test_noise_is_drawn_from_its_seed() -> None:
    noise = white_noise(2.0, RATE, seed=1).samples
    assert noise.std() == pytest.approx(NOISE_RMS, rel=0.02)
    assert (noise == white_noise(2.0, RATE, seed=1).samples).all() and (noise != white_noise(2.0, RATE, seed=2).samples).any()


def test_another_song_is_cut_or_repeated_to_the_length() -> None:
    assert fitted(ramp(3.0), 1.0).samples.shape == (1, RATE)
    repeated = fitted(ramp(1.0), 2.5).samples[0]
    assert (repeated[RATE : 2 * RATE] == ramp(1.0).samples[0]).all()
