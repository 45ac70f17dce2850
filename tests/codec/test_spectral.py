from __future__ import annotations

import re

import pytest
import torch

from dance2music.codec.quantizer import CodebookConfig, ResidualQuantizerConfig
from dance2music.codec.spectral import SpectralCodec, SpectralCodecConfig, grown
from dance2music.errors import InputError

TINY = SpectralCodecConfig(
    dim=8, encoder_width=16, encoder_depth=2, decoder_width=16, decoder_depth=2, n_mels=20,
    quantizer=ResidualQuantizerConfig(n_codebooks=3, codebook=CodebookConfig(size=32, dim=8)),
)  # fmt: skip


def tiny() -> SpectralCodec:
    torch.manual_seed(0)
    codec = SpectralCodec(TINY).train()
    with torch.no_grad():
        codec(torch.randn(2, 1, 20_000) * 0.1)
    return codec.eval()


@pytest.mark.parametrize("n_samples", [1, 255, 256, 257, 22_050])
def test_any_length_gives_one_frame_per_hop_and_the_same_length_back(n_samples: int) -> None:
    codec = tiny()
    audio = torch.randn(2, 1, n_samples) * 0.1
    with torch.no_grad():
        z_e = codec.encode(audio)
        quantized = codec.quantize(z_e)
        back = codec.decode(quantized.z, n_samples)
    frames = -(-n_samples // 256)
    assert z_e.shape == (2, 8, frames) and quantized.codes.shape == (2, 3, frames)
    assert back.shape == (2, 1, n_samples) and bool(torch.isfinite(back).all())


def test_stereo_or_audio_without_channels_is_refused() -> None:
    codec = tiny()
    for shape in ([8000], [1, 8000], [1, 2, 8000]):
        with pytest.raises(InputError, match=rf"audio: shape {re.escape(str(shape))}; this codec expected \[batch, 1 channel, samples\]"):
            codec.encode(torch.zeros(shape))
        with pytest.raises(InputError, match="mix the channels down"):
            codec(torch.zeros(shape))


def test_chunks_give_the_same_result_as_the_whole() -> None:
    codec = tiny()
    audio = torch.randn(1, 1, 256 * 400 + 77) * 0.1
    with torch.no_grad():
        z_e = codec.encode(audio)
        z = codec.quantize(z_e).z
        back = codec.decode(z)
        codec.max_frames = 64
        assert torch.allclose(codec.encode(audio), z_e, atol=1e-5)
        assert torch.allclose(codec.decode(z), back, atol=1e-5 * float(back.abs().max()))


def test_context_frames_is_enough_and_not_wasteful() -> None:
    codec = tiny()
    z = torch.randn(1, 8, 200)
    changed = z.clone()
    changed[:, :, 100] += 1.0
    with torch.no_grad():
        difference = (codec.decode(z) - codec.decode(changed)).abs().view(200, 256).amax(dim=1)
    touched = difference.nonzero().flatten()
    reach = max(100 - int(touched.min()), int(touched.max()) - 100)
    assert 0.5 * codec.context_frames < reach <= codec.context_frames


def test_ten_minutes_decode_in_pieces_of_bounded_size() -> None:
    codec = tiny()
    sizes = []
    head = codec._head
    codec._head = lambda z: (sizes.append(z.shape[-1]), head(z))[1]  # type: ignore[method-assign]
    frames = 10 * 60 * 22_050 // 256
    with torch.no_grad():
        audio = codec.decode(torch.randn(1, 8, frames))
    assert audio.shape == (1, 1, frames * 256)
    assert max(sizes) <= codec.max_frames + 2 * codec.context_frames


def test_latent_frames_have_mean_square_one() -> None:
    with torch.no_grad():
        z_e = tiny().encode(torch.randn(2, 1, 8000) * torch.tensor([[[0.001]], [[0.9]]]))
    assert torch.allclose(z_e.square().mean(dim=1), torch.ones(2, z_e.shape[-1]), atol=1e-2)


def test_decode_of_looked_up_codes_is_decode_of_the_quantised_latents() -> None:
    codec = tiny()
    with torch.no_grad():
        quantized = codec.quantize(codec.encode(torch.randn(1, 1, 8000) * 0.1))
        assert torch.allclose(codec.decode(codec.lookup(quantized.codes)), codec.decode(quantized.z), atol=1e-5)
    with pytest.raises(InputError, match="codes"):
        codec.lookup(quantized.codes + 32)


def test_the_decoder_passes_gradients_to_the_latents_and_the_encoder_gets_them_through_the_quantiser() -> None:
    codec = tiny().train()
    estimate, quantized = codec(torch.randn(2, 1, 8192) * 0.1)
    (estimate.square().mean() + quantized.commitment).backward()
    for name, parameter in codec.named_parameters():
        assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, name


def test_digital_silence_and_full_scale_stay_finite() -> None:
    codec = tiny()
    with torch.no_grad():
        for audio in (torch.zeros(1, 1, 5000), torch.ones(1, 1, 5000)):
            assert bool(torch.isfinite(codec.decode(codec.quantize(codec.encode(audio)).z)).all())


def test_a_grown_codec_does_the_same_until_it_learns_and_every_part_can_learn() -> None:
    codec = tiny()
    larger = grown(codec, n_codebooks=5, decoder_depth=4, dropout=0.0)
    audio = torch.randn(1, 1, 8000) * 0.1
    with torch.no_grad():
        before, after = (model.quantize(model.encode(audio)) for model in (codec, larger))
        assert after.codes.shape[1] == 5 and torch.equal(after.codes[:, :3], before.codes)
        assert torch.equal(larger.decode(larger.lookup(before.codes)), codec.decode(codec.lookup(before.codes)))
        assert torch.equal(larger.decode(after.z), codec.decode(before.z))
    assert all(torch.equal(value, larger.state_dict()[name]) for name, value in codec.state_dict().items())
    larger.train()(audio)[0].square().mean().backward()
    moved = [name for name, p in larger.named_parameters() if p.grad is not None and float(p.grad.abs().max()) > 0]
    assert {"decoder_trunk.2.narrow.weight", "decoder_trunk.3.narrow.weight"} <= set(moved)


def test_frozen_codes_stay_while_the_decoder_gets_gradients() -> None:
    codec = tiny().train()
    codec.freeze_codes()
    before = {name: value.clone() for name, value in codec.state_dict().items()}
    codec(torch.randn(2, 1, 8192) * 0.1)[0].square().mean().backward()
    assert all(torch.equal(value, before[name]) for name, value in codec.state_dict().items())
    for name, parameter in codec.named_parameters():
        assert (parameter.grad is None) == name.startswith("encoder"), name
