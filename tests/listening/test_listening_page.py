"""The page in a real browser: play, answer, leave and come back, finish, save, score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chromium import visit
from dance2music.listening.score import score
from listening_example import Built

if TYPE_CHECKING:
    from playwright.sync_api import Page

OPINION = {"ours": 5, "original": 4, "cmt": 3, "shifted": 2, "click": 2, "noise": 1}
"""What the listener of these tests thinks of everything."""

FAST = "document.querySelectorAll('video, audio').forEach((media) => { media.playbackRate = 12; })"
READY = "!document.querySelector('input[type=radio]').disabled"
HEADING = "document.querySelector('h1').textContent"


def open_test(page: Page, built: Built, query: str = "") -> None:
    page.goto(f"{(built.folder / 'index.html').as_uri()}{query}")


def answer_to(built: Built, trial: dict[str, Any]) -> int | str:
    """What an attentive listener with the `OPINION` above answers."""
    media = [built.key["media"][name] for name in trial["samples"]]
    if len(media) == 1:
        return int(media[0]["beeps"] or OPINION[media[0]["source"]])
    worth = [10 if m["beeps"] else OPINION[m["source"]] for m in media]
    return "A" if worth[0] >= worth[1] else "B"


def hear(page: Page, samples: int, *, by_keys: bool) -> None:
    """Play everything of an item to its end, much faster than a listener would."""
    from playwright.sync_api import TimeoutError as NothingHappened

    page.evaluate(FAST)
    for i in range(samples):
        note = f"document.querySelectorAll('.heard')[{i}].textContent"
        for attempt in range(3):  # on a busy machine the browser may lose an event; a listener would press again, too
            if by_keys:
                page.keyboard.press("ab"[i])
            else:
                page.locator(".play").nth(i).click()
            try:
                page.wait_for_function(f"{note} !== 'Not played yet'", timeout=5000)
                break
            except NothingHappened:
                assert attempt < 2, "the sample does not play"
        page.wait_for_function(f"{note}.startsWith('Played')")
    page.wait_for_function(READY)


def test_a_listener_plays_answers_leaves_returns_finishes_and_is_scored(built: Built, tmp_path: Path) -> None:
    trials = built.key["sessions"][1]
    with visit() as visited:
        page = visited.page
        open_test(page, built, "?listener=2")
        page.click("button.main")
        introduced = ""
        for n, trial in enumerate(trials):
            if n == 4:
                open_test(page, built)
                assert page.evaluate(HEADING) == "Welcome back"
                page.keyboard.press("Enter")
                introduced = ""
            if trial["part"] != introduced:
                assert page.evaluate("document.querySelector('.tag').textContent").startswith("Part ")
                page.keyboard.press("Enter")
                introduced = trial["part"]
            assert page.evaluate(HEADING) == f"Item {n + 1}"
            answer = answer_to(built, trial)
            number = "AB".index(answer) + 1 if isinstance(answer, str) else answer
            if n < 2:  # nothing can be answered before it was heard
                page.keyboard.press(str(number))
                page.keyboard.press("Enter")
                assert page.evaluate(HEADING) == f"Item {n + 1}" and not page.evaluate(READY)
            hear(page, len(trial["samples"]), by_keys=n % 2 == 0)
            if n % 2 == 0:
                page.keyboard.press(str(number))
                page.keyboard.press("Enter")
            else:
                page.click(f".choice:nth-child({number})")
                page.click("button.main")
        assert page.evaluate(HEADING) == "Thank you"
        page.click("#comment")
        for letter in "a b":
            page.keyboard.press(letter)
        with page.expect_download() as saving:
            page.click("button.main")
        saved = tmp_path / saving.value.suggested_filename
        saving.value.save_as(saved)
        assert saved.match("listening-*.json")
        assert visited.complaints == []
        assert all(url.startswith(("file:", "blob:", "data:")) for url in visited.requests)
    result = json.loads(saved.read_text())
    assert result["listener"] == 2 and result["comment"] == "a b" and len(result["answers"]) == len(trials)
    assert [a["answer"] for a in result["answers"]] == [answer_to(built, trial) for trial in trials]
    assert all(min(a["plays"]) >= 1 for a in result["answers"])
    scores = score([saved], built.key_path)
    assert not scores["listeners"]["left_out"] and scores["listeners"]["counted"][0]["checks_right"] == 3
    for part in ("coherence", "quality"):
        rated = scores["parts"][part]["scores"]
        assert len(rated) == 3 and {source: row["value"] for source, row in rated.items()} == {source: OPINION[source] for source in rated}
    assert all(row["value"] == 1.0 for row in scores["parts"]["preference"]["pairs"] if row["first"] == "ours")


def test_it_is_usable_by_keyboard_and_screen_reader_and_fits_a_phone(built: Built) -> None:
    with visit(width=360, height=740, dark=True) as visited:
        page = visited.page
        open_test(page, built)
        page.click("#listener")
        page.keyboard.press("9")
        page.keyboard.press("Enter")
        assert "from 1 to 3" in page.evaluate("document.querySelector('[role=alert]:not([hidden])').textContent")
        open_test(page, built, "?listener=1")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.tagName") == "H1"
        page.keyboard.press("Tab")
        focused = "document.activeElement.getAttribute('aria-label')"
        assert page.evaluate(focused) == "Play the sample"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.evaluate(FAST)
        page.keyboard.press(" ")
        page.wait_for_function(READY)
        assert page.evaluate("document.querySelector('[role=status]').textContent") == "You may answer now."
        page.keyboard.press("Tab")
        page.keyboard.press(" ")
        assert page.evaluate("document.querySelector('input:checked').value") == "1"
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.querySelector('input:checked').value") == "2"
        page.evaluate("document.getElementById('shortcuts').click()")
        page.keyboard.press("5")
        assert page.evaluate("document.querySelector('input:checked').value") == "2"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
        roles = ("button", "radio", "checkbox", "progressbar", "link", "textbox", "spinbutton", "Video")
        used = [node for node in nodes if not node["ignored"] and node.get("role", {}).get("value") in roles]
        assert len(used) >= 10 and all(node["name"]["value"].strip() for node in used)
        assert visited.complaints == []


def test_a_sample_that_cannot_be_played_does_not_stop_the_test(built: Built) -> None:
    with visit() as visited:
        page = visited.page
        open_test(page, built, "?listener=1")
        page.evaluate(
            "Object.keys(window.LISTENING_TEST.media).forEach((id) => { window.LISTENING_TEST.media[id].file = 'media/gone.mp4'; })"
        )
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelector('.hint').textContent.includes('left out')")
        page.keyboard.press("Enter")
        assert page.evaluate(HEADING) == "Item 2"
        kept = json.loads(page.evaluate("localStorage.getItem(Object.keys(localStorage)[0])"))
        assert kept["answers"]["0"]["answer"] is None and kept["position"] == 1


def test_two_listeners_may_share_a_browser(built: Built) -> None:
    with visit() as visited:
        page = visited.page
        open_test(page, built, "?listener=1")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        hear(page, 1, by_keys=True)
        page.keyboard.press("3")
        page.keyboard.press("Enter")
        open_test(page, built, "?listener=2")
        assert page.evaluate(HEADING) == built.key["config"]["title"]
        open_test(page, built, "?listener=1")
        assert page.evaluate(HEADING) == "Welcome back"
        open_test(page, built)
        assert page.evaluate(HEADING) == "Welcome back"
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        assert page.evaluate(HEADING) == "Item 2" and visited.complaints == []
