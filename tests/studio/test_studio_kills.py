"""The server or the process of a job dies by kill -9 in the middle of a job: the library opens, nothing is lost, the queue goes on."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dance2music.synthetic.drawing import example_video
from studio_server import WAIT_SECONDS, Running, running


def workers_of(pid: int) -> list[int]:
    """Processes of jobs that a studio has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and "studio.worker" in (folder / "cmdline").read_text():
                found.append(int(folder.name))
    return found


def reached(studio: Running, job: str, stage: str) -> Any:
    """The job, once it is in a stage."""
    end = time.monotonic() + WAIT_SECONDS
    while (found := studio.ask("GET", f"/api/jobs/{job}")).get("stage") != stage:
        assert time.monotonic() < end and found["state"] in ("queued", "running"), found
        time.sleep(0.05)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system lists no processes in /proc")
def test_a_job_whose_process_or_server_was_killed_begins_again_and_ends(tmp_path: Path) -> None:
    clip = tmp_path / "dance.mp4"
    example_video(clip, seconds=2.0)
    with running(tmp_path / "library") as studio:
        job = studio.upload(clip)["job"]["id"]
        reached(studio, job, "watch")
        (worker,) = workers_of(studio.process.pid)
        os.kill(worker, signal.SIGKILL)
        reached(studio, job, "music")
        (worker,) = workers_of(studio.process.pid)
        os.kill(studio.process.pid, signal.SIGKILL)
        studio.process.wait()
        for _ in range(200):
            if not Path(f"/proc/{worker}").exists():
                break
            time.sleep(0.05)
        assert not Path(f"/proc/{worker}").exists(), "the process of the job outlives its server"
    with running(tmp_path / "library") as studio:
        done = studio.settled(job)
        assert done["state"] == "done" and done["attempts"] == 3
        (take,) = studio.ask("GET", "/api/library")["takes"]
        assert studio.request("GET", f"/media/takes/{take['id']}/sound")[1].startswith(b"RIFF")
        assert [path.name for path in (tmp_path / "library" / "takes").iterdir()] == [take["id"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_studio_that_is_closed_says_so_in_a_line(tmp_path: Path, number: int) -> None:
    for name in ("starlette", "uvicorn"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install 'dance2music[studio]', to run this test")
    said = tmp_path / "said"
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from dance2music.entry import main; main()"
    with said.open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", script, "studio", str(tmp_path / "library"), "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )
        assert process.stdout is not None
        while not (found := re.search(r":(\d+)/\?token=(\S+)", process.stdout.readline())):
            assert process.poll() is None, said.read_text()
        while True:  # until it serves
            with suppress(OSError), socket.create_connection(("127.0.0.1", int(found[1])), 10) as talk:
                talk.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if talk.recv(4) == b"HTTP":
                    break
            time.sleep(0.05)
        with socket.create_connection(("127.0.0.1", int(found[1])), 10) as page:  # one that listens for events, and does not end by itself
            page.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{found[1]}\r\nAuthorization: Bearer {found[2]}\r\n\r\n".encode())
            heard = b""
            while b"retry" not in heard:
                heard += page.recv(1024)
            process.send_signal(number)
            assert process.wait(WAIT_SECONDS) in (0, 128 + number)
        assert "The studio is closed. What was made is kept" in process.stdout.read()
    assert said.read_text() == ""
    assert [path.stat().st_size for path in (tmp_path / "library").glob("*-journal")] in ([], [0])  # nothing is left to be taken back
