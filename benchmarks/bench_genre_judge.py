"""Is the music of its genre? Asked of a judge that no generator saw, trained on other renderings than those that it judges here.

    python benchmarks/bench_genre_judge.py [--takes 4] [--methods planned composer] [--seed 1900000000] [--swap] [--out genres.json]

The judge is the embedded classifier of music (`recipe.genre`): it learnt from composed pieces played by soundfonts, never from the studio's
instruments, and neither generators nor the ranking of takes use it. It hears ``--takes`` takes per genre of drawn dances of 10 s, the genre
given, as each method is heard in the studio and, the same scores, through the default soundfont; beside them composed pieces without a
dance through the soundfont, which say how good the judge is. ``--swap`` tells drums from the rest: the studio's mix with the soundfont's
drums at the level of its own, and with the soundfont's other instruments. Prints a Markdown table; chance is .10.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from dance2music.composer.compose import compose
from dance2music.generation import pipeline
from dance2music.metrics.genre import EmbeddedGenre
from dance2music.music.audio import resample
from dance2music.music.synth import render
from dance2music.sound.master import master
from dance2music.sound.render import SAMPLE_RATE, STEMS, mixed, settings_of
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import load_method
from dance2music.takes.sound import to_audio
from dance2music.takes.take import finished_take, make_takes
from dance2music.types import GENRES, Audio, Score

PIECE_SEED, DANCE_SEED = 2_900_000, 1_900_000_000
"""Of pieces and dances that nothing was trained on."""
SECONDS = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=int, default=4)
    parser.add_argument("--methods", nargs="+", default=["planned", "composer"])
    parser.add_argument("--seed", type=int, default=DANCE_SEED)
    parser.add_argument("--swap", action="store_true")
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
                motion = synthetic_clip(arguments.seed + 100 * genre + i, duration_seconds=SECONDS, genre=genre, fps=30.0).motion
                (take,) = make_takes(loaded, pipeline.condition(motion, genre=name, duration_seconds=SECONDS), seeds=[i])
                assert take.score is not None
                sounds = {"studio": finished_take(take).finished, "soundfont": to_audio(take.score, sound="soundfont")}
                if arguments.swap:
                    others = [role for role in STEMS if role != "drums"]
                    sounds |= {"soundfont's drums": swapped(take.score, ["drums"]), "soundfont but for drums": swapped(take.score, others)}
                for sound, audio in sounds.items():
                    heard.setdefault(f"`{method}`, {sound}", []).append((name, GENRES[judge.classify(audio)]))
    print("| what is heard | n | recognised |\n| --- | --- | --- |")
    for label, pairs in heard.items():
        share = float(np.mean([asked == found for asked, found in pairs]))
        print(f"| {label} | {len(pairs)} | {share:.2f} ± {(share * (1 - share) / len(pairs)) ** 0.5:.2f} |")
    arguments.out.write_text(json.dumps(heard, indent=1) + "\n", encoding="utf-8")


def swapped(score: Score, roles: list[str]) -> Audio:
    """The studio's mix [2, N] with these roles played by the default soundfont, as loud (rms) as the studio's, mastered together."""
    total, _ = mixed(score, SAMPLE_RATE, 0, {}, None, roles=[role for role in STEMS if role not in roles])
    own, _ = mixed(score, SAMPLE_RATE, 0, {}, None, roles=roles)
    played = resample(render(replace(score, tracks=[track for track in score.tracks if track.role in roles])), SAMPLE_RATE).samples
    other = np.zeros_like(total)
    other[:, : played.shape[-1]] = played[:, : total.shape[-1]]
    if other.any():
        total += other * np.float32(np.sqrt(np.square(own).mean() / np.square(other).mean()))
    sound, _ = master(total, settings_of(score), sample_rate=SAMPLE_RATE)
    return Audio(sound, SAMPLE_RATE)


if __name__ == "__main__":
    main()
