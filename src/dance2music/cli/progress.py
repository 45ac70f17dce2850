"""Progress of a command on its terminal: a bar per stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_STAGES = {
    "load": "loading",
    "motion": "reading the motion",
    "watch": "watching the dance",
    "rhythm": "finding its beats",
    "pictures": "looking at the pictures",
    "music": "making music",
    "finish": "mastering",
    "write": "writing",
    "plot": "drawing the picture",
    "score": "scoring the music",
}
"""What the bar of a stage says."""


class _progress:
    """A bar per stage on a terminal, on standard error; nothing where that is no terminal."""

    def __enter__(self) -> Callable[[str, float], None]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.tasks: dict[str, Any] = {}
        self.bar.start()
        return self.report

    def report(self, stage: str, share: float) -> None:
        """Show how much of a stage is done; it pulses until something is, and begins anew for the next take."""
        if stage not in self.tasks:
            self.tasks[stage] = self.bar.add_task(_STAGES.get(stage, stage), total=None)
        elif share == 0.0:
            self.bar.reset(self.tasks[stage], total=None)
        if share > 0.0:
            self.bar.update(self.tasks[stage], total=1.0, completed=share)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
