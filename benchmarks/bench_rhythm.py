"""How well the rhythm of a dance is estimated: tempo, phase, downbeat, and agreement with the kinematic beats, by method and by data.

    python benchmarks/bench_rhythm.py [--items 200] [--filmed FOLDER] [--clips FOLDER] [--danceir PYTHON]

Data: held-out drawn dances (perturbed, 2 to 12 s and 10 s); drawn dances that were filmed and tracked, where ``--filmed`` names their
folder of npz files (joints, confidence, fps, skeleton, beat_times_seconds, downbeat); the AIST++ test sequences and ballroom dances under
``$DANCE2MUSIC_SHARED`` where that folder exists (looked at, never trained on); motions of filmed clips (npz as above without beats) under
``--clips``. ``--danceir`` names an interpreter that has danceir (see `danceir_tempo`), whose tempi are a row. Prints one JSON line and a
table. Lift is Beat Alignment (sigma 50 ms) of the grid minus its mean over 200 circular shifts.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from danceir_tempo import tempi_bpm

from dance2music.dance.kinematics import kinematic_beats, kinematic_beats_aist
from dance2music.rhythm.estimate import RhythmConfig, estimate_rhythm
from dance2music.types import Motion, Rhythm

SIGMA_SECONDS = 0.05
F_TOLERANCE_SECONDS = 0.07
JOIN_FRAMES = 120


@dataclass(frozen=True)
class Case:
    """One dance with what is known of it; ``octaves`` allows half and double tempo; ``kinematic`` replaces our own kinematic beats."""

    motion: Motion
    tempo_bpm: float | None = None
    beats: np.ndarray | None = None
    downbeats: np.ndarray | None = None
    kinematic: np.ndarray | None = None
    octaves: bool = False


def drawn(items: int, *, low_seconds: float, high_seconds: float) -> Iterator[Case]:
    """Held-out drawn dances, perturbed as in training."""
    from dance2music.recipe.rhythm_items import draw_item
    from dance2music.seeds import HELD_OUT_DANCES

    for i in range(items):
        rng = np.random.default_rng(i)
        seconds = float(np.exp(rng.uniform(np.log(low_seconds), np.log(high_seconds))))
        item = draw_item(HELD_OUT_DANCES + 10 * i, seconds=seconds)
        grid = item.beat_times_seconds
        yield Case(item.motion, item.tempo_bpm, grid, grid[item.downbeat :: 4])


def stored(folder: Path) -> Iterator[Case]:
    """Motions kept as npz, with or without beats."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            skeleton = str(data["skeleton"]) if "skeleton" in data else "blazepose-33"
            motion = Motion(data["joints"], data["confidence"], float(data["fps"]), skeleton, source=path.stem)
            if "beat_times_seconds" not in data:
                yield Case(motion)
                continue
            grid = data["beat_times_seconds"]
            yield Case(motion, float(60.0 / np.median(np.diff(grid))), grid, grid[int(data["downbeat"]) :: 4])


def aistpp(folder: Path) -> Iterator[Case]:
    """AIST++ test sequences; kinematic beats by AIST++'s settings, those near a join of two segments left out."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            joints, fps, bpm = data["joints"], float(data["fps"]), float(data["bpm"])
        frames = kinematic_beats_aist(joints)
        frames = frames[np.abs((frames + JOIN_FRAMES // 2) % JOIN_FRAMES - JOIN_FRAMES // 2) > 6]
        yield Case(Motion(joints, np.ones(joints.shape[:2], np.float32), fps, "smpl-24"), bpm, kinematic=frames / fps, octaves=True)


def ballroom(folder: Path, *, seconds: float = 10.0, pieces: int = 4) -> Iterator[Case]:
    """Excerpts of the cha-cha and rumba pairs (four beats to the bar); the tempo is that of the music by beat tracking."""
    import librosa

    for path in sorted([*folder.glob("chacha*.npz"), *folder.glob("rumba*.npz")]):
        sound, rate = librosa.load(path.with_suffix(".ogg"), sr=22050)
        beats = librosa.beat.beat_track(y=sound, sr=rate, units="time", start_bpm=105)[1]
        bpm = float(60.0 / np.polyfit(np.arange(len(beats)), beats, 1)[0])
        with np.load(path, allow_pickle=False) as data:
            joints, fps = (data["joints"] + data["center"][:, None]).astype(np.float32), float(data["fps"])
        length = round(seconds * fps)
        for start in np.linspace(0, len(joints) - length, pieces + 2).astype(int)[1:-1]:
            part = joints[start : start + length]
            yield Case(Motion(part, np.ones(part.shape[:2], np.float32), fps, "ballroom-23"), bpm, octaves=True)


def measure(case: Case, config: RhythmConfig, rng: np.random.Generator) -> dict[str, float]:
    """Scores of one dance; only those that its truth allows."""
    rhythm = estimate_rhythm(case.motion, config=config)
    duration = case.motion.duration_seconds
    kinematic = case.kinematic if case.kinematic is not None else kinematic_beats(case.motion)
    scores = {"confidence": rhythm.confidence}
    if len(kinematic):
        inside = rhythm.beat_times_seconds[(rhythm.beat_times_seconds >= 0) & (rhythm.beat_times_seconds < duration)]
        scores["alignment"] = alignment(kinematic, inside)
        shifted = [alignment(kinematic, (inside + shift) % duration) for shift in rng.uniform(0, duration, 200)]
        scores["lift"] = scores["alignment"] - float(np.mean(shifted))
    if case.tempo_bpm is not None:
        scores["tempo"] = tempo_right(case, rhythm.tempo_bpm)
    if case.beats is not None and case.downbeats is not None:
        scores["beat_f"] = f_score(case.beats, rhythm.beat_times_seconds, duration)
        scores["downbeat_f"] = f_score(case.downbeats, downbeats_of(rhythm), duration)
    return scores


def tempo_right(case: Case, tempo_bpm: float) -> float:
    """1 if a tempo is within 4 % of the true one, by the octaves that the case allows."""
    assert case.tempo_bpm is not None
    levels = (0.5, 1.0, 2.0) if case.octaves else (1.0,)
    return float(min(abs(tempo_bpm / (case.tempo_bpm * level) - 1.0) for level in levels) <= 0.04)


def alignment(kinematic: np.ndarray, grid: np.ndarray) -> float:
    """Beat Alignment: mean over kinematic beats of a Gaussian of the distance to the nearest beat of the grid."""
    nearest = np.abs(kinematic[:, None] - grid[None]).min(axis=1)
    return float(np.exp(-0.5 * (nearest / SIGMA_SECONDS) ** 2).mean())


def downbeats_of(rhythm: Rhythm) -> np.ndarray:
    return rhythm.beat_times_seconds[rhythm.downbeat :: 4]


def f_score(true: np.ndarray, found: np.ndarray, duration: float) -> float:
    """One-to-one F at 70 ms of the beats inside the clip."""
    import mir_eval

    inside = [x[(x >= 0) & (x <= duration)] for x in (true, found)]
    if not len(inside[0]) or not len(inside[1]):
        return 0.0
    return float(mir_eval.beat.f_measure(*inside, f_measure_threshold=F_TOLERANCE_SECONDS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--filmed", type=Path)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--danceir", type=Path, metavar="PYTHON")
    parser.add_argument("--test", action="store_true", help="also look at the test data under $DANCE2MUSIC_SHARED and --clips")
    options = parser.parse_args()
    shared = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
    data = {
        "drawn 2-12 s": list(drawn(options.items, low_seconds=2.0, high_seconds=12.0)),
        "drawn 10 s": list(drawn(options.items, low_seconds=10.0, high_seconds=10.001)),
    }
    if options.filmed is not None:
        data["filmed drawn"] = list(stored(options.filmed))
    if (shared / "ballroom").is_dir():
        data["ballroom 10 s"] = list(ballroom(shared / "ballroom"))
    if options.test and (shared / "aistpp").is_dir():
        data["aistpp"] = list(aistpp(shared / "aistpp"))
    if options.test and options.clips is not None:
        data["clips"] = list(stored(options.clips))
    full = RhythmConfig()
    methods = {
        "classical": replace(full, use_network=False),
        "network": replace(
            full,
            with_network=replace(full.with_network, limbs=0.0, periodicity=0.0, agreement=0.0, network_beat=0.7),
        ),
        "limbs": replace(
            full, with_network=replace(full.with_network, periodicity=0.0, agreement=0.0, network_tempo=0.0, network_beat=0.0)
        ),
        "combined": full,
    }
    columns = ("tempo", "beat_f", "downbeat_f", "alignment", "lift", "confidence")
    print(f"{'data':14s} {'method':10s} {'n':>4s} " + " ".join(f"{name:>10s}" for name in columns) + f" {'ms each':>8s}")
    rows = []
    for where, cases in data.items():
        for method, config in methods.items():
            rng = np.random.default_rng(0)
            began = time.perf_counter()
            scores = [measure(case, config, rng) for case in cases]
            each = 1000 * (time.perf_counter() - began) / max(1, len(cases))
            found = {name: [s[name] for s in scores if name in s] for name in columns}
            means = {name: round(float(np.mean(values)), 3) for name, values in found.items() if values}
            rows.append({"data": where, "method": method, "n": len(cases), **means, "ms": round(each, 1)})
            cells = " ".join(f"{means[name]:10.3f}" if name in means else f"{'-':>10s}" for name in columns)
            print(f"{where:14s} {method:10s} {len(cases):4d} {cells} {each:8.1f}", flush=True)
        if options.danceir is not None and cases and all(case.tempo_bpm is not None for case in cases):
            bpms = tempi_bpm([case.motion for case in cases], options.danceir)
            right = float(np.mean([0.0 if bpm is None else tempo_right(case, bpm) for case, bpm in zip(cases, bpms)]))
            rows.append({"data": where, "method": "danceir", "n": len(cases), "tempo": round(right, 3)})
            print(f"{where:14s} {'danceir':10s} {len(cases):4d} {right:10.3f}", flush=True)
    print(json.dumps({"benchmark": "rhythm", "rows": rows}))


if __name__ == "__main__":
    main()
