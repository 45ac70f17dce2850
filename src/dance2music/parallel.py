"""Work side by side: threads and processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


@contextmanager
def one_thread() -> Iterator[None]:
    """Work with one thread inside: a step of sampling is too small to share, and waiting for threads on a busy machine costs far more."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def side_by_side(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """Results of a function for each item: several at a time with one thread each, a single one with all threads.

    Of several pieces of music that are made at once, none needs to wait for another; and each comes out the same however many processors
    there are.
    """
    import torch

    if len(items) < 2:
        return [function(item) for item in items]
    workers = min(len(items), torch.get_num_threads())
    with one_thread(), ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(function, items))
