"""The report: one file that loads nothing, says what controls reach, shows every clip, and hides no hostile name."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

from chromium import visit
from dance2music.evaluation.report import OPEN_CLIPS, report_html, write_report
from dance2music.evaluation.report_pictures import lanes, number, strip
from dance2music.evaluation.results import Interval, MetricInfo
from results_example import results

RESULTS = results("<script>mine</script>", {"beats_hit": [0.2, 0.8], "beat_f_70ms": [0.3, 0.5], "loudness_lufs": [-16.0, -15.0]})
VOID = {"meta", "br", "circle", "line", "path"}


class Balance(HTMLParser):
    """Finds tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID or tag == "path":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] != tag and self.open[-1] == "path":
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_report_needs_nothing_but_itself(tmp_path: Path) -> None:
    write_report(RESULTS, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|src=|<link|@import|url\(", html)
    parser = Balance()
    parser.feed(html)
    assert parser.wrong == [] and [tag for tag in parser.open if tag not in ("meta",)] == []


def test_names_are_text_and_not_markup() -> None:
    html = report_html(RESULTS)
    assert "<script>" not in html and "&lt;script&gt;mine" in html and "dance0.&lt;b&gt;" in html


def test_what_a_control_reaches_is_said_and_what_none_reaches_too() -> None:
    html = report_html(RESULTS)
    assert "Beaten beyond noise by: click track at 120 bpm" in html and "No control reaches it" in html
    assert "not ranked" in html  # loudness


def test_every_clip_is_shown_and_many_are_folded() -> None:
    many = results("many", {"beats_hit": [0.5] * (OPEN_CLIPS + 3)})
    html = report_html(many)
    assert html.count('class="card clip"') == OPEN_CLIPS + 3 and "<summary>3 more clips</summary>" in html


def test_beats_near_the_dancers_are_strong_and_others_faint() -> None:
    picture = lanes(RESULTS.clips[0])  # kinematic 0.5 and 1.0, generated 0.52 and 1.3, original 0.5
    assert "1 of 2 of the generated beats meet the dancer" in picture
    assert picture.count('class="ours"') == 2 + 1 and picture.count('class="ours faint"') == 1
    assert picture.count('class="dance"') == 2 and picture.count("<polyline") == 1


def test_a_clip_without_a_dance_is_held_against_its_original() -> None:
    clip = dataclasses.replace(RESULTS.clips[0], events={"generated_beats": [0.52], "generated_onsets": [], "reference_beats": [0.5]})
    assert "1 of 1 of the generated beats meet the original" in lanes(clip)
    assert "polyline" not in lanes(clip)


def test_the_better_end_of_a_strip_is_to_the_right() -> None:
    def place(better: str) -> float:
        row = {"generated": Interval(0.25, 0.2, 0.3, 4)}
        found = re.search(r'x1="([\d.]+)" x2="\1" y1="8', strip(MetricInfo("m", "f", "", better, 0.0, 1.0), row, []))
        assert found
        return float(found[1])

    assert place("higher") < 190 < place("lower")
    assert strip(MetricInfo("m", "f"), {}, []) == ""


def test_numbers_have_about_three_digits() -> None:
    assert [number(v) for v in (float("nan"), 0.0, 0.0123, 0.5, -16.04, 123.4)] == ["–", "0.00", "0.012", "0.50", "-16.0", "123"]


def test_a_browser_shows_it_without_complaint_and_without_overflow(tmp_path: Path) -> None:
    write_report(RESULTS, tmp_path / "report.html")
    with visit(width=360, height=740) as visited:
        visited.page.goto((tmp_path / "report.html").as_uri())
        assert visited.complaints == [] and visited.requests == [(tmp_path / "report.html").as_uri()]
        assert visited.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert visited.page.evaluate("document.querySelectorAll('svg').length") >= 8
