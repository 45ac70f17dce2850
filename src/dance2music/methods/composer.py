"""The rule-based composer as a method: it writes for this dance's tempo, phase, energy and genre, and a soundfont plays it.

Nothing here is learned but the beat grid that it follows (`rhythm.estimate`). It is a companion of the learned methods and the bar for
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dance2music.composer.parts import beat_emphasis
from dance2music.composer.shape import shaped
from dance2music.methods.base import Given
from dance2music.methods.hits import with_hits
from dance2music.music.splice import spliced
from dance2music.rhythm.sections import energy_at_beats, freezes
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Conditioning, Latents, Note, Rhythm, Score, Span

_LEAD_BEATS = 4.0
"""The piece is under way for so long when the dance begins, and rings into it."""
_ACCENT_WIDTH_SECONDS = 0.06
_STRESSED = 0.6
"""Accents above this are moments that the composer stresses."""


class Composer:
    """`composer.compose.compose` behind the contract of `methods.base.MusicGenerator`."""

    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Score]:
        """See `MusicGenerator.generate`. A section gets other lines: form, harmony, groove and instruments stay."""
        if span is None:
            return [self._piece(conditioning, seed) for seed in seeds]
        assert isinstance(keep, Score) and keep.seed is not None, "a section is drawn into a piece of this method"
        return [spliced(keep, self._piece(conditioning, keep.seed, variation=seed + 1), span) for seed in seeds]

    def _piece(self, conditioning: Conditioning, seed: int, *, variation: int = 0) -> Score:
        from dance2music.composer.compose import compose

        rhythm = conditioning.rhythm
        accents, lead = accents_at_steps(rhythm), _LEAD_BEATS * 60.0 / rhythm.tempo_bpm
        energy = energy_at_beats(conditioning)
        score = compose(
            conditioning.genre,
            seed=seed,
            variation=variation,
            beat_times_seconds=rhythm.beat_times_seconds + lead,
            downbeat=rhythm.downbeat,
            duration_seconds=conditioning.duration_seconds + lead,
            energy=energy,
            accents=strongest_of_bars(accents, rhythm.downbeat),
            sections=conditioning.sections,
        )
        score = replace(
            emphasized(score, accents),
            beat_times_seconds=rhythm.beat_times_seconds,
            duration_seconds=conditioning.duration_seconds,
            seed=seed,
            sections=conditioning.sections,
        )
        return with_hits(shaped(score, energy=energy, stops=freezes(conditioning), seed=seed), conditioning.hits_seconds)


def emphasized(score: Score, accents: np.ndarray) -> Score:
    """The score with its beat stated more (`composer.parts.beat_emphasis`); what the dancer stresses between beats is not softened.

    ``accents`` is float [n_beats * 4] in 0..1, see `accents_at_steps`.
    """

    def louder(note: Note) -> Note:
        step = int(np.floor(note.start_beats * STEPS_PER_BEAT + 1e-6))
        at = step + score.downbeat * STEPS_PER_BEAT
        factor = max(1.0, beat_emphasis(step)) if 0 <= at < len(accents) and accents[at] > _STRESSED else beat_emphasis(step)
        return note._replace(velocity=int(np.clip(round(note.velocity * factor), 1, 127)))

    return replace(score, tracks=[replace(track, notes=[louder(note) for note in track.notes]) for track in score.tracks])


def accents_at_steps(rhythm: Rhythm) -> np.ndarray:
    """How near a kinematic beat lies to each 16th note of the grid, 0..1: float [n_beats * 4]."""
    n = len(rhythm.beat_times_seconds)
    times = rhythm.time_at(np.arange(n * STEPS_PER_BEAT) / STEPS_PER_BEAT - rhythm.downbeat)
    if not len(rhythm.kinematic_beats_seconds):
        return np.zeros(len(times))
    distance = np.abs(times[:, None] - rhythm.kinematic_beats_seconds[None]).min(axis=1)
    return np.exp(-0.5 * (distance / _ACCENT_WIDTH_SECONDS) ** 2)


def strongest_of_bars(accents: np.ndarray, downbeat: int) -> np.ndarray:
    """Accents [n_beats * 4] of which each bar keeps its strongest, the others 0: with more a groove is no longer that of its genre."""
    bars = (np.arange(len(accents)) - downbeat * STEPS_PER_BEAT) // (BEATS_PER_BAR * STEPS_PER_BEAT)
    kept = np.zeros_like(accents)
    for bar in np.unique(bars):
        steps = np.flatnonzero(bars == bar)
        strongest = steps[np.argmax(accents[steps])]
        kept[strongest] = accents[strongest]
    return kept


def load(given: Given) -> Composer:
    """The composer: rules, no weights."""
    return Composer()
