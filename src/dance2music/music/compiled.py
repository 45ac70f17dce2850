"""librosa's compiled functions, compiled by one process at a time.

numba keeps what it compiles of a generalised ufunc in two files that belong together. Where two processes compile the same for the first
time, one's first file may stay beside the other's second, and whoever loads both crashes, then and ever after (numba issue 10128).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from dance2music.leftovers import locked, release

_called: set[tuple[str, ...]] = set()


@contextmanager
def compiled_alone(*signature: str) -> Iterator[None]:
    """Around a call of librosa's: the first in this process with these names and types may compile, and waits for those of others."""
    if signature in _called:
        yield
        return
    spec = find_spec("librosa")
    lock = locked(Path(str(spec.origin)).parent) if spec is not None and spec.origin is not None else None
    try:
        yield
    finally:
        release(lock)
    _called.add(signature)
