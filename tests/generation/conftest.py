"""Videos for the main job, and a dance that stands for what is seen in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import videos
from dance2music.people.dancers import of_motion
from dance2music.synthetic.drawing import example_dance
from dance2music.types import Dancer
from dance2music.video.container import VideoInfo
from jobs import SECONDS


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The drawn dance stands for what is seen in any video; gives the list of the videos that were watched."""
    watched: list[Path] = []

    def read_dancers(video: VideoInfo, *, details: bool = True, progress: Callable[[float], None] | None = None) -> tuple[Dancer, ...]:
        watched.append(video.path)
        return (of_motion(example_dance(SECONDS)[0]),)

    monkeypatch.setattr("dance2music.generation.job.read_dancers", read_dancers)
    return watched


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small video without a dancer."""
    return videos.write_video(tmp_path_factory.mktemp("bars") / "clip.mp4", seconds=SECONDS)


@pytest.fixture
def video(bars: Path, tmp_path: Path) -> Path:
    """A copy of it in a folder of the test's own, with a name that is not plain."""
    return Path(shutil.copy(bars, tmp_path / "mein tanz ü.mp4"))
