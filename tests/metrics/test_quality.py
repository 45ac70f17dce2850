from __future__ import annotations

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.metrics.quality import (
    codec_reconstruction,
    frechet_distance,
    log_mel_l1,
    multi_resolution_stft,
    noise_likeness,
    si_sdr_db,
)
from dance2music.types import Audio


def noise(seed: int, n: int = 22_050) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32) * 0.1


def test_a_gain_shifts_log_mel_by_its_logarithm_and_leaves_si_sdr_alone() -> None:
    x = noise(0)
    assert log_mel_l1(x, 2 * x, 22_050) == pytest.approx(np.log(2), rel=1e-3)
    assert log_mel_l1(x, x, 22_050) == 0.0
    assert si_sdr_db(x, 2 * x) > 100


def test_si_sdr_is_the_power_ratio_of_orthogonal_noise() -> None:
    x, n = noise(0), noise(1)
    n = n - x * np.dot(x, n) / np.dot(x, x)
    n = n * np.linalg.norm(x) / np.linalg.norm(n)
    for ratio_db in (-5.0, 0.0, 5.5, 20.0):
        assert si_sdr_db(x, x + n * 10 ** (-ratio_db / 20)) == pytest.approx(ratio_db, abs=1e-3)


def test_si_sdr_sees_what_log_mel_does_not() -> None:
    x = noise(0)
    assert si_sdr_db(x, -x) > 100
    assert si_sdr_db(x, np.roll(x, 40)) < -10
    assert log_mel_l1(x, -x, 22_050) == pytest.approx(0.0, abs=1e-4)


def test_pairs_that_do_not_match_are_refused() -> None:
    for other in (noise(0, 100), noise(0)[None], np.zeros(0)):
        with pytest.raises(InputError, match="equally long"):
            si_sdr_db(noise(0), other)
        with pytest.raises(InputError, match="equally long"):
            log_mel_l1(other, noise(0), 22_050)


def test_multi_resolution_distance_is_zero_for_equal_and_largest_for_silence() -> None:
    x = noise(0)
    assert multi_resolution_stft(x, x) == 0.0
    louder, other, silent = multi_resolution_stft(x, 2 * x), multi_resolution_stft(x, noise(1)), multi_resolution_stft(x, 0 * x)
    assert louder == pytest.approx(1 + np.log(2), rel=0.01)  # convergence 1, log magnitudes apart by ln 2
    assert silent > other > 0 and silent > louder
    assert multi_resolution_stft(0 * x, 0 * x) == 0.0
    with pytest.raises(InputError, match="equally long"):
        multi_resolution_stft(x, x[:-1])


def test_noise_likeness_is_one_for_noise_and_silence_and_zero_for_a_tone() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050).astype(np.float32)
    assert noise_likeness(Audio(noise(0)[None], 22_050)) > 0.9
    assert noise_likeness(Audio(tone[None], 22_050)) < 0.01
    assert noise_likeness(Audio(np.stack([tone, tone]), 22_050)) == pytest.approx(noise_likeness(Audio(tone[None], 22_050)))
    assert noise_likeness(Audio(np.zeros((1, 100), np.float32), 22_050)) == 1.0


def test_frechet_distance_of_gaussians_is_the_formula() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (20_000, 3)), rng.normal(2, 3, (20_000, 3))
    assert frechet_distance(a, b) == pytest.approx(3 * (2**2 + (3 - 1) ** 2), rel=0.05)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-6) and frechet_distance(a, b) == pytest.approx(
        frechet_distance(b, a), rel=1e-6
    )
    few = rng.normal(size=(4, 64))  # fewer pieces than dimensions
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-6)
    assert frechet_distance(a, few[:, :3]) > 0 and np.isnan(frechet_distance(a, a[:1]))
    with pytest.raises(InputError, match="expected \\[m, D\\]"):
        frechet_distance(a, few)


def test_codec_reconstruction_of_silence_is_silent_and_of_music_not_perfect() -> None:
    from tiny import codec

    found = codec_reconstruction(Audio(noise(0)[None], 22_050), codec())
    assert found["log_mel_l1"] > 0.1 and -100 <= found["si_sdr_db"] <= 100
    part = codec_reconstruction(Audio(np.concatenate([noise(0), noise(1), noise(2)])[None], 22_050), codec(), middle_seconds=0.5)
    assert part["log_mel_l1"] > 0.1
