"""Sections drawn again in some roles, another genre, calmer or wilder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import tiny
from dance2music.errors import InputError
from dance2music.generation.outputs import describe
from dance2music.generation.pipeline import condition
from dance2music.generation.redraw import CANDIDATES, Change, draw_sections, energy_of, fits, regenerate
from dance2music.metrics.clashes import clash_share
from dance2music.music.splice import earlier, spliced
from dance2music.rhythm.choices import span_of_bars
from dance2music.synthetic.drawing import example_dance
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import load_method
from dance2music.takes.ranking import candidate_seeds
from dance2music.takes.take import LEAD_SECONDS, Take, ahead, make_takes
from dance2music.types import Conditioning, Note, Score, Span, Track

SPAN = Span(2.0, 5.0)


@cache
def take(name: str = "composer") -> Take:
    """A take for seven seconds of the drawn dancer."""
    (made,) = make_takes(load_method(name, sound="neural" if name == "memory" else "studio"), condition(example_dance(7.0)[0]), seeds=[3])
    return made


def notes(made: Take) -> dict[str, list[object]]:
    assert isinstance(made.latest, Score)
    return {track.role: list(track.notes) for track in made.latest.tracks if track.notes}


@pytest.mark.parametrize("name", ["composer", "planned"])
def test_only_the_roles_that_are_asked_for_change(name: str) -> None:
    before = notes(take(name))
    for made in draw_sections(take(name), SPAN, seeds=[1, 2], change=Change(roles=("drums",))):
        after = notes(made)
        assert {role: found for role, found in after.items() if role != "drums"} == {r: f for r, f in before.items() if r != "drums"}
        assert made.edits[-1].span == SPAN


class Repeating:
    """Draws the same section from every seed up to a million."""

    def generate(self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Any = None) -> list[Score]:
        return list(load_method("composer").generate(conditioning, [seed // 1_000_000 for seed in seeds], span=span, keep=keep))


def test_choices_are_unlike_even_where_a_method_repeats_itself() -> None:
    drawn = draw_sections(take(), SPAN, seeds=[0, 1, 2], method=tiny.as_method(Repeating()))
    assert len({str(sorted(notes(made).items())) for made in drawn}) == 3
    (alone,) = draw_sections(take(), SPAN, seeds=[0], method=tiny.as_method(Repeating()))
    assert notes(alone) == notes(drawn[0]), "what the first seed gives does not hang on the others"


class OneInTune:
    """Draws a section whose melody is a minor ninth above the bass, but from the fourth of each ten seeds, where it is a fifth."""

    def generate(self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Any = None) -> list[Score]:
        assert span is not None
        return [spliced(keep, self.section(keep, 7 if seed % 10 == 3 else 13), span) for seed in seeds]

    def section(self, keep: Score, semitones: int) -> Score:
        beats = [float(beat) for beat in range(40)]
        bass = Track("bass", 33, [Note(beat, 1.0, 36 + keep.key, 90) for beat in beats])
        lead = Track("lead", 80, [Note(beat, 1.0, 36 + keep.key + semitones, 90) for beat in beats])
        return replace(keep, tracks=[bass, lead])


class MostlyAsItWas(OneInTune):
    """Draws what is there already, but from the fourth of each ten seeds a section that clashes."""

    def generate(self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Any = None) -> list[Score]:
        assert span is not None
        return [spliced(keep, self.section(keep, 13), span) if seed % 10 == 3 else keep for seed in seeds]


def test_what_was_there_is_not_given_for_new_while_there_is_anything_else() -> None:
    (made,) = draw_sections(take(), SPAN, seeds=[1], method=tiny.as_method(MostlyAsItWas()))
    assert notes(made) != notes(take())


def test_of_several_sections_the_one_is_kept_whose_roles_do_not_clash() -> None:
    for seed in (0, 4):
        new = regenerate(take(), SPAN, seed=seed, method=tiny.as_method(OneInTune()))
        assert isinstance(new.latest, Score) and clash_share(new.latest, Span(2.2, 4.8)) == 0
        assert new.edits[-1].seed == seed


def test_what_the_planner_draws_again_fits_better_than_what_it_draws_first() -> None:
    method, piece = load_method("planned", sound="studio"), take("planned")
    seen, heard = ahead(piece.conditioning), earlier(SPAN, LEAD_SECONDS, piece.conditioning.duration_seconds)
    first = method.generate(seen, candidate_seeds(5, CANDIDATES), span=heard, keep=piece.latest)
    new = regenerate(piece, SPAN, seed=5, method=method)
    tracks = [music.tracks for music in first if isinstance(music, Score)]
    assert isinstance(new.latest, Score)
    assert [own == new.latest.tracks for own in tracks].index(True) == int(np.argmax(fits(first, heard)))
    other = regenerate(piece, SPAN, seed=6, method=method).latest
    assert isinstance(other, Score) and other.tracks != new.latest.tracks


def test_what_is_told_of_a_take_names_the_sections_that_were_drawn_again() -> None:
    (once,) = draw_sections(take(), SPAN, seeds=[5])
    (twice,) = draw_sections(once, Span(0.5, 2.0), seeds=[6])
    assert "drawn_again" not in describe(take())
    told = [{"from_seconds": 2.0, "to_seconds": 5.0, "seed": 5}, {"from_seconds": 0.5, "to_seconds": 2.0, "seed": 6}]
    assert describe(twice)["drawn_again"] == told


def test_wilder_sections_have_more_going_on_than_calmer_ones() -> None:
    calm = draw_sections(take("planned"), SPAN, seeds=[1, 2, 3], change=Change(energy="calmer"))
    wild = draw_sections(take("planned"), SPAN, seeds=[1, 2, 3], change=Change(energy="wilder"))
    energies = [[energy_of(made.latest, SPAN) for made in group] for group in (calm, wild)]
    assert max(energies[0]) <= min(energies[1]) and sum(energies[0]) < 0.95 * sum(energies[1])


def test_another_genre_changes_the_section_and_keeps_key_and_what_is_outside() -> None:
    (plain,) = draw_sections(take(), SPAN, seeds=[5])
    (other,) = draw_sections(take(), SPAN, seeds=[5], change=Change(genre="break"))
    assert isinstance(plain.latest, Score) and isinstance(other.latest, Score)
    assert notes(plain) != notes(other) and plain.latest.key == other.latest.key
    assert isinstance(take().latest, Score)
    end = float(take().conditioning.rhythm.beat_at(SPAN.end_seconds)) + 0.5  # type: ignore[arg-type]
    late = [[n for track in made.tracks for n in track.notes if n.start_beats >= end] for made in (take().latest, other.latest)]
    assert late[0] == late[1]


@pytest.mark.parametrize(
    "change, message",
    [
        (Change(energy="louder"), "energy 'louder': unknown; expected calmer or wilder"),
        (Change(roles=("flute",)), "role 'flute': unknown; expected some of drums"),
        (Change(genre="waltz"), "genre 'waltz': unknown"),
    ],
)
def test_changes_that_there_are_not_are_refused(change: Change, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_sections(take(), SPAN, seeds=[1], change=change)


def test_a_recording_has_no_roles_and_no_energy_to_choose_by() -> None:
    with pytest.raises(InputError, match="roles: the neural sound of memory is one recording"):
        draw_sections(take("memory"), SPAN, seeds=[1], change=Change(roles=("drums",)))
    with pytest.raises(InputError, match="calmer: method 'memory' has no notes to judge by"):
        draw_sections(take("memory"), SPAN, seeds=[1], change=Change(energy="calmer"))


@pytest.mark.parametrize("name", ["composer", "planned"])
def test_bars_that_are_drawn_again_begin_and_end_with_whole_notes(name: str) -> None:
    method, clip = load_method(name), synthetic_clip(77, duration_seconds=12.0, genre=4)
    seen = condition(clip.motion, genre="house", duration_seconds=12.0)
    (made,) = make_takes(method, seen, seeds=[1])
    span = span_of_bars(seen.rhythm, 2, 3, duration_seconds=12.0)
    kept, new = made.latest, regenerate(made, span, seed=9, method=method).latest
    assert isinstance(kept, Score) and isinstance(new, Score)

    def behind(score: Score) -> list[tuple[str, Note]]:
        border = span.end_seconds - LEAD_SECONDS - 1e-3
        return [(t.role, n) for t in score.tracks for n in t.notes if score.time_at(np.array([n.start_beats]))[0] >= border]

    assert behind(new) == behind(kept) != []
    assert min(n.duration_beats for t in new.tracks if not t.is_drum for n in t.notes) > 0.1
    assert new.tracks != kept.tracks
