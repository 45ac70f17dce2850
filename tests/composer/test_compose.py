"""The composer: whatever it is asked for, the score is playable, follows its grid and keeps the beat."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dance2music.composer.compose import compose, compose_corpus_piece
from dance2music.composer.genres import DRUM_LANES, PROGRAMS
from dance2music.composer.harmony import parse_chord, parse_progression, voice
from dance2music.composer.styles import STYLES
from dance2music.errors import InputError
from dance2music.music.synth import render
from dance2music.types import GENRES, ROLES, Score, swing_beats

LANE_PITCHES = {pitch for _, pitch in DRUM_LANES}


def notes_of(score: Score, role: str) -> list:
    return [n for t in score.tracks if t.role == role for n in t.notes]


def check_playable(score: Score) -> None:
    assert [t.role for t in score.tracks] == list(ROLES)
    for track in score.tracks:
        assert track.is_drum == (track.role == "drums")
        assert track.is_drum or track.program in PROGRAMS
        starts = score.time_at(np.array([n.start_beats for n in track.notes]))
        ends = score.time_at(np.array([n.start_beats + n.duration_beats for n in track.notes]))
        assert np.all((starts >= 0) & (starts < score.duration_seconds))
        # A clip's last note may be shorter than the raster of 1/256 beat on which its end is sought.
        assert np.all(ends <= score.duration_seconds + 0.02) and np.all(ends > starts)
        for note in track.notes:
            assert 1 <= note.velocity <= 127
            assert note.pitch in LANE_PITCHES if track.is_drum else 24 <= note.pitch <= 96
            # On a grid of 16ths, or of 1/8 and 1/12 beat for rolls.
            assert min(abs(note.start_beats * g - round(note.start_beats * g)) for g in (8, 12)) < 1e-6


@settings(max_examples=40, deadline=None)
@given(
    genre=st.integers(0, 9),
    seed=st.integers(0, 2**31),
    duration=st.floats(1.0, 40.0),
    bpm=st.floats(60.0, 180.0),
    jitter=st.floats(0.0, 0.15),
    downbeat=st.integers(0, 3),
    lead_in=st.floats(0.0, 4.0),
    curves=st.booleans(),
)
def test_any_grid_and_length_gives_a_playable_score(genre, seed, duration, bpm, jitter, downbeat, lead_in, curves) -> None:
    rng = np.random.default_rng(seed)
    n = int(duration * bpm / 60) + 6
    grid = (np.cumsum(1 + jitter * rng.uniform(-1, 1, n)) - lead_in) * 60 / bpm
    energy, accents = (rng.random(n), rng.random(4 * n)) if curves else (None, None)
    score = compose(genre, seed=seed, beat_times_seconds=grid, downbeat=downbeat, duration_seconds=duration, energy=energy, accents=accents)
    check_playable(score)
    assert notes_of(score, "drums")


@pytest.mark.parametrize("duration", [0.5, 1.0, 120.0])
@pytest.mark.parametrize("genre", range(10))
def test_very_short_and_long_pieces_are_playable(genre: int, duration: float) -> None:
    score = compose(genre, seed=1, duration_seconds=duration)
    check_playable(score)
    assert score.duration_seconds == duration
    last = max(score.time_at(np.array([n.start_beats]))[0] for t in score.tracks for n in t.notes)
    assert last > duration - 3.0


def test_same_seed_gives_the_same_score_and_another_seed_another() -> None:
    for genre in range(10):
        first, again, other = (compose(genre, seed=s, tempo_bpm=100.0) for s in (5, 5, 6))
        assert first.tracks == again.tracks and first.key == again.key
        assert first.tracks != other.tracks


def test_genres_have_different_drums() -> None:
    bars = {tuple((n.start_beats, n.pitch) for n in notes_of(compose(g, seed=2, tempo_bpm=100.0), "drums")) for g in range(10)}
    assert len(bars) == 10


def test_the_default_tempo_is_one_of_the_genres_six() -> None:
    for genre in range(10):
        assert {round(compose(genre, seed=s, duration_seconds=4.0).tempo_bpm) for s in range(20)} <= set(STYLES[genre].tempi_bpm)


def test_the_corpus_walks_all_sixty_slots() -> None:
    pieces = [compose_corpus_piece(i, duration_seconds=3.0) for i in range(60)]
    assert [p.genre for p in pieces] == [g for g in range(10) for _ in range(6)]
    assert [round(p.tempo_bpm, 6) for p in pieces] == [t for g in range(10) for t in STYLES[g].tempi_bpm]


def test_the_key_can_be_chosen_and_moves_every_pitch_alike() -> None:
    c, d = (compose(8, seed=4, key=k) for k in (0, 2))
    for a, b in zip(c.tracks, d.tracks):
        shift = 0 if a.is_drum else 2
        assert [n.pitch + shift for n in a.notes] == [n.pitch for n in b.notes]


def test_most_notes_lie_in_the_key() -> None:
    """At least seven of ten sounding beats in the seven tones of the key (blue notes and chromatic chords are the rest)."""
    for genre in range(10):
        inside = total = 0.0
        for seed in range(6):
            score = compose(genre, seed=seed)
            scale = {(score.key + p) % 12 for p in ((0, 2, 3, 5, 7, 8, 10) if score.minor else (0, 2, 4, 5, 7, 9, 11))}
            for track in score.tracks[1:]:
                total += sum(n.duration_beats for n in track.notes)
                inside += sum(n.duration_beats for n in track.notes if n.pitch % 12 in scale)
        assert inside / total > 0.7, GENRES[genre]


@pytest.mark.parametrize("genre", range(10))
def test_nearly_every_beat_carries_a_drum(genre: int) -> None:
    score = compose(genre, seed=7, duration_seconds=20.0)
    starts = np.array([n.start_beats for n in notes_of(score, "drums")])
    beats = np.arange(1, int(20.0 * score.tempo_bpm / 60) - 1)
    assert np.mean([np.abs(starts - b).min() < 1e-6 for b in beats]) >= 0.85


@pytest.mark.parametrize("genre", range(10))
def test_the_onset_strength_of_the_sound_is_high_at_beats_and_not_between(genre: int) -> None:
    import librosa

    score = compose(genre, seed=3, duration_seconds=10.0)
    audio = render(score)
    hop_length = 256
    strength = librosa.onset.onset_strength(y=audio.samples[0], sr=audio.sample_rate, hop_length=hop_length)
    z = (strength - strength.mean()) / strength.std()
    beats = score.beat_times_seconds[(score.beat_times_seconds > 0.1) & (score.beat_times_seconds < 9.8)]

    def mean_z(times: np.ndarray) -> float:
        at = np.round(times * audio.sample_rate / hop_length).astype(int)
        return float(np.mean([z[max(0, a - 2) : a + 5].max() for a in at]))

    shifted = np.random.default_rng(0).uniform(0.1, 9.8, 200)
    assert mean_z(beats) > 1.8
    assert mean_z(beats) > mean_z(shifted) + 0.7


def test_calm_dance_gives_fewer_notes_than_wild_dance() -> None:
    grid = np.arange(30) * 0.5
    for genre in range(10):
        counts = []
        for level in (0.2, 0.9):
            score = compose(genre, seed=3, beat_times_seconds=grid, energy=np.full(30, level), duration_seconds=12.0)
            counts.append(sum(len(t.notes) for t in score.tracks))
        assert counts[0] < 0.8 * counts[1], GENRES[genre]


def test_accents_of_the_dance_get_drum_hits() -> None:
    grid = np.arange(22) * 0.5
    accents = np.zeros(88)
    steps = np.array([7, 23, 39, 55, 71])
    accents[steps] = 0.8
    for genre in range(10):
        score = compose(genre, seed=3, beat_times_seconds=grid, accents=accents, energy=np.full(22, 0.5), duration_seconds=10.0)
        hits = {(round(n.start_beats * 4)) for n in notes_of(score, "drums") if n.velocity > 70}
        assert sum(int(s) in hits for s in steps) >= 3, GENRES[genre]


def test_every_genre_leans_on_the_beat_and_keeps_its_syncopation_lighter() -> None:
    for genre in range(10):
        notes = notes_of(
            compose(genre, seed=4, duration_seconds=20.0, energy=np.full(60, 0.6), beat_times_seconds=np.arange(60) * 0.5), "drums"
        )
        on = [n.velocity for n in notes if n.start_beats % 1 == 0]
        off = [n.velocity for n in notes if n.start_beats % 1 != 0]
        assert on and off, GENRES[genre]
        assert np.mean(on) > 1.2 * np.mean(off), GENRES[genre]


def test_bass_and_lead_play_one_note_at_a_time() -> None:
    for genre in range(10):
        score = compose(genre, seed=9, duration_seconds=20.0)
        for role in ("bass", "lead"):
            notes = notes_of(score, role)
            assert all(a.start_beats + a.duration_beats <= b.start_beats + 1e-9 for a, b in pairwise(notes))


def test_swing_delays_off_beats_only() -> None:
    beats = np.array([0.0, 0.25, 0.5, 0.75, 1.0, -0.25])
    assert np.allclose(swing_beats(beats, 0.5), beats)
    assert np.allclose(swing_beats(beats, 2 / 3), [0.0, 1 / 3, 0.5, 5 / 6, 1.0, -1 / 6])
    assert np.allclose(swing_beats(np.array([0.5, 1.5]), 0.6, unit_beats=0.5), [0.6, 1.6])


def test_chords_are_read_and_voices_move_little() -> None:
    assert parse_chord("Bbm7").pitch_classes == (10, 1, 5, 8)
    assert [len(bar) for bar in parse_progression("Cmaj7 Am7 | Dm7")] == [2, 1]
    first = voice(parse_chord("Cmaj7"), None)
    second = voice(parse_chord("Am7"), first)
    assert len(first) == len(second) == 4
    assert all(min(abs(p - q) for q in first) <= 2 for p in second)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"genre": 10}, "genre: 10"),
        ({"duration_seconds": 0.0}, "duration_seconds"),
        ({"duration_seconds": float("nan")}, "duration_seconds"),
        ({"tempo_bpm": 5.0}, "tempo_bpm"),
        ({"beat_times_seconds": np.array([0.0, 0.5, 0.4])}, "increasing"),
        ({"beat_times_seconds": np.array([0.0])}, "at least two"),
        ({"beat_times_seconds": np.arange(4.0), "downbeat": 4}, "downbeat: 4"),
        ({"beat_times_seconds": np.arange(4.0), "energy": np.zeros(3)}, r"energy: shape \(3,\)"),
        ({"beat_times_seconds": np.arange(4.0), "tempo_bpm": 90.0}, "own tempo"),
    ],
)
def test_wrong_arguments_are_named_in_one_line(arguments: dict, message: str) -> None:
    arguments = {"genre": 0, "seed": 1} | arguments
    with pytest.raises(InputError, match=message) as caught:
        compose(arguments.pop("genre"), **arguments)
    assert "\n" not in str(caught.value)
