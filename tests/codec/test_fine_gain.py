"""Fine gains: nothing at zero, an edge where an inverse STFT has none, bands that add up, chunks that join."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from dance2music.checkpoint import load_model, save_model
from dance2music.codec.fine_gain import FineGainConfig, apply_fine_gains, band_filters, cut_bands
from dance2music.codec.spectral import NoiseConfig, SpectralCodec

RATE = 22050
CONFIG = FineGainConfig(edges_hz=(2000.0, 5000.0), slots=16)


def tone(hz: float, n: int = 256 * 40) -> torch.Tensor:
    return torch.sin(2 * np.pi * hz / RATE * torch.arange(n))[None]


def with_gains(*, trained: bool) -> SpectralCodec:
    """A codec of noise and fine gains, whose gains are zero unless they are ``trained``."""
    config = dataclasses.replace(tiny.codec().config, noise=NoiseConfig(bands=10, slots=4), fine_gain=CONFIG)
    torch.manual_seed(0)
    codec = SpectralCodec(config)
    with torch.no_grad():
        codec.decoder_out.weight.mul_(0.5)
        if trained:
            codec.decoder_gain.weight.normal_(0.0, 0.3)
    return codec.eval()


def test_gains_of_zero_leave_every_bit() -> None:
    audio = torch.randn(2, 256 * 30)
    assert torch.equal(apply_fine_gains(audio, torch.zeros(2, 30, 32), RATE, CONFIG), audio)


def test_a_codec_with_gains_of_zero_has_the_bits_of_one_without() -> None:
    codec = with_gains(trained=False)
    plain = SpectralCodec(dataclasses.replace(codec.config, fine_gain=FineGainConfig())).eval()
    plain.load_state_dict({name: value for name, value in codec.state_dict().items() if not name.startswith("decoder_gain")})
    z = torch.randn(1, codec.dim, 40)
    with torch.no_grad():
        assert torch.equal(codec.decode(z, seed=3), plain.decode(z, seed=3))


@pytest.mark.parametrize(("hz", "band"), [(3500.0, 0), (8000.0, 1)])
def test_each_band_has_its_own_gain(hz: float, band: int) -> None:
    log_gains = torch.zeros(1, 40, 2, 16)
    log_gains[:, :, band] = np.log(0.5)
    audio, middle = tone(hz), slice(1000, -1000)
    quieter = apply_fine_gains(audio, log_gains.flatten(2), RATE, CONFIG)
    assert torch.allclose(quieter[:, middle], 0.5 * audio[:, middle], atol=0.01)
    other = apply_fine_gains(audio, log_gains.flip(2).flatten(2), RATE, CONFIG)
    assert torch.allclose(other[:, middle], audio[:, middle], atol=0.01)
    low = tone(500.0)
    assert torch.allclose(apply_fine_gains(low, log_gains.flatten(2), RATE, CONFIG)[:, middle], low[:, middle], atol=0.01)


def test_bands_are_those_of_the_filters_and_add_up() -> None:
    audio = torch.randn(2, 5000)
    filters = band_filters(RATE, CONFIG.edges_hz)
    plain = torch.nn.functional.conv1d(audio[:, None], filters[:, None], padding=filters.shape[-1] // 2)
    bands = cut_bands(audio, RATE, CONFIG.edges_hz)
    assert torch.equal(filters, filters.flip(-1)) and torch.allclose(bands, plain, atol=1e-5)
    assert torch.allclose(bands.sum(dim=1), cut_bands(audio, RATE, CONFIG.edges_hz[:1])[:, 0], atol=1e-5)


def test_a_gain_begins_within_two_slots() -> None:
    log_gains = torch.full((1, 40, 2, 16), -6.0)
    log_gains[:, 20:] = 0.0
    loud = apply_fine_gains(tone(8000.0), log_gains.flatten(2), RATE, CONFIG)[0].abs()
    assert float(loud[256 * 20 - 64 : 256 * 20 - 32].max()) < 0.02 and float(loud[256 * 20 + 32 : 256 * 20 + 64].max()) > 0.9


def test_chunks_join_with_gains_and_noise() -> None:
    codec = with_gains(trained=True)
    z = torch.randn(1, codec.dim, 300)
    with torch.no_grad():
        whole = codec.decode(z, seed=5)
        codec.max_frames = 64
        assert torch.allclose(codec.decode(z, seed=5), whole, atol=1e-5 * float(whole.abs().max()))
        assert not torch.allclose(codec.decode(z, seed=6), whole, atol=1e-3 * float(whole.abs().max()))


def test_everything_the_gains_hang_on_gets_a_gradient() -> None:
    codec = with_gains(trained=True).train()
    codec.draws(torch.randn(2, codec.dim, 30), 1)[0].square().mean().backward()
    for name, parameter in codec.named_parameters():
        if name.startswith(("decoder_gain", "decoder_trunk", "decoder_out")):
            assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, name


def test_a_file_from_before_there_were_gains_loads_and_gives_the_same_bits(tmp_path: Path) -> None:
    codec, z = tiny.codec(), torch.randn(1, tiny.codec().dim, 20)
    had = {field.name: getattr(codec.config, field.name) for field in dataclasses.fields(codec.config) if field.name != "fine_gain"}
    save_model(tmp_path / "old.safetensors", codec, dataclasses.make_dataclass("Before", had)(**had), storage="float32")
    loaded = load_model(tmp_path / "old.safetensors", expected="spectral-codec")
    assert isinstance(loaded, SpectralCodec) and loaded.config == codec.config and loaded.config.fine_gain.outputs == 0
    with torch.no_grad():
        assert torch.equal(loaded.decode(z), codec.decode(z))


def test_a_codec_with_gains_survives_a_file(tmp_path: Path) -> None:
    codec, z = with_gains(trained=True), torch.randn(1, tiny.codec().dim, 20)
    save_model(tmp_path / "codec.safetensors", codec, codec.config, storage="float32")
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "codec.safetensors").decode(z, seed=2), codec.decode(z, seed=2))  # type: ignore[operator]
