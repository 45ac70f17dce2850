"""Composed data that are made once and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def arrays(seed: int) -> dict[str, np.ndarray]:
    return {"noise": np.random.default_rng(seed).normal(size=seed % 4), "seed": np.asarray(seed)}


def test_what_is_kept_is_the_same_whoever_makes_it_and_is_made_once(tmp_path: Path) -> None:
    from dance2music.train.symbolic import kept  # here: a worker that imports this module needs no torch

    one, two = (kept(tmp_path / f"{workers}.npz", arrays, range(20), workers=workers) for workers in (1, 2))
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    assert [int(item["seed"]) for item in two] == list(range(20)) and all(np.array_equal(a["noise"], b["noise"]) for a, b in zip(one, two))
    assert len(kept(tmp_path / "1.npz", arrays, range(3))) == 20
