"""The main table: is the music of each method in time with the dancer, in tempo, of its genre, and music at all?

    python benchmarks/bench_generate.py [--methods planned composer memory] [--pairs 40] [--short 40] [--sequences 20] [--shared DIR]
        [--out results.json]

Held-out composed pairs of 10 s (seeds never trained on; the dance is seen through a drawn camera, tempo and phase are estimated), the same
of 2 to 6 s with the genre chosen from the dance, as on clips (``--short``), drawn motions of 6 to 12 s as on AIST++ (``--sequences``), real
clips (``DIR/data/clips``) and the real AIST++ test sequences (``DIR/data/aistpp``). What is developed is developed on the drawn ones.
Controls beside them: the composed truth itself, the published music inside the clips, a click track on the estimated beats.
Prints a table per kind and writes every value to the JSON file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.dance.kinematics import kinematic_beats_aist
from dance2music.dance.watch import read_motion
from dance2music.generation import pipeline
from dance2music.metrics.musicality import harmonic_share, key_clarity, pulse_clarity
from dance2music.metrics.rhythm import (
    AIST_SIGMA_FRAMES,
    beat_alignment,
    beat_alignment_aist,
    beat_f,
    onset_z,
    shift_lift,
)
from dance2music.metrics.strict import tempo_right
from dance2music.music.beats import HEARD_RATE, as_heard, beat_times, onset_envelope, onset_times
from dance2music.takes.methods import DEFAULT, LoadedMethod, load_method
from dance2music.takes.ranking import best_take
from dance2music.takes.take import finished_take
from dance2music.types import GENRES, Audio, Conditioning, Motion, Rhythm

HELD_OUT_SEED = 1_500_000_000
REACH_SECONDS = 0.05
"""An onset counts for a beat when it lies within this distance: random times then score about 1."""
PAIR_SECONDS = 10.0
"""Hz, at which all music is heard, as `evaluate` does."""
SHORT_SECONDS = (2.0, 2.1, 3.0, 2.0, 4.0, 2.2, 5.0, 2.0, 6.0, 2.05)
"""Lengths of short dances: most clips of the published systems last 2 s."""
SHORT_SEED, SEQUENCE_SEED = 1_700_000_000, 1_700_200_000


def played_by(method: LoadedMethod, conditioning: Conditioning, seed: int) -> Audio:
    """The take that ``generate`` would keep, as it is heard."""
    audio = finished_take(best_take(method, conditioning, seed=seed)).finished
    return as_heard(audio)


def music_values(audio: Audio) -> dict[str, float]:
    """Pulse, key and harmony of a piece."""
    return {"pulse_clarity": pulse_clarity(audio), "key_clarity": key_clarity(audio), "harmonic_share": harmonic_share(audio)}


def click_track(times: np.ndarray, duration_seconds: float, sample_rate: int = HEARD_RATE) -> Audio:
    """Short noise bursts at the given times."""
    import librosa

    n = round(duration_seconds * sample_rate)
    times = times[(times >= 0) & (times < duration_seconds - 0.05)]
    return Audio(librosa.clicks(times=times, sr=sample_rate, length=n)[None].astype(np.float32) * 0.5, sample_rate)


def pair_values(audio: Audio, beats: np.ndarray, tempo_bpm: float, estimated_bpm: float, genre: int, hear: Any) -> dict[str, float]:
    """Values of one held-out pair: ``beats`` and ``tempo_bpm`` are the truth, ``hear`` the genre classifier of sound."""
    inside = beats[(beats >= 0) & (beats < audio.duration_seconds)]
    envelope, fps = onset_envelope(audio)
    random = np.random.default_rng(0).uniform(0, audio.duration_seconds, 400)
    heard, tracked = beat_times(audio, start_bpm=estimated_bpm)
    return {
        "onset_z": onset_z(envelope, fps, inside, reach_seconds=REACH_SECONDS),
        "onset_z_random": onset_z(envelope, fps, random, reach_seconds=REACH_SECONDS),
        "beat_f": beat_f(inside, tracked),
        "tempo_right": tempo_right(tempo_bpm, estimated_bpm),
        "heard_tempo_right": tempo_right(tempo_bpm, heard),
        "genre_right": float(hear(audio) == genre) if hear is not None else float("nan"),
        **music_values(audio),
    }


def genre_listener() -> Any:
    """Function from Audio to the genre that the embedded classifier hears."""
    import torch

    from dance2music.checkpoint import load_embedded

    model = load_embedded("music_genre", expected="music-genre")

    def hear(audio: Audio) -> int:
        with torch.no_grad():
            return int(model(audio.to_tensor()).argmax())

    return hear


def bench_pairs(methods: list[str], n: int) -> dict[str, list[dict[str, float]]]:
    """Held-out composed pairs: rows per method, with the composed truth and a click track on the estimated beats."""
    from dance2music.music.synth import render
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    loaded, hear = {name: load_method(name) for name in methods}, genre_listener()
    rows: dict[str, list[dict[str, float]]] = {}
    for i in range(n):
        clip = synthetic_clip(HELD_OUT_SEED + i, duration_seconds=PAIR_SECONDS, genre=i % len(GENRES))
        assert clip.rhythm is not None and clip.score is not None and clip.genre is not None
        beats, tempo = clip.rhythm.beat_times_seconds, clip.rhythm.tempo_bpm
        conditioning = pipeline.condition(
            perturb(clip.motion, np.random.default_rng(i)), genre=GENRES[clip.genre], duration_seconds=PAIR_SECONDS
        )
        estimated = conditioning.rhythm
        truth = render(clip.score)
        rows.setdefault("composed truth", []).append(pair_values(truth, beats, tempo, tempo, clip.genre, hear))
        clicks = click_track(estimated.beat_times_seconds, PAIR_SECONDS)
        rows.setdefault("click track", []).append(pair_values(clicks, beats, tempo, estimated.tempo_bpm, clip.genre, hear))
        for name, method in loaded.items():
            audio = played_by(method, conditioning, i)
            rows.setdefault(name, []).append(pair_values(audio, beats, tempo, estimated.tempo_bpm, clip.genre, hear))
    return rows


def sync_values(audio: Audio, rhythm: Rhythm) -> dict[str, float]:
    """Lift of onsets and of librosa's beats over random shifts, and the beats' F-measure against the grid that the music was made for."""
    kinematic, grid = rhythm.kinematic_beats_seconds, rhythm.beat_times_seconds
    _, beats = beat_times(audio, start_bpm=rhythm.tempo_bpm)
    return {
        "lift": shift_lift(kinematic, onset_times(audio), audio.duration_seconds)["lift"],
        "beat_lift": shift_lift(kinematic, beats, audio.duration_seconds)["lift"],
        "grid_f": beat_f(grid[(grid >= 0) & (grid < audio.duration_seconds)], beats),
    }


def bench_short(methods: list[str], n: int) -> dict[str, list[dict[str, float]]]:
    """Held-out drawn dances of 2 to 6 s, all genres, the genre of the music chosen from the dance."""
    from dance2music.music.synth import render
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    loaded = {name: load_method(name) for name in methods}
    rows: dict[str, list[dict[str, float]]] = {}
    for i in range(n):
        seconds = SHORT_SECONDS[(i // len(GENRES) + i) % len(SHORT_SECONDS)]
        clip = synthetic_clip(SHORT_SEED + i, duration_seconds=seconds, genre=i % len(GENRES))
        assert clip.rhythm is not None and clip.score is not None
        conditioning = pipeline.condition(perturb(clip.motion, np.random.default_rng(i)), duration_seconds=seconds)
        rhythm, true = conditioning.rhythm, clip.rhythm.beat_times_seconds
        played = {"composed truth": render(clip.score), "click track": click_track(rhythm.beat_times_seconds, seconds)}
        for name, method in loaded.items():
            played[name] = played_by(method, conditioning, i)
        for name, audio in played.items():
            _, beats = beat_times(audio, start_bpm=rhythm.tempo_bpm)
            truth = {"beat_f": beat_f(true[(true >= 0) & (true < seconds)], beats)}
            rows.setdefault(name, []).append({"seconds": seconds, **sync_values(audio, rhythm), **truth, **music_values(audio)})
    return rows


def bench_clips(methods: list[str], folder: Path) -> dict[str, list[dict[str, float]]]:
    """Real clips: sync lift and musicality of each method and of the music that the clip came with."""
    from dance2music.music.audio import load_audio

    loaded = {name: load_method(name) for name in methods}
    rows: dict[str, list[dict[str, float]]] = {}
    for i, path in enumerate(sorted(folder.glob("*.mp4"))):
        motion = read_motion(path)
        conditioning = pipeline.condition(motion)
        kinematic = conditioning.rhythm.kinematic_beats_seconds
        own = load_audio(path, sample_rate=HEARD_RATE)
        grid = conditioning.rhythm.beat_times_seconds
        played = {"music of the clip": own, "click track": click_track(grid, motion.duration_seconds)}
        for name, method in loaded.items():
            played[name] = played_by(method, conditioning, i)
        for name, audio in played.items():
            lift = shift_lift(kinematic, onset_times(audio), audio.duration_seconds)
            beats = {name: value for name, value in sync_values(audio, conditioning.rhythm).items() if name != "lift"}
            row = {"clip": path.stem, "tempo_bpm": conditioning.rhythm.tempo_bpm, **lift, **beats, **music_values(audio)}
            rows.setdefault(name, []).append(row)  # type: ignore[arg-type]
    return rows


TimedMotion = tuple[str, np.ndarray, float, int]
"""Name, joints float32 [T, 24, 3] at 60 fps (SMPL), true tempo of a motion, and frames between the joins of its segments (0: one piece)."""
JOIN_FRAMES = 120
"""Length of the stored segments of the real sequences; where they were joined the body may jump."""
NEAR_JOIN_FRAMES = 6


def aist_sequences(folder: Path) -> Iterator[TimedMotion]:
    """The real sequences in a folder."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            yield path.stem, data["joints"].astype(np.float32), float(data["bpm"]), JOIN_FRAMES


def drawn_sequences(n: int) -> Iterator[TimedMotion]:
    """Held-out drawn motions of 6 to 12 s, all genres, clean as those of AIST++."""
    from dance2music.synthetic.synthetic import synthetic_clip

    for i in range(n):
        clip = synthetic_clip(SEQUENCE_SEED + i, duration_seconds=6.0 + i * 7 % 13 / 2, genre=i % len(GENRES))
        assert clip.rhythm is not None
        yield clip.name, clip.motion.joints, clip.rhythm.tempo_bpm, 0


def aligned(kinematic: np.ndarray, beats: np.ndarray) -> float:
    """Beat Alignment of frames at 60 fps with AIST++'s settings; 0 where there are no beats."""
    return beat_alignment(kinematic, beats, sigma_seconds=AIST_SIGMA_FRAMES) if len(beats) else 0.0


def bench_aist(methods: list[str], sequences: Iterable[TimedMotion]) -> dict[str, list[dict[str, float]]]:
    """Motions as of AIST++: Beat Alignment with AIST++'s settings, tempo, and the same music under random shifts.

    Kinematic beats near a join of two segments are left out; ``with_joins`` has them all, as the score tool would.
    """
    loaded = {name: load_method(name) for name in methods}
    rows: dict[str, list[dict[str, float]]] = {}
    for i, (stem, joints, bpm, join_frames) in enumerate(sequences):
        conditioning = pipeline.condition(Motion(joints, np.ones(joints.shape[:2], np.float32), 60.0, "smpl-24"))
        rhythm, duration = conditioning.rhythm, conditioning.duration_seconds
        kinematic = kinematic_beats_aist(joints)
        if join_frames:
            kinematic = kinematic[np.abs((kinematic + join_frames // 2) % join_frames - join_frames // 2) > NEAR_JOIN_FRAMES]
        played = {"click track": click_track(rhythm.beat_times_seconds, duration)}
        for name, method in loaded.items():
            played[name] = played_by(method, conditioning, i)
        for name, audio in played.items():
            _, beats = beat_times(audio, start_bpm=rhythm.tempo_bpm)
            frames = np.round(beats * 60.0)
            shifts = np.random.default_rng(0).uniform(0, duration * 60.0, 50)
            row = {
                "sequence": stem,
                "beat_alignment_aist": aligned(kinematic, frames),
                "shifted_mean": float(np.mean([aligned(kinematic, (frames + s) % (duration * 60.0)) for s in shifts])),
                "with_joins": beat_alignment_aist(joints, frames) if len(frames) else 0.0,
                "grid_f": sync_values(audio, rhythm)["grid_f"],
                "tempo_bpm": rhythm.tempo_bpm,
                "true_bpm": bpm,
                "tempo_right_octave_allowed": tempo_right(bpm, rhythm.tempo_bpm, octave=True),
                **music_values(audio),
            }
            rows.setdefault(name, []).append(row)  # type: ignore[arg-type]
    return rows


def show(title: str, rows: dict[str, list[dict[str, float]]]) -> None:
    """Mean and standard error per method."""
    columns = [
        c for c, v in next(iter(rows.values()))[0].items() if not isinstance(v, str) and c not in ("tempo_bpm", "true_bpm", "seconds")
    ]
    print(f"\n{title} (n = {len(next(iter(rows.values())))}; mean ± standard error)")
    print("| method | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for name, values in rows.items():
        cells = []
        for column in columns:
            x = np.array([v[column] for v in values], dtype=np.float64)
            cells.append(f"{x.mean():.3f} ± {x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else 0:.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=[DEFAULT.name, "composer", "memory"])
    parser.add_argument("--pairs", type=int, default=40, help="held-out composed pairs; 0 leaves them out")
    parser.add_argument("--short", type=int, default=0, help="held-out drawn dances of 2 to 6 s")
    parser.add_argument("--sequences", type=int, default=0, help="held-out drawn motions of 6 to 12 s")
    parser.add_argument("--shared", type=Path, help="folder with data/clips and data/aistpp")
    parser.add_argument("--out", type=Path, default=Path("out/bench_generate.json"))
    arguments = parser.parse_args()
    start = time.time()
    results = {}
    if arguments.pairs:
        results["held-out composed pairs"] = bench_pairs(arguments.methods, arguments.pairs)
    if arguments.short:
        results["drawn dances of 2 to 6 s"] = bench_short(arguments.methods, arguments.short)
    if arguments.sequences:
        results["drawn motions of 6 to 12 s"] = bench_aist(arguments.methods, drawn_sequences(arguments.sequences))
    if arguments.shared is not None:
        results["real clips"] = bench_clips(arguments.methods, arguments.shared / "data" / "clips")
        results["AIST++ test sequences"] = bench_aist(arguments.methods, aist_sequences(arguments.shared / "data" / "aistpp"))
    for title, rows in results.items():
        show(title, rows)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"seconds": time.time() - start, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
