"""How the any-length generators begin: what the dance does over time must reach the latents, or a quantiser hears one code for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import tiny
from dance2music.papers.d2m_gan_any_length import TemporalD2MGan, TemporalD2MGanConfig, seen_by
from dance2music.papers.gan_step import build_network
from dance2music.papers.trainings import GAN_TRAININGS
from dance2music.rhythm.clock import CLOCK_FEATURES

CONFIG = TemporalD2MGanConfig(
    motion=4, visual=2, latent_dim=8, channels=32, visual_channels=8, genre_dim=4, doublings=2, kernel_size=9, dilations=(1, 3, 9),
    sigma=5.0, standardize=True,
)  # fmt: skip
FRAMES, PACE = 30, 4
PERIOD_FRAMES = 6


class Codes:
    """A codebook of 16 entries; a code's first number is how loud it sounds."""

    def __init__(self) -> None:
        self.entries = torch.randn(16, CONFIG.latent_dim)

    def codes(self, z: Tensor) -> Tensor:
        return torch.cdist(z.transpose(1, 2), self.entries).argmin(-1)

    def lookup(self, codes: Tensor) -> Tensor:
        return self.entries[codes].transpose(1, 2)


def dance(batch: int) -> tuple[Tensor, Tensor]:
    """Motion whose first feature jumps at a beat, as small beside its mean as real features are; and whether there is a beat [B, T]."""
    beat = (torch.arange(FRAMES) % PERIOD_FRAMES == torch.randint(PERIOD_FRAMES, (batch, 1))).float()
    motion = 0.5 + 0.15 * torch.randn(batch, FRAMES, CONFIG.motion)
    motion[..., 0] = 0.5 + 0.3 * beat
    return motion, beat


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_generator_learns_to_be_loud_on_the_beat_through_a_lookup_and_uses_more_than_one_code(seed: int) -> None:
    torch.manual_seed(seed)
    model, codebook, nothing = TemporalD2MGan(CONFIG), Codes(), torch.zeros(4, dtype=torch.long)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, betas=(0.5, 0.9))
    for _ in range(30):
        motion, beat = dance(4)
        z = model(motion, torch.zeros(4, 1, CONFIG.visual), nothing, n_frames=PACE * FRAMES)
        entries = codebook.lookup(codebook.codes(z))
        loud = (z + (entries - z).detach())[:, 0]
        loss = F.smooth_l1_loss(loud, 2 * beat.repeat_interleave(PACE, dim=1) - 0.5) + 0.2 * z.abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert len(codebook.codes(z).unique()) > 1
    on_beat = beat.repeat_interleave(PACE, dim=1) > 0
    heard = codebook.lookup(codebook.codes(z))[:, 0]
    assert float(heard[on_beat].mean()) > float(heard[~on_beat].mean()) + 0.5


@pytest.mark.parametrize("name", [name for name in GAN_TRAININGS if name.endswith("embedded")])
def test_a_new_generators_latents_change_over_time_with_the_dance(name: str) -> None:
    torch.manual_seed(0)
    config = GAN_TRAININGS[name].generator
    draw = torch.Generator().manual_seed(1)
    motion = 0.5 + 0.15 * torch.randn(4, 60, 80, generator=draw)  # the size and the changes of motion features of composed dances
    z = build_network(config)(motion, torch.zeros(4, 60, 5), torch.zeros(4, dtype=torch.long), n_frames=344)
    assert 0.1 < float(z.std(dim=-1).mean()) < 3.0


def test_standardised_motion_is_deaf_to_its_mean_and_scale_but_not_to_stillness() -> None:
    torch.manual_seed(0)
    model = TemporalD2MGan(CONFIG)
    motion = dance(2)[0]
    given = torch.zeros(2, 1, CONFIG.visual), torch.zeros(2, dtype=torch.long)
    plain = model(motion, *given, n_frames=60)
    assert torch.allclose(model(10 * motion + 3, *given, n_frames=60), plain, atol=0.2)
    still = torch.full_like(motion, 0.7)
    assert float(model(still, *given, n_frames=60).std(dim=-1).mean()) < 0.3 * float(plain.std(dim=-1).mean())
    as_it_is = TemporalD2MGan(replace(CONFIG, standardize=False))
    assert not torch.allclose(as_it_is(10 * motion + 3, *given, n_frames=60), as_it_is(motion, *given, n_frames=60), atol=0.2)


def test_a_network_with_a_clock_hears_the_beats_and_not_the_pictures() -> None:
    config = TemporalD2MGanConfig(visual=CLOCK_FEATURES, clock=True)
    dance = tiny.conditioning()
    clock = seen_by(config, dance)
    assert clock.shape == (360, CLOCK_FEATURES)
    assert torch.equal(seen_by(config, replace(dance, visual=dance.visual + 1)), clock)
    later = replace(dance.rhythm, beat_times_seconds=dance.rhythm.beat_times_seconds + 0.1)
    assert not torch.equal(seen_by(config, replace(dance, rhythm=later)), clock)
    assert seen_by(replace(config, clock=False), dance) is dance.visual
