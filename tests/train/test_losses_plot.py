"""Reading and drawing the log of a training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dance2music.errors import InputError
from dance2music.train.losses_plot import plot_losses, read_losses


def write(folder: Path, *lines: object) -> Path:
    path = folder / "log.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_every_value_becomes_a_curve_over_the_steps(tmp_path: Path) -> None:
    log = write(tmp_path, {"step": 2, "mel": 3.0, "total": 5.0}, {"step": 4, "mel": 2.0, "total": 4.0}, {"step": 4, "held_out": 1.0})
    curves = read_losses(log)
    assert {name: (list(steps), list(values)) for name, (steps, values) in curves.items()} == {
        "mel": ([2, 4], [3.0, 2.0]), "total": ([2, 4], [5.0, 4.0]), "held_out": ([4], [1.0])
    }  # fmt: skip
    plot_losses(log, tmp_path / "losses.png")
    assert (tmp_path / "losses.png").stat().st_size > 5000


def test_what_a_resumed_run_wrote_again_replaces_the_earlier_line(tmp_path: Path) -> None:
    log = write(tmp_path, {"step": 2, "mel": 3.0}, {"step": 4, "mel": 2.0}, {"step": 4, "mel": 2.5})
    assert list(read_losses(log)["mel"][1]) == [3.0, 2.5]


def test_a_last_line_that_a_kill_cut_off_is_left_out_and_an_earlier_one_refused(tmp_path: Path) -> None:
    assert list(read_losses(write(tmp_path, {"step": 1, "mel": 3.0}, '{"step": 2, "me'))["mel"][0]) == [1]
    with pytest.raises(InputError, match="line 1 is no line of a training log"):
        read_losses(write(tmp_path, "no json", {"step": 1, "mel": 3.0}))
    with pytest.raises(InputError, match="holds no values"):
        read_losses(write(tmp_path))
    with pytest.raises(InputError, match="cannot be read"):
        read_losses(tmp_path / "nothing.jsonl")
