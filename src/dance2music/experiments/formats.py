"""A table of results as data, and the same as text, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dance2music.errors import InputError
from dance2music.evaluation.results import Interval

NOT_RUN, NOT_GIVEN = "not run", "-"
PRINTED, HERE, CONTROL = "printed", "here", "control"


@dataclass(frozen=True)
class Cell:
    """A value in the unit of its column with its interval and n, NaN where there is none; ``note`` stands where no value does, or with
    a control's value says which control it is."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    note: str = ""

    @classmethod
    def of(cls, interval: Interval, factor: float) -> Cell:
        """A measured mean; an interval without width or bounds is left out."""
        return cls(interval.mean * factor, interval.low * factor, interval.high * factor, interval.n)


@dataclass(frozen=True)
class Line:
    """A row: what it is called, whose it is (`PRINTED`, `HERE`, `CONTROL`), a cell per column."""

    label: str
    source: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """A table: title, names and decimals of the columns, rows, and what a reader must know."""

    title: str
    columns: tuple[tuple[str, int], ...]
    lines: tuple[Line, ...]
    about: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def rendered(sheet: Sheet, form: str) -> str:
    """A table in a form of `FORMATS`. Raises InputError for another."""
    return FORMATS[checked_format(form)](sheet)


def checked_format(form: str) -> str:
    """The name of a form of `FORMATS`. Raises InputError for another."""
    if form not in FORMATS:
        raise InputError(f"--format {form}: unknown; expected one of {', '.join(FORMATS)}")
    return form


def layout(rows: list[list[str]]) -> str:
    """Lines of a table: the first column to the left, the others to the right, a rule below the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def _text(sheet: Sheet) -> str:
    rows = [["", *(label for label, _ in sheet.columns)]]
    for line in sheet.lines:
        indent = {PRINTED: "", HERE: "  ", CONTROL: "    "}[line.source]
        rows.append([indent + line.label, *(_cell_text(cell, decimals) for cell, (_, decimals) in zip(line.cells, sheet.columns))])
        if line.source == HERE and any(cell.n for cell in line.cells):
            rows.append(["    n", *(str(cell.n) if cell.n else "" for cell in line.cells)])
    return "\n".join([sheet.title, *sheet.about[:1], "", layout(rows), "", *sheet.about[1:], *(f"Note: {note}." for note in sheet.notes)])


def _cell_text(cell: Cell, decimals: int) -> str:
    """``note value [low, high]`` of what there is."""
    if math.isnan(cell.value):
        return cell.note
    value = f"{cell.value:.{decimals}f}"
    interval = f" [{cell.low:.{decimals}f}, {cell.high:.{decimals}f}]" if math.isfinite(cell.low) else ""
    return f"{cell.note} {value}{interval}".strip()


_LATEX = str.maketrans({"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
                        "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"})  # fmt: skip


def _latex(sheet: Sheet) -> str:
    """A tabular for booktabs; n stands in the first column, what a reader must know in comments above."""
    head = [f"% {text}" for text in (sheet.title, *sheet.about, *sheet.notes)]
    rows = [" & ".join(["", *(label.translate(_LATEX) for label, _ in sheet.columns)]) + r" \\", r"\midrule"]
    for line in sheet.lines:
        counts = sorted({cell.n for cell in line.cells if cell.n})
        n = f" ($n = {counts[0]}$)" if len(counts) == 1 else f" ($n = {counts[0]}$ to ${counts[-1]}$)" if counts else ""
        indent = {PRINTED: "", HERE: r"\quad ", CONTROL: r"\qquad "}[line.source]
        cells = [_cell_text(cell, decimals).translate(_LATEX) for cell, (_, decimals) in zip(line.cells, sheet.columns)]
        rows.append(" & ".join([indent + line.label.translate(_LATEX) + n, *cells]) + r" \\")
    columns = "l" + "r" * len(sheet.columns)
    return "\n".join([*head, rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *rows, r"\bottomrule", r"\end{tabular}"])


def _csv(sheet: Sheet) -> str:
    """One line per cell with something in it: row, source, column, value, low, high, n, note. Ours is named by the row above."""
    stream = io.StringIO()
    out = csv.writer(stream, lineterminator="\n")
    out.writerow(["row", "source", "column", "value", "low", "high", "n", "note"])
    above = ""
    for line in sheet.lines:
        above = line.label if line.source == PRINTED else above
        for cell, (label, _) in zip(line.cells, sheet.columns):
            own = f", {line.label.removeprefix('here, ')}" if line.source == HERE and line.label.startswith("here, ") else ""
            if not math.isnan(cell.value) or cell.note not in ("", NOT_GIVEN):
                numbers = ["" if math.isnan(value) else f"{value:.6g}" for value in (cell.value, cell.low, cell.high)]
                out.writerow([above + own, line.source, label, *numbers, cell.n or "", cell.note])
    return stream.getvalue().rstrip("\n")


def _json(sheet: Sheet) -> str:
    def plain(cell: Cell) -> dict[str, Any]:
        numbers = {name: getattr(cell, name) for name in ("value", "low", "high")}
        return {name: None if math.isnan(value) else value for name, value in numbers.items()} | {"n": cell.n or None, "note": cell.note}

    columns = [label for label, _ in sheet.columns]
    rows = [
        {"label": line.label, "source": line.source, "cells": {c: plain(cell) for c, cell in zip(columns, line.cells)}}
        for line in sheet.lines
    ]
    return json.dumps({"title": sheet.title, "columns": columns, "rows": rows, "about": sheet.about, "notes": sheet.notes}, indent=1)


FORMATS: dict[str, Callable[[Sheet], str]] = {"text": _text, "latex": _latex, "csv": _csv, "json": _json}
"""By the name that ``dance2music evaluate --format`` takes."""
