"""The system's Chromium without a window, driven over the DevTools protocol's pipe: real clicks, keys, playback and downloads.

Nothing to install beside the browser: messages are JSON, ended by a zero byte, on the file descriptors 3 and 4 of the browser
(``--remote-debugging-pipe``).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT_SECONDS = 20.0
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--mute-audio",
    "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip
KEYS = {" ": ("Space", 32), "Enter": ("Enter", 13), "Tab": ("Tab", 9), "ArrowRight": ("ArrowRight", 39)}


def find_chromium() -> str | None:
    """The browser's program: ``CHROMIUM`` from the environment, else the first of `NAMES` on the path."""
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """One page of a browser without a window; a context manager."""

    def __init__(self, program: str, profile: Path, *, width: int = 1000, height: int = 800, dark: bool = False) -> None:
        self.program, self.profile = program, profile
        self.size, self.dark = (width, height), dark
        self.sent = 0
        self.rest = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Chromium:
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        def pipes() -> None:
            low, high = os.dup(to_read), os.dup(to_write)
            os.dup2(low, 3)
            os.dup2(high, 4)

        command = [self.program, *FLAGS, f"--user-data-dir={self.profile}", f"--window-size={self.size[0]},{self.size[1]}", "about:blank"]
        self.process = subprocess.Popen(
            command, preexec_fn=pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(to_read)
        os.close(to_write)
        pages = [t for t in self.call("Target.getTargets", session=False)["targetInfos"] if t["type"] == "page"]
        self.session = self.call("Target.attachToTarget", session=False, targetId=pages[0]["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.view(*self.size, dark=self.dark)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self.call("Browser.close", session=False)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read)
        os.close(self.write)

    def call(self, method: str, *, session: bool = True, **params: Any) -> dict[str, Any]:
        """Send a command and give its result; events that arrive meanwhile are kept in ``events``."""
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": params, **({"sessionId": self.session} if session else {})}
        os.write(self.write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < end:
            answer = self._receive(end)
            if answer.get("id") == self.sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)
        raise TimeoutError(method)

    def _receive(self, end: float) -> dict[str, Any]:
        while b"\0" not in self.rest:
            if not select.select([self.read], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.read, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self.rest += data
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def view(self, width: int, height: int, *, dark: bool = False) -> None:
        """Size of the page, and the colour scheme that the reader prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", str(result["exceptionDetails"])))
        return result["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        if self.comes_true(expression, within_seconds=TIMEOUT_SECONDS):
            return
        media = "[...document.querySelectorAll('video, audio')].map((m) => [m.currentTime, m.duration, m.paused, m.readyState])"
        raise TimeoutError(f"{expression}: {self.evaluate('document.body.innerText')!r}, media {self.evaluate(media)}")

    def comes_true(self, expression: str, *, within_seconds: float) -> bool:
        """Whether an expression becomes true in time."""
        end = time.monotonic() + within_seconds
        while time.monotonic() < end:
            if self.evaluate(f"Boolean({expression})"):
                return True
            time.sleep(0.02)
        return False

    def click(self, selector: str) -> None:
        """A real click into the middle of the first element that fits, once it stands still and nothing lies over it."""
        find = (
            f"(() => {{ const n = document.querySelector({json.dumps(selector)});"
            "n.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const r = n.getBoundingClientRect(); const x = r.x + r.width / 2, y = r.y + r.height / 2;"
            "return [x, y, n.contains(document.elementFromPoint(x, y))]; })()"
        )
        end, at, before = time.monotonic() + TIMEOUT_SECONDS, self.evaluate(find), None
        while (at != before or not at[2]) and time.monotonic() < end:
            self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            before, at = at, self.evaluate(find)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)

    def press(self, key: str) -> None:
        """A real key: a letter, a digit or one of `KEYS`."""
        code, number = KEYS.get(key) or (f"Digit{key}" if key.isdigit() else f"Key{key.upper()}", ord(key.upper()))
        text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code, windowsVirtualKeyCode=number, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code, windowsVirtualKeyCode=number)

    def downloads_to(self, folder: Path) -> None:
        self.call("Browser.setDownloadBehavior", session=False, behavior="allow", downloadPath=str(folder))

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """A picture of what is seen, or of the whole page."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def complaints(self) -> list[str]:
        """Errors that the page has logged or thrown so far."""
        self.evaluate("1")
        found = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(event["params"]["exceptionDetails"].get("exception", {}).get("description", "exception"))
            if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        """Addresses of everything that was asked for so far."""
        self.evaluate("1")
        return [event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]
