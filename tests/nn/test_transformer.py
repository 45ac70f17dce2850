from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from dance2music.nn.transformer import BlockConfig, CausalBlock, SelfAttention, Stack, encoder, linear_attention, sinusoids

SMALL = BlockConfig(channels=24, heads=3, feed_channels=48, dropout=0.0, max_length=64)
KINDS = {
    "softmax": SMALL,
    "softmax in a window": replace(SMALL, window=7),
    "rotary in a window": replace(SMALL, attention="rotary", window=7),
    "relative, post-norm": replace(SMALL, attention="relative", norm="post"),
    "linear": replace(SMALL, attention="linear", activation="gelu"),
    "narrow attention": replace(SMALL, attention_channels=12, activation="quick_gelu"),
    "with a memory": replace(SMALL, cross=True),
}


def built(config: BlockConfig) -> Stack:
    torch.manual_seed(0)
    return Stack(config, 2).eval()


@pytest.mark.parametrize("name", KINDS)
def test_the_parallel_and_the_stepwise_path_agree(name: str) -> None:
    model = built(KINDS[name])
    x = torch.randn(2, 40, 24)
    memory = torch.randn(2, 5, 24) if KINDS[name].cross else None
    with torch.no_grad():
        whole, states = model(x, memory), model.start()
        steps = torch.cat([model.step(x[:, i : i + 1], states, memory) for i in range(40)], dim=1)
    assert (whole - steps).abs().max() < 1e-4


@pytest.mark.parametrize("name", KINDS)
def test_nothing_leaks_from_the_future(name: str) -> None:
    model = built(KINDS[name])
    x = torch.randn(1, 30, 24)
    memory = torch.randn(1, 5, 24) if KINDS[name].cross else None
    other = x.clone()
    other[:, 17] += torch.randn(24)
    with torch.no_grad():
        a, b = model(x, memory), model(other, memory)
    assert torch.allclose(a[:, :17], b[:, :17], atol=1e-6)
    assert not torch.allclose(a[:, 17:], b[:, 17:], atol=1e-3)


def test_linear_attention_in_chunks_equals_the_quadratic_sum() -> None:
    q, k, v = torch.randn(3, 2, 3, 150, 8).unbind(0)
    a, b = F.elu(q) + 1, F.elu(k) + 1
    weights = (a @ b.transpose(-1, -2)).tril()
    expected = weights @ v / (weights.sum(dim=-1, keepdim=True) + 1e-6)
    assert torch.allclose(linear_attention(q, k, v, chunk=64), expected, atol=1e-4)


def test_rotary_positions_make_a_product_depend_on_the_distance_alone() -> None:
    attention = SelfAttention(replace(SMALL, attention="rotary"))
    q, k = torch.randn(2, 1, 3, 1, 8).unbind(0)

    def product(i: int, j: int) -> torch.Tensor:
        return (attention._rotate(q, torch.tensor([i])) * attention._rotate(k, torch.tensor([j]))).sum(dim=-1)

    assert torch.allclose(product(9, 4), product(25, 20), atol=1e-5)
    assert torch.allclose(product(3, 3), (q * k).sum(dim=-1), atol=1e-5)
    assert not torch.allclose(product(9, 4), product(9, 5), atol=1e-3)


def test_a_causal_block_goes_on_from_its_cache_with_the_layers_names_of_weight_files() -> None:
    torch.manual_seed(0)
    block, x = CausalBlock(24, heads=3, window=7).eval(), torch.randn(2, 20, 24)
    cache: list[torch.Tensor] = []
    with torch.no_grad():
        steps = torch.cat([block(x[:, i : i + 1], start=i, cache=cache) for i in range(20)], dim=1)
        assert torch.allclose(block(x), steps, atol=1e-5)
    assert [value.shape[2] for value in cache] == [7, 7]
    layers = {name.rpartition(".")[0] for name in block.state_dict()}
    assert layers == {"attention_norm", "feed_norm", "attention.qkv", "attention.out", "feed.0", "feed.2"}


def test_relative_logits_belong_to_the_distance_between_two_positions() -> None:
    attention = built(replace(SMALL, attention="relative")).blocks[0].attention
    assert attention.relative is not None
    q = torch.randn(1, 3, 6, 8)
    logits = attention._relative_logits(q)
    for i in range(6):
        for j in range(i + 1):
            expected = (q[0, :, i] * attention.relative[-1 - (i - j)]).sum(dim=-1) / 8**0.5
            assert torch.allclose(logits[0, :, i, j], expected, atol=1e-5)


def test_an_encoder_sees_the_future_but_no_padding() -> None:
    torch.manual_seed(0)
    model = encoder(SMALL, 2).eval()
    x = torch.randn(1, 10, 24)
    mask = torch.arange(10)[None] < 7
    other = x.clone()
    other[:, 8] += torch.randn(24)
    with torch.no_grad():
        assert torch.allclose(model(x, mask=mask)[:, :7], model(other, mask=mask)[:, :7], atol=1e-6)
        assert not torch.allclose(model(x)[:, :7], model(other)[:, :7], atol=1e-3)


def test_sinusoids_go_on_where_they_stopped() -> None:
    assert torch.allclose(sinusoids(20, 16)[12:], sinusoids(8, 16, start=12), atol=1e-6)
    assert sinusoids(1, 16)[0, 1::2].eq(1).all()


def test_every_kind_of_block_learns() -> None:
    for config in KINDS.values():
        model = Stack(config, 1)
        memory = torch.randn(1, 5, 24) if config.cross else None
        model(torch.randn(1, 12, 24), memory).square().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_several_positions_may_begin_a_stepwise_path() -> None:
    model = built(SMALL)
    x = torch.randn(2, 20, 24)
    with torch.no_grad():
        whole, states = model(x), model.start()
        parts = [model.step(x[:, :12], states), *(model.step(x[:, i : i + 1], states) for i in range(12, 20))]
    assert torch.allclose(whole, torch.cat(parts, dim=1), atol=1e-5)


def test_linear_attention_remembers_as_much_of_a_long_sequence_as_of_a_short_one() -> None:
    model = built(KINDS["linear"])
    states, sizes = model.start(), []
    with torch.no_grad():
        for _ in range(30):
            model.step(torch.randn(1, 1, 24), states)
            sizes.append(sum(value.numel() for state in states for value in state.values()))
    assert len(set(sizes)) == 1
