"""The performer: finite receptive field, silent roles, gradients, and coarse-to-fine choice."""

from __future__ import annotations

import torch

import tiny
from dance2music.methods.performer import Performer, PerformerConfig
from dance2music.methods.roll import N_DRUM_CHANNELS, N_PITCH_CHANNELS

SMALL = PerformerConfig(
    latent_dim=8,
    n_codebooks=3,
    codebook_size=16,
    role_channels=12,
    role_dilations=(1, 2),
    trunk_channels=20,
    trunk_dilations=(1, 2),
    classify=True,
)


def performer() -> Performer:
    torch.manual_seed(0)
    model = Performer(SMALL).eval()
    assert model.codes is not None
    model.codes.get_buffer("tables").copy_(torch.randn(3, 16, 8))
    return model


def rolls(frames: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        "drums": torch.rand(1, N_DRUM_CHANNELS, frames),
        "pitched": torch.rand(1, 4, N_PITCH_CHANNELS, frames),
        "programs": torch.tensor([[0, 1, 2, 3]]),
        "sound": torch.tensor([0]),
        "genre": torch.tensor([4]),
        "sketch": torch.randn(1, 8, frames),
    }


def test_windows_with_the_receptive_margin_agree_with_the_whole() -> None:
    model, given = performer(), rolls(200)
    margin = model.receptive_frames
    whole = model.features(**given)
    window = slice(100 - margin, 120 + margin)
    cut = {**given, **{name: given[name][..., window] for name in ("drums", "pitched", "sketch")}}
    part = model.features(**cut)[:, margin : margin + 20]
    torch.testing.assert_close(part, whole[:, 100:120], atol=1e-5, rtol=1e-4)


def test_a_silent_role_adds_nothing_whatever_its_instrument() -> None:
    model, given = performer(), rolls(40)
    given["pitched"][:, 2] = 0
    other = {**given, "programs": torch.tensor([[0, 1, 9, 3]])}
    torch.testing.assert_close(model.features(**given), model.features(**other))


def test_the_choice_is_what_the_teacher_forced_heads_rank_first() -> None:
    model = performer()
    assert model.codes is not None
    features = model.features(**rolls(30))
    codes = model.codes.choose(features)
    assert codes.shape == (1, 3, 30)
    torch.testing.assert_close(model.codes(features, codes).argmax(dim=-1), codes)


def test_regressed_latents_have_mean_square_one_per_frame() -> None:
    model = performer()
    latents = model.regress(model.features(**rolls(30)))
    assert latents.shape == (1, 8, 30)
    torch.testing.assert_close(latents.square().mean(dim=1), torch.ones(1, 30), atol=1e-2, rtol=1e-2)


def test_losses_reach_every_parameter() -> None:
    model = performer().train()
    assert model.codes is not None
    features = model.features(**rolls(30))
    loss = model.codes(features, torch.randint(0, 16, (1, 3, 30))).square().mean() + model.regress(features)[0, 0].sum()
    loss.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_it_chooses_among_the_first_codebooks_of_a_codec_that_has_more() -> None:
    config = PerformerConfig(
        latent_dim=tiny.LATENT_DIM, n_codebooks=1, codebook_size=tiny.CODEBOOK_SIZE, role_channels=8, role_dilations=(1,), trunk_channels=8,
        trunk_dilations=(1,), classify=True, sketch=False,
    )  # fmt: skip
    model = Performer(config).eval()
    assert model.codes is not None
    model.codes.attach(tiny.codec())
    assert torch.equal(model.codes.get_buffer("tables")[0], tiny.codec().quantizer.codebooks[0].get_buffer("k"))
    given = {name: value for name, value in rolls(20).items() if name != "sketch"}
    codes = model.codes.choose(model.features(**given))
    assert codes.shape == (1, 1, 20) and tiny.codec().lookup(codes).shape == (1, tiny.LATENT_DIM, 20)
