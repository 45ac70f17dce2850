"""The work under way: its stages, how far each is, and whether it is still wanted.

Whoever starts a job says where its progress goes and holds a `Cancel`. Whoever does a long piece of it calls `report` (or `check`) now and
then, without being handed either: both hang on the running context, which `parallel.side_by_side` takes along into its threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from dance2music.errors import Cancelled

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0..1."""


class Cancel:
    """A token that stops a job from another thread: the job raises `Cancelled` at its next `report` or `check`, within a second.

    A token with a ``parent`` is set when that is.
    """

    def __init__(self, parent: Cancel | None = None) -> None:
        self._event, self._parent = threading.Event(), parent

    def set(self) -> None:
        """Stop the job."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether the job is to stop."""
        return self._event.is_set() or (self._parent is not None and self._parent.is_set())

    def check(self) -> None:
        """Raise `Cancelled` if the job is to stop."""
        if self.is_set():
            raise Cancelled("cancelled")


_cancel: ContextVar[Cancel | None] = ContextVar("cancel", default=None)
_report: ContextVar[Callable[[float], None] | None] = ContextVar("report", default=None)


@contextmanager
def cancellable(cancel: Cancel | None) -> Iterator[None]:
    """Everything in the block stops when ``cancel`` is set; without one, when the token around it is."""
    if cancel is None:
        yield
        return
    held = _cancel.set(cancel)
    try:
        yield
    finally:
        _cancel.reset(held)


def current_cancel() -> Cancel | None:
    """The token of the running context."""
    return _cancel.get()


_kept: list[str] = []


def keeps(text: str) -> None:
    """Say what an interruption from now on leaves of the work under way, for `kept`; an empty text: nothing."""
    _kept[:] = [text] if text else []


def kept() -> str:
    """What the work under way said last that it `keeps`."""
    return "".join(_kept)


def check() -> None:
    """Raise `Cancelled` if the work was cancelled."""
    cancel = _cancel.get()
    if cancel is not None:
        cancel.check()


def report(share: float) -> None:
    """Tell how much of the current part of the work is done, 0..1; stops here if the work was cancelled."""
    check()
    told = _report.get()
    if told is not None:
        told(share)


@contextmanager
def part(begin: float, end: float) -> Iterator[None]:
    """What the block reports from 0 to 1 is the part from ``begin`` to ``end`` of what is under way."""
    outer = _report.get()
    held = _report.set(None if outer is None else lambda share: outer(begin + (end - begin) * share))
    try:
        yield
    finally:
        _report.reset(held)


@dataclass
class Stages:
    """Seconds spent per stage of a job, and where its progress goes."""

    progress: Progress | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time a stage, to which `report` in the block belongs; yields that function too."""
        check()
        start, progress = time.perf_counter(), self.progress
        held = _report.set(None if progress is None else lambda share: progress(name, share))
        try:
            report(0.0)
            yield report
            report(1.0)
        finally:
            _report.reset(held)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
