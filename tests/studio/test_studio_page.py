"""The page in a real browser, by mouse and by keys."""

from __future__ import annotations

from pathlib import Path

from chromium import visit
from studio_server import Running, until

HEARD = "Number(document.querySelector('.time').textContent.split(':')[1])"
LONG_SECONDS = 90.0


def test_a_first_clip_is_dropped_watched_and_heard(studio: Running, clip: Path) -> None:
    with visit() as visited:
        page = visited.page
        page.goto(studio.address)
        page.wait_for_selector("text=Drop a dance video here")
        assert "token" not in page.url
        page.set_input_files("input[type=file]", clip)
        page.wait_for_selector("progress")
        until(page, "document.querySelector('.stage')?.textContent === 'Watching the dance'", LONG_SECONDS)
        until(page, r"/about \d+ s left/.test(document.querySelector('.left')?.textContent)", LONG_SECONDS)
        page.wait_for_selector(".lane.take.active", timeout=1000 * LONG_SECONDS)
        page.click("button.play")
        until(page, f"{HEARD} > 0.5")
        page.keyboard.press("Space")
        assert page.evaluate("document.querySelector('button.play').getAttribute('aria-label')") == "Play"
        page.keyboard.press("Home")
        until(page, f"{HEARD} === 0")
        assert visited.complaints == []
        assert all(url.startswith((studio.base, "data:", "blob:")) for url in visited.requests)
