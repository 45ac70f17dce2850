"""What is chosen, when it is heard, and what hits are worth. Three tables:

    python benchmarks/bench_takes.py [--drawn 10] [--clips FOLDER] [--readings FILE.json] [--takes 8]

- Ranking: drum hits of the take that is chosen of ``--takes``, as a share of the mean of all, with `RankingConfig.fullness_weight` and
  without it; on ``--drawn`` dances of 8 s and the videos of ``--clips``. 1 is neither thin nor full.
- Lead: how late after its note a loud drum stroke is found by superflux (librosa; hop of 3 ms, what it is late on clicks taken off),
  median over strokes, in each sound of `planned`: `takes.take.LEAD_SECONDS`.
- Hits: of the stops that are worth one (`rhythm.stops.hit_times`) those within 70 ms of a kinematic beat of another reading, beside the
  same at random shifts; and the lift of librosa's onsets over shifts by that reading, of the same takes without and with hits.
  ``--readings`` has the kinematic beats of the clips by their names, as a reading that has no part in this project finds them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np

from dance2music.dance.watch import read_motion
from dance2music.evaluation.controls import click_track
from dance2music.generation import pipeline
from dance2music.metrics.rhythm import shift_lift
from dance2music.music.audio import resample
from dance2music.music.beats import mono
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import METHODS, load_method
from dance2music.takes.ranking import candidate_seeds, drum_hits, heard_in, rank
from dance2music.takes.take import finished_take, make_takes
from dance2music.types import Audio, Conditioning
from dance2music.video.container import probe

SEED, SECONDS, RATE, HOP = 1_300_000_000, 8.0, 44_100, 128
LOUD, REACH_SECONDS, NEAR_SECONDS = 70, 0.06, 0.07
LEAD_DANCES = 4


def superflux(audio: Audio) -> np.ndarray:
    """Onsets float64 [n] in seconds (Boeck and Widmer 2013, librosa's example settings)."""
    y = resample(Audio(mono(audio)[None], audio.sample_rate), RATE).samples[0]
    mel = librosa.feature.melspectrogram(y=y, sr=RATE, n_fft=1024, hop_length=HOP, fmin=27.5, fmax=16_000, n_mels=138)
    envelope = librosa.onset.onset_strength(S=librosa.power_to_db(mel, ref=np.max), sr=RATE, hop_length=HOP, lag=2, max_size=3)
    return np.asarray(librosa.onset.onset_detect(onset_envelope=envelope, sr=RATE, hop_length=HOP, units="time"))


def late(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Seconds from times [n] to the nearest onset, where there is one within reach."""
    if not len(found):
        return np.zeros(0)
    apart = np.array([found[np.argmin(np.abs(found - time))] - time for time in true])
    return apart[np.abs(apart) < REACH_SECONDS]


def ranking(dances: list[Conditioning], n_takes: int) -> None:
    """The table of drum hits."""
    method, shares = load_method("planned"), []
    for conditioning in dances:
        takes = make_takes(method, conditioning, seeds=candidate_seeds(0, n_takes))
        heard = [heard_in(take, conditioning.rhythm) for take in takes]
        hits = np.array([drum_hits(take.score) for take in takes if take.score is not None], dtype=np.float64)
        mean = max(float(hits.mean()), 1.0)
        plain = [rank(values) for values in heard]
        full = [rank(values | {"fullness": count / mean}) for values, count in zip(heard, hits)]
        shares.append([hits[int(np.argmax(ranks))] / mean for ranks in (plain, full)])
    made = np.array(shares)
    print("| ranked | n | drum hits of the chosen take / mean of all |\n| --- | --- | --- |")
    for label, column in zip(("without fullness", "with it"), made.T):
        print(f"| {label} | {len(column)} | {column.mean():.3f} ± {column.std(ddof=1) / len(column) ** 0.5:.3f} |")


def lead(dances: list[Conditioning]) -> None:
    """The table of lateness."""
    times = np.arange(0.3, 9.5, 0.5) + np.random.default_rng(0).uniform(0, 0.02, 19)
    own = float(np.median(late(times, superflux(click_track(times, 10.0, RATE)))))
    print(f"\nsuperflux is {1000 * own:.1f} ms late on clicks\n\n| sound | n | strokes heard after their notes, ms |\n| --- | --- | --- |")
    for sound in METHODS["planned"].sounds:
        method, found = load_method("planned", sound=sound), []
        for conditioning in dances[:LEAD_DANCES]:
            (take,) = make_takes(method, conditioning, seeds=[7])
            assert take.score is not None
            starts = [note.start_beats for track in take.score.tracks if track.is_drum for note in track.notes if note.velocity > LOUD]
            strokes = np.unique(np.round(take.score.time_at(np.array(starts)), 4))
            strokes = strokes[(strokes > 0.2) & (strokes < conditioning.duration_seconds - 0.3)]
            found.append(late(strokes, superflux(finished_take(take).finished)) - own)
        values = 1000 * np.concatenate(found)
        print(f"| {sound} | {len(values)} | {np.median(values):.1f} |")


def hits(clips: dict[str, Conditioning], readings: dict[str, list[float]], n_takes: int) -> None:
    """The table of hits."""
    rng, near, chance = np.random.default_rng(0), [], []
    for name, conditioning in clips.items():
        other, seconds = np.array(readings[name]), conditioning.duration_seconds
        for time in conditioning.hits_seconds:
            shifted = (time + rng.uniform(0, seconds, 50)) % seconds
            near.append(np.abs(time - other).min() < NEAR_SECONDS)
            chance.append((np.abs(shifted[:, None] - other[None]).min(axis=1) < NEAR_SECONDS).mean())
    print(f"\n{len(near)} hits, {np.mean(near):.2f} near a kinematic beat of the other reading, {np.mean(chance):.2f} at random shifts")
    print("\n| method | n | lift without hits | with hits | difference |\n| --- | --- | --- | --- | --- |")
    for name in ("planned", "composer"):
        method, rows = load_method(name), []
        for clip, conditioning in clips.items():
            pair = []
            for hits_seconds in (np.zeros(0), conditioning.hits_seconds):
                takes = make_takes(method, replace(conditioning, hits_seconds=hits_seconds), seeds=list(range(n_takes)))
                sounds = [resample(Audio(mono(take.audio)[None], take.audio.sample_rate), 22_050).samples[0] for take in takes]
                onsets = [librosa.onset.onset_detect(y=y, sr=22_050, units="time") for y in sounds]
                lifts = [shift_lift(np.array(readings[clip]), found, conditioning.duration_seconds)["lift"] for found in onsets]
                pair.append(float(np.mean(lifts)))
            rows.append(pair)
        made = np.array(rows)
        apart, n = made[:, 1] - made[:, 0], len(made)
        means = f"{made[:, 0].mean():.3f} | {made[:, 1].mean():.3f}"
        print(f"| `{name}` | {n} | {means} | {apart.mean():+.3f} ± {apart.std(ddof=1) / n**0.5:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", type=int, default=10)
    parser.add_argument("--clips", type=Path, help="folder of dance videos")
    parser.add_argument("--readings", type=Path, help="their kinematic beats by another reading: JSON, name to seconds")
    parser.add_argument("--takes", type=int, default=8)
    arguments = parser.parse_args()
    drawn = [
        pipeline.condition(synthetic_clip(SEED + i, duration_seconds=SECONDS, fps=30.0).motion, duration_seconds=SECONDS)
        for i in range(arguments.drawn)
    ]
    clips = {}
    for path in sorted(arguments.clips.glob("*.mp4")) if arguments.clips else ():
        video = probe(path)
        clips[path.stem] = pipeline.condition(read_motion(video), duration_seconds=video.duration_seconds)
    ranking([*drawn, *clips.values()], arguments.takes)
    lead(drawn)
    if arguments.readings and clips:
        hits(clips, json.loads(arguments.readings.read_text(encoding="utf-8")), min(arguments.takes, 4))


if __name__ == "__main__":
    main()
