"""Choosing among takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dance2music.generation.pipeline import make_takes
from dance2music.generation.take import Take
from dance2music.methods.base import MusicGenerator
from dance2music.parallel import side_by_side
from dance2music.types import Audio, Conditioning, Rhythm

CANDIDATES, MOST_CANDIDATES, CANDIDATE_SECONDS = 6, 24, 70.0
"""Takes that are made and ranked for each take that is kept: 70 s of music, but at least 6 and at most 24 (`candidates_for`)."""

BEAT_SHARE = 0.5
"""Weight of a candidate's beat F-measure, and of the lift of its beats, beside the lift of its onsets."""

MUSIC_SHARE = {"pulse_clarity": (1.0, 0.6), "key_clarity": (0.3, 0.7), "harmonic_share": (0.2, 0.65)}
"""Weight of a candidate's musical values beside that, and what of each is enough: beyond it a take does not rank higher, so that among
takes that are music sync decides. Chosen on drawn dances of 2 to 12 s."""

RANKED_SECONDS = 60.0
"""Of longer dances only this much of each candidate is heard before the best is made whole."""


def measure_sync(audio: Audio, rhythm: Rhythm, *, seed: int = 0) -> dict[str, float]:
    """Beat Alignment of the music's onsets with the dancer's kinematic beats, and the same under random circular shifts.

    Returns
    -------
    dict with ``beat_alignment``, ``shifted_mean``, ``shifted_error`` (standard error), ``lift`` (their difference), ``beat_f`` (F-measure
    at 70 ms of the beats that a listener who expects about the dance's tempo hears in the music against the dance's beat grid),
    ``beat_lift`` (the lift of those beats in place of the onsets), ``pulse_clarity`` (`metrics.musicality.pulse_clarity`),
    ``kinematic_beats`` and ``onsets`` (counts).
    Values are 0 where there are no beats.
    """
    from dance2music.metrics.rhythm import beat_f, shift_lift
    from dance2music.music.beats import band_rises, beats_heard, onsets_in, pulse_in

    rises, fps = band_rises(audio)
    envelope = rises.mean(axis=0)
    onsets = onsets_in(envelope, fps)
    grid, kinematic = rhythm.beat_times_seconds, rhythm.kinematic_beats_seconds
    heard = beats_heard(np.median(rises, axis=0), fps, around_bpm=rhythm.tempo_bpm)
    return {
        **shift_lift(kinematic, onsets, audio.duration_seconds, seed=seed),
        "beat_f": beat_f(grid[(grid >= 0) & (grid < audio.duration_seconds)], heard),
        "beat_lift": shift_lift(kinematic, heard, audio.duration_seconds, seed=seed)["lift"],
        "pulse_clarity": pulse_in(envelope, fps),
        "kinematic_beats": float(len(kinematic)),
        "onsets": float(len(onsets)),
    }


def candidates_for(duration_seconds: float) -> int:
    """How many takes are made for each that is kept: short dances, whose takes are cheap and whose few notes vary most, get more."""
    return int(np.clip(CANDIDATE_SECONDS // duration_seconds, CANDIDATES, MOST_CANDIDATES))


def best_take(
    generator: MusicGenerator,
    conditioning: Conditioning,
    *,
    seed: int,
    candidates: int | None = None,
    soundfont: str | Path | None = None,
) -> Take:
    """Make ``candidates`` takes (`candidates_for` by default) from one seed and keep the one that ranks highest for this dancer (`rank`).

    A generator may ask for fewer (its attribute ``candidates``): published systems that are compared with make one, as they were published.
    Of dances longer than `RANKED_SECONDS` the candidates are ranked on their beginning, then the winner is made whole.
    """
    from dance2music.music.tones import tones

    candidates = candidates_for(conditioning.duration_seconds) if candidates is None else candidates
    limit = getattr(generator, "candidates", candidates) if getattr(generator, "takes_differ", True) else 1
    seeds = [seed * 1000 + i for i in range(max(1, min(candidates, limit)))]
    if len(seeds) == 1:
        return make_takes(generator, conditioning, seeds=seeds, soundfont=soundfont)[0]
    heard = replace(conditioning, duration_seconds=min(conditioning.duration_seconds, RANKED_SECONDS))
    rhythm = conditioning.rhythm[0]
    beats = rhythm.kinematic_beats_seconds
    rhythm = replace(rhythm, kinematic_beats_seconds=beats[beats < heard.duration_seconds])
    takes = make_takes(generator, heard, seeds=seeds, soundfont=soundfont)
    scores = side_by_side(lambda take: rank(measure_sync(take.audio, rhythm) | tones(take.audio)), takes)
    best = takes[scores.index(max(scores))]
    if heard.duration_seconds < conditioning.duration_seconds:
        (best,) = make_takes(generator, conditioning, seeds=[best.seed], soundfont=soundfont)
    return replace(best, candidates=len(seeds))


def rank(heard: dict[str, float]) -> float:
    """What candidates are ranked by, of the values of `measure_sync` and `music.tones.tones`.

    How well their onsets and their beats follow the dancer, how clearly their beat is the dance's, and how much they are music
    (`MUSIC_SHARE`).
    """
    music = sum(weight * min(heard[name] / enough, 1.0) for name, (weight, enough) in MUSIC_SHARE.items())
    return heard["lift"] + BEAT_SHARE * (heard["beat_f"] + heard["beat_lift"]) + music
