"""Work side by side: one contract for engines that map a function over items, the two that are built in, threads, and a wish to stop.

An engine changes how long a computation takes and no bit of it: a function whose result depends on the number of threads (they sum in
another order) enters `one_thread` itself. Another engine is one class with `Engine.map` and one line in `ENGINES`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

from dance2music.cluster import Ray
from dance2music.errors import InputError
from dance2music.work import Cancel, cancellable, check, current_cancel, report

A = TypeVar("A")
B = TypeVar("B")

_AHEAD = 16
"""Items per worker that may be under way or wait for their turn: what bounds memory where the results are fetched slowly."""
_POLL_SECONDS = 0.05
"""How often a wait for workers or threads looks at the cancel token."""


class Engine(Protocol):
    """Something that runs a function for many items."""

    def map(self, function: Callable[[A], B], items: Iterable[A], *, ordered: bool = True, cancel: Cancel | None = None) -> Iterator[B]:
        """The function's result for every item.

        Parameters
        ----------
        function : of a module, or a `functools.partial` of one; it, the items and the results are picklable.
        items : taken one by one as there is somebody to work on them; there may be millions.
        ordered : results in the order of the items, else as they come.
        cancel : looked at between items, and while workers work.

        Yields
        ------
        One result per item. Closing the iterator, or an exception in the caller, drops pending items and ends running workers.

        Raises
        ------
        Cancelled
            Once ``cancel`` is set.
        InputError
            If a worker dies.
        Exception
            Whatever the function raises, with its type; other items are dropped.
        """
        ...


@dataclass(frozen=True)
class Serial:
    """One item after the other in this process."""

    def map(self, function: Callable[[A], B], items: Iterable[A], *, ordered: bool = True, cancel: Cancel | None = None) -> Iterator[B]:
        """As `Engine.map`; ``cancel`` is looked at between items only."""
        for item in items:
            if cancel is not None:
                cancel.check()
            yield function(item)
        if cancel is not None:
            cancel.check()


@dataclass(frozen=True)
class Processes:
    """Spawned processes with one thread each, which end with this one; serial for one worker, for one item, and inside a worker."""

    workers: int

    def map(self, function: Callable[[A], B], items: Iterable[A], *, ordered: bool = True, cancel: Cancel | None = None) -> Iterator[B]:
        """As `Engine.map`."""
        from dance2music import processes

        source = iter(items)
        first = list(islice(source, self.workers))
        if len(first) < 2 or processes.is_worker():
            yield from Serial().map(function, chain(first, source), ordered=ordered, cancel=cancel)
            return
        todo, exhausted = enumerate(chain(first, source)), False
        results: dict[int, B] = {}  # that wait for their turn
        given = told = 0
        with processes.team(len(first), function) as team:
            while True:
                while team.idle and not exhausted and given < told + _AHEAD * self.workers:
                    task = next(todo, None)
                    if task is None:
                        exhausted = True
                    else:
                        team.give(*task)
                        given += 1
                if exhausted and given == told:  # also where the last answers came together, before the end of the items was seen
                    return
                if cancel is not None:
                    cancel.check()
                for index, result in team.answers(timeout_seconds=None if cancel is None else _POLL_SECONDS):
                    results[index] = result
                    while (turn := told if ordered else index) in results:
                        if cancel is not None:
                            cancel.check()
                        yield results.pop(turn)
                        told += 1


ENGINES: dict[str, Callable[[int], Engine]] = {"serial": lambda workers: Serial(), "process": Processes, "ray": Ray}
"""Engine by the name that a user types -> how to make it for a number of workers."""


_instead: ContextVar[Engine | None] = ContextVar("instead", default=None)


@contextmanager
def working_on(instead: Engine) -> Iterator[None]:
    """What is worked on by processes in the block is worked on by that engine, however deep it is asked for: pools of training items."""
    held = _instead.set(instead)
    try:
        yield
    finally:
        _instead.reset(held)


def engine(name: str | Engine, workers: int, address: str = "") -> Engine:
    """The engine of that name with that many workers; an engine is given back as it is.

    Parameters
    ----------
    address : of a cluster, for engines that work on one; "" for this machine alone.

    Raises
    ------
    InputError
        If the name is unknown, there would be no worker, or the engine works on no cluster.
    """
    if not isinstance(name, str):
        return name
    if name == "process" and (instead := _instead.get()) is not None:
        return instead
    if name not in ENGINES:
        raise InputError(f"engine {name!r}: unknown; expected one of {', '.join(ENGINES)}")
    if workers < 1:
        raise InputError(f"workers: {workers}; expected at least 1")
    made = ENGINES[name](workers)
    if not address:
        return made
    if not isinstance(made, Ray):
        raise InputError(f"--address {address}: engine {name!r} works on this machine only; add --engine ray, or leave the address out")
    return replace(made, address=address)


_lock = threading.Lock()
_singles, _threads_before = 0, 1
_blas_before: Any = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Work with one thread inside, in torch and in the linear algebra of numpy and scipy.

    A step of sampling is too small to share, and waiting for threads on a busy machine costs far more; and sums by several threads differ
    in their last bits from those by one. It holds for the whole process, and for libraries that are loaded already; of jobs that overlap,
    the last to leave puts the numbers back.
    """
    import torch
    from threadpoolctl import threadpool_limits

    global _singles, _threads_before, _blas_before
    with _lock:
        if not _singles:
            _threads_before, _blas_before = torch.get_num_threads(), threadpool_limits(1, user_api="blas")
        _singles += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _singles -= 1
            if not _singles:
                torch.set_num_threads(_threads_before)
                _blas_before.restore_original_limits()


@contextmanager
def threads(workers: int, **options: Any) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads that is waited for at the end of the block, but not where an exception, as an interruption, ends it."""
    pool = ThreadPoolExecutor(workers, **options)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown(wait=True)


def awaited(future: Future[B]) -> B:
    """Result of a future; while it is not there, the cancel token of the running work is looked at (`work.check`)."""
    while not wait([future], timeout=_POLL_SECONDS).done:
        check()
    return future.result()


def side_by_side(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """Results of a function for each item: several at a time with one thread each, a single one with all threads.

    Of several pieces of music that are made at once, none needs to wait for another; and each comes out the same however many processors
    there are. Progress is reported by items; when one fails, or the work is cancelled or interrupted, the others are told to stop
    (`work.check`) and are not waited for.
    """
    import torch

    if len(items) < 2:
        return [function(item) for item in items]
    workers = min(len(items), torch.get_num_threads() if not _singles else _threads_before)
    stop = Cancel(current_cancel())

    def run(item: A) -> B:
        check()
        return function(item)

    options: dict[str, Any] = {"initializer": torch.set_num_threads, "initargs": (1,)}
    with one_thread(), cancellable(stop), threads(workers, **options) as pool:
        futures = [pool.submit(copy_context().run, run, item) for item in items]
        pending = set(futures)
        try:
            while pending:
                done, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                report(1 - len(pending) / len(items))
        except BaseException:
            stop.set()
            raise
        return [future.result() for future in futures]
