"""What librosa compiles is compiled by one process at a time."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from dance2music.leftovers import locked, release
from dance2music.music.compiled import compiled_alone

pytest.importorskip("fcntl", reason="locks are those of POSIX")


def entered(*signature: str) -> threading.Event:
    """Whether a block under a signature was entered, from a thread of its own."""
    inside = threading.Event()

    def call() -> None:
        with compiled_alone(*signature):
            inside.set()

    threading.Thread(target=call, daemon=True).start()
    return inside


def test_a_first_call_waits_until_nobody_else_compiles_and_later_ones_do_not() -> None:
    spec = find_spec("librosa")
    assert spec is not None and spec.origin is not None
    with compiled_alone("known", "float32"):
        pass
    lock = locked(Path(spec.origin).parent)
    try:
        first, later = entered("new", "float32"), entered("known", "float32")
        assert later.wait(20.0) and not first.wait(0.3)
    finally:
        release(lock)
    assert first.wait(60.0)


def test_a_call_that_fails_is_a_first_one_again() -> None:
    with pytest.raises(ZeroDivisionError), compiled_alone("fails"):
        raise ZeroDivisionError
    assert entered("fails").wait(60.0)
