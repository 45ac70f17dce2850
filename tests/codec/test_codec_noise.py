"""The noise of the codec's head: the same in whatever pieces a sound is made, absent where the config has none."""

from __future__ import annotations

from dataclasses import fields, make_dataclass, replace

import numpy as np
import pytest
import torch

import tiny
from dance2music.checkpoint import load_model, save_model
from dance2music.codec.fine_gain import FineGainConfig
from dance2music.codec.noise import complex_noise
from dance2music.codec.spectral import NoiseConfig, SpectralCodec, SpectralCodecConfig, band_interpolation, slot_interpolation
from dance2music.recipe.codec_sound import with_sound_parts

FRAME_NOISE = NoiseConfig(bands=10, slots=4)
STREAM = [-1.1472079, -0.3445156, 0.4329104, 0.2333399]


def noisy(noise: NoiseConfig = FRAME_NOISE, seed: int = 0) -> SpectralCodec:
    codec = with_sound_parts(tiny.codec(), noise, FineGainConfig())
    torch.manual_seed(seed)
    with torch.no_grad():
        codec.decoder_noise.weight.normal_(std=0.1)
    return codec.eval()


def latents(n_frames: int) -> torch.Tensor:
    return torch.randn(1, tiny.LATENT_DIM, n_frames, generator=torch.Generator().manual_seed(3))


def test_noise_at_a_position_does_not_depend_on_where_the_piece_begins() -> None:
    whole = complex_noise(5, 0, 300, 17)
    for first, n in ((0, 1), (63, 2), (64, 64), (100, 200), (299, 1), (120, 0)):
        assert torch.equal(complex_noise(5, first, n, 17), whole[first : first + n])


def test_seeds_differ_and_large_ones_wrap() -> None:
    assert not torch.equal(complex_noise(0, 0, 4, 8), complex_noise(1, 0, 4, 8))
    assert torch.equal(complex_noise(2**64 + 3, 0, 4, 8), complex_noise(3, 0, 4, 8))


def test_the_stream_is_the_one_that_weights_were_measured_with() -> None:
    """A digest of whole-number arithmetic on Philox words: other bits would be other music for the same seed."""
    first = torch.view_as_real(complex_noise(1, 70, 1, 2)).flatten().tolist()
    assert first == pytest.approx(STREAM, abs=1e-6)


def test_noise_is_white_and_nearly_normal() -> None:
    noise = complex_noise(7, 0, 2000, 33).numpy()
    assert np.abs(noise.mean()) < 0.02 and np.mean(np.abs(noise) ** 2) == pytest.approx(1.0, abs=0.02)
    assert np.abs(np.mean(noise[1:] * noise[:-1].conj())) < 0.02 and np.abs(np.mean(noise[:, 1:] * noise[:, :-1].conj())) < 0.02
    kurtosis = np.mean(noise.real**4) / np.mean(noise.real**2) ** 2
    assert kurtosis == pytest.approx(2.7, abs=0.1)  # of four uniform numbers; 3 for a normal one


def test_decoding_in_windows_equals_decoding_whole() -> None:
    codec, z = noisy(), latents(400)
    with torch.no_grad():
        whole = codec.decode(z, seed=4)
        codec.max_frames = 64
        assert torch.allclose(codec.decode(z, seed=4), whole, atol=1e-5 * float(whole.abs().max()))
        context, start, end = codec.context_frames, 150, 200
        window = codec.decode(z[:, :, start - context : end + context], seed=4, first_frame=start - context)
    hop, near = codec.hop_length, 1e-5 * float(whole.abs().max())
    assert torch.allclose(window[..., context * hop : -context * hop], whole[..., start * hop : end * hop], atol=near)


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_noise() -> None:
    codec, z = noisy(), latents(50)
    with torch.no_grad():
        first, again, other = codec.decode(z, seed=1), codec.decode(z, seed=1), codec.decode(z, seed=2)
        together = codec.decode(z.expand(2, -1, -1), seed=1)
        assert torch.equal(codec.decode(z), codec.decode(z, seed=0))
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=1e-3 * float(first.abs().max()))
    assert torch.allclose(together[1], first[0], atol=1e-5 * float(first.abs().max()))


def test_a_head_whose_noise_is_very_quiet_does_what_the_one_without_does() -> None:
    codec, z = with_sound_parts(tiny.codec(), replace(FRAME_NOISE, initial=-40.0), FineGainConfig()), latents(20)
    with torch.no_grad():
        plain = tiny.codec().decode(z)
        assert torch.allclose(codec.decode(z), plain, atol=1e-6 * float(plain.abs().max()))


def test_a_file_from_before_there_was_noise_loads_and_gives_the_same_bits(tmp_path) -> None:
    codec, z = tiny.codec(), latents(20)
    had = {field.name: getattr(codec.config, field.name) for field in fields(codec.config) if field.name != "noise"}
    save_model(tmp_path / "old.safetensors", codec, make_dataclass("Before", had)(**had), storage="float32")
    loaded = load_model(tmp_path / "old.safetensors", expected="spectral-codec")
    assert isinstance(loaded, SpectralCodec) and loaded.config == codec.config and loaded.config.noise.bands == 0
    with torch.no_grad():
        assert torch.equal(loaded.decode(z), codec.decode(z, seed=9))


def test_a_codec_with_noise_survives_a_file(tmp_path) -> None:
    codec, z = noisy(), latents(20)
    save_model(tmp_path / "codec.safetensors", codec, codec.config, storage="float32")
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "codec.safetensors").decode(z, seed=2), codec.decode(z, seed=2))  # type: ignore[operator]


def test_slots_let_noise_begin_within_a_frame() -> None:
    config = SpectralCodecConfig(n_mels=20)
    weights = slot_interpolation(config.n_fft, 8)
    assert weights.shape == (8, 1024) and torch.allclose(weights.sum(dim=0), torch.ones(1024))
    assert float(weights[2, 2 * 128 + 63]) == pytest.approx(1.0, abs=0.01)
    bands = band_interpolation(config.sample_rate, config.n_fft, 16)
    assert bands.shape == (16, 513) and torch.allclose(bands.sum(dim=0), torch.ones(513), atol=1e-5)
    assert float(bands[0, 0]) == 1.0 and float(bands[15, 512]) == 1.0


def test_draws_differ_from_each_other_and_teach_every_part_of_the_decoder() -> None:
    codec = noisy().train().requires_grad_(True)
    first, second = codec.draws(latents(12), 2)
    assert not torch.equal(first, second)
    first.square().mean().backward()
    for name, parameter in codec.named_parameters():
        if name.startswith("decoder"):
            assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, name


def test_draws_without_noise_are_the_same() -> None:
    first, second = tiny.codec().draws(latents(12), 2)
    assert torch.equal(first, second)
