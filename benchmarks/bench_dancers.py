"""Two drawn dancers who cross: are both followed with their identities kept, and is the beat as good as that of one alone?

    python benchmarks/bench_dancers.py [--films 20] [--folder FOLDER] [--first 0] [--alone]

Draws films of 10 s (kept in ``--folder`` where that is given) in which two dancers to one music change places, the nearer one hiding the
farther, half of the pairs in the same clothes; with ``--alone`` also the same dancers alone. An identity is kept when two people are
found, each of them nearest to the same dancer in 95 % of the frames in which the dancers are apart, and seen in 70 % of all. Prints a row
per film: whether identities are kept, share of the frames in which the one seen less is seen, and F at 70 ms of the beats with those of
the music, read from both together, from either of them in the film of both, and from the films of one; then means with standard errors
over films, and processor seconds per second of video.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from bench_watch import with_error

from dance2music.dance.watch import read_dancers
from dance2music.generation.pipeline import condition
from dance2music.metrics.rhythm import beat_f
from dance2music.synthetic.company import Member, crossing, draw_company
from dance2music.synthetic.drawing import write_pictures
from dance2music.types import Dancer

SECONDS = 10.0
SIZE, FPS = (854, 480), 30.0
TRUNK = [11, 12, 23, 24]
APART_TRUNKS, SAME_SHARE, SEEN_SHARE = 0.6, 0.95, 0.7


def beats_of(seed: int) -> np.ndarray:
    """Steady beats of 80 to 135 bpm, from before the film to behind its end."""
    rng = np.random.default_rng([seed, 991])
    period = 60.0 / float(rng.uniform(80.0, 135.0))
    return np.arange(float(rng.random()) * period - 4 * period, SECONDS + 4 * period, period)


def filmed(members: list[Member], path: Path) -> np.ndarray:
    """Draw the film where it is not there yet; where the dancers are in it, float [T, M, 2] in heights of the picture."""
    kept = path.with_suffix(".npz")
    if not (path.exists() and kept.exists()):
        trunks = []

        def pictures():  # type: ignore[no-untyped-def]
            for drawn in draw_company(members, size=SIZE, fps=FPS):
                trunks.append(drawn.trunks)
                yield drawn.image

        write_pictures(pictures(), path, size=SIZE, fps=FPS)
        np.savez(kept, trunks=np.array(trunks))
    with np.load(kept) as data:
        return np.asarray(data["trunks"]) / SIZE[1]


def identity(dancers: tuple[Dancer, ...], truth: np.ndarray) -> tuple[bool, float]:
    """Whether both are kept apart, and the share of frames in which the one who is seen less is seen."""
    found = []
    for one in dancers:
        motion = one.motion
        count = min(len(truth), len(motion.joints))
        place = motion.joints[:count, TRUNK, :2].mean(axis=1) * [1.0, -1.0] + [0.0, 1.0]
        seen = motion.confidence[:count, TRUNK].mean(axis=1) > 0
        length = np.median(np.linalg.norm(motion.joints[:count, 11] - motion.joints[:count, 23], axis=1))
        apart = np.linalg.norm(truth[:count, 0] - truth[:count, 1], axis=1) > APART_TRUNKS * length
        nearest = np.linalg.norm(place[:, None] - truth[:count], axis=2).argmin(axis=1)[seen & apart]
        share = np.bincount(nearest, minlength=2) / max(len(nearest), 1)
        found.append((int(share.argmax()), float(share.max()), float(seen.mean())))
    kept = len(found) == 2 and {who for who, _, _ in found} == {0, 1} and all(same >= SAME_SHARE for _, same, _ in found)
    least = min(seen for _, _, seen in found)
    return kept and least >= SEEN_SHARE, least


def score(dancers: tuple[Dancer, ...], beats: np.ndarray, dancer: str = "all") -> float:
    """F at 70 ms of the beat grid read from dancers with the beats of the music."""
    grid = condition(dancers, dancer=dancer, genre="house", duration_seconds=SECONDS).rhythm.beat_times_seconds
    inside = [times[(times >= 0) & (times < SECONDS)] for times in (beats, grid)]
    return float(beat_f(*inside))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--alone", action="store_true", help="watch films of each dancer alone, too")
    options = parser.parse_args()
    kept, rows = [], []
    print("| film | clothes | kept | seen | F both | F of each, together | F of each, alone |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if options.folder is None else options.folder
        for seed in range(options.first, options.first + options.films):
            beats = beats_of(seed)
            members = crossing(seed, beats, duration_seconds=SECONDS)
            truth = filmed(members, folder / f"both{seed}.mp4")
            begun = time.process_time()
            both = read_dancers(folder / f"both{seed}.mp4")
            seconds = time.process_time() - begun
            alone = []
            for k, member in enumerate(members if options.alone else ()):
                filmed([member], folder / f"alone{seed}-{k}.mp4")
                begun = time.process_time()
                one = read_dancers(folder / f"alone{seed}-{k}.mp4")
                alone.append((score(one, beats), time.process_time() - begun))
            good, seen = identity(both, truth)
            each = [score(both, beats, str(number)) for number in range(1, 1 + len(both))]
            row = [score(both, beats), float(np.mean(each)), seconds / SECONDS]
            if alone:
                row += [float(np.mean([f for f, _ in alone])), float(np.mean([used for _, used in alone])) / SECONDS]
            kept.append(good)
            rows.append(row)
            clothes = "same" if members[0].look == members[1].look else "own"
            values = " / ".join(f"{f:.2f}" for f in each), " / ".join(f"{f:.2f}" for f, _ in alone)
            print(f"| {seed} | {clothes} | {'yes' if good else 'NO'} | {seen:.2f} | {row[0]:.2f} | {values[0]} | {values[1]} |", flush=True)
    names = ("F of both", "F of each, together", "processor s per s, two", "F of each, alone", "processor s per s, one")
    print(f"\nidentities kept in {sum(kept)} of {len(kept)} films")
    for name, column in zip(names, zip(*rows)):
        print(f"{name}: {with_error(list(column))}")


if __name__ == "__main__":
    main()
