"""The page in a real browser, by mouse and by keys."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chromium import visit
from dance2music.types import GENRES
from studio_server import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

HEARD = "Number(document.querySelector('.time').textContent.split(':')[1])"
LONG_SECONDS = 300.0
TAKE_DOWN = """() => {
    window.seen = new Set();
    const look = () => document.querySelectorAll(".stage, .left").forEach((element) => seen.add(element.textContent));
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
}"""
"""Keeps what bars of progress say, however shortly."""
PLAYER = "(await import('/page/player.js')).players.at(-1)"
"""The player of the workspace that is open."""


@contextmanager
def at_work(studio: Running, dance: Any, **view: Any) -> Iterator[Page]:
    """The page with a dance open and its newest take loaded; it may log no errors, and ask no other host for anything."""
    with visit(**view) as visited:
        page = visited.page
        page.goto(studio.address)
        page.click(f"a[href='#{dance['id']}']")
        page.wait_for_selector(".lane.take.active")
        yield page
        assert visited.complaints == []
        assert all(url.startswith((studio.base, "data:", "blob:")) for url in visited.requests)


def drag_over(page: Page, begin: float, end: float) -> None:
    """Drag over shares of the dancer's lane, which may be scrolled away by the take that is heard."""
    lane = page.locator(".lane.dancer canvas")
    lane.scroll_into_view_if_needed()
    box = lane.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + begin * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + 30, steps=4)
    page.mouse.up()


def settled_mix(studio: Running, dance: Any, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """The faders of the first take are kept as they are wanted, soon."""
    end = time.monotonic() + 20
    while not wanted(found := studio.ask("GET", f"/api/dances/{dance['id']}")["takes"][0]["mix"]):
        assert time.monotonic() < end, found
        time.sleep(0.1)


def idle(page: Page) -> None:
    """No job is shown any more."""
    until(page, "document.querySelectorAll('.jobs .job').length === 0", LONG_SECONDS)


def test_a_first_clip_is_dropped_watched_and_heard(studio: Running, clip: Path) -> None:
    with visit() as visited:
        page = visited.page
        page.goto(studio.address)
        page.wait_for_selector("text=Drop a dance video here")
        assert "token" not in page.url
        page.evaluate(TAKE_DOWN)
        page.set_input_files("input[type=file]", clip)
        page.wait_for_selector(".lane.take.active", timeout=1000 * LONG_SECONDS)
        said = page.evaluate("[...seen]")
        assert {"Watching the dance", "Making music"} <= set(said)
        assert any(re.fullmatch(r"about \d+ s left", text) for text in said)
        page.click("button.play")
        until(page, f"{HEARD} > 0.5")
        page.keyboard.press("Space")
        assert page.get_attribute("button.play", "aria-label") == "Play"
        page.keyboard.press("Home")
        until(page, f"{HEARD} === 0")
        assert visited.complaints == []


def test_what_the_first_take_is_to_be_is_chosen_where_a_video_is_dropped(studio: Running, clip: Path) -> None:
    box = "text=End on a last chord"
    with visit() as visited:
        page = visited.page
        page.goto(studio.address)
        assert page.is_checked(box) and page.input_value(".drop select") == ""
        page.uncheck(box)
        page.select_option(".drop select", "house")
        page.set_input_files("#file", clip)
        made = until(page, "location.hash.slice(1)")
        (job,) = [job for job in studio.ask("GET", "/api/library")["jobs"] if job["dance"] == made]
        assert job["asked"] == {"genre": "house", "ending": False}
        studio.ask("DELETE", f"/api/dances/{made}")
        page.goto(studio.address)
        page.wait_for_selector(".drop")
        assert not page.is_checked(box) and page.input_value(".drop select") == "", "of the two the ending is kept for the next"


def test_the_play_head_is_where_the_picture_is(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.keyboard.press("l")
        page.keyboard.press("Space")
        until(page, f"(async () => {PLAYER}.errors.length > 40)()", 60)
        errors = page.evaluate(f"(async () => {PLAYER}.errors.slice(20))()")
        page.keyboard.press("Space")
    frame = 1 / dance["about"]["fps"]
    assert sorted(abs(error) for error in errors)[len(errors) // 2] < frame


def test_keys_step_by_frames_seconds_and_bars_and_choose_takes(studio: Running, dance: Any) -> None:
    studio.settled(studio.ask("POST", f"/api/dances/{dance['id']}/takes", {"method": "composer"})["job"]["id"])
    with at_work(studio, dance) as page:
        position = f"(async () => {PLAYER}.at())()"
        page.keyboard.press("Shift+ArrowRight")
        assert page.evaluate(position) == pytest.approx(1.0)
        page.keyboard.press("ArrowRight")
        assert page.evaluate(position) == pytest.approx(1.0 + 1 / dance["about"]["fps"])
        page.keyboard.press("Control+ArrowLeft")
        bar = page.evaluate(position)
        assert any(abs(bar - beat) < 1e-3 for beat in [0.0, *dance["about"]["beat_times_seconds"]])
        page.keyboard.press("End")
        assert page.evaluate(position) == pytest.approx(dance["about"]["seconds"])
        page.keyboard.press("1")
        until(page, "document.querySelectorAll('.lane.take')[0].classList.contains('active')")
        page.keyboard.press("2")
        until(page, "document.querySelectorAll('.lane.take')[1].classList.contains('active')")
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        until(page, "document.querySelector('dialog') === null")


@pytest.mark.parametrize(("width", "height"), [(1280, 640), (1100, 600), (1000, 560)])
def test_the_take_that_is_heard_is_in_sight_and_the_play_head_crosses_it(studio: Running, dance: Any, width: int, height: int) -> None:
    rect = "document.querySelector('{}').getBoundingClientRect()"
    with at_work(studio, dance, width=width, height=height) as page:
        tall = page.evaluate(f"{rect.format('.frame')}.height")
        for key in "12":
            page.keyboard.press(key)
            until(page, f"document.querySelectorAll('.lane.take')[{key} - 1].classList.contains('active')")
            seen, lane, ruler, head, handle = (
                page.evaluate(f"(({{top, bottom}}) => [top, bottom])({rect.format(of)})")
                for of in (".scroll", ".lane.take.active", ".lane.ruler", ".head", ".handle")
            )
            assert ruler[0] == pytest.approx(seen[0], abs=1) and ruler[1] - 1 <= lane[0] and lane[1] <= seen[1] + 1
            assert head[0] <= lane[0] and head[1] >= lane[1]
            assert handle[0] == pytest.approx(seen[0], abs=1), "however far the lanes are scrolled"
        assert page.evaluate(f"{rect.format('.frame')}.height") == tall


def test_takes_change_without_a_gap_while_they_play(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.keyboard.press("2")
        page.keyboard.press("1")
        until(page, "document.querySelectorAll('.lane.take')[0].classList.contains('active')")
        page.keyboard.press("l")
        page.keyboard.press("Space")
        until(page, f"{HEARD} > 0.4")
        levels = page.evaluate(f"""async () => {{
            const player = {PLAYER}, heard = [];
            let key = 2;
            for (let n = 0; n < 48; n++) {{
                if (n % 12 === 11) dispatchEvent(new KeyboardEvent("keydown", {{ key: String(key = 3 - key), bubbles: true }}));
                await new Promise((done) => setTimeout(done, 40));
                heard.push(player.meter.lufs());
            }}
            return heard;
        }}""")
    assert min(levels[12:]) > -40, levels  # 0.4 s without sound would be below -70


def test_a_take_is_starred_renamed_thrown_away_and_taken_back(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        count = page.locator(".lane.take").count()
        page.click(".lane.take >> nth=0 >> .star")
        until(page, "document.querySelector('.lane.take .star').getAttribute('aria-pressed') === 'true'")
        page.click(".lane.take >> nth=0 >> [aria-label^=Rename]")
        page.keyboard.type("<i>Best</i> & last")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('.take-text b').textContent === '<i>Best</i> & last'")
        assert page.locator(".take-text i").count() == 0
        page.click(".lane.take >> nth=0 >> [aria-label$=away]")
        until(page, f"document.querySelectorAll('.lane.take').length === {count - 1}")
        page.click("#toasts >> text=Undo")
        until(page, f"document.querySelectorAll('.lane.take').length === {count}")
        page.click(".lane.take >> nth=0 >> [aria-label$=away]")
        until(page, f"document.querySelectorAll('.lane.take').length === {count - 1}")
        page.click(".brand")
        page.click(".bin summary")
        page.click(".bin li:has-text('Best') >> text=Put back")  # other tests may have thrown away something, too
        until(page, "![...document.querySelectorAll('.bin li')].some((row) => row.textContent.includes('Best'))")


def test_what_was_heard_is_heard_again_when_the_page_is_loaded_again(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        count = page.locator(".lane.take").count()
        for i in (0, count - 1):
            page.click(f".lane.take >> nth={i} >> .take-name")
            until(page, f"document.querySelectorAll('.take-name')[{i}].getAttribute('aria-pressed') === 'true'")
            page.reload()
            until(page, f"document.querySelectorAll('.take-name')[{i}]?.getAttribute('aria-pressed') === 'true'")


def test_a_tempo_that_is_typed_is_shown_from_the_first_one_on(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.click("#tab-rhythm")
        page.fill("text=Or type a tempo", "97.5")
        page.keyboard.press("Tab")
        assert "97.5 bpm" in page.inner_text(".range") and page.is_enabled("text=Let the music follow")
        page.click("text=As it was")
        assert page.input_value("text=Or type a tempo") == "" and page.is_disabled("text=Let the music follow")


def test_bars_are_chosen_drawn_again_by_key_and_one_choice_is_kept(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        count = page.locator(".lane.take").count()
        drag_over(page, 0.3, 0.5)
        assert "bar" in page.inner_text(".range").lower()
        page.keyboard.press("r")
        page.wait_for_selector(".choice >> nth=3", timeout=1000 * LONG_SECONDS)
        page.click(".choice >> nth=2 >> .take-name")
        until(page, "document.querySelectorAll('.choice .take-name')[2].getAttribute('aria-pressed') === 'true'")
        until(page, f"{HEARD} > 0.05")  # what stood still plays
        page.click(".choice >> nth=2 >> text=Keep")
        until(page, f"document.querySelectorAll('.lane.take').length === {count + 1}")
        until(page, "document.querySelectorAll('.choice').length === 0")
        idle(page)


def test_the_grid_shows_what_is_asked_of_the_beat_and_the_music_follows(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        count = page.locator(".lane.take").count()
        page.click("#tab-rhythm")
        page.click("text=Half time")
        bpm = page.evaluate("document.querySelector('.range').textContent.match(/[\\d.]+/g).map(Number)")
        assert bpm[1] == pytest.approx(bpm[0] / 2, rel=0.02)
        page.click("text=As it was")
        page.click("text=½ beat later")
        (genre,) = set(page.inner_text(".lane.take.active small").split(" · ")) & set(GENRES)
        page.click("text=Let the music follow")
        until(page, f"document.querySelectorAll('.lane.take').length === {count + 1}", LONG_SECONDS)
        assert genre in page.inner_text(".lane.take >> nth=-1 >> small").split(" · ")
        idle(page)


def test_a_take_made_for_a_loop_says_that_it_has_no_ending(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        count = page.locator(".lane.take").count()
        page.click("#tab-takes")
        page.uncheck("text=End on a last chord")
        page.click("text=Make more takes")
        until(page, f"document.querySelectorAll('.lane.take').length === {count + 1}", LONG_SECONDS)
        assert "no ending, " in page.inner_text(".lane.take >> nth=-1 >> small")
        idle(page)


def test_the_beat_is_tapped_while_it_plays(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.click("#tab-rhythm")
        page.keyboard.press("t")
        assert page.inner_text(".row .hint") == "It plays now: tap on each beat, first on a one."
        until(page, f"{HEARD} > 0.05")
        for _ in range(5):
            page.keyboard.press("t")
            page.wait_for_timeout(400)
        assert "taps" in page.inner_text(".row .hint")
        assert page.is_enabled("text=Let the music follow")


def test_the_page_speaks_as_dancers_do(studio: Running, duet: Any) -> None:
    words = r"(?i)kinematic|codec|latent|onset|downbeat|velocity|waveform|hypothes|network|mastering|play head|by a sample"
    said = """[document.body.innerText, ...[...document.querySelectorAll("option")].map((option) => option.textContent),
        ...[...document.querySelectorAll("[title], [aria-label]")].map((one) => `${one.title} ${one.ariaLabel}`)].join("\\n")"""
    with at_work(studio, duet) as page:
        for tab in ("takes", "section", "rhythm", "sound", "export"):
            page.click(f"#tab-{tab}")
            text = page.evaluate(said)
            assert re.findall(words, text) == [], tab
            assert tab != "takes" or "Composed for this dance (planned)" in text
        assert "for video editors" in text and page.locator(".check small").count() >= 8
        page.keyboard.press("?")
        assert re.findall(words, page.inner_text("dialog")) == []


def test_a_muted_stem_falls_silent_and_stays_muted(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.keyboard.press("1")
        until(page, "document.querySelector('.lane.take').classList.contains('active')")
        page.click("#tab-sound")
        page.wait_for_selector(".fader")
        page.wait_for_selector(".lane.stem")
        names = page.locator(".fader .stem-name").all_inner_texts()
        page.keyboard.press("l")
        page.keyboard.press("Space")
        until(page, f"(async () => {PLAYER}.meter.lufs() > -40)()")
        for i in range(len(names)):
            page.click(f".fader >> nth={i} >> .mute")
        until(page, f"(async () => {PLAYER}.meter.lufs() < -60)()")
        settled_mix(studio, dance, lambda mix: len(mix) == len(names) and all(fader["mute"] for fader in mix.values()))
        page.click("text=All faders to 0 dB")
        until(page, f"(async () => {PLAYER}.meter.lufs() > -40)()")
        settled_mix(studio, dance, lambda mix: mix == {})


def test_files_are_exported_and_saved(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.click("#tab-export")
        page.check("text=FLAC")
        newest = "document.querySelector('.export a')?.href ?? ''"
        before = page.evaluate(newest)
        page.click("form >> text=Export")
        until(page, f"({newest}) !== '{before}'", LONG_SECONDS)
        with page.expect_download() as download:
            page.click(".export a >> nth=0")
        assert download.value.suggested_filename.endswith(".mp4")
        assert Path(download.value.path()).stat().st_size > 50_000


def test_two_windows_show_the_same_and_a_dance_is_thrown_away_with_undo(studio: Running, dance: Any) -> None:
    with visit() as visited:
        first, second = visited.page, visited.page.context.new_page()
        for page in (first, second):
            page.goto(studio.address)
            page.wait_for_selector(".card")
        count = first.locator(".card").count()
        first.click(".card-bin >> nth=0")
        until(second, f"document.querySelectorAll('.card').length === {count - 1}")
        first.click("#toasts >> text=Undo")
        until(second, f"document.querySelectorAll('.card').length === {count}")


@pytest.mark.parametrize("width, dark", [(380, True), (1280, False), (3840, True)])
def test_no_serious_fault_of_accessibility_and_nothing_wider_than_the_window(studio: Running, dance: Any, width: int, dark: bool) -> None:
    module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with at_work(studio, dance, width=width, height=900, dark=dark) as page:
        for tab in ("takes", "section", "rhythm", "sound", "export"):
            page.click(f"#tab-{tab}")
            page.wait_for_timeout(150)
            assert page.evaluate(wide) <= 0, tab
            check(module.Axe(), page, tab)
        page.keyboard.press("?")
        check(module.Axe(), page, "help")
        page.keyboard.press("Escape")
        page.click(".brand")
        page.wait_for_selector(".card")
        assert page.evaluate(wide) <= 0
        check(module.Axe(), page, "library")


def check(axe: Any, page: Page, where: str) -> None:
    found = axe.run(page).response["violations"]
    serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, f"{where}: {serious}"
