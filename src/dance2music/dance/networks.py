"""MediaPipe's networks of body, hands and face at work in LiteRT: their files found and checked, and quiet.

The files (Apache-2.0, Google LLC) come into the wheel when it is built, see `network_files`; nothing is fetched here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.dance.network_files import FILES, PACKAGE
from dance2music.dance.tflite import without_output
from dance2music.errors import InputError

_MASK_SHAPE = (1, 256, 256, 1)
"""Of the picture of the dancer that the body's network paints and nobody looks at."""
_loading = threading.Lock()


class Network:
    """One network on one thread; an instance is used by one thread at a time, and lets others run meanwhile."""

    def __init__(self, name: str) -> None:
        content = network_bytes(name)
        with _loading, quiet():  # its greeting
            self._interpreter = _load_runtime().Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        (given,) = self._interpreter.get_input_details()
        self._input: int = given["index"]
        self._outputs: list[int] = [detail["index"] for detail in self._interpreter.get_output_details()]
        self.size: int = int(given["shape"][1])
        """Height and width of the picture that it takes."""
        self._picture = np.empty((1, self.size, self.size, 3), np.float32)

    def run(self, picture: np.ndarray, *, low: float = 0.0) -> list[np.ndarray]:
        """Its outputs, flattened, for a picture uint8 [size, size, 3] brought to ``low``..1."""
        self._picture[0] = picture
        self._picture *= np.float32((1.0 - low) / 255.0)
        if low:
            self._picture += low
        self._interpreter.set_tensor(self._input, self._picture)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(output).reshape(-1) for output in self._outputs]


@cache
def network_bytes(name: str) -> bytes:
    """The network in a file of this name (of `FILES`, without its folder); the body's without its mask.

    Raises
    ------
    InputError
        If the file is missing or is not the one that belongs here.
    """
    place, digest = next((place, digest) for place, digest in FILES.items() if Path(place).name == name)
    path = _place_of(place)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected the network {place}, which is put there when dance2music is built; "
            "install dance2music again"
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"{path}: is not the network {place} that was built in (its sha256 differs); install dance2music again")
    return without_output(content, _MASK_SHAPE)


def _place_of(place: str) -> Path:
    """Where a file lies: in the folder beside the installed package."""
    beside = find_spec(PACKAGE)
    folders = [] if beside is None else list(beside.submodule_search_locations or [])
    return Path(folders[0] if folders else PACKAGE) / Path(place).name


@cache
def _load_runtime() -> Any:
    """LiteRT's module of interpreters."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from ai_edge_litert import interpreter

    return interpreter


def load_networks() -> None:
    """Import the runtime and read the files, ahead of their use."""
    _load_runtime()
    for place in FILES:
        network_bytes(Path(place).name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard what C++ libraries write to file descriptor 2: the runtime greets at every start."""
    with _stderr.lock:
        if _stderr.depth == 0:
            try:
                _stderr.saved = os.dup(2)
            except OSError:  # no standard error at all
                _stderr.saved = None
            else:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 2)
                os.close(null)
        _stderr.depth += 1
    try:
        yield
    finally:
        with _stderr.lock:
            _stderr.depth -= 1
            if _stderr.depth == 0 and _stderr.saved is not None:
                os.dup2(_stderr.saved, 2)
                os.close(_stderr.saved)


class _Stderr:
    """Who has silenced file descriptor 2: threads may do so at once, the last one to finish restores it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.saved: int | None = None


_stderr = _Stderr()
