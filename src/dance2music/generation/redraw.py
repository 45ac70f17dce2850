"""A section of a take drawn again as it is asked for: in some roles only, in another genre, calmer or wilder; several to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance2music.dance.kinematics import FEATURE_SLICES
from dance2music.errors import InputError
from dance2music.generation.methods import LoadedMethod, load
from dance2music.generation.pipeline import genre_index
from dance2music.generation.take import LEAD_SECONDS, Edit, Take, ahead, check_span, method_that_redraws
from dance2music.music.splice import earlier
from dance2music.types import ROLES, Conditioning, Latents, Score, Span

ENERGIES = {"calmer": 0.4, "": 1.0, "wilder": 1.6}
"""How much the dancer is made to move where music is to be calmer or wilder: what methods that go by it see."""
DRAWN_PER_KEPT = 3
"""So many sections are drawn for each that is given, where energy is asked for: those with the least or the most of it are given."""

_MOST_TRIES, _OTHER_SEED = 5, 1_000_003
"""A section that came out as an earlier one of the same draw, as short ones may, is drawn again so often, from a seed so far off."""


@dataclass(frozen=True)
class Change:
    """What is to change in a section.

    Attributes
    ----------
    roles : only these (`types.ROLES`) are drawn again, the others stay; empty: all.
    genre : the section is written as in this genre, its instruments and key stay; None: as the take.
    energy : one of `ENERGIES`.
    """

    roles: tuple[str, ...] = ()
    genre: str | None = None
    energy: str = ""


def draw_sections(
    take: Take, span: Span, *, seeds: Sequence[int], change: Change = Change(), method: LoadedMethod | None = None
) -> list[Take]:
    """The take with a section drawn again, once per seed; farther than half a second outside the section the sound keeps its bits.

    Parameters
    ----------
    span : the section, at least a beat long, within the take.
    seeds : int >= 0; where energy is asked for, so many sections are chosen from `DRAWN_PER_KEPT` times as many.
    change : what is to change.
    method : the take's method, where it is loaded already.

    Raises
    ------
    InputError
        If the method cannot draw a section or not this change, or the section does not fit.
    """
    record = method_that_redraws(take)
    check_change(take, change)
    check_span(take, span)
    method = load(record, take.given) if method is None else method
    seen, heard = ahead(take.conditioning), earlier(span, LEAD_SECONDS, take.conditioning.duration_seconds)
    if change.genre is not None:
        seen = replace(seen, genre=genre_index(change.genre))
    drawn = [seed * DRAWN_PER_KEPT + i for seed in seeds for i in range(DRAWN_PER_KEPT)] if change.energy else list(seeds)
    moving = _moving(seen, ENERGIES[change.energy])

    def draw(seeds: Sequence[int]) -> list[tuple[int, Latents | Score]]:
        made = method.generate(moving, seeds, span=heard, keep=take.latest)
        return [(seed, _only(take.latest, music, change.roles)) for seed, music in zip(seeds, made)]

    found = draw(drawn)
    for again in range(1, _MOST_TRIES):
        same = [i for i, (_, music) in enumerate(found) if any(_alike(music, other) for _, other in found[:i])]
        if not same:
            break
        for i, other in zip(same, draw([drawn[i] + again * _OTHER_SEED for i in same])):
            found[i] = other
    if change.energy:
        found.sort(key=lambda item: energy_of(item[1], heard), reverse=change.energy == "wilder")
        found = found[: len(seeds)]
    return [replace(take, edits=(*take.edits, Edit(span, seed, music))) for seed, music in found]


def check_change(take: Take, change: Change) -> None:
    """Refuse a change that cannot be made in this take: raises InputError."""
    if change.energy not in ENERGIES:
        raise InputError(f"energy {change.energy!r}: unknown; expected calmer or wilder, or none")
    if unknown := [role for role in change.roles if role not in ROLES]:
        raise InputError(f"role {unknown[0]!r}: unknown; expected some of {', '.join(ROLES)}")
    if change.genre is not None:
        genre_index(change.genre)
    if change.roles and not isinstance(take.latest, Score):
        raise InputError(
            f"roles: the {take.given.sound} sound of {take.method} is one recording, not one per role; draw all of the section, or make a "
            "take with the studio's sound"
        )
    if change.energy and take.score is None:
        raise InputError(f"{change.energy}: method {take.method!r} has no notes to judge by; draw the section as it comes")


def energy_of(music: Latents | Score, span: Span) -> float:
    """How much goes on in a section: the velocities (of 127) of the notes that begin in it, added up, per second."""
    score = music if isinstance(music, Score) else music.score
    assert score is not None, "refused before"
    total = 0.0
    for track in score.tracks:
        if track.notes:
            times = score.time_at(np.array([note.start_beats for note in track.notes]))
            inside = (times >= span.begin_seconds) & (times < span.end_seconds)
            total += float(np.array([note.velocity for note in track.notes])[inside].sum()) / 127
    return total / (span.end_seconds - span.begin_seconds)


def _alike(first: Latents | Score, second: Latents | Score) -> bool:
    """Whether two pieces are the same, by their latents or notes."""
    if isinstance(first, Latents) and isinstance(second, Latents):
        return bool((first.z == second.z).all())
    return isinstance(first, Score) and isinstance(second, Score) and first.tracks == second.tracks


def _only(kept: Latents | Score, drawn: Latents | Score, roles: tuple[str, ...]) -> Latents | Score:
    """What was drawn, but only in some roles."""
    if not roles:
        return drawn
    assert isinstance(kept, Score) and isinstance(drawn, Score), "refused before"
    tracks = {track.role: track for track in kept.tracks if track.role not in roles}
    tracks |= {track.role: track for track in drawn.tracks if track.role in roles}
    return replace(drawn, tracks=[tracks[role] for role in ROLES if role in tracks])


def _moving(conditioning: Conditioning, factor: float) -> Conditioning:
    """The dance with its kinetic velocity scaled."""
    if factor == 1.0:
        return conditioning
    motion = conditioning.motion.clone()
    motion[:, FEATURE_SLICES["kinetic"]] *= factor
    return replace(conditioning, motion=motion)
