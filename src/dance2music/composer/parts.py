"""The players: drums, bass, chords, lead and pad, each writing one bar at a time into its track.

They work on 16th steps of one bar, in C; `compose` decides form, harmony and energy and transposes. Velocities fall into the classes ghost
(about 40), medium (78), hit (102) and accent (116), times the stress of their place in the beat, with a little human spread.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dance2music.composer.genres import DRUM_PITCH, FILLS, GenreStyle, steps
from dance2music.composer.harmony import Chord, voice
from dance2music.composer.phrases import KINDS
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Note

STEPS_PER_BAR = STEPS_PER_BEAT * BEATS_PER_BAR
VELOCITIES: dict[str, int] = {"o": 40, "m": 76, "x": 102, "X": 117, "r": 76, "t": 72}
FILL_STARTS: tuple[int, ...] = tuple(
    min(i for row in fill.values() for i, s in enumerate(row) if s != "-") // STEPS_PER_BEAT * STEPS_PER_BEAT for fill in FILLS
)
"""First step of each fill, at a beat."""
TUTTI: tuple[tuple[int, ...], ...] = ((0, 3, 6, 10), (0, 6, 8, 12), (0, 4, 7, 10), (0, 3, 8, 11), (0, 8, 10, 12))
"""Steps of bars in which everybody plays the same few hits."""
_ROLL_HITS = {"r": 2, "t": 3}
METRIC_STRESS: tuple[float, ...] = (1.07, 0.78, 0.8, 0.78)
"""Velocity factor of each 16th of a beat: musicians lean on the beat, and what lies between stays lighter, so that the pulse is heard."""


def metric_stress(step: float) -> float:
    """Velocity factor of a place in the bar, in 16ths (`METRIC_STRESS`); what lies between two 16ths has that of the first."""
    return METRIC_STRESS[math.floor(step + 1e-6) % STEPS_PER_BEAT]


def beat_emphasis(step: float) -> float:
    """Velocity factor by which music for a dancer states its beat more than `METRIC_STRESS` has it: that stress once more.

    The composed corpus is without it. A dance is judged by the beat that is heard in its music.
    """
    return metric_stress(step)


@dataclass
class Bar:
    """What `compose` has decided about one bar.

    Attributes
    ----------
    index : int, bars from the first downbeat; section : int, which of the piece's materials, of even numbers the song's, see `compose`;
        energy : float 0..1.
    chords : the bar's chords, sharing it evenly; following : the first chord of the next bar.
    fill : index into `FILLS` or None; fill_from : first step of it; crash : bool, cymbal on step 0.
    stop_from : step from which all is silent (after a hit), or None; breakdown : bool, calm layers only.
    tutti : steps that everybody plays together while all else rests, or none.
    hits : dict step -> strength 0..1, moments to stress.
    place : bars from the beginning of its section, where the form was given: its melody then returns every four bars.
    """

    index: int
    section: int
    energy: float
    chords: tuple[Chord, ...]
    following: Chord
    fill: int | None = None
    fill_from: int = STEPS_PER_BAR
    crash: bool = False
    stop_from: int | None = None
    breakdown: bool = False
    tutti: tuple[int, ...] = ()
    hits: dict[int, float] = field(default_factory=dict)
    place: int | None = None

    def chord_at(self, step: int) -> Chord:
        """The chord that sounds at a step."""
        return self.chords[step * len(self.chords) // STEPS_PER_BAR]

    def begins_chord(self, step: int) -> bool:
        """True if one of the bar's chords begins at this step."""
        return any(step == i * STEPS_PER_BAR // len(self.chords) for i in range(len(self.chords)))

    @property
    def end(self) -> int:
        """First silent step."""
        return STEPS_PER_BAR if self.stop_from is None else self.stop_from


class Player(ABC):
    """Writes notes of one role at steps of bars; velocities get the stress of the metre and a human spread.

    Moments to stress and steps that all play together are not softened.
    """

    def __init__(self, style: GenreStyle, rng: np.random.Generator) -> None:
        self.style = style
        self.rng = rng
        self.notes: list[Note] = []

    @abstractmethod
    def play(self, bar: Bar) -> None:
        """Write one bar."""

    def write(self, bar: Bar, step: float, length_steps: float, pitch: int, velocity: float) -> None:
        """Add a note: step of the bar (or between steps), length in steps, MIDI pitch, MIDI velocity before stress and spread."""
        stress = metric_stress(step)
        velocity = velocity * (max(1.0, stress) if step in bar.hits or bar.tutti else stress) + float(self.rng.normal(0.0, 2.5))
        start = bar.index * BEATS_PER_BAR + step / STEPS_PER_BEAT
        self.notes.append(Note(start, length_steps / STEPS_PER_BEAT, pitch, int(np.clip(round(velocity), 1, 127))))


def bar_of(pattern: str, index: int) -> str:
    """The 16 steps of bar ``index`` from a pattern of one or two bars."""
    text = steps(pattern)
    return text[:STEPS_PER_BAR] if len(text) == STEPS_PER_BAR or index % 2 == 0 else text[STEPS_PER_BAR:]


def hold_length(row: str, step: int, end: int) -> int:
    """Steps from an onset to the end of its hold, before ``end``."""
    last = step + 1
    while last < end and row[last] == "_":
        last += 1
    return last - step


class Drummer(Player):
    """Groove of the section, layers by energy, ghost notes that come and go, fills, crashes, hits and stops."""

    def __init__(self, style: GenreStyle, rng: np.random.Generator) -> None:
        super().__init__(style, rng)
        self.grooves = list(rng.permutation(len(style.grooves)))
        self.extras = list(rng.permutation(len(style.extra)))

    def play(self, bar: Bar) -> None:
        """Write the drums of one bar: groove, fill, crash and stresses."""
        rows = self._rows(bar)
        if bar.tutti:
            rows = {
                "kick": "".join("X" if s in bar.tutti else "-" for s in range(STEPS_PER_BAR)),
                "snare": "".join("x" if s in bar.tutti and s > 0 else "-" for s in range(STEPS_PER_BAR)),
                "closed_hat": "m---" * BEATS_PER_BAR,
            }
        end = min(bar.end, bar.fill_from if bar.fill is not None else STEPS_PER_BAR)
        for lane, row in rows.items():
            for step in range(end):
                self._hit(bar, lane, step, row[step])
        if bar.fill is not None:
            self._fill(bar, rows)
        self._keep_the_beat(bar, rows, end)
        if bar.crash:
            self._hit(bar, "crash", 0, "x")
            if rows.get("kick", "-")[0] == "-":
                self._hit(bar, "kick", 0, "x")
        self._stress(bar, rows, end)

    def _rows(self, bar: Bar) -> dict[str, str]:
        style = self.style
        calm = bar.breakdown or bar.energy < 0.3
        groove: Mapping[str, str] = style.light if calm else style.grooves[self.grooves[bar.section % len(self.grooves)]]
        rows = {lane: bar_of(pattern, bar.index) for lane, pattern in groove.items()}
        if bar.energy > 0.7 and not calm:
            lanes = list(style.extra)
            for i in self.extras[: 1 if bar.energy < 0.85 else 2]:
                rows.setdefault(lanes[i], bar_of(style.extra[lanes[i]], bar.index))
        if bar.index % 2 == 1 and not calm and "kick" in rows and bar.fill is None and self.rng.random() < 0.35:
            snare = rows.get("snare", "-" * STEPS_PER_BAR)
            free = [s for s in (3, 7, 10, 11, 14, 15) if rows["kick"][s] == "-" and snare[s] == "-"]
            if free:
                step = int(self.rng.choice(free))
                rows["kick"] = rows["kick"][:step] + "m" + rows["kick"][step + 1 :]
        if bar.index % 4 == 3 and "open_hat" not in rows and not calm and "closed_hat" in rows and self.rng.random() < 0.6:
            rows["open_hat"] = "-" * 14 + "x-"
        if "open_hat" in rows and "closed_hat" in rows:
            rows["closed_hat"] = "".join("-" if o != "-" else c for c, o in zip(rows["closed_hat"], rows["open_hat"]))
        if bar.energy < 0.5:
            rows = {lane: row.replace("o", "-") if lane == "snare" else row for lane, row in rows.items()}
        return rows

    def _hit(self, bar: Bar, lane: str, step: int, symbol: str) -> None:
        if symbol == "-":
            return
        if symbol == "o" and self.rng.random() < 0.15:
            return
        velocity = VELOCITIES[symbol] + (8.0 * (bar.energy - 0.5) if symbol in "xX" else 0.0)
        count = _ROLL_HITS.get(symbol, 1)
        for i in range(count):
            self.write(bar, step + i / count, 1 / count, DRUM_PITCH[lane], velocity + 6 * i)

    def _fill(self, bar: Bar, rows: Mapping[str, str]) -> None:
        assert bar.fill is not None
        if "kick" not in FILLS[bar.fill]:
            for step in range(bar.fill_from, bar.end):
                self._hit(bar, "kick", step, rows.get("kick", "-" * STEPS_PER_BAR)[step])
        for lane, pattern in FILLS[bar.fill].items():
            for step in range(bar.fill_from, bar.end):
                self._hit(bar, lane, step, pattern[step])

    def _keep_the_beat(self, bar: Bar, rows: Mapping[str, str], end: int) -> None:
        """A soft kick or stick where a beat would pass without any firm drum: dancers count on beats."""
        for step in range(0, end, STEPS_PER_BEAT):
            if not any(row[step] in "xXm" for row in rows.values()):
                self._hit(bar, "closed_hat", step, "m")

    def _stress(self, bar: Bar, rows: Mapping[str, str], end: int) -> None:
        """Kick (and cymbal, tom or clap, by strength) at the moments to stress."""
        for step, strength in bar.hits.items():
            if step >= end:
                continue
            if rows.get("kick", "-" * STEPS_PER_BAR)[step] == "-" and rows.get("snare", "-" * STEPS_PER_BAR)[step] in "-o":
                self._hit(bar, "kick", step, "x")
            if strength > 0.85 and not (bar.crash and step == 0):
                self._hit(bar, "crash" if step % 8 == 0 else "mid_tom", step, "x" if step % 8 == 0 else "m")


class Bassist(Player):
    """Bass line of the section on the chords' roots, fifths, sevenths and approaches; walking quarters where the style has them."""

    LOW = 32

    def __init__(self, style: GenreStyle, rng: np.random.Generator) -> None:
        super().__init__(style, rng)
        self.lines = list(rng.permutation(len(style.bass_lines)))
        self.walks = rng.random() < style.walking
        self.last = 36

    def play(self, bar: Bar) -> None:
        """Write the bass line of one bar."""
        if bar.breakdown and bar.energy < 0.35:
            self.write(bar, 0, min(12, bar.end), self._root(bar.chords[0]), 84)
            return
        if bar.tutti:
            for step in bar.tutti:
                self.write(bar, step, 1.6, self._root(bar.chord_at(step)), 104)
            return
        row = (
            self._walk_row()
            if self.walks and not bar.breakdown
            else bar_of(self.style.bass_lines[self.lines[bar.section % len(self.lines)]], bar.index)
        )
        if bar.energy < 0.3:
            row = "".join(s if i % 8 in (0, 1, 2, 3) else "-" for i, s in enumerate(row))
        end = min(bar.end, STEPS_PER_BAR)
        for step in range(end):
            symbol = row[step]
            if symbol in "-_" and not (bar.begins_chord(step) and step > 0 and symbol == "-"):
                if step in bar.hits and bar.hits[step] > 0.6 and symbol == "-":
                    self.write(bar, step, 1, self._root(bar.chord_at(step)), 104)
                continue
            pitch = self._pitch(symbol, bar, step)
            length = hold_length(row, step, end) - (0.15 if symbol != "R" else 0.05)
            self.write(bar, step, length, pitch, 100 if step % 8 == 0 else 92)
            self.last = pitch

    def _walk_row(self) -> str:
        return str(self.rng.choice(["R___3___5___a___", "R___5___6___b___", "R___8___5___a___", "R___3___4___5_a_"]))

    def _root(self, chord: Chord) -> int:
        return self.LOW + (chord.root - self.LOW) % 12

    def _pitch(self, symbol: str, bar: Bar, step: int) -> int:
        chord = bar.chord_at(step)
        root = self._root(chord)
        if symbol in "ab":
            last_of_chord = (step + 1) * len(bar.chords) // STEPS_PER_BAR
            target = self._root(bar.following if last_of_chord >= len(bar.chords) or step > 12 else chord)
            if target == root:
                return root + chord.interval(5) if symbol == "a" else root + 1
            return target - 1 if symbol == "a" else target + 1
        if symbol in "3567":
            above = chord.interval(int(symbol))
            return root + above if root + above <= 48 else root + above - 12
        return {"8": root + 12, "4": root + 5}.get(symbol, root)


class Comper(Player):
    """Chords in the section's comping rhythm, voiced close to the chord before."""

    def __init__(self, style: GenreStyle, rng: np.random.Generator) -> None:
        super().__init__(style, rng)
        self.rhythms = list(rng.permutation(len(style.comping)))
        self.voicing: tuple[int, ...] | None = None

    def play(self, bar: Bar) -> None:
        """Write the struck chords of one bar, each voiced near the last."""
        row = bar_of(self.style.comping[self.rhythms[bar.section % len(self.rhythms)]], bar.index)
        if bar.breakdown or bar.energy < 0.25:
            row = "x______-x______-"
        if bar.tutti:
            row = "".join("X" if s in bar.tutti else "-" for s in range(STEPS_PER_BAR))
        if not any(s in "xX" for s in row[: bar.end]) and bar.stop_from is not None:
            row = "X" + row[1:]
        for step in range(bar.end):
            struck = row[step] in "xX" or (step in bar.hits and bar.hits[step] > 0.7 and row[step] == "-")
            if bar.begins_chord(step):
                self.voicing = voice(bar.chord_at(step), self.voicing, center=61.0)
            if not struck:
                continue
            assert self.voicing is not None
            length = hold_length(row, step, bar.end) - 0.2
            velocity = 92 if row[step] == "X" else 84 if step in bar.hits else 78
            for pitch in self.voicing:
                self.write(bar, step, length, pitch, velocity + 10 * (bar.energy - 0.5))


class Padder(Player):
    """Held chords, one per chord change."""

    def __init__(self, style: GenreStyle, rng: np.random.Generator) -> None:
        super().__init__(style, rng)
        self.voicing: tuple[int, ...] | None = None

    def play(self, bar: Bar) -> None:
        """Write the held chords of one bar."""
        part = STEPS_PER_BAR // len(bar.chords)
        for i, chord in enumerate(bar.chords):
            plain = Chord(chord.root, chord.intervals[:3])
            self.voicing = voice(plain, self.voicing, center=62.0)
            end = min((i + 1) * part, bar.end)
            if end > i * part:
                for pitch in self.voicing:
                    self.write(bar, i * part, end - i * part, pitch, 62 + 8 * (bar.energy - 0.5))


@dataclass(frozen=True)
class Motif:
    """One bar of melody: rhythm as steps with lengths, and a contour in scale degrees from the bar's anchor."""

    onsets: tuple[int, ...]
    lengths: tuple[int, ...]
    contour: tuple[int, ...]


class Soloist(Player):
    """Melody from motifs: stated, repeated, answered, and led home at the end of a phrase; strong notes are chord tones."""

    LOW, HIGH = 62, 84

    def __init__(self, style: GenreStyle, rng: np.random.Generator, scale: tuple[int, ...]) -> None:
        super().__init__(style, rng)
        self.ladder = [p for p in range(self.LOW - 12, self.HIGH + 13) if p % 12 in scale]
        self.motifs = [self._motif() for _ in range(4)]
        self.answers = bool(rng.random() < 0.6)
        self.anchor = int(rng.integers(67, 75))
        self.heard: dict[tuple[Motif, int], tuple[int, ...]] = {}

    def _motif(self) -> Motif:
        row = steps(str(self.rng.choice(list(self.style.melody))))
        onsets = tuple(i for i, s in enumerate(row) if s == "x")
        lengths = tuple(hold_length(row, i, STEPS_PER_BAR) for i in onsets)
        moves = self.rng.choice([-2, -1, -1, 0, 1, 1, 2, 3], size=len(onsets))
        contour = np.cumsum(moves) - moves[0]
        return Motif(onsets, lengths, tuple(int(np.clip(c, -4, 5)) for c in contour))

    def play(self, bar: Bar) -> None:
        """Write the motif of one bar: question, answer, question a degree higher, and home."""
        if bar.tutti:
            return
        place = bar.index % 4 if bar.place is None else bar.place % 4
        kind, letter = bar.section % len(KINDS), bar.section // len(KINDS)
        first = (len(KINDS) * kind + letter) % len(self.motifs)
        if self.answers and place in (1, 3) and bar.energy < 0.8 and bar.place is None:
            return
        answer = place == (3 if bar.place is None else 2)  # AABA, where the form was given
        motif = self.motifs[(first + 1) % len(self.motifs)] if answer else self.motifs[first]
        shift = 1 if place == 2 and bar.place is None else 0
        pitches = self._hook(motif, bar) if bar.place is not None else None
        for i, (step, length, degree) in enumerate(zip(motif.onsets, motif.lengths, motif.contour)):
            if step >= bar.end or (bar.fill is not None and step >= bar.fill_from + 4):
                break
            home = place == 3 and i == len(motif.onsets) - 1
            strong = step % 4 == 0 or length > 2 or home
            pitch = self._pitch(degree + shift, bar.chord_at(step), strong=strong) if pitches is None else pitches[i]
            length = min(length, bar.end - step)
            velocity = 94 if step % 4 == 0 else 84
            self.write(bar, step, length - 0.1, pitch, velocity + 10 * (bar.energy - 0.5))

    def _hook(self, motif: Motif, bar: Bar) -> tuple[int, ...]:
        """Pitches of a motif that returns note for note: those that fit the chords where it was first heard."""
        known = (motif, bar.section // len(KINDS))
        if known not in self.heard:
            self.heard[known] = tuple(
                self._pitch(degree, bar.chord_at(step), strong=step % 4 == 0 or length > 2)
                for step, length, degree in zip(motif.onsets, motif.lengths, motif.contour)
            )
        return self.heard[known]

    def _pitch(self, degree: int, chord: Chord, *, strong: bool) -> int:
        at = min(range(len(self.ladder)), key=lambda i: abs(self.ladder[i] - self.anchor))
        pitch = self.ladder[int(np.clip(at + degree, 0, len(self.ladder) - 1))]
        if strong:
            tones = [p for p in range(self.LOW - 4, self.HIGH + 5) if p % 12 in chord.pitch_classes[:4]]
            pitch = min(tones, key=lambda p: (abs(p - pitch), p))
        while pitch > self.HIGH:
            pitch -= 12
        while pitch < self.LOW:
            pitch += 12
        return pitch
