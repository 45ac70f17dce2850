"""How long after Ctrl-C, SIGTERM or SIGKILL a command and all its workers are gone, at random moments, and what they leave.

    python benchmarks/bench_cancel.py [--runs 60] [--seed 0] [--only generate ...]

Every run starts the real command in a folder of its own, waits for a moment that is drawn evenly from its length, and sends a signal to the
command alone. Rows are stages of ``generate`` (by what was under way at that moment) and the other verbs. Times are in seconds until the
command and all that it started are gone; "CPU" is how much of the processors all of them together used meanwhile, which says more on a busy
machine. "late" runs had ended before the signal. "wrong" counts runs with another exit code than 128 plus
the signal's number, more on standard error than one line, or files left: of ``generate`` any output, of the others unfinished ones. After
SIGKILL only processes count.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
MARK = "DANCE2MUSIC_BENCH_CANCEL"
"""Environment variable by which all that a command started is found."""
GONE_SECONDS = 60.0
TOLD = """
import contextlib, os, signal, sys
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
from dance2music import work
stage = work.Stages.stage
@contextlib.contextmanager
def told(self, name):
    with open(os.environ["STAGES"], "a") as out:
        out.write(name + "\\n")
    with stage(self, name) as report:
        yield report
work.Stages.stage = told
from dance2music.entry import main
main()
"""
"""The command, which tells its stages to a file."""
COMMANDS = {
    "generate": "generate dance.mp4 -o out.mp4 --take out.take --midi out.mid --wav --stems stems",
    "generate, neural": "generate dance.mp4 -o out.mp4 --sound neural",
    "data synthetic": "data synthetic corpus -n 4 --seconds 3 --filmed-share 0.2 --workers 2",
    "data prepare": "data prepare corpus --dataset composed --out prepared --codec spectral --workers 2",
    "train codec": "train codec --preset spectral-small-high --out run --set loop.steps=20 --set segments.first_pieces=4",
    "evaluate": "evaluate --generated music --reference music --workers 2 -o report",
}


@dataclass(frozen=True)
class Run:
    """One command that was stopped: what was under way, the signal, seconds until all was gone, and what was wrong, if anything was."""

    what: str
    number: signal.Signals
    gone_seconds: float
    cpu_seconds: float
    wrong: str


def started_by(mark: str) -> dict[int, float]:
    """Processes that carry the mark and are no zombies, and the seconds of processor that each has used."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if marked and stat[0] != "Z":
                found[int(folder.name)] = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    return found


def begin(command: str, folder: Path, mark: str) -> subprocess.Popen[str]:
    """The command, under way in a folder."""
    environment = {**os.environ, MARK: mark, "STAGES": str(folder.parent / f"{mark}.stages"), "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, "-c", TOLD, *command.split()]
    return subprocess.Popen(program, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def stopped(name: str, folder: Path, moment_seconds: float, number: signal.Signals, mark: str) -> Run | None:
    """A run of a command that gets a signal at a moment; None where it had ended before."""
    before = {path.name for path in folder.iterdir()}
    process = begin(COMMANDS[name], folder, mark)
    time.sleep(moment_seconds)
    if process.poll() is not None:
        return None
    stages = folder.parent / f"{mark}.stages"
    told = stages.read_text().split() if stages.exists() else []
    what = f"{name}: {told[-1] if told else 'start'}" if name.startswith("generate") else name
    before_it = sum(started_by(mark).values())
    sent, used = time.perf_counter(), dict[int, float]()
    process.send_signal(number)
    while (running := started_by(mark)) and time.perf_counter() - sent < GONE_SECONDS:
        used |= running
        time.sleep(0.01)
    gone, cpu = time.perf_counter() - sent, max(0.0, sum(used.values()) - before_it)
    said = "" if process.stderr is None else process.stderr.read()
    process.wait()
    wrong = fault(name, process.returncode, said, {path.name for path in folder.iterdir()} - before, folder, number)
    return Run(what, number, gone, cpu, wrong)


def fault(name: str, code: int, said: str, new: set[str], folder: Path, number: signal.Signals) -> str:
    """What was wrong with how a command ended, or ''."""
    if number == signal.SIGKILL:
        return ""
    if code == 0:
        return ""  # the signal found it leaving, all done
    if code != 128 + number:
        return f"exit code {code}: {said.strip()[-200:]}"
    if said != "dance2music: interrupted\n":
        return f"said {said.strip()[-300:]!r}"
    left = new if name.startswith("generate") else {path.name for path in folder.rglob(".*") if path.is_file()}
    return f"left {sorted(left)}" if left else ""


def row(what: str, runs: list[Run]) -> str:
    """A row of the table."""
    times = [run.gone_seconds for run in runs]
    wrong = sum(bool(run.wrong) for run in runs)
    cpu = [run.cpu_seconds for run in runs]
    return f"| {what} | {len(runs)} | {statistics.median(times):.2f} | {max(times):.2f} | {max(cpu):.2f} | {wrong} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=60, help="in all, shared evenly by the commands")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    arguments = parser.parse_args()
    rng, runs, late = random.Random(arguments.seed), list[Run](), 0
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "base"
        base.mkdir()
        for command in ("example dance.mp4 --seconds 3", "data synthetic corpus -n 3 --seconds 4 --filmed-share 0 --workers 2"):
            subprocess.run([sys.executable, "-m", "dance2music", *command.split()], cwd=base, check=True, stdout=subprocess.DEVNULL)
        (base / "music").mkdir()
        for sound in (base / "corpus").rglob("*.wav"):
            shutil.copy(sound, base / "music")
        for name in arguments.only:
            lengths = [time_of(name, base, Path(place) / f"{name}-whole")]
            for index in range(arguments.runs // len(arguments.only)):
                folder = Path(place) / f"{name}-{index}"
                shutil.copytree(base, folder)
                run = stopped(name, folder, rng.uniform(0.05, lengths[0]), SIGNALS[index % 3], f"{os.getpid()}-{len(runs) + late}")
                late += run is None
                if run is not None:
                    runs.append(run)
                    print(
                        f"{run.what}, {run.number.name}: {run.gone_seconds:.2f} s, {run.cpu_seconds:.2f} s of CPU {run.wrong}",
                        file=sys.stderr,
                        flush=True,
                    )
                shutil.rmtree(folder)
    print(f"{late} late\n| under way | n | median | worst | worst CPU | wrong |\n|---|---|---|---|---|---|")
    for what in sorted({run.what for run in runs}):
        print(row(what, [run for run in runs if run.what == what]))
    for number in SIGNALS:
        if found := [run for run in runs if run.number == number]:
            print(row(number.name, found))


def time_of(name: str, base: Path, folder: Path) -> float:
    """Seconds that a command takes where nobody stops it."""
    shutil.copytree(base, folder)
    begun = time.perf_counter()
    process = begin(COMMANDS[name], folder, f"{os.getpid()}-whole")
    said = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"{COMMANDS[name]}: {said}")
    took = time.perf_counter() - begun
    shutil.rmtree(folder)
    return took


if __name__ == "__main__":
    main()
