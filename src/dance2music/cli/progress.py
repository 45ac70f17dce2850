"""Progress of a command on its terminal: a bar per stage."""

from __future__ import annotations

from typing import Any

from dance2music.work import Progress

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


class progress_bars:
    """A bar per stage on a terminal, on standard error; nothing where that is no terminal."""

    def __enter__(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.tasks: dict[str, Any] = {}
        self.bar.start()
        return self.report

    def report(self, stage: str, share: float) -> None:
        """Show how much of a stage is done; until something is, the bar only pulses; it begins anew for the next take."""
        if stage not in self.tasks:
            self.tasks[stage] = self.bar.add_task(_STAGES.get(stage, stage), total=None)
        elif share == 0.0:
            self.bar.reset(self.tasks[stage], total=None)
        if share > 0.0:
            self.bar.update(self.tasks[stage], total=1.0, completed=share)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
