"""The shipped weights of D2M-GAN and Creative-GAN on held-out composed clips, through the path of ``generate``, beside controls.

    python benchmarks/bench_paper_gans.py [--clips 24] [--seconds 6] [--methods d2m-gan:high,planned] [--save FOLDER]
    python benchmarks/bench_paper_gans.py --real DIR
    python benchmarks/bench_paper_gans.py --timing

Every clip is a drawn dance as a pose estimator would see it, its genre given. Music is made twice: on the beat grid that is read from the
dance, and on the grid as a user taps it (``--tap``), which leaves out how well drawn dances are read. The ceiling is the true music's
composer, who writes the piece anew (same seed: same harmony and lines) on either grid: what follows the reading cannot be much nearer to
the dance. Below the table stand the dances whose reading is right (beat F of at least `RIGHT` at 70 ms) apart from the others. With
``--real`` the dances are those of a folder of AIST++ motion instead, whose beats the name of the piece tells; there is no music to compare
with, and the genre is the name's.

Columns: onset strength at the dance's true beats (50 ms reach, standard deviations above the piece's mean); the same at the beats of the
next clip; their difference with a 95 % bootstrap interval over clips; key clarity, harmonic share and pulse (`metrics.musicality`); noise
likeness (`metrics.quality`), by which music differs from noise where the harmonic share does not: median filters along time and along
frequency give each half of white noise; comb at the codec's frame rate in dB (`metrics.sound`); Fréchet distance of log-mel frames to
the true music of these clips; mean pairwise distance between clips of the embedded classifier's embeddings.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from dance2music.checkpoint import load_embedded
from dance2music.composer.compose import compose
from dance2music.evaluation.statistics import bootstrap_interval
from dance2music.generation.pipeline import condition
from dance2music.methods.base import CodecGenerator
from dance2music.metrics.diversity import mean_pairwise_distance
from dance2music.metrics.musicality import harmonic_share, key_clarity, pulse_clarity
from dance2music.metrics.quality import frechet_distance, noise_likeness
from dance2music.metrics.rhythm import beat_f, onset_z
from dance2music.metrics.sound import frame_rate_comb
from dance2music.music.audio import resample, save_wav
from dance2music.music.beats import log_mel, mono, onset_envelope
from dance2music.music.synth import render
from dance2music.rhythm.choices import AS_READ, Choice
from dance2music.seeds import HELD_OUT_CLIPS, Corpus, GanScore
from dance2music.synthetic.perturb import perturb
from dance2music.synthetic.synthetic import beat_energy, synthetic_clip
from dance2music.takes.methods import load_method
from dance2music.takes.ranking import best_take
from dance2music.takes.take import finished_take
from dance2music.types import GENRES, STEPS_PER_BEAT, Audio, Clip, Conditioning, Motion

RATE, FRAME_RATE = 22050, 22050 / 256
REACH_SECONDS = 0.05
RIGHT = 0.8
"""Beat F from which on a reading is counted as right."""
CEILING = "composed anew by the composer of the true music"
PAPERS = ("d2m-gan:high", "d2m-gan:low", "creative-gan:high", "creative-gan:low")


def held_out(count: int, seconds: float) -> Iterator[tuple[Clip, Motion]]:
    """Composed clips with their music that nothing was trained on, and the dance as it is seen."""
    for seed in range(HELD_OUT_CLIPS, HELD_OUT_CLIPS + count):
        clip = synthetic_clip(seed, duration_seconds=seconds, audio=True)
        yield clip, perturb(clip.motion, np.random.default_rng([seed, Corpus.POSE_NOISE]))


def beats_of(clip: Clip, seconds: float) -> np.ndarray:
    """True beats within a clip, in seconds."""
    assert clip.rhythm is not None
    beats = clip.rhythm.beat_times_seconds
    return beats[(beats >= 0) & (beats < seconds)]


def own_z(audio: Audio, clip: Clip, seconds: float) -> float:
    """Onset strength of music at the true beats of a clip."""
    envelope, fps = onset_envelope(Audio(mono(resample(audio, RATE))[None].astype(np.float32), RATE))
    return onset_z(envelope, fps, beats_of(clip, seconds), reach_seconds=REACH_SECONDS)


def row(music: list[Audio], clips: list[Clip], seconds: float) -> str:
    """The columns of one system."""
    classifier = load_embedded("music_genre", expected="music-genre")
    own, other, plain, frames, true, embedded = [], [], [], [], [], []
    for i, (audio, clip) in enumerate(zip(music, clips)):
        audio = Audio(mono(resample(audio, RATE))[None].astype(np.float32), RATE)
        envelope, fps = onset_envelope(audio)
        own.append(onset_z(envelope, fps, beats_of(clip, seconds), reach_seconds=REACH_SECONDS))
        other.append(onset_z(envelope, fps, beats_of(clips[(i + 1) % len(clips)], seconds), reach_seconds=REACH_SECONDS))
        comb = frame_rate_comb(audio, FRAME_RATE).level_db
        plain.append((key_clarity(audio), harmonic_share(audio), noise_likeness(audio), pulse_clarity(audio), comb))
        frames.append(log_mel(audio, n_mels=64).T)
        true.append(log_mel(clip.audio, n_mels=64).T)
        with torch.no_grad():
            embedded.append(classifier.embed(audio.to_tensor())[0].numpy())  # type: ignore[operator]
    apart = np.array(own) - np.array(other)
    interval = bootstrap_interval(apart)
    error = np.std(own, ddof=1) / len(own) ** 0.5
    distance = frechet_distance(np.concatenate(true), np.concatenate(frames))
    values = [f"{np.mean(own):.2f} ± {error:.2f}", f"{np.mean(other):.2f}", f"{apart.mean():.2f} [{interval.low:.2f}, {interval.high:.2f}]"]
    values += [f"{value:.2f}" for value in np.mean(plain, axis=0)]
    return " | ".join([*values, f"{distance:.0f}", f"{mean_pairwise_distance(np.stack(embedded)):.1f}"])


def conditionings(dances: list[Motion], clips: list[Clip], seconds: float, *, tapped: bool) -> list[Conditioning]:
    """What generators see, on the grid that was read or on the true one."""
    made = []
    for motion, clip in zip(dances, clips):
        choice = Choice(taps_seconds=tuple(float(beat) for beat in beats_of(clip, seconds))) if tapped else AS_READ
        made.append(condition(motion, genre=GENRES[clip.genre or 0], duration_seconds=seconds, choice=choice))
    return made


def composed_anew(clip: Clip, seen: Conditioning, seed: int) -> Audio:
    """The piece of a clip as its composer writes it on the grid that is given, without the accents of its dance."""
    rhythm = seen.rhythm
    grid = rhythm.beat_times_seconds
    score = compose(
        clip.genre or 0,
        seed=seed,
        beat_times_seconds=grid,
        downbeat=rhythm.downbeat,
        duration_seconds=seen.duration_seconds,
        energy=beat_energy(np.random.default_rng([seed, Corpus.CLIP]), rhythm),
        accents=np.zeros(len(grid) * STEPS_PER_BEAT),
    )
    return render(score, sample_rate=RATE)


def readings(seen: list[Conditioning], clips: list[Clip], seconds: float) -> np.ndarray:
    """Beat F, float [n], of the grids that were read with the true ones."""
    grids = [one.rhythm.beat_times_seconds for one in seen]
    return np.array([beat_f(beats_of(clip, seconds), grid[(grid >= 0) & (grid < seconds)]) for grid, clip in zip(grids, clips)])


def played(name: str, seen: list[Conditioning]) -> list[Audio]:
    """Finished music of a method (``name:level``, ``name``, or ``name@sound``) for every dance."""
    plain, _, sound = name.partition("@")
    plain, _, level = plain.partition(":")
    method = load_method(plain, level=level or None, sound=sound)
    return [finished_take(best_take(method, one, seed=i, candidates=1)).finished for i, one in enumerate(seen)]


def real(folder: Path, methods: list[str]) -> None:
    """Onset strength at the true beats of real dances, on the grid as read, and at other times of the same music."""
    from dance2music.dance.motion_files import load_motion
    from dance2music.data.aist import AistName
    from dance2music.data.aist_beats import beats_by_name

    found = [(AistName.parse(path.stem), load_motion(path), path) for path in sorted(folder.glob("*.npz"))]
    known = [(motion, beats_by_name(path.stem, motion.duration_seconds), name) for name, motion, path in found]
    dances = [(motion, beats, name) for motion, beats, name in known if beats is not None and name is not None]
    seen = [condition(motion, genre=GENRES[name.genre]) for motion, _, name in dances]
    print("| music | dances | onset_z at true beats | at random times | difference |")
    print("|" + " --- |" * 5)
    for method in methods:
        own, aside = [], []
        for i, (audio, (motion, beats, _)) in enumerate(zip(played(method, seen), dances)):
            envelope, fps = onset_envelope(Audio(mono(audio)[None].astype(np.float32), audio.sample_rate))
            seconds = motion.duration_seconds
            shifts = np.random.default_rng([i, GanScore.SHIFTS]).uniform(0, seconds, 20)
            own.append(onset_z(envelope, fps, beats, reach_seconds=REACH_SECONDS))
            aside.append(np.mean([onset_z(envelope, fps, (beats + shift) % seconds, reach_seconds=REACH_SECONDS) for shift in shifts]))
        apart = bootstrap_interval(np.array(own) - np.array(aside))
        error = np.std(own, ddof=1) / len(own) ** 0.5
        difference = f"{np.mean(own) - np.mean(aside):.2f} [{apart.low:.2f}, {apart.high:.2f}]"
        print(f"| {method} | {len(own)} | {np.mean(own):.2f} ± {error:.2f} | {np.mean(aside):.2f} | {difference} |", flush=True)


def timing() -> None:
    """Seconds of making and finishing a take, after watching."""
    from dance2music.synthetic.drawing import example_dance

    for seconds in (6.0, 60.0):
        seen = condition(example_dance(seconds)[0], genre="house")
        for name in PAPERS:
            method, _, level = name.partition(":")
            begun = time.perf_counter()
            loaded = load_method(method, level=level)
            assert isinstance(loaded.generator, CodecGenerator)
            finished = finished_take(best_take(loaded, seen, seed=0)).finished
            print(f"| {name} | {seconds:g} s | {time.perf_counter() - begun:.2f} s | {finished.duration_seconds:.2f} s |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--methods", default=",".join((*PAPERS, "planned@neural", "memory")))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--timing", action="store_true", help="measure seconds alone")
    parser.add_argument("--save", type=Path, help="folder to write the first music of each method into")
    parser.add_argument("--real", type=Path, help="folder of AIST++ motion to dance to instead")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.timing:
        timing()
        return
    if arguments.real:
        real(arguments.real, arguments.methods.split(","))
        return
    both = list(held_out(arguments.clips, arguments.seconds))
    clips, dances = [clip for clip, _ in both], [motion for _, motion in both]
    print("| music | onset_z | others' beats | own - others | key | harmonic | noise | pulse | comb dB | Fréchet | diversity |")
    print("|" + " --- |" * 11)
    true = [clip.audio for clip in clips]
    drawn = np.random.default_rng([HELD_OUT_CLIPS, GanScore.CONTROLS])
    controls = {
        "true music": true,
        "true music, shifted": [Audio(np.roll(a.samples, int(drawn.integers(a.samples.shape[-1])), axis=-1), RATE) for a in true],
        "music of another clip": [*true[1:], true[0]],
        "white noise": [Audio(drawn.normal(0, 0.1, a.samples.shape).astype(np.float32), RATE) for a in true],
    }
    for name, music in controls.items():
        print(f"| {name} | {row(music, clips, arguments.seconds)} |", flush=True)
    heard: dict[str, list[Audio]] = {"true music": true}
    for grid in ("grid as tapped", "grid as read"):
        seen = conditionings(dances, clips, arguments.seconds, tapped=grid == "grid as tapped")
        anew = [composed_anew(clip, one, HELD_OUT_CLIPS + i) for i, (clip, one) in enumerate(zip(clips, seen))]
        heard[f"{CEILING}, {grid}"] = anew
        print(f"| {CEILING}, {grid} | {row(anew, clips, arguments.seconds)} |", flush=True)
        for name in arguments.methods.split(","):
            music = played(name, seen)
            heard[f"{name}, {grid}"] = music
            print(f"| {name}, {grid} | {row(music, clips, arguments.seconds)} |", flush=True)
            for i, audio in enumerate(music[:4] if arguments.save else []):
                arguments.save.mkdir(parents=True, exist_ok=True)
                save_wav(audio, arguments.save / f"{name.replace(':', '-')}-{grid.replace(' ', '-')}-{i}.wav")
    f_measure = readings(seen, clips, arguments.seconds)
    right = f_measure >= RIGHT
    print(f"\nreadings: beat F {f_measure.mean():.2f}; right (at least {RIGHT:g}): {right.sum()} of {len(right)}")
    print("| music | onset_z where the reading is right | where it is not |\n|" + " --- |" * 3)
    for name, music in heard.items():
        z = np.array([own_z(audio, clip, arguments.seconds) for audio, clip in zip(music, clips)])
        parts = [
            f"{part.mean():.2f} ± {part.std(ddof=1) / len(part) ** 0.5:.2f}" if len(part) > 1 else "-" for part in (z[right], z[~right])
        ]
        print(f"| {name} | {' | '.join(parts)} |", flush=True)


if __name__ == "__main__":
    main()
