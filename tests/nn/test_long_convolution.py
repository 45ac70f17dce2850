"""Convolutions of many taps by spectra: the same numbers and gradients as the plain ones, in any precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.nn import long_convolution as by_spectra
from dance2music.nn.conv_stack import fold_weight_norm
from dance2music.nn.convolution import Conv1d
from dance2music.nn.long_convolution import STRETCH, LongConvolution, long_convolution


def apart(a: Tensor, b: Tensor) -> float:
    return float((a.float() - b.float()).square().mean().sqrt() / b.float().square().mean().sqrt())


@pytest.mark.parametrize(("n", "taps", "padding"), [(300, 40, 3), (41, 41, 0), (STRETCH, 32, 1), (57, 48, 20)])
def test_products_of_spectra_are_the_convolution_with_its_gradients(n: int, taps: int, padding: int) -> None:
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 5, n), (7, 5, taps), (7,)))
    ours, plain = long_convolution(x, weight, bias, padding), F.conv1d(x, weight, bias, padding=padding)
    torch.testing.assert_close(ours, plain)
    g = torch.randn_like(plain)
    for a, b in zip(*(torch.autograd.grad(y, (x, weight, bias), g) for y in (ours, plain)), strict=True):
        torch.testing.assert_close(a, b)


def test_transforms_first_made_for_inference_serve_training_too() -> None:
    by_spectra._transforms.cache_clear()
    x, weight = torch.randn(1, 3, 60), torch.randn(2, 3, 32, requires_grad=True)
    with torch.inference_mode():
        long_convolution(x, weight, None, 0)
    long_convolution(x, weight, None, 0).sum().backward()
    assert weight.grad is not None


def test_in_half_precision_many_taps_go_by_spectra_and_few_do_not() -> None:
    torch.manual_seed(0)
    many, few, x = Conv1d(128, 64, 40, padding=1), Conv1d(128, 64, 8), torch.randn(1, 128, 150)
    with torch.autocast("cpu", torch.bfloat16):
        long, short = many(x), few(x)
    assert long.dtype == torch.bfloat16 and long.stride(1) == 1 and apart(long, many(x)) < 0.01
    names = set()
    todo = [long.grad_fn]
    while todo:
        node = todo.pop()
        names.add(node.name())
        todo += [parent for parent, _ in node.next_functions if parent is not None]
    assert "BaddbmmBackward0" in names and "ConvolutionBackward0" not in names
    assert short.grad_fn.name() == "SqueezeBackward1" and many(x).grad_fn.name() == "ConvolutionBackward0"


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.bfloat16, 0.01)])
def test_convolutions_of_many_taps_are_made_ready_for_inference(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(Conv1d(128, 64, 41, padding=1), Conv1d(64, 8, 3)), torch.randn(2, 128, 200)
    with torch.inference_mode():
        before = model(x)
        after = fold_weight_norm(model, dtype)(x.to(dtype))
    assert isinstance(model[0], LongConvolution) and isinstance(model[1], Conv1d)
    assert after.dtype == dtype and apart(after, before) < tolerance


def test_rounded_transforms_are_neither_too_loud_nor_too_soft() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(4, 128, 300).bfloat16(), torch.randn(64, 128, 40).bfloat16()
    ours, plain = long_convolution(x, weight, None, 0).float(), F.conv1d(x.float(), weight.float())
    assert float((ours * plain).mean() / plain.square().mean()) == pytest.approx(1, abs=5e-4)
