"""The register of seeds: nothing is drawn with a number that it does not name, and what is held out lies apart from what is trained on."""

from __future__ import annotations

import ast
import re
from enum import IntEnum
from itertools import pairwise
from pathlib import Path

import numpy as np

import dance2music
from dance2music import seeds
from dance2music.recipe.dance_genre import DanceGenreTrainConfig
from dance2music.recipe.genre import GenreTrainConfig
from dance2music.recipe.rhythm import OTHERS, RhythmTrainConfig

PACKAGE = Path(dance2music.__file__).parent
STREAMS = [kind for kind in vars(seeds).values() if isinstance(kind, type) and issubclass(kind, IntEnum) and kind is not IntEnum]


def bare_numbers(path: Path) -> list[int]:
    """Numbers written in the lists that a file gives to ``default_rng``."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "default_rng" and node.args:
            listed = node.args[0].elts if isinstance(node.args[0], ast.List) else []
            found += [part.value for part in listed if isinstance(part, ast.Constant)]
    return found


def test_nothing_is_drawn_by_a_bare_number() -> None:
    bare = {path.relative_to(PACKAGE).as_posix(): bare_numbers(path) for path in PACKAGE.rglob("*.py")}
    assert not {name: numbers for name, numbers in bare.items() if numbers}


def test_every_stream_is_drawn_from_and_stands_once_among_those_of_the_same_seed() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.name != "seeds.py")
    for kind in STREAMS:
        assert len({int(member) for member in kind}) == len(kind.__members__), kind  # an enumeration takes the second for the first
        unused = [name for name in kind.__members__ if not re.search(rf"\b{kind.__name__}\.{name}\b", text)]
        assert not unused, (kind, unused)


def test_a_named_stream_draws_what_its_number_draws() -> None:
    assert np.random.default_rng([3, seeds.Corpus.DANCE]).random() == np.random.default_rng([3, 24]).random()


def test_seeds_of_different_corpora_do_not_meet_what_is_held_out() -> None:
    assert seeds.HELD_OUT_PIECES % 60 == 0
    rhythm, dances, music = RhythmTrainConfig(), DanceGenreTrainConfig(), GenreTrainConfig()
    first = seeds.GENRE_DANCES + dances.seed * seeds.DANCES_PER_RUN
    trained = [
        (rhythm.loop.seed * seeds.DANCES_PER_RUN, rhythm.pool_size),
        *((other.loop.seed * seeds.DANCES_PER_RUN, other.pool_size) for other in OTHERS),
        (first, dances.dances),
        (seeds.GENRE_CLIPS, music.pool_size),
        (seeds.VOICING_PIECES, 1000),
        (seeds.HELD_OUT_PIECES, 100_000),
    ]
    assert all(start + n <= following for (start, n), (following, _) in pairwise(trained))
    held_out = (seeds.HELD_OUT_PAIRS, seeds.HELD_OUT_DANCES, seeds.HELD_OUT_CLIPS, seeds.HELD_OUT_SYMBOLIC)
    assert min(held_out) >= seeds.HELD_OUT_PIECES + 100_000 and max(held_out) + 100_000 <= seeds.MEMORY_PIECES
