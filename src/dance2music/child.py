"""A program of ours in a process of its own, for one job: it can be given limits and be ended, and it ends when its parent does.

`processes` has workers, which run a function for many items; a child is one module run as a program, with which one talks in lines of JSON.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dance2music.processes import guard, no_room

_POSIX = os.name == "posix"
_GRACE_SECONDS = 0.3
"""How long an exit code is waited for."""


class Child:
    """A module that runs as a program, in a process group of its own, and that one talks with in lines of JSON. Made by `child`."""

    def __init__(self, process: subprocess.Popen[bytes], group: int | None) -> None:
        self._process, self._group = process, group
        self._said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: object) -> None:
        """Tell it something; a child that has ended hears nothing."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self, timeout_seconds: float) -> Any:
        """The next thing that it says; raises TimeoutError after so long, and EOFError once it says no more."""
        try:
            message = self._said.get(timeout=timeout_seconds)
        except queue.Empty:
            raise TimeoutError from None
        if message is None:
            self._said.put(None)
            raise EOFError
        return message

    def exit_code(self, timeout_seconds: float = _GRACE_SECONDS) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_seconds)
        return None

    def memory_bytes(self) -> int:
        """Memory that it and all that it has started hold; 0 where the system does not tell (it has no /proc)."""
        held, page = 0, os.sysconf("SC_PAGE_SIZE") if _POSIX else 0
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, IndexError, ValueError):
                if os.getpgid(int(folder.name)) == self._group:
                    held += int((folder / "statm").read_text().split()[1]) * page
        return held

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        with suppress(OSError):
            if self._group is not None:
                os.killpg(self._group, signal.SIGKILL)
            self._process.kill()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):
            for line in self._process.stdout:
                self._said.put(json.loads(line))
        self._said.put(None)


@contextmanager
def child(module: str, *, log: Path) -> Iterator[Child]:
    """A module run as a program (``python -m``), gone at the end; what it prints on standard error goes to the end of a file.

    Raises
    ------
    InputError
        If no process can be started.
    """
    with guard() as group, log.open("ab") as errors:
        options: dict[str, Any] = {} if group is None else {"process_group": group}
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen([sys.executable, "-m", module], stdin=pipe, stdout=pipe, stderr=errors, **options)
        except OSError as error:
            raise no_room(error) from error
        made = Child(process, group)
        try:
            yield made
        finally:
            made.kill()
            process.wait()
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()
