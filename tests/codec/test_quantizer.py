from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from dance2music.codec.quantizer import Codebook, CodebookConfig, ResidualQuantizer, ResidualQuantizerConfig, fit_codebook, rows_of
from dance2music.codec.vqvae import quantize_single
from dance2music.errors import InputError
from oracles import normal, oracle


def residual(n_codebooks: int = 3, dropout: float = 0.0) -> ResidualQuantizer:
    torch.manual_seed(0)
    codebook = CodebookConfig(size=16, dim=4)
    return ResidualQuantizer(ResidualQuantizerConfig(n_codebooks=n_codebooks, dropout=dropout, codebook=codebook))


def test_the_moving_average_step_is_that_of_the_published_bottleneck() -> None:
    reference = oracle("losses_and_training.json")["bottleneck_ema"]
    x = normal(5, 2, 4, 64)
    book = Codebook(CodebookConfig(size=8, dim=4, ema_decay=0.99, restart_threshold=1.0, reset_restarted=False))
    book.k.copy_(rows_of(x)[:8])
    book.restore_averages()
    quantized = quantize_single(book.train(), x)
    assert quantized.codes[:, 0].tolist() == reference["codes"]
    assert float(quantized.commitment) == pytest.approx(reference["commit_loss"], rel=1e-5)
    for ours, name in ((book.k, "k_after"), (book.k_sum, "k_sum"), (book.k_elem, "k_elem")):
        assert np.allclose(ours.numpy(), reference[name], rtol=1e-5, atol=1e-6), name


def test_nearest_is_the_brute_force_nearest() -> None:
    torch.manual_seed(1)
    book = Codebook(CodebookConfig(size=32, dim=6))
    book.k.copy_(torch.randn(32, 6))
    rows = torch.randn(200, 6)
    expected = torch.cdist(rows.double(), book.k.double()).argmin(dim=1)
    assert torch.equal(book.nearest(rows), expected)


def test_the_gradient_passes_straight_through_to_the_encoder() -> None:
    quantizer = residual().train()
    z_e = torch.randn(2, 4, 10, requires_grad=True)
    weights = torch.randn(2, 4, 10)
    (quantizer(z_e).z * weights).sum().backward()
    assert torch.allclose(z_e.grad, weights)


def test_the_commitment_pulls_latents_to_their_codes() -> None:
    quantizer = residual().eval()
    for book in quantizer.codebooks:
        book.k.copy_(torch.randn(16, 4))
    z_e = torch.randn(2, 4, 10, requires_grad=True)
    result = quantizer(z_e)
    result.commitment.backward()
    assert torch.allclose(z_e.grad, 2 * (z_e - result.z).detach() / z_e.numel(), atol=1e-7)


def test_every_further_codebook_lowers_the_error() -> None:
    torch.manual_seed(2)
    quantizer = residual(4).train()
    z = torch.randn(8, 4, 40)
    for _ in range(40):
        quantizer(z)
    codes = quantizer.eval()(z).codes
    errors = [float((quantizer.lookup(codes[:, : q + 1]) - z).square().mean()) for q in range(4)]
    assert all(later < 0.9 * earlier for earlier, later in pairwise(errors))


def test_lookup_of_the_codes_is_the_quantised_latent() -> None:
    quantizer = residual().train()
    z = torch.randn(2, 4, 30)
    quantizer(z)
    result = quantizer.eval()(z)
    assert torch.allclose(quantizer.lookup(result.codes), result.z, atol=1e-6)


def test_dead_codes_are_restarted_from_the_batch() -> None:
    torch.manual_seed(3)
    book = Codebook(CodebookConfig(size=8, dim=2, ema_decay=0.5, restart_threshold=0.5))
    book.k.copy_(torch.cat([torch.zeros(1, 2), torch.full((7, 2), 100.0)]))
    book.restore_averages()
    rows = torch.randn(50, 2)
    for _ in range(4):
        book.update(rows, book.nearest(rows))
    assert float(book.k.abs().max()) < 10
    assert len(book.nearest(rows).unique()) >= 6


def test_a_restarted_code_begins_at_a_row_of_the_batch_with_the_average_use_of_all_codes() -> None:
    torch.manual_seed(3)
    book = Codebook(CodebookConfig(size=8, dim=2, ema_decay=0.5, restart_threshold=0.6))
    book.k.copy_(torch.cat([torch.zeros(1, 2), torch.full((7, 2), 100.0)]))
    book.restore_averages()
    rows = torch.randn(48, 2)
    book.update(rows, book.nearest(rows))
    assert torch.allclose(book.k_elem, torch.tensor([0.5 + 0.5 * 48] + [48 / 8] * 7))
    assert torch.allclose(book.k_sum, book.k * book.k_elem[:, None])
    assert torch.allclose(book.k[0], 0.5 * rows.sum(dim=0) / 24.5)
    assert all(bool((row == rows).all(dim=1).any()) for row in book.k[1:]) and len(book.k.unique(dim=0)) == 8


def test_a_code_as_much_used_as_the_threshold_is_not_restarted_nor_one_by_gradient_or_frozen_moved() -> None:
    rows = torch.ones(4, 2)
    book = Codebook(CodebookConfig(size=2, dim=2, ema_decay=0.5, restart_threshold=0.5))
    book.k.copy_(torch.tensor([[1.0, 1.0], [9.0, 9.0]]))
    book.restore_averages()
    book.update(rows, torch.zeros(4, dtype=torch.long))
    assert book.k.tolist() == [[1.0, 1.0], [9.0, 9.0]] and book.k_elem.tolist() == [2.5, 0.5]
    book.frozen = True
    book.update(rows + 5, torch.ones(4, dtype=torch.long))
    assert book.k_elem.tolist() == [2.5, 0.5]


def test_few_rows_start_a_codebook_near_themselves_each_code_elsewhere() -> None:
    torch.manual_seed(0)
    book = Codebook(CodebookConfig(size=7, dim=4))
    rows = torch.tensor([[5.0, 0, 0, 0], [0, 5.0, 0, 0], [0, 0, 5.0, 0]])
    book.start(rows)
    distances = torch.cdist(book.k, rows)
    assert 0 < float(distances.amin(dim=1).max()) < 0.05 and len(book.k.unique(dim=0)) == 7
    assert (distances.argmin(dim=1).bincount(minlength=3) >= 1).all() and bool(book.started)


def test_evaluation_changes_nothing_and_repeats() -> None:
    quantizer = residual(dropout=0.9).train()
    z = torch.randn(4, 4, 30)
    quantizer(z)
    quantizer.eval()
    before = [b.clone() for b in quantizer.buffers()]
    first, second = quantizer(z), quantizer(z)
    assert torch.equal(first.z, second.z) and torch.equal(first.codes, second.codes)
    assert all(torch.equal(a, b) for a, b in zip(before, quantizer.buffers()))


def test_dropout_leaves_out_late_codebooks_in_training_only() -> None:
    quantizer = residual(4, dropout=1.0).train()
    z = torch.randn(16, 4, 30)
    quantizer(z)
    torch.manual_seed(4)
    dropped = quantizer(z)
    missing = (dropped.z - quantizer.lookup(dropped.codes)).detach().abs().amax(dim=(1, 2)) > 1e-3
    assert bool(missing.any())


def test_an_item_keeps_at_least_one_and_never_all_of_its_codebooks_and_all_of_its_codes() -> None:
    quantizer = residual(3, dropout=1.0)
    for book in quantizer.codebooks:
        book.start(torch.randn(100, 4))
    quantizer.freeze()
    z = torch.randn(64, 4, 6)
    whole, dropped = quantizer.eval()(z), quantizer.train()(z)
    assert torch.equal(dropped.codes, whole.codes)
    kept = []
    for item in range(64):
        sums = [quantizer.lookup(dropped.codes[item : item + 1, :q])[0] for q in (1, 2, 3)]
        kept.append([q for q, value in zip((1, 2, 3), sums) if torch.allclose(dropped.z[item], value, atol=1e-5)])
    assert {tuple(q) for q in kept} == {(1,), (2,)}


def test_freezing_the_first_codebooks_leaves_the_others_to_learn() -> None:
    quantizer = residual(3).train()
    quantizer(torch.randn(4, 4, 50))
    quantizer.freeze(1)
    before = [book.k.clone() for book in quantizer.codebooks]
    quantizer(torch.randn(4, 4, 50))
    assert [torch.equal(a, book.k) for a, book in zip(before, quantizer.codebooks)] == [True, False, False]


def test_codes_outside_the_codebook_are_refused() -> None:
    with pytest.raises(InputError, match=r"values 0\.\.16"):
        residual().lookup(torch.tensor([[[0, 16]]]))
    with pytest.raises(InputError, match="shape"):
        residual().lookup(torch.zeros(1, 9, 2, dtype=torch.int64))


def test_a_fitted_codebook_holds_the_means_of_what_it_stands_for() -> None:
    torch.manual_seed(2)
    rows = torch.randn(2000, 4)
    book = Codebook(CodebookConfig(size=16, dim=4))
    book.start(rows)
    error_of_a_choice = float((rows - book.lookup(book.nearest(rows))).square().mean())
    fit_codebook(book, rows, rounds=100, rows_at_once=500)
    codes = book.nearest(rows)
    assert float((rows - book.lookup(codes)).square().mean()) < 0.8 * error_of_a_choice
    means = torch.stack([rows[codes == code].mean(dim=0) for code in range(16)])
    assert torch.allclose(book.k, means, atol=0.03) and bool(book.started)


def test_a_fitted_code_that_nothing_uses_lies_at_one_of_the_rows() -> None:
    torch.manual_seed(0)
    rows = torch.tensor([[100.0, 1.0], [200.0, 1.0]]).repeat(10, 1)
    book = Codebook(CodebookConfig(size=4, dim=2))
    fit_codebook(book, rows, rounds=3)
    assert {tuple(row) for row in book.k.tolist()} == {(100.0, 1.0), (200.0, 1.0)}


def test_frozen_codebooks_stay_in_training_and_late_ones_are_still_dropped() -> None:
    quantizer = residual(dropout=1.0)
    for book in quantizer.codebooks:
        book.start(torch.randn(100, 4))
    quantizer.train().freeze()
    before = quantizer.state_dict()["codebooks.0.k"].clone()
    z = torch.randn(4, 4, 50)
    result = quantizer(z)
    assert torch.equal(quantizer.state_dict()["codebooks.0.k"], before)
    assert not torch.allclose(result.z, quantizer.lookup(result.codes), atol=1e-4)
