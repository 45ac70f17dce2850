"""Is the music of its genre? Asked of a judge that no generator ever saw, trained on other renderings than those that it judges.

    python benchmarks/bench_genre_judge.py [--pieces 40] [--takes 4] [--methods planned composer] [--out genres.json]

The judge is trained here, from nothing: ``--pieces`` pieces of each genre, written by the rules of `composer`, played by soundfonts (what
is at hand of `music.synth.SOUNDFONTS`, and sums of sines) with a random tilt and level of noise, mono at 22.05 kHz. It hears rhythm
(autocorrelations of onset strength in eight bands) and colour (mean and spread of 32 mel bands), never notes. Then ``--takes`` takes per
genre of drawn dances, the genre given, as each method is heard in the studio; beside them the same scores through the default
soundfont, and held-out pieces, which say how good the judge is. Prints a Markdown table; chance is .10.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dance2music.composer.compose import compose
from dance2music.generation import pipeline
from dance2music.generation.methods import load_method
from dance2music.generation.sound import to_audio
from dance2music.generation.take import finished_take, make_takes
from dance2music.music.audio import resample
from dance2music.music.beats import band_rises, log_mel, mono
from dance2music.music.synth import BUILT_IN, find_soundfonts, render
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.types import GENRES, Audio

SEED, HELD_OUT_SEED, DANCE_SEED = 2_000_000, 2_900_000, 1_900_000_000
SECONDS, RATE = 8.0, 22050
BANDS, LAGS, COLOURS = 8, 80, 32


def features(audio: Audio) -> np.ndarray:
    """What the judge hears: float32 [D]."""
    audio = resample(Audio(mono(audio)[None], audio.sample_rate), RATE)
    rises, _ = band_rises(audio)
    bands = rises.reshape(BANDS, -1, rises.shape[1]).mean(axis=1)
    bands = bands - bands.mean(axis=1, keepdims=True)
    energy = np.square(bands).sum(axis=1) + 1e-6
    lagged = np.array([(bands[:, lag:] * bands[:, : bands.shape[1] - lag]).sum(axis=1) / energy for lag in range(2, 2 + LAGS)])
    decibels = log_mel(audio, n_mels=COLOURS, hop_length=512)
    colour = decibels.mean(axis=1)
    rank = np.log1p(rises.mean(axis=1).reshape(BANDS, -1).mean(axis=1))
    return np.concatenate([lagged.ravel(), (colour - colour.mean()) / 20.0, decibels.std(axis=1) / 20.0, rank]).astype(np.float32)


def worn(audio: Audio, rng: np.random.Generator) -> Audio:
    """The sound with a random tilt (up to 6 dB per octave around 1 kHz, either way) and a little noise."""
    y = mono(audio)
    spectrum = np.fft.rfft(y)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(y), 1 / audio.sample_rate), 40.0) / 1000.0)
    y = np.fft.irfft(spectrum * 10 ** (rng.uniform(-4.0, 6.0) * octaves / 20.0), len(y))
    y = y / (np.abs(y).max() + 1e-9) + rng.uniform(0.0, 0.003) * rng.standard_normal(len(y))
    return Audio(y[None].astype(np.float32), audio.sample_rate)


def pieces(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features [n * 10, D] and genres [n * 10] of composed pieces through soundfonts."""
    fonts = [*find_soundfonts(), BUILT_IN]
    rng = np.random.default_rng(seed)
    rows, genres = [], []
    for i in range(n):
        for genre in range(len(GENRES)):
            score = compose(genre, seed=seed + i, duration_seconds=SECONDS)
            rows.append(features(worn(render(score, soundfont=fonts[int(rng.integers(len(fonts)))]), rng)))
            genres.append(genre)
    return np.stack(rows), np.array(genres)


def trained(x: np.ndarray, y: np.ndarray) -> nn.Module:
    """A judge of features float32 [n, D] for genres [n]."""
    torch.manual_seed(0)
    mean, scale = torch.from_numpy(x.mean(axis=0)), torch.from_numpy(x.std(axis=0) + 1e-3)
    net = nn.Sequential(nn.Dropout(0.3), nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, len(GENRES)))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
    inputs, targets = (torch.from_numpy(x) - mean) / scale, torch.from_numpy(y)
    for _ in range(400):
        order = torch.randperm(len(x))
        for rows in order.split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(
                net(inputs[rows] + 0.2 * torch.randn_like(inputs[rows])), targets[rows], label_smoothing=0.1
            ).backward()
            optimizer.step()
    net.eval()

    class Judge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.mean, self.scale = net, mean, scale

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return self.net((given - self.mean) / self.scale)

    return Judge()


def judged(judge: nn.Module, x: np.ndarray) -> np.ndarray:
    """Genres int64 [n] of features [n, D]."""
    with torch.no_grad():
        return np.asarray(judge(torch.from_numpy(x)).argmax(dim=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--held-out", type=int, default=6)
    parser.add_argument("--takes", type=int, default=4)
    parser.add_argument("--methods", nargs="+", default=["planned", "composer"])
    parser.add_argument("--out", type=Path, default=Path("genres.json"))
    arguments = parser.parse_args()
    judge = trained(*pieces(arguments.pieces, SEED))
    x, y = pieces(arguments.held_out, HELD_OUT_SEED)
    right = {"composed, held out, through soundfonts": (judged(judge, x) == y).tolist()}
    confused: dict[str, list[tuple[str, str]]] = {}
    for method in arguments.methods:
        loaded = load_method(method, sound="studio")
        for genre, name in enumerate(GENRES):
            for i in range(arguments.takes):
                motion = synthetic_clip(DANCE_SEED + 100 * genre + i, duration_seconds=SECONDS, genre=genre, fps=30.0).motion
                conditioning = pipeline.condition(motion, genre=name, duration_seconds=SECONDS)
                (take,) = make_takes(loaded, conditioning, seeds=[i])
                assert take.score is not None
                sounds = {"studio": finished_take(take).finished, "soundfont": to_audio(take.score, sound="soundfont")}
                for sound, audio in sounds.items():
                    heard = int(judged(judge, features(audio)[None])[0])
                    right.setdefault(f"`{method}`, {sound}", []).append(heard == genre)
                    if heard != genre:
                        confused.setdefault(f"`{method}`, {sound}", []).append((name, GENRES[heard]))
    print("| what is heard | n | recognised |\n| --- | --- | --- |")
    for name, found in right.items():
        share = float(np.mean(found))
        print(f"| {name} | {len(found)} | {share:.2f} ± {(share * (1 - share) / len(found)) ** 0.5:.2f} |")
    arguments.out.write_text(json.dumps({"right": right, "confused": confused}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
