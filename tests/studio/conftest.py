"""One studio for the tests of its API and of its page, with a dance in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio_server import Running, running


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of the drawn dancer."""
    from dance2music.synthetic.drawing import example_video

    path = tmp_path_factory.mktemp("clip") / "dance.mp4"
    example_video(path, seconds=4.0)
    return path


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A studio on an empty library."""
    with running(tmp_path_factory.mktemp("studio") / "library") as found:
        yield found
