"""Fixtures that every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LONG = (
    "studio/",
    "test_readme",
    "generation/",
    "takes/",
    "evaluation/",
    "recipe/",
    "fuzz/",
    "experiments/",
    "papers/",
    "baselines/",
    "dance/",
)
"""Parts of the suite that take longest: they begin first, so that no process is left with one of them at the end."""
SHARED = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        name = item.nodeid.removeprefix("tests/")
        return next((i for i, part in enumerate(LONG) if name.startswith(part)), len(LONG))

    items.sort(key=place)  # stable: the order within a file stays


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file is the work of one process, all of the studio's tests too: they share a studio."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folder, _, _ = nodeid.rpartition("/")
            return folder if folder.endswith("studio") else super()._split_scope(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


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


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two takes are made for each that is kept, and not two dozen."""
    monkeypatch.setattr("dance2music.takes.ranking.candidates_for", lambda *_: 2)
