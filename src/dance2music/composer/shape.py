"""Form as it is played, for the notes of any method: who plays in which section, borders, stops, loudness, and the ending.

The sections come from the dance (`rhythm.sections`) and stand in the score. `shaped` lets roles enter and leave at them, builds up to a
drop, fills and crashes at borders, is silent where the dancer freezes, plays as loud as the dancer moves, and ends on one chord that rings
out. Under all of it a drum marks every beat: dancers count on beats.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dance2music.composer.genres import DRUM_PITCH, FILLS
from dance2music.composer.harmony import Chord, voice
from dance2music.composer.melody import tuneful
from dance2music.composer.parts import FILL_STARTS, VELOCITIES, metric_stress
from dance2music.composer.styles import STYLES
from dance2music.rhythm.sections import ending_of, has_form, section_at
from dance2music.seeds import OwnTake
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Note, Score, Section, Track

ENTRIES: dict[str, dict[str, float]] = {
    "intro": {"bass": 0.5, "lead": 1.0},
    "build": {"lead": 1.0},
}
"""Share of a section, rounded to bars, after which a role enters; all others play from its beginning."""
EXITS: dict[str, dict[str, float]] = {"outro": {"lead": 0.5}}
"""Share of a section, rounded to bars, after which a role leaves."""
_CALM_LANES = ("kick", "closed_hat", "pedal_hat", "open_hat", "ride", "side_stick", "tambourine", "conga")
"""Drums of an intro until the bass enters, and of the end of an outro."""
_BREAK_LANES = ("closed_hat", "pedal_hat", "ride", "side_stick", "tambourine", "conga")
_PULSE_VELOCITY = 72

RANGE_DB, SHORT_RANGE_DB = 10.0, 4.0
"""From the calmest to the wildest moment of a dance with sections, and of one so short that it has none."""
_LEVEL_SHARE = 0.4
"""How much of the loudness its section decides; the rest follows the dance beat by beat."""
_VELOCITY_POWER = 1.6
"""Sound goes with (velocity / 127) to this power, see `music.synth` and `sound.voices`."""
_BUILD_BARS = 2

_STOP_AFTER_BEATS = 0.25
"""A stop begins so long after the dancer froze, with the hit that it freezes on."""
_RING_CUT_BEATS = 0.1

_LAST_VELOCITIES = {"bass": 86, "chords": 70, "lead": 74, "pad": 54}
"""Of the last chord: all hold it at once, without the gaps of a groove, so that it would be by far the loudest."""


def shaped(score: Score, *, seed: int, energy: np.ndarray | None = None, stops: Sequence[tuple[float, float]] = ()) -> Score:
    """The score with the form that its ``sections`` say; without any, the score as it is.

    Parameters
    ----------
    score : Score.
    seed : int >= 0, draws the fills.
    energy : float [n_beats] in 0..1, of the dance at the beats of the grid; None leaves velocities as they are.
    stops : (begin, end) in beats, where the dancer freezes.

    Returns
    -------
    Score of the same sections; notes begin at or before the ending's chord, where there is one.
    """
    if not score.sections:
        return score
    score = tuneful(score)
    form = score.sections
    tracks = {track.role: replace(track, notes=_entered(track, form)) for track in score.tracks}
    drums = tracks.setdefault("drums", Track("drums", 0, [], is_drum=True))
    _at_borders(drums, form, score.genre, np.random.default_rng([seed, OwnTake.FILLS]))
    drums.notes = _with_pulse(drums.notes, form)
    for track in tracks.values():
        for begin, end in stops:
            track.notes = _stopped(track.notes, begin, end)
    if energy is not None:
        louder = _loudness(form, energy, score.downbeat)
        for track in tracks.values():
            track.notes = [_played(note, louder) for note in track.notes]
    _end(tracks, score)
    for track in tracks.values():
        track.notes.sort(key=lambda note: (note.start_beats, note.pitch))
    return replace(score, tracks=list(tracks.values()))


def unshaped_velocity(note: Note, form: Sequence[Section], energy: np.ndarray, downbeat: int) -> Note:
    """A note of a shaped score with the velocity, about, that it had before; ``energy`` [n_beats] as for `shaped`."""
    factor = _loudness(form, energy, downbeat)(note.start_beats) if form else 1.0
    return note._replace(velocity=int(np.clip(round(note.velocity / factor), 1, 127)))


def _entered(track: Track, form: Sequence[Section]) -> list[Note]:
    """The notes that sound while the role is there."""
    return [note for note in track.notes if _sounds(track, note, section_at(form, note.start_beats))]


def _sounds(track: Track, note: Note, section: Section | None) -> bool:
    assert section is not None, "a shaped score has sections"
    name, beats = section.name, section.end_beat - section.begin_beat
    bars = -(-beats // BEATS_PER_BAR)  # where it ends within one, that too
    bar = max(0.0, note.start_beats - section.begin_beat + 1e-6) // BEATS_PER_BAR
    if not track.is_drum:
        enters, leaves = ENTRIES.get(name, {}).get(track.role, 0.0), EXITS.get(name, {}).get(track.role, 1.0)
        return bool(np.ceil(enters * bars) <= bar < np.ceil(leaves * bars) or (beats < BEATS_PER_BAR and name != "ending"))
    if name == "break":
        return note.pitch in _pitches(_BREAK_LANES) or (note.pitch == DRUM_PITCH["kick"] and note.start_beats % BEATS_PER_BAR < 0.01)
    if (name == "intro" and bar < np.ceil(0.5 * bars)) or (name == "outro" and bar >= np.ceil(0.5 * bars)):
        return note.pitch in _pitches(_CALM_LANES)
    return True


def _pitches(lanes: Sequence[str]) -> set[int]:
    return {DRUM_PITCH[lane] for lane in lanes}


def _at_borders(drums: Track, form: Sequence[Section], genre: int, rng: np.random.Generator) -> None:
    """A roll up to a drop, a fill before other sections, a cymbal and a kick on each. A short piece's ending comes out of its groove."""
    for before, after in itertools.pairwise(form):
        border = after.begin_beat
        fill = int(rng.choice(STYLES[genre].fills))
        first = max(int(rng.choice([8, 12])) if after.name != "ending" else 12, FILL_STARTS[fill])
        if after.name == "drop" and before.end_beat - before.begin_beat >= _BUILD_BARS * BEATS_PER_BAR:
            _roll(drums, border)
        elif before.end_beat - before.begin_beat >= BEATS_PER_BAR and has_form(form):
            _fill(drums, border, FILLS[fill], first)
        if after.name != "ending":  # which has its own
            drums.notes = [note for note in drums.notes if abs(note.start_beats - border) > 0.1 or note.pitch not in _pitches(("crash",))]
            _add(drums, border, "crash", VELOCITIES["x"])
            if not any(abs(note.start_beats - border) < 0.1 and note.pitch == DRUM_PITCH["kick"] for note in drums.notes):
                _add(drums, border, "kick", VELOCITIES["x"])


def _fill(drums: Track, border: int, fill: Mapping[str, str], first: int) -> None:
    """A fill from its step ``first`` on in place of what the bar before the border has; its kick goes on where the fill has none."""
    bar = border - BEATS_PER_BAR
    begin = bar + first / STEPS_PER_BEAT
    kept = set() if "kick" in fill else {DRUM_PITCH["kick"]}
    drums.notes = [note for note in drums.notes if not begin - 0.01 <= note.start_beats < border - 0.01 or note.pitch in kept]
    for lane, row in fill.items():
        for step in range(first, len(row)):
            if row[step] in VELOCITIES:
                count = {"r": 2, "t": 3}.get(row[step], 1)
                for i in range(count):
                    _add(drums, bar + (step + i / count) / STEPS_PER_BEAT, lane, VELOCITIES[row[step]])


def _roll(drums: Track, border: int) -> None:
    """Snare in eighths, then sixteenths, ever louder, over the last bars before a drop; the kick leaves in the last."""
    begin, last = border - _BUILD_BARS * BEATS_PER_BAR, border - BEATS_PER_BAR
    beaten = _pitches(("snare", "clap", "low_tom", "mid_tom", "high_tom"))
    drums.notes = [
        note
        for note in drums.notes
        if not (
            begin - 0.01 <= note.start_beats < border - 0.01
            and (note.pitch in beaten or (note.pitch == DRUM_PITCH["kick"] and note.start_beats >= border - BEATS_PER_BAR / 2 - 0.01))
        )
    ]
    for step in range(_BUILD_BARS * BEATS_PER_BAR * STEPS_PER_BEAT):
        beat = begin + step / STEPS_PER_BEAT
        if beat >= last or step % 2 == 0:
            grown = step / (_BUILD_BARS * BEATS_PER_BAR * STEPS_PER_BEAT)
            _add(drums, beat, "snare", (44 + 56 * grown) * (1.15 if step % STEPS_PER_BEAT == 0 else 0.85))


def _add(drums: Track, beat: float, lane: str, velocity: float) -> None:
    stress = max(1.0, metric_stress(beat * STEPS_PER_BEAT))
    drums.notes.append(Note(beat, 1 / STEPS_PER_BEAT, DRUM_PITCH[lane], int(np.clip(round(velocity * stress), 1, 127))))


def _with_pulse(notes: list[Note], form: Sequence[Section]) -> list[Note]:
    """A hat on each beat before the ending that would pass without a drum."""
    beaten = {round(note.start_beats) for note in notes if abs(note.start_beats - round(note.start_beats)) < 0.05 and note.velocity > 50}
    hat = DRUM_PITCH["closed_hat"]
    last = form[-1].end_beat if ending_of(form) is None else form[-1].begin_beat
    missing = [beat for beat in range(form[0].begin_beat, last) if beat not in beaten]
    kept = [note for note in notes if not (note.pitch == hat and any(abs(note.start_beats - beat) < 0.05 for beat in missing))]
    return kept + [Note(float(beat), 1 / STEPS_PER_BEAT, hat, _PULSE_VELOCITY) for beat in missing]


def _stopped(notes: list[Note], begin: float, end: float) -> list[Note]:
    """Notes without those that begin in a stop; what sounds into it ends."""
    first = round(begin * STEPS_PER_BEAT) / STEPS_PER_BEAT + _STOP_AFTER_BEATS
    out = []
    for note in notes:
        if first - 0.01 <= note.start_beats < end - 0.1:
            continue
        if note.start_beats < first < note.start_beats + note.duration_beats:
            note = note._replace(duration_beats=first - note.start_beats)
        out.append(note)
    return out


def _loudness(form: Sequence[Section], energy: np.ndarray, downbeat: int) -> Callable[[float], float]:
    """Factor of the velocity at a position in beats."""
    range_db = RANGE_DB if has_form(form) else SHORT_RANGE_DB
    at = np.arange(len(energy)) - downbeat
    drops = [section.begin_beat for section in form if section.name == "drop"]

    def factor(beat: float) -> float:
        section = section_at(form, beat + 1e-6)
        assert section is not None, "a shaped score has sections"
        wanted = _LEVEL_SHARE * section.level + (1.0 - _LEVEL_SHARE) * float(np.interp(beat, at, energy))
        for drop in drops:
            if 0.0 < drop - beat <= _BUILD_BARS * BEATS_PER_BAR:
                wanted = max(wanted, 0.9 - 0.5 * (drop - beat) / (_BUILD_BARS * BEATS_PER_BAR))
        return float(10.0 ** (-range_db * (1.0 - wanted) / (20.0 * _VELOCITY_POWER)))

    return factor


def _played(note: Note, louder: Callable[[float], float]) -> Note:
    return note._replace(velocity=int(np.clip(round(note.velocity * louder(note.start_beats)), 1, 127)))


def _end(tracks: dict[str, Track], score: Score) -> None:
    """Everybody on the tonic, held until the music ends; nothing after it, nothing held into it. Without an ending all stays."""
    ending = ending_of(score.sections)
    if ending is None:
        return
    beat = float(ending.begin_beat)
    if score.time_at(np.array([beat]))[0] >= score.duration_seconds:
        return  # of a long dance only the beginning is made
    for track in tracks.values():
        track.notes = [
            note._replace(duration_beats=min(note.duration_beats, beat - note.start_beats))
            for note in track.notes
            if note.start_beats < beat - _RING_CUT_BEATS
        ]
    length = _beats_left(score, beat)
    chord = Chord(score.key, (0, 3, 7) if score.minor else (0, 4, 7))
    for role, track in tracks.items():
        if track.is_drum:
            for lane, velocity in (("kick", 117), ("crash", 110), ("snare", 96)):
                _add(track, beat, lane, velocity)
            continue
        if role in ("pad", "lead") and not track.notes:
            continue
        last = max((note.start_beats for note in track.notes), default=0.0)
        before = tuple(sorted(note.pitch for note in track.notes if note.start_beats > last - 0.01))
        for pitch in _final_pitches(role, chord, before):
            track.notes.append(Note(beat, length, pitch, _LAST_VELOCITIES[role]))


def _final_pitches(role: str, chord: Chord, before: tuple[int, ...]) -> tuple[int, ...]:
    """The last chord's pitches in a role: near what it played before."""
    if role == "bass":
        return (28 + (chord.root - 28) % 12,)
    if role == "lead":
        tones = [pitch for pitch in range(56, 92) if pitch % 12 == chord.root]
        return (min(tones, key=lambda pitch: abs(pitch - before[-1])),)
    return voice(chord, before or None, center=61.0)


def _beats_left(score: Score, beat: float) -> float:
    """Beats from a position to the end of the music."""
    fine = beat + np.arange(1, 64 * STEPS_PER_BEAT) / STEPS_PER_BEAT
    return float(fine[min(int(np.searchsorted(score.time_at(fine), score.duration_seconds)), len(fine) - 1)] - beat)
