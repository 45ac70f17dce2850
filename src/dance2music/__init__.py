"""Music for a dance: a dance video in, the same video with newly generated music that is in time with the dancer out.

The public names below load what they need when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "generate": "dance2music.generation.job",
    "read_motion": "dance2music.dance.watch",
    "read_dancers": "dance2music.dance.watch",
    "condition": "dance2music.generation.pipeline",
    "load_method": "dance2music.takes.methods",
    "best_take": "dance2music.takes.ranking",
    "make_takes": "dance2music.takes.take",
    "finished_take": "dance2music.takes.take",
    "load_take": "dance2music.takes.take",
    "regenerate": "dance2music.generation.redraw",
    "to_audio": "dance2music.takes.sound",
    "finish": "dance2music.takes.sound",
    "measure_sync": "dance2music.metrics.sync",
    "evaluate": "dance2music.evaluation.evaluate",
    "Cancel": "dance2music.work",
    "Dance2MusicError": "dance2music.errors",
    "InputError": "dance2music.errors",
    "Cancelled": "dance2music.errors",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'dance2music' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_PUBLIC[name]), name)
