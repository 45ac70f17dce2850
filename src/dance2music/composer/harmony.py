"""Chord names to pitches: parsing, voicings with smooth voice leading, scales. All in C; the composer transposes at the end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7), "m": (0, 3, 7), "5": (0, 7), "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11), "9": (0, 4, 7, 10, 14), "m9": (0, 3, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "13": (0, 4, 7, 10, 21),
    "7sus4": (0, 5, 7, 10), "m7b5": (0, 3, 6, 10), "dim": (0, 3, 6),
}  # fmt: skip
"""Semitones above the root by chord suffix."""

SCALES: dict[tuple[str, bool], tuple[int, ...]] = {
    ("diatonic", False): (0, 2, 4, 5, 7, 9, 11),
    ("diatonic", True): (0, 2, 3, 5, 7, 8, 10),
    ("pentatonic", False): (0, 2, 4, 7, 9),
    ("pentatonic", True): (0, 3, 5, 7, 10),
    ("blues", False): (0, 2, 4, 7, 9, 10),
    ("blues", True): (0, 3, 5, 7, 10),
    ("phrygian", False): (0, 1, 3, 5, 7, 8, 10),
    ("phrygian", True): (0, 1, 3, 5, 7, 8, 10),
}
"""Pitch classes of melodies in C by scale name and ``minor``."""

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Chord:
    """``root`` is a pitch class 0..11 in C; ``intervals`` are semitones above it."""

    root: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes 0..11 of its tones, from the root upwards."""
        return tuple((self.root + i) % 12 for i in self.intervals)

    def interval(self, degree: int) -> int:
        """Semitones above the root of the chord's third (3), fifth (5), sixth (6) or seventh (7), with a fitting one where it has none."""
        third = next((i for i in self.intervals if i in (3, 4)), 5 if 5 in self.intervals else 0)
        fifth = next((i for i in self.intervals if i in (6, 7)), 7)
        seventh = next((i for i in self.intervals if i in (10, 11)), 10 if third != 4 else 9)
        return {3: third, 5: fifth, 6: 9 if third == 4 else 8, 7: seventh}[degree]


def parse_chord(name: str) -> Chord:
    """'Bbm7' and the like as a `Chord`."""
    root, rest = _LETTERS[name[0]], name[1:]
    if rest[:1] in ("b", "#"):
        root, rest = (root + (1 if rest[0] == "#" else -1)) % 12, rest[1:]
    return Chord(root, QUALITIES[rest])


def parse_progression(text: str) -> tuple[tuple[Chord, ...], ...]:
    """'Dm7 | G7 Db7' as one tuple of chords per bar; chords share their bar evenly."""
    return tuple(tuple(parse_chord(name) for name in bar.split()) for bar in text.split("|"))


def voice(chord: Chord, previous: tuple[int, ...] | None, *, center: float = 60.0, voices: int = 4) -> tuple[int, ...]:
    """Pitches for a chord near ``center``, as close as possible to the voices before.

    Chords of five tones leave their root to the bass. Every close or half-open arrangement within an octave and a fifth is scored by the
    distance of its voices from the previous ones and from the centre.
    """
    classes = list(chord.pitch_classes)
    if len(classes) > voices:
        classes.remove(chord.root)
    low = round(center) - 9
    octaves = [[low + (c - low) % 12 + 12 * k for k in (0, 1)] for c in classes]
    best: tuple[float, tuple[int, ...]] | None = None
    for choice in product(*octaves):
        pitches = tuple(sorted(choice))
        if pitches[-1] - pitches[0] > 16 or (len(pitches) > 1 and min(b - a for a, b in pairwise(pitches)) < 1):
            continue
        cost = abs(sum(pitches) / len(pitches) - center) * 0.6
        # Neighbours a semitone apart at the bottom of a voicing are muddy.
        cost += sum(2.0 for a, b in pairwise(pitches) if b - a == 1) + max(0, pitches[-1] - pitches[0] - 12) * 0.2
        if previous:
            cost += sum(min(abs(p - q) for q in previous) for p in pitches) / len(pitches)
        if best is None or (cost, pitches) < best:
            best = (cost, pitches)
    assert best is not None, "every chord has an arrangement"
    return best[1]
