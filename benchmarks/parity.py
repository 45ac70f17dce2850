"""Do our networks, losses and scores compute what the published code computes? One row per oracle; ends with exit code 1 on a failure.

python benchmarks/parity.py DIR        DIR holds *.npz, *.json and *.manifest.json with the published code's outputs (README there)

Weights are drawn by two rules from each tensor's name, inputs from numbered seeds, so that the oracles need no weights. The largest
relative difference is the largest difference over the largest absolute value of the reference; for codes, and where names or lists are
compared, it is the number of those that differ (of codes only those that the reference was sure of).
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from parity_networks import LEVELS_AND_DATA, MANIFESTS, discriminator, generator, jukebox, manifest, mel, motion_encoder
from parity_rows import Row
from parity_training import beat_alignment, beats_scores, losses_and_training

CHECKS: dict[str, Callable[[Any, Path], Iterator[Row]]] = {
    **{f"motion_encoder_{d}.npz": lambda data, _, d=d: motion_encoder(data, d) for d in ("aist", "tiktok")},  # type: ignore[misc]
    **{f"vq_generator_{v}_{d}.npz": lambda data, _, v=v, d=d: generator(data, v, d) for v, d in LEVELS_AND_DATA},  # type: ignore[misc]
    "discriminator_aist_high.npz": lambda data, _: discriminator(data, 22016),
    "discriminator_aist_low.npz": lambda data, _: discriminator(data, 88192),
    "jukebox_level2_hop128.npz": lambda data, _: jukebox(data, 2),
    "jukebox_level1_hop32.npz": lambda data, _: jukebox(data, 1),
    "jukebox_level0_hop8.npz": lambda data, _: jukebox(data, 0),
    "audio2mel.npz": lambda data, _: mel(data),
    "losses_and_training.json": lambda data, _: losses_and_training(data),
    "beat_alignment.json": lambda data, _: beat_alignment(data),
    "beats_scores_official.json": beats_scores,
    **{f"{name}.manifest.json": lambda data, _, name=name: manifest(data, name) for name in MANIFESTS},  # type: ignore[misc]
}
"""File name -> its comparisons, given the file's content and its folder."""


def read(path: Path) -> Any:
    """Arrays of an npz by name, content of a json."""
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def run(folder: Path, *, only: str = "") -> tuple[list[tuple[str, Row]], list[str]]:
    """All rows of the oracles in a folder, printed as they come, and the names of those that are not there."""
    rows, missing = [], []
    print(f"{'oracle':38} {'what':46} {'rule':4} {'largest relative difference':>27} {'tolerance':>10}  result")
    for name, check in CHECKS.items():
        path = folder / name
        if only not in name:
            continue
        if not path.is_file():
            missing.append(name)
            continue
        found = []
        with torch.no_grad():
            try:
                for row in check(read(path), folder):
                    found.append(row)
                    _print(name, row)
            except Exception as error:  # one oracle that cannot be run must not hide the others
                found.append(Row(f"stopped: {type(error).__name__}: {error}", "-", float("inf"), 0.0))
                _print(name, found[-1])
        if not found:
            found.append(Row("holds nothing to compare", "-", float("inf"), 0.0))
            _print(name, found[-1])
        rows += [(name, row) for row in found]
    return rows, missing


def _print(name: str, row: Row) -> None:
    result = "pass" if row.passed else "FAIL"
    print(f"{name:38} {row.what:46} {row.rule:4} {row.difference:27.2e} {row.tolerance:10.1e}  {result}", flush=True)


def main() -> int:
    """Entry point; the number of failures decides the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of oracles")
    parser.add_argument("--only", default="", help="part of a file name: run these only")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder}: no such folder; expected one with *.npz and *.json")
    warnings.filterwarnings("ignore", message="The value of the smallest subnormal")  # training flushes denormal numbers
    rows, missing = run(arguments.folder.resolve(), only=arguments.only)
    unknown = sorted(p.name for p in arguments.folder.iterdir() if p.suffix in (".npz", ".json") and p.name not in CHECKS)
    if missing:
        print(f"not there: {', '.join(missing)}")
    if unknown:
        print(f"no comparison for: {', '.join(unknown)}")
    failed = sum(not row.passed for _, row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    raise SystemExit(main())
