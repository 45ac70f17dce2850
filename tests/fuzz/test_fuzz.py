"""Damaged files of every kind give one line or are read: no traceback, no crash of a native library, no more than 200 MiB and 2 s each.

A few seeds per kind here; `make fuzz MINUTES=5` goes on with others and adds what it finds to ``kept.json``, whose seeds are always tried.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fuzz.kinds import KINDS

TESTS = Path(__file__).resolve().parents[1]
KEPT = Path(__file__).with_name("kept.json")
EACH = 12
_CHEAP = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def fuzzed(kind: str, seeds: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """What is wrong with how damaged files of some seeds are read; a process that dies is a finding, and the next one goes on."""
    found: list[dict[str, Any]] = []
    while seeds:
        paths = os.pathsep.join(str(path) for path in (TESTS.parent / "src", TESTS))
        command = [sys.executable, "-m", "fuzz.run", kind, str(folder), *map(str, seeds)]
        environment = {**os.environ, **_CHEAP, "PYTHONPATH": paths}
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 3 * len(seeds), env=environment, cwd=TESTS)
            code, lines, errors = done.returncode, done.stdout.splitlines(), done.stderr
        except subprocess.TimeoutExpired as late:
            code, lines, errors = -1, (late.stdout or b"").decode().splitlines(), "took too long"
        found += [json.loads(line) for line in lines if line.startswith('{"seed"')]
        if code == 0:
            break
        assert (folder / "now").exists(), f"{kind} could not be begun: {errors[-1000:]}"
        at = int((folder / "now").read_text())
        (folder / "now").unlink()
        found.append({"seed": at, "wrong": f"the process ended with {code}: {errors.strip()[-300:]}"})
        seeds = seeds[seeds.index(at) + 1 :]
    return found


def kept() -> dict[str, list[int]]:
    content: dict[str, list[int]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_one_line_or_are_read(kind: str, tmp_path: Path) -> None:
    found = fuzzed(kind, [*kept().get(kind, []), *range(EACH)], tmp_path)
    assert not found, "\n".join(f"seed {one['seed']}: {one['wrong']}" for one in found)


def test_a_reader_that_fails_would_be_noticed(tmp_path: Path) -> None:
    from fuzz import run
    from fuzz.kinds import Kind

    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole" / "a.txt"
    whole.write_bytes(b"x" * 100)

    def read(path: Path) -> None:
        raise KeyError(path.read_bytes()[:1])

    KINDS["failing"] = Kind(lambda folder: whole, read)
    try:
        wrong = run.read_one("failing", whole.read_bytes(), 0, whole, tmp_path / "damaged")
    finally:
        del KINDS["failing"]
    assert wrong is not None and wrong.startswith("KeyError")


def main(minutes: float) -> int:
    """Fuzz all kinds in turn until the time is up, keep the seeds that find something, and say what was found."""
    import tempfile

    end, first, loads, everything = time.monotonic() + 60 * minutes, int(time.time()) * 1000, 0, 0
    while time.monotonic() < end:
        for kind in KINDS:
            if time.monotonic() >= end:
                break
            with tempfile.TemporaryDirectory() as folder:
                found = fuzzed(kind, range(first, first + 100), Path(folder))
            loads += 100
            everything += len(found)
            for one in found:
                print(f"{kind} seed {one['seed']}: {one['wrong']}", flush=True)
                seeds = kept()
                seeds.setdefault(kind, []).append(one["seed"])
                KEPT.write_text(json.dumps(seeds, indent=1) + "\n", encoding="utf-8")
        first += 100
    print(f"{loads} damaged files of {len(KINDS)} kinds were read; {everything} findings")
    return 1 if everything else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
