"""Items of listeners: balanced over all, fair to each, checked, and as the papers have them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from dance2music.errors import InputError
from dance2music.listening.design import ListeningConfig, Sample, Trial, assign, cells, pairs_of, sources_of

CLIPS = [f"clip{i}" for i in range(8)]
METHODS = ["ours", "rival", "notes"]
CONFIG = ListeningConfig(symbolic=("notes",))


def scored(session: list[Trial], part: str) -> list[Trial]:
    """Items that count as answers: no practice, no checks."""
    return [t for t in session if t.part == part and not t.training and not any(s.beeps for s in t.samples)]


def test_the_numbers_of_items_are_those_of_the_papers() -> None:
    for session in assign(CONFIG, CLIPS, METHODS, original=True):
        assert [len(scored(session, part)) for part in CONFIG.parts] == [15, 15, 25]
        assert sum(t.training for t in session) == 6
        checks = [t for t in session if not t.training and any(s.beeps for s in t.samples)]
        assert Counter(t.part for t in checks) == {"coherence": 2, "quality": 2, "preference": 2}


@pytest.mark.parametrize("part", ["coherence", "quality"])
def test_over_all_listeners_every_clip_of_every_source_is_heard_equally_often(part: str) -> None:
    sessions = assign(CONFIG, CLIPS, METHODS, original=True)
    heard = Counter(t.samples[0] for session in sessions for t in scored(session, part))
    sources = sources_of(CONFIG, part, METHODS, original=True)
    assert set(heard) == {Sample(clip, source) for clip in CLIPS for source in sources}
    assert max(heard.values()) - min(heard.values()) <= 1


def test_each_listener_hears_sources_about_equally_often_and_no_clip_again_before_all_others() -> None:
    for session in assign(CONFIG, CLIPS, METHODS, original=True):
        trials = scored(session, "coherence")
        of_source = Counter(t.samples[0].source for t in trials)
        of_clip = Counter(t.samples[0].clip for t in trials)
        assert len(of_source) == 6 and max(of_source.values()) - min(of_source.values()) <= 2
        assert max(of_clip.values()) - min(of_clip.values()) <= 1
        assert len({t.samples for t in trials}) == len(trials)


def test_pairs_are_of_one_clip_and_each_side_is_as_often_the_first() -> None:
    sessions = assign(replace(CONFIG, focus="ours"), CLIPS, METHODS, original=True)
    trials = [t for session in sessions for t in scored(session, "preference")]
    assert all(t.samples[0].clip == t.samples[1].clip and t.samples[0].source != t.samples[1].source for t in trials)
    with_ours = [t for t in trials if "ours" in (t.samples[0].source, t.samples[1].source)]
    first = sum(t.samples[0].source == "ours" for t in with_ours)
    assert abs(first / len(with_ours) - 0.5) < 0.05
    assert Counter(frozenset(s.source for s in t.samples) for t in trials).keys() == {
        frozenset(p) for p in (("ours", "rival"), ("ours", "notes"), ("ours", "original"), ("original", "shifted"))
    }


@pytest.mark.parametrize(("rows", "columns"), [(5, 3), (4, 6), (6, 6), (1, 4), (4, 1), (12, 8)])
def test_the_latin_square_has_every_cell_once_and_any_stretch_of_it_is_balanced(rows: int, columns: int) -> None:
    line = cells(0, rows * columns, rows, columns)
    assert Counter(line) == {(r, c): 1 for r in range(rows) for c in range(columns)}
    for begin in range(rows * columns - 5):
        of_column = Counter(c for _, c in line[begin : begin + 6])
        assert max(of_column.values()) - min(of_column[c] for c in range(columns)) <= 2
    assert [cell for listener in range(rows) for cell in cells(listener, columns, rows, columns)] == line
    assert cells(rows, columns, rows, columns) == line[:columns]


def test_symbolic_methods_are_left_out_of_quality_unless_asked_for() -> None:
    assert "notes" not in sources_of(CONFIG, "quality", METHODS, original=True)
    assert "notes" in sources_of(CONFIG, "coherence", METHODS, original=True)
    assert "notes" in sources_of(replace(CONFIG, symbolic_in_quality=True), "quality", METHODS, original=True)


def test_controls_can_be_left_out() -> None:
    plain = replace(CONFIG, controls=False)
    assert sources_of(plain, "coherence", METHODS, original=True) == [*METHODS, "original"]
    assert pairs_of(plain, METHODS, original=False) == [("ours", "rival"), ("ours", "notes"), ("rival", "notes")]


def test_the_same_seed_gives_the_same_test_and_another_seed_another() -> None:
    assert assign(CONFIG, CLIPS, METHODS, original=True) == assign(CONFIG, CLIPS, METHODS, original=True)
    assert assign(CONFIG, CLIPS, METHODS, original=True) != assign(replace(CONFIG, seed=1), CLIPS, METHODS, original=True)


def test_two_listeners_have_another_order() -> None:
    first, second = assign(replace(CONFIG, rated_items=48), CLIPS, METHODS, original=True)[:2]
    a, b = scored(first, "coherence"), scored(second, "coherence")
    assert a != b and set(a) == set(b)


def test_a_clip_is_not_heard_twice_in_a_row_where_that_can_be_avoided() -> None:
    for session in assign(CONFIG, CLIPS, METHODS, original=True):
        trials = scored(session, "quality")
        assert all(a.samples[0].clip != b.samples[0].clip for a, b in pairwise(trials))


def test_who_made_the_music_compares_every_pair_once_and_practises_nothing() -> None:
    takes = ["Take 1", "Take 2", "Take 3", "Take 4"]
    config = ListeningConfig(parts=("preference",), listeners=1, pairs=28, checks=0, controls=False, own=True)
    (session,) = assign(config, ["dance"], takes, original=False)
    assert not any(trial.training for trial in session)
    assert sorted(sorted(sample.source for sample in trial.samples) for trial in session) == [
        [a, b] for i, a in enumerate(takes) for b in takes[i + 1 :]
    ]


def test_the_reference_is_shown_in_the_coherence_part_only() -> None:
    session = assign(replace(CONFIG, reference_shown=True), CLIPS, METHODS, original=True)[0]
    for trial in session:
        wanted = trial.part == "coherence" and not any(s.beeps for s in trial.samples)
        assert (trial.reference == Sample(trial.samples[0].clip, "original")) == wanted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parts": ("coherence", "taste")}, "part 'taste': unknown"),
        ({"parts": ()}, "at least one"),
        ({"focus": "nobody"}, "is not among the methods"),
        ({"symbolic": ("nobody",)}, "is not among the methods"),
        ({"listeners": 0}, "listeners: 0; expected a whole number from 1"),
        ({"checks": -1}, "checks: -1"),
        ({"own": True}, "own: with parts coherence, quality, preference and"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        assign(replace(CONFIG, **change), CLIPS, METHODS, original=True)  # type: ignore[arg-type]


def test_a_method_cannot_have_the_name_of_a_control_and_clips_are_needed() -> None:
    with pytest.raises(InputError, match="is the name of a control"):
        assign(ListeningConfig(), CLIPS, ["noise"], original=True)
    with pytest.raises(InputError, match="clips: none"):
        assign(CONFIG, [], METHODS, original=True)
    with pytest.raises(InputError, match="nothing to judge"):
        assign(ListeningConfig(parts=("preference",), controls=False), CLIPS, ["ours"], original=False)
