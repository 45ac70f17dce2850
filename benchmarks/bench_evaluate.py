"""What the metrics say of music and of the controls, of ours and of published music; and how fast they say it.

    python benchmarks/bench_evaluate.py [rules] [held-out] [clips] [speed] [--n 20] [--clips-dir DIR] [--music DIR] [--out out/evaluate]

- ``rules``: rules of composition of composed music, of recorded music (``--music``), noise and a click track: the table of docs/metrics.md.
- ``held-out``: held-out composed pairs (seeds never trained on) with annotated beats: every method beside the controls.
- ``clips``: real dance videos with published music in them (``--clips-dir``): that music, and ours for the same dances.
- ``speed``: 100 clips of 10 s, scored a second time, when all is heard.

``WORKERS`` in the environment sets the number of processes, 2 by default; ``CANDIDATES`` from how many takes the one that follows the
dancer best is kept, by default as `generate` does: they are ranked by the very lift that is reported, so 1 shows a method without that
choice. Prints Markdown tables and keeps every results.json under ``--out``; a second call resumes. Without arguments: rules and speed.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path

import numpy as np

from dance2music.dance.watch import read_motion
from dance2music.evaluation.controls import fixed_clicks, silence, white_noise
from dance2music.evaluation.evaluate import EvaluateConfig, evaluate
from dance2music.evaluation.results import GENERATED, Interval, Results
from dance2music.evaluation.statistics import bootstrap_interval
from dance2music.evaluation.terminal import results_text
from dance2music.generation import pipeline
from dance2music.metrics import composition
from dance2music.metrics.quality import noise_likeness
from dance2music.takes.methods import DEFAULT, load_method
from dance2music.takes.ranking import best_take
from dance2music.takes.take import finished_take
from dance2music.types import GENRES, Audio, Motion

HELD_OUT_SEED = 1_500_000_000
SECONDS = 10.0
RATE = 22_050
WORKERS = int(os.environ.get("WORKERS", "2"))
CANDIDATES = int(os.environ["CANDIDATES"]) if "CANDIDATES" in os.environ else None
METHODS = (DEFAULT.name, "composer", "memory")
RULES = (
    composition.key_clarity, composition.chord_consonance, composition.groove_consistency, composition.self_similarity_structure,
    composition.tempo_stability, composition.pulse_clarity, composition.harmonic_share, noise_likeness,
)  # fmt: skip
SHOWN = {
    "held-out": (
        "beats_coverage", "beats_hit", "loris_precision", "loris_f1", "onset_f_50ms", "beat_f_70ms", "tempo_right_octave", "phase_error_ms",
        "aml_t", "lift", "lift_beats", "kinematic_beat_f", "beat_alignment", "genre_retrieval", "genre_classifier", "dist_m", "frechet",
        "log_mel_l1", "noise_likeness", "key_clarity", "chord_consonance", "groove_consistency", "self_similarity_structure",
        "tempo_stability",
    ),
    "clips": (
        "lift", "lift_beats", "kinematic_beat_f", "beat_alignment", "beat_alignment_onsets", "beat_alignment_reverse_onsets", "dist_m",
        "codec_log_mel_l1", "noise_likeness", "key_clarity", "chord_consonance", "groove_consistency", "tempo_stability", "pulse_clarity",
    ),
}  # fmt: skip


def bench_rules(n: int, music: Path | None) -> None:
    """Table of the rules of composition: mean with 95 % bootstrap interval."""
    from dance2music.composer.compose import compose_corpus_piece
    from dance2music.music.audio import load_audio
    from dance2music.music.synth import render

    sets: dict[str, list[Audio]] = {
        "composed truth": [middle(render(compose_corpus_piece(HELD_OUT_SEED + i), sample_rate=RATE)) for i in range(n)]
    }
    if music is not None:
        files = sorted(path for path in music.iterdir() if path.suffix in (".ogg", ".wav", ".flac", ".mp3"))
        sets["recorded music"] = [middle(load_audio(path, sample_rate=RATE)) for path in files]
    sets["white noise"] = [white_noise(SECONDS, RATE, seed=i) for i in range(n)]
    sets["click track"] = [fixed_clicks(SECONDS, RATE, tempo_bpm=tempo) for tempo in np.linspace(80, 140, n)]
    sets["silence"] = [silence(SECONDS, RATE)]
    print("\n| measure | " + " | ".join(f"{name} (n = {len(pieces)})" for name, pieces in sets.items()) + " |")
    print("|---|" + "---|" * len(sets))
    for rule in RULES:
        rows = [bootstrap_interval(np.array([rule(audio) for audio in pieces])) for pieces in sets.values()]
        print(f"| {rule.__name__} | " + " | ".join(cell(row) for row in rows) + " |", flush=True)


def bench_held_out(n: int, methods: tuple[str, ...], out: Path) -> None:
    """Every method on ``n`` held-out composed pairs; the dance is seen through a drawn camera, its tempo and phase are estimated."""
    from dance2music.dance.motion_files import save_motion
    from dance2music.metrics.genre import genre_of_name
    from dance2music.music.audio import save_wav
    from dance2music.music.synth import render
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    out = out / f"held-out-{n}"
    made: dict[str, Motion] = {}
    for folder in ("reference", "motion"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for i in range(n):
        clip = synthetic_clip(HELD_OUT_SEED + i, duration_seconds=SECONDS, genre=i % len(GENRES))
        assert clip.score is not None and clip.rhythm is not None
        made[clip.name] = perturb(clip.motion, np.random.default_rng(i))
        beats = clip.rhythm.beat_times_seconds
        save_wav(render(clip.score), out / "reference" / f"{clip.name}.wav")
        save_motion(made[clip.name], out / "motion" / f"{clip.name}.npz")
        inside = beats[(beats >= 0) & (beats < SECONDS)]
        (out / "reference" / f"{clip.name}.beats").write_text("".join(f"{t:.5f}\n" for t in inside))
    results = []
    for method in methods:
        make_music(method, made, out / method, genres={name: genre_of_name(name) for name in made})
        results.append(score(method, out, reference=str(out / "reference"), motion=str(out / "motion")))
    show("held-out", results)


def bench_clips(folder: Path, methods: tuple[str, ...], out: Path) -> None:
    """Published music inside real dance videos, and ours for the same dances."""
    from dance2music.dance.motion_files import load_motion, save_motion

    out = out / "clips"
    (out / "motion").mkdir(parents=True, exist_ok=True)
    made = {}
    for path in sorted(folder.glob("*.mp4")):
        kept = out / "motion" / f"{path.stem}.npz"
        if not kept.exists():
            save_motion(read_motion(path), kept)
        made[path.stem] = load_motion(kept)
    results = [score("music in the clips", out, generated=str(folder), motion=str(out / "motion"))]
    for method in methods:
        make_music(method, made, out / method, genres={})
        results.append(score(method, out, motion=str(out / "motion")))
    show("clips", results)
    show_offsets(folder, made)


def show_offsets(folder: Path, dances: dict[str, Motion]) -> None:
    """Lift of the music in the clips when it is moved as a whole: an encoder's delay must not count against it."""
    from dance2music.dance.kinematics import kinematic_beats
    from dance2music.metrics.rhythm import shift_lift
    from dance2music.music.audio import load_audio
    from dance2music.music.beats import onset_times

    heard = {name: load_audio(folder / f"{name}.mp4", sample_rate=RATE) for name in dances}
    heard_onsets = {name: onset_times(audio) for name, audio in heard.items()}
    print("\nmusic in the clips moved as a whole: mean lift of onsets\n\n| ms | lift |\n|---|---|")
    for offset in np.arange(-150, 151, 50):
        lifts = [
            shift_lift(kinematic_beats(motion), heard_onsets[name] + offset / 1000, heard[name].duration_seconds)["lift"]
            for name, motion in dances.items()
        ]
        print(f"| {offset} | {np.mean(lifts):.3f} |")


def bench_speed(n: int, out: Path) -> None:
    """Seconds for ``n`` clips of 10 s: the first time (without the codec), and once everything is heard, as it then is with it, too."""
    from dance2music.composer.compose import compose_corpus_piece
    from dance2music.music.audio import save_wav
    from dance2music.music.synth import render

    out = out / f"speed-{n}"
    for k, folder in enumerate(("generated", "reference")):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            path = out / folder / f"clip{i:03d}.wav"
            if not path.exists():
                save_wav(middle(render(compose_corpus_piece(HELD_OUT_SEED + 10_000 * k + i), sample_rate=RATE)), path)
    for run in ("first", "cached"):
        start, cpu = time.perf_counter(), processor_seconds()
        evaluate(EvaluateConfig(str(out / "generated"), str(out / "reference"), name=run, workers=WORKERS, codec=False), out)
        took = f"{time.perf_counter() - start:.1f} s, {processor_seconds() - cpu:.1f} processor seconds"
        print(f"{n} clips of {SECONDS:g} s, {run} run, {WORKERS} processes: {took}", flush=True)


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended: says more than the clock on a shared machine."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def make_music(method: str, dances: dict[str, Motion], folder: Path, *, genres: dict[str, str | None]) -> None:
    """Music of a method for every dance that has none yet, as ``generate`` makes it."""
    from dance2music.music.audio import save_wav

    folder.mkdir(parents=True, exist_ok=True)
    loaded = load_method(method)
    for i, (name, motion) in enumerate(dances.items()):
        path = folder / f"{name}.wav"
        if not path.exists():
            conditioning = pipeline.condition(motion, genre=genres.get(name))
            save_wav(finished_take(best_take(loaded, conditioning, seed=i, candidates=CANDIDATES)).finished, path)


def score(method: str, out: Path, *, generated: str = "", **given: str) -> Results:
    """Evaluate one method; the table goes to a text file beside its results."""
    folder = out / "scores" / method.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    start, cpu = time.perf_counter(), processor_seconds()
    results = evaluate(
        EvaluateConfig(generated=generated or str(out / method), name=method, workers=WORKERS, cache=str(out / "cache"), **given), folder
    )
    (folder / "table.txt").write_text(results_text(results) + "\n", encoding="utf-8")
    took = f"{time.perf_counter() - start:.0f} s, {processor_seconds() - cpu:.1f} processor seconds"
    print(f"{method}: {len(results.clips)} clips in {took}, {folder}", flush=True)
    return results


def show(title: str, results: list[Results]) -> None:
    """Methods beside the controls; those that depend on the method (shifted) are the first method's."""
    first = results[0]
    controls = [system for system in first.systems if system != GENERATED]
    print(f"\n{title}: n = {first.inputs['n_dances']} dances; mean [95 % interval]\n")
    print("| metric | " + " | ".join(r.name for r in results) + " | " + " | ".join(controls) + " | reached by (beyond noise: !) |")
    print("|---|" + "---|" * (len(results) + len(controls) + 1))
    for name in SHOWN[title]:
        if name not in first.summary:
            continue
        ours = [cell(r.summary[name][GENERATED]) for r in results]
        theirs = [f"{first.summary[name][c].mean:.3f}" if c in first.summary[name] else "-" for c in controls]
        reached = "; ".join(
            f"{r.name}: " + ", ".join(b.control + "!" * b.beyond_noise for b in r.beaten_by[name]) for r in results if r.beaten_by.get(name)
        )
        print(f"| {first.metrics[name].label} | " + " | ".join(ours + theirs) + f" | {reached} |")


def cell(row: Interval) -> str:
    """A mean with its interval, and the p-value of a lift."""
    p = "" if row.p is None else f", p {row.p:.3f}"
    return f"{row.mean:.3f} [{row.low:.3f}, {row.high:.3f}]{p}" if row.n > 1 else f"{row.mean:.3f}"


def middle(audio: Audio) -> Audio:
    """Mono, the middle `SECONDS`."""
    y, n = audio.samples.mean(axis=0, keepdims=True), round(SECONDS * audio.sample_rate)
    start = max(0, (y.shape[1] - n) // 2)
    return Audio(np.ascontiguousarray(y[:, start : start + n]), audio.sample_rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["rules", "speed"], help="rules, held-out, clips, speed")
    parser.add_argument("--n", type=int, default=20, help="composed pieces or pairs, clips of the speed test")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--clips-dir", type=Path, help="folder of dance videos with music")
    parser.add_argument("--music", type=Path, help="folder of recorded music")
    parser.add_argument("--out", type=Path, default=Path("out/evaluate"))
    arguments = parser.parse_args()
    if "rules" in arguments.parts:
        bench_rules(arguments.n, arguments.music)
    if "held-out" in arguments.parts:
        bench_held_out(arguments.n, tuple(arguments.methods), arguments.out)
    if "clips" in arguments.parts:
        if arguments.clips_dir is None:
            parser.error("clips needs --clips-dir DIR")
        bench_clips(arguments.clips_dir, tuple(arguments.methods), arguments.out)
    if "speed" in arguments.parts:
        bench_speed(arguments.n, arguments.out)


if __name__ == "__main__":
    main()
