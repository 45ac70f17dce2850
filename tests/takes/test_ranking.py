"""What is chosen is as clear when it is played as when it was ranked, and is played once."""

from __future__ import annotations

import numpy as np
import pytest

import tiny
from dance2music.sound import render
from dance2music.takes import ranking, take
from dance2music.takes.methods import load_method
from dance2music.takes.ranking import as_clear_as_heard, best_take
from dance2music.takes.take import Take, finished_take, make_takes
from dance2music.types import Audio, Conditioning

SECONDS = 3.0


@pytest.fixture
def dance() -> Conditioning:
    return tiny.conditioning(SECONDS)


def chosen(takes: list[Take], dance: Conditioning, monkeypatch: pytest.MonkeyPatch, *, clear: list[float]) -> int:
    """Seed of the one of three takes that is kept where each was heard at .9, and is heard at ``clear`` as it is played."""
    played = iter(clear)
    monkeypatch.setattr(ranking, "least_beat_f", lambda *_: next(played))
    return as_clear_as_heard(takes, [0.9] * len(takes), dance.rhythm).seed


def test_a_take_whose_beat_is_lost_when_it_is_played_gives_way_to_the_next(dance: Conditioning, monkeypatch: pytest.MonkeyPatch) -> None:
    takes = make_takes(load_method("composer"), dance, seeds=[1, 2, 3, 4])
    assert chosen(takes, dance, monkeypatch, clear=[0.85]) == 1
    assert chosen(takes, dance, monkeypatch, clear=[0.3, 0.9]) == 2
    assert chosen(takes, dance, monkeypatch, clear=[0.3, 0.3, 0.9]) == 3
    assert chosen(takes, dance, monkeypatch, clear=[0.3, 0.3, 0.3]) == 1, "none is as clear as it was: the one that ranks first"


def test_what_is_heard_as_it_is_ranked_is_not_played_again(dance: Conditioning) -> None:
    takes = make_takes(load_method("composer", sound="soundfont"), dance, seeds=[1, 2])
    assert as_clear_as_heard(takes, [0.9, 0.9], dance.rhythm) is takes[0]


def test_the_take_that_is_kept_is_played_once(dance: Conditioning, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[Audio] = []

    def render_measured(*given: object, **options: object) -> object:
        made = measured(*given, **options)  # type: ignore[arg-type]
        played.append(made[0])
        return made

    measured = render.render_measured
    monkeypatch.setattr(render, "render_measured", render_measured)
    monkeypatch.setattr(ranking, "least_beat_f", lambda *_: 1.0)
    best = best_take(load_method("composer"), dance, seed=1, candidates=2)
    done = finished_take(best)
    whole = [audio for audio in played if audio.sample_rate == render.SAMPLE_RATE]
    assert len(whole) == 1 and done.finished is whole[0] and done.candidates == 2
    assert np.array_equal(done.finished.samples, take.levelled(best).finished.samples)
