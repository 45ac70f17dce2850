"""A program of ours in a process of its own: it is talked with in lines, told apart from its noise, and ended with all that it started."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dance2music.child import Child, child

ECHO = """
import json, sys
for line in sys.stdin:
    word = json.loads(line)
    print(json.dumps({"heard": word}), flush=True)
    print("noise", file=sys.stderr, flush=True)
    if word == "end":
        sys.exit(3)
"""
PARENT = """
import json, subprocess, sys
other = subprocess.Popen([sys.executable, "-c", "import time; held = bytearray(60_000_000); time.sleep(60)"])
print(json.dumps(other.pid), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    return tmp_path / "program.py"


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def settled(process: Child, pid: int) -> int:
    """Memory of the group once the grandchild has its own."""
    for _ in range(200):
        if (held := process.memory_bytes()) > 60_000_000:
            return held
        time.sleep(0.05)
    return process.memory_bytes()


def test_a_child_hears_answers_and_tells_how_it_ended(module: Path, tmp_path: Path) -> None:
    module.write_text(ECHO)
    with child("program", log=tmp_path / "log.txt") as process:
        process.send({"text": "a\nb"})
        assert process.receive(20) == {"heard": {"text": "a\nb"}}
        with pytest.raises(TimeoutError):
            process.receive(0.05)
        process.send("end")
        assert process.receive(20) == {"heard": "end"}
        for _ in range(2):
            with pytest.raises(EOFError):
                process.receive(20)
        assert process.exit_code(20) == 3
    assert (tmp_path / "log.txt").read_text() == "noise\nnoise\n"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system tells no memory of processes in /proc")
def test_its_memory_is_that_of_all_that_it_started_and_so_is_its_end(module: Path, tmp_path: Path) -> None:
    module.write_text(PARENT)
    with child("program", log=tmp_path / "log.txt") as process:
        pid = process.receive(20)
        assert settled(process, pid) > 60_000_000
        assert is_running(pid)
    for _ in range(100):
        if not is_running(pid):
            break
        time.sleep(0.05)
    assert not is_running(pid)
