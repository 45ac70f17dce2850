"""While a clip is watched it can be played, with its own sound; the music takes over when it is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from test_studio_page import HEARD, LONG_SECONDS, PLAYER

from chromium import visit
from duets import Duet
from studio_server import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIDEO = "document.querySelector('video')"
PLAYABLE = "document.querySelector('button.play')?.disabled === false"


def plays_while_it_is_watched(page: Page) -> None:
    """It is played and stopped while there is no take yet, then the first take is there to be heard."""
    until(page, PLAYABLE, LONG_SECONDS)
    assert page.locator(".lane.take").count() == 0
    page.keyboard.press("Space")
    until(page, f"{VIDEO}.currentTime > 0.3 && {HEARD} > 0.3")
    assert page.evaluate(f"{VIDEO}.muted") is False
    page.click("button.play")
    assert page.evaluate(f"{VIDEO}.paused") and page.locator(".lane.take").count() == 0
    page.wait_for_selector(".lane.take.active", timeout=1000 * LONG_SECONDS)
    assert page.evaluate(f"{VIDEO}.muted"), "its sound gives way to the music"
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    until(page, f"(async () => {PLAYER}.meter.lufs() > -40)()")


def test_a_clip_is_played_with_its_own_sound_while_it_is_watched(studio: Running, duet_clip: Duet) -> None:
    with visit() as visited:
        page = visited.page
        page.goto(studio.address)
        page.wait_for_selector("text=Drop a dance video here")
        page.set_input_files("input[type=file]", duet_clip.path)
        plays_while_it_is_watched(page)
        assert visited.complaints == []


def test_a_drawn_dance_is_played_as_soon_as_it_is_drawn(studio: Running) -> None:
    with visit() as visited:
        page = visited.page
        page.goto(studio.address)
        page.click("text=Draw me a dance")
        page.wait_for_selector("button.play")
        assert page.is_disabled("button.play"), "there is no video yet"
        page.click("#tab-rhythm")
        assert "The beat is read when" in page.inner_text(".panel .range") and "bpm" not in page.inner_text(".panel .range")
        page.click("#tab-takes")
        page.keyboard.press("Space")
        assert page.get_attribute("button.play", "aria-label") == "Play"
        plays_while_it_is_watched(page)
        assert visited.complaints == []


def test_what_no_browser_can_show_is_not_played(studio: Running, tmp_path: Path) -> None:
    text = tmp_path / "broken.mp4"
    text.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(4000))
    with visit() as visited:
        page = visited.page
        page.goto(studio.address)
        page.wait_for_selector("text=Drop a dance video here")
        page.set_input_files("input[type=file]", text)
        page.wait_for_selector("text=This video could not be used", timeout=1000 * LONG_SECONDS)
        assert page.is_disabled("button.play")
