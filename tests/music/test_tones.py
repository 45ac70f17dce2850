"""Key and harmonic share of takes, against the measures that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.composer.compose import compose
from dance2music.metrics.musicality import harmonic_share, key_clarity
from dance2music.music.synth import render
from dance2music.music.tones import tones
from dance2music.types import Audio

RATE = 22_050


def test_silence_has_neither_key_nor_harmony() -> None:
    assert tones(Audio(np.zeros((1, RATE), np.float32), RATE)) == {"key_clarity": 0.0, "harmonic_share": 0.0}


def test_a_chord_is_harmony_and_hits_are_not() -> None:
    t = np.arange(2 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (261.6, 329.6, 392.0))
    hits = np.random.default_rng(0).standard_normal(len(t)) * np.exp(-(t % 0.5) / 0.01)
    held, struck = (tones(Audio(y[None].astype(np.float32), RATE)) for y in (chord, hits))
    assert held["harmonic_share"] > 0.95 and struck["harmonic_share"] < 0.2
    assert held["key_clarity"] > 0.7 > struck["key_clarity"]


@pytest.mark.parametrize("seconds", [2.0, 6.0])
def test_of_music_they_are_near_the_measures_of_librosa(seconds: float) -> None:
    pytest.importorskip("librosa")
    music = [render(compose(genre, seed=genre, duration_seconds=seconds)) for genre in (0, 3, 5, 8)]
    ours = np.array([list(tones(audio).values()) for audio in music])
    theirs = np.array([(key_clarity(audio), harmonic_share(audio)) for audio in music])
    assert np.abs(ours - theirs).mean() < 0.03 and np.abs(ours - theirs)[:, 1].max() < 0.06
    assert theirs[:, 1].argmin() == ours[:, 1].argmin()
