"""Onset strength, onsets and mel-spectrogram against librosa, whose settings they have; beats of clicks."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.music.beats import beats_heard, beats_near, log_mel, onset_envelope, onset_times, tempo_heard_bpm
from dance2music.types import Audio


def clicks(times_seconds: np.ndarray, *, seconds: float, sample_rate: int = 22_050) -> Audio:
    """Noise bursts over a soft chord and hiss."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    y = 0.05 * sum(np.sin(2 * np.pi * hz * t) for hz in (220.0, 277.2, 329.6)) + 0.002 * rng.standard_normal(len(t))
    for time in times_seconds:
        start = round(time * sample_rate)
        burst = 0.3 * np.exp(-np.arange(3000) / 600) * rng.standard_normal(3000)
        y[start : start + 3000] += burst[: len(y) - start]
    return Audio(y[None].astype(np.float32), sample_rate)


@pytest.mark.parametrize("sample_rate", [22_050, 44_100])
def test_onsets_are_those_of_librosa(sample_rate: int) -> None:
    librosa = pytest.importorskip("librosa")
    audio = clicks(np.cumsum(np.random.default_rng(1).uniform(0.1, 0.6, 20)), seconds=8.0, sample_rate=sample_rate)
    y = audio.samples[0]
    envelope, fps = onset_envelope(audio)
    np.testing.assert_allclose(envelope, librosa.onset.onset_strength(y=y, sr=sample_rate), atol=2e-3)
    np.testing.assert_allclose(onset_times(audio), librosa.onset.onset_detect(y=y, sr=sample_rate, units="time"))
    power = librosa.feature.melspectrogram(y=y, sr=sample_rate, n_fft=1024, hop_length=256, n_mels=128)
    np.testing.assert_allclose(log_mel(audio), librosa.power_to_db(power, ref=np.max), atol=0.02)
    assert fps == pytest.approx(sample_rate / 512)


def test_silence_has_no_onsets_and_no_beats() -> None:
    silence = Audio(np.zeros((1, 22_050), np.float32), 22_050)
    envelope, fps = onset_envelope(silence)
    assert len(onset_times(silence)) == len(beats_near(envelope, fps, 120.0)) == len(beats_heard(envelope, fps)) == 0
    assert np.isfinite(log_mel(silence)).all()


@pytest.mark.parametrize("tempo_bpm", [84.0, 118.0])
def test_beats_near_a_known_tempo_fall_on_the_clicks(tempo_bpm: float) -> None:
    true = np.arange(0.3, 11.0, 60.0 / tempo_bpm)
    heard = true[true < 9.8]
    found = beats_near(*onset_envelope(clicks(heard, seconds=10.0)), tempo_bpm)
    assert abs(len(found) - len(heard)) <= 1
    assert np.quantile(np.abs(true[None] - found[:, None]).min(axis=1), 0.9) < 0.05


@pytest.mark.parametrize(("seconds", "tempo_bpm"), [(2.0, 97.0), (2.0, 132.0), (3.5, 81.0), (10.0, 118.0)])
def test_beats_are_those_of_librosa_also_in_two_seconds(seconds: float, tempo_bpm: float) -> None:
    librosa = pytest.importorskip("librosa")
    times = np.sort(np.random.default_rng(3).uniform(0.4, seconds - 0.1, round(3 * seconds)))
    envelope, fps = onset_envelope(clicks(times, seconds=seconds))
    _, beats = librosa.beat.beat_track(onset_envelope=envelope, sr=22_050, bpm=tempo_bpm, units="time")
    np.testing.assert_allclose(beats_near(envelope, fps, tempo_bpm), beats)


@pytest.mark.parametrize("tempo_bpm", [82.0, 104.0, 131.0])
def test_the_tempo_and_beats_of_clicks_are_heard_without_being_told(tempo_bpm: float) -> None:
    librosa = pytest.importorskip("librosa")
    times = np.arange(0.3, 9.5, 60.0 / tempo_bpm)
    audio = clicks(times, seconds=10.0)
    envelope, fps = onset_envelope(audio)
    assert tempo_heard_bpm(envelope, fps) == pytest.approx(tempo_bpm, rel=0.03)
    assert tempo_heard_bpm(envelope, fps) == pytest.approx(float(librosa.beat.tempo(y=audio.samples[0])[0]), rel=0.03)
    found = beats_heard(envelope, fps)
    assert np.quantile(np.abs(found[:, None] - times).min(axis=1), 0.9) < 0.05 and len(found) >= 0.8 * len(times)


def test_a_beat_that_only_the_weak_beats_have_is_not_the_one_that_is_heard() -> None:
    strong, weak = np.arange(0.3, 9.5, 0.5), np.arange(0.55, 9.5, 0.5)
    loud, soft = clicks(strong, seconds=10.0).samples, clicks(weak, seconds=10.0).samples
    found = beats_heard(*onset_envelope(Audio(loud + 0.2 * soft, 22_050)))
    assert np.median(np.abs(found[:, None] - strong).min(axis=1)) < 0.05


@pytest.mark.parametrize(("around_bpm", "heard_bpm"), [(70.0, 80.0), (200.0, 160.0)])
def test_a_listener_hears_the_octave_that_they_expect(around_bpm: float, heard_bpm: float) -> None:
    quarters, eighths = np.arange(0.3, 9.5, 0.75), np.arange(0.3, 9.5, 0.375)
    both = clicks(quarters, seconds=10.0).samples + 0.8 * clicks(eighths, seconds=10.0).samples
    envelope, fps = onset_envelope(Audio(both, 22_050))
    assert tempo_heard_bpm(envelope, fps, around_bpm=around_bpm) == pytest.approx(heard_bpm, rel=0.03)


def test_a_sound_shorter_than_a_window_can_be_looked_at() -> None:
    short = clicks(np.array([0.01]), seconds=0.03)
    assert onset_envelope(short)[0].shape == (2,) and log_mel(short).shape == (128, 3)
