"""The synthesiser: exact times, right pitches, fixed gain, stems that add up, the same bits each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance2music.composer.compose import compose
from dance2music.composer.genres import DRUM_LANES, PROGRAMS
from dance2music.errors import InputError
from dance2music.music.synth import LIMIT, SOUNDFONTS, find_soundfonts, render, render_stems
from dance2music.types import ROLES, Note, Score, Track

SAMPLE_RATE = 22050


def score_of(notes: list[Note], *, role: str = "drums", program: int = 0, seconds: float = 2.0, swing: float = 0.5) -> Score:
    """One track on a grid of one beat per second."""
    return Score([Track(role, program, notes, role == "drums")], np.arange(8.0), 0, seconds, 0, 0, False, swing)


def first_sound(samples: np.ndarray) -> int:
    return int(np.argmax(np.abs(samples) > 0.04 * np.abs(samples).max()))


@pytest.mark.parametrize("font", SOUNDFONTS)
@pytest.mark.parametrize("lane", [name for name, _ in DRUM_LANES])
def test_a_drum_is_heard_at_its_very_sample(font: str, lane: str) -> None:
    if font not in find_soundfonts():
        pytest.skip(f"the soundfont {font} is not installed")
    pitch = dict(DRUM_LANES)[lane]
    for start_seconds in (0.5, 0.77, 1.0 + 123 / SAMPLE_RATE):
        audio = render(score_of([Note(start_seconds, 0.25, pitch, 110)]), sample_rate=SAMPLE_RATE, soundfont=font)
        # The hit starts at a twentieth of its peak, so a quieter blip may come a sample earlier or later, not more.
        assert abs(first_sound(audio.samples[0]) - round(start_seconds * SAMPLE_RATE)) <= 2


def test_onsets_are_rounded_to_the_grid() -> None:
    frame = 256 / SAMPLE_RATE
    for start in (0.501, 0.7, 1.234):
        audio = render(score_of([Note(start, 0.25, 37, 110)]), sample_rate=SAMPLE_RATE, onset_grid_seconds=frame)
        assert abs(first_sound(audio.samples[0]) - 256 * round(start / frame)) <= 2


def test_swing_moves_the_sound() -> None:
    audio = render(score_of([Note(0.25, 0.25, 37, 110)], swing=2 / 3), sample_rate=SAMPLE_RATE)
    assert abs(first_sound(audio.samples[0]) - SAMPLE_RATE / 3) <= 2


@pytest.mark.parametrize("program", sorted(set(PROGRAMS) - {16}))
def test_instruments_sound_at_their_pitch(program: int) -> None:
    """Within a third of a semitone; the drawbar organ (16) sounds an octave below by design."""
    audio = render(score_of([Note(0.0, 1.0, 60, 100)], role="lead", program=program), sample_rate=SAMPLE_RATE)
    middle_c_hz = 440.0 * 2.0 ** (-9 / 12)
    assert abs(12 * np.log2(fundamental_hz(audio.samples[0, 2000:16000]) / middle_c_hz)) < 0.34


def fundamental_hz(x: np.ndarray) -> float:
    """The rate at which a sound repeats itself between 60 and 1000 Hz: the first summit of its autocorrelation near the highest."""
    power = np.abs(np.fft.rfft(x, 2 * len(x))) ** 2
    same = np.fft.irfft(power)[: len(x) // 2] / np.arange(len(x), len(x) // 2, -1)
    lags = np.arange(SAMPLE_RATE // 1000, SAMPLE_RATE // 60)
    summits = lags[(same[lags] > same[lags - 1]) & (same[lags] >= same[lags + 1])]
    lag = summits[same[summits] > 0.85 * same[summits].max()][0]
    left, middle, right = same[lag - 1 : lag + 2]
    return float(SAMPLE_RATE / (lag + 0.5 * (left - right) / (left - 2 * middle + right)))


def test_louder_notes_are_louder() -> None:
    peaks = [np.abs(render(score_of([Note(0.0, 0.5, 38, v)])).samples).max() for v in (30, 70, 110)]
    assert peaks[0] < 0.6 * peaks[1] < 0.6 * peaks[2] * 0.9


def test_the_same_score_gives_the_same_bits() -> None:
    score = compose(3, seed=1, duration_seconds=5.0)
    assert np.array_equal(render(score).samples, render(score).samples)


@pytest.mark.parametrize("sample_rate", [22050, 44100])
def test_the_length_is_exact(sample_rate: int) -> None:
    for seconds in (1.0, 3.3333, 7.77):
        audio = render(compose(5, seed=2, duration_seconds=seconds), sample_rate=sample_rate)
        assert audio.samples.shape == (1, round(seconds * sample_rate)) and audio.samples.dtype == np.float32


def test_stems_add_up_to_the_mix() -> None:
    score = compose(7, seed=3, duration_seconds=6.0)
    stems = render_stems(score)
    assert tuple(stems) == ROLES
    assert np.allclose(sum(s.samples for s in stems.values()), render(score).samples, atol=1e-6)


def test_loud_music_is_limited_and_quiet_music_untouched() -> None:
    crowd = score_of([Note(0.5, 0.5, p, 127) for _, p in DRUM_LANES])
    crowd.tracks[0].gain = 8.0
    assert np.abs(render(crowd).samples).max() <= LIMIT + 1e-6
    single = score_of([Note(0.5, 0.5, 42, 60)])
    double = score_of([Note(0.5, 0.5, 42, 60)])
    double.tracks[0].gain = 2.0
    assert np.allclose(2 * render(single).samples, render(double).samples, atol=1e-6)


def test_a_piece_is_neither_silent_nor_clipped() -> None:
    for genre in range(10):
        samples = render(compose(genre, seed=4, duration_seconds=5.0)).samples
        assert 0.03 < samples.std() < 0.3 and np.abs(samples).max() <= LIMIT + 1e-6


def test_the_carried_soundfont_is_always_found() -> None:
    assert find_soundfonts()["timgm"].is_file()


def test_wrong_soundfonts_are_refused(tmp_path: Path) -> None:
    score = score_of([Note(0.0, 0.5, 36, 100)])
    text = tmp_path / "notes.sf2"
    text.write_text("not a soundfont at all")
    cut = tmp_path / "cut.sf2"
    cut.write_bytes(find_soundfonts()["timgm"].read_bytes()[:100_000])
    empty = tmp_path / "empty.sf2"
    empty.write_bytes(b"")
    for bad in (text, cut, empty, tmp_path / "missing.sf2", tmp_path, "nosuchname"):
        with pytest.raises(InputError) as caught:
            render(score, soundfont=bad)
        assert "\n" not in str(caught.value)


def test_a_note_that_began_before_the_clip_rings_into_it() -> None:
    def of(start_beats: float, seconds: float) -> np.ndarray:
        track = Track("chords", 0, [Note(start_beats, 4.0, 60, 90), Note(start_beats - 40.0, 1.0, 64, 90)])
        beats = np.arange(12) * 0.5
        return render(Score([track], beats, 0, seconds, genre=1, key=0, minor=True)).samples[0]

    whole, late = of(0.0, 4.0), of(-2.0, 3.0)
    np.testing.assert_allclose(late, whole[22_050:][: len(late)], atol=1e-4)
    assert np.abs(late[:2000]).max() > 0.01
