"""Is the music of its genre? Asked of a judge that no generator saw, trained on other renderings than those that it judges here.

    python benchmarks/bench_genre_judge.py [--takes 4] [--methods planned composer] [--out genres.json]

The judge is the embedded classifier of music (`recipe.genre`): it learnt from composed pieces played by soundfonts, never from the studio's
instruments, and neither generators nor the ranking of takes use it. It hears ``--takes`` takes per genre of drawn dances of 10 s, the genre
given, as each method is heard in the studio and, the same scores, through the default soundfont; beside them composed pieces without a
dance through the soundfont, which say how good the judge is. Prints a Markdown table; chance is .10.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from dance2music.composer.compose import compose
from dance2music.generation import pipeline
from dance2music.generation.methods import load_method
from dance2music.generation.sound import to_audio
from dance2music.generation.take import finished_take, make_takes
from dance2music.metrics.genre import EmbeddedGenre
from dance2music.music.synth import render
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.types import GENRES

PIECE_SEED, DANCE_SEED = 2_900_000, 1_900_000_000
"""Of pieces and dances that nothing was trained on."""
SECONDS = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=int, default=4)
    parser.add_argument("--methods", nargs="+", default=["planned", "composer"])
    parser.add_argument("--out", type=Path, default=Path("genres.json"))
    arguments = parser.parse_args()
    judge = EmbeddedGenre()
    heard: dict[str, list[tuple[str, str]]] = {}
    for genre, name in enumerate(GENRES):
        for i in range(arguments.takes):
            piece = render(compose(genre, seed=PIECE_SEED + i, duration_seconds=SECONDS))
            heard.setdefault("composed without a dance, soundfont", []).append((name, GENRES[judge.classify(piece)]))
    for method in arguments.methods:
        loaded = load_method(method, sound="studio")
        for genre, name in enumerate(GENRES):
            for i in range(arguments.takes):
                motion = synthetic_clip(DANCE_SEED + 100 * genre + i, duration_seconds=SECONDS, genre=genre, fps=30.0).motion
                (take,) = make_takes(loaded, pipeline.condition(motion, genre=name, duration_seconds=SECONDS), seeds=[i])
                assert take.score is not None
                for sound, audio in {"studio": finished_take(take).finished, "soundfont": to_audio(take.score, sound="soundfont")}.items():
                    heard.setdefault(f"`{method}`, {sound}", []).append((name, GENRES[judge.classify(audio)]))
    print("| what is heard | n | recognised |\n| --- | --- | --- |")
    for label, pairs in heard.items():
        share = float(np.mean([asked == found for asked, found in pairs]))
        print(f"| {label} | {len(pairs)} | {share:.2f} ± {(share * (1 - share) / len(pairs)) ** 0.5:.2f} |")
    arguments.out.write_text(json.dumps(heard, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
