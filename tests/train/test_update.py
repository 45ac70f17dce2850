"""`Loop.update`, the one place where trainings move weights: total, checks, clipping, logs, and several processes."""

from __future__ import annotations

import ast
import json
import os
import signal
import socket
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import small_runs
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

import dance2music
from dance2music.errors import InputError, TrainingDiverged
from dance2music.train.loop import Loop
from dance2music.train.objective import weighted_total
from dance2music.train.processes import _ProcessShare, process_share, synchronise_batch_norm
from dance2music.train.start import LoopConfig, start_fabric

MOVES = ("backward", "zero_grad", "clip_grad_norm_", "clip_gradients", "average_gradients", "no_sync")
BY_HAND = {
    "train/loop.py": "`Loop.update` itself",
    "papers/parts.py": "gradients of the parts of a batch add up before `Loop.update` moves weights by them",
    "baselines/jukebox_vqvae_train.py:learn_last_block": "a fit on a bank in memory before a level's training, the same on every process",
}
"""The only places that may move weights, and why."""


def loop(out: Path, **changes: object) -> Loop:
    """One weight of 2 and one optimiser, gradient descent at rate 0.1."""
    config = LoopConfig(**{"steps": 3, "warmup_steps": 0, "workers": 0, "accelerator": "cpu", "log_every_steps": 1, **changes})  # type: ignore[arg-type]
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    optimizers = {"model": torch.optim.SGD(model.parameters(), lr=0.1)}
    return Loop(start_fabric(config), config, out, model=model, optimizers=optimizers, data=TensorDataset(torch.zeros(3, 1)))


def weight(loop: Loop) -> Tensor:
    return next(loop.model.parameters())


def value(loop: Loop) -> float:
    return float(weight(loop).detach())


def test_terms_are_weighed_added_and_step_against_their_gradient(tmp_path: Path) -> None:
    run = loop(tmp_path, grad_clip=0.0)
    w = weight(run).sum()
    done = run.update("model", {"square": w**2, "plain": w}, {"square": 0.5, "plain": 3.0})
    assert float(done.total) == pytest.approx(8.0) and float(done.gradient_norm) == pytest.approx(5.0)
    assert value(run) == pytest.approx(2.0 - 0.1 * 5.0)


def test_a_gradient_longer_than_the_clip_is_cut_to_it_and_told_as_it_was(tmp_path: Path) -> None:
    run = loop(tmp_path, grad_clip=1.0)
    assert float(run.update("model", {"loss": 30 * weight(run).sum()}).gradient_norm) == pytest.approx(30.0)
    assert value(run) == pytest.approx(1.9, abs=1e-5)


def test_what_another_update_left_on_the_parameters_does_not_count(tmp_path: Path) -> None:
    run = loop(tmp_path, grad_clip=0.0)
    weight(run).grad = torch.full((1, 1), 100.0)
    run.update("model", {"loss": weight(run).sum()})
    assert value(run) == pytest.approx(1.9)


def test_a_weight_of_zero_leaves_a_term_out_of_the_total(tmp_path: Path) -> None:
    terms = {"loss": torch.tensor(2.0), "accuracy": torch.tensor(torch.nan)}
    assert float(weighted_total(terms, {"loss": 1.5, "accuracy": 0.0})) == 3.0
    with pytest.raises(AssertionError, match="accuracy"):
        weighted_total(terms, {"loss": 1.0})


@pytest.mark.parametrize(("weights", "odd"), [(None, "mel is nan"), ({"loss": 1.0, "mel": 0.0}, "mel is nan")])
def test_a_term_that_is_no_number_stops_the_run_before_a_weight_moves(tmp_path: Path, weights: dict[str, float], odd: str) -> None:
    run = loop(tmp_path)
    with pytest.raises(TrainingDiverged, match=f"step 0: {odd}; there is no checkpoint yet"):
        run.update("model", {"loss": weight(run).sum(), "mel": torch.tensor(torch.nan)}, weights)
    assert value(run) == 2.0


def test_a_gradient_that_is_no_number_stops_the_run_before_a_weight_moves(tmp_path: Path) -> None:
    run = loop(tmp_path)
    with pytest.raises(TrainingDiverged, match="step 0: model_gradient is nan"):
        run.update("model", {"loss": (weight(run) - weight(run)).sum().sqrt()})
    assert value(run) == 2.0


def test_terms_total_and_gradient_are_logged_by_name(tmp_path: Path) -> None:
    run = loop(tmp_path, steps=1)
    for _, _ in run:
        run.update("model", {"a": weight(run).sum(), "b": weight(run).sum()}, {"a": 1.0, "b": 2.0})
    (line,) = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"a": 2.0, "b": 2.0, "model_total": 6.0, "model_gradient": 3.0}.items() <= line.items()
    alone = loop(tmp_path / "alone", steps=1)
    for _, _ in alone:
        alone.update("model", {"loss": weight(alone).sum()})
    assert "model_total" not in json.loads((tmp_path / "alone" / "log.jsonl").read_text())  # it would be the loss once more


def test_no_training_moves_weights_by_hand() -> None:
    package = Path(dance2music.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        where = path.relative_to(package).as_posix()
        for top in ast.parse(path.read_text(encoding="utf-8")).body:
            if any(isinstance(node, ast.Call) and moves_weights(node) for node in ast.walk(top)):
                found.add(where if where in BY_HAND else f"{where}:{getattr(top, 'name', top.lineno)}")
    assert found == BY_HAND.keys(), "move weights by Loop.update"


def moves_weights(call: ast.Call) -> bool:
    """Whether a call is one of `MOVES`, or a ``step`` without arguments: those of an optimiser, where a decoder's take what comes next."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name in MOVES or (name == "step" and not call.args and not call.keywords)


def test_every_process_gets_its_rows_of_the_batch() -> None:
    class Batches(Dataset[object]):
        def __getitem__(self, step: int) -> object:
            return {"x": torch.arange(4) + step}, torch.arange(8).view(4, 2)

    shares = [_ProcessShare(Batches(), rank, 2)[3] for rank in (0, 1)]
    assert [share[0]["x"].tolist() for share in shares] == [[3, 4], [5, 6]]
    assert torch.equal(torch.cat([share[1] for share in shares]), torch.arange(8).view(4, 2))
    with pytest.raises(InputError, match="batch of 4 over 3 processes; expected a multiple"):
        _ProcessShare(Batches(), 0, 3)[0]
    data = Batches()
    assert process_share(start_fabric(LoopConfig(accelerator="cpu")), data) is data


def test_two_processes_end_with_the_same_weights_and_lose_what_one_loses(tmp_path: Path) -> None:
    """One symbolic training and one of the recipe, in processes such as torchrun starts."""
    small_runs.train(tmp_path / "one")
    assert two_processes(lambda: small_runs.train(tmp_path / "two")) == [0, 0]
    for name in small_runs.NAMES:
        first, second = (torch.load(tmp_path / "two" / f"{name}-{rank}.pt", weights_only=True) for rank in (0, 1))
        assert first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items()), name
        one, two = (
            [json.loads(line) for line in (tmp_path / runs / name / "log.jsonl").read_text().splitlines()] for runs in ("one", "two")
        )
        assert len(one) == len(two)
        for a, b in zip(one, two):
            for key in a.keys() - {"steps_per_second", "items_per_second", "seconds_left"}:
                # The first updates of Adam enlarge what is rounded otherwise, and gradients show it first: .3 % on some processors.
                rel = 1e-2 if key.endswith("gradient") and a["step"] > 1 else 1e-3
                assert b[key] == pytest.approx(a[key], rel=rel, abs=1e-5), (name, a["step"], key)


def test_batch_norm_of_two_processes_is_that_of_the_whole_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    batch, weight = torch.randn(6, 3, 5) + torch.arange(3)[:, None], torch.randn(6, 3, 5)

    def normed(norm: nn.BatchNorm1d, rows: slice) -> dict[str, Tensor]:
        x = batch[rows].clone().requires_grad_(True)
        y = norm(x)
        (y * weight[rows]).mean().backward()
        assert x.grad is not None and norm.weight.grad is not None and norm.running_mean is not None and norm.running_var is not None
        return {"y": y.detach(), "x": x.grad, "weight": norm.weight.grad, "mean": norm.running_mean, "var": norm.running_var}

    def work() -> None:
        fabric = start_fabric(LoopConfig(accelerator="cpu"))
        norm = nn.BatchNorm1d(3)
        synchronise_batch_norm(fabric, norm)
        torch.save(normed(norm, slice(3 * fabric.global_rank, 3 * fabric.global_rank + 3)), tmp_path / f"{fabric.global_rank}.pt")

    assert two_processes(work) == [0, 0]
    whole = normed(nn.BatchNorm1d(3), slice(None))
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert torch.allclose(torch.cat([first["y"], second["y"]]), whole["y"], atol=1e-6)
    assert torch.allclose(torch.cat([first["x"], second["x"]]) / 2, whole["x"], atol=1e-7)  # each has the mean of half as many
    assert torch.allclose((first["weight"] + second["weight"]) / 2, whole["weight"], atol=1e-7)
    for part in (first, second):
        assert torch.allclose(part["mean"], whole["mean"]) and torch.allclose(part["var"], whole["var"])


def two_processes(work: Callable[[], None]) -> list[int]:
    """Do the same in two forks of this process that know of each other as torchrun's do; their exit statuses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    children = []
    for rank in ("0", "1"):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(120)
                os.environ.update(shared, RANK=rank, LOCAL_RANK=rank, TORCHELASTIC_RUN_ID="test")
                work()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
