"""Ray as an engine: the work of `parallel.Engine` on the machines of a cluster, or on this one as a cluster of its own (extra ``scale``).

Each worker is an actor with one thread and one processor, which keeps what it has loaded. Items are given to workers one at a time, quick
ones two. When a worker or its machine dies, its items go to others and another worker is started; results count once, by the index of
their item. Ray moves the items and the results; files are written by the workers, so that all machines see the same folders (a shared
file system), or the work writes to object storage.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from logging.handlers import QueueHandler
from pathlib import Path
from typing import Any, TypeVar

from dance2music import __version__
from dance2music.errors import InputError
from dance2music.processes import ONE_THREAD, become_worker, is_worker, portable
from dance2music.work import Cancel

logger = logging.getLogger(__name__)

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 16
"""Items per worker that may be under way or wait for their turn."""
_QUICK_SECONDS = 0.2
"""A worker whose items take less has the next one waiting there already; longer ones are not worth it, and others may be free sooner."""
_DEATHS = 3
"""So many workers may die over an item before it is given up."""
_POLL_SECONDS = 0.1
_REACH_SECONDS = 5.0
_ROOM_SECONDS = 120.0
"""How long a cluster may take to have room for the first worker."""
_STORE_BYTES = 200_000_000
"""Ray's object store on a machine that is its own cluster: items and results are small, what is large goes into files."""
_AGAIN = "what is done is kept; run the same command again"


@dataclass(frozen=True)
class Ray:
    """Workers on a Ray cluster.

    Attributes
    ----------
    workers : how many at most; there are fewer while the cluster has room for fewer.
    address : of the cluster, as HOST:PORT, or "auto" for the one that this machine belongs to; "" makes one of this machine alone, for as
        long as the work lasts.
    """

    workers: int
    address: str = ""

    def map(self, function: Callable[[A], B], items: Iterable[A], *, ordered: bool = True, cancel: Cancel | None = None) -> Iterator[B]:
        """As `parallel.Engine.map`; a worker that dies is replaced, and its items are given to others.

        Raises
        ------
        InputError
            If Ray is not installed, there is no cluster at the address, it has no room or another version of this package, or three
            workers die over an item.
        """
        if is_worker():
            for item in items:
                yield function(item)
            return
        source = iter(items)
        first = list(islice(source, 1))
        if not first:
            return
        with connected(self) as ray:
            team = _Team(ray, self.workers, function)
            try:
                yield from team.run(chain(first, source), ordered, cancel)
            finally:
                team.end()


@contextmanager
def connected(engine: Ray) -> Iterator[Any]:
    """The module ``ray``, connected to the engine's cluster; a connection that was there before stays. Raises InputError as `Ray.map`."""
    try:
        import ray
    except ImportError as error:
        raise InputError("engine 'ray': Ray is not installed; expected the extra 'scale'; pip install 'dance2music[scale]'") from error
    if ray.is_initialized():
        yield ray
        return
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "configure_logging": False}
    where = engine.address or "this machine"
    try:
        if engine.address:
            _check_reached(engine.address)
        with _silent():
            if engine.address:
                context = ray.init(address=engine.address, **quiet)
            else:
                context = ray.init(num_cpus=engine.workers, object_store_memory=_STORE_BYTES, include_dashboard=False, **quiet)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--address {where}: no Ray cluster answers ({reason}); start one with 'ray start --head', or check it") from error
    try:
        if url := context.dashboard_url:
            logger.warning("the cluster's dashboard: http://%s", url)
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _silent() -> Iterator[None]:
    """What libraries write to standard output and error meanwhile, below Python too, is dropped: one line says what is wrong."""
    held = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, saved in zip((1, 2), held):
            os.dup2(saved, number)
            os.close(saved)
        os.close(nowhere)


def _check_reached(address: str) -> None:
    """Refuse an address at which nothing listens, for which Ray would wait long. Raises InputError."""
    if address == "auto" or "://" in address:
        return
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise InputError(f"--address {address}: expected HOST:PORT of a Ray cluster, or auto; for example 10.0.0.1:6379")
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"--address {address}: no Ray cluster answers ({error}); start one with 'ray start --head', or check it"
        ) from error


@cache
def code_digest() -> str:
    """Digest of the package's sources: workers with other code would make other bits under the same version number."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


class Worker:
    """What an actor is: it holds the function, works on items, and sends along what was logged. Made by `_Team`."""

    def __init__(self, function: bytes, level: int, search: list[str]) -> None:
        os.environ.update(ONE_THREAD)
        sys.path.extend(path for path in search if path not in sys.path)  # as a spawned process has it
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)  # of what Ray has loaded before; torch goes by the environment
        become_worker()
        self._source, self._level = function, level
        self._function: Callable[[Any], Any] | None = None

    def about(self) -> tuple[str, str, str]:
        """Version and digest of the package here, and the machine's name."""
        return __version__, code_digest(), socket.gethostname()

    def work(self, item: bytes) -> bytes:
        """The pickled answer for a pickled item: ("done", result, records, seconds) or ("failed", error, ...)."""
        records: list[logging.LogRecord] = []
        logging.root.handlers = [_Kept(records)]
        logging.root.setLevel(self._level)
        try:
            if self._function is None:
                self._function = pickle.loads(self._source)
            begun = time.perf_counter()
            result = self._function(pickle.loads(item))
            return _pickled(("done", result, records, time.perf_counter() - begun))
        except Exception as error:
            return _pickled(("failed", portable(_with_machine(error)), records, 0.0))


def _pickled(value: object) -> bytes:
    """Bytes that ``pickle`` reads; functions and classes of a script, which workers cannot import, go along."""
    from ray import cloudpickle

    pickled: bytes = cloudpickle.dumps(value)
    return pickled


class _Kept(QueueHandler):
    """Keeps records, fit to be pickled."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.records = records

    def enqueue(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def _with_machine(error: Exception) -> Exception:
    """A disk that is full is one machine's: the message says which."""
    if isinstance(error, InputError) and "No space left" in str(error):
        return InputError(f"{error} (on {socket.gethostname()})")
    return error


class _Team:
    """Actors, and which items they have."""

    def __init__(self, ray: Any, size: int, function: Callable[[Any], Any]) -> None:
        level = logging.getLogger("dance2music").getEffectiveLevel()
        self._ray, self._size = ray, size
        self._pickled, self._level = _pickled(function), level
        options = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        self._actor = ray.remote(Worker).options(**options)
        self._starting: dict[Any, Any] = {}  # reference of `about` -> actor
        self._has: dict[Any, set[int]] = {}  # actor -> items under way
        self._under_way: dict[Any, tuple[int, Any]] = {}  # reference -> index, actor
        self._tasks: dict[int, bytes] = {}
        self._again: list[int] = []
        self._deaths: Counter[int] = Counter()
        self._deep = 1  # items that a worker has at a time
        self._failed_starts = 0
        self._begun = time.monotonic()

    def run(self, items: Iterator[Any], ordered: bool, cancel: Cancel | None) -> Iterator[Any]:
        """Results, as `parallel.Engine.map`."""
        results: dict[int, Any] = {}
        todo, exhausted, given, told = enumerate(items), False, 0, 0
        while True:
            while not exhausted and given < told + AHEAD * self._size and len(self._again) < self._free():
                task = next(todo, None)
                if task is None:
                    exhausted = True
                else:
                    given += 1
                    self._tasks[task[0]] = _pickled(task[1])
                    self._again.append(task[0])
            if exhausted and given == told:
                return
            self._staff(len(self._tasks))
            self._give()
            if cancel is not None:
                cancel.check()
            for index, result in self._answers():
                results[index] = result
                while (turn := told if ordered else index) in results:
                    if cancel is not None:
                        cancel.check()
                    yield results.pop(turn)
                    told += 1

    def end(self) -> None:
        """Leave no worker behind."""
        for actor in [*self._starting.values(), *self._has]:
            with suppress(Exception):
                self._ray.kill(actor)

    def _free(self) -> int:
        """How many items can be given now, or will be once the first worker is there."""
        return sum(self._deep - len(held) for held in self._has.values()) or (0 if self._has else 1)

    def _staff(self, wanted: int) -> None:
        """Have as many workers as there may be, or as there are items."""
        target = self._size if not self._has and not self._starting else min(self._size, max(wanted, 1))
        while len(self._has) + len(self._starting) < target:
            actor = self._actor.remote(self._pickled, self._level, [path for path in sys.path if path])
            self._starting[actor.about.remote()] = actor
        if not self._has and time.monotonic() - self._begun > _ROOM_SECONDS:
            raise InputError(
                f"engine 'ray': the cluster has had no room for a worker for {_ROOM_SECONDS:g} s; expected a free processor; "
                "wait for other jobs, or add machines"
            )

    def _give(self) -> None:
        for actor, held in self._has.items():
            while len(held) < self._deep and self._again:
                if held and len(self._again) <= len(self._has) - sum(bool(others) for others in self._has.values()):
                    break  # an idle worker takes it
                index = self._again.pop(0)
                held.add(index)
                self._under_way[actor.work.remote(self._tasks[index])] = (index, actor)

    def _answers(self) -> Iterator[tuple[int, Any]]:
        """Index and result of what was done since; waits a moment for some."""
        references = [*self._starting, *self._under_way]
        done, _ = self._ray.wait(references, num_returns=1, timeout=_POLL_SECONDS)
        if done:
            done, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        for reference in done:
            if reference in self._starting:
                self._started(reference)
            elif reference in self._under_way:
                index, actor = self._under_way.pop(reference)
                try:
                    kind, value, records, seconds = pickle.loads(self._ray.get(reference))
                except self._ray.exceptions.RayError as error:
                    self._died(actor, index, error)
                    continue
                self._has[actor].discard(index)
                self._deep = 2 if seconds < _QUICK_SECONDS else 1
                for record in records:
                    log = logging.getLogger(record.name)
                    if log.isEnabledFor(record.levelno):
                        log.handle(record)
                if kind == "failed":
                    raise value
                del self._tasks[index]
                yield index, value

    def _started(self, reference: Any) -> None:
        actor = self._starting.pop(reference)
        try:
            version, digest, machine = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts > _DEATHS * self._size:
                reason = " ".join(str(error).split())[-200:]
                raise InputError(
                    f"engine 'ray': workers cannot be started ({reason}); expected this package on every machine; install it there"
                ) from error
            return
        if (version, digest) != (__version__, code_digest()):
            raise InputError(
                f"engine 'ray': {machine} has dance2music {version} ({digest}); expected {__version__} ({code_digest()}) as here; "
                "install the same on every machine"
            )
        self._has[actor] = set()

    def _died(self, actor: Any, index: int, error: Exception) -> None:
        """A worker is gone: what it had is given to others; the item that it worked on may be at fault."""
        lost = {index} | {i for i, other in self._under_way.values() if other is actor}
        self._under_way = {reference: (i, other) for reference, (i, other) in self._under_way.items() if other is not actor}
        del self._has[actor]
        with suppress(Exception):
            self._ray.kill(actor)
        first = min(lost)
        self._deaths[first] += 1
        if self._deaths[first] >= _DEATHS:
            raise InputError(
                f"engine 'ray': {_DEATHS} workers died over one piece of work, perhaps for lack of memory; {_AGAIN}, with fewer workers"
            ) from error
        logger.warning("a worker died; what it had is done again by another")
        self._again = sorted([*lost, *self._again])
        self._begun = time.monotonic()
