"""The residual block with fewer multiplications: in full precision the same as the plain one, in half as good as its rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dance2music.nn.conv_stack import ResidualBlock, _tensors, fold_weight_norm
from dance2music.nn.convolution import SLOPE
from dance2music.nn.residual_points import FEWEST_CHANNELS, ResidualAtPoints, residual, weights_at_points


def by_points(block: ResidualBlock, x: Tensor) -> Tensor:
    first, last = block.block[2], block.block[4]
    return residual(x, _tensors(block.shortcut), _tensors(first), _tensors(last), first.dilation[0], SLOPE)  # type: ignore[arg-type]


@pytest.mark.parametrize(("dilation", "n"), [(1, 2), (1, 9), (3, 24), (3, 25), (9, 10), (9, 83)])
def test_values_at_points_are_the_same_block_with_the_same_gradients(dilation: int, n: int) -> None:
    torch.manual_seed(0)
    block, x = ResidualBlock(5, dilation).double(), torch.randn(2, 5, n, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 5, n, dtype=torch.float64)
    torch.testing.assert_close(by_points(block, x), block(x), rtol=1e-5, atol=1e-5)  # the weights at the points are float32
    inputs = [x, *block.parameters()]
    ours = torch.autograd.grad((by_points(block, x) * weight).sum(), inputs)
    for a, b in zip(ours, torch.autograd.grad((block(x) * weight).sum(), inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_a_wide_block_under_autocast_goes_by_points_and_rounds_as_little() -> None:
    torch.manual_seed(0)
    block, x = ResidualBlock(FEWEST_CHANNELS, 3), torch.randn(1, FEWEST_CHANNELS, 40)
    with torch.autocast("cpu", torch.bfloat16):
        half = block(x.bfloat16())
        with torch.no_grad():
            plain = block(x.bfloat16())
    assert (
        half.dtype == plain.dtype == torch.bfloat16
        and half.grad_fn.next_functions[0][0].name() == "_ResidualBackward"
        and half.stride(1) == 1
    )
    whole = block(x.bfloat16().float())
    apart = [float((y - whole).square().mean().sqrt() / whole.square().mean().sqrt()) for y in (half, plain)]
    assert apart[0] < 0.008 and apart[1] < 0.005


def test_training_in_full_precision_keeps_the_plain_convolutions() -> None:
    block, x = ResidualBlock(FEWEST_CHANNELS, 1), torch.randn(1, FEWEST_CHANNELS, 8)
    assert block(x).grad_fn.name() == "AddBackward0"


@pytest.mark.parametrize(("dtype", "apart"), [(torch.float32, 3e-6), (torch.bfloat16, 0.01)])
def test_wide_blocks_made_ready_for_inference_go_by_points(dtype: torch.dtype, apart: float) -> None:
    torch.manual_seed(0)
    wide, narrow, x = ResidualBlock(FEWEST_CHANNELS, 3), ResidualBlock(8, 3), torch.randn(2, FEWEST_CHANNELS, 41)
    stack = nn.Sequential(wide)
    with torch.no_grad():
        before = stack(x)
        after = fold_weight_norm(stack, dtype)(x.to(dtype))
    assert isinstance(stack[0], ResidualAtPoints) and after.dtype == dtype
    assert 0 < float((after.float() - before).square().mean().sqrt() / before.square().mean().sqrt()) < apart
    assert isinstance(fold_weight_norm(nn.Sequential(narrow))[0], ResidualBlock)  # type: ignore[index]


def test_weights_at_points_are_those_of_a_polynomial() -> None:
    rows = weights_at_points(torch.device("cpu"))
    assert rows.shape == (6, 3) and torch.equal(rows[1] * torch.tensor([1.0, -1.0, 1.0]), rows[2])
    assert float(rows[0, 0]) == pytest.approx(1 / (0.75 * 1.5) ** 2)
