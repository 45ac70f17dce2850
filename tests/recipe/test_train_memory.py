"""Building of the music memory with a small codec."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import torch

import tiny
from dance2music.methods.base import CodecGenerator
from dance2music.methods.memory import Memory
from dance2music.recipe.memory import MemoryBuildConfig, build_memory
from dance2music.types import GENRES

CONFIG = MemoryBuildConfig(pieces_per_genre=1, bars=2)


@cache
def bank() -> Memory:
    """The bank of the small codec; do not change it."""
    return build_memory(CONFIG, tiny.codec())


def test_the_bank_holds_every_genre_bar_by_bar_and_is_the_same_each_time() -> None:
    first, again = bank(), build_memory(CONFIG, tiny.codec())
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values()))
    genre, start, length = (first.get_buffer(name).numpy() for name in ("genre", "start", "length"))
    assert sorted(set(genre.tolist())) == list(range(len(GENRES))) and len(genre) == 2 * len(GENRES)
    assert np.array_equal(start[1:], (start + length)[:-1]) and start[-1] + length[-1] == first.config.n_frames
    seconds = length * tiny.codec().hop_length / tiny.codec().sample_rate
    assert np.abs(seconds - 4 * 60 / first.get_buffer("tempo_bpm").numpy()).max() < 0.03
    energy = first.get_buffer("energy")
    assert 0.0 <= float(energy.min()) <= float(energy.max()) <= 1.0


def test_the_bank_can_keep_the_coarse_codebooks_alone_and_still_plays() -> None:
    codec = tiny.codec()
    coarse = build_memory(replace(CONFIG, n_codebooks=1), codec)
    assert coarse.config.n_codebooks == 1
    assert torch.equal(coarse.codes[0], bank().codes[0])
    (take,) = CodecGenerator(coarse, codec).generate(tiny.conditioning(), [0])
    assert take.codes is not None and take.codes.shape[0] == 1 and torch.equal(take.z, codec.lookup(take.codes[None])[0])
