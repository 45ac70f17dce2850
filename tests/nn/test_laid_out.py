"""Products with weights that oneDNN multiplies by: those of torch but for rounding, in every build."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dance2music.nn import laid_out
from dance2music.nn.conv_stack import ResidualBlock, fold_weight_norm
from dance2music.nn.laid_out import LaidOut, can_lay_out
from dance2music.nn.residual_points import FEWEST_CHANNELS

here = pytest.mark.skipif(not can_lay_out(torch.zeros(1, 1)), reason="this build of torch has no oneDNN")


@here
@pytest.mark.parametrize("rows", [1, 7, 300])
def test_a_laid_out_weight_multiplies_as_the_plain_one(rows: int) -> None:
    torch.manual_seed(0)
    weight, x, other, bias = torch.randn(40, 24), torch.randn(rows, 24), torch.randn(rows, 40), torch.randn(40)
    ready = LaidOut(weight)
    with torch.inference_mode():
        torch.testing.assert_close(ready(x), F.linear(x, weight))
        torch.testing.assert_close(ready(x, bias), F.linear(x, weight, bias))
        torch.testing.assert_close(ready.plus(other, x), other + F.linear(x, weight))


@here
def test_a_laid_out_weight_can_be_copied_and_sent_to_another_process() -> None:
    weight, x = torch.randn(5, 3), torch.randn(2, 3)
    ready = LaidOut(weight)
    for again in (copy.deepcopy(ready), pickle.loads(pickle.dumps(ready))):
        assert torch.equal(again(x), ready(x))


@here
def test_a_folded_network_holds_each_weight_once_and_can_be_copied() -> None:
    torch.manual_seed(0)
    folded, x = fold_weight_norm(nn.Sequential(ResidualBlock(FEWEST_CHANNELS, 3))), torch.randn(1, FEWEST_CHANNELS, 20)
    assert sorted(name for name, _ in folded.named_buffers()) == ["0.first_bias", "0.last_bias"]
    with torch.inference_mode():
        assert torch.equal(copy.deepcopy(folded)(x), folded(x))


def test_without_onednn_the_plain_products_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    stack, x = nn.Sequential(ResidualBlock(FEWEST_CHANNELS, 3)), torch.randn(1, FEWEST_CHANNELS, 20)
    with torch.no_grad():
        before = stack(x)
        monkeypatch.setattr(laid_out.torch.backends.mkldnn, "is_available", lambda: False)
        folded = fold_weight_norm(stack)
        torch.testing.assert_close(folded(x), before, rtol=1e-4, atol=1e-5)
    assert "0.taps" in dict(folded.named_buffers())


def test_only_full_precision_is_laid_out() -> None:
    assert not can_lay_out(torch.zeros(2, 2, dtype=torch.bfloat16))
