"""One studio for the tests of its API and of its page, with a dance in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duets import Duet, draw_duet
from studio_server import Running, running


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of the drawn dancer."""
    from dance2music.synthetic.drawing import example_video

    path = tmp_path_factory.mktemp("clip") / "dance.mp4"
    example_video(path, seconds=4.0)
    return path


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A studio on a library of its own."""
    with running(tmp_path_factory.mktemp("studio") / "library") as found:
        yield found


@pytest.fixture(scope="session")
def dance(studio: Running, clip: Path) -> Any:
    """A dance that was watched, with its first take and the stems of that."""
    made = studio.upload(clip, "first.mp4")
    assert studio.settled(made["job"]["id"])["state"] == "done"
    return studio.ask("GET", f"/api/dances/{made['dance']['id']}")


@pytest.fixture(scope="session")
def duet_clip(tmp_path_factory: pytest.TempPathFactory) -> Duet:
    """Four seconds of two drawn dancers."""
    return draw_duet(tmp_path_factory.mktemp("duet"))


@pytest.fixture(scope="session")
def duet(studio: Running, duet_clip: Duet) -> Any:
    """The film of two dancers, watched, with its first take."""
    made = studio.upload(duet_clip.path, "duet.mp4")
    assert studio.settled(made["job"]["id"])["state"] == "done"
    return studio.ask("GET", f"/api/dances/{made['dance']['id']}")


@pytest.fixture(scope="session")
def take(dance: Any) -> Any:
    """The first take."""
    return dance["takes"][0]
