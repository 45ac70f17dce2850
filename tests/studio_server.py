"""The studio as a user starts it, in a process of its own, and requests to it as a script makes them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs import FEW_CANDIDATES

if TYPE_CHECKING:
    from playwright.sync_api import Page

WAIT_SECONDS = 400.0


@dataclass
class Running:
    """A studio that runs: ``address`` is what it printed, ``base`` the same without the token."""

    process: subprocess.Popen[str]
    folder: Path
    address: str

    @property
    def base(self) -> str:
        return self.address.partition("/?")[0]

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, *, token: bool = True
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of an answer."""
        given = ({"Authorization": f"Bearer {self.token}"} if token else {}) | (headers or {})
        request = urllib.request.Request(self.base + path, data=body, headers=given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """JSON in, JSON out; an answer other than 2xx fails the test."""
        data = None if body is None else json.dumps(body).encode()
        status, text, _ = self.request(method, path, data, {"Content-Type": "application/json"})
        assert 200 <= status < 300, f"{method} {path}: {status} {text.decode()}"
        return json.loads(text)

    def upload(self, video: Path, title: str = "clip.mp4") -> Any:
        status, text, _ = self.request(
            "POST", f"/api/dances?title={title}", video.read_bytes(), {"Content-Type": "application/octet-stream"}
        )
        assert status == 201, text
        return json.loads(text)

    def settled(self, job: str) -> Any:
        """The job, once it has ended."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            found = self.ask("GET", f"/api/jobs/{job}")
            if found["state"] not in ("queued", "running"):
                return found
            time.sleep(0.1)
        raise AssertionError(f"job {job} did not end: {found}")


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Running]:
    """A studio on a folder, which makes two candidates for a take; where its extra is not installed the test is skipped."""
    for name in ("starlette", "uvicorn"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install 'dance2music[studio]', to run this test")
    command = [sys.executable, "-m", "dance2music", "studio", str(folder), "--no-browser", *options]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(FEW_CANDIDATES), *sys.path]), "PYTHONUNBUFFERED": "1"}
    log = folder.with_name(f"{folder.name}.log")
    with log.open("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True, env=environment, stdin=subprocess.DEVNULL)
        try:
            end = time.monotonic() + WAIT_SECONDS
            while not (found := re.search(r"http://\S+", log.read_text())):
                assert process.poll() is None and time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            yield Running(process, folder, found[0])
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(page: Page, expression: str, seconds: float = 90.0) -> Any:
    """The value of an expression in a page once it is true. (Playwright's own waiting evaluates text, which the page's policy forbids.)"""
    end = time.monotonic() + seconds
    while not (value := page.evaluate(expression)):
        assert time.monotonic() < end, f"not within {seconds:g} s: {expression}\n{page.evaluate('document.body.innerText')}"
        time.sleep(0.05)
    return value
