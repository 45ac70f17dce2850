"""What the page answers, and where: beside the button, once, in sight, covering nothing; and words that say the same everywhere."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_studio_page import LONG_SECONDS, at_work, idle

from chromium import visit
from studio_server import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

IN_SIGHT = """(element) => {
    const box = element.getBoundingClientRect();
    const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.height > 0 && element.contains(there);
}"""
"""Whether the middle of an element is in the window, with nothing over it."""
COVERED = """() => {
    const toasts = [...document.querySelectorAll(".toast")];
    const under = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    return [...document.querySelectorAll("button, a, input, select, video, canvas, .panel")]
        .filter((control) => !control.closest(".toast, .skip") && control.getClientRects().length)
        .filter((control) => toasts.some((toast) => under(toast.getBoundingClientRect(), control.getBoundingClientRect())))
        .map((control) => control.outerHTML.slice(0, 120));
}"""
BPM = re.compile(r"\d+\.\d bpm")


def in_sight(page: Page, selector: str) -> bool:
    return bool(page.locator(selector).first.evaluate(IN_SIGHT))


@pytest.fixture(scope="module")
def two_takes(studio: Running, dance: Any) -> Any:
    """The dance, with two takes at least."""
    found = studio.ask("GET", f"/api/dances/{dance['id']}")
    if len([take for take in found["takes"] if not take["candidate"] and not take["deleted"]]) < 2:
        studio.settled(studio.ask("POST", f"/api/dances/{dance['id']}/takes", {"method": "composer"})["job"]["id"])
    return studio.ask("GET", f"/api/dances/{dance['id']}")


def test_on_a_phone_the_answer_is_beside_the_button_and_playing_is_always_in_sight(studio: Running, dance: Any) -> None:
    with at_work(studio, dance, width=380, height=740) as page:
        page.select_option(".panel select >> nth=1", "composer")
        page.click("text=/Make (more|a) takes?/")
        page.wait_for_selector(".answer .job")
        until(page, f"({IN_SIGHT})(document.querySelector('.answer progress'))", 5)
        assert in_sight(page, "button.play") and in_sight(page, ".brand")
        page.wait_for_selector(".answer .said", timeout=1000 * LONG_SECONDS)
        assert re.fullmatch(r"Take \d+ is there, and it is what you hear\.", page.inner_text(".answer .said"))
        until(page, f"({IN_SIGHT})(document.querySelector('.said'))", 5)
        idle(page)


def test_beside_the_picture_a_job_is_shown_once(studio: Running, dance: Any) -> None:
    with at_work(studio, dance, width=1280) as page:
        page.click("#tab-export")
        page.click("form >> text=Export")
        page.wait_for_selector(".answer .job")
        assert page.locator(".job").count() == 1 and page.is_disabled("form button.main")
        page.click("#tab-takes")
        until(page, "document.querySelectorAll('.answer .job').length === 0", LONG_SECONDS)
        page.click("#tab-export")
        assert page.inner_text(".said") == "The files are here:"


@pytest.mark.parametrize(
    "tab, last", [("rhythm", "text=Tap along"), ("rhythm", "text=Let the music follow"), ("export", "form button.main")]
)
def test_on_a_small_laptop_every_tool_is_in_sight(studio: Running, dance: Any, tab: str, last: str) -> None:
    with at_work(studio, dance, width=1280, height=800) as page:
        page.click(f"#tab-{tab}")
        assert in_sight(page, last)


@pytest.mark.parametrize("width, height", [(380, 740), (1280, 800), (2560, 1440)])
def test_a_message_covers_nothing(studio: Running, two_takes: Any, width: int, height: int) -> None:
    with at_work(studio, two_takes, width=width, height=height) as page:
        page.click(".lane.take >> nth=0 >> [aria-label$=away]")
        page.wait_for_selector(".toast")
        page.evaluate("scrollTo(0, 0)")
        assert page.evaluate(COVERED) == []
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0 and in_sight(page, ".toast button")
        page.click(".toast >> text=Undo")
        until(page, "document.querySelectorAll('.toast').length === 0")


def test_a_second_press_makes_no_second_comparison_and_the_comparison_tells_which_take_was_chosen(studio: Running, two_takes: Any) -> None:
    ids = [take["id"] for take in two_takes["takes"] if not take["candidate"] and not take["deleted"]][:2]
    asked = [studio.ask("POST", f"/api/dances/{two_takes['id']}/listening-test", {"takes": ids})["job"]["id"] for _ in range(2)]
    assert asked[0] == asked[1]
    assert studio.settled(asked[0])["state"] == "done"
    (made,) = [row for row in studio.ask("GET", "/api/library")["exports"] if row["about"].get("takes") == ids]
    with at_work(studio, two_takes) as page:
        if page.locator("text=/^Compare/").count():
            page.dblclick("text=/^Compare/")
        page.wait_for_selector("text=/Open the comparison/", timeout=1000 * LONG_SECONDS)
        assert page.locator("text=/^Compare/").count() == 0
        tests = [row["about"]["takes"] for row in studio.ask("GET", "/api/library")["exports"] if row["about"].get("test")]
        assert len(tests) == len({tuple(takes) for takes in tests})
        page.goto(f"{studio.base}/listen/{made['id']}/index.html")
        words = page.inner_text("main")
        assert "your takes" in words and "listener" not in words.lower() and "taking part" not in words
        assert words.count(".") <= 2, "two sentences, then one begins"
        page.click("text=Begin")
        for sample in "ab":
            page.keyboard.press(sample)
            until(page, f"document.querySelector('.hint').textContent.match(/{'take B' if sample == 'a' else 'may answer'}/)", 60)
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        page.wait_for_selector(".tally")
        rows = page.locator(".tally li").all_inner_texts()
        titles = {take["title"] for take in two_takes["takes"] if take["id"] in ids}
        assert {row.split("\n")[0] for row in rows} == titles
        assert ["1 of 1" in rows[0], "0 of 1" in rows[1]] == [True, True]


@pytest.mark.parametrize("width, height, dark", [(390, 844, True), (1280, 800, False)])
def test_the_comparison_looks_like_the_studio_and_has_players_and_answers_in_one_screen(
    studio: Running, two_takes: Any, width: int, height: int, dark: bool
) -> None:
    ids = [take["id"] for take in two_takes["takes"] if not take["candidate"] and not take["deleted"]][:2]
    job = studio.ask("POST", f"/api/dances/{two_takes['id']}/listening-test", {"takes": ids})["job"]["id"]
    assert studio.settled(job)["state"] == "done"
    made = [row for row in studio.ask("GET", "/api/library")["exports"] if row["about"].get("takes") == ids][-1]
    look = """[document.documentElement, document.querySelector(".main")].flatMap((one) => {
        const { backgroundColor, color, fontFamily, borderRadius } = getComputedStyle(one);
        return [backgroundColor, color, fontFamily, borderRadius];
    })"""
    with visit(width=width, height=height, dark=dark) as visited:
        page = visited.page
        page.goto(studio.address)
        page.wait_for_selector(".main")
        wanted = page.evaluate(look)
        page.evaluate("localStorage.setItem('theme', 'light')")
        page.goto(f"{studio.base}/listen/{made['id']}/index.html")
        page.wait_for_selector("text=Begin")
        assert (page.evaluate(look)[:3] == wanted[:3]) == (not dark), "light as the studio was switched to"
        page.evaluate("localStorage.removeItem('theme')")
        page.reload()
        until(page, f"document.querySelector('.main') && JSON.stringify({look}) === JSON.stringify({json.dumps(wanted)})")
        page.keyboard.press("Enter")
        page.wait_for_selector(".player")
        assert page.evaluate("scrollY") == 0 and page.evaluate("document.documentElement.scrollWidth") <= width
        for part in (".play >> nth=0", ".play >> nth=1", "video >> nth=1", ".choice >> nth=1", "button.main"):
            box = page.locator(part).bounding_box()
            assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height, part
        assert visited.complaints == []


@pytest.mark.parametrize("width, height", [(390, 844), (1280, 800)])
def test_takes_are_compared_from_their_list_whatever_tool_is_open(studio: Running, two_takes: Any, width: int, height: int) -> None:
    with at_work(studio, two_takes, width=width, height=height) as page:
        for tab in ("takes", "export"):
            page.click(f"#tab-{tab}")
            page.locator(".compare").scroll_into_view_if_needed()
            assert in_sight(page, ".timeline-bar .compare > *")
            assert re.fullmatch(r"Compare \d blindly|Open the comparison", page.inner_text(".compare"))
        page.evaluate(
            """async (dance) => {
                const { store } = await import("/page/store.js");
                const [, ...others] = store.takesOf(dance);
                for (const take of others) store.put("takes", { ...take, deleted: 1 });
            }""",
            two_takes["id"],
        )
        assert page.locator(".compare > *").count() == 0, "one take is compared with none"


def test_an_export_is_saved_as_one_file(studio: Running, dance: Any) -> None:
    take = dance["takes"][0]
    made = studio.ask("POST", f"/api/takes/{take['id']}/exports", {"stems": True, "sounds": [".flac"]})
    assert studio.settled(made["job"]["id"])["state"] == "done"
    row = next(row for row in studio.ask("GET", "/api/library")["exports"] if row["job"] == made["job"]["id"])
    status, data, headers = studio.request("GET", f"/media/exports/{row['id']}/all.zip")
    assert status == 200 and "attachment" in headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None and archive.namelist() == row["about"]["files"]
        for i, name in enumerate(row["about"]["files"]):
            assert archive.read(name) == studio.request("GET", f"/media/exports/{row['id']}/{i}")[1]
    assert studio.request("GET", f"/media/exports/{row['id']}/all.zip", token=False)[0] in (401, 403)
    with at_work(studio, dance) as page:
        page.click("#tab-export")
        with page.expect_download() as download:
            page.click(".export .all >> nth=0")
        assert download.value.suggested_filename.endswith(".zip")
        assert zipfile.ZipFile(Path(download.value.path())).testzip() is None


def test_the_levels_of_the_clips_own_sound_wait_until_it_is_kept(studio: Running, dance: Any) -> None:
    off = "[...document.querySelectorAll('.panel input[type=number]')].map((field) => field.closest('.pair').hidden)"
    with at_work(studio, dance) as page:
        page.click("#tab-export")
        assert page.evaluate(off) == [True, True]
        page.evaluate("[...document.querySelectorAll('.check')].find((label) => /Keep it/.test(label.textContent)).click()")
        assert page.evaluate(off) == [False, False]


def test_the_tempo_is_the_same_wherever_it_stands(studio: Running, dance: Any) -> None:
    with visit(width=1280) as visited:
        page = visited.page
        page.goto(studio.address)
        page.wait_for_selector(".card")
        card = BPM.search(page.inner_text(f"li:has(a[href='#{dance['id']}'])"))
        page.click(f"a[href='#{dance['id']}']")
        page.wait_for_selector(".lane.take")
        page.keyboard.press("1")
        until(page, "document.querySelector('.lane.take').classList.contains('active')")
        page.click("#tab-rhythm")
        places = [page.inner_text(".lane.ruler .label"), page.inner_text(".panel .range")]
        assert card is not None and [BPM.findall(text) for text in places] == [[card[0]], [card[0]]]
        page.click("text=Double time")
        ruler, panel = (BPM.findall(page.inner_text(place)) for place in (".lane.ruler .label", ".panel .range"))
        assert panel == [card[0], *ruler] and float(ruler[0].split()[0]) == pytest.approx(2 * float(card[0].split()[0]), abs=0.11)


def test_the_page_says_which_reading_its_stops_are_of(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        label = page.locator(".lane.dancer .lane-name")
        assert "stops the music is made for" in label.inner_text()
        assert "second reading" in str(label.get_attribute("title"))
