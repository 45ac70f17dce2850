"""Jobs in a process of their own: it reads what to do from standard input and says how far it is on standard output.

It is started ahead of its job and imports what jobs need meanwhile. Everything that opens a user's file happens in such a process, under
limits of memory, processor time and size of files, never in the server.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO

from dance2music.documents import json_text
from dance2music.errors import Cancelled, Dance2MusicError
from dance2music.studio.task import CANCEL, REUSED_AFTER, Task
from dance2music.work import Cancel, Stages, cancellable

_NICENESS = 5
"""The page is to answer while a job computes."""
_LARGEST_FILE_BYTES = 8 << 30


def main() -> None:
    """Warm up, then do one job after the other; end after one that opened a new video or did not come to its end."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no message
    os.nice(_NICENESS)
    _warm()
    inbox = _Inbox()
    threading.Thread(target=inbox.listen, daemon=True).start()
    while (spec := inbox.next()) is not None:
        ended = _do(spec, inbox.cancel, out)
        if not (ended and spec["kind"] in REUSED_AFTER):
            break
    out.flush()
    os._exit(0)  # not waiting for threads of libraries


class _Inbox:
    """What the server says: jobs, one at a time, and that the one at work is to stop."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._job, self.cancel = "", Cancel()

    def next(self) -> dict[str, Any] | None:
        """The next job; None when the server has gone."""
        self._job, self.cancel = "", Cancel()
        spec = self._jobs.get()
        if spec is not None:
            self._job = spec["job"]
        return spec

    def listen(self) -> None:
        """Until the server is gone, which ends this process also in the middle of a job."""
        for line in sys.stdin:
            message = json.loads(line)
            if "kind" in message:
                self._jobs.put(message)
            elif message[CANCEL] == self._job:
                self.cancel.set()
        os._exit(1)


def _do(spec: dict[str, Any], cancel: Cancel, out: TextIO) -> bool:
    """Do a job and say how it ended; whether it was done."""
    _limit(spec["processor_seconds"], spec["memory_bytes"])

    def say(message: dict[str, Any]) -> None:
        out.write(json_text(message) + "\n")
        out.flush()

    def progress(stage: str, share: float) -> None:
        say({"stage": stage, "share": round(share, 4)})

    paths = {name: Path(path) for name, path in spec["paths"].items()}
    task = Task(spec["kind"], spec["asked"], Path(spec["folder"]), paths, spec["made"], Stages(progress), out)
    from dance2music.studio.making import KINDS

    try:
        with cancellable(cancel):
            KINDS[task.kind](task)
        say({"end": "done"})
        return True
    except Cancelled:
        say({"end": "cancelled"})
    except Dance2MusicError as error:
        say({"end": "failed", "error": _without(str(error), paths)})
    except MemoryError:
        say({"end": "failed", "error": "memory ran out; close other programs, or choose a shorter dance, and try again"})
    except OSError as error:
        say({"end": "failed", "error": f"a file cannot be written or read ({error.strerror}); free space and try again"})
    except Exception as error:
        traceback.print_exc()
        say({"end": "failed", "error": f"{type(error).__name__}: {error}; this is a fault of dance2music, please report it"})
    return False


def _without(text: str, paths: dict[str, Path]) -> str:
    """An error without the places of the library's files, which mean nothing to a user."""
    for name, path in paths.items():
        text = text.replace(f"{path}: ", "").replace(str(path), f"the {name}")
    return text


def _warm() -> None:
    """Import and load what nearly every job needs."""
    from importlib import import_module

    for name in (
        "torch", "dance2music.studio.making", "dance2music.generation.job", "dance2music.generation.outputs", "scipy.signal",
        "scipy.interpolate", "dance2music.dance.pose", "dance2music.music.audio", "dance2music.music.beats", "dance2music.sound.render",
        "dance2music.metrics.rhythm", "dance2music.video.frames",
    ):  # fmt: skip
        import_module(name)
    from dance2music.dance.networks import load_networks
    from dance2music.methods.base import Given
    from dance2music.parallel import one_thread
    from dance2music.studio.making import loaded_method
    from dance2music.takes.methods import DEFAULT

    load_networks()
    with one_thread():
        loaded_method(DEFAULT, Given(sound=DEFAULT.sounds[0]))


def _limit(processor_seconds: int, memory_bytes: int) -> None:
    """Limits that the system keeps, on this process only; `studio.runner` watches memory and time, of all that it starts."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = round(used.ru_utime + used.ru_stime) + processor_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE_BYTES, _LARGEST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


if __name__ == "__main__":
    main()
