"""A section of a take drawn again as it is asked for: in some roles only, in another genre, calmer or wilder; several to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance2music.dance.kinematics import FEATURE_SLICES
from dance2music.errors import InputError
from dance2music.generation.pipeline import genre_index
from dance2music.generation.request import check_seed
from dance2music.metrics.clashes import clash_share, foreign_share, velocities_in
from dance2music.music.splice import earlier
from dance2music.takes.methods import LoadedMethod, load
from dance2music.takes.ranking import RANKING, candidate_seeds
from dance2music.takes.take import LEAD_SECONDS, Edit, Take, ahead, check_span, keeping_sound, method_that_redraws
from dance2music.types import ROLES, Conditioning, Latents, Score, Span

ENERGIES = {"calmer": 0.4, "": 1.0, "wilder": 1.6}
"""How much the dancer is made to move where music is to be calmer or wilder: what methods that go by it see."""
CANDIDATES = 6
"""So many sections are drawn for each that is kept, of which the one that fits best is: notes cost little to draw."""
DRAWN_PER_KEPT = 3
"""So many of them stay for each that is given, where energy is asked for: those with the least or the most of it are given."""

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
    take: Take, span: Sequence[float], *, seeds: Sequence[int], change: Change = Change(), method: LoadedMethod | None = None
) -> list[Take]:
    """The take with a section drawn again, once per seed; farther than half a second outside the section the sound keeps its bits.

    Of each seed `CANDIDATES` sections are drawn, and the one is kept that fits best (`fits`) and is not the one that was there.

    Parameters
    ----------
    span : where the section begins and ends, in seconds: at least a beat, within the take.
    seeds : int >= 0; where energy is asked for, so many sections are chosen from the `DRAWN_PER_KEPT` best of each.
    change : what is to change.
    method : the take's method, where it is loaded already.

    Raises
    ------
    InputError
        If the method cannot draw a section or not this change, or the section does not fit.
    """
    record = method_that_redraws(take)
    check_change(take, change)
    span = check_span(take, span)
    method = load(record, take.given) if method is None else method
    heard = earlier(span, LEAD_SECONDS, take.conditioning.duration_seconds)
    genre = take.conditioning.genre if change.genre is None else genre_index(change.genre)
    moving, kept = _moving(replace(ahead(take.conditioning), genre=genre), ENERGIES[change.energy]), DRAWN_PER_KEPT if change.energy else 1
    notes = method if isinstance(take.latest, Score) or take.score is None else load(record, replace(take.given, sound="studio"))

    def draw(seeds: Sequence[int], kept: int) -> list[tuple[int, Latents | Score]]:
        """So many sections of each seed, those that fit best; what plays no notes itself performs only these."""
        if take.score is None:
            return list(zip(seeds, method.generate(moving, seeds, span=heard, keep=take.latest)))
        tries = [each for seed in seeds for each in candidate_seeds(seed, CANDIDATES)]
        made = [_only(take.score, music, change.roles) for music in notes.generate(moving, tries, span=heard, keep=take.score)]
        best: list[tuple[int, int]] = []
        for first, seed in zip(range(0, len(tries), CANDIDATES), seeds):
            drawn = made[first : first + CANDIDATES]
            as_it_was = np.array([_alike(music, take.score) for music in drawn])
            best += [(seed, first + int(at)) for at in np.lexsort((-fits(drawn, heard), as_it_was))[:kept]]
        if notes is not method:
            heard_again = method.generate(moving, [tries[at] for _, at in best], span=heard, keep=take.latest)
            return list(zip([seed for seed, _ in best], heard_again))
        return [(seed, made[at]) for seed, at in best]

    found = draw(seeds, kept)
    for again in range(1, _MOST_TRIES):
        same = [i for i, (_, music) in enumerate(found) if any(_alike(music, other) for _, other in found[:i])]
        if not same:
            break
        for i, other in zip(same, draw([seeds[i // kept] + again * _OTHER_SEED + i % kept for i in same], 1)):
            found[i] = other
    if change.energy:
        found = sorted(found, key=lambda item: energy_of(item[1], heard), reverse=change.energy == "wilder")[: len(seeds)]
    return [replace(take, edits=(*take.edits, Edit(span, seed, music))) for seed, music in found]


def regenerate(take: Take, span: Sequence[float], *, seed: int, method: LoadedMethod | None = None) -> Take:
    """The take with a section drawn again by one seed (`draw_sections`), finished; another seed gives another section.

    Raises
    ------
    InputError
        As `draw_sections`, or if the seed is no whole number from 0.
    """
    check_seed(seed)
    (drawn,) = draw_sections(take, span, seeds=[seed], method=method)
    return keeping_sound(drawn, audio=take.audio)


def fits(drawn: Sequence[Latents | Score], span: Span) -> np.ndarray:
    """How well each of n pieces fits in a section, in its seconds, float [n]: few clashes, no foreign tones, as many notes as usual."""
    scores = [_notes_of(music) for music in drawn]
    begun = np.array([len(velocities_in(score, span)) for score in scores])
    full = np.minimum(begun / max(float(begun.mean()), 1.0), 1.0)
    return np.array([RANKING.fullness_weight * f - clash_share(score, span) - foreign_share(score, span) for f, score in zip(full, scores)])


def _notes_of(music: Latents | Score) -> Score:
    """The notes of a section that has notes."""
    score = music if isinstance(music, Score) else music.score
    assert score is not None, "refused before"
    return score


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
    return float(velocities_in(_notes_of(music), span).sum()) / 127 / (span.end_seconds - span.begin_seconds)


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
    motion = conditioning.motion.clone()
    motion[:, FEATURE_SLICES["kinetic"]] *= factor
    return replace(conditioning, motion=motion)
