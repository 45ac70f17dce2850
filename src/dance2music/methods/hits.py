"""Drum hits on the dancer's stops: louder where the score has a drum there already, else a stroke more, where a genre's style allows it off
the grid too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dance2music.types import GENRES, STEPS_PER_BEAT, Note, Score

KICK, STICK, SNARE, CLAP, LOW_TOM, CRASH, HIGH_TOM = 36, 37, 38, 39, 45, 49, 50
NEAR_SECONDS = 0.055
"""A drum so near to a stop is made louder: a second stroke would be a flam."""
LOUD, LEAST = 120, 104
_STRESSED = (35, KICK, STICK, SNARE, CLAP, 40, 41, 43, LOW_TOM, 47, 48, CRASH, HIGH_TOM)


@dataclass(frozen=True)
class HitStyle:
    """General MIDI drums of a hit, and whether it may lie off the grid of 16ths."""

    drums: tuple[int, ...]
    free: bool = True


STYLES: dict[str, HitStyle] = {
    "break": HitStyle((KICK, SNARE)),
    "pop": HitStyle((KICK, CLAP)),
    "lock": HitStyle((SNARE, STICK)),
    "middle-hip-hop": HitStyle((KICK, SNARE)),
    "la-hip-hop": HitStyle((KICK, CLAP)),
    "house": HitStyle((CLAP,), free=False),
    "waack": HitStyle((HIGH_TOM, SNARE), free=False),
    "krump": HitStyle((KICK, LOW_TOM)),
    "street-jazz": HitStyle((KICK, CLAP)),
    "ballet-jazz": HitStyle((LOW_TOM,), free=False),
}


def with_hits(score: Score, hits_seconds: np.ndarray) -> Score:
    """A score whose drums stress the given moments [n] in seconds, up to their last stroke; one without drums stays as it is."""
    index = next((i for i, track in enumerate(score.tracks) if track.is_drum and track.notes), None)
    if index is None or not len(hits_seconds):
        return score
    style, track = STYLES[GENRES[score.genre]], score.tracks[index]
    notes = list(track.notes)
    times = score.time_at(np.array([note.start_beats for note in notes]))
    beats = score.beat_at(hits_seconds)
    if not style.free:
        beats = np.round(beats * STEPS_PER_BEAT) / STEPS_PER_BEAT
    for time, beat in zip(score.time_at(beats), beats):
        if not 0.0 <= time <= min(score.duration_seconds, times.max()):
            continue
        near = [i for i in np.flatnonzero(np.abs(times - time) <= NEAR_SECONDS) if notes[i].pitch in _STRESSED]
        for i in near:
            notes[i] = notes[i]._replace(velocity=max(notes[i].velocity, LOUD))
        if not near:
            notes.extend(Note(float(beat), 1 / STEPS_PER_BEAT, pitch, LEAST) for pitch in style.drums)
    tracks = list(score.tracks)
    tracks[index] = replace(track, notes=sorted(notes, key=lambda note: (note.start_beats, note.pitch)))
    return replace(score, tracks=tracks)
