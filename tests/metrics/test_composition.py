from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from dance2music.composer.compose import compose
from dance2music.evaluation.controls import click_track, silence, white_noise
from dance2music.metrics import composition
from dance2music.music.synth import render
from dance2music.types import Audio

RATE = 22_050
RULES = (
    composition.key_clarity,
    composition.chord_consonance,
    composition.groove_consistency,
    composition.self_similarity_structure,
    composition.tempo_stability,
    composition.pulse_clarity,
)


def tones(midi: list[int], seconds: float = 4.0) -> Audio:
    t = np.arange(round(seconds * RATE)) / RATE
    return Audio(sum(0.2 * np.sin(2 * np.pi * 440 * 2 ** ((m - 69) / 12) * t) for m in midi)[None].astype(np.float32), RATE)


@cache
def composed() -> tuple[Audio, ...]:
    return tuple(render(compose(genre, seed=1_500_000_100 + genre, duration_seconds=12.0)) for genre in (0, 5))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_silence_keeps_no_rule(rule) -> None:  # type: ignore[no-untyped-def]
    assert rule(silence(10.0, RATE)) == 0.0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_composed_music_keeps_every_rule_better_than_noise(rule) -> None:  # type: ignore[no-untyped-def]
    noise = [rule(white_noise(12.0, RATE, seed=seed)) for seed in range(2)]
    music = [rule(audio) for audio in composed()]
    assert np.mean(music) > np.mean(noise) + 0.05
    assert all(0.0 <= value <= 1.0 for value in music + noise)


def test_a_triad_is_more_consonant_than_a_cluster() -> None:
    triad, fifth, cluster = (composition.chord_consonance(tones(chord)) for chord in ([60, 64, 67], [60, 67], [60, 61, 62]))
    assert triad == pytest.approx((0.594 + 0.386 + 1.240 + 3 * 1.428) / 3 / 2.668, abs=0.03)
    assert fifth == pytest.approx(1.0, abs=0.02)
    assert cluster < 0.2


def test_pitch_classes_are_named_from_c_at_any_rate() -> None:
    for rate in (22_050, 44_100):
        t = np.arange(rate) / rate
        a = Audio(np.sin(2 * np.pi * 440 * t)[None].astype(np.float32), rate)
        assert composition.pitch_classes(a)[0].sum(axis=1).argmax() == 9


def test_a_groove_that_changes_every_bar_is_less_consistent_than_one_that_repeats() -> None:
    beats, rng = np.arange(0.0, 16.0, 0.5), np.random.default_rng(0)
    steps = 0.125 * np.arange(16)
    bar = np.sort(rng.choice(steps, 7, replace=False))
    same = np.concatenate([bar + 2.0 * k for k in range(8)])
    other = np.concatenate([np.sort(rng.choice(steps, 7, replace=False)) + 2.0 * k for k in range(8)])
    steady, varied = (composition.groove_consistency(click_track(t + 0.02, 16.0, RATE), beats) for t in (same, other))
    assert steady > 0.9 > 0.6 > varied
    assert math.isnan(composition.groove_consistency(click_track(same, 16.0, RATE), beats[:7]))


def test_structure_is_repetition_after_a_bar_not_sameness() -> None:
    rng = np.random.default_rng(0)
    phrase = [tones([int(m)], 0.5).samples for m in rng.integers(48, 72, 16)]
    repeated = Audio(np.concatenate(phrase[:8] * 4, axis=1), RATE)
    through = Audio(np.concatenate([tones([int(m)], 0.5).samples for m in rng.integers(48, 72, 32)], axis=1), RATE)
    high, low = composition.self_similarity_structure(repeated), composition.self_similarity_structure(through)
    assert high > 0.5 and high > low + 0.2
    assert composition.self_similarity_structure(silence(16.0, RATE)) == 0.0


def test_a_tempo_that_drifts_is_not_stable() -> None:
    steady = click_track(np.arange(0.1, 20, 0.5), 20.0, RATE)
    drifting = click_track(np.cumsum(np.linspace(0.35, 0.8, 34)), 20.0, RATE)
    assert composition.tempo_stability(steady) == 1.0
    assert composition.tempo_stability(drifting) < 0.5


def test_very_short_music_is_measured_without_an_exception() -> None:
    for audio in (tones([60], 0.2), white_noise(0.05, RATE, seed=0), silence(0.01, RATE)):
        for rule in RULES:
            value = rule(audio)
            assert math.isnan(value) or -1.0 <= value <= 1.0
