"""The papers' tables with measured rows beside the printed ones, as text."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.evaluation.results import CONTROLS, GENERATED, Interval, Results, load_results
from dance2music.metrics.published_tables import TABLES, Column, PublishedTable

NOT_RUN = "not run"
LISTENING_FORMAT = "dance2music-listening-scores"


@dataclass(frozen=True)
class Measured:
    """What was measured here of one method: metric -> interval, on what, and the best that a control scored on it."""

    key: str
    data: str
    values: dict[str, Interval]
    best_control: dict[str, tuple[str, float]]


def read_measured(path: Path) -> list[Measured]:
    """Measured rows of a ``results.json``, or of the scores of a listening test: one per method.

    Raises
    ------
    InputError
        If the file is neither.
    """
    try:
        content = json_value(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a results.json or the file of dance2music listen score") from error
    if isinstance(content, dict) and content.get("format") == LISTENING_FORMAT:
        return _of_listening(content)
    return [_of_results(load_results(path))]


def table_text(name: str, measured: list[Measured]) -> str:
    """One table of a paper, each printed row followed by what was measured here, or "not run"; then what the paper does not have.

    Parameters
    ----------
    name : a key of `TABLES`.
    measured : rows of `read_measured`, in any order; a measured row stands below the printed one with the same key.

    Raises
    ------
    InputError
        If there is no such table.
    """
    table = TABLES.get(name)
    if table is None:
        raise InputError(f"--table {name}: unknown; expected one of {', '.join(TABLES)}")
    rows = [["", *(column.label for column in table.columns)]]
    for row in table.rows:
        rows.append([row.label, *(_printed(value, column) for value, column in zip(row.values, table.columns))])
        rows += _measured_rows(row.key, [m for m in measured if m.key == row.key], table)
    known = {row.key for row in table.rows}
    columns = {column.metric for column in table.columns}
    for key in sorted({m.key for m in measured if columns & m.values.keys()} - known):
        rows.append([f"{key} (not in the paper)", *([""] * len(table.columns))])
        rows += _measured_rows(key, [m for m in measured if m.key == key], table)
    lines = [f"{table.address}: {table.title}", f"Printed rows: {table.data}.", "", layout(rows), ""]
    for data in dict.fromkeys(m.data for m in measured):
        lines.append(f"Measured here: {', '.join(sorted({m.key for m in measured if m.data == data}))}: {data}.")
    return "\n".join([*lines, *(f"Note: {note}." for note in table.notes)])


def layout(rows: list[list[str]]) -> str:
    """Lines of a table: the first column to the left, the others to the right, a rule below the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def interval_text(interval: Interval, *, factor: float = 1.0, decimals: int = 2) -> str:
    """``mean [low, high]``; nothing but the mean where the interval is not defined."""
    mean = f"{interval.mean * factor:.{decimals}f}"
    if not math.isfinite(interval.low):
        return mean
    return f"{mean} [{interval.low * factor:.{decimals}f}, {interval.high * factor:.{decimals}f}]"


def _measured_rows(key: str, found: list[Measured], table: PublishedTable) -> list[list[str]]:
    """Lines below a printed row: values with interval and n, and what the best control scored."""
    if not any(column.metric in m.values for m in found for column in table.columns):
        return [["  here", *(NOT_RUN for _ in table.columns)]]
    rows = []
    for m in found:
        values, counts, controls = ["  here"], ["    n"], ["    best control"]
        for column in table.columns:
            interval = m.values.get(column.metric)
            defined = interval is not None and math.isfinite(interval.mean)
            values.append(interval_text(interval, factor=column.factor, decimals=column.decimals) if interval and defined else NOT_RUN)
            counts.append(str(interval.n) if interval and defined else "")
            control = m.best_control.get(column.metric) if defined else None
            controls.append(f"{control[0]} {control[1] * column.factor:.{column.decimals}f}" if control else "")
        rows += [values, counts, *([controls] if any(controls[1:]) else [])]
    return rows


def _printed(value: float | None, column: Column) -> str:
    return "-" if value is None else f"{value:.{column.decimals}f}"


def _of_results(results: Results) -> Measured:
    values, best = {}, {}
    for metric, systems in results.summary.items():
        if GENERATED in systems:
            values[metric] = systems[GENERATED]
        # The reference reaches the ideal of what compares with it; the other controls should not.
        others = [(s.replace("_", " "), i.mean) for s, i in systems.items() if s in CONTROLS and s != "reference" and math.isfinite(i.mean)]
        better = results.metrics[metric].better if metric in results.metrics else ""
        if others and better:
            best[metric] = (max if better == "higher" else min)(others, key=lambda pair: pair[1])
    lengths = sorted(clip.duration_seconds for clip in results.clips)
    length = f" of {lengths[0]:.1f} to {lengths[-1]:.1f} s" if lengths else ""
    embedding = results.settings.get("embedding", "unknown")
    place = results.inputs.get("reference") or results.inputs.get("generated") or "unknown data"
    return Measured(
        results.name,
        f"{len(results.clips)} clips{length} against {place}, embedding {embedding}, {results.created[:10]}",
        values,
        best,
    )


def _of_listening(scores: dict[str, Any]) -> list[Measured]:
    """One row per source of a listening test; of preferences, how often the focus won over it."""
    found: dict[str, dict[str, Interval]] = {}

    def add(source: str, metric: str, row: dict[str, Any], *, turned: bool = False) -> None:
        mean, low, high = row["value"], row["low"], row["high"]
        if turned:
            mean, low, high = 1 - mean, 1 - high, 1 - low
        found.setdefault(source, {})[metric] = Interval(mean, low, high, row["n"])

    for part, scored in scores["parts"].items():
        for source, row in scored.get("scores", {}).items():
            add(source, f"mos_{part}", row)
        for pair in scored.get("pairs", ()):
            if scores.get("focus") in (pair["first"], pair["second"]):
                turned = pair["first"] != scores["focus"]
                add(pair["first"] if turned else pair["second"], "wins_over", pair, turned=turned)
    data = f"listening test {scores['test']}, {len(scores['listeners']['counted'])} listeners, {scores['clips']} clips"
    return [Measured(source, data, values, {}) for source, values in found.items()]
