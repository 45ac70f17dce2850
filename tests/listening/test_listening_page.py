"""The page in a real browser: play, answer, leave and come back, finish, save, score."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from chromium import Chromium, find_chromium
from dance2music.listening.score import score
from listening_example import Built

OPINION = {"ours": 5, "original": 4, "cmt": 3, "shifted": 2, "click": 2, "noise": 1}
"""What the listener of these tests thinks of everything."""

FAST = "document.querySelectorAll('video, audio').forEach((media) => { media.playbackRate = 12; })"
READY = "!document.querySelector('input[type=radio]').disabled"
HEADING = "document.querySelector('h1').textContent"


@pytest.fixture
def program() -> str:
    """The browser's program; without one these tests are skipped."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium on the path: install the system's package (Debian: chromium) or set CHROMIUM to run this test")
    return found


def open_test(browser: Chromium, built: Built, query: str = "") -> None:
    browser.open(f"{(built.folder / 'index.html').as_uri()}{query}")


def answer_to(built: Built, trial: dict[str, Any]) -> int | str:
    """What an attentive listener with the `OPINION` above answers."""
    media = [built.key["media"][name] for name in trial["samples"]]
    if len(media) == 1:
        return int(media[0]["beeps"] or OPINION[media[0]["source"]])
    worth = [10 if m["beeps"] else OPINION[m["source"]] for m in media]
    return "A" if worth[0] >= worth[1] else "B"


def hear(browser: Chromium, samples: int, *, by_keys: bool) -> None:
    """Play everything of an item to its end, much faster than a listener would."""
    browser.evaluate(FAST)
    for i in range(samples):
        note = f"document.querySelectorAll('.heard')[{i}].textContent"
        for _ in range(3):  # on a busy machine the browser may lose an event; a listener would press again, too
            if by_keys:
                browser.press("ab"[i])
            else:
                browser.evaluate(f"document.querySelectorAll('.play')[{i}].id = 'play{i}'")
                browser.click(f"#play{i}")
            if browser.comes_true(f"{note} !== 'Not played yet'", within_seconds=5.0):
                break
        browser.wait(f"{note}.startsWith('Played')")
    browser.wait(READY)


def test_a_listener_plays_answers_leaves_returns_finishes_and_is_scored(program: str, built: Built, tmp_path: Path) -> None:
    trials = built.key["sessions"][1]
    with Chromium(program, tmp_path / "profile") as browser:
        browser.downloads_to(tmp_path)
        open_test(browser, built, "?listener=2")
        browser.click("button.main")
        introduced = ""
        for n, trial in enumerate(trials):
            if n == 4:
                open_test(browser, built)
                assert browser.evaluate(HEADING) == "Welcome back"
                browser.press("Enter")
                introduced = ""
            if trial["part"] != introduced:
                assert browser.evaluate("document.querySelector('.tag').textContent").startswith("Part ")
                browser.press("Enter")
                introduced = trial["part"]
            assert browser.evaluate(HEADING) == f"Item {n + 1}"
            answer = answer_to(built, trial)
            number = "AB".index(answer) + 1 if isinstance(answer, str) else answer
            if n < 2:  # nothing can be answered before it was heard
                browser.press(str(number))
                browser.press("Enter")
                assert browser.evaluate(HEADING) == f"Item {n + 1}" and not browser.evaluate(READY)
            hear(browser, len(trial["samples"]), by_keys=n % 2 == 0)
            if n % 2 == 0:
                browser.press(str(number))
                browser.press("Enter")
            else:
                browser.click(f".choice:nth-child({number})")
                browser.click("button.main")
        assert browser.evaluate(HEADING) == "Thank you"
        browser.click("#comment")
        for letter in "a b":
            browser.press(letter)
        browser.click("button.main")
        end = time.monotonic() + 20
        while not (found := list(tmp_path.glob("listening-*.json"))) and time.monotonic() < end:
            time.sleep(0.05)
        assert browser.complaints() == []
        assert all(url.startswith(("file:", "blob:", "data:")) for url in browser.requests())
    result = json.loads(found[0].read_text())
    assert result["listener"] == 2 and result["comment"] == "a b" and len(result["answers"]) == len(trials)
    assert [a["answer"] for a in result["answers"]] == [answer_to(built, trial) for trial in trials]
    assert all(min(a["plays"]) >= 1 for a in result["answers"])
    scores = score(found, built.key_path)
    assert not scores["listeners"]["left_out"] and scores["listeners"]["counted"][0]["checks_right"] == 3
    for part in ("coherence", "quality"):
        rated = scores["parts"][part]["scores"]
        assert len(rated) == 3 and {source: row["value"] for source, row in rated.items()} == {source: OPINION[source] for source in rated}
    assert all(row["value"] == 1.0 for row in scores["parts"]["preference"]["pairs"] if row["first"] == "ours")


def test_it_is_usable_by_keyboard_and_screen_reader_and_fits_a_phone(program: str, built: Built, tmp_path: Path) -> None:
    with Chromium(program, tmp_path / "profile", width=360, height=740, dark=True) as browser:
        open_test(browser, built)
        browser.click("#listener")
        browser.press("9")
        browser.press("Enter")
        assert "from 1 to 3" in browser.evaluate("document.querySelector('[role=alert]:not([hidden])').textContent")
        open_test(browser, built, "?listener=1")
        browser.press("Enter")
        browser.press("Enter")
        assert browser.evaluate("document.activeElement.tagName") == "H1"
        browser.press("Tab")
        focused = "document.activeElement.getAttribute('aria-label')"
        assert browser.evaluate(focused) == "Play the sample"
        assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        browser.evaluate(FAST)
        browser.press(" ")
        browser.wait(READY)
        assert browser.evaluate("document.querySelector('[role=status]').textContent") == "You may answer now."
        browser.press("Tab")
        browser.press(" ")
        assert browser.evaluate("document.querySelector('input:checked').value") == "1"
        browser.press("ArrowRight")
        assert browser.evaluate("document.querySelector('input:checked').value") == "2"
        browser.evaluate("document.getElementById('shortcuts').click()")
        browser.press("5")
        assert browser.evaluate("document.querySelector('input:checked').value") == "2"
        assert browser.evaluate("document.documentElement.scrollWidth") <= 360
        browser.call("Accessibility.enable")
        nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
        roles = ("button", "radio", "checkbox", "progressbar", "link", "textbox", "spinbutton", "Video")
        used = [node for node in nodes if not node["ignored"] and node.get("role", {}).get("value") in roles]
        assert len(used) >= 10 and all(node["name"]["value"].strip() for node in used)
        assert browser.complaints() == []


def test_a_sample_that_cannot_be_played_does_not_stop_the_test(program: str, built: Built, tmp_path: Path) -> None:
    with Chromium(program, tmp_path / "profile") as browser:
        open_test(browser, built, "?listener=1")
        browser.evaluate(
            "Object.keys(window.LISTENING_TEST.media).forEach((id) => { window.LISTENING_TEST.media[id].file = 'media/gone.mp4'; })"
        )
        browser.press("Enter")
        browser.press("Enter")
        browser.wait("document.querySelector('.hint').textContent.includes('left out')")
        browser.press("Enter")
        assert browser.evaluate(HEADING) == "Item 2"
        kept = json.loads(browser.evaluate("localStorage.getItem(Object.keys(localStorage)[0])"))
        assert kept["answers"]["0"]["answer"] is None and kept["position"] == 1


def test_two_listeners_may_share_a_browser(program: str, built: Built, tmp_path: Path) -> None:
    with Chromium(program, tmp_path / "profile") as browser:
        open_test(browser, built, "?listener=1")
        browser.press("Enter")
        browser.press("Enter")
        hear(browser, 1, by_keys=True)
        browser.press("3")
        browser.press("Enter")
        open_test(browser, built, "?listener=2")
        assert browser.evaluate(HEADING) == built.key["config"]["title"]
        open_test(browser, built, "?listener=1")
        assert browser.evaluate(HEADING) == "Welcome back"
        open_test(browser, built)
        assert browser.evaluate(HEADING) == "Welcome back"
        browser.press("Enter")
        browser.press("Enter")
        assert browser.evaluate(HEADING) == "Item 2" and browser.complaints() == []
