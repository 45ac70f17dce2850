"""The tools keep what was begun in them, listen to keys wherever the focus is, and name things so that they can be told apart."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from test_studio_page import HEARD, LONG_SECONDS, at_work, drag_over, idle

from chromium import visit
from studio_server import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

READINGS = """async ([readings, grid]) => {
    const { named } = await import('/page/panel-rhythm.js');
    return named(readings, grid).map(([name]) => name);
}"""


def slider(page: Page) -> float:
    return float(page.evaluate("document.querySelector('#shift').value"))


def test_keys_work_while_a_chip_has_the_focus_and_the_kept_take_says_what_was_drawn(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        drag_over(page, 0.3, 0.5)
        page.click(".chip >> text=Drums")
        assert page.evaluate("document.activeElement.type") == "radio"
        page.keyboard.press("Space")
        until(page, f"{HEARD} > 0.1")
        page.keyboard.press("Space")
        page.keyboard.press("r")
        page.wait_for_selector(".choice >> nth=3", timeout=1000 * LONG_SECONDS)
        page.click(".choice >> nth=1 >> text=Keep")
        assert "stays beside it" in page.inner_text(".toast >> text=Kept as Take")
        until(page, "[...document.querySelectorAll('.lane.take small')].at(-1).textContent.includes('drums')")
        idle(page)


def test_a_wish_about_the_beat_waits_until_it_is_followed_and_the_slider_shows_it(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.click("#tab-rhythm")
        page.click("text=½ beat later")
        assert slider(page) == 0.5
        shown = page.inner_text(".panel .range"), page.inner_text(".lane.ruler .label")
        page.click("#tab-takes")
        page.click("#tab-rhythm")
        assert slider(page) == 0.5 and page.is_enabled("text=Let the music follow")
        assert (page.inner_text(".panel .range"), page.inner_text(".lane.ruler .label")) == shown
        for _ in range(3):
            page.click("text=½ beat earlier")
        assert slider(page) == -1 and page.is_disabled("text=½ beat earlier")
        page.click("text=½ beat later")
        page.click("text=Let the music follow")
        until(page, "document.querySelector('#shift').value === '0'")
        idle(page)


def test_taps_show_one_tempo(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.click("#tab-rhythm")
        page.keyboard.press("Space")
        until(page, f"{HEARD} > 0.05")
        for _ in range(5):
            page.keyboard.press("t")
            page.wait_for_timeout(300)
        told = page.inner_text(".taps .hint")
        bpm = re.fullmatch(r"5 taps, (\d+\.\d bpm), (steady to \d+ ms|uneven by \d+ ms: the music follows each tap)", told)
        assert bpm is not None and page.inner_text(".panel .range").endswith(f"→ {bpm[1]}")
        page.click("text=Take back")
        assert page.inner_text(".taps .hint").startswith("4 taps, ") and page.is_enabled("text=Let the music follow")
        page.click("text=Take back")
        assert page.inner_text(".taps .hint") == "3 taps, 1 more" and page.is_disabled("text=Let the music follow")
        page.click("text=Start over")
        assert page.inner_text(".taps .hint") == "Tap on each beat, first on a one." and page.is_hidden("text=Take back")


def test_how_steady_taps_are_is_found_though_one_was_left_out(studio: Running, dance: Any) -> None:
    off = [0.01, -0.01, 0.01, 0.01, -0.01, -0.01]  # of the beats 0, 1, 2, 4, 5, 6 at 120 bpm
    taps = [0.3 + 0.5 * beat + late for beat, late in zip((0, 1, 2, 4, 5, 6), off)]
    with at_work(studio, dance) as page:
        found = page.evaluate("async (taps) => (await import('/page/panel-rhythm.js')).steadyBeat(taps)", taps)
    period, first = np.polyfit([0, 1, 2, 4, 5, 6], taps, 1)
    assert found["period"] == pytest.approx(period) and found["first"] == pytest.approx(first)
    assert found["off"] == pytest.approx(list(np.array(taps) - first - period * np.array([0, 1, 2, 4, 5, 6])), abs=1e-9)


def test_other_readings_of_a_dance_have_names_of_their_own(studio: Running, dance: Any) -> None:
    grid = {"tempo_bpm": 120.0, "beat_times_seconds": [0.5 * i for i in range(20)]}
    times = ((120.0, 0.51), (120.0, 0.75), (80.0, 0.1), (80.0, 0.4), (80.0, 0.4))
    readings = [{"tempo_bpm": tempo, "first_beat_seconds": first} for tempo, first in times]
    with at_work(studio, dance) as page:
        names = page.evaluate(READINGS, json.loads(json.dumps([readings, grid])))
    assert names == ["120.0 bpm", "120.0 bpm, 0.5 beat later", "80.0 bpm, from 0:00.10 on", "80.0 bpm, from 0:00.40 on"]


def test_a_dance_opens_at_its_picture(studio: Running, dance: Any) -> None:
    with visit(width=380, height=500) as visited:
        page = visited.page
        page.goto(studio.address)
        page.wait_for_selector(".card")
        page.evaluate("document.body.style.paddingBottom = '3000px'; scrollTo(0, 900)")
        page.evaluate(f"location.hash = '{dance['id']}'")
        page.wait_for_selector(".lane.take")
        assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("error, said", [("truncated", "This video could not"), ("this is a fault of dance2music", "Something went wrong")])
def test_the_page_blames_the_video_only_for_what_is_its_fault(studio: Running, dance: Any, error: str, said: str) -> None:
    with at_work(studio, dance) as page:
        page.evaluate(
            """async ([id, error]) => {
                const { store } = await import("/page/store.js");
                const dance = store.dances.get(id);
                store.put("dances", { ...dance, state: "failed", about: { ...dance.about, error } });
            }""",
            [dance["id"], error],
        )
        assert page.inner_text(".jobs .error").startswith(said)


def test_a_failure_beside_the_button_has_the_colour_of_one(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.evaluate(
            """async (dance) => {
                const { store } = await import("/page/store.js");
                const job = { id: "fails", dance, kind: "takes", asked: {}, state: "running" };
                store.put("jobs", job);
                store.put("jobs", { ...job, state: "failed", error: "no room" });
            }""",
            dance["id"],
        )
        assert page.inner_text(".answer .error") == "That did not work: no room"
