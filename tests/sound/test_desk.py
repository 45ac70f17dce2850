"""Parts of the desk: random numbers, loops, equalisers, echo, room, ducking, compression, transitions, and the master."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.sound import effects
from dance2music.sound.dynamics import compression, ducking
from dance2music.sound.loops import bands, loop_length, partial_loop
from dance2music.sound.master import MasterSettings, loudness_lufs, master
from dance2music.sound.randomness import noise, uniform, uniforms
from dance2music.sound.room import impulse_response, reverberate
from dance2music.sound.transition_sounds import Transition, place_transitions, vinyl
from dance2music.types import Audio
from peaks import true_peak

RATE = 48000


def sine(hz: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


def test_random_numbers_depend_on_their_key_alone() -> None:
    assert uniform(1, 2) == uniform(1, 2) != uniform(2, 1)
    assert np.array_equal(noise(10, 3), noise(20, 3)[:10])
    many = np.array([uniform(9, i) for i in range(2000)])
    assert abs(many.mean() - 0.5) < 0.03 and many.min() >= 0.0 and many.max() < 1.0
    assert not np.array_equal(uniforms(5, 1), uniforms(5, 2))


@pytest.mark.parametrize("hz", [41.2, 110.0, 261.6, 1046.5])
def test_a_loop_holds_whole_periods_of_nearly_the_pitch(hz: float) -> None:
    length, found = loop_length(hz, sample_rate=RATE, seconds=1.0)
    assert abs(1200 * np.log2(found / hz)) < 1.5
    assert found * length / RATE == pytest.approx(round(found * length / RATE))


def test_a_loop_is_the_sum_of_its_sines() -> None:
    t = np.arange(4800) / RATE
    loop = partial_loop(np.array([100.0, 250.0, 100.0]), np.array([[1.0, 0.5, 0.25]]), np.zeros(3), length=4800, sample_rate=RATE)
    assert np.abs(loop[0] - 1.25 * np.sin(2 * np.pi * 100 * t) - 0.5 * np.sin(2 * np.pi * 250 * t)).max() < 1e-4


def test_bands_share_each_partial_wholly() -> None:
    assert bands(np.array([20.0, 150.0, 1000.0, 20000.0]), np.array([100.0, 400.0, 1600.0])).sum(axis=0) == pytest.approx(1.0)


@pytest.mark.parametrize("high", [False, True])
def test_a_shelf_lifts_its_end_only(high: bool) -> None:
    sections = effects.shelf(1000.0, 6.0, sample_rate=RATE, high=high)
    lifted, kept = (12000.0, 60.0) if high else (60.0, 12000.0)
    gains = [rms(effects.filtered(sine(hz), sections)[RATE // 2 :]) / rms(sine(hz)) for hz in (lifted, kept)]
    assert 20 * np.log10(gains[0]) == pytest.approx(6.0, abs=0.3)
    assert 20 * np.log10(gains[1]) == pytest.approx(0.0, abs=0.3)


def test_echoes_come_a_dotted_eighth_apart_from_one_side_and_the_other() -> None:
    click = np.zeros(RATE, dtype=np.float32)
    click[0] = 1.0
    wet = effects.echo(click, beat_seconds=0.4, sample_rate=RATE)
    step = round(0.3 * RATE)
    assert not wet[:, :step].any()
    first, second = (np.abs(wet[:, k * step : k * step + 400]).max(axis=1) for k in (1, 2))
    assert first[1] > 2 * first[0] and second[0] > 2 * second[1]


def test_a_room_is_wide_and_falls_by_sixty_decibels() -> None:
    response = impulse_response(0.5, RATE)
    assert abs(np.corrcoef(response)[0, 1]) < 0.2
    assert np.square(response).sum(axis=-1) == pytest.approx(1.0, rel=1e-3)
    early, late = rms(response[:, 2400:4800]), rms(response[:, -2400:])
    assert late < 0.02 * early


def test_a_long_send_rings_as_if_it_were_convolved_at_once() -> None:
    response = impulse_response(0.5, RATE)
    send = np.random.default_rng(0).standard_normal(effects.BLOCK + 30_000).astype(np.float32)
    out = np.ones((2, len(send)), dtype=np.float32)
    reverberate(send, response, out)
    at = effects.BLOCK + 100
    direct = [float(row[::-1].astype(np.float64) @ send[at - len(row) + 1 : at + 1]) for row in response]
    assert out[:, at] - 1.0 == pytest.approx(direct, abs=1e-3)


def test_filters_work_block_by_block_as_at_once_and_in_place() -> None:
    from scipy.signal import sosfilt

    sections = effects.high_pass(120.0, sample_rate=RATE)
    sound = np.random.default_rng(0).standard_normal((2, effects.BLOCK + 1000)).astype(np.float32)
    expected = sosfilt(sections, sound.astype(np.float64), axis=-1).astype(np.float32)
    assert np.array_equal(effects.filtered(sound, sections), expected)
    assert effects.filtered(sound, sections, in_place=True) is sound and np.array_equal(sound, expected)


def test_ducking_dips_at_the_stroke_and_comes_back() -> None:
    gain = ducking(np.array([0.2]), np.array([1.0]), RATE // 2, sample_rate=RATE, depth_db=6.0, release_seconds=0.1)
    assert gain.shape == (RATE // 2,) and gain.max() <= 1.0
    assert 20 * np.log10(gain[round(0.205 * RATE)]) == pytest.approx(-6.0, abs=0.2)
    assert gain[round(0.19 * RATE)] == 1.0 and gain[round(0.31 * RATE)] == pytest.approx(1.0, abs=0.01)


def test_compression_turns_the_loud_part_down_only() -> None:
    sound = np.concatenate([sine(300.0, 0.5, 0.05), sine(300.0, 0.5, 0.8)])[None]
    gain = compression(sound, sample_rate=RATE, ratio=2.0).gain
    assert gain[RATE // 4] == pytest.approx(1.0, abs=1e-3) and gain[-1000] < 0.9


def test_a_master_holds_true_peak_loudness_and_its_own_stems() -> None:
    t = np.arange(3 * RATE) / RATE
    body = np.stack([sine(90.0, 3.0), sine(90.0, 3.0)]) * np.exp(-8.0 * (t % 0.5)).astype(np.float32)
    hiss = np.stack([noise(3 * RATE, 1), noise(3 * RATE, 2)]) * np.exp(-40.0 * ((t + 0.25) % 0.5)).astype(np.float32)
    sound, done = master(body + 0.2 * hiss, MasterSettings(high_db=2.0), sample_rate=RATE)
    assert 20 * np.log10(true_peak(Audio(sound, RATE))) <= -1.0
    assert loudness_lufs(sound, sample_rate=RATE) == pytest.approx(-14.0, abs=0.3)
    assert np.abs(done.apply(body) + done.apply(0.2 * hiss) - sound).max() < 1e-4
    assert 9.0 < 20 * np.log10(np.abs(sound).max() / rms(sound)) < 12.0


def test_a_master_leaves_silence_and_very_short_sound_alone() -> None:
    assert not master(np.zeros((2, 1000), dtype=np.float32), MasterSettings(), sample_rate=RATE)[0].any()
    assert np.isfinite(master(np.full((2, 30), 0.1, dtype=np.float32), MasterSettings(), sample_rate=RATE)[0]).all()


@pytest.mark.parametrize(
    ("kind", "first", "last"), [("riser", 0.0, 1.0), ("reverse", 0.0, 1.0), ("downlifter", 1.0, 2.0), ("crash", 1.0, 2.0)]
)
def test_transitions_lie_before_or_after_the_border(kind: str, first: float, last: float) -> None:
    out = np.zeros((2, 3 * RATE), dtype=np.float32)
    place_transitions([Transition(1.0, kind, 1.0)], out, sample_rate=RATE, seed=0)  # type: ignore[arg-type]
    sounding = np.flatnonzero(np.abs(out).max(axis=0) > 0) / RATE
    assert first <= sounding[0] and sounding[-1] <= last
    louder = (0.6, 1.0) if kind in ("riser", "reverse") else (1.0, 1.4)
    inside = out[:, round(louder[0] * RATE) : round(louder[1] * RATE)]
    assert rms(inside) > 0.8 * rms(out[:, round(first * RATE) : round(last * RATE)])


def test_an_impact_is_deep_and_a_record_crackles_at_its_level() -> None:
    out = np.zeros((2, RATE), dtype=np.float32)
    place_transitions([Transition(0.0, "impact", 1.0, level=0.5)], out, sample_rate=RATE, seed=0)
    power = np.square(np.abs(np.fft.rfft(out[0])))
    assert power[:150].sum() > 0.5 * power.sum()
    record = vinyl(RATE, sample_rate=RATE, seed=0)
    assert rms(record) == pytest.approx(0.01, rel=1e-3) and np.abs(record).max() > 5 * rms(record)
