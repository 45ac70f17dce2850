"""Work side by side: threads and processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from dance2music.work import Cancel, cancellable, check, current_cancel, report

A = TypeVar("A")
B = TypeVar("B")

_lock = threading.Lock()
_singles, _threads_before = 0, 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Work with one thread inside: a step of sampling is too small to share, and waiting for threads on a busy machine costs far more.

    Torch has one number of threads for the whole process: of jobs that overlap, the last to leave puts it back.
    """
    import torch

    global _singles, _threads_before
    with _lock:
        if not _singles:
            _threads_before = torch.get_num_threads()
        _singles += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _singles -= 1
            if not _singles:
                torch.set_num_threads(_threads_before)


def side_by_side(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """Results of a function for each item: several at a time with one thread each, a single one with all threads.

    Of several pieces of music that are made at once, none needs to wait for another; and each comes out the same however many processors
    there are. Progress is reported by items; when one fails, or the work is cancelled or interrupted, the others stop too
    (`work.check`).
    """
    import torch

    if len(items) < 2:
        return [function(item) for item in items]
    workers = min(len(items), torch.get_num_threads() if not _singles else _threads_before)
    stop = Cancel(current_cancel())

    def run(item: A) -> B:
        check()
        return function(item)

    with one_thread(), cancellable(stop), ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            futures = [pool.submit(copy_context().run, run, item) for item in items]
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                report(done / len(items))
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
