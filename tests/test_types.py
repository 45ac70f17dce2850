"""Audio becomes a batch of one and comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tiny
from dance2music.takes.sound import to_audio
from dance2music.types import Audio, Latents


def test_audio_becomes_a_batch_of_one_and_comes_back_with_the_same_bits() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (2, 500)).astype(np.float32)
    batch = Audio(samples, 48_000).to_tensor()
    assert batch.shape == (1, 2, 500) and batch.dtype == torch.float32
    back = Audio.from_tensor(batch, 48_000)
    assert back.sample_rate == 48_000 and back.samples.shape == (2, 500) and np.array_equal(back.samples, samples)


def test_numbers_of_another_kind_or_order_become_float32() -> None:
    reversed_time = np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::-1]
    assert Audio(reversed_time, 8000).to_tensor().tolist() == [[[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]]]


@pytest.mark.parametrize("shape", [(1, 500), (2, 1, 500)])
def test_only_a_batch_of_one_is_one_sound(shape: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError, match="expected one item"):
        Audio.from_tensor(torch.zeros(shape), 22_050)


def test_decoded_latents_have_the_channels_and_the_rate_of_their_codec() -> None:
    codec = tiny.codec()
    audio = to_audio(Latents(torch.randn(tiny.LATENT_DIM, 10), None, codec))
    assert audio.samples.shape == (1, 10 * codec.hop_length) and audio.sample_rate == codec.sample_rate
