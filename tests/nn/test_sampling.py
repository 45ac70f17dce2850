from __future__ import annotations

import pytest
import torch

from dance2music.nn.sampling import draw
from dance2music.parallel import one_thread, side_by_side

LOGITS = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()


def shares(**options: object) -> list[float]:
    uniform = (torch.arange(10_000) + 0.5) / 10_000
    drawn = draw(LOGITS.expand(10_000, -1), uniform, **options)  # type: ignore[arg-type]
    return [float((drawn == i).double().mean()) for i in range(4)]


def test_without_limits_classes_come_as_often_as_they_are_likely() -> None:
    assert shares() == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=1e-3)


def test_the_nucleus_holds_the_class_that_crosses_the_limit() -> None:
    assert shares(top_p=0.6) == pytest.approx([0.625, 0.375, 0, 0], abs=1e-3)


def test_top_k_keeps_the_likeliest() -> None:
    assert shares(top_k=1) == [1.0, 0.0, 0.0, 0.0]


def test_temperature_zero_takes_the_likeliest_and_a_low_one_sharpens() -> None:
    assert shares(temperature=0.0) == [1.0, 0.0, 0.0, 0.0]
    assert shares(temperature=0.5)[0] > 0.6


def test_a_grammar_is_obeyed_even_where_it_allows_only_the_unlikely() -> None:
    allowed = torch.tensor([False, False, False, True]).expand(10_000, -1)
    assert shares(allowed=allowed) == [0.0, 0.0, 0.0, 1.0]


def test_a_grammar_that_permits_nothing_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="permits nothing"):
        draw(LOGITS, torch.tensor(0.5), allowed=torch.zeros(4, dtype=torch.bool))


def test_side_by_side_gives_what_one_after_the_other_gives_in_order_and_restores_the_threads() -> None:
    threads = torch.get_num_threads()
    weights = [torch.randn(64, 64, generator=torch.Generator().manual_seed(i)) for i in range(5)]
    together = side_by_side(lambda w: (w @ w, torch.get_num_threads()), weights)
    assert all(n == 1 for _, n in together)
    with one_thread():
        apart = [w @ w for w in weights]
    assert all(torch.equal(a, b) for (a, _), b in zip(together, apart))
    assert torch.get_num_threads() == threads
    assert side_by_side(lambda _: torch.get_num_threads(), [0]) == [threads]
