"""The sounds side by side: is it a produced track, does it follow the dance, has it form? The same scores in every sound.

    python benchmarks/bench_sounds.py [--methods planned composer] [--drawn 5] [--long 4] [--shared DIR] [--out sounds.json]

Dances: the clips of ``DIR/data/clips`` where they are, ``--drawn`` dances of 10 s and ``--long`` of 60 s, drawn from seeds that nothing was
trained on. For each dance a take is chosen as ``generate`` chooses, in the method's own sound; its score is then heard in every sound that
the method has. Prints a Markdown table for each method, means with 95 % bootstrap intervals over the dances that have a value, and writes
every value to the JSON file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dance2music.dance.kinematics import kinetic_velocity
from dance2music.evaluation.statistics import bootstrap_interval
from dance2music.generation import pipeline
from dance2music.metrics import production
from dance2music.metrics.sound import attack_seconds, frame_rate_comb
from dance2music.metrics.sync import measure_sync
from dance2music.music.beats import HEARD_RATE, as_heard, mono
from dance2music.music.loudness import loudness, true_peak_db
from dance2music.takes.methods import METHODS, load_method
from dance2music.takes.ranking import best_take
from dance2music.takes.take import finished_take, make_takes
from dance2music.types import GENRES, Audio, Conditioning, Score

SEED = 1_800_000_000
"""Of drawn dances: nothing was trained on these."""
LONG_SECONDS, DRAWN_SECONDS = 60.0, 10.0
SHORT_SECONDS = 8.0
"""Shorter pieces may end on any strong beat."""
LOW_GENRES = ("house", "krump", "middle-hip-hop", "la-hip-hop")
COMB_HZ, COMB_SECONDS = HEARD_RATE / 256, 12
MEASURES = {
    "comb": "comb, dB",
    "share": "share",
    "bandwidth_khz": "content to (-55 dB), kHz",
    "width": "width",
    "lufs": "LUFS",
    "true_peak_db": "true peak, dBTP",
    "crest_db": "crest, dB",
    "sub_db": "below 60 Hz (house, krump, hip-hops), dB",
    "attack_ms": "attack of hats and snares, ms",
    "spread_db": "spread of loudness, 60 s, dB",
    "energy_correlation": "rank correlation of energy and loudness, 60 s",
    "silence": "silence over a beat",
    "ends": "ends on a tonic bass, nothing after it",
    "ends_on_downbeat": "and that on a downbeat, from 8 s",
    "lead_present": "lead in 10 s pieces",
    "lead_repetition": "lead bars that return, 60 s",
    "lift": "lift of onsets (took part in the choice)",
    "beat_f": "beats heard, F with the grid",
    "render_seconds": "rendering of 10 s, s",
}


def dances(drawn: int, long: int, shared: Path) -> Iterator[tuple[str, Conditioning]]:
    """Kind (clip, drawn, long) and conditioning of every dance."""
    from dance2music.dance.watch import read_motion
    from dance2music.synthetic.synthetic import synthetic_clip
    from dance2music.video.container import probe

    for path in sorted((shared / "data" / "clips").glob("*.mp4")):
        video = probe(path)
        yield "clip", pipeline.condition(read_motion(video), duration_seconds=video.duration_seconds)
    for kind, n, seconds in (("drawn", drawn, DRAWN_SECONDS), ("long", long, LONG_SECONDS)):
        for i in range(n):
            clip = synthetic_clip(SEED + i, duration_seconds=seconds, fps=30.0)
            assert clip.genre is not None
            yield kind, pipeline.condition(clip.motion, genre=GENRES[clip.genre], duration_seconds=seconds)


def values_of(kind: str, conditioning: Conditioning, audio: Audio, score: Score | None, seconds: float) -> dict[str, float]:
    """All measures of one piece that its kind has."""
    low = as_heard(audio)
    comb = frame_rate_comb(Audio(low.samples[:, : COMB_SECONDS * HEARD_RATE], HEARD_RATE), COMB_HZ)
    heard = measure_sync(low, conditioning.rhythm)
    values = {
        "comb": comb.level_db,
        "share": comb.share,
        "bandwidth_khz": production.bandwidth_hz(audio) / 1000,
        "width": production.stereo_width(audio),
        "lufs": loudness(audio),
        "true_peak_db": true_peak_db(audio),
        "crest_db": production.crest_db(audio),
        "attack_ms": 1000 * attack_seconds(audio),
        "silence": silent(audio, conditioning),
        "lift": heard["lift"],
        "beat_f": heard["beat_f"],
    }
    if GENRES[conditioning.genre] in LOW_GENRES:
        values["sub_db"] = production.sub_db(audio)
    if kind == "drawn":
        values["render_seconds"] = seconds
    if score is not None:
        values["ends"], on_downbeat = ends(score)
        if score.duration_seconds >= SHORT_SECONDS:
            values["ends_on_downbeat"] = on_downbeat
        if kind == "drawn":
            values["lead_present"] = float(any(track.role == "lead" and track.notes for track in score.tracks))
    if kind == "long":
        assert conditioning.dance is not None
        values["spread_db"] = production.loudness_spread_db(audio)
        velocity = kinetic_velocity(conditioning.dance)
        values["energy_correlation"] = production.energy_correlation(audio, velocity, conditioning.dance.fps)
        if score is not None:
            values["lead_repetition"] = production.lead_repetition(score)
    return values


def silent(audio: Audio, conditioning: Conditioning) -> float:
    """Whether something longer than a beat lies 45 dB and more below the piece, 0 or 1."""
    block = round(0.02 * audio.sample_rate)
    y = mono(audio)[: audio.samples.shape[-1] // block * block]
    power = np.square(y).reshape(-1, block).mean(axis=1)
    quiet = np.concatenate([[0], power < power.mean() * 10**-4.5, [0]]).astype(int)
    edges = np.flatnonzero(np.diff(quiet))
    longest = max((int(b - a) for a, b in zip(edges[::2], edges[1::2])), default=0)
    return float(longest * 0.02 > 60.0 / conditioning.rhythm.tempo_bpm)


def ends(score: Score) -> tuple[float, float]:
    """Whether the last bass note is the tonic with no pitched note after it, and whether that begins on a downbeat; 0 or 1 each."""
    notes = [(note.start_beats, track.role, note.pitch) for track in score.tracks if not track.is_drum for note in track.notes]
    inside = [note for note in notes if score.time_at(np.array([note[0]]))[0] < score.duration_seconds]
    basses = [note for note in inside if note[1] == "bass"]
    if not basses:
        return 0.0, 0.0
    start, _, pitch = max(basses)
    ended = pitch % 12 == score.key and max(note[0] for note in inside) <= start + 0.02
    return float(ended), float(ended and abs(start / 4 - round(start / 4)) < 0.02)


def bench(method: str, drawn: int, long: int, shared: Path) -> dict[str, list[dict[str, float]]]:
    """Values per sound of one method, a row per dance."""
    sounds = METHODS[method].sounds
    loaded = {sound: load_method(method, sound=sound) for sound in sounds}
    rows: dict[str, list[dict[str, float]]] = {sound: [] for sound in sounds}
    for kind, conditioning in dances(drawn, long, shared):
        chosen = best_take(loaded[sounds[0]], conditioning, seed=0)
        for sound in sounds:
            (take,) = make_takes(loaded[sound], conditioning, seeds=[chosen.seed])
            begun = time.process_time()
            take.audio  # noqa: B018 (made here, so that its seconds count alone)
            seconds = time.process_time() - begun
            rows[sound].append(values_of(kind, conditioning, finished_take(take).finished, take.score, seconds))
    return rows


def table(method: str, rows: dict[str, list[dict[str, float]]]) -> str:
    """A Markdown table: a row per measure, a column per sound."""
    lines = [f"| `{method}` | n | {' | '.join(rows)} |", f"| --- | --- |{' --- |' * len(rows)}"]
    for name, label in MEASURES.items():
        columns = {sound: np.array([row[name] for row in made if name in row]) for sound, made in rows.items()}
        if not any(len(column) for column in columns.values()):
            continue
        cells = []
        for column in columns.values():
            found = bootstrap_interval(column)
            cells.append("-" if np.isnan(found.mean) else f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]")
        n = max(int(np.isfinite(column).sum()) for column in columns.values())
        lines.append(f"| {label} | {n} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["planned", "composer"])
    parser.add_argument("--drawn", type=int, default=5)
    parser.add_argument("--long", type=int, default=4)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--out", type=Path, default=Path("sounds.json"))
    arguments = parser.parse_args()
    made = {}
    for method in arguments.methods:
        made[method] = bench(method, arguments.drawn, arguments.long, arguments.shared)
        print(table(method, made[method]), flush=True)
    arguments.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
