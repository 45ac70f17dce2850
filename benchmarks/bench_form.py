"""Has the music form, and what does that cost in timing? Composed dances of 10 s and 60 s that nothing was trained on.

    python benchmarks/bench_form.py [--methods planned composer] [--short 20] [--long 4] [--candidates 6] [--out results.json]
    python benchmarks/bench_form.py --plans 4

Per piece: loudness range (5 to 95 % of short-time loudness in windows of 4 s, BS.1770 weighting by pyloudnorm), rank correlation of
the dancer's mean joint speed with the level of the music per second (true joints, not the project's reading of them), level of the last
0.3 s beside the whole, whether it ends on purpose (bass on the tonic at the last pitched onset, on a downbeat, 0.5 s or more before
the end, the last 0.3 s 12 dB down), the longest silence in beats (40 dB under the whole), bars with a melody, share of its bars that were
heard before (seven tenths of their onsets and pitches); beat F at 70 ms of librosa's beats with the true ones and with the grid that the
music was made for, and onset z; the longest time in which every bar of bass, chords and melody is the one four bars before (seven tenths,
again). ``--candidates 1`` measures what a method writes, more what `generate` would keep of so many.

``--plans`` asks how much of its form the planner writes itself, with so many seeds per dance: share of its notes that `composer.shape`
leaves where they are, share of the shaped score's notes that were the planner's, before phrases are made to return; whether there is a
melody, and how many of its bars were heard before.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dance2music.checkpoint import load_embedded
from dance2music.composer.phrases import PHRASE_BARS
from dance2music.composer.shape import shaped
from dance2music.generation import pipeline
from dance2music.methods.planned import Planned
from dance2music.metrics.rhythm import beat_f, onset_z
from dance2music.music.audio import resample
from dance2music.music.beats import HEARD_RATE, beat_times, onset_envelope
from dance2music.rhythm.sections import energy_at_beats, freezes
from dance2music.synthetic.perturb import perturb
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import load_method
from dance2music.takes.ranking import best_take
from dance2music.takes.take import finished_take
from dance2music.types import BEATS_PER_BAR, GENRES, STEPS_PER_BEAT, Audio, Clip, Conditioning, Note, Score

SHORT_SEED, LONG_SEED = 1_500_000_000, 1_500_005_000
REACH_SECONDS = 0.05


def dance(index: int, seconds: float) -> tuple[Clip, Conditioning]:
    """A held-out dance and what a method sees of it; its genre is given."""
    seed = (SHORT_SEED if seconds < 12 else LONG_SEED) + index
    clip = synthetic_clip(seed, duration_seconds=seconds, genre=(index if seconds < 12 else 3 * index) % len(GENRES))
    assert clip.genre is not None
    motion = perturb(clip.motion, np.random.default_rng(index))
    return clip, pipeline.condition(motion, genre=GENRES[clip.genre], duration_seconds=seconds)


def level_db(samples: np.ndarray) -> float:
    """Root mean square in dB of full scale."""
    return float(20 * np.log10(np.sqrt(np.mean(np.square(samples))) + 1e-9))


def loudness_range_db(audio: Audio) -> float:
    """Spread of short-time loudness, see the head of this file."""
    import pyloudnorm

    window, hop = 4 * audio.sample_rate, audio.sample_rate
    meter = pyloudnorm.Meter(audio.sample_rate, block_size=3.9)
    samples = audio.samples.T.astype(np.float64)
    heard = [meter.integrated_loudness(samples[at : at + window]) for at in range(0, len(samples) - window + 1, hop)]
    return float(np.ptp(np.percentile(np.array(heard)[np.isfinite(heard)], [5, 95])))


def energy_correlation(clip: Clip, audio: Audio) -> float:
    """Rank correlation per second of the dancer's speed with the music's level."""
    from scipy.stats import spearmanr

    fps, n = round(clip.motion.fps), int(audio.duration_seconds)
    speed = np.linalg.norm(np.diff(clip.motion.joints.astype(np.float64), axis=0, prepend=clip.motion.joints[:1]), axis=-1).mean(axis=1)
    moved = [speed[k * fps : (k + 1) * fps].mean() for k in range(n)]
    heard = [level_db(audio.samples[:, k * audio.sample_rate : (k + 1) * audio.sample_rate]) for k in range(n)]
    return float(spearmanr(moved, heard)[0])


def longest_silence_seconds(audio: Audio, *, until_seconds: float) -> float:
    """Longest stretch before an ending in which frames of 20 ms lie 40 dB under the whole."""
    size, floor = audio.sample_rate // 50, level_db(audio.samples) - 40
    longest = now = 0
    for at in range(0, round(until_seconds * audio.sample_rate) - size, size):
        now = now + 1 if level_db(audio.samples[:, at : at + size]) < floor else 0
        longest = max(longest, now)
    return longest / 50


Onsets = set[tuple[int, int]]


def by_bar(notes: list[Note]) -> dict[int, Onsets]:
    """Onsets of each bar as (16th, pitch)."""
    bars: dict[int, Onsets] = {}
    for note in notes:
        bar = int(np.floor(note.start_beats / BEATS_PER_BAR + 1e-6))
        bars.setdefault(bar, set()).add((round(STEPS_PER_BEAT * (note.start_beats - BEATS_PER_BAR * bar)), note.pitch))
    return bars


def alike(first: Onsets, second: Onsets) -> bool:
    """Whether two bars have seven tenths of their onsets in common."""
    return len(first & second) >= 0.7 * len(first | second)


def longest_run_bars(notes: list[Note]) -> int:
    """Bars of the longest stretch in which every bar is the one four before it, these four among them; 0 without any."""
    bars, longest, now = by_bar(notes), 0, 0
    for bar in range(min(bars, default=0) + PHRASE_BARS, max(bars, default=0) + 1):
        now = now + 1 if alike(bars.get(bar, set()), bars.get(bar - PHRASE_BARS, set())) else 0
        longest = max(longest, now + PHRASE_BARS if now else 0)
    return longest


def melody(notes: list[Note], n_bars: float) -> dict[str, float]:
    """Whether there is one, share of the bars that have one, and share of those that were heard before."""
    bars = by_bar(notes)
    known = sorted(bars)
    again = [any(alike(bars[a], bars[b]) for a in known if a < b) for b in known]
    share = float(np.mean(again)) if again else float("nan")
    return {"melody": float(len(notes) >= 4), "melody_bars": len(bars) / max(n_bars, 1.0), "melody_returns": share}


def values(clip: Clip, seen: Conditioning, audio: Audio, score: Score) -> dict[str, float]:
    """All measures of one piece."""
    assert clip.rhythm is not None
    seconds, grid, true = audio.duration_seconds, seen.rhythm.beat_times_seconds, clip.rhythm.beat_times_seconds
    low = resample(Audio(audio.samples.mean(axis=0, keepdims=True), audio.sample_rate), HEARD_RATE)
    _, heard = beat_times(low, start_bpm=seen.rhythm.tempo_bpm)
    inside = true[(true >= 0) & (true < seconds)]
    notes = {track.role: track.notes for track in score.tracks}
    pitched = [note.start_beats for role, own in notes.items() if role != "drums" for note in own]
    last = max(pitched, default=0.0)
    left = seconds - float(score.time_at(np.array([last]))[0])
    bass = {note.pitch % 12 for note in notes.get("bass", []) if abs(note.start_beats - last) < 0.01}
    end_db = level_db(audio.samples[:, -round(0.3 * audio.sample_rate) :]) - level_db(audio.samples)
    on_purpose = bass == {score.key} and abs(last / BEATS_PER_BAR - round(last / BEATS_PER_BAR)) < 0.01 and left >= 0.5 and end_db < -12
    return {
        "range_db": loudness_range_db(audio),
        "energy_rho": energy_correlation(clip, audio),
        "end_db": end_db,
        "on_purpose": float(on_purpose),
        "ring_seconds": left,
        "silence_beats": longest_silence_seconds(audio, until_seconds=seconds - left) * seen.rhythm.tempo_bpm / 60,
        "one_phrase_seconds": longest_run_bars([note for role, own in notes.items() if role not in ("drums", "pad") for note in own])
        * BEATS_PER_BAR
        * 60
        / seen.rhythm.tempo_bpm,
        **melody(notes.get("lead", []), seconds * seen.rhythm.tempo_bpm / 60 / BEATS_PER_BAR),
        "beat_f": beat_f(inside, heard),
        "grid_beat_f": beat_f(grid[(grid >= 0) & (grid < seconds)], heard),
        "onset_z": onset_z(*onset_envelope(low), inside, reach_seconds=REACH_SECONDS),
    }


def own_form(model: Planned, seen: Conditioning, seeds: Sequence[int]) -> list[dict[str, float]]:
    """How much of its form the planner writes itself, per seed."""

    def placed(score: Score) -> set[tuple[str, int, int]]:
        return {(track.role, round(STEPS_PER_BEAT * note.start_beats), note.pitch) for track in score.tracks for note in track.notes}

    energy, stops, rows = energy_at_beats(seen), freezes(seen), []
    for plan, seed in zip(model.plans(seen, seeds), seeds):
        plain = model.written(plan, seen)
        drawn, shaped_notes = placed(plain), placed(shaped(plain, seed=seed, energy=energy, stops=stops))
        lead = next(track.notes for track in plain.tracks if track.role == "lead")
        rows.append({
            "stays": len(drawn & shaped_notes) / max(1, len(drawn)),
            "own": len(drawn & shaped_notes) / max(1, len(shaped_notes)),
            **melody(lead, seen.duration_seconds * seen.rhythm.tempo_bpm / 60 / BEATS_PER_BAR),
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["planned", "composer"])
    parser.add_argument("--short", type=int, default=20, help="dances of 10 s")
    parser.add_argument("--long", type=int, default=4, help="dances of 60 s")
    parser.add_argument("--long-seconds", type=float, default=60.0, help="how long those are")
    parser.add_argument("--candidates", type=int, help="takes that are made for each that is kept; by default as many as generate makes")
    parser.add_argument("--out", type=Path, default=Path("out/bench_form.json"))
    parser.add_argument("--plans", type=int, help="only this: what the planner writes itself, with so many seeds per dance")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, float]]] = {}
    model = load_embedded("planned", expected="planned")
    assert isinstance(model, Planned)
    loaded = {} if arguments.plans else {name: load_method(name) for name in arguments.methods}
    for seconds, count in ((arguments.long_seconds, arguments.long), (10.0, arguments.short)):
        for index in range(count):
            clip, seen = dance(index, seconds)
            if arguments.plans:
                seeds = range(arguments.plans * index, arguments.plans * (index + 1))
                rows.setdefault(f"the planner's own, {seconds:g} s", []).extend(own_form(model, seen, seeds))
            for name, method in loaded.items():
                take = finished_take(best_take(method, seen, seed=index, candidates=arguments.candidates))
                assert take.score is not None
                rows.setdefault(f"{name}, {seconds:g} s", []).append(values(clip, seen, take.finished, take.score))
                arguments.out.write_text(json.dumps(rows, indent=1) + "\n")
    for name, own in rows.items():
        print(f"\n{name} (n = {len(own)}; mean ± standard error)")
        for column in own[0]:
            x = np.array([row[column] for row in own])
            x = x[np.isfinite(x)]
            error = x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else 0.0
            print(f"  {column:16s} {x.mean():8.3f} ± {error:.3f}")


if __name__ == "__main__":
    main()
