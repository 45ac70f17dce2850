"""The plan between dance and codes: a score on a grid of 16th notes, relative to its key.

A `Plan` holds per step what each role does, as small integers that a network can predict one step at a time. `plan_from_score` and
`score_from_plan` convert; what the grid cannot hold (exact velocities, more than one lead note at once) is rounded, not lost silently:
the round trip is tested. Chord voicings are entries of a vocabulary that is collected from a corpus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dance2music.composer.genres import DRUM_LANES, PROGRAMS
from dance2music.composer.parts import metric_stress
from dance2music.composer.styles import STYLES
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Note, Score, Track

STEPS_PER_BAR = STEPS_PER_BEAT * BEATS_PER_BAR
REST, HOLD, FIRST_ONSET = 0, 1, 2
PITCHED_ROLES = ("bass", "chords", "lead", "pad")
BASS_LOW, BASS_HIGH = 22, 58
LEAD_LOW, LEAD_HIGH = 48, 96
DRUM_SOFT, DRUM_MEDIUM, DRUM_LOUD, DRUM_ROLL = 1, 2, 3, 4
DRUM_LEVELS = 5
_DRUM_VELOCITY = {DRUM_SOFT: 42, DRUM_MEDIUM: 78, DRUM_LOUD: 108, DRUM_ROLL: 84}
SWINGS: tuple[float, ...] = (0.5, 0.54, 0.58, 0.62, 0.667)
DYNAMICS = 4
_ROLE_VELOCITY = {"bass": 92, "chords": 78, "lead": 88, "pad": 62}


@dataclass
class Plan:
    """Music on a grid of 16th notes from the first downbeat (or whole bars before it).

    Attributes
    ----------
    drums : uint8 [S, n_lanes], 0 silent, 1 soft, 2 medium, 3 loud, 4 a roll of three within the step.
    bass, lead : int16 [S], 0 rest, 1 hold, 2 + i an onset of pitch ``LOW + i`` relative to the key.
    chords, pad : int16 [S], 0 rest, 1 hold, 2 + i an onset of voicing i relative to the key.
    dynamics : uint8 [S] 0..3, loudness of the pitched roles.
    first_bar : int, index of the bar that step 0 begins (negative where music starts before the first downbeat).
    genre, key, minor, swing : as in `Score`; ``swing`` is an index into `SWINGS`.
    programs : int [4], index into `PROGRAMS` of bass, chords, lead, pad.
    """

    drums: np.ndarray
    bass: np.ndarray
    chords: np.ndarray
    lead: np.ndarray
    pad: np.ndarray
    dynamics: np.ndarray
    first_bar: int
    genre: int
    key: int
    minor: bool
    swing: int
    programs: tuple[int, ...]

    @property
    def n_steps(self) -> int:
        """Steps S."""
        return len(self.drums)


def bars_of(beat_start: float, beat_end: float) -> tuple[int, int]:
    """First bar and number of bars that cover the music from ``beat_start`` to ``beat_end`` (in beats from the first downbeat)."""
    first = int(np.floor(beat_start / BEATS_PER_BAR + 1e-6))
    return first, max(1, int(np.ceil(beat_end / BEATS_PER_BAR - 1e-6)) - first)


def transposition(key: int) -> int:
    """Semitones from C to the key's tonic, -5..6, so that no transposition goes further than half an octave."""
    return (key + 5) % 12 - 5


def voicing_of(notes: Iterable[Note], key: int) -> tuple[int, ...]:
    """Pitches of simultaneous notes, moved to C."""
    return tuple(sorted({n.pitch - transposition(key) for n in notes}))


def collect_voicings(scores: Iterable[Score], *, limit: int = 1024) -> list[tuple[int, ...]]:
    """The ``limit`` commonest chord and pad voicings of a corpus, relative to the key."""
    counts: Counter[tuple[int, ...]] = Counter()
    for score in scores:
        for track in score.tracks:
            if track.role in ("chords", "pad"):
                counts.update(voicing_of(notes, score.key) for notes in _by_step(track).values())
    return [voicing for voicing, _ in counts.most_common(limit)]


class Vocabulary:
    """Voicings by index, and the nearest entry for voicings that it does not hold."""

    def __init__(self, voicings: Iterable[tuple[int, ...]]) -> None:
        self.voicings = [tuple(v) for v in voicings]
        assert self.voicings, "a vocabulary needs at least one voicing"
        self._index = {v: i for i, v in enumerate(self.voicings)}

    def __len__(self) -> int:
        return len(self.voicings)

    def index(self, voicing: tuple[int, ...]) -> int:
        """Index of the voicing, or of the one that shares most pitches (then most pitch classes, then the nearest mean)."""
        found = self._index.get(voicing)
        if found is None:
            found = max(range(len(self.voicings)), key=lambda i: _likeness(voicing, self.voicings[i]))
            self._index[voicing] = found
        return found


def plan_from_score(score: Score, vocabulary: Vocabulary) -> Plan:
    """Round a score to the grid."""
    start = float(np.interp(0.0, score.beat_times_seconds, np.arange(len(score.beat_times_seconds)) - score.downbeat))
    end = float(np.interp(score.duration_seconds, score.beat_times_seconds, np.arange(len(score.beat_times_seconds)) - score.downbeat))
    onsets = [n.start_beats for t in score.tracks for n in t.notes]
    first_bar, n_bars = bars_of(min([start, *onsets]), max([end, *(o + 1e-3 for o in onsets)]))
    S, offset = n_bars * STEPS_PER_BAR, first_bar * BEATS_PER_BAR
    rows = {role: np.zeros(S, dtype=np.int16) for role in PITCHED_ROLES}
    drums, velocities = np.zeros((S, len(DRUM_LANES)), dtype=np.uint8), np.zeros(S)
    programs = dict.fromkeys(PITCHED_ROLES, 0)
    for track in score.tracks:
        if track.is_drum:
            _fill_drums(drums, track, offset)
            continue
        programs[track.role] = PROGRAMS.index(track.program)
        for step, notes in sorted(_by_step(track, offset).items()):
            value = _onset_value(track.role, notes, score.key, vocabulary)
            length = max(1, round(max(n.duration_beats for n in notes) * STEPS_PER_BEAT))
            rows[track.role][step] = value
            rows[track.role][step + 1 : step + length] = HOLD
            velocities[step] = max(velocities[step], max(n.velocity for n in notes) / metric_stress(int(step)) - _ROLE_VELOCITY[track.role])
    return Plan(
        drums=drums,
        bass=rows["bass"],
        chords=rows["chords"],
        lead=rows["lead"],
        pad=rows["pad"],
        dynamics=_dynamics(rows, velocities),
        first_bar=first_bar,
        genre=score.genre,
        key=score.key,
        minor=score.minor,
        swing=int(np.argmin(np.abs(np.array(SWINGS) - score.swing))),
        programs=tuple(programs[role] for role in PITCHED_ROLES),
    )


def on_steps(plan: Plan, *, first_bar: int, n_steps: int) -> Plan:
    """The plan moved to the steps from a bar on: what lies outside is cut off, what it lacks are rests."""
    offset = (plan.first_bar - first_bar) * STEPS_PER_BAR
    own = slice(max(0, -offset), max(0, min(plan.n_steps, n_steps - offset)))

    def moved(row: np.ndarray) -> np.ndarray:
        out = np.zeros((n_steps, *row.shape[1:]), dtype=row.dtype)
        out[own.start + offset : own.stop + offset] = row[own]
        return out

    rows: dict[str, Any] = {name: moved(getattr(plan, name)) for name in ("drums", *PITCHED_ROLES, "dynamics")}
    return replace(plan, first_bar=first_bar, **rows)


def score_from_plan(
    plan: Plan,
    vocabulary: Vocabulary,
    *,
    beat_times_seconds: np.ndarray,
    downbeat: int,
    duration_seconds: float,
    emphasis: np.ndarray | None = None,
) -> Score:
    """Write a plan out as a score on the given beat grid; ``emphasis`` float [S] multiplies the velocities of each step."""
    emphasis = np.ones(plan.n_steps) if emphasis is None else emphasis
    offset, shift = plan.first_bar * BEATS_PER_BAR, transposition(plan.key)
    drums = Track(role="drums", program=0, is_drum=True)
    for lane, (_, pitch) in enumerate(DRUM_LANES):
        for step in np.flatnonzero(plan.drums[:, lane]):
            level = int(plan.drums[step, lane])
            count = 3 if level == DRUM_ROLL else 1
            for i in range(count):
                beat = offset + step / STEPS_PER_BEAT + i / (count * STEPS_PER_BEAT)
                velocity = int(np.clip(round(_DRUM_VELOCITY[level] * metric_stress(int(step)) * emphasis[step]), 1, 127))
                drums.notes.append(Note(beat, 1 / (count * STEPS_PER_BEAT), pitch, velocity))
    tracks = [drums]
    for role, row, program in zip(PITCHED_ROLES, (plan.bass, plan.chords, plan.lead, plan.pad), plan.programs):
        track = Track(role=role, program=PROGRAMS[program])
        for step in np.flatnonzero(row >= FIRST_ONSET):
            length = 1
            while step + length < len(row) and row[step + length] == HOLD:
                length += 1
            usual = _ROLE_VELOCITY[role] + 10 * (int(plan.dynamics[step]) - 1.5)
            velocity = int(np.clip(round(usual * metric_stress(int(step)) * emphasis[step]), 1, 127))
            value = int(row[step]) - FIRST_ONSET
            low = {"bass": BASS_LOW, "lead": LEAD_LOW}.get(role)
            pitches = (low + value,) if low is not None else vocabulary.voicings[value]
            start = offset + step / STEPS_PER_BEAT
            track.notes.extend(Note(start, length / STEPS_PER_BEAT, int(np.clip(p + shift, 0, 127)), velocity) for p in pitches)
        tracks.append(track)
    return Score(
        tracks=tracks,
        beat_times_seconds=beat_times_seconds,
        downbeat=downbeat,
        duration_seconds=duration_seconds,
        genre=plan.genre,
        key=plan.key,
        minor=plan.minor,
        swing=SWINGS[plan.swing],
        swing_unit_beats=STYLES[plan.genre].swing_unit_beats,
    )


def _by_step(track: Track, offset_beats: float = 0.0) -> dict[int, list[Note]]:
    """Notes of a track by the 16th step that their start rounds to."""
    steps: dict[int, list[Note]] = {}
    for note in track.notes:
        step = round((note.start_beats - offset_beats) * STEPS_PER_BEAT)
        if step >= 0 or offset_beats == 0.0:
            steps.setdefault(step, []).append(note)
    return steps


def _onset_value(role: str, notes: list[Note], key: int, vocabulary: Vocabulary) -> int:
    if role in ("chords", "pad"):
        return FIRST_ONSET + vocabulary.index(voicing_of(notes, key))
    low, high = (BASS_LOW, BASS_HIGH) if role == "bass" else (LEAD_LOW, LEAD_HIGH)
    pitch = (min if role == "bass" else max)(n.pitch for n in notes) - transposition(key)
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return FIRST_ONSET + pitch - low


def _fill_drums(drums: np.ndarray, track: Track, offset_beats: float) -> None:
    lane_of = {pitch: lane for lane, (_, pitch) in enumerate(DRUM_LANES)}
    counts = np.zeros_like(drums)
    for note in track.notes:
        step = int(np.floor((note.start_beats - offset_beats) * STEPS_PER_BEAT + 1e-3))
        lane = lane_of.get(note.pitch)
        if lane is None or not 0 <= step < len(drums):
            continue
        velocity = note.velocity / metric_stress(int(step))
        level = DRUM_SOFT if velocity < 60 else DRUM_MEDIUM if velocity < 94 else DRUM_LOUD
        drums[step, lane] = max(int(drums[step, lane]), level)
        counts[step, lane] += 1
    drums[counts > 1] = DRUM_ROLL


def _dynamics(rows: dict[str, np.ndarray], velocities: np.ndarray) -> np.ndarray:
    """One loudness class per bar: mean deviation of the bar's onsets from each role's usual velocity."""
    onset = np.any([row >= FIRST_ONSET for row in rows.values()], axis=0)
    result = np.ones(len(velocities), dtype=np.uint8)
    for bar in range(0, len(velocities), STEPS_PER_BAR):
        chosen = onset[bar : bar + STEPS_PER_BAR]
        if chosen.any():
            deviation = velocities[bar : bar + STEPS_PER_BAR][chosen].mean()
            result[bar : bar + STEPS_PER_BAR] = int(np.clip(np.round(deviation / 10 + 1.5), 0, DYNAMICS - 1))
    return result


def _likeness(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, int, float]:
    shared = len(set(a) & set(b)) - abs(len(a) - len(b))
    classes = len({p % 12 for p in a} & {p % 12 for p in b})
    return classes, shared, -abs(float(np.mean(a)) - float(np.mean(b)))
