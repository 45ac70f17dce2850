"""Whatever a user's machine or hand does, the command says one line, with the right code, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dance2music.cli import main as cli
from dance2music.cli.inputs import check_there
from dance2music.errors import InputError

PROGRAM = f"'{sys.executable}' -m dance2music"


def ran(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    shell = ["bash", "-c", command.replace("d2m", PROGRAM)]
    return subprocess.run(shell, cwd=folder, env={**os.environ, **paths, **environment}, capture_output=True, text=True, errors="replace")


ODD = {
    "a full standard output": ("d2m --version > /dev/full", 2, "what is printed: cannot be read or written (No space left"),
    "a reader that has enough": ("d2m generate --help | true; exit ${PIPESTATUS[0]}", (0, 1, 141), ""),
    "closed outputs": ("d2m generate nofile.mp4 2>&- >&- <&-", 2, ""),
    "no home": ("HOME= TMPDIR=/nonexistent d2m generate nofile.mp4", 2, "nofile.mp4: cannot be read (No such file"),
    "a terminal of ASCII": ("PYTHONIOENCODING=ascii d2m generate nofil\u00e9.mp4", 2, r"nofil\xe9.mp4: cannot be read"),
    "a name of bytes": ("d2m generate $'no\\xff.mp4'", 2, ".mp4: cannot be read"),
    "too little memory": ("ulimit -v 150000; d2m generate nofile.mp4", (1, 2, 127, 134, 139), ""),
    "an example of another kind": ("d2m example a.txt", 2, "unknown kind of video '.txt'"),
    "an example of years": ("d2m example --seconds 1e9 a.mp4", 2, "expected a length above 0 and up to 600"),
    "a missing data set": ("d2m train rhythm --data nowhere --out runs", 2, "nowhere: cannot be read"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_machines_get_a_line(name: str, tmp_path: Path) -> None:
    command, code, said = ODD[name]
    done = ran(command, tmp_path)
    assert done.returncode in (code if isinstance(code, tuple) else (code,)), done.stderr
    assert "Traceback" not in done.stderr + done.stdout and said in done.stderr
    assert len(done.stderr.splitlines()) <= 1 and not list(tmp_path.iterdir())


def test_a_wrong_name_is_told_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom dance2music.entry import main\ntry:\n    main()\nfinally:\n    print('torch' in sys.modules, 'av' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, "generate", "nofile.mp4"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "False False\n" and "nofile.mp4: cannot be read" in done.stderr


def test_names_that_nothing_has_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_there(None, "anything")
    check_there(tmp_path / "file", "a file")
    for name, said in {"none": "No such file", "a\0b": "null", "x" * 300: "too long", "file": "is no folder"}.items():
        with pytest.raises(InputError, match=said):
            check_there(tmp_path / name, "a file", folder=True)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "not enough memory"),
        (RuntimeError("can't start new thread"), "not enough memory"),
        (OSError(28, "No space left on device", "/x/y"), "/x/y: cannot be read or written (No space left on device)"),
        (PermissionError(13, "Permission denied", "/x/y"), "Permission denied"),
        (UnicodeEncodeError("ascii", "\u00e9", 0, 1, "ordinal not in range"), "this terminal cannot show"),
    ],
)
def test_what_the_machine_refuses_is_one_line(error: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_drop_output", lambda: None)
    text = cli._explained(error)
    assert said in text and "\n" not in text


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(KeyError):
        cli._explained(KeyError("x"))


def test_who_interrupts_twice_waits_for_nothing(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, time\nfrom dance2music.cli import main as cli\n"
        "signal.signal(signal.SIGINT, cli._interrupt)\n"
        "try:\n    print('ready', flush=True); time.sleep(60)\n"
        "finally:\n    print('tidying', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in ("ready\n", "tidying\n"):
            assert process.stdout.readline() == line
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and said == "dance2music: interrupted\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_process_leaves_changes_nothing(number: signal.Signals) -> None:
    program = (
        "import atexit, os, sys\nfrom dance2music.entry import main\n"
        f"atexit.register(lambda: os.kill(os.getpid(), {int(number)}))\nsys.argv[1:] = ['--version']\nmain()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
