"""Which phrase of a piece is which."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance2music.composer.compose import compose
from dance2music.composer.phrases import phrases_of
from dance2music.types import BEATS_PER_BAR, SECTION_NAMES, Section


def form(*parts: tuple[str, int]) -> tuple[Section, ...]:
    """Sections of (name, bars) from beat 0, and an ending."""
    found, at = [], 0
    for name, bars in parts:
        found.append(Section(at, at + bars * BEATS_PER_BAR, name, 0.6))
        at += bars * BEATS_PER_BAR
    return (*found, Section(at, at + 1, "ending", 0.6))


def letters(sections: tuple[Section, ...]) -> str:
    return "".join("ABCD"[phrase.letter] if not phrase.kind else "abcd"[phrase.letter] for phrase in phrases_of(sections))


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (form(("groove", 5)), "AAA"),
        (form(("intro", 4), ("groove", 8), ("outro", 4)), "AAAA"),
        (form(("groove", 8), ("groove", 8), ("groove", 8), ("groove", 8), ("outro", 6)), "AABAAACAAA"),
        (form(("groove", 8), ("drop", 8), ("groove", 8)), "AAAAAA"),
        (form(("groove", 8), ("break", 8), ("groove", 8), ("outro", 4)), "AAaaAAA"),
        (form(*[("groove", 8)] * 8), "AABAAACAAADAAABA"),
        (form(*[("break", 8)] * 3, ("drop", 4)), "aabaaaA"),
        (form(("intro", 7), *[("groove", 8)] * 3), "AAAABAAA"),
        (form(*[("build", 4), ("drop", 4)] * 6), "aAaAbAaAaAaA"),
    ],
)
def test_a_phrase_is_heard_twice_before_another_where_more_than_four_follow(sections: tuple[Section, ...], expected: str) -> None:
    assert letters(sections) == expected


@given(
    st.lists(st.tuples(st.sampled_from([name for name in SECTION_NAMES if name != "ending"]), st.integers(1, 12)), min_size=2, max_size=20)
)
def test_phrases_cover_all_sections_but_the_ending_without_gaps(parts: list[tuple[str, int]]) -> None:
    sections = form(*parts)
    phrases = phrases_of(sections)
    assert phrases[0].begin_beat == 0 and phrases[-1].end_beat == sections[-1].begin_beat
    assert all(a.end_beat == b.begin_beat for a, b in itertools.pairwise(phrases))


def test_the_composer_plays_another_melody_to_other_chords_in_the_other_phrase_and_comes_back() -> None:
    score = compose(4, seed=3, tempo_bpm=120.0, duration_seconds=72.0, sections=form(*[("groove", 8)] * 4))
    bars = [
        {
            (round(4 * (n.start_beats - 4 * bar)), n.pitch)
            for t in score.tracks
            if t.role in ("chords", "lead")
            for n in t.notes
            if n.start_beats // 4 == bar
        }
        for bar in range(32)
    ]

    def alike(first: int, second: int) -> float:
        return float(
            sum(len(bars[4 * first + k] & bars[4 * second + k]) / len(bars[4 * first + k] | bars[4 * second + k]) for k in range(4)) / 4
        )

    assert alike(0, 1) > 0.6 and alike(1, 3) > 0.6
    assert alike(1, 2) < 0.3
