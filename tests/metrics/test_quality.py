from __future__ import annotations

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.metrics.quality import log_mel_l1, si_sdr_db


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
