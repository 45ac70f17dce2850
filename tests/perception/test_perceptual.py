from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import tiny
from dance2music import losses
from dance2music.codec.embedded import embedded_codec
from dance2music.codec.lookup import straight_through
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.perception.perceptual import PerceptualConfig, PerceptualNet, embedded_perceptual
from dance2music.perception.soundnet import SoundNet, SoundNetConfig
from dance2music.seeds import HELD_OUT_PIECES
from dance2music.train.pieces import composed_piece

RATE = 22_050


def piece(number: int) -> Tensor:
    return torch.from_numpy(composed_piece(HELD_OUT_PIECES + number, 2.0, RATE))[None, None] * 0.5


def nets() -> list[PerceptualNet | SoundNet]:
    torch.manual_seed(0)
    found: list[PerceptualNet | SoundNet] = [PerceptualNet(PerceptualConfig(compared=(0, 2))), SoundNet(SoundNetConfig(compared=(2, 5)))]
    return [net.eval().requires_grad_(False) for net in found]


def vqvae() -> VQVAE:
    torch.manual_seed(0)
    model = VQVAE(VQVAEConfig(levels=(1,), level=1, width=4, depth=1, dim=tiny.LATENT_DIM, codebook_size=16))
    model.bottleneck.level_blocks["1"].k.normal_()
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("codec", [tiny.codec(), vqvae()], ids=["spectral", "vqvae"])
@pytest.mark.parametrize("which", [0, 1], ids=["embedded", "soundnet"])
def test_the_perceptual_loss_moves_the_generator_through_the_lookup_and_the_frozen_decoder(codec, which: int) -> None:  # type: ignore[no-untyped-def]
    net = nets()[which]
    latents = torch.randn(1, tiny.LATENT_DIM, 22_016 // codec.hop_length, requires_grad=True)
    heard = codec.decode(straight_through(latents, codec))
    reference = 0.1 * torch.randn(1, 1, heard.shape[-1])
    loss = losses.perceptual(net.features(reference), net.features(heard))
    (gradient,) = torch.autograd.grad(loss, latents)
    assert torch.isfinite(gradient).all()
    assert int((gradient.abs().sum(dim=1) > 0).sum()) > 0.9 * latents.shape[-1], "some moments of the music get no gradient"
    step = latents.detach() - 1e-3 * gradient / gradient.norm()
    assert step.shape == latents.shape and not any(p.requires_grad for p in [*net.parameters(), *codec.parameters()])


def test_descending_the_perceptual_loss_brings_a_sound_nearer() -> None:
    net = nets()[0]
    torch.manual_seed(1)
    target = net.features(0.1 * torch.randn(1, 1, 8192))
    sound = (0.01 * torch.randn(1, 1, 8192)).requires_grad_()
    optimizer = torch.optim.Adam([sound], 3e-3)
    seen = []
    for _ in range(12):
        loss = losses.perceptual(target, net.features(sound))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(float(loss))
    assert seen[-1] < 0.6 * seen[0]


def test_features_halve_their_pace_from_layer_to_layer_and_silence_has_a_gradient() -> None:
    net = nets()[0]
    silence = torch.zeros(1, 1, 2 * RATE, requires_grad=True)
    features = PerceptualNet.features(net, silence)  # type: ignore[arg-type]
    assert [list(f.shape) for f in features] == [[1, 64, 173], [1, 128, 44]]
    (gradient,) = torch.autograd.grad(features[1].sum(), silence)
    assert torch.isfinite(gradient).all()


def test_the_embedded_network_hears_a_codec_as_near_and_another_piece_as_far() -> None:
    net, codec = embedded_perceptual(), embedded_codec()
    assert not any(p.requires_grad for p in net.parameters()) and not net.training
    for number in (3, 31):
        sound = piece(number)
        with torch.no_grad():
            coded = codec.decode(codec.lookup(codec.quantize(codec.encode(sound)).codes), sound.shape[-1])
            reference = net.features(sound)
            near, late, other = (
                float(losses.perceptual(reference, net.features(x))) for x in (coded, torch.roll(sound, RATE // 20, -1), piece(number + 17))
            )
        assert near < 0.2 * late < 0.2 * other


def test_the_embedded_network_tells_genres_tempi_and_roles_of_held_out_music_better_than_chance() -> None:
    from dance2music.recipe.perceptual import labels_of_piece

    net, right, off, n = embedded_perceptual(), 0, [], 20
    for number in range(0, 3 * n, 3):
        seed = HELD_OUT_PIECES + number
        labels = labels_of_piece(seed, 3.0)
        with torch.no_grad():
            heard = net(torch.from_numpy(composed_piece(seed, 3.0, RATE))[None, None])
        right += int(heard.genre.argmax()) == labels.genre
        off.append(abs(float(heard.tempo_octaves) - labels.tempo_octaves))
    assert right >= 0.35 * n and float(np.median(off)) < np.log2(1.06)


def test_a_config_says_which_layers_are_compared() -> None:
    config = replace(PerceptualConfig(), compared=(1,))
    assert len(PerceptualNet(config).features(torch.zeros(1, 1, 4096))) == 1
