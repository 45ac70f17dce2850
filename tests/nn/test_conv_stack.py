"""The parts of D2M-GAN's networks: weight norm by hand against torch's, folding, residual blocks, initialisation."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.codec.vqvae_networks import Decoder
from dance2music.nn.conv_stack import MotionEncoder, ResidualBlock, Row, StackConfig, conv_stack, fold_weight_norm
from dance2music.nn.convolution import WeightNormConv1d
from small_gan import FEATURES, FRAMES, MOTION, generator


def test_weight_norm_is_torchs() -> None:
    torch.manual_seed(0)
    ours = WeightNormConv1d(6, 4, 3, stride=2, padding=1, groups=2)
    theirs = weight_norm(nn.Conv1d(6, 4, 3, stride=2, padding=1, groups=2))
    with torch.no_grad():
        ours.weight_g.mul_(1.7)
        theirs.parametrizations.weight.original0.copy_(ours.weight_g)
        theirs.parametrizations.weight.original1.copy_(ours.weight_v)
        theirs.bias.copy_(ours.bias)
    x = torch.randn(2, 6, 11)
    torch.testing.assert_close(ours(x), theirs(x))
    assert list(ours.state_dict()) == ["bias", "weight_g", "weight_v"]


def test_a_new_convolution_with_weight_norm_keeps_torchs_default_weight() -> None:
    torch.manual_seed(0)
    plain = nn.Conv1d(16, 8, 3)
    torch.manual_seed(0)
    torch.testing.assert_close(WeightNormConv1d(16, 8, 3).normed(), plain.weight)


def test_folding_changes_no_output_and_leaves_no_weight_norm() -> None:
    model = generator().eval()
    arguments = torch.randn(2, FRAMES, FEATURES), torch.randn(2, 1, 6), torch.tensor([0, 9])
    with torch.no_grad():
        for conv in (m for m in model.modules() if isinstance(m, WeightNormConv1d)):
            conv.weight_g.mul_(1.3)
        before = model(*arguments)
        after = fold_weight_norm(model)(*arguments)
    torch.testing.assert_close(after, before)
    assert not any(isinstance(m, WeightNormConv1d) for m in model.modules())


def test_folding_to_half_precision_changes_outputs_by_rounding_only() -> None:
    model = generator().eval()
    motion, visual, genre = torch.randn(2, FRAMES, FEATURES), torch.randn(2, 1, 6), torch.tensor([0, 9])
    with torch.no_grad():
        before = model(motion, visual, genre)
        after = fold_weight_norm(model, torch.bfloat16)(motion.bfloat16(), visual.bfloat16(), genre)
    assert after.dtype == torch.bfloat16 and float((after - before).abs().max()) < 0.05 * float(before.abs().max())


@pytest.mark.parametrize(("n", "k", "stride", "padding"), [(43, 41, 4, 20), (64, 41, 4, 20), (50, 5, 2, 0), (31, 4, 3, 1)])
def test_neighbours_as_channels_are_the_same_convolution(n: int, k: int, stride: int, padding: int) -> None:
    torch.manual_seed(0)
    conv, x = WeightNormConv1d(6, 9, k, stride=stride, padding=padding, groups=3), torch.randn(2, 6, n, requires_grad=True)
    plain = torch.nn.functional.conv1d(x, conv.normed(), conv.bias, stride, padding, groups=3)
    torch.testing.assert_close(conv(x), plain)
    inputs = [x, *conv.parameters()]
    for a, b in zip(torch.autograd.grad(conv(x).square().sum(), inputs), torch.autograd.grad(plain.square().sum(), inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_layout_by_time_changes_only_the_rounding_and_stays() -> None:
    torch.manual_seed(0)
    stack = conv_stack(4, StackConfig((Row(6, 5, 2, zeros=1, reflected=2), Row(8, 3, before="leaky")), (1, 3)))
    x = torch.randn(2, 4, 40)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half = stack(x)
    with torch.no_grad():
        whole = stack(x)
    assert half.dtype == torch.bfloat16 and half.stride(1) == 1 and whole.stride(2) == 1
    assert float((half - whole).abs().max()) < 0.03 * float(whole.abs().max())


def test_a_residual_block_keeps_the_length_and_reaches_as_far_as_its_dilation() -> None:
    torch.manual_seed(0)
    block, x = ResidualBlock(4, 9), torch.randn(1, 4, 60)
    changed = x.clone()
    changed[..., 30] += 1.0
    with torch.no_grad():
        moved = (block(x) - block(changed)).abs().sum(dim=(0, 1)) > 1e-7
    assert moved.nonzero()[:, 0].tolist() == [21, 30, 39]


def test_a_stack_has_the_length_that_its_rows_say() -> None:
    config = StackConfig((Row(4, 6, 2, zeros=1, reflected=3, after="leaky"), Row(3, 5, zeros=1, stack=False)), (1, 3), batch_norm=True)
    for n in (40, 41):
        assert conv_stack(2, config)(torch.randn(2, 2, n)).shape == (2, 3, config.length(n))


def test_plain_convolutions_start_with_a_deviation_of_a_fiftieth() -> None:
    torch.manual_seed(0)
    first = MotionEncoder(MOTION).model[0]
    assert isinstance(first, nn.Conv1d)
    assert float(first.weight.std()) == pytest.approx(0.02, rel=0.05)


def test_what_comes_by_time_stays_so_in_full_precision_without_a_gradient() -> None:
    torch.manual_seed(0)
    decoder = Decoder(VQVAEConfig(levels=(0,), level=0, width=4, dim=6), 0)
    by_time = torch.randn(2, 9, 6).transpose(1, 2)
    with torch.no_grad():
        ours, plain = decoder.level_blocks[0](by_time), decoder.level_blocks[0](by_time.contiguous())
    torch.testing.assert_close(ours, plain)
    assert ours.stride(1) == 1 and plain.stride(2) == 1
