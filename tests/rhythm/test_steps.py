"""Pooling of frame features at the 16th notes of a beat grid."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.rhythm.steps import frames_from_steps, pool_at_steps
from dance2music.types import Rhythm

FPS = 30.0


def rhythm(tempo_bpm: float = 120.0, *, first: float = 0.0) -> Rhythm:
    return Rhythm(first + np.arange(20) * 60.0 / tempo_bpm, 0, tempo_bpm, 1.0, np.zeros(0))


def test_a_feature_that_is_time_itself_becomes_the_times_of_the_steps() -> None:
    times = ((np.arange(240) + 0.5) / FPS)[:, None].astype(np.float32)
    pooled = pool_at_steps(times, FPS, rhythm(), first_bar=0, n_steps=48)
    assert pooled.shape == (48, 1) and pooled.dtype == np.float32
    assert pooled[1:, 0] == pytest.approx(np.arange(1, 48) / 8.0, abs=0.02)


def test_the_mean_is_kept_at_any_tempo() -> None:
    features = np.full((300, 3), 2.5, dtype=np.float32)
    for tempo in (60.0, 97.3, 200.0):
        pooled = pool_at_steps(features, FPS, rhythm(tempo), first_bar=0, n_steps=16)
        np.testing.assert_allclose(pooled, 2.5, rtol=1e-5)


def test_steps_outside_the_clip_are_zero() -> None:
    features = np.ones((60, 2), dtype=np.float32)
    pooled = pool_at_steps(features, FPS, rhythm(first=0.5), first_bar=-1, n_steps=64)
    assert not pooled[:10].any() and not pooled[-10:].any() and pooled.max() == pytest.approx(1.0)


def test_an_accent_lands_on_its_step() -> None:
    features = np.zeros((120, 1), dtype=np.float32)
    features[round(1.125 * FPS)] = 1.0
    assert int(pool_at_steps(features, FPS, rhythm(), first_bar=0, n_steps=24)[:, 0].argmax()) == 9


def test_steps_are_read_between_them() -> None:
    steps = np.arange(32, dtype=np.float32)[:, None]
    read = frames_from_steps(steps, np.array([-9.0, -4.0, 0.0, 0.125, 99.0]), first_bar=-1)
    assert read[:, 0].tolist() == [0.0, 0.0, 16.0, 16.5, 31.0]
