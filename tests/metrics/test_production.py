"""Measures of a produced track, on sounds whose values are known."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dance2music.metrics.production import (
    bandwidth_hz,
    crest_db,
    energy_correlation,
    lead_repetition,
    loudness_spread_db,
    stereo_width,
    sub_db,
)
from dance2music.metrics.sound import frame_rate_comb
from dance2music.music.audio import load_audio, resample
from dance2music.music.loudness import loudness, true_peak_db
from dance2music.types import Audio, Note, Score, Track

RATE = 48_000
SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def noise(seconds: float = 4.0, *, channels: int = 2, below_hz: float | None = None) -> Audio:
    samples = 0.1 * np.random.default_rng(0).standard_normal((channels, round(seconds * RATE)))
    if below_hz is not None:
        spectrum = np.fft.rfft(samples, axis=-1)
        spectrum[:, np.fft.rfftfreq(samples.shape[-1], 1 / RATE) > below_hz] = 0
        samples = np.fft.irfft(spectrum, samples.shape[-1], axis=-1)
    return Audio(samples.astype(np.float32), RATE)


def sine(hz: float, seconds: float = 4.0) -> Audio:
    return Audio(np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)[None].astype(np.float32), RATE)


SILENCE = Audio(np.zeros((2, RATE * 12), np.float32), RATE)


def test_content_reaches_as_far_as_the_noise_does() -> None:
    assert bandwidth_hz(noise()) == RATE / 2
    assert bandwidth_hz(noise(below_hz=10_000.0)) == pytest.approx(10_000, abs=150)
    assert math.isnan(bandwidth_hz(SILENCE))


def test_width_is_0_for_mono_and_a_half_for_strangers() -> None:
    left = noise(channels=1).samples
    assert stereo_width(noise(channels=1)) == 0.0 and stereo_width(Audio(np.concatenate([left, left]), RATE)) == 0.0
    assert stereo_width(noise()) == pytest.approx(0.5, abs=0.01)
    assert stereo_width(Audio(np.concatenate([left, -left]), RATE)) == pytest.approx(1.0, abs=1e-6)
    assert stereo_width(SILENCE) == 0.0


def test_a_sine_has_a_crest_of_3_db() -> None:
    assert crest_db(sine(1000.0)) == pytest.approx(3.01, abs=0.01) and math.isnan(crest_db(SILENCE))


def test_the_low_end_is_a_share_of_the_energy() -> None:
    assert sub_db(sine(40.0)) == pytest.approx(0.0, abs=0.05) and sub_db(sine(200.0)) < -40
    both = Audio(sine(40.0).samples + sine(400.0).samples, RATE)
    assert sub_db(both) == pytest.approx(-3.0, abs=0.1) and math.isnan(sub_db(SILENCE))


def test_loudness_spreads_between_a_quiet_and_a_loud_half() -> None:
    steady = noise(20.0)
    steps = Audio(steady.samples * np.repeat([0.1, 1.0], 10 * RATE).astype(np.float32), RATE)
    assert loudness_spread_db(steady) == pytest.approx(0.0, abs=0.1)
    assert loudness_spread_db(steps) == pytest.approx(20.0, abs=0.3)
    assert math.isnan(loudness_spread_db(noise(8.0)))


def test_music_that_grows_with_the_dance_follows_its_energy() -> None:
    fps = 30.0
    velocity = np.linspace(0.1, 1.0, round(15 * fps))
    rising = Audio(noise(15.0).samples * np.linspace(0.1, 1.0, 15 * RATE).astype(np.float32), RATE)
    assert energy_correlation(rising, velocity, fps) == pytest.approx(1.0)
    assert energy_correlation(rising, velocity[::-1], fps) == pytest.approx(-1.0)
    assert math.isnan(energy_correlation(rising, np.ones(450), fps)) and math.isnan(energy_correlation(noise(5.0), velocity, fps))
    assert math.isnan(energy_correlation(SILENCE, velocity, fps))


def score_of(bars: list[list[tuple[float, int]]]) -> Score:
    notes = [Note(4.0 * bar + beat, 0.5, pitch, 90) for bar, row in enumerate(bars) for beat, pitch in row]
    return Score([Track("lead", 80, notes)], np.arange(40) * 0.5, 0, 20.0, 0, 0, False)


def test_bars_of_the_lead_that_come_again_also_elsewhere_in_pitch() -> None:
    a, b, c = [(0.0, 60), (1.0, 64), (2.5, 67)], [(0.5, 72), (1.5, 71)], [(0.0, 60), (0.25, 61), (3.0, 50)]
    higher = [(beat, pitch + 5) for beat, pitch in a]
    assert lead_repetition(score_of([a, a, b, a])) == 0.75
    assert lead_repetition(score_of([a, higher, [], c])) == pytest.approx(2 / 3)
    assert lead_repetition(score_of([a, b, c])) == 0.0 and math.isnan(lead_repetition(score_of([a])))


def independent() -> ModuleType:
    """The measures of another hand (``../shared/tools/sound.py``)."""
    path = SHARED / "tools" / "sound.py"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    spec = importlib.util.spec_from_file_location("independent_sound", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["clips/aist_6s.mp4", "clips/aist_high1.mp4", "ballroom/chacha_02.ogg"])
def test_other_measures_of_the_same_files_say_the_same(name: str) -> None:
    tool, path = independent(), SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    comb, share, top, width, lufs, peak, crest, sub, spread, _ = tool.look(str(path))
    audio = load_audio(path, mono=False)
    beginning = resample(Audio(audio.samples.mean(axis=0, keepdims=True), audio.sample_rate), 22050)
    ours = frame_rate_comb(Audio(beginning.samples[:, : 12 * 22050], 22050), 22050 / 256)
    assert (ours.level_db, ours.share) == pytest.approx((comb, share), abs=2e-3)
    assert bandwidth_hz(audio) / 1000 == pytest.approx(top, abs=0.006)
    values = (stereo_width(audio), loudness(audio), true_peak_db(audio), crest_db(audio), sub_db(audio))
    assert values == pytest.approx((width, lufs, peak, crest, sub), abs=2e-3)
    if audio.duration_seconds > 9:
        assert loudness_spread_db(audio) == pytest.approx(spread, abs=2e-3)
