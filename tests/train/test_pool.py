"""Pools of training items: the same whoever draws them, kept, resumed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dance2music.train.pool import Item, pool_of


def item(index: int, *, log: Path) -> Item:
    with log.open("a") as stream:
        stream.write(f"{index}\n")
    return {"square": np.full((2, 3), index**2, np.float16), "index": np.asarray(index)}


def drawn(log: Path) -> list[int]:
    return sorted(int(line) for line in log.read_text().split())


@pytest.mark.parametrize("workers", [1, 2])
def test_row_i_is_item_i_however_many_processes_draw(tmp_path: Path, workers: int) -> None:
    pool = pool_of(partial(item, log=tmp_path / "log"), 7, tmp_path / "pool", workers=workers, part_size=3)
    assert pool["index"].tolist() == list(range(7)) and pool["square"].shape == (7, 2, 3)
    assert (pool["square"][5] == 25).all() and pool["square"].dtype == np.float16
    assert drawn(tmp_path / "log") == list(range(7))


def test_parts_that_are_there_are_not_drawn_again(tmp_path: Path) -> None:
    make, log = partial(item, log=tmp_path / "log"), tmp_path / "log"
    pool_of(make, 7, tmp_path / "pool", part_size=3)
    (tmp_path / "pool" / "0001.npz").unlink()
    log.unlink()
    assert pool_of(make, 7, tmp_path / "pool", part_size=3)["index"].tolist() == list(range(7))
    assert drawn(log) == [3, 4, 5]


def test_whole_parts_of_a_smaller_pool_serve_a_larger_one(tmp_path: Path) -> None:
    make, log = partial(item, log=tmp_path / "log"), tmp_path / "log"
    pool_of(make, 4, tmp_path / "pool", part_size=3)
    log.unlink()
    assert len(pool_of(make, 8, tmp_path / "pool", part_size=3)["index"]) == 8
    assert drawn(log) == [3, 4, 5, 6, 7]
