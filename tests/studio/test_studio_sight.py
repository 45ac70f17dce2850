"""What has to be seen together is: the dancer's lane beside the takes, the picture while the beat is tapped."""

from __future__ import annotations

from typing import Any

import pytest
from test_studio_answers import in_sight
from test_studio_page import at_work

from studio_server import Running, until

FOUR = 4


@pytest.fixture(scope="module")
def four_takes(studio: Running, dance: Any) -> Any:
    """The dance, with four takes at least."""
    found = studio.ask("GET", f"/api/dances/{dance['id']}")
    missing = FOUR - len([take for take in found["takes"] if not take["candidate"] and not take["deleted"]])
    if missing > 0:
        job = studio.ask("POST", f"/api/dances/{dance['id']}/takes", {"method": "composer", "count": missing})["job"]
        assert studio.settled(job["id"])["state"] == "done"
    return studio.ask("GET", f"/api/dances/{dance['id']}")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1100, 600), (390, 844)])
def test_the_dancer_stays_in_sight_above_whichever_take_is_heard(studio: Running, four_takes: Any, width: int, height: int) -> None:
    with at_work(studio, four_takes, width=width, height=height) as page:
        for key in "1234":
            page.keyboard.press(key)
            until(page, f"document.querySelectorAll('.lane.take')[{key} - 1].classList.contains('active')")
            assert in_sight(page, ".lane.dancer canvas") and in_sight(page, ".lane.take.active canvas")
            tops = page.evaluate(
                "['.ruler', '.dancer', '.take.active'].map((lane) => document.querySelector(lane).getBoundingClientRect().top)"
            )
            assert tops == sorted(tops)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (900, 600)])
def test_the_picture_is_in_sight_while_the_beat_is_tapped(studio: Running, dance: Any, width: int, height: int) -> None:
    with at_work(studio, dance, width=width, height=height) as page:
        page.click("#tab-rhythm")
        page.click("text=Tap along")
        until(page, "document.querySelector('.row .hint').textContent.startsWith('It plays now')")
        assert in_sight(page, "video") and in_sight(page, "text=Tap along")
        box = page.locator(".frame").bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390)])
def test_what_the_keyboard_comes_to_is_not_behind_the_picture_that_stays(studio: Running, dance: Any, width: int, height: int) -> None:
    with at_work(studio, dance, width=width, height=height) as page:
        page.click("#tab-rhythm")
        page.focus("text=Tap along")
        for _ in range(6):
            page.keyboard.press("Shift+Tab")
            hidden = """() => {
                const at = document.activeElement.closest('label') ?? document.activeElement;
                return document.querySelector('.frame').getBoundingClientRect().bottom - at.getBoundingClientRect().top;
            }"""
            assert page.evaluate(hidden) <= 0.5
