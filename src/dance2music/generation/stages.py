"""Stages of a job: seconds, progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0..1."""


@dataclass
class Stages:
    """Seconds spent per stage, and the progress callback."""

    progress: Progress | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time a stage; yields a function that reports the share done."""
        start = time.perf_counter()

        def report(share: float) -> None:
            if self.progress is not None:
                self.progress(name, share)

        report(0.0)
        yield report
        report(1.0)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
