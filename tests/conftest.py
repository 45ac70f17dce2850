"""Fixtures that every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder of recordings and published numbers that are not part of the project; a test that needs it is skipped without it."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is missing: set DANCE2MUSIC_SHARED to the folder of shared recordings to run this test")
    return SHARED


@pytest.fixture(autouse=True)
def whole_floats() -> None:
    """Numbers near zero count in every test: a training that an error stopped has them flushed until that is forgotten (`Loop`)."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread of torch for a module that trains tiny networks, where several mostly wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
