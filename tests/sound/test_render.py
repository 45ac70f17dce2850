"""The studio: exact length, the same bits, stems that add up, targets of loudness and peak, notes before the start, odd scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from dance2music.composer.compose import compose
from dance2music.errors import InputError
from dance2music.metrics.production import crest_db
from dance2music.music.audio import load_audio, save_audio
from dance2music.sound.mix import STEMS
from dance2music.sound.render import SAMPLE_RATE, render_hybrid, render_studio, render_studio_drums, render_studio_stems
from dance2music.sound.transition_sounds import Transition
from dance2music.types import GENRES, ROLES, Audio, Note, Score, Track
from peaks import true_peak

HOUSE = GENRES.index("house")


def score_of(tracks: list[Track], *, seconds: float = 2.0, beat_seconds: float = 0.5, genre: int = HOUSE) -> Score:
    """Tracks on a steady grid whose first beat is the downbeat."""
    return Score(tracks, np.arange(64.0) * beat_seconds, 0, seconds, genre, 0, True)


def four_on_the_floor(beats: int = 4) -> Track:
    return Track("drums", 0, [Note(float(i), 0.25, 36, 110) for i in range(beats)], True)


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("seconds", [0.25, 1.0, 1.23456])
@pytest.mark.parametrize("sample_rate", [48000, 22050])
def test_the_length_is_exact_to_the_sample(seconds: float, sample_rate: int) -> None:
    audio = render_studio(compose(3, seed=2, duration_seconds=seconds), sample_rate=sample_rate)
    assert audio.samples.shape == (2, round(seconds * sample_rate))
    assert audio.samples.dtype == np.float32 and audio.sample_rate == sample_rate


def test_a_seed_gives_the_same_bits_and_another_seed_others() -> None:
    score = compose(6, seed=5, duration_seconds=2.0)
    first, again, other = (render_studio(score, seed=s).samples for s in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("genre", range(len(GENRES)))
def test_every_genre_is_mastered_to_its_targets(genre: int) -> None:
    audio = render_studio(compose(genre, seed=11, duration_seconds=3.0))
    measured = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio.samples.T)
    assert measured == pytest.approx(-14.0, abs=0.5)
    assert 20 * np.log10(true_peak(audio)) <= -1.0
    assert np.isfinite(audio.samples).all()


def test_a_peak_between_samples_that_are_far_below_it_is_held() -> None:
    # Its samples reach -5.2 dB only, where the sound goes through -0.6 dB without the limiter.
    made = render_studio(compose(GENRES.index("la-hip-hop"), seed=2, duration_seconds=5.0), seed=2)
    assert true_peak(made) <= 10 ** (-0.9 / 20)


def test_stems_add_up_to_the_mix() -> None:
    score = compose(HOUSE, seed=3, duration_seconds=3.0)
    transitions = [Transition(1.5, "crash"), Transition(1.5, "riser", 1.0)]
    mix = render_studio(score, seed=1, transitions=transitions).samples
    stems = render_studio_stems(score, seed=1, transitions=transitions)
    assert set(stems) == set(STEMS) == {*ROLES, "effects"}
    assert stems["effects"].samples.any()
    total = np.sum([stem.samples for stem in stems.values()], axis=0)
    # The echoes' and room's sends are summed before or after; single precision, and a master that may stop a pass earlier.
    assert np.abs(total - mix).max() < 1e-3


def test_an_empty_score_is_silent() -> None:
    for score in (score_of([]), score_of([Track("drums", 0, [], True), Track("lead", 81, [])], genre=3)):
        assert not render_studio(score).samples.any()
        assert not any(stem.samples.any() for stem in render_studio_stems(score).values())


def test_a_note_that_began_before_the_start_rings_in() -> None:
    note = Note(-4.0, 8.0, 60, 100)
    held = render_studio(score_of([Track("pad", 48, [note])])).samples
    assert level(held[:, :4800]) > 0.3 * level(held)
    long_gone = render_studio(score_of([Track("pad", 48, [Note(-40.0, 1.0, 60, 100)])])).samples
    assert not long_gone.any()


def test_a_drum_before_the_start_is_heard_from_where_it_then_is() -> None:
    crash = render_studio_drums(score_of([Track("drums", 0, [Note(-1.0, 0.25, 49, 120)], True)])).samples
    on_time = render_studio_drums(score_of([Track("drums", 0, [Note(0.0, 0.25, 49, 120)], True)])).samples
    assert 0.0 < level(crash[:, :9600]) < 0.7 * level(on_time[:, :9600])


def test_a_hit_is_heard_at_its_very_sample() -> None:
    for beat in (1.0, 2.0):
        drums = render_studio_drums(score_of([Track("drums", 0, [Note(beat, 0.25, 37, 120)], True)])).samples[0]
        at = round(beat * 0.5 * SAMPLE_RATE)
        # The room is convolved by Fourier transforms, whose rounding comes before, too.
        assert np.abs(drums[:at]).max() < 1e-7
        assert np.argmax(np.abs(drums) > 0.1 * np.abs(drums).max()) - at < 0.001 * SAMPLE_RATE


@pytest.mark.parametrize("tempo_bpm", [15.0, 600.0])
def test_extreme_tempi_are_played(tempo_bpm: float) -> None:
    tracks = [four_on_the_floor(), Track("lead", 81, [Note(0.0, 1.0, 72, 100), Note(1.5, 0.5, 74, 90)])]
    audio = render_studio(score_of(tracks, beat_seconds=60.0 / tempo_bpm))
    assert np.isfinite(audio.samples).all() and audio.samples.any()


@pytest.mark.parametrize("program", [0, 13, 47, 99, 105, 127, 200])
@pytest.mark.parametrize("role", ["bass", "lead"])
def test_any_program_sounds(role: str, program: int) -> None:
    audio = render_studio(score_of([Track(role, program, [Note(0.0, 1.0, 48, 100)])], seconds=0.6))
    assert level(audio.samples) > 0.01


def test_any_drum_pitch_sounds() -> None:
    for pitch in (0, 27, 35, 58, 71, 81, 87, 127):
        assert render_studio_drums(score_of([Track("drums", 0, [Note(0.0, 0.25, pitch, 100)], True)], seconds=0.3)).samples.any()


@pytest.mark.parametrize("genre", [1, 5, 9])
def test_the_mix_does_not_cancel_in_mono(genre: int) -> None:
    samples = render_studio(compose(genre, seed=4, duration_seconds=3.0)).samples
    mono = samples.mean(axis=0)
    assert level(mono) > 0.75 * level(samples)
    left, right = samples
    assert np.corrcoef(left, right)[0, 1] > 0.3


def test_the_low_end_is_mono() -> None:
    from scipy.signal import butter, sosfilt

    samples = render_studio(compose(HOUSE, seed=4, duration_seconds=3.0)).samples
    low = sosfilt(butter(4, 70.0, fs=SAMPLE_RATE, output="sos"), samples)
    assert level(low[0] - low[1]) < 0.1 * level(low[0] + low[1])


def test_the_kick_ducks_the_pad() -> None:
    pad = Track("pad", 50, [Note(0.0, 4.0, p, 100) for p in (60, 64, 67)])
    with_kick = render_studio_stems(score_of([four_on_the_floor(), pad]))["pad"].samples
    at, later = round(1.02 * SAMPLE_RATE), round(1.35 * SAMPLE_RATE)
    assert level(with_kick[:, at : at + 2000]) < 0.6 * level(with_kick[:, later : later + 2000])


def test_drums_alone_are_a_strip_of_the_mix_before_the_master() -> None:
    score = compose(0, seed=1, duration_seconds=2.0)
    drums = render_studio_drums(score, seed=7)
    assert drums.samples.shape == (2, 2 * SAMPLE_RATE) and 0.1 < np.abs(drums.samples).max() < 2.0
    without = render_studio_drums(score_of([Track("lead", 81, [Note(0.0, 1.0, 60, 100)])]))
    assert not without.samples.any()


def test_a_bed_under_studio_drums_is_mastered_as_one() -> None:
    score = score_of([four_on_the_floor()])
    tone = 0.2 * np.sin(2 * np.pi * 330.0 * np.arange(40000) / 22050).astype(np.float32)
    audio = render_hybrid(score, Audio(tone[None], 22050))
    assert audio.samples.shape == (2, 2 * SAMPLE_RATE)
    assert pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio.samples.T) == pytest.approx(-14.0, abs=0.5)
    # Between the kicks the bed's tone is what is heard, and more of it later than right after a stroke.
    wave = np.exp(-2j * np.pi * 330.0 * np.arange(4800) / SAMPLE_RATE)
    after, between = (abs(audio.samples[0, at : at + 4800] @ wave) for at in (24000 + 480, 24000 + 12000))
    assert between > 1.2 * after > 0.0


def test_an_instrument_can_be_chosen_for_a_role() -> None:
    score = score_of([Track("lead", 81, [Note(0.0, 2.0, 72, 100)])], seconds=1.0)
    assert not np.array_equal(render_studio(score).samples, render_studio(score, instruments={"lead": 73}).samples)


def test_what_cannot_be_used_is_said() -> None:
    score = score_of([four_on_the_floor()])
    with pytest.raises(InputError, match="8000 Hz"):
        render_studio(score, sample_rate=8000)
    with pytest.raises(InputError, match="banjo"):
        render_studio(score, instruments={"banjo": 1})
    with pytest.raises(InputError, match="unknown kind"):
        render_studio(score, transitions=[Transition(1.0, "wobble")])  # type: ignore[arg-type]


def test_memory_is_a_few_lines_of_the_piece() -> None:
    """In bytes per sample of stereo: the mix is 8, a role's strip 8, sends and gains 4 each. With whole-length copies it was 104."""
    import tracemalloc

    def peak(seconds: float) -> int:
        score = compose(5, seed=3, duration_seconds=seconds)
        tracemalloc.start()
        try:
            render_studio(score, sample_rate=16_000)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(20.0)  # what is kept from one piece to the next
    assert (peak(60.0) - peak(20.0)) / (40.0 * 16_000) < 60


def test_the_sound_of_a_video_keeps_the_peaks_of_the_master(tmp_path: Path) -> None:
    made = [render_studio(compose(genre, seed=genre, duration_seconds=3.0)) for genre in range(4)]
    off, added = [], []
    for audio in made:
        save_audio(audio, tmp_path / "a.m4a")
        coded = load_audio(tmp_path / "a.m4a", mono=False)
        off.append(float(np.abs(coded.samples[:, : audio.samples.shape[-1]] - audio.samples).max()))
        added.append(crest_db(coded) - crest_db(audio))
    assert np.mean(off) < 0.15 and np.mean(added) < 1.0, "a coder that saves bits on strokes adds to their peaks"


def test_music_that_is_under_way_begins_without_a_tick() -> None:
    held = Track("pad", 89, [Note(-2.0, 8.0, pitch, 100) for pitch in (48, 55, 60)], False)
    samples = np.abs(render_studio(score_of([held])).samples).max(axis=0)
    assert samples[0] < 0.01 * samples.max() and samples[round(0.003 * SAMPLE_RATE) : 2400].max() > 0.2 * samples.max()
