"""The performer: finite receptive field, silent roles, gradients, and coarse-to-fine choice."""

from __future__ import annotations

import torch

from dance2music.models.performer import Performer, PerformerConfig
from dance2music.music.roll import N_DRUM_CHANNELS, N_PITCH_CHANNELS

SMALL = PerformerConfig(
    latent_dim=8, n_codebooks=3, codebook_size=16, role_channels=12, role_dilations=(1, 2), trunk_channels=20, trunk_dilations=(1, 2)
)


def performer() -> Performer:
    torch.manual_seed(0)
    model = Performer(SMALL).eval()
    model.attach(torch.randn(3, 16, 8))
    return model


def rolls(frames: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        "drums": torch.rand(1, N_DRUM_CHANNELS, frames),
        "pitched": torch.rand(1, 4, N_PITCH_CHANNELS, frames),
        "programs": torch.tensor([[0, 1, 2, 3]]),
        "sound": torch.tensor([0]),
        "genre": torch.tensor([4]),
    }


def test_windows_with_the_receptive_margin_agree_with_the_whole() -> None:
    model, given = performer(), rolls(200)
    margin = model.receptive_frames
    whole = model.trunk_features(**given)
    cut = {**given, "drums": given["drums"][..., 100 - margin : 120 + margin], "pitched": given["pitched"][..., 100 - margin : 120 + margin]}
    part = model.trunk_features(**cut)[:, margin : margin + 20]
    torch.testing.assert_close(part, whole[:, 100:120], atol=1e-5, rtol=1e-4)


def test_a_silent_role_adds_nothing_whatever_its_instrument() -> None:
    model, given = performer(), rolls(40)
    given["pitched"][:, 2] = 0
    other = {**given, "programs": torch.tensor([[0, 1, 9, 3]])}
    torch.testing.assert_close(model.trunk_features(**given), model.trunk_features(**other))


def test_the_choice_is_what_the_teacher_forced_heads_rank_first() -> None:
    model = performer()
    features = model.trunk_features(**rolls(30))
    codes = model.choose(features)
    logits, latents = model(features, codes)
    assert codes.shape == (1, 3, 30) and latents.shape == (1, 8, 30)
    torch.testing.assert_close(logits.argmax(dim=-1), codes)


def test_losses_reach_every_parameter() -> None:
    model = performer().train()
    logits, latents = model(model.trunk_features(**rolls(30)), torch.randint(0, 16, (1, 3, 30)))
    (logits.square().mean() + latents.square().mean()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
