"""TV-L1 flow: shifts are found, edges stay, and its differences and divergence belong together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dance2music.perception.tv_l1 import TvL1Config, _divergence, _forward, tv_l1

QUICK = TvL1Config(iterations=20)
pytestmark = pytest.mark.usefixtures("one_thread")


def texture(height: int, width: int, seed: int = 0) -> Tensor:
    noise = torch.rand(1, 1, height // 4, width // 4, generator=torch.Generator().manual_seed(seed)) * 255
    return torch.nn.functional.interpolate(noise, (height, width), mode="bicubic", align_corners=False).clamp(0, 255)


@pytest.mark.parametrize(("x", "y"), [(3, 0), (0, -2), (5, 4)])
def test_a_shift_of_the_whole_picture_is_found(x: int, y: int) -> None:
    big = texture(96, 128)
    before, after = big[..., 16:80, 16:112], big[..., 16 - y : 80 - y, 16 - x : 112 - x]
    flow = tv_l1(before, after, QUICK)[0, :, 12:-12, 12:-12]
    assert flow[0].median().item() == pytest.approx(x, abs=0.1)
    assert flow[1].median().item() == pytest.approx(y, abs=0.1)


def test_a_thing_that_moves_over_a_ground_that_does_not_has_a_sharp_edge() -> None:
    before, after = texture(64, 96), texture(64, 96)
    thing = texture(24, 24, seed=1)
    before[..., 20:44, 30:54], after[..., 20:44, 33:57] = thing, thing
    flow = tv_l1(before, after, QUICK)[0, 0]
    assert flow[24:40, 36:50].median().item() == pytest.approx(3.0, abs=0.3)
    assert flow[:12].abs().median().item() < 0.1 and flow[52:].abs().median().item() < 0.1


def test_nothing_moves_between_equal_pictures() -> None:
    same = texture(48, 64)
    assert tv_l1(same, same, QUICK).abs().max().item() < 1e-4


def test_the_divergence_is_the_negative_adjoint_of_the_differences() -> None:
    draw = torch.Generator().manual_seed(3)
    flow, dual = torch.randn(1, 2, 7, 9, generator=draw), torch.randn(1, 2, 2, 7, 9, generator=draw)
    assert (_forward(flow) * dual).sum().item() == pytest.approx(-(flow * _divergence(dual)).sum().item(), rel=1e-4)
