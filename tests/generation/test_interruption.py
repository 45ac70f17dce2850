"""Ctrl-C and kill in the middle of the real command leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dance2music.dance.motion_files import save_motion
from dance2music.synthetic.drawing import example_dance
from jobs import FEW_CANDIDATES

PAUSED = """
import signal, sys, time
import soundfile
from dance2music.cli import main as cli
from dance2music.generation import outputs

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told its background jobs to ignore it

def wait(*_, **__):
    print("paused", flush=True)
    time.sleep(60)

setattr({place}, wait)
cli.main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
@pytest.mark.parametrize(
    ("number", "place", "there", "code"),
    [
        (signal.SIGINT, 'soundfile, "write"', ".song-*.wav", 130),  # within the writing of a file
        (signal.SIGTERM, 'outputs, "describe"', ".song-*.wav", 143),  # between two files of a take, which wait for each other
    ],
    ids=["Ctrl-C", "kill"],
)
def test_a_signal_in_the_middle_leaves_nothing(tmp_path: Path, number: signal.Signals, place: str, there: str, code: int) -> None:
    save_motion(example_dance(1.5)[0], tmp_path / "dance.npz")
    arguments = ["generate", "--from-motion", "dance.npz", "-o", "song.wav", "--method", "composer", "--genre", "house", "--no-plot"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FEW_CANDIDATES), *sys.path])}
    program = [sys.executable, "-c", PAUSED.format(place=place), *arguments]
    with subprocess.Popen(program, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "paused\n"
        assert list(tmp_path.glob(there)), "a file is being written, or waits"
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code and said == "dance2music: interrupted\n"
    assert [path.name for path in tmp_path.iterdir()] == ["dance.npz"]


EARLY = """
import builtins, os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)
importing = builtins.__import__

def interrupted(name, *rest, **options):
    if name == {module!r}:
        os.kill(os.getpid(), {number})
    return importing(name, *rest, **options)

from dance2music.entry import main
builtins.__import__ = interrupted
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
@pytest.mark.parametrize("module", ["dance2music.cli.main", "typer"])
def test_a_signal_while_the_command_is_being_imported_is_one_line(tmp_path: Path, number: signal.Signals, module: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, "-c", EARLY.format(module=module, number=int(number)), "--version"]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (128 + number, "dance2music: interrupted\n", "")
