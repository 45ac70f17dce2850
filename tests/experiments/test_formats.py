"""A table of results is the same in every form, and can be read by what reads that form."""

from __future__ import annotations

import csv
import io
import json

import pytest

from dance2music.errors import InputError
from dance2music.experiments.formats import CONTROL, HERE, NOT_GIVEN, NOT_RUN, PRINTED, Cell, Line, Sheet, rendered

SHEET = Sheet(
    "A & B, Table 1",
    (("Beats Hit %", 1), ("Dist_m", 2)),
    (
        Line("Ours_low", PRINTED, (Cell(91.7), Cell(note=NOT_GIVEN))),
        Line("here", HERE, (Cell(80.04, 70.0, 90.0, 86), Cell(note=NOT_RUN))),
        Line("best control", CONTROL, (Cell(100.0, note="click fixed"), Cell())),
    ),
    ("Printed rows: 2 s.", "Measured here: x."),
    ("compare with care",),
)


def test_text_has_values_with_interval_and_n_and_the_control_below() -> None:
    lines = rendered(SHEET, "text").splitlines()
    assert lines[:2] == ["A & B, Table 1", "Printed rows: 2 s."]
    assert [line.split() for line in lines[5:9]] == [
        ["Ours_low", "91.7", "-"], ["here", "80.0", "[70.0,", "90.0]", "not", "run"], ["n", "86"],
        ["best", "control", "click", "fixed", "100.0"],
    ]  # fmt: skip
    assert lines[-2:] == ["Measured here: x.", "Note: compare with care."]


def test_latex_escapes_what_it_must_and_closes_what_it_opens() -> None:
    text = rendered(SHEET, "latex")
    body = [line for line in text.splitlines() if not line.startswith("%")]
    assert body[0] == r"\begin{tabular}{lrr}" and body[-1] == r"\end{tabular}"
    assert r" & Beats Hit \% & Dist\_m \\" in body and r"Ours\_low & 91.7 & - \\" in body
    assert r"\quad here ($n = 86$) & 80.0 [70.0, 90.0] & not run \\" in body
    assert all(line.count("&") == 2 for line in body if line.endswith(r"\\"))


def test_csv_has_a_line_per_cell_under_the_name_of_its_printed_row() -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(SHEET, "csv"))))
    assert [(row["row"], row["source"], row["column"], row["value"], row["n"], row["note"]) for row in rows] == [
        ("Ours_low", PRINTED, "Beats Hit %", "91.7", "", ""),
        ("Ours_low", HERE, "Beats Hit %", "80.04", "86", ""),
        ("Ours_low", HERE, "Dist_m", "", "", NOT_RUN),
        ("Ours_low", CONTROL, "Beats Hit %", "100", "", "click fixed"),
    ]


def test_json_has_null_where_nothing_is_defined() -> None:
    rows = json.loads(rendered(SHEET, "json"))["rows"]
    assert rows[1]["cells"]["Beats Hit %"] == {"value": 80.04, "low": 70.0, "high": 90.0, "n": 86, "note": ""}
    assert rows[1]["cells"]["Dist_m"]["value"] is None and rows[1]["cells"]["Dist_m"]["note"] == NOT_RUN


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(InputError, match="--format html: unknown; expected one of text, latex, csv, json"):
        rendered(SHEET, "html")
