"""Worker processes: spawned, with one thread each, silent, and gone when their parent is. `parallel.Processes` gives them work.

They are never forked: torch and MediaPipe do not survive a fork of a process that has used them. Workers and what they start form a
process group. A guard, a shell that waits for the end of its standard input, ends that group when the parent is gone, however it ended:
even killed, and even while a worker computes without a pause. (Linux's own signal at the death of a parent, PR_SET_PDEATHSIG, does not
reach grandchildren and goes by the thread that started the child.) Where there are no process groups, a thread in every worker watches the
parent. A worker is first asked to end (SIGTERM: it removes its unfinished files) and then killed.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from dance2music.errors import InputError

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
"""Environment of a worker."""
_GRACE_SECONDS = 0.3
"""Between asking a worker to end and killing it."""
_LEAVE_SECONDS = 2.0
"""How long workers may take to leave once there is nothing more to do."""
_WATCH_SECONDS = 0.2
"""How often a worker looks whether it still has its parent."""
_UNGUARDED = 79
"""Exit code of a worker that found itself starting workers while it imported the caller's script."""
_GUARD = f"trap '' TERM; read _; kill -TERM 0; sleep {_GRACE_SECONDS}; kill -KILL 0"
_AGAIN = "what is done is kept; run the same command again, with fewer workers"
_POSIX = os.name == "posix"
_starting = threading.Lock()


class Team:
    """Workers that run one function. Made by `team`.

    Attributes
    ----------
    idle : workers that have nothing to do; those that are still starting are not among them.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = pickle.dumps(function)
        self.workers: dict[Connection, multiprocessing.process.BaseProcess] = {}
        self.idle: list[Connection] = []
        self._ready: set[Connection] = set()
        self._index: dict[Connection, int] = {}

    def start(self, group: int | None) -> None:
        """Start one more worker, which joins a process group."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        level = logging.getLogger("dance2music").getEffectiveLevel()
        process = context.Process(target=_work, args=(theirs, group, level), name="dance2music-worker", daemon=True)
        try:
            with _inherited():
                process.start()
        except OSError as error:
            raise no_room(error) from error
        theirs.close()
        self.workers[ours] = process

    def give(self, index: int, item: object) -> None:
        """Have an idle worker run the function for an item. It reads at once, so that a large item blocks nothing."""
        worker = self.idle.pop()
        self._index[worker] = index
        self._send(worker, pickle.dumps(item))

    def answers(self, *, timeout_seconds: float | None) -> Iterator[tuple[int, Any]]:
        """Index and result of items that were done since; waits for one message of any worker, or that long.

        Raises
        ------
        InputError
            If a worker died or ran out of memory.
        Exception
            That the function raised.
        """
        for worker in wait(list(self.workers), timeout_seconds):
            assert isinstance(worker, Connection)
            try:
                message = worker.recv_bytes()
            except (EOFError, OSError):
                raise self._death(worker) from None
            kind, value = pickle.loads(message)
            if kind == "log":
                logger = logging.getLogger(value.name)
                if logger.isEnabledFor(value.levelno):
                    logger.handle(value)
            elif kind == "ready":
                self._ready.add(worker)
                self._send(worker, self.function)
                self.idle.append(worker)
            elif kind == "failed":
                raise value
            else:
                self.idle.append(worker)
                yield self._index.pop(worker), value

    def _send(self, worker: Connection, message: bytes) -> None:
        try:
            worker.send_bytes(message)
        except OSError:
            raise self._death(worker) from None

    def _death(self, worker: Connection) -> InputError:
        """What to say of a worker whose connection has ended."""
        process = self.workers[worker]
        process.join(_GRACE_SECONDS)
        code = process.exitcode
        how = "no exit code" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"
        if code == _UNGUARDED:
            script = getattr(sys.modules["__main__"], "__file__", "the script")
            return InputError(
                f'{script}: starts worker processes whenever it is imported; put what it does under if __name__ == "__main__": '
                "or use one worker"
            )
        if worker not in self._ready and code == 1:
            return InputError(f"a worker process could not import the program that started it ({how}); see above, or use one worker")
        return InputError(f"a worker process died ({how}), perhaps for lack of memory; {_AGAIN}")

    def dismiss(self) -> None:
        """Let workers leave that have nothing more to do."""
        for worker in self.workers:
            worker.close()
        self._wait(_LEAVE_SECONDS)

    def end(self) -> None:
        """Leave no worker behind."""
        for process in self._running():
            process.terminate()
        self._wait(_GRACE_SECONDS)
        for process in self._running():
            process.kill()
            process.join()
        for worker in self.workers:
            worker.close()

    def _running(self) -> list[multiprocessing.process.BaseProcess]:
        return [process for process in self.workers.values() if process.exitcode is None]

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (running := self._running()) and (left := end - time.monotonic()) > 0:
            wait([process.sentinel for process in running], left)


@contextmanager
def team(size: int, function: Callable[[Any], Any]) -> Iterator[Team]:
    """Workers that are gone at the end: they leave by themselves after their work, and are ended at any exception.

    Raises
    ------
    InputError
        If workers cannot import the caller's script, or cannot be started.
    """
    _check_script()
    members = Team(function)
    with guard() as group:
        try:
            for _ in range(size):
                members.start(group)
            yield members
            members.dismiss()
        finally:
            members.end()


@contextmanager
def guard() -> Iterator[int | None]:
    """Number of a new process group that ends with this process, and at the end of the context; None where there are no groups."""
    if not _POSIX:
        yield None
        return
    silent = subprocess.DEVNULL
    try:
        guard = subprocess.Popen(["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, stdout=silent, stderr=silent, process_group=0)
    except OSError as error:
        raise no_room(error) from error
    try:
        yield guard.pid
    finally:
        with suppress(OSError):
            os.killpg(guard.pid, signal.SIGKILL)  # what workers have started and left behind, and the guard itself
        guard.communicate()


def no_room(error: OSError) -> InputError:
    """The error where the system starts no more processes."""
    return InputError(f"worker processes cannot be started ({error.strerror}); expected room for them; use fewer workers")


def is_worker() -> bool:
    """Whether this process may start none of its own: it is one worker of several, and the processors are taken."""
    return _one_of_several or bool(multiprocessing.current_process().daemon)


_one_of_several = False


def become_worker() -> None:
    """Say that this process, which others started, is one worker of several (`is_worker`)."""
    global _one_of_several
    _one_of_several = True


def _check_script() -> None:
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # a worker is importing the script that started it
        raise SystemExit(_UNGUARDED)
    main = sys.modules["__main__"]
    script = getattr(main, "__file__", None)
    if script is not None and getattr(main, "__spec__", None) is None and not Path(script).exists():
        raise InputError(f"{script}: worker processes cannot import this script; expected a file; save it as one or use one worker")


@contextmanager
def _inherited() -> Iterator[None]:
    """A process that is started inside has one thread in numerical libraries, and no SIGINT reaches it before it ignores them."""
    if _POSIX:
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # before: starting it unblocks SIGINT
    with _starting:
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if _POSIX else None
        os.environ.update(ONE_THREAD)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            if mask is not None:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _work(parent: Connection, group: int | None, level: int) -> None:
    """What a worker does: it reads the function, then item after item, and answers each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    if group is not None:
        with suppress(OSError):  # the guard is gone, and so is the parent
            os.setpgid(0, group)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")
    post = _Post(parent)
    logging.root.handlers = [post]
    logging.root.setLevel(level)
    with suppress(EOFError, OSError):  # the parent has gone or wants no more
        post.send(pickle.dumps(("ready", None)))
        source = parent.recv_bytes()
        function: Callable[[Any], Any] | None = None
        while True:
            task = parent.recv_bytes()
            try:
                if function is None:
                    function = pickle.loads(source)
                answer = pickle.dumps(("done", function(pickle.loads(task))))
            except Exception as error:
                answer = pickle.dumps(("failed", portable(error)))
            post.send(answer)


class _Post(QueueHandler):
    """What a worker says goes to its parent: log records at any time, and one answer per item."""

    def __init__(self, parent: Connection) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.parent = parent

    def send(self, message: bytes) -> None:
        assert self.lock is not None
        with self.lock:
            self.parent.send_bytes(message)

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self.send(pickle.dumps(("log", record)))


def portable(error: Exception) -> Exception:
    """An error that survives the way to the parent, with the worker's traceback as a note."""
    note = "in a worker process:\n" + traceback.format_exc()
    if isinstance(error, MemoryError):
        return InputError(f"a worker process ran out of memory; {_AGAIN}")
    error.add_note(note)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
        error.add_note(note)
    return error


def _leave(*_: object) -> None:
    """Unwind what the worker is doing, once, and say nothing: libraries that are interrupted in a callback print it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    raise SystemExit(128 + signal.SIGTERM)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    while os.getppid() == parent.pid and parent.is_alive():  # both: what the parent has forked keeps its sentinel open
        parent.join(_WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)
