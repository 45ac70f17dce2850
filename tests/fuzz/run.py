"""Reads damaged files of one kind, in a process of its own: ``python -m fuzz.run KIND FOLDER SEED...`` (from ``tests``).

Prints a line per finding: seed, what happened. Before each file its seed is written to FOLDER/now, so that whoever started this knows where
it died. Memory is limited to what was used at the start and `MEMORY_BYTES`.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path

from fuzz.kinds import KINDS

MEMORY_BYTES = 200 << 20
SECONDS = 2.0
"""Of processor time, for one file."""


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def read_one(kind: str, data: bytes, seed: int, whole: Path, folder: Path) -> str | None:
    """What is wrong with how one damaged file was taken; None if nothing is."""
    from dance2music.errors import Dance2MusicError

    path = folder / whole.relative_to(folder.parent / "whole")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(folder.parent / "whole", folder)
    path.write_bytes(KINDS[kind].damage(data, seed))
    begun, before = used(), peak()
    try:
        KINDS[kind].read(path)
    except Dance2MusicError as error:
        if "\n" in str(error) or len(str(error)) > 3000:
            return f"message of {len(str(error))} letters or several lines: {str(error)[:200]!r}"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = next(
            (f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(where) if "/src/dance2music" in frame.filename), "?"
        )
        return f"{type(error).__name__} at {ours}: {' '.join(str(error).split())[:160]}"
    if used() - begun > SECONDS:
        return f"took {used() - begun:.1f} s"
    if peak() - before > MEMORY_BYTES:
        return f"took {(peak() - before) / 2**20:.0f} MiB"
    return None


def main() -> None:
    kind, folder, seeds = sys.argv[1], Path(sys.argv[2]), [int(seed) for seed in sys.argv[3:]]
    faulthandler.enable()
    logging.disable(logging.CRITICAL)
    (folder / "whole").mkdir(parents=True, exist_ok=True)
    whole = KINDS[kind].whole(folder / "whole")
    data = whole.read_bytes()
    KINDS[kind].read(_copy(folder, whole))  # what it imports is not the damaged file's fault
    limit = peak() + 3 * MEMORY_BYTES + (2 << 30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    for seed in seeds:
        (folder / "now").write_text(str(seed))
        begun = time.monotonic()
        if (wrong := read_one(kind, data, seed, whole, folder / "damaged")) is not None:
            print(json.dumps({"seed": seed, "wrong": wrong, "seconds": round(time.monotonic() - begun, 2)}), flush=True)
    (folder / "now").write_text("done")


def _copy(folder: Path, whole: Path) -> Path:
    shutil.rmtree(folder / "damaged", ignore_errors=True)
    shutil.copytree(folder / "whole", folder / "damaged")
    return folder / "damaged" / whole.relative_to(folder / "whole")


if __name__ == "__main__":
    main()
