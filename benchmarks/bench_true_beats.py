"""Do our beats lie where those of the dancer's own music did, and is the genre right? Real AIST++ dances, from motion alone.

    DANCE2MUSIC_SHARED=DIR python benchmarks/bench_true_beats.py [--danceir PYTHON] [--heard MUSIC]

DIR/data/aistpp and DIR/data/aist_long hold motion with the name of the piece; no music is read or made. Rows: as estimated, the steady grid
without `rhythm.follow`, with the tempo given, and with `RhythmConfig.lag_seconds` set anew for each dance by the other ones (the median of
how far their grids lie behind); beat F at 70 and 120 ms (mir_eval), the same at random circular shifts, tempo within 4 %. Then the genre,
and the expected calibration error of its probability and of the rhythm's in three bins, with the error that so few dances show where the
probabilities have none; the genre once more, middle and width of the traits from the other dances only. With ``--danceir`` (an interpreter
that has it, see `danceir_tempo`) the tempo by danceir. With ``--heard`` also the beats that librosa hears in music for these dances, with
those of the dancer's own: MUSIC/NAME.wav for each, as ``dance2music generate --from-motion DIR/data/aistpp/NAME.npz -o MUSIC/NAME.wav``
writes them. Prints one JSON line last.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from danceir_tempo import tempi_bpm

from dance2music.dance.motion_files import load_motion
from dance2music.data.aist import AistName
from dance2music.data.aist_beats import beats_by_name
from dance2music.generation.pipeline import choose_genre, dance_genre_classifier
from dance2music.metrics.rhythm import beat_f
from dance2music.music.audio import load_audio
from dance2music.music.beats import HEARD_RATE, beat_times
from dance2music.perception.dance_genre import set_population
from dance2music.perception.dance_traits import dance_traits
from dance2music.recipe.dance_genre import POPULATION
from dance2music.rhythm.estimate import TEMPO_TOLERANCE, RhythmConfig, estimate_rhythm
from dance2music.types import GENRES, Motion, Rhythm

SHIFTS = 100


def scores(rhythm: Rhythm, true: np.ndarray, true_bpm: float, seconds: float) -> tuple[float, float, float, float]:
    """Beat F at 70 and 120 ms, the first at random shifts, tempo right."""
    grid = rhythm.beat_times_seconds[(rhythm.beat_times_seconds >= 0) & (rhythm.beat_times_seconds < seconds)]
    shifts = np.random.default_rng(0).uniform(0.0, seconds, SHIFTS)
    chance = float(np.mean([beat_f(true, (grid + shift) % seconds) for shift in shifts]))
    right = float(abs(rhythm.tempo_bpm / true_bpm - 1.0) <= TEMPO_TOLERANCE)
    return beat_f(true, grid), beat_f(true, grid, window_seconds=0.12), chance, right


def behind_seconds(grid: np.ndarray, true: np.ndarray) -> float:
    """How far a grid lies behind the true beats: median over these of the distance of the nearest beat, signed."""
    return float(np.median([(grid - beat)[np.argmin(np.abs(grid - beat))] for beat in true]))


def lag_of_others(lags: list[tuple[Rhythm, np.ndarray, float, float]]) -> list[tuple[float, float, float, float]]:
    """The scores of each rhythm (with its true beats, their tempo and the length) moved back by the median lag of all the others."""
    behind = np.array([behind_seconds(rhythm.beat_times_seconds, true) for rhythm, true, _, _ in lags])
    rows = []
    for i, (rhythm, true, true_bpm, seconds) in enumerate(lags):
        moved = replace(rhythm, beat_times_seconds=rhythm.beat_times_seconds - float(np.median(np.delete(behind, i))))
        rows.append(scores(moved, true, true_bpm, seconds))
    return rows


def calibration_error(probabilities: np.ndarray, right: np.ndarray, bins: int = 3) -> float:
    """Expected calibration error over bins of equal count."""
    parts = np.array_split(np.argsort(probabilities), bins)
    return float(sum(len(part) * abs(probabilities[part].mean() - right[part].mean()) for part in parts) / len(right))


def by_chance(probabilities: np.ndarray, drawn: int = 4000) -> tuple[float, float]:
    """Mean and 95th percentile of the calibration error of dances that are right exactly as often as their probabilities say."""
    rng = np.random.default_rng(0)
    errors = [calibration_error(probabilities, (rng.random(len(probabilities)) < probabilities).astype(float)) for _ in range(drawn)]
    return float(np.mean(errors)), float(np.percentile(errors, 95))


def genre_by_others(traits: np.ndarray) -> np.ndarray:
    """Probabilities [N, G] of the genre of each dance, of traits [N, F], with middle and width of the traits from all the others."""
    model, (tempo, *_) = copy.deepcopy(dance_genre_classifier()), POPULATION.values()
    rows = []
    for i, own in enumerate(traits):
        others = np.delete(traits, i, axis=0)
        middle, width = others.mean(axis=0), others.std(axis=0)
        middle[0], width[0] = tempo  # over the pieces, not these dances
        set_population(model, middle, width)
        with torch.no_grad():
            rows.append(model(torch.from_numpy(own).float()).exp().numpy())
    return np.array(rows)


def tell_genre(what: str, sure: np.ndarray, right: np.ndarray) -> list[float]:
    """Print bins and calibration error; returns count right, the error, and mean and 95th percentile of that by chance."""
    bins = [f"{sure[part].mean():.2f} said {right[part].mean():.2f} right" for part in np.array_split(np.argsort(sure), 3)]
    error, (mean, most) = calibration_error(sure, right), by_chance(sure)
    told = f"calibration error {error:.3f} (without any {mean:.3f}, up to {most:.3f})"
    print(f"{what}: {int(right.sum())} of {len(right)}, {told}; {'; '.join(bins)}")
    return [int(right.sum()), *(round(value, 3) for value in (error, mean, most))]


def tell_tempo_of_danceir(motions: list[Motion], true_bpm: list[float], python: Path) -> list[int]:
    """Print how often danceir's tempo is within 4 % of the true one, and of half or double of it; returns both."""
    found = np.array([bpm or np.nan for bpm in tempi_bpm(motions, python)])
    off = np.abs(found[:, None] / (np.array(true_bpm)[:, None] * [0.5, 1.0, 2.0]) - 1.0) <= TEMPO_TOLERANCE
    print(f"danceir: tempo {int(off[:, 1].sum())} of {len(found)}, half or double allowed {int(off.any(axis=1).sum())}")
    return [int(off[:, 1].sum()), int(off.any(axis=1).sum())]


def heard_f(path: Path, true: np.ndarray, tempo_bpm: float) -> float:
    """Beat F at 70 ms of the beats that are heard in a sound file, with the true ones."""
    audio = load_audio(path, sample_rate=HEARD_RATE)
    return beat_f(true[true < audio.duration_seconds], beat_times(audio, start_bpm=tempo_bpm)[1])


def readings(motion: Motion, bpm: float) -> dict[str, Rhythm]:
    """The rhythm of a dance by each row of the table."""
    config = RhythmConfig()
    steady = replace(config, follow=replace(config.follow, limit_seconds=0.0))
    return {
        "as estimated": estimate_rhythm(motion),
        "not following": estimate_rhythm(motion, config=steady),
        "tempo given": estimate_rhythm(motion, tempo_bpm=bpm),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--danceir", type=Path, metavar="PYTHON")
    parser.add_argument("--heard", type=Path, metavar="MUSIC")
    options = parser.parse_args()
    shared = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
    paths = sorted([*(shared / "aistpp").glob("*.npz"), *(shared / "aist_long").glob("*.npz")])
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    genre_right, genre_sure, rhythm_sure, raw = [], [], [], []
    motions, bpms, genres, traits, heard = [], [], [], [], []
    no_lag = replace(RhythmConfig(), lag_seconds=0.0)
    for path in paths:
        name, motion = AistName.parse(path.stem), load_motion(path)
        true = beats_by_name(path.stem, motion.duration_seconds)
        assert true is not None
        found = readings(motion, name.tempo_bpm)
        for row, rhythm in found.items():
            rows.setdefault(row, []).append(scores(rhythm, true, name.tempo_bpm, motion.duration_seconds))
        raw.append((estimate_rhythm(motion, config=no_lag), true, name.tempo_bpm, motion.duration_seconds))
        own = found["as estimated"]
        guess = choose_genre(motion, own.tempo_bpm)
        genre_right.append(guess.genre == name.genre)
        genre_sure.append(max(guess.probabilities))
        motions.append(motion)
        bpms.append(name.tempo_bpm)
        genres.append(name.genre)
        traits.append(dance_traits(motion, own.tempo_bpm))
        rhythm_sure.append(own.confidence)
        if options.heard is not None:
            heard.append(heard_f(options.heard / f"{path.stem}.wav", true, own.tempo_bpm))
        at_70, at_120, _, _ = rows["as estimated"][-1]
        second = own.alternatives[0].tempo_bpm if own.alternatives else 0.0
        print(
            f"{path.stem:34s} {name.tempo_bpm:5.1f} bpm: {own.tempo_bpm:5.1f} ({own.confidence:.2f}; second {second:5.1f}), F {at_70:.2f} "
            f"(120 ms {at_120:.2f}), "
            f"{1000 * behind_seconds(own.beat_times_seconds, true):+.0f} ms, "
            f"{GENRES[guess.genre]}{'' if guess.sure else ' by tempo and energy'}",
            flush=True,
        )
    if not paths:
        print(f"no dances under {shared}")
        return
    rows["lag of others"] = lag_of_others(raw)
    told: dict[str, object] = {"benchmark": "true_beats", "n": len(paths)}
    for row, values in rows.items():
        x = np.array(values)
        error = x.std(axis=0, ddof=1) / np.sqrt(len(x))
        print(
            f"{row:14s} F {x[:, 0].mean():.3f} +- {error[0]:.3f}, 120 ms {x[:, 1].mean():.3f} +- {error[1]:.3f}, "
            f"chance {x[:, 2].mean():.3f}, tempo {int(x[:, 3].sum())} of {len(x)}"
        )
        told[row] = [round(float(v), 3) for v in x.mean(axis=0)]
    if heard:
        print(f"heard in {options.heard}: F {np.mean(heard):.3f} +- {np.std(heard, ddof=1) / np.sqrt(len(heard)):.3f}")
        told["heard"] = round(float(np.mean(heard)), 3)
    beats_right = np.array([row[0] >= 0.5 for row in rows["as estimated"]], dtype=float)
    told["genre"] = tell_genre("genre", np.array(genre_sure), np.array(genre_right, dtype=float))
    others = genre_by_others(np.array(traits))
    told["genre_by_others"] = tell_genre("genre by others", others.max(axis=1), (others.argmax(axis=1) == genres).astype(float))
    told["rhythm_calibration_error"] = round(calibration_error(np.array(rhythm_sure), beats_right), 3)
    if options.danceir is not None:
        told["danceir"] = tell_tempo_of_danceir(motions, bpms, options.danceir)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
