"""The system's Chromium without a window, driven by Playwright: real clicks, keys, playback, downloads. No browser is ever downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT_SECONDS = 90.0
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """A page of a browser, with the errors that it logged or threw and the addresses that it asked for so far."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def visit(*, width: int = 1000, height: int = 800, dark: bool = False) -> Iterator[Visit]:
    """A page in a browser of its own, with nothing kept from before; where there is no Chromium or no Playwright the test is skipped."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright, to run this test")
    program = os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on the path: install the system's package (Debian: chromium) or set CHROMIUM to run this test")
    with api.sync_playwright() as playwright, playwright.chromium.launch(executable_path=program, args=list(FLAGS)) as browser:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
        context.set_default_timeout(TIMEOUT_SECONDS * 1000)
        found = Visit(context.new_page())

        def logged(message: ConsoleMessage) -> None:
            if message.type == "error":
                found.complaints.append(message.text)

        found.page.on("console", logged)
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url))
        yield found
