"""Engines: the same results whichever runs, errors and ends of workers, and no process that outlives its parent."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dance2music import parallel, processes
from dance2music.errors import Cancelled, ConfigError, InputError
from dance2music.files import whole_file
from dance2music.parallel import Engine, Processes, Serial, engine
from dance2music.work import Cancel

ENGINES = [Serial(), Processes(2)]
SOON_SECONDS = 10.0
"""A second is promised; the others are for a busy machine, on which a process waits for its turn to die."""


def square(value: int) -> int:
    return value * value


def noise(seed: int) -> tuple[int, np.ndarray, np.floating]:
    import torch

    threads, draw = torch.get_num_threads(), torch.randn(300, 300, generator=torch.Generator().manual_seed(seed))
    long = np.random.default_rng(seed).normal(size=1_000_000)
    with parallel.one_thread():
        return threads, (draw @ draw).numpy(), np.dot(long, long)


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def about_me(_: int) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "method": type(multiprocessing.current_process()).__name__,
        "threads": (os.environ.get("OMP_NUM_THREADS"), os.environ.get("OPENBLAS_NUM_THREADS")),
        "interrupts": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
        "nested": list(Processes(2).map(process_of, range(4))),
        "state": STATE,
    }


def process_of(_: int) -> int:
    return os.getpid()


STATE = ["as imported"]


def fail(value: int) -> int:
    if value == 3:
        raise ConfigError(f"item {value}: is wrong")
    return value


class Odd(Exception):
    """Cannot be unpickled: its constructor wants two arguments."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def fail_oddly(value: int) -> int:
    raise Odd(value, value)


def run_out(value: int) -> int:
    raise MemoryError


def die(value: int) -> int:
    if value == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def tell(value: int) -> int:
    logging.getLogger("dance2music.test").info("did %d", value)
    logging.getLogger("dance2music.test").debug("not this")
    return value


def write_slowly(path: Path) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half")
        (path.parent / f"{path.name}.started").touch()
        time.sleep(60.0)


def wait_for(condition: Callable[[], bool], *, seconds: float = 60.0) -> float:
    """Seconds until the condition holds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "has not happened in time"
        time.sleep(0.01)
    return time.monotonic() - start


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("made", ENGINES, ids=repr)
def test_results_come_in_order(made: Engine) -> None:
    assert list(made.map(nap, [0.2, 0.0, 0.1, 0.0, 0.0])) == [0.2, 0.0, 0.1, 0.0, 0.0]


def test_without_order_results_come_as_they_are_done() -> None:
    results = Processes(2).map(nap, [1.0, 0.0, 0.01, 0.02], ordered=False)
    assert list(results)[-1] == 1.0


def test_results_are_the_same_bits_whatever_the_engine() -> None:
    one, two = (list(made.map(noise, range(5))) for made in ENGINES)
    assert [(a.tobytes(), b.tobytes()) for _, a, b in one] == [(a.tobytes(), b.tobytes()) for _, a, b in two]
    assert all(threads == 1 for threads, _, _ in two)


def test_one_thread_is_one_in_torch_and_in_linear_algebra_and_ends() -> None:
    import torch
    from threadpoolctl import threadpool_info

    def threads() -> list[int]:
        return [torch.get_num_threads(), *(int(library["num_threads"]) for library in threadpool_info() if library["user_api"] == "blas")]

    before = threads()
    with parallel.one_thread():
        assert set(threads()) == {1} and len(before) > 1
    assert threads() == before
    first, second = parallel.one_thread(), parallel.one_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(threads()) == {1}, "a job that leaves while another goes on puts nothing back"
    second.__exit__(None, None, None)
    assert threads() == before


@pytest.mark.parametrize("ordered", [True, False])
def test_of_many_items_only_a_few_are_taken_ahead_and_none_before_it_is_needed(ordered: bool) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for i in range(1_000_000):
            taken.append(i)
            yield i

    results = Processes(2).map(square, items(), ordered=ordered)
    assert not taken
    first = [next(results) for _ in range(3)]
    assert set(first) <= {i * i for i in range(3 + 2 * 16)} and len(taken) <= 3 + 2 * 16
    results.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def test_a_slow_first_item_holds_back_how_many_wait_for_it() -> None:
    taken: list[int] = []

    def items() -> Iterator[float]:
        for i in range(1000):
            taken.append(i)
            yield 0.5 if i == 0 else 0.0

    assert next(Processes(2).map(nap, items())) == 0.5
    assert len(taken) <= 2 * 16


@pytest.mark.parametrize(("workers", "items"), [(1, 5), (4, 1), (4, 0)])
def test_one_worker_or_one_item_needs_no_process(workers: int, items: int) -> None:
    assert list(Processes(workers).map(process_of, range(items))) == [os.getpid()] * items


def test_workers_are_spawned_with_one_thread_each_ignore_interrupts_and_start_no_workers() -> None:
    before = dict(os.environ)
    STATE[:] = ["changed since"]
    rows = list(Processes(2).map(about_me, range(2)))
    for row in rows:
        assert row["state"] == ["as imported"], "a fork would have what the parent had"
        assert row["method"] == "SpawnProcess" and row["threads"] == ("1", "1")
        assert row["interrupts"] and set(row["nested"]) == {row["pid"]} != {os.getpid()}
    assert dict(os.environ) == before and not multiprocessing.active_children()


@pytest.mark.parametrize("made", ENGINES, ids=repr)
def test_an_error_of_the_function_reaches_the_caller_with_its_type(made: Engine) -> None:
    with pytest.raises(ConfigError, match="item 3: is wrong"):
        list(made.map(fail, range(6)))
    assert not multiprocessing.active_children()


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    with pytest.raises(RuntimeError, match=r"Odd: (0 and 0|1 and 1)"):
        list(Processes(2).map(fail_oddly, range(2)))


def test_a_worker_that_dies_or_runs_out_of_memory_is_one_line_for_the_user() -> None:
    with pytest.raises(
        InputError, match=r"a worker process died \(signal 9\), perhaps for lack of memory; what is done is kept; run .* with fewer workers"
    ):
        list(Processes(2).map(die, range(4)))
    with pytest.raises(InputError, match=r"a worker process ran out of memory; .* with fewer workers"):
        list(Processes(2).map(run_out, range(4)))
    assert not multiprocessing.active_children()


def test_what_workers_log_is_logged_here(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="dance2music"):
        list(Processes(2).map(tell, range(3)))
    assert sorted(record.getMessage() for record in caplog.records) == ["did 0", "did 1", "did 2"]


@pytest.mark.parametrize("made", ENGINES, ids=repr)
def test_cancelled_work_stops_before_its_next_item(made: Engine) -> None:
    cancel, done = Cancel(), []
    with pytest.raises(Cancelled):
        for value in made.map(square, range(1000), cancel=cancel):
            done.append(value)
            if len(done) == 3:
                cancel.set()
    assert cancel.is_set() and len(done) <= 5


def test_cancelling_ends_busy_workers_within_a_second_and_leaves_no_unfinished_file(tmp_path: Path) -> None:
    cancel, at = Cancel(), 0.0

    def stop() -> None:
        nonlocal at
        wait_for(lambda: len(list(tmp_path.glob("*.started"))) == 2)
        at = time.monotonic()
        cancel.set()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Cancelled):
        list(Processes(2).map(write_slowly, [tmp_path / f"{i}" for i in range(4)], cancel=cancel))
    assert time.monotonic() - at < SOON_SECONDS
    thread.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.started", "1.started"] and not multiprocessing.active_children()


SCRIPT = """
import os, signal, subprocess, sys, time
from pathlib import Path
from dance2music.parallel import Processes

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background of a shell

FOLDER = Path(sys.argv[1])

def work(kind):
    (FOLDER / f"{os.getpid()}.pid").touch()
    if kind == "child":
        child = subprocess.Popen(["sleep", "300"])
        (FOLDER / f"{child.pid}.pid").touch()
    if kind == "busy":
        sum(range(10 ** 15))  # never lets another thread of Python run
    time.sleep(300)

if __name__ == "__main__":
    list(Processes(3).map(work, ["sleep", "child", "busy"]))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_and_no_grandchild_outlives_a_parent_that_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=environment, stderr=subprocess.PIPE, text=True)
    pids: list[int] = []
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 4)
        pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
        assert all(alive(pid) for pid in pids)
        parent.send_signal(number)
        wait_for(lambda: not any(map(alive, pids)), seconds=SOON_SECONDS)
        _, errors = parent.communicate(timeout=10.0)
        assert errors.count("Traceback") == (number == signal.SIGINT), "of the parent's own interrupt only"
    finally:
        for pid in (parent.pid, *pids):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        parent.wait()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
def test_workers_look_for_their_parent_themselves_where_nobody_guards_them(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace('"child", "busy"', '"sleep", "sleep"'))
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 3)
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    try:
        os.kill(os.getpgid(pids[0]), signal.SIGKILL)  # the guard
        assert all(alive(pid) for pid in pids)
        parent.kill()
        wait_for(lambda: not any(map(alive, pids)), seconds=SOON_SECONDS)
    finally:
        for pid in (parent.pid, *pids):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        parent.wait()


UNGUARDED = """
from math import sqrt
from dance2music.errors import InputError
from dance2music.parallel import Processes

try:
    print(list(Processes(2).map(sqrt, [4.0, 9.0])))
except InputError as error:
    print(error)
"""


def test_a_script_that_workers_cannot_import_is_told_so_in_one_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = partial(subprocess.run, capture_output=True, text=True, env=environment)
    from_file, typed, given = (
        run([sys.executable, str(script)]), run([sys.executable, "-"], input=UNGUARDED), run([sys.executable, "-c", UNGUARDED])
    )  # fmt: skip
    assert from_file.stdout.endswith('put what it does under if __name__ == "__main__": or use one worker\n') and not from_file.stderr
    assert typed.stdout == "<stdin>: worker processes cannot import this script; expected a file; save it as one or use one worker\n"
    assert given.stdout == "[2.0, 3.0]\n" and not given.stderr


def test_an_engine_of_another_kind_can_be_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    class Backwards:
        def __init__(self, workers: int) -> None:
            self.workers = workers

        def map(
            self, function: Callable[[Any], Any], items: Iterable[Any], *, ordered: bool = True, cancel: Cancel | None = None
        ) -> Iterator[Any]:
            results = [function(item) for item in reversed(list(items))]
            return reversed(results) if ordered else iter(results)

    monkeypatch.setitem(parallel.ENGINES, "backwards", Backwards)
    made = engine("backwards", 3)
    assert isinstance(made, Backwards) and made.workers == 3 and engine(made, 1) is made
    assert list(made.map(square, range(3))) == [0, 1, 4] and list(made.map(square, range(3), ordered=False)) == [4, 1, 0]


def test_another_engine_takes_the_place_of_processes_in_a_block() -> None:
    with parallel.working_on(Serial()):
        assert engine("process", 4) == Serial()
    assert engine("process", 4) == Processes(4)


def test_engines_go_by_name() -> None:
    assert engine("process", 4) == Processes(4) and engine("serial", 4) == Serial()
    with pytest.raises(InputError, match="engine 'dask': unknown; expected one of serial, process"):
        engine("dask", 2)
    with pytest.raises(InputError, match="workers: 0; expected at least 1"):
        engine("process", 0)


def test_nothing_else_in_the_package_starts_processes() -> None:
    folder = Path(parallel.__file__).parent
    words = ("ProcessPoolExecutor", "multiprocessing", "os.fork", "subprocess")
    found = {path.name for path in folder.rglob("*.py") if any(word in path.read_text(encoding="utf-8") for word in words)}
    assert found == {"processes.py", "child.py"}


def test_importing_it_loads_no_torch_and_starts_nothing() -> None:
    code = "import dance2music.parallel, dance2music.processes, sys; print('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout == "False\n"


def test_the_last_answers_may_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    class Together:
        """A team that answers all that it was given at once, and is asked only while something is to come."""

        def __init__(self) -> None:
            self.idle, self.given = [1, 2], list[tuple[int, int]]()

        def give(self, index: int, item: int) -> None:
            self.idle.pop()
            self.given.append((index, item))

        def answers(self, *, timeout_seconds: float | None) -> Iterator[tuple[int, int]]:
            assert self.given, "nobody will ever answer"
            done, self.given = self.given, []
            for index, item in done:
                self.idle.append(index)
                yield index, 10 * item

    @contextmanager
    def team(*_: object) -> Iterator[Together]:
        yield Together()

    monkeypatch.setattr(processes, "team", team)
    for count in (2, 3, 4, 7):
        assert list(parallel.Processes(2).map(abs, range(count))) == [10 * i for i in range(count)]
