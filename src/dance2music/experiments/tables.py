"""The papers' tables with measured rows beside the printed ones, as text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.evaluation.results import CONTROLS, GENERATED, Interval, Results, counted, load_results
from dance2music.evaluation.terminal import missing_controls
from dance2music.experiments.formats import CONTROL, HERE, NOT_GIVEN, NOT_RUN, PRINTED, Cell, Line, Sheet, rendered
from dance2music.metrics.published_tables import PAPER_SECONDS, TABLES, Column, Row

LISTENING_FORMAT = "dance2music-listening-scores"
ALIGNMENTS = {"beat_alignment": "smoothed, in seconds", "beat_alignment_aist": "AIST++'s tool"}
"""The forms of Beat Alignment, as the head of a column names them."""
RESULTS = "results.json"
ORIGINAL, REFERENCE, PROTOCOL = "original", "reference", "protocol"
OF_TRUTH = ("dist_m", *ALIGNMENTS)
"""What true music has a value of, beside which generated music is read."""
_SAME_SECONDS = 0.15
"""Clips whose lengths differ by less are of one length: at the papers' hops 2 s come out up to 3 ms short."""


@dataclass(frozen=True)
class Scores:
    """Metric -> interval, and the best that a control scored on it, with its name."""

    values: Mapping[str, Interval]
    best_control: Mapping[str, tuple[str, float]]


@dataclass(frozen=True)
class Measured:
    """What was measured here of one method, and on what.

    Attributes
    ----------
    key : the method. data : what it was measured on.
    whole : over whole clips, and ``clip_seconds`` how long these are, None where they differ or listeners heard them.
    windows : length in seconds -> scores of clips that were cut to it.
    listeners : answers of listeners, which belong beside print whatever the length.
    undefined : metric -> why it has no value.
    protocol : key of `protocols.PROTOCOLS` by which it was measured, "" for none.
    n_dances : clips that were danced, 0 where unknown. path : of the file.
    missing : what is said of controls that there are none of.
    """

    key: str
    data: str
    whole: Scores
    clip_seconds: float | None = None
    windows: Mapping[float, Scores] = field(default_factory=dict)
    listeners: bool = False
    undefined: Mapping[str, str] = field(default_factory=dict)
    protocol: str = ""
    n_dances: int = 0
    path: Path = Path()
    missing: tuple[str, ...] = ()

    @property
    def every_metric(self) -> set[str]:
        """What was measured, over any length."""
        return set().union(self.whole.values, *(scores.values for scores in self.windows.values()))

    @property
    def lengths(self) -> str:
        """The lengths that were measured over, in words."""
        whole = "clips of several lengths" if self.clip_seconds is None else f"{self.clip_seconds:g} s"
        return ", ".join([whole, *(f"{seconds:g} s" for seconds in self.windows)])

    def at(self, seconds: float) -> Scores | None:
        """Scores over a length of music; None where it was not measured over that."""
        if self.listeners or (self.clip_seconds is not None and abs(self.clip_seconds - seconds) <= _SAME_SECONDS):
            return self.whole
        return self.windows.get(seconds)


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
        return [replace(m, path=path) for m in _of_listening(content)]
    results = load_results(path)
    rows = [_of_results(results), *([_of_references(results)] if PROTOCOL in results.settings and REFERENCE in results.systems else [])]
    return [replace(m, path=path) for m in rows]


def table_text(name: str, measured: list[Measured], *, form: str = "text") -> str:
    """One table of a paper, each printed row followed by what was measured here, or "not run"; then what the paper does not have.

    Parameters
    ----------
    name : a key of `TABLES`.
    measured : rows of `read_measured`, in any order; a measured row stands below the printed one with the same key.
    form : a key of `formats.FORMATS`.

    Raises
    ------
    InputError
        If there is no such table or form.
    """
    table = TABLES.get(name)
    if table is None:
        raise InputError(f"--table {name}: unknown; expected one of {', '.join(TABLES)}")
    return rendered(sheet_of(table.columns, table.rows, measured, title=f"{table.address}: {table.title}", printed=table.data,
                             notes=table.notes), form)  # fmt: skip


def sheet_of(
    columns: Sequence[Column],
    printed_rows: Sequence[Row],
    measured: Sequence[Measured],
    *,
    title: str,
    printed: str,
    notes: Sequence[str],
    seconds: float = PAPER_SECONDS,
) -> Sheet:
    """Printed rows, each followed by what was measured here over the same length of music, then what the paper does not have.

    Parameters
    ----------
    columns : of both. printed_rows : each with a value per column. title : of the table. printed : what printed rows were measured on.
    seconds : length of the music in rows that the paper does not have.
    """
    lines: list[Line] = []
    other: dict[str, str] = {}
    measured = [m for i, m in enumerate(measured) if m.key != ORIGINAL or m.whole not in [n.whole for n in measured[:i]]]
    names = _own_names(measured)
    for row in printed_rows:
        cells = (Cell(note=NOT_GIVEN) if value is None else Cell(value) for value in row.values)
        lines.append(Line(row.label, PRINTED, tuple(cells)))
        lines += _measured_lines([m for m in measured if m.key == row.key], columns, row.seconds, other, names)
    known, metrics = {row.key for row in printed_rows}, {column.metric for column in columns}
    for key in sorted({m.key for m in measured if metrics & m.every_metric} - known):
        lines.append(Line(f"{key} (not in the paper)", PRINTED, tuple(Cell() for _ in columns)))
        lines += _measured_lines([m for m in measured if m.key == key], columns, seconds, other, names)
    about = [f"Printed rows: {printed}."]
    measured = [m for m in measured if metrics & m.every_metric]
    for data in dict.fromkeys(m.data for m in measured):
        about.append(f"Measured here: {', '.join(sorted({_told(m, names) for m in measured if m.data == data}))}: {data}.")
    about += [f"Not beside print: {key}: {reason}." for key, reason in other.items()]
    about += [f"{_told(m, names)}: one dance: no interval." for m in measured if m.n_dances == 1]
    about += [f"{_told(m, names)}: {text}" for m in measured if m.protocol and m.key != ORIGINAL for text in m.missing]
    for m in measured:
        about += [f"Undefined: {_told(m, names)}, {c.label}: {m.undefined[c.metric]}." for c in columns if c.metric in m.undefined]
    heads = tuple((column.label + variant_of(column, measured), column.decimals) for column in columns)
    return Sheet(title, heads, tuple(lines), tuple(about), tuple(notes))


def variant_of(column: Column, measured: Sequence[Measured]) -> str:
    """What a column's head says of how it was computed here: the papers do not say which form of Beat Alignment theirs is."""
    if column.metric not in ALIGNMENTS or not measured:
        return ""
    return f" (here {ALIGNMENTS[column.metric]})"


def _own_names(measured: Sequence[Measured]) -> dict[Path, str]:
    """What tells results of one paper row apart: the folder of each file, or its whole path where folders have one name; else nothing."""
    names: dict[Path, str] = {}
    for key in {m.key for m in measured}:
        paths = list(dict.fromkeys(m.path for m in measured if m.key == key))
        folders = [path.resolve().parent.name if path.name == RESULTS else path.stem for path in paths]
        same = len(set(folders)) < len(folders)
        names |= {path: str(path) if same else folder for path, folder in zip(paths, folders)} if len(paths) > 1 else {}
    return names


def _told(m: Measured, names: Mapping[Path, str]) -> str:
    """The method of what was measured, with its own name where it has one."""
    return f"{m.key} ({names[m.path]})" if m.path in names else m.key


def _measured_lines(
    found: Sequence[Measured], columns: Sequence[Column], seconds: float, other: dict[str, str], names: Mapping[Path, str]
) -> list[Line]:
    """Lines below a printed row: values with interval and n, and what the best control scored; ``other`` gets why there are none."""
    if not any(column.metric in m.every_metric for m in found for column in columns):
        return [Line("here", HERE, tuple(Cell(note=NOT_RUN) for _ in columns))]
    lines = []
    for m in found:
        at = m.at(seconds)
        if at is None:
            other[_told(m, names)] = f"measured over {m.lengths}, printed over {seconds:g} s; give --lengths {seconds:g}, or --protocol"
        cells, controls = [], []
        for column in columns:
            interval = None if at is None else at.values.get(column.metric)
            defined = interval is not None and math.isfinite(interval.mean)
            lacking = f"not at {seconds:g} s" if at is None and column.metric in m.every_metric else NOT_RUN
            lacking = "undefined" if interval is not None or (at is not None and column.metric in m.undefined) else lacking
            cells.append(Cell.of(interval, column.factor) if interval and defined else Cell(note=lacking))
            control = at.best_control.get(column.metric) if at is not None and defined else None
            controls.append(Cell(control[1] * column.factor, note=control[0]) if control else Cell())
        lines.append(Line(f"here, {names[m.path]}" if m.path in names else "here", HERE, tuple(cells)))
        if any(cell.note for cell in controls):
            lines.append(Line("best control", CONTROL, tuple(controls)))
    return lines


def _of_results(results: Results) -> Measured:
    lengths = sorted(clip.duration_seconds for clip in results.clips)
    same = bool(lengths) and lengths[-1] - lengths[0] <= _SAME_SECONDS
    length = f" of {lengths[-1]:.1f} s" if same else f" of {lengths[0]:.1f} to {lengths[-1]:.1f} s" if lengths else ""
    embedding = results.settings.get("embedding", "unknown")
    place = results.inputs.get("reference") or results.inputs.get("generated") or "unknown data"
    protocol = f", protocol of {results.settings[PROTOCOL]}, {results.settings.get('denoised')}" if PROTOCOL in results.settings else ""
    n_dances, n = len({clip.dance for clip in results.clips}), len(results.clips)
    clips = f"{counted(n, 'segment')} of {counted(n_dances, 'clip')}, each" if PROTOCOL in results.settings else counted(n, "clip")
    windows = {}
    for group in results.groups:
        if group.kind == "window":
            windows[float(group.label.removesuffix(" s"))] = _scores(group.summary, results)
    return Measured(
        results.name,
        f"{clips}{length} against {place}, embedding {embedding}{protocol}, {results.created[:10]}",
        _scores(results.summary, results),
        clip_seconds=round(lengths[-1], 1) if same else None,
        windows=windows,
        undefined=results.settings.get("undefined", {}),
        protocol=str(results.settings.get(PROTOCOL, "")),
        n_dances=n_dances,
        missing=tuple(missing_controls(results)),
    )


def _of_references(results: Results) -> Measured:
    """The dances' own music by the same protocol: what the papers' rows of the true music are beside. It is its own ideal elsewhere."""
    own = {metric: systems[REFERENCE] for metric, systems in results.summary.items() if REFERENCE in systems and metric in OF_TRUTH}
    same = _of_results(results)
    return replace(same, key=ORIGINAL, data=same.data.replace("against", "of", 1), whole=Scores(own, {}), undefined={})


def _scores(summary: Mapping[str, Mapping[str, Interval]], results: Results) -> Scores:
    values, best = {}, {}
    for metric, systems in summary.items():
        if GENERATED in systems:
            values[metric] = systems[GENERATED]
        # The reference reaches the ideal of what compares with it; the other controls should not.
        others = [(s.replace("_", " "), i.mean) for s, i in systems.items() if s in CONTROLS and s != "reference" and math.isfinite(i.mean)]
        better = results.metrics[metric].better if metric in results.metrics else ""
        if others and better:
            best[metric] = (max if better == "higher" else min)(others, key=lambda pair: pair[1])
    return Scores(values, best)


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
    return [Measured(source, data, Scores(values, {}), listeners=True) for source, values in found.items()]
