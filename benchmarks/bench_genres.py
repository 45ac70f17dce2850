"""One dance, ten genres, several takes: is the music of the genre that was asked for, and are takes different?

    python benchmarks/bench_genres.py [--methods planned composer memory] [--dances 6] [--takes 4] [--out out/bench_genres.json]

Every held-out dance (seeds never trained on, seen through a drawn camera, its beats estimated) is given music in each of the ten genres
(Creative-GAN section 5: "converting one genre of music to multiple target genres") and several takes in its own genre. No take is chosen.
Columns: the share of music that two classifiers of sound hear as the target (chance 10 %), the one that comes with the package and the
genre head of the perceptual network; and Dist_m (Creative-GAN section 4.2 b) on embeddings of the first one, between takes of a dance in
one genre, between its music in ten genres, and between dances. Both classifiers were trained on music of the same composer as the
generators: they say whether the control works, not whether a listener would name the genre.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dance2music.generation import pipeline
from dance2music.metrics.diversity import mean_distance_within, mean_pairwise_distance
from dance2music.metrics.genre import EmbeddedGenre
from dance2music.perception.perceptual import embedded_perceptual
from dance2music.takes.methods import DEFAULT, load_method
from dance2music.takes.take import make_takes
from dance2music.types import GENRES, Audio, Conditioning

HELD_OUT_SEED = 1_500_000_000
DANCE_SECONDS = 10.0


def held_out_dances(n: int) -> list[tuple[Conditioning, int]]:
    """What a generator sees of ``n`` drawn dances, and their own genres."""
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    dances = []
    for i in range(n):
        clip = synthetic_clip(HELD_OUT_SEED + i, duration_seconds=DANCE_SECONDS, genre=i % len(GENRES))
        assert clip.genre is not None
        seen = perturb(clip.motion, np.random.default_rng(i))
        dances.append((pipeline.condition(seen, genre=GENRES[clip.genre], duration_seconds=DANCE_SECONDS), clip.genre))
    return dances


def heard(audio: Audio) -> tuple[int, int, np.ndarray]:
    """Genre by the package's classifier and by the perceptual network, and the first one's embedding."""
    judge = EmbeddedGenre()
    with torch.no_grad():
        second = int(embedded_perceptual()(torch.from_numpy(audio.samples[:1]).float()).genre.argmax())
    return judge.classify(audio), second, judge.piece(audio)


def bench(method: str, dances: list[tuple[Conditioning, int]], n_takes: int) -> dict[str, object]:
    """Hits per target genre and Dist_m of one method."""
    ready = load_method(method)
    hits = np.zeros((2, len(dances), len(GENRES)))
    across, within = [], []
    for i, (conditioning, own) in enumerate(dances):
        rows = []
        for target in range(len(GENRES)):
            (take,) = make_takes(ready, replace(conditioning, genre=target), seeds=[100 * i])
            first, second, embedding = heard(take.audio)
            hits[:, i, target] = first == target, second == target
            rows.append(embedding)
        across.append(np.stack(rows))
        takes = make_takes(ready, replace(conditioning, genre=own), seeds=[100 * i + k for k in range(n_takes)])
        within.append(np.stack([heard(take.audio)[2] for take in takes]))
    return {
        "per_genre": dict(zip(GENRES, hits[0].mean(axis=0).tolist())),
        "genre_right": float(hits[0].mean()),
        "genre_right_second_judge": float(hits[1].mean()),
        "dist_takes_of_a_dance": mean_distance_within(within),
        "dist_genres_of_a_dance": mean_distance_within(across),
        "dist_between_dances": mean_pairwise_distance(np.stack([rows[0] for rows in within])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=[DEFAULT.name, "composer", "memory"])
    parser.add_argument("--dances", type=int, default=6)
    parser.add_argument("--takes", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("out/bench_genres.json"))
    arguments = parser.parse_args()
    start, dances = time.time(), held_out_dances(arguments.dances)
    results = {method: bench(method, dances, arguments.takes) for method in arguments.methods}
    columns = ["genre_right", "genre_right_second_judge", "dist_takes_of_a_dance", "dist_genres_of_a_dance", "dist_between_dances"]
    print(f"| method | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for method, values in results.items():
        print(f"| {method} | " + " | ".join(f"{values[column]:.2f}" for column in columns) + " |")
    print(f"\n| method | {' | '.join(GENRES)} |\n|---|{'---|' * len(GENRES)}")
    for method, values in results.items():
        per_genre = values["per_genre"]
        assert isinstance(per_genre, dict)
        print(f"| {method} | " + " | ".join(f"{per_genre[genre]:.2f}" for genre in GENRES) + " |")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"seconds": time.time() - start, "dances": arguments.dances, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
