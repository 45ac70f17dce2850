"""A job as the process that does it sees it, and what that process and the server say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from dance2music.documents import json_text
from dance2music.work import Stages

DANCE_FILE, TAKE_FILE, SOUND_FILE, REPORT_FILE, WAVES_FILE = "dance.take", "take.take", "sound.wav", "report.json", "waves.bin"
STEM_WAVES_FILE, STEMS_FOLDER = "stem-waves.bin", "stems"
POSTER_FILE, PREVIEW_FILE, OWN_SOUND_FILE, PLACES_FILE = "poster.jpg", "preview.mp4", "own.flac", "places.json"

CANCEL = "cancel"
"""The server sends ``{CANCEL: job}`` to stop a job; the end of standard input stops it at once."""
REUSED_AFTER = ("takes", "section", "stems", "voices", "export", "listen")
"""Kinds of jobs after which the process, warm as it is, does the next one: they open no file that came in just before."""


@dataclass
class Task:
    """A job as its process sees it.

    Attributes
    ----------
    kind, asked : what to do.
    folder : private folder to make things in.
    paths : the files that it may read: ``video``, ``dance``, ``take``, ... as the kind needs.
    made : numbers of the takes that an earlier attempt finished.
    stages : where progress goes.
    """

    kind: str
    asked: dict[str, Any]
    folder: Path
    paths: dict[str, Path]
    made: list[int]
    stages: Stages
    _out: TextIO = field(repr=False)

    def new_folder(self, name: str) -> Path:
        """A folder to make something in."""
        folder = self.folder / name
        folder.mkdir()
        return folder

    def tell_length(self, seconds: float) -> None:
        """Say how long the dance is, once that is known: what is left of the job goes by it."""
        self._out.write(json_text({"dance_seconds": seconds}) + "\n")
        self._out.flush()

    def publish(self, what: str, folder: Path, **told: Any) -> None:
        """Hand over a folder that is finished: ``what`` is dance, take, stems or export."""
        self._out.write(json_text({"made": what, "folder": folder.name, **told}) + "\n")
        self._out.flush()
