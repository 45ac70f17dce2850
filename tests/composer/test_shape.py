"""Form as it is played: who plays where, borders, stops, loudness, the beat that is always there, and the ending."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dance2music.composer.compose import compose
from dance2music.composer.genres import DRUM_PITCH
from dance2music.composer.shape import shaped, unshaped_velocity
from dance2music.rhythm.sections import plan_sections
from dance2music.types import GENRES, Note, Rhythm, Score, Section

FORM = (
    Section(0, 16, "intro", 0.3),
    Section(16, 32, "build", 0.6),
    Section(32, 64, "drop", 1.0),
    Section(64, 80, "break", 0.2),
    Section(80, 96, "outro", 0.5),
    Section(96, 99, "ending", 0.5),
)
SECONDS = 49.3


def written(seed: int = 0, *, genre: int = GENRES.index("house"), form: tuple[Section, ...] = FORM, seconds: float = SECONDS) -> Score:
    """A composed piece with a form that it does not play yet; its grid is steady at 120 bpm."""
    grid = np.arange(int(2 * seconds) + 8) * 0.5
    return replace(compose(genre, seed=seed, beat_times_seconds=grid, duration_seconds=seconds, sections=form), sections=form)


def notes(score: Score, role: str, begin: float = -1e9, end: float = 1e9) -> list[Note]:
    return [n for t in score.tracks if t.role == role for n in t.notes if begin <= n.start_beats < end]


def lanes(score: Score, begin: float, end: float) -> set[str]:
    return {name for name, pitch in DRUM_PITCH.items() if any(n.pitch == pitch for n in notes(score, "drums", begin, end))}


def test_a_score_without_sections_stays_as_it_is() -> None:
    score = replace(written(), sections=())
    assert shaped(score, seed=0, energy=np.ones(len(score.beat_times_seconds))) is score


def test_roles_enter_and_leave_at_borders() -> None:
    score = shaped(written(), seed=0)
    assert not notes(score, "bass", 0, 8) and notes(score, "bass", 8, 16)
    assert not notes(score, "lead", 0, 32) and notes(score, "lead", 32, 64) and not notes(score, "lead", 88, 96)
    assert lanes(score, 64, 80 - 2) <= {"kick", "closed_hat", "pedal_hat", "ride", "side_stick", "tambourine", "conga", "crash"}
    assert not lanes(score, 0, 8) & {"snare", "clap"} and lanes(score, 40, 48) & {"snare", "clap"}


def test_a_short_piece_ends_out_of_its_groove() -> None:
    short = (Section(0, 16, "groove", 0.6), Section(16, 19, "ending", 0.6))
    before = written(form=short, seconds=9.3)
    after = shaped(before, seed=0)
    hats = DRUM_PITCH["closed_hat"]
    played = [[(n.start_beats, n.pitch) for n in notes(score, "drums", 12, 15.9) if n.pitch != hats] for score in (before, after)]
    assert played[0] and sorted(played[0]) == sorted(played[1])


@pytest.mark.parametrize("last_beat", [13, 14, 15, 16, 19])
@pytest.mark.parametrize("ends", [True, False])
def test_everybody_plays_in_a_last_bar_that_is_cut_short(last_beat: int, ends: bool) -> None:
    form = (Section(0, last_beat, "groove", 0.6), *([Section(last_beat, last_beat + 2, "ending", 0.6)] if ends else []))
    score = shaped(written(form=form, seconds=0.5 * last_beat + ends), seed=0)
    for role in ("bass", "chords"):
        sounding = max(n.start_beats + n.duration_beats for n in notes(score, role, 0, last_beat - 0.01))
        assert sounding > last_beat - 1.5, f"{role} falls silent at beat {sounding} of {last_beat}"


@pytest.mark.parametrize("genre", range(len(GENRES)))
def test_a_drum_is_on_every_beat_of_every_section(genre: int) -> None:
    score = shaped(written(genre, genre=genre), seed=0)
    beaten = {round(n.start_beats, 3) for n in notes(score, "drums")}
    assert not {float(beat) for beat in range(97)} - beaten


def test_a_roll_grows_up_to_the_drop_which_begins_with_a_crash_and_a_kick() -> None:
    score = shaped(written(), seed=0)
    roll = [n for n in notes(score, "drums", 24, 32) if n.pitch == DRUM_PITCH["snare"]]
    assert len(roll) == 24 and np.mean([n.velocity for n in roll[-8:]]) > np.mean([n.velocity for n in roll[:8]]) + 20
    assert {"crash", "kick"} <= lanes(score, 32, 32.1)
    assert "crash" not in lanes(score, 25, 31.9)


def test_a_freeze_is_a_stop() -> None:
    score = shaped(written(), seed=0, stops=[(42.02, 44.4)])
    assert not [n for role in ("drums", "bass", "chords", "pad", "lead") for n in notes(score, role, 42.25, 44.2)]
    held = [n for role in ("bass", "chords", "pad", "lead") for n in notes(score, role, 36, 42.2)]
    assert held and max(n.start_beats + n.duration_beats for n in held) <= 42.25 + 1e-6


def test_it_plays_as_loud_as_the_dancer_moves_and_the_plain_velocity_is_found_again() -> None:
    plain = shaped(written(), seed=0)
    energy = np.where(np.arange(len(plain.beat_times_seconds)) % 16 < 8, 0.1, 1.0)
    score = shaped(written(), seed=0, energy=energy)
    pairs = [(a, b) for t, u in zip(plain.tracks, score.tracks) for a, b in zip(t.notes, u.notes) if a.start_beats < 96]
    assert all((a.start_beats, a.pitch) == (b.start_beats, b.pitch) for a, b in pairs)

    def louder(begin: float, end: float) -> float:
        return float(np.mean([b.velocity / a.velocity for a, b in pairs if begin <= a.start_beats < end]))

    assert louder(40.5, 47) > 1.2 * louder(32.5, 39) and louder(50, 63) > 1.2 * louder(65, 79)
    back = [unshaped_velocity(b, FORM, energy, plain.downbeat).velocity - a.velocity for a, b in pairs if b.velocity < 127]
    assert np.abs(back).max() <= 3


@pytest.mark.parametrize("seed", range(4))
def test_it_ends_on_the_tonic_with_everybody_and_rings_to_the_end(seed: int) -> None:
    score = shaped(written(seed), seed=seed)
    assert max(n.start_beats for t in score.tracks for n in t.notes) == 96
    for role in ("bass", "chords", "lead") if notes(score, "lead") else ("bass", "chords"):
        last = notes(score, role, 96)
        assert last and all(score.time_at(np.array([n.start_beats + n.duration_beats]))[0] >= SECONDS - 0.15 for n in last)
        assert not [n for n in notes(score, role, 0, 96) if n.start_beats + n.duration_beats > 96 + 1e-6]
    third = 3 if score.minor else 4
    assert {n.pitch % 12 for n in notes(score, "bass", 96)} == {score.key}
    assert {n.pitch % 12 for n in notes(score, "chords", 96)} == {score.key, (score.key + third) % 12, (score.key + 7) % 12}
    assert {"kick", "crash"} <= lanes(score, 96, 97)


def test_without_an_ending_it_plays_on_as_before() -> None:
    *form, last = FORM
    on = (*form[:-1], replace(form[-1], end_beat=last.end_beat))
    score = shaped(written(form=on), seed=0)
    assert {97.0, 98.0} <= {n.start_beats for n in notes(score, "drums")} and "crash" not in lanes(score, 81, 99)
    whole = notes(shaped(written(), seed=0), "drums", 0, 80)
    assert [(n.start_beats, n.pitch) for n in notes(score, "drums", 0, 80)] == [(n.start_beats, n.pitch) for n in whole]


@pytest.mark.parametrize("form", [(Section(0, 19, "groove", 0.6),), (Section(0, 16, "drop", 0.9), Section(16, 39, "outro", 0.5))])
def test_without_an_ending_the_beat_is_there_to_the_end_though_no_drum_was_written(form: tuple[Section, ...]) -> None:
    piece = written(form=form, seconds=form[-1].end_beat / 2)
    score = shaped(replace(piece, tracks=[track for track in piece.tracks if not track.is_drum]), seed=0)
    assert {n.start_beats for n in notes(score, "drums")} >= set(map(float, range(form[-1].end_beat)))


def test_of_a_long_dance_only_the_beginning_may_be_made() -> None:
    score = shaped(written(seconds=20.0), seed=0)
    assert score.sections == FORM and max(n.start_beats for t in score.tracks for n in t.notes) > 38


def test_the_melody_returns() -> None:
    score = shaped(written(), seed=0)
    bars = {bar: {(n.start_beats % 4, n.pitch) for n in notes(score, "lead", 4 * bar, 4 * bar + 4)} for bar in range(8, 16)}
    again = [len(bars[a] & bars[b]) / len(bars[a] | bars[b]) for a, b in ((8, 9), (8, 11), (8, 12), (10, 14))]
    assert min(again) > 0.6 and np.mean(again) > 0.75, "a note may give way to another chord"
    assert len(bars[8] & bars[10]) < 0.5 * len(bars[8] | bars[10])


def test_nearly_every_piece_with_a_form_has_a_melody() -> None:
    with_lead = [bool(notes(written(seed, genre=seed % 10), "lead")) for seed in range(30)]
    assert np.mean(with_lead) > 0.8


@settings(max_examples=25, deadline=None)
@given(
    genre=st.integers(0, 9), seed=st.integers(0, 99), seconds=st.floats(1.0, 40.0), bpm=st.floats(60.0, 180.0), phase=st.floats(0.0, 4.0)
)
def test_any_form_is_playable_and_no_beat_is_silent(genre, seed, seconds, bpm, phase) -> None:
    grid = (np.arange(int(seconds * bpm / 60) + 10) - 4 - phase) * 60.0 / bpm
    rhythm, energy = Rhythm(grid, 0, bpm, 1.0, np.zeros(0)), np.random.default_rng(seed).random(len(grid))
    form = plan_sections(energy, rhythm, seconds)
    if not form:
        return
    score = compose(genre, seed=seed, beat_times_seconds=grid, duration_seconds=seconds, energy=energy, sections=form)
    score = shaped(replace(score, sections=form), seed=seed, energy=energy)
    ending = form[-1].begin_beat
    for track in score.tracks:
        assert all(1 <= n.velocity <= 127 and n.duration_beats > 0 and 20 <= n.pitch <= 100 for n in track.notes)
        assert all(n.start_beats <= ending for n in track.notes)
    first = float(rhythm.beat_at(np.zeros(1))[0])
    beaten = {round(n.start_beats, 3) for n in notes(score, "drums")}
    assert {float(beat) for beat in range(int(np.ceil(first + 1e-6)), ending)} <= beaten
