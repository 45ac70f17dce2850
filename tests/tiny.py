"""Small stand-ins that tests of models and training share: a codec, dances with what goes with them, composed pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from dance2music.codec.quantizer import CodebookConfig, ResidualQuantizerConfig
from dance2music.codec.spectral import SpectralCodec, SpectralCodecConfig
from dance2music.generation import pipeline
from dance2music.methods.base import MusicGenerator
from dance2music.methods.plan import Vocabulary, collect_voicings
from dance2music.methods.roll import note_table
from dance2music.methods.sketch import sketch
from dance2music.music.synth import render
from dance2music.recipe.pairs import Pair, make_pair
from dance2music.synthetic.drawing import example_dance
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import LoadedMethod, Method
from dance2music.types import Conditioning

N_CODEBOOKS, CODEBOOK_SIZE, LATENT_DIM = 2, 32, 8
PAIR_SECONDS = 6.0


@contextmanager
def broken_off(module: ModuleType, name: str, *, at_call: int) -> Iterator[None]:
    """What a training calls at each step is interrupted at its nth call, as by Ctrl-C, and the block ends with it."""
    real: Callable[..., Any] = getattr(module, name)
    calls: list[object] = []

    def breaks(*args: object) -> Any:
        calls.append(args)
        if len(calls) == at_call:
            raise KeyboardInterrupt
        return real(*args)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, name, breaks)
        yield


def tone(seed: int, seconds: float, sample_rate: int) -> np.ndarray:
    """A noisy tone of its own for every seed, float32 [N]: a piece of music for trainings of codecs."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.3 * np.sin(2 * np.pi * rng.uniform(100, 1000) * t) + 0.01 * rng.standard_normal(len(t))).astype(np.float32)


@cache
def codec() -> SpectralCodec:
    """An untrained codec with a few random entries per codebook; do not change it."""
    torch.manual_seed(0)
    config = SpectralCodecConfig(
        dim=LATENT_DIM, encoder_width=16, encoder_depth=1, decoder_width=16, decoder_depth=1, n_mels=20,
        quantizer=ResidualQuantizerConfig(n_codebooks=N_CODEBOOKS, codebook=CodebookConfig(size=CODEBOOK_SIZE, dim=LATENT_DIM)),
    )  # fmt: skip
    model = SpectralCodec(config)
    for q, book in enumerate(model.quantizer.codebooks):
        book.get_buffer("k").copy_(torch.randn(CODEBOOK_SIZE, LATENT_DIM) / (1 + q))
    return model.eval().requires_grad_(False)


@cache
def conditioning(seconds: float = 6.0, genre: str = "house") -> Conditioning:
    """What a generator sees of the example dance."""
    return pipeline.condition(example_dance(seconds)[0], genre=genre)


def as_method(generator: MusicGenerator) -> LoadedMethod:
    """A generator as a method of no name, of which several takes are made and ranked."""
    return LoadedMethod(Method("clicker", "", "", candidates=None, compared=False), generator)


@cache
def pairs(n: int = 3) -> tuple[list[Pair], Vocabulary]:
    """Composed pairs with codes and sketches of `codec`, and the chords that they use."""
    clips = [synthetic_clip(seed, duration_seconds=PAIR_SECONDS, formed=True) for seed in range(n)]
    vocabulary = Vocabulary(collect_voicings(clip.score for clip in clips if clip.score is not None))
    made = []
    for seed, clip in enumerate(clips):
        pair, rate, hop = make_pair(clip, seed, vocabulary), codec().sample_rate, codec().hop_length
        score = pair.score(vocabulary)
        music = render(score, sample_rate=rate, onset_grid_seconds=hop / rate).samples
        source = sketch(note_table(score, rate / hop), music.shape[-1], sample_rate=rate, hop_length=hop)[None]
        codes = codec().quantize(codec().encode(torch.from_numpy(music)[None])).codes[0]
        made.append(replace(pair, codes=codes.numpy(), sketch=codec().encode(torch.from_numpy(source)[None])[0].numpy()))
    return made, vocabulary
