"""Retrieval from memory: bars of the right genre and tempo, stretched to the dance's bars."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from dance2music.checkpoint import load_model, save_model
from dance2music.methods.base import CodecGenerator
from dance2music.methods.memory import Memory, MemoryConfig, bank
from dance2music.types import Conditioning, Rhythm

BAR_FRAMES = 40


def piece(number: int, genre: int, tempo_bpm: float, *, bars: int = 4) -> tuple[torch.Tensor, np.ndarray, int, float, np.ndarray]:
    """A piece whose codes tell its number (first codebook) and the bar (second)."""
    codes = torch.stack([torch.full((bars * BAR_FRAMES,), number), torch.arange(bars).repeat_interleave(BAR_FRAMES)])
    return codes, np.arange(bars + 1) * BAR_FRAMES, genre, tempo_bpm, np.linspace(0.0, 1.0, bars)


@pytest.fixture
def bars() -> Memory:
    """Genre 5 at four tempi, genre 1 at one."""
    return bank([piece(0, 5, 80.0), piece(1, 5, 100.0), piece(2, 5, 120.0), piece(3, 5, 130.0), piece(4, 1, 120.0)])


@pytest.fixture
def memory(bars: Memory) -> CodecGenerator:
    return CodecGenerator(bars, tiny.codec())


def dance(tempo_bpm: float = 120.0, *, genre: int = 5, seconds: float = 8.0) -> Conditioning:
    beats = np.arange(-1.0, seconds + 2.0, 60.0 / tempo_bpm)
    rhythm = Rhythm(beats, 2, tempo_bpm, 1.0, np.zeros(0))
    return replace(tiny.conditioning(), rhythm=rhythm, genre=genre, duration_seconds=seconds)


def test_the_piece_has_the_genre_and_a_near_tempo(memory: CodecGenerator) -> None:
    played = {int(take.codes[0, 100]) for take in memory.generate(dance(), list(range(20))) if take.codes is not None}
    assert played <= {1, 2, 3} and len(played) > 1
    (other,) = memory.generate(dance(genre=1), [0])
    assert other.codes is not None and set(other.codes[0].tolist()) == {4}


def test_every_bar_of_the_dance_begins_with_a_bar_of_the_piece(memory: CodecGenerator) -> None:
    given = dance()
    (take,) = memory.generate(given, [0])
    assert take.codes is not None
    changes = np.flatnonzero(np.diff(take.codes[1].numpy())) + 1
    frame_rate = tiny.codec().sample_rate / tiny.codec().hop_length
    bars = given.rhythm.time_at(np.arange(-1, 6) * 4.0) * frame_rate
    assert len(changes) and np.abs(changes[:, None] - bars[None]).min(axis=1).max() <= 1.0


def test_it_lasts_as_long_as_the_dance_and_a_seed_is_a_take(memory: CodecGenerator) -> None:
    first, again, *others = memory.generate(dance(seconds=5.3), [7, 7, 8, 9, 10, 11])
    assert first.codes is not None and again.codes is not None
    assert first.z.shape == (tiny.LATENT_DIM, -(-round(5.3 * 22_050) // 256))
    assert torch.equal(first.codes, again.codes) and torch.equal(first.z, tiny.codec().lookup(first.codes[None])[0])
    assert any(not torch.equal(first.codes, other.codes) for other in others if other.codes is not None)


def test_a_dance_before_its_first_downbeat_and_at_any_tempo_is_filled(memory: CodecGenerator) -> None:
    for tempo in (60.0, 200.0):
        (take,) = memory.generate(dance(tempo), [1])
        assert take.codes is not None and int(take.codes.min()) >= 0 and set(take.codes[0].tolist()) <= {0, 1, 2, 3}


def test_the_bank_comes_back_from_a_model_file(bars: Memory, memory: CodecGenerator, tmp_path: Path) -> None:
    save_model(tmp_path / "memory.safetensors", bars, bars.config, storage="int8")
    loaded = load_model(tmp_path / "memory.safetensors", expected="memory")
    assert isinstance(loaded, Memory)
    (a,), (b,) = memory.generate(dance(), [3]), CodecGenerator(loaded, tiny.codec()).generate(dance(), [3])
    assert a.codes is not None and b.codes is not None and torch.equal(a.codes, b.codes)


@pytest.mark.parametrize("n_frames", [1, 7, 8])
def test_codes_of_ten_bits_come_back_as_they_were(n_frames: int) -> None:
    codes = torch.from_numpy(np.random.default_rng(n_frames).integers(0, 1024, (3, n_frames)))
    memory = Memory(MemoryConfig(n_codebooks=3, n_frames=n_frames))
    memory.store(codes)
    assert torch.equal(memory.codes, codes)
    with pytest.raises(AssertionError, match="10 bits"):
        memory.store(codes + 1024)
