from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dance2music.metrics.rhythm import beat_f
from dance2music.people.dancers import numbered
from dance2music.rhythm.estimate import estimate_rhythm
from dance2music.rhythm.evidence import evidence
from dance2music.rhythm.together import followed, windows_of_all
from dance2music.synthetic.choreography import dance
from dance2music.synthetic.timing import MARGIN_SECONDS, hurried
from dance2music.types import Dancer, Motion, Rhythm, Span

SECONDS = 8.0
CENTRES = np.array([SECONDS / 2])
TEMPI, PHASES = np.array([90.0, 110.0]), np.arange(8) / 8


@cache
def moving(period: float, seed: int) -> Motion:
    """A dance to steady beats from 0.2 s on, with the timing of real dancers."""
    beats = 0.2 + period * np.arange(-4, 40)
    motion = dance(beats, genre=seed % 10, seed=seed, duration_seconds=SECONDS + MARGIN_SECONDS, fps=30.0)
    return hurried(motion, beats, SECONDS, np.random.default_rng(seed))


def still() -> Motion:
    motion = moving(0.5, 1)
    return replace(motion, joints=np.repeat(motion.joints[:1], len(motion.joints), axis=0))


def mirrored(motion: Motion) -> Motion:
    return replace(motion, joints=motion.joints * np.array([-1.0, 1.0, 1.0], np.float32))


def read(*motions: Motion, sizes: tuple[float, ...] = (0.6, 0.5)) -> Rhythm:
    people = numbered([Dancer(motion, size, 0.9, (Span(0.0, SECONDS),)) for motion, size in zip(motions, sizes)])
    first = max(people, key=lambda one: one.share)
    return estimate_rhythm(first.motion, others=[one for one in people if one is not first], share=first.share)


def agreement(a: Rhythm, b: Rhythm) -> float:
    return beat_f(*(r.beat_times_seconds[(r.beat_times_seconds >= 0) & (r.beat_times_seconds < SECONDS)] for r in (a, b)))


def test_evidence_of_all_is_the_weighted_mean() -> None:
    one, other = moving(0.5, 1), moving(0.6, 2)
    alone = [evidence(windows_of_all(m, [], 1.0, CENTRES, SECONDS, None)[0], TEMPI, PHASES, 0.05) for m in (one, other)]
    (both,) = windows_of_all(one, [Dancer(other, 0.5, 0.9, (), 0.25)], 0.75, CENTRES, SECONDS, None)
    found = evidence(both, TEMPI, PHASES, 0.05)
    for name in alone[0]:
        assert found[name] == pytest.approx(0.75 * alone[0][name] + 0.25 * alone[1][name])


def test_who_is_away_in_a_window_says_nothing_there() -> None:
    one, other = moving(0.5, 1), moving(0.6, 2)
    away = replace(other, confidence=other.confidence * (np.arange(len(other.joints)) < 120)[:, None].astype(np.float32))
    early, late = windows_of_all(one, [Dancer(away, 0.5, 0.9, (), 0.5)], 0.5, np.array([2.0, 6.0]), 4.0, None)
    assert early.company[0].weight > 0.6 and late.weight == pytest.approx(1.0, abs=0.05)
    assert early.weight + early.company[0].weight == pytest.approx(1.0)


def test_a_mirror_image_and_a_bystander_leave_the_beat_as_it_was() -> None:
    one = moving(0.5, 3)
    alone = read(one)
    assert np.array_equal(read(one, still()).beat_times_seconds, alone.beat_times_seconds), "even where the bystander is larger"
    assert np.array_equal(read(still(), one).beat_times_seconds, alone.beat_times_seconds)
    mirror = read(one, mirrored(one))
    assert agreement(mirror, alone) > 0.95 and mirror.tempo_bpm == pytest.approx(alone.tempo_bpm, rel=0.02)
    assert mirror.confidence == pytest.approx(alone.confidence, abs=0.05), "it is no second witness"


def test_two_dancers_to_one_music_have_its_tempo() -> None:
    assert read(moving(0.52, 4), moving(0.52, 5)).tempo_bpm == pytest.approx(60 / 0.52, rel=0.02)


def test_of_two_musics_the_beat_is_that_of_the_dancer_who_counts_more() -> None:
    one, other = moving(0.5, 6), moving(0.68, 7)
    assert read(one, other, sizes=(0.8, 0.2)).tempo_bpm == pytest.approx(read(one).tempo_bpm, rel=0.02)
    assert read(one, other, sizes=(0.2, 0.8)).tempo_bpm == pytest.approx(read(other).tempo_bpm, rel=0.02)


def test_beats_are_bent_towards_those_who_count_most() -> None:
    one, other = moving(0.5, 1), moving(0.6, 2)
    people = [Dancer(other, 0.5, 0.9, (), 0.4), Dancer(still(), 0.5, 0.9, (), 0.1)]
    assert followed(one, people, 0.5) == [one, other]
