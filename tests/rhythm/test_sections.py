"""The form that a dance gives: sections of whole phrases, the drop where it is wildest, an ending with room to ring, stops at freezes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from dance2music.dance.kinematics import FEATURE_SLICES
from dance2music.rhythm.sections import ending_beat, freezes, plan_sections, ring_seconds, section_at
from dance2music.types import SECTION_NAMES, Rhythm, Section

BEAT = 0.5


def rhythm_of(seconds: float, *, downbeat: int = 1, beat: float = BEAT) -> Rhythm:
    return Rhythm(np.arange(-downbeat * beat, seconds + 5 * beat, beat), downbeat, 60 / beat, 1.0, np.zeros(0))


def energy_of(rhythm: Rhythm, *bars: tuple[int, float]) -> np.ndarray:
    """So many bars of so much energy, one after the other, from the first downbeat on."""
    curve = np.concatenate([np.full(4 * n, level) for n, level in bars])
    at = np.arange(len(rhythm.beat_times_seconds)) - rhythm.downbeat
    return curve[np.clip(at, 0, len(curve) - 1)]


@settings(max_examples=60, deadline=None)
@given(
    seconds=st.floats(1.0, 90.0), bpm=st.floats(60.0, 180.0), downbeat=st.integers(0, 3), phase=st.floats(0.0, 1.0), seed=st.integers(0, 99)
)
def test_any_dance_gives_a_form_without_gaps_that_ends_in_an_ending(seconds, bpm, downbeat, phase, seed) -> None:
    beat = 60.0 / bpm
    grid = (np.arange(int(seconds / beat) + 10) - 4 - phase) * beat
    rhythm = Rhythm(grid, downbeat, bpm, 1.0, np.zeros(0))
    sections = plan_sections(np.random.default_rng(seed).random(len(grid)), rhythm, seconds)
    if not sections:
        assert seconds < 3 * beat
        return
    assert all(a.end_beat == b.begin_beat for a, b in pairwise(sections))
    assert all(s.begin_beat < s.end_beat and s.name in SECTION_NAMES and 0 <= s.level <= 1 for s in sections)
    assert [s.name == "ending" for s in sections] == [False] * (len(sections) - 1) + [True]
    begins, ending, ends = rhythm.time_at(np.array([sections[0].begin_beat, sections[-1].begin_beat, sections[-1].end_beat]))
    assert begins <= 1e-6 and ends >= seconds - 1e-6 and 0 < ending < seconds
    *_, last = plan_sections(np.random.default_rng(seed).random(len(grid)), rhythm, seconds, ending=False)
    assert last.name in ("groove", "drop") and rhythm.time_at(np.array([last.end_beat]))[0] >= seconds - 1e-6


@settings(max_examples=100, deadline=None)
@given(
    seconds=st.floats(12.0, 60.0),
    bpm=st.floats(75.0, 180.0),
    downbeat=st.integers(0, 3),
    phase=st.floats(0.0, 1.0),
    seed=st.integers(0, 99),
)
def test_no_section_but_the_ending_is_heard_for_less_than_two_bars(seconds, bpm, downbeat, phase, seed) -> None:
    beat = 60.0 / bpm
    rhythm = Rhythm((np.arange(int(seconds / beat) + 10) - 4 - phase) * beat, downbeat, bpm, 1.0, np.zeros(0))
    *sections, _ = plan_sections(np.random.default_rng(seed).random(len(rhythm.beat_times_seconds)), rhythm, seconds)
    start = float(rhythm.beat_at(np.zeros(1))[0])
    assert min(section.end_beat - max(section.begin_beat, start) for section in sections) >= 7.5 - 1e-6


def test_a_bar_that_had_begun_before_the_clip_is_no_section_with_the_one_after_it() -> None:
    rhythm = rhythm_of(32.0, downbeat=1)
    rhythm = replace(rhythm, beat_times_seconds=rhythm.beat_times_seconds + BEAT)
    sections = plan_sections(energy_of(rhythm, (1, 0.2), (8, 0.9), (4, 0.1), (8, 0.8)), rhythm, 32.0)
    assert sections[0].begin_beat == -4 and sections[0].end_beat >= 8, "of its first bar a beat is heard"


def test_borders_stand_where_the_energy_changes_and_the_peak_is_the_drop() -> None:
    rhythm = rhythm_of(48.0)
    sections = plan_sections(energy_of(rhythm, (4, 0.2), (8, 0.5), (8, 1.0), (4, 0.3)), rhythm, 48.0)
    assert [(s.begin_beat // 4, s.name) for s in sections] == [(0, "intro"), (4, "build"), (12, "drop"), (20, "outro"), (23, "ending")]
    levels = [s.level for s in sections]
    assert max(levels) == sections[2].level and min(levels) == sections[0].level


def test_a_dance_without_any_contrast_has_a_groove_and_no_drop() -> None:
    rhythm = rhythm_of(60.0)
    sections = plan_sections(energy_of(rhythm, (32, 0.4)), rhythm, 60.0)
    assert {section.name for section in sections[:-1]} == {"groove"}


def test_a_calm_passage_between_wild_ones_is_a_break() -> None:
    rhythm = rhythm_of(56.0)
    sections = plan_sections(energy_of(rhythm, (8, 1.0), (4, 0.1), (8, 0.7), (8, 1.0)), rhythm, 56.0)
    assert [s.name for s in sections] == ["drop", "drop", "break", "build", "drop", "ending"] or [s.name for s in sections] == [
        "drop", "break", "build", "drop", "ending",
    ]  # fmt: skip


def test_inner_sections_have_four_or_eight_bars() -> None:
    rhythm = rhythm_of(120.0)
    rng = np.random.default_rng(3)
    sections = plan_sections(np.repeat(rng.random(64), 4)[: len(rhythm.beat_times_seconds)], rhythm, 120.0)
    assert len(sections) > 6
    assert {s.end_beat - s.begin_beat for s in sections[1:-2]} <= {16, 32}


def test_a_short_dance_is_under_way_and_ends() -> None:
    rhythm = rhythm_of(10.0)
    sections = plan_sections(np.random.default_rng(0).random(len(rhythm.beat_times_seconds)), rhythm, 10.0)
    assert [s.name for s in sections] == ["groove", "ending"]


@pytest.mark.parametrize(("seconds", "beat"), [(10.0, 16), (10.9, 20), (60.0, 116), (8.4, 12), (6.4, 11), (5.2, 8)])
def test_the_ending_is_the_last_downbeat_with_room_to_ring_or_the_middle_of_the_last_bar(seconds: float, beat: int) -> None:
    assert ending_beat(rhythm_of(seconds), seconds) == beat


@pytest.mark.parametrize("period_seconds", [0.4, 0.5, 0.6, 0.7])
@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5, 0.75])
def test_ten_seconds_end_on_a_downbeat_from_85_bpm_on(period_seconds: float, shift: float) -> None:
    rhythm = rhythm_of(12.0, beat=period_seconds)
    moved = replace(rhythm, beat_times_seconds=rhythm.beat_times_seconds - 4 * period_seconds * shift)
    ending = ending_beat(moved, 10.0)
    assert ending is not None and ending % 4 == 0


def test_a_clip_without_such_a_downbeat_ends_on_another_beat_of_its_second_half() -> None:
    rhythm = rhythm_of(2.0)
    assert ending_beat(rhythm, 1.9) == 3  # a downbeat at 0 s only, the middle of the bar at 1 s: too much would be left
    assert ending_beat(rhythm, 1.3) == 2
    assert ending_beat(rhythm, 1.2) is None and plan_sections(np.ones(9), rhythm, 1.2) == ()


def test_the_ending_is_held_before_it_falls() -> None:
    assert ring_seconds(8.0, 10.0) == pytest.approx(1.4) and ring_seconds(10.5, 10.0) > 0


def test_a_dancer_who_stands_still_for_two_beats_freezes_and_one_who_has_not_begun_does_not() -> None:
    seen = tiny.conditioning(6.0)
    kinetic = FEATURE_SLICES["kinetic"].start
    beats = seen.rhythm.time_at(np.array([0.0, 4.0, 6.2]))
    motion = seen.motion.clone()
    motion[:, kinetic] = 1.0
    motion[: round(float(beats[0]) * seen.fps) + 40, kinetic] = 0.0
    motion[round(float(beats[1]) * seen.fps) : round(float(beats[2]) * seen.fps), kinetic] = 0.01
    ((begin, end),) = freezes(replace(seen, motion=motion))
    assert begin == pytest.approx(4.0, abs=0.1) and end == pytest.approx(6.2, abs=0.1)
    motion[:, kinetic] = 1.0
    assert freezes(replace(seen, motion=motion)) == []


def test_a_position_lies_in_one_section() -> None:
    sections = (Section(0, 8, "intro", 0.3), Section(8, 12, "ending", 0.3))
    assert [section_at(sections, beat) for beat in (-3.0, 0.0, 7.9, 8.0, 20.0)] == [sections[i] for i in (0, 0, 0, 1, 1)]
    assert section_at((), 1.0) is None
