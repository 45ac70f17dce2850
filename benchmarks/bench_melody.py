"""What the rules of a tune do to melodies: leads of takes as they were written, and as `composer.melody` leaves them.

    python benchmarks/bench_melody.py [--short 14] [--long 6] [--out melody.json]

Two takes of each method for ``--short`` drawn dances of 12 s and ``--long`` of 45 s, from seeds that nothing was trained on, none chosen.
Of leads of nine notes and more: the share of the most frequent pitch; of intervals the shares of unisons, of steps, and of those wider
than a third; of the notes that weigh (on a beat, or nearly a beat long) the shares of those in the chord under them, and of those a
semitone above one of its tones; bars that return (`metrics.production.lead_repetition`); and how clear the key is, by the correlation of
the lengths of all notes with the profiles of Krumhansl and Kessler.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np

from dance2music.generation import pipeline
from dance2music.metrics.production import lead_repetition
from dance2music.music.tones import MAJOR_PROFILE, MINOR_PROFILE
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import load_method
from dance2music.takes.take import make_takes
from dance2music.types import GENRES, Conditioning, Score

SEED = 1_900_000_000
"""Of drawn dances: nothing was trained on these."""
SHORT_SECONDS, LONG_SECONDS = 12.0, 45.0
FEWEST = 9
MEASURES = {
    "most": "share of the most frequent pitch",
    "unisons": "unisons",
    "steps": "steps",
    "leaps": "wider than a third",
    "inside": "weighty notes in their chord",
    "clashing": "weighty notes a semitone above a tone of it",
    "return": "bars that return",
    "key": "clearness of the key",
}


def dances(short: int, long: int) -> Iterator[tuple[float, Conditioning]]:
    """Length in seconds and conditioning of every dance."""
    for i in range(short + long):
        seconds = SHORT_SECONDS if i < short else LONG_SECONDS
        clip = synthetic_clip(SEED + i, duration_seconds=seconds, fps=30.0)
        yield seconds, pipeline.condition(clip.motion, genre=GENRES[i % len(GENRES)], duration_seconds=seconds)


def chord_at(score: Score, beat: float) -> set[int]:
    """Pitch classes of what chords, pad and bass hold at a position in beats, or of the chord before."""
    tracks = [track for track in score.tracks if track.role in ("chords", "pad", "bass")]
    held = {
        note.pitch % 12
        for track in tracks
        for note in track.notes
        if note.start_beats <= beat + 1e-6 < note.start_beats + note.duration_beats
    }
    if len(held) > 2:
        return held
    before = [note for track in tracks[:2] for note in track.notes if note.start_beats <= beat + 1e-6 and track.role != "bass"]
    last = max((note.start_beats for note in before), default=0.0)
    return held | {note.pitch % 12 for note in before if note.start_beats == last}


def clearness(score: Score) -> float:
    """Correlation of pitch classes by their lengths with the nearest key."""
    lengths = np.zeros(12)
    for track in score.tracks:
        for note in [] if track.is_drum else track.notes:
            lengths[note.pitch % 12] += note.duration_beats
    keys = [np.roll(profile, k) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for k in range(12)]
    return max(float(np.corrcoef(lengths, key)[0, 1]) for key in keys)


def measured(score: Score) -> dict[str, float] | None:
    """The measures of a piece; None without a melody."""
    lead = sorted((note for track in score.tracks if track.role == "lead" for note in track.notes), key=lambda note: note.start_beats)
    if len(lead) < FEWEST:
        return None
    pitches = np.array([note.pitch for note in lead])
    sizes = np.abs(np.diff(pitches))
    weighty = [note for note in lead if abs(note.start_beats - round(note.start_beats)) < 0.05 or note.duration_beats >= 0.9]
    under = [(note.pitch % 12, chord_at(score, note.start_beats)) for note in weighty]
    return {
        "most": max(Counter(pitches.tolist()).values()) / len(lead),
        "unisons": float(np.mean(sizes == 0)),
        "steps": float(np.mean((sizes > 0) & (sizes < 3))),
        "leaps": float(np.mean(sizes > 4)),
        "inside": float(np.mean([pitch in chord for pitch, chord in under])) if under else np.nan,
        "clashing": float(np.mean([pitch not in chord and (pitch - 1) % 12 in chord for pitch, chord in under])) if under else np.nan,
        "return": lead_repetition(score),
        "key": clearness(score),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", type=int, default=14)
    parser.add_argument("--long", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("melody.json"))
    arguments = parser.parse_args()
    rows: dict[str, list[dict[str, float]]] = {}
    given = list(dances(arguments.short, arguments.long))
    for name in ("planned", "composer"):
        method = load_method(name)
        for i, (seconds, conditioning) in enumerate(given):
            with patch("dance2music.composer.shape.tuneful", lambda score: score):
                written = make_takes(method, conditioning, seeds=[10 * i, 10 * i + 1])
            for before, after in zip(written, make_takes(method, conditioning, seeds=[10 * i, 10 * i + 1])):
                assert before.score is not None and after.score is not None
                pair = measured(before.score), measured(after.score)
                if pair[0] is not None and pair[1] is not None:
                    for how, values in zip(("written", "sung"), pair):
                        rows.setdefault(f"`{name}`, {seconds:g} s, {how}", []).append(values)
    print("| leads | n | " + " | ".join(MEASURES.values()) + " |\n|" + " --- |" * (len(MEASURES) + 2))
    for name, values in rows.items():
        means = [float(np.nanmean([value[key] for value in values])) for key in MEASURES]
        print(f"| {name} | {len(values)} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")
    arguments.out.write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
