"""A section of one piece put into another: notes into notes, sound into sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dance2music.music.audio import raised_cosine, to_int16
from dance2music.types import STEPS_PER_BEAT, Audio, Note, Score, Span, Track

SEAM_SECONDS = 0.25
"""Sound is cross-faded over so long before and behind a section; what is farther outside keeps its bits."""


_NEAR_BEATS = 0.01
"""A border so near a 16th is on it: what begins there belongs behind the border, however it was rounded."""
_HELD_BEATS = 1.0
"""What has so much left behind a border is held there: anything shorter would be a stab off its place."""


def spliced(kept: Score, drawn: Score, span: Span) -> Score:
    """A score with the notes of another that begin in a section of it, both on one beat grid.

    What of the kept notes sounds into the section ends where it begins; what of the drawn ones would sound out of it ends with it. But held
    notes that are under way where it begins are heard: of both pieces' as one note, of the drawn one's from there on. A section to the end
    of the music rings on. Tempo, key, swing and instruments are those of the kept score.
    """
    kept_tracks, drawn_tracks = ({track.role: track for track in score.tracks} for score in (kept, drawn))
    edges = np.interp(np.array(span), kept.time_at(_fine_beats(kept)), _fine_beats(kept))
    steps = np.round(edges * STEPS_PER_BEAT) / STEPS_PER_BEAT
    begin, end = (float(beat) for beat in np.where(np.abs(edges - steps) < _NEAR_BEATS, steps, edges))
    begin = -np.inf if span.begin_seconds <= 0.0 else begin
    end = np.inf if span.end_seconds >= kept.duration_seconds else end

    def cut(note: Note, at: float) -> Note:
        return note._replace(duration_beats=max(min(note.duration_beats, at - note.start_beats), 1e-3))

    tracks = []
    for role, track in (drawn_tracks | kept_tracks).items():
        own = kept_tracks.get(role, Track(role, track.program, [], track.is_drum, track.gain)).notes
        other = drawn_tracks.get(role, Track(role, track.program)).notes
        held = (
            {} if track.is_drum else {note.pitch: cut(note, end) for note in other if note.start_beats < begin <= _end(note) - _HELD_BEATS}
        )
        before = []
        for note in (note for note in own if note.start_beats < begin):
            goes_on = held.pop(note.pitch, None) if _end(note) > begin else None
            before.append(cut(note, begin) if goes_on is None else note._replace(duration_beats=_end(goes_on) - note.start_beats))
        begun = [note._replace(start_beats=begin, duration_beats=_end(note) - begin) for note in held.values()]
        inside = [cut(note, end) for note in other if begin <= note.start_beats < end]
        tracks.append(replace(track, notes=[*before, *begun, *inside, *(note for note in own if note.start_beats >= end)]))
    return replace(kept, tracks=tracks)


def _end(note: Note) -> float:
    return note.start_beats + note.duration_beats


def earlier(span: Span, by_seconds: float, duration_seconds: float) -> Span:
    """A section as music that is played so much earlier has it: the ends of the piece stay where they are."""
    begin, end = (at if at <= 0.0 or at >= duration_seconds else max(0.0, at - by_seconds) for at in span)
    return Span(begin, end)


def _fine_beats(score: Score) -> np.ndarray:
    """Unswung positions in beats that cover the music, close enough to invert `Score.time_at` between them."""
    n = len(score.beat_times_seconds)
    margin = 8 + int(np.ceil(score.duration_seconds / max(float(np.diff(score.beat_times_seconds).min()), 1e-3)))
    return np.arange(-score.downbeat - margin, n - score.downbeat + margin, 1 / 16)


def spliced_audio(kept: Audio, drawn: Audio, span: Span, *, first: int = 0, as_written: bool = False) -> Audio:
    """Sound with that of another in a section of it, cross-faded over `SEAM_SECONDS` to either side.

    Farther than the seam outside the section the samples of ``kept`` keep their bits.

    Parameters
    ----------
    kept, drawn : Audio [C, N] and [C, n] at one rate.
    first : index in ``kept`` of the first sample of ``drawn``, which reaches over the section and its seams.
    as_written : what fades out is rounded to 16 bits, as it is in a wav file: the seam is the same whether ``kept`` came from there.
    """
    assert kept.sample_rate == drawn.sample_rate, "pieces of one rate"
    n, rate = kept.samples.shape[-1], kept.sample_rate
    seam = round(SEAM_SECONDS * rate)
    begin, end = (int(np.clip(round(t * rate), 0, n)) for t in span)
    share = np.zeros(end - begin + 2 * seam, dtype=np.float32)
    share[seam : len(share) - seam] = 1.0
    rise = raised_cosine(seam)
    share[:seam], share[len(share) - seam :] = rise, rise[::-1]
    if begin == 0:
        share[:seam] = 1.0
    if end == n:
        share[len(share) - seam :] = 1.0
    low, high = max(0, begin - seam), min(n, end + seam)
    share = share[low - (begin - seam) : len(share) - (end + seam - high)]
    assert first <= low and high <= first + drawn.samples.shape[-1], "sound for all of the section"
    samples, new = kept.samples.copy(), drawn.samples[:, low - first : high - first]
    before = samples[:, low:high]
    if as_written:
        before = to_int16(before) / np.float32(32767.0)
    samples[:, low:high] = before * (1 - share) + new * share
    return Audio(samples, rate)
