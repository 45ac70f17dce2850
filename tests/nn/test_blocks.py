from __future__ import annotations

import torch
from torch.nn import functional as F

from dance2music.nn.blocks import ConvNeXtBlock


def test_a_block_is_its_input_and_a_scaled_network_of_it() -> None:
    torch.manual_seed(0)
    block, x = (
        ConvNeXtBlock(6, kernel_size=5, dilation=2, expansion=4, scale=0.3, approximate="tanh", names=("widen", "narrow")),
        torch.randn(2, 6, 9),
    )
    expand, project = block.get_submodule("widen"), block.get_submodule("narrow")
    hidden = F.gelu(expand(block.norm(block.depthwise(x).transpose(1, 2))), approximate="tanh")
    assert torch.allclose(block(x), x + 0.3 * project(hidden).transpose(1, 2), atol=1e-6)
    assert {name.partition(".")[0] for name in block.state_dict()} == {"depthwise", "norm", "widen", "narrow", "scale"}


def test_a_condition_scales_and_shifts_and_one_item_does_not_touch_another() -> None:
    torch.manual_seed(0)
    block, x, condition = ConvNeXtBlock(6, condition_dim=3), torch.randn(2, 6, 9), torch.randn(2, 3)
    other = condition.clone()
    other[1] += 1.0
    assert torch.equal(block(x, condition)[0], block(x, other)[0])
    assert not torch.allclose(block(x, condition)[1], block(x, other)[1])
    assert block(x, condition).shape == x.shape
