"""While the beat is corrected it can be heard: as a click on the beats that are shown, against the clip's own sound, without the music."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from test_studio_page import PLAYER, at_work

from chromium import visit
from dance2music.errors import InputError
from dance2music.music.audio import load_audio
from dance2music.studio.own_sound import keep_own_sound
from dance2music.video.container import probe
from duets import PULSE_SECONDS, Duet
from studio_server import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOMENTS = "async ([time, sounding, from, to]) => (await import('/page/monitor.js')).momentsOf(time, sounding, from, to)"
KEEP_CLICKS = """() => {
    window.clicks = [];
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (when) { clicks.push([when, this.frequency.value]); return start.call(this, when); };
}"""
CLICKS = f"""async () => {{
    const {{ sounding, context }} = {PLAYER};
    return clicks.map(([when, frequency]) => [sounding.position + when - sounding.when, frequency]);
}}"""


def clicks(page: Page) -> list[tuple[float, bool]]:
    """Seconds of the take at which there was a click since it began to play, and whether it was a high one."""
    return [(time, frequency > 1500) for time, frequency in page.evaluate(CLICKS)]


def beats(about: dict[str, Any], factor: int = 1) -> list[tuple[float, bool]]:
    """Beats of a grid, or of every second one of its beats, and whether they are downbeats."""
    grid = list(enumerate(about["beat_times_seconds"]))[about["downbeat"] % factor :: factor]
    return [(time, (i // factor - about["downbeat"] // factor) % 4 == 0) for i, time in grid]


def test_a_time_sounds_once_or_in_every_round_of_a_loop(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        straight = {"when": 10.0, "position": 2.0, "loop": None}
        assert page.evaluate(MOMENTS, [2.5, straight, 10.0, 11.0]) == [10.5]
        assert page.evaluate(MOMENTS, [1.5, straight, 10.0, 11.0]) == [] == page.evaluate(MOMENTS, [2.5, straight, 10.6, 11.0])
        around = straight | {"loop": {"from": 1.0, "to": 3.0}}
        assert page.evaluate(MOMENTS, [2.5, around, 10.0, 15.0]) == [10.5, 12.5, 14.5]
        assert page.evaluate(MOMENTS, [1.5, around, 10.0, 15.0]) == [11.5, 13.5]
        assert page.evaluate(MOMENTS, [3.5, around, 10.0, 15.0]) == []


def test_a_click_lies_on_every_beat_that_is_shown_and_follows_when_that_changes(studio: Running, duet: Any) -> None:
    about = duet["takes"][0]["about"]
    with at_work(studio, duet) as page:
        page.click("#tab-rhythm")
        page.evaluate(KEEP_CLICKS)
        page.click(".hearing >> text=Click")
        page.keyboard.press("Space")
        until(page, f"(async () => {PLAYER}.at() > 1.4)()")
        page.click("text=Half time")
        changed = page.evaluate(f"(async () => {PLAYER}.at())()")
        until(page, f"(async () => {PLAYER}.at() > 3.4)()")
        heard = clicks(page)
        page.click("#tab-takes")
        page.wait_for_timeout(300)
        count = page.evaluate("clicks.length")
        page.wait_for_timeout(600)
        assert page.evaluate("clicks.length") == count, "out of sight, out of hearing"
    begun = heard[0][0]
    for wanted, low, high in ((beats(about), begun - 0.01, changed - 0.3), (beats(about, 2), changed + 0.5, 3.3)):
        inside = [[beat for beat in found if low <= beat[0] < high] for found in (heard, wanted)]
        assert len(inside[0]) == len(inside[1]) > 0
        for (time, down), (beat, first) in zip(*inside):
            assert time == pytest.approx(beat, abs=2e-3) and down == first


def test_the_clips_own_sound_is_kept_on_the_clock_of_its_pictures(studio: Running, duet: Any, duet_clip: Duet) -> None:
    status, data, headers = studio.request("GET", f"/media/dances/{duet['id']}/own")
    assert status == 200 and headers["content-type"] == "audio/flac"
    path = duet_clip.path.with_name("own.flac")
    path.write_bytes(data)
    sound = load_audio(path)
    assert sound.samples.shape[1] / sound.sample_rate == pytest.approx(duet["about"]["seconds"], abs=0.01)
    loud = np.flatnonzero(np.abs(sound.samples[0]) > 0.2) / sound.sample_rate
    assert (loud[0] + loud[-1]) / 2 == pytest.approx(PULSE_SECONDS, abs=0.005)


def test_the_clips_own_sound_is_heard_without_the_music_until_another_tool_is_opened(studio: Running, duet: Any) -> None:
    loud = f"(async () => {PLAYER}.meter.lufs() > -40)()"
    silent = f"(async () => {PLAYER}.meter.lufs() < -70)()"
    with at_work(studio, duet) as page:
        page.click("#tab-rhythm")
        page.click(".hearing >> text=Music")
        page.keyboard.press("l")
        page.keyboard.press("Space")
        until(page, f"(async () => {PLAYER}.at() > 0.6)()")
        until(page, silent)
        page.click(".hearing >> text=own sound")
        until(page, loud)  # the pulse, in one of the rounds
        until(page, silent)
        page.click("#tab-takes")
        until(page, loud)


def test_a_clip_whose_sound_cannot_be_read_is_one_without(duet_clip: Duet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object, **__: object) -> None:
        raise InputError("its codec is unknown")

    monkeypatch.setattr("dance2music.studio.own_sound.sound_of", unreadable)
    assert keep_own_sound(probe(duet_clip.path), tmp_path / "own.flac") is False
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("damaged", [False, True])
def test_own_sound_that_is_gone_or_damaged_lets_its_switch_go_and_says_why(studio: Running, duet: Any, damaged: bool) -> None:
    path = studio.folder / "dances" / duet["id"] / "own.flac"
    kept = path.read_bytes()
    with visit() as visited:  # the browser logs the answer 404
        page = visited.page
        page.goto(studio.address)
        page.click(f"a[href='#{duet['id']}']")
        page.wait_for_selector(".lane.take.active")
        page.click("#tab-rhythm")
        path.unlink()
        if damaged:
            path.write_bytes(kept[:20])
        try:
            page.click(".hearing >> text=own sound")
            until(page, "document.querySelector('.hearing .hint').textContent.startsWith(\"The clip's own sound cannot be heard\")")
        finally:
            path.write_bytes(kept)
        assert page.evaluate("(({ checked, disabled }) => [checked, disabled])(document.querySelector('.chip:last-of-type input'))") == [
            False,
            True,
        ]


def test_a_clip_without_sound_offers_none(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.click("#tab-rhythm")
        assert page.is_visible(".hearing >> text=Click") and page.is_hidden(".hearing >> text=own sound")
    assert studio.request("GET", f"/media/dances/{dance['id']}/own")[0] == 404
