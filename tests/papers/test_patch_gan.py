from __future__ import annotations

import pytest
import torch

from dance2music import losses
from dance2music.papers.patch_gan import PatchGan, PatchGanConfig


def model() -> PatchGan:
    torch.manual_seed(0)
    return PatchGan(PatchGanConfig(latent_dim=8, channels=(8, 8, 8, 8)))


@pytest.mark.parametrize(("frames", "patches"), [(344, 41), (1378, 170)])
def test_the_map_of_logits_has_one_entry_per_patch_of_time(frames: int, patches: int) -> None:
    (scale,) = model()(torch.randn(2, 8, frames))
    assert len(scale) == 5 and scale[-1].shape == (2, 1, patches)


def test_a_logit_sees_its_own_patch_only() -> None:
    z = torch.randn(1, 8, 344, requires_grad=True)
    logits = model()(z)[0][-1][0, 0]
    (seen,) = torch.autograd.grad(logits[20], z)
    frames = torch.nonzero(seen.abs().sum(dim=(0, 1)))[:, 0]
    assert int(frames[-1] - frames[0]) + 1 == PatchGanConfig().patch_frames == 70


def test_logits_are_not_squashed_and_train_by_the_logarithmic_objective() -> None:
    net = model()
    real, fake = torch.randn(2, 8, 64) + 2.0, torch.randn(2, 8, 64) - 2.0
    optimizer = torch.optim.Adam(net.parameters(), 5e-3, betas=(0.5, 0.9))
    first = last = 0.0
    for step in range(25):
        loss = losses.discriminator_logarithmic(net(real), net(fake))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = (float(loss) if step == 0 else first), float(loss)
    assert last < 0.4 * first
    assert float(net(real)[0][-1].max()) > 0.0
    assert float(losses.feature_matching(net(real), net(fake))) > 0
