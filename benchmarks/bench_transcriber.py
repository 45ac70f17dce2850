"""Can the notes be found again? The same scores in every sound, written down by a transcriber that knows nothing of this project.

    python benchmarks/bench_transcriber.py [--methods planned composer] [--drawn 10] [--out notes.json]

The transcriber is basic-pitch (Bittner et al. 2022; Apache-2.0), no dependency of the package: ``pip install --no-deps basic-pitch`` and
``pip install onnxruntime resampy`` beside it. Dances of 10 s are drawn from seeds that nothing was trained on, one per genre in turn, the
genre given; one take
each. A note is found if one of its pitch begins within 50 ms; notes of several roles that are the same are one; drums do not count. Prints
a Markdown table of means with 95 % bootstrap intervals over dances.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from dance2music.evaluation.statistics import bootstrap_interval
from dance2music.generation import pipeline
from dance2music.music.audio import save_wav
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import METHODS, load_method
from dance2music.takes.take import finished_take, make_takes
from dance2music.types import GENRES, Audio, Score

SEED = 1_850_000_000
SECONDS = 10.0
ONSET_SECONDS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["planned", "composer"])
    parser.add_argument("--drawn", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("notes.json"))
    arguments = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {}
    for method in arguments.methods:
        for sound in METHODS[method].sounds:
            loaded = load_method(method, sound=sound)
            for i in range(arguments.drawn):
                genre = i % len(GENRES)
                motion = synthetic_clip(SEED + i, duration_seconds=SECONDS, genre=genre, fps=30.0).motion
                (take,) = make_takes(loaded, pipeline.condition(motion, genre=GENRES[genre], duration_seconds=SECONDS), seeds=[i])
                assert take.score is not None
                found.setdefault(f"`{method}`, {sound}", []).append(recall_and_precision(take.score, finished_take(take).finished))
    arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("| what is heard | n | recall | precision |\n| --- | --- | --- | --- |")
    for label, pairs in found.items():
        cells = []
        for values in np.array(pairs).T:
            interval = bootstrap_interval(values)
            cells.append(f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]")
        print(f"| {label} | {len(pairs)} | {' | '.join(cells)} |")


def recall_and_precision(score: Score, audio: Audio) -> tuple[float, float]:
    """Shares of a score's notes that are found, and of found notes that are the score's."""
    from mir_eval.transcription import precision_recall_f1_overlap
    from mir_eval.util import midi_to_hz

    notes = {
        (note.pitch, round(float(score.time_at(np.array([note.start_beats]))[0]), 3))
        for track in score.tracks
        if not track.is_drum
        for note in track.notes
    }
    wanted = sorted((start, pitch) for pitch, start in notes if 0.0 <= start < score.duration_seconds - ONSET_SECONDS)
    heard = transcribed(audio)
    if not wanted or not heard:
        return 0.0, 0.0
    (reference, reference_hz), (estimate, estimate_hz) = (
        (np.array([(start, start + 0.1) for start, _ in events]), midi_to_hz(np.array([pitch for _, pitch in events], dtype=float)))
        for events in (wanted, heard)
    )
    precision, recall, _, _ = precision_recall_f1_overlap(
        reference, reference_hz, estimate, estimate_hz, onset_tolerance=ONSET_SECONDS, offset_ratio=None
    )
    return float(recall), float(precision)


def transcribed(audio: Audio) -> list[tuple[float, int]]:
    """Starts in seconds and MIDI pitches that basic-pitch hears with its own settings."""
    from basic_pitch import ICASSP_2022_MODEL_PATH
    from basic_pitch.inference import Model, predict

    if not hasattr(transcribed, "model"):
        transcribed.model = Model(ICASSP_2022_MODEL_PATH)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "music.wav"
        save_wav(audio, path)
        _, _, events = predict(path, transcribed.model)  # type: ignore[attr-defined]
    return sorted((float(event[0]), int(event[2])) for event in events)


if __name__ == "__main__":
    main()
