"""The log of a run: ``log.jsonl``, a line per interval, and TensorBoard's events where that is installed."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dance2music.documents import json_value
from dance2music.files import whole_file

logger = logging.getLogger(__name__)

LOG = "log.jsonl"


class RunLog:
    """Lines of values over the steps of a run of ``steps`` in a folder."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.steps, self._begun_at = folder, steps, 0
        self._writer: Any = None

    def begin(self, step: int) -> None:
        """Go on after ``step``: what a killed run wrote beyond it is left out, see `begin_log`."""
        begin_log(self.folder / LOG, step)
        self._begun_at = step

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Write a line of values after ``step`` steps, and say it."""
        line = {"step": step, **values}
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._writer is None and find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder), purge_step=self._begun_at + 1)
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        left = values.get("seconds_left")
        said = " ".join(f"{name} {value:.4g}" for name, value in line.items() if name != "seconds_left")
        logger.info(said if left is None else f"{said}, {timedelta(seconds=round(left))} left of {self.steps} steps")

    def close(self) -> None:
        """Write out TensorBoard's events."""
        if self._writer is not None:
            self._writer.close()


def begin_log(path: Path, step: int) -> None:
    """Make a log ready to go on after ``step``: no torn line, and none of what a killed run did after its last checkpoint.

    What was written about ``step`` itself after the checkpoint (held-out measures: lines without a learning rate) is measured again.
    """
    end_lines(path)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    kept = [line for line in lines if _is_before(line, step)]
    if len(kept) < len(lines):
        logger.info("%s: %d lines of steps that are done again, or torn, are left out", path, len(lines) - len(kept))
        with whole_file(path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _is_before(line: str, step: int) -> bool:
    try:
        row = json_value(line)
        at = int(row["step"])
    except (ValueError, KeyError, TypeError):
        return False
    return at < step or (at == step and "learning_rate" in row)


def end_lines(path: Path) -> None:
    """Cut off the last line of a log where it was torn, so that what is added begins a line of its own."""
    with suppress(FileNotFoundError), path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(0, end - (1 << 16))
            file.seek(begin)
            last = file.read(end - begin).rfind(b"\n")
            if last >= 0:
                file.truncate(begin + last + 1)
                return
            end = begin
        file.truncate(0)
