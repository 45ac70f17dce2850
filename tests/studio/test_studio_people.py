"""Where several dance, the page shows who is dancer 1 and who is dancer 2."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from test_studio_page import at_work

from duets import FPS, Duet
from studio_server import Running, until


def test_the_places_of_the_dancers_are_where_they_were_drawn(studio: Running, duet: Any, duet_clip: Duet) -> None:
    told = json.loads(studio.request("GET", f"/media/dances/{duet['id']}/places")[1])
    assert [one["number"] for one in told["dancers"]] == [one["number"] for one in duet["about"]["dancers"]] == [1, 2]
    who = []
    for one in told["dancers"]:
        seen = [k for k, x in enumerate(one["x"]) if x is not None]
        frames = np.minimum(np.round(np.array(seen) / told["rate_hz"] * FPS).astype(int), len(duet_clip.trunks) - 1)
        across = np.abs(np.array([one["x"][k] for k in seen])[:, None] - duet_clip.trunks[frames, :, 0])
        who.append(int(np.median(across, axis=0).argmin()))
        assert np.median(across[:, who[-1]]) < 0.1
        above = duet_clip.trunks[frames, who[-1], 1] - np.array([one["y"][k] for k in seen])
        assert 0.15 < np.median(above) < 0.5, "above the head, in the picture"
    assert set(who) == {0, 1}


def test_numbers_are_over_the_dancers_and_the_one_that_is_chosen_is_marked(studio: Running, duet: Any) -> None:
    told = json.loads(studio.request("GET", f"/media/dances/{duet['id']}/places")[1])
    with at_work(studio, duet) as page:
        page.wait_for_selector(".person >> nth=1")
        page.select_option("select >> nth=0", "2")
        until(page, "document.querySelector('.person.chosen')?.textContent === '2'")
        frame = page.locator(".frame").bounding_box()
        assert frame is not None and "numbers as in the picture" in page.inner_text(".panel")
        tall = min(frame["height"], frame["width"] * duet["about"]["height"] / duet["about"]["width"])
        left = frame["x"] + (frame["width"] - tall * duet["about"]["width"] / duet["about"]["height"]) / 2
        for i, one in enumerate(told["dancers"]):
            box = page.locator(".person").nth(i).bounding_box()
            assert box is not None and abs(box["x"] + box["width"] / 2 - left - one["x"][0] * tall) < 2
            assert frame["y"] <= box["y"] < frame["y"] + frame["height"]
        page.click("[aria-label^='Numbers of the dancers']")
        assert page.is_hidden(".person >> nth=0")
        page.click("[aria-label^='Numbers of the dancers']")
        page.click("#tab-export")
        assert page.locator(".person").count() == 2 and page.locator(".person.chosen").count() == 0


def test_one_dancer_alone_needs_no_number(studio: Running, dance: Any) -> None:
    with at_work(studio, dance) as page:
        page.wait_for_timeout(300)
        assert page.locator(".person").count() == 0 and page.is_hidden("[aria-label^='Numbers of the dancers']")
    assert studio.request("GET", f"/media/dances/{dance['id']}/places")[0] == 404
