"""Every system that the papers compare with: seconds and memory, pictures, and its rows of the papers' tables.

    python benchmarks/bench_methods.py [speed] [long] [pictures] [held-out] [matched] [clips] [--methods ...] [--n 20] [--clips-dir DIR]

- ``speed``: a drawn dance through the whole command on two processors, in a process of its own; bars: 30 s for 10 s of dance, 2 GiB.
- ``long``: one take of ``--seconds 600`` from joints: processor seconds and peak memory; of the systems to compare with.
- ``pictures``: piano-roll and mel-spectrogram of each method's take for held-out composed dances, to look at.
- ``held-out``: ``--n`` held-out composed pairs through `bench_evaluate`, then D2M-GAN Table 1 and Creative-GAN Table 2 with these rows.
- ``matched``: of the same music, Beat Alignment with its own dance and with the others.
- ``clips``: real dance videos (``--clips-dir``) through `bench_evaluate`.

Methods whose weights are missing are named and left out. Everything is kept under ``--out``; a second call makes what is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.generation import pipeline
from dance2music.methods.base import CodecGenerator
from dance2music.metrics.sync import measure_sync
from dance2music.takes.methods import DEFAULT, load_method
from dance2music.takes.ranking import best_take
from dance2music.takes.take import Take, make_takes
from dance2music.types import Audio, Conditioning, Score

COMPARED = (
    "dance2music-offline", "dance2music-online", "foley-music", "cmt", "inverse-mv", "jukebox-random", "jukebox-reconstruction",
    "d2m-gan", "creative-gan",
)  # fmt: skip
METHODS = (*COMPARED, "composer", "memory", DEFAULT.name)
RECONSTRUCTION = "jukebox-reconstruction"
TABLES = ("d2m-1", "creative-2")
SECONDS_BAR, MIB_BAR = 30.0, 2048.0
LOOKED_AT = 3


def bench_speed(methods: list[str], seconds: float, runs: int) -> None:
    """A table of seconds and memory, a row per method."""
    from bench_speed import PROCESSORS, draw, run

    print(f"\n{seconds:g} s of dance, 640x480, 30 frames/s, {PROCESSORS} processors, {os.uname().machine}, median of {runs}")
    print("| method | total, s | music, s | processor, s | peak memory, MiB | within bars |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        silent, sounding = Path(folder) / "dance.mp4", Path(folder) / "with-music.mp4"
        draw(silent, seconds, (640, 480), 30.0)
        run(silent, "composer")
        shutil.copy(Path(folder) / "out.mp4", sounding)
        for method in methods:
            try:
                reports = [run(sounding if method == RECONSTRUCTION else silent, method) for _ in range(runs)]
            except subprocess.CalledProcessError as error:
                print(f"| {method} | failed: {error.stderr.strip().splitlines()[0][:120]} |", flush=True)
                continue
            row: dict[str, float] = {
                "total": statistics.median(r["seconds"]["total"] for r in reports),
                "music": statistics.median(r["seconds"]["music"] for r in reports),
                "processor": statistics.median(r["processor_seconds"] for r in reports),
                "peak": max(r["peak_mib"] for r in reports),
            }
            within = "yes" if row["total"] <= SECONDS_BAR * max(seconds / 10, 1) and row["peak"] <= MIB_BAR else "NO"
            print(
                f"| {method} | {row['total']:.1f} | {row['music']:.1f} | {row['processor']:.1f} | {row['peak']:.0f} | {within} |",
                flush=True,
            )


def bench_long(methods: list[str], seconds: float, vqvae: Path | None) -> None:
    """Seconds and memory of one take for a drawn dance again and again, from its joints; each method in a process of its own.

    The reconstruction codes a composed piece again and again, by the embedded codec and by every level of JukeBox's VQ-VAE.
    """
    from dance2music.baselines.jukebox import EMBEDDED_LEVELS

    print(f"\n{seconds:g} s of dance, from joints, one thread")
    print("| method | processor, s | notes | loaded, MiB | peak, MiB |\n|---|---|---|---|---|")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for method in methods:
            for level in (None, *EMBEDDED_LEVELS) if method == RECONSTRUCTION else (None,):
                print(pool.submit(long_take, method, seconds, level, vqvae).result(), flush=True)


def long_take(method: str, seconds: float, level: str | None, vqvae: Path | None) -> str:
    """A row of the table of `bench_long`."""
    import torch

    from dance2music.baselines.jukebox import Recording
    from dance2music.seeds import HELD_OUT_PIECES
    from dance2music.synthetic.drawing import example_dance
    from dance2music.train.pieces import composed_piece
    from dance2music.types import Rhythm

    torch.set_num_threads(1)
    short, _ = example_dance(10.0)
    times = max(1, round(seconds / 10))
    joints, confidence = np.tile(short.joints, (times, 1, 1)), np.tile(short.confidence, (times, 1))
    beats = np.arange(-1.0, seconds + 2, 0.5)
    conditioning = Conditioning(
        motion=torch.zeros(round(seconds * pipeline.FEATURE_FPS), 256),
        visual=torch.zeros(round(seconds * pipeline.FEATURE_FPS), 16),
        rhythm=Rhythm(beats, 0, 120.0, 1.0, beats[2:-4]),
        genre=1,
        fps=pipeline.FEATURE_FPS,
        duration_seconds=seconds,
        dance=replace(short, joints=joints, confidence=confidence, flow_energy=None),
    )
    ready = load_method(method, level=level, weights=vqvae if level else None)
    if method == RECONSTRUCTION:
        assert ready.codec is not None
        piece = composed_piece(HELD_OUT_PIECES, 10.0, ready.codec.sample_rate)
        music = Audio(np.tile(piece, times)[None], ready.codec.sample_rate)
        ready = replace(ready, generator=CodecGenerator(Recording(music), ready.codec))
    loaded, begun = peak_mib(), time.process_time()
    (take,) = make_takes(ready, conditioning, seeds=[0])
    assert take.audio.samples.shape[-1] == round(seconds * take.audio.sample_rate)
    notes = sum(len(track.notes) for track in take.score.tracks) if take.score else "-"
    return f"| {method}{f', {level}' if level else ''} | {time.process_time() - begun:.1f} | {notes} | {loaded:.0f} | {peak_mib():.0f} |"


def peak_mib() -> float:
    """The most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bench_pictures(methods: list[str], seconds: float, out: Path) -> None:
    """A picture per method and dance, and what is in the score as a line of JSON."""
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    out.mkdir(parents=True, exist_ok=True)
    for i in range(LOOKED_AT):
        clip = synthetic_clip(1_500_000_000 + i, duration_seconds=seconds, genre=3 * i)
        conditioning = pipeline.condition(perturb(clip.motion, np.random.default_rng(i)))
        for method in methods:
            if method == RECONSTRUCTION:
                continue
            take = best_take(load_method(method), conditioning, seed=i)
            picture(take, conditioning, out / f"{method}-{i}.png", title=f"{method}, dance {i}")
            notes = {t.role: len(t.notes) for t in take.score.tracks} if take.score else {}
            sync = {k: round(v, 3) for k, v in measure_sync(take.audio, conditioning.rhythm).items()}
            print(json.dumps({"method": method, "dance": i, "notes": notes, **sync}), flush=True)


def picture(take: Take, conditioning: Conditioning, path: str | Path, *, title: str) -> None:
    """Notes over time, coloured by role, above the mel-spectrogram of their sound; beats and kinematic beats as lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from dance2music.music.beats import log_mel

    figure = Figure(figsize=(12, 7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    roll, mel = figure.subplots(2, 1, sharex=True)
    if take.score is not None:
        draw_roll(roll, take.score)
    rhythm = conditioning.rhythm
    for t in rhythm.beat_times_seconds:
        roll.axvline(t, color="#ddd", zorder=0)
    roll.plot(rhythm.kinematic_beats_seconds, np.full(len(rhythm.kinematic_beats_seconds), 20), "^", color="#c8352c")
    roll.set(ylabel="MIDI pitch", xlim=(0, take.audio.duration_seconds))
    bands = log_mel(mono(take.audio), hop_length=256)
    mel.imshow(bands, origin="lower", aspect="auto", extent=(0, take.audio.duration_seconds, 0, len(bands)), cmap="magma")
    mel.set(ylabel="mel band", xlabel="seconds")
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=80)


def draw_roll(axes: Any, score: Score) -> None:
    """Bars of the notes of each track."""
    for k, track in enumerate(score.tracks):
        starts = score.time_at(np.array([n.start_beats for n in track.notes]))
        ends = score.time_at(np.array([n.start_beats + n.duration_beats for n in track.notes]))
        pitches = [n.pitch for n in track.notes]
        axes.barh(pitches, ends - starts, left=starts, height=0.9, color=f"C{k}", label=f"{track.role} ({len(pitches)})", alpha=0.8)
    axes.legend(loc="upper right", ncols=5, fontsize=8)


def mono(audio: Audio) -> Audio:
    """One channel."""
    return Audio(audio.samples.mean(axis=0, keepdims=True), audio.sample_rate)


def bench_held_out(methods: list[str], n: int, out: Path) -> None:
    """Score every method on held-out composed pairs and print the papers' tables with its rows."""
    from bench_evaluate import bench_held_out as run
    from bench_evaluate import score

    from dance2music.baselines.jukebox import reconstruct
    from dance2music.codec.embedded import embedded_codec
    from dance2music.experiments.tables import read_measured, table_text
    from dance2music.music.audio import load_audio, save_wav

    run(n, tuple(m for m in methods if m != RECONSTRUCTION), out)
    folder = out / f"held-out-{n}"
    if RECONSTRUCTION in methods:
        (folder / RECONSTRUCTION).mkdir(exist_ok=True)
        for path in sorted((folder / "reference").glob("*.wav")):
            if not (folder / RECONSTRUCTION / path.name).exists():
                save_wav(reconstruct(load_audio(path), embedded_codec()), folder / RECONSTRUCTION / path.name)
        score(RECONSTRUCTION, folder, reference=str(folder / "reference"), motion=str(folder / "motion"))
    measured = [row for method in methods for row in read_measured(folder / "scores" / method / "results.json")]
    for table in TABLES:
        print(f"\n{table_text(table, measured)}", flush=True)


def bench_matched(methods: list[str], n: int, out: Path) -> None:
    """Beat Alignment of held-out music with its own dance and with the other dances, of music that ``held-out`` made."""
    from dance2music.dance.motion_files import load_motion
    from dance2music.metrics.rhythm import beat_alignment
    from dance2music.music.audio import load_audio
    from dance2music.music.beats import onset_times
    from dance2music.rhythm.estimate import estimate_rhythm

    folder = out / f"held-out-{n}"
    dances = {p.stem: estimate_rhythm(load_motion(p)).kinematic_beats_seconds for p in sorted((folder / "motion").glob("*.npz"))}
    print(f"\n{len(dances)} held-out dances\n| method | own dance | other dances | difference ± standard error |\n|---|---|---|---|")
    for method in methods:
        music = {name: onset_times(load_audio(folder / method / f"{name}.wav")) for name in dances}
        own = np.array([beat_alignment(dances[name], music[name]) for name in dances])
        other = np.array([np.mean([beat_alignment(dances[x], music[name]) for x in dances if x != name]) for name in dances])
        error = np.std(own - other, ddof=1) / len(own) ** 0.5
        print(f"| {method} | {own.mean():.3f} | {other.mean():.3f} | {(own - other).mean():+.3f} ± {error:.3f} |", flush=True)


def bench_clips(methods: list[str], clips: Path, out: Path) -> None:
    """Score every method on real dances; there is no music of their own to compare with."""
    from bench_evaluate import bench_clips as run

    run(clips, tuple(m for m in methods if m != RECONSTRUCTION), out)


def with_weights(methods: list[str]) -> list[str]:
    """Those that can be loaded; the others are named."""
    found = []
    for method in methods:
        try:
            load_method(method)
        except InputError as error:
            print(f"left out: {error}", flush=True)
        else:
            found.append(method)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["speed"], help="speed, long, pictures, held-out, matched, clips")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--n", type=int, default=20, help="held-out pairs")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the dance for speed, long and pictures")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--vqvae", type=Path, help="model file for the levels of jukebox-reconstruction; default: the embedded one")
    parser.add_argument("--clips-dir", type=Path, help="folder of dance videos with music")
    parser.add_argument("--out", type=Path, default=Path("out/methods"))
    arguments = parser.parse_args()
    methods = with_weights(arguments.methods)
    if "speed" in arguments.parts:
        bench_speed(methods, arguments.seconds, arguments.runs)
    if "long" in arguments.parts:
        bench_long([m for m in methods if m in COMPARED], arguments.seconds, arguments.vqvae)
    if "pictures" in arguments.parts:
        bench_pictures(methods, arguments.seconds, arguments.out / "pictures")
    if "held-out" in arguments.parts:
        bench_held_out(methods, arguments.n, arguments.out)
    if "matched" in arguments.parts:
        bench_matched(methods, arguments.n, arguments.out)
    if "clips" in arguments.parts:
        if arguments.clips_dir is None:
            parser.error("clips needs --clips-dir DIR")
        bench_clips(methods, arguments.clips_dir, arguments.out)


if __name__ == "__main__":
    main()
