"""A small listening test: two dances of 1.5 s with music of two methods and their own."""

from __future__ import annotations

from pathlib import Path

import pytest

import videos
from dance2music.listening.build import build
from dance2music.listening.design import ListeningConfig
from dance2music.music.audio import save_wav
from listening_example import SECONDS, Built, notes

SALT = 7316512983234187611
"""Drawn once, so that the tests see the same test every time."""


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders ``original`` (videos and wav files), ``ours`` and ``cmt`` (wav files, differently loud)."""
    root = tmp_path_factory.mktemp("music")
    folders = {name: root / name for name in ("original", "ours", "cmt")}
    for f, folder in enumerate(folders.values()):
        folder.mkdir()
        for c in range(2):
            save_wav(notes(10 * f + c, gain=(0.2, 0.02, 0.5)[f]), folder / f"dance{c}.wav")
    for c in range(2):
        videos.write_video(folders["original"] / f"dance{c}.mp4", seconds=SECONDS, metadata={"title": "secret"})
    (folders["ours"] / "dance0.json").write_text("{}")
    return folders


@pytest.fixture(scope="session")
def built(sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Three parts, few items, three listeners."""
    folder = tmp_path_factory.mktemp("listening") / "test"
    config = ListeningConfig(listeners=3, rated_items=3, pairs=2, checks=1, symbolic=("cmt",), focus="ours")
    key = build(folder, {name: sources[name] for name in ("ours", "cmt")}, original=sources["original"], config=config, salt=SALT)
    return Built(folder, folder.with_name("test.key.json"), key, sources)
