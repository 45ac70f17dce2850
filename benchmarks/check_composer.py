"""Compares the composed corpus with features of the 60 AIST++ pieces: rhythm, tempo and chroma statistics per genre.

    python benchmarks/check_composer.py --features ../shared/data/aist_music_features.npz

The features are the 35 columns of FACT's recipe (Li et al., ICCV 2021) at 60 frames per second: onset envelope, 20 MFCC, 12 chroma, onset
flag, beat flag. Composed pieces get the same columns from their own sound. Only checks: nothing is learnt from the file. Without it, this
says so and ends.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np

from dance2music.composer.compose import compose_corpus_piece
from dance2music.composer.styles import STYLES
from dance2music.music.synth import render
from dance2music.types import GENRE_CODES, GENRES

FPS = 60
HOP_LENGTH = 512
SAMPLE_RATE = FPS * HOP_LENGTH
SLOTS = 6
ENVELOPE, CHROMA, ONSET, BEAT = slice(0, 1), slice(21, 33), 33, 34
MFCC_0 = 1
PULSE_LAGS_SECONDS = (0.33, 1.0)
# Krumhansl and Kessler (1982), probe-tone profiles of C major and C minor.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
NAMES = ("onsets/s", "onsets/beat", "on beat", "pulse", "tempo ok", "octave ok", "key", "entropy", "mfcc0 sd")


def features(samples: np.ndarray, bpm: float) -> np.ndarray:
    """The 35 columns of a mono sound [N] at `SAMPLE_RATE`: float [T, 35]."""
    import librosa

    envelope = librosa.onset.onset_strength(y=samples, sr=SAMPLE_RATE)
    mfcc = librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE, n_mfcc=20).T
    chroma = librosa.feature.chroma_cens(y=samples, sr=SAMPLE_RATE, hop_length=HOP_LENGTH).T
    result = np.zeros((len(envelope), 35))
    result[:, 0] = envelope
    result[:, 1:21] = mfcc[: len(result)]
    result[:, CHROMA] = chroma[: len(result)]
    result[librosa.onset.onset_detect(onset_envelope=envelope, sr=SAMPLE_RATE, hop_length=HOP_LENGTH), ONSET] = 1
    _, beats = librosa.beat.beat_track(onset_envelope=envelope, sr=SAMPLE_RATE, hop_length=HOP_LENGTH, start_bpm=bpm, tightness=100)
    result[beats, BEAT] = 1
    return result


def measures(columns: np.ndarray, bpm: float) -> np.ndarray:
    """The numbers of `NAMES` for one piece's columns [T, 35]."""
    envelope, seconds = columns[:, 0] - columns[:, 0].mean(), len(columns) / FPS
    correlation = np.correlate(envelope, envelope, "full")[len(envelope) - 1 :]
    first, last = (round(lag * FPS) for lag in PULSE_LAGS_SECONDS)
    pulse = correlation[first : last + 1].max() / correlation[0]
    onsets, beats = np.flatnonzero(columns[:, ONSET]), np.flatnonzero(columns[:, BEAT])
    rate = len(onsets) / seconds
    hit = np.mean([np.abs(onsets - b).min() <= 0.05 * FPS for b in beats]) if len(onsets) and len(beats) else 0.0
    ratio = 60 * FPS / np.median(np.diff(beats)) / bpm if len(beats) > 2 else 0.0
    chroma = columns[:, CHROMA].mean(axis=0)
    key = max(np.corrcoef(np.roll(profile, k), chroma)[0, 1] for profile in (MAJOR, MINOR) for k in range(12))
    share = chroma / chroma.sum()
    entropy = -(share * np.log2(np.maximum(share, 1e-9))).sum() / np.log2(12)
    octave = min(abs(ratio / octave - 1) for octave in (0.5, 1, 2)) < 0.04
    return np.array(
        [rate, rate * 60 / bpm, hit, pulse, abs(ratio - 1) < 0.04, octave, key, entropy, columns[:, MFCC_0].astype(np.float64).std()]
    )


def nominal_bpm(name: str) -> float:
    """Tempo of an AIST piece from its name ('mBR0' is 80 bpm)."""
    return STYLES[GENRE_CODES.index(name[1:3])].tempi_bpm[int(name[3])]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the composed corpus with features of the AIST++ pieces.")
    parser.add_argument(
        "--features",
        default=str(Path(os.environ.get("DANCE2MUSIC_SHARED", "../shared")) / "data" / "aist_music_features.npz"),
        help="npz file",
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="length of a composed piece")
    parser.add_argument("--variations", type=int, default=2, help="composed pieces per slot")
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of the table")
    options = parser.parse_args()
    if not Path(options.features).is_file():
        print(f"skipped: {options.features} is not there; pass --features")
        return
    with np.load(options.features) as archive:
        real = {name: measures(archive[name], nominal_bpm(name)) for name in archive.files}
    rows: dict[str, dict[str, list[float]]] = {}
    for genre, code in enumerate(GENRE_CODES):
        composed = []
        for slot in range(SLOTS):
            for variation in range(options.variations):
                index = genre * SLOTS + slot + variation * len(GENRES) * SLOTS
                score = compose_corpus_piece(index, duration_seconds=options.seconds)
                sound = render(score, sample_rate=SAMPLE_RATE).samples[0]
                composed.append(measures(features(sound, score.tempo_bpm), score.tempo_bpm))
        rows[code] = {
            "aist": np.mean([m for name, m in real.items() if name[1:3] == code], axis=0).tolist(),
            "composed": np.mean(composed, axis=0).tolist(),
        }
    rows["all"] = {kind: np.mean([row[kind] for row in rows.values()], axis=0).tolist() for kind in ("aist", "composed")}
    if options.json:
        print(json.dumps({"measures": NAMES, "rows": rows}))
        return
    print("AIST / composed")
    print("     " + " ".join(f"{name:>13}" for name in NAMES))
    for code, row in rows.items():
        print(f"{code:4} " + " ".join(f"{a:6.2f}/{c:6.2f}" for a, c in zip(row["aist"], row["composed"])))


if __name__ == "__main__":
    main()
