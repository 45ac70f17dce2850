"""A training goes on from its last good checkpoint, whatever a dying machine left of the newest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from dance2music.errors import InputError
from dance2music.leftovers import only_here
from dance2music.train.checkpoints import BEFORE, CHECKPOINT, DAMAGED, read_checkpoint, write_checkpoint
from dance2music.train.log import end_lines
from train.test_loop import bits, run

CPU = torch.device("cpu")


def state(step: int) -> dict:
    return {"step": step, "seed": 0, "model": {"a": torch.ones(50)}, "optimizers": {}, "average": None, "random": 0, "sums": {}}


@pytest.mark.parametrize("left", [b"", b"PK", "half", "other"])
def test_a_damaged_checkpoint_is_put_aside_and_the_one_before_it_is_taken(
    tmp_path: Path, left: bytes | str, caplog: pytest.LogCaptureFixture
) -> None:
    for step in (1, 2):
        write_checkpoint(tmp_path, state(step))
    path = tmp_path / CHECKPOINT
    if left == "other":
        torch.save([1, 2], path)
    else:
        path.write_bytes(path.read_bytes()[:700] if isinstance(left, str) else left)
    found = read_checkpoint(tmp_path, device=CPU)
    assert found is not None and found[1]["step"] == 1
    assert (tmp_path / DAMAGED).exists() and "is put aside" in caplog.text and caplog.text.count("\n") == 1


def test_killed_between_two_names_a_training_has_the_checkpoint_before(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, state(1))
    (tmp_path / CHECKPOINT).rename(tmp_path / BEFORE)
    found = read_checkpoint(tmp_path, device=CPU)
    assert found is not None and found[1]["step"] == 1


def test_without_a_good_checkpoint_a_training_begins_anew(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"")
    assert read_checkpoint(tmp_path, device=CPU) is None
    assert not (tmp_path / CHECKPOINT).exists()


@pytest.mark.parametrize(("text", "kept"), [("1\n2\n3", "1\n2\n"), ("1\n", "1\n"), ("1", ""), ("", ""), ("1\n" + "x" * 200_000, "1\n")])
def test_a_torn_line_is_cut_off(tmp_path: Path, text: str, kept: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    end_lines(path)
    assert path.read_text() == kept
    end_lines(tmp_path / "none")


def test_a_training_over_a_torn_log_and_half_a_checkpoint_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = [value.clone() for value in bits(*run(tmp_path / "whole"))]
    child = os.fork()
    if child == 0:
        run(tmp_path / "torn", kill_at=13)
        os._exit(0)
    os.waitpid(child, 0)
    path = tmp_path / "torn" / CHECKPOINT
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with (tmp_path / "torn" / "log.jsonl").open("a") as log:
        log.write('{"step": 9, "lo')
    resumed = bits(*run(tmp_path / "torn"))
    assert all(torch.equal(a, b) for a, b in zip(whole, resumed))
    assert [json.loads(line)["step"] for line in (tmp_path / "torn" / "log.jsonl").read_text().splitlines()] == [4, 8, 12, 16, 20]


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    with only_here(tmp_path, "a training"), pytest.raises(InputError, match="a training is running there already"):
        run(tmp_path)
