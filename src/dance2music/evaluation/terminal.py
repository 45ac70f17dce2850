"""An evaluation as text for a terminal: every metric with its interval, all controls beside it, and which of them it does not beat."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dance2music.evaluation.results import CONTROLS, GENERATED, Interval, MetricInfo, Results, counted
from dance2music.metrics.reasons import why_nan

_HEADS = {
    "reference": "reference", "click_fixed": "click 120", "click_kinematic": "click kin.", "other_song": "other", "shifted": "shifted",
    "noise": "noise", "silence": "silence",
}  # fmt: skip
_LABEL, _OURS, _CELL = 38, 30, 11
_GROUP, _PAIR = 16, 20
_OF_GROUPS = ("beats_hit", "beat_f_70ms", "phase_error_ms", "lift", "lift_beats", "kinematic_beat_f", "genre_classifier")


def results_text(results: Results, *, metrics: tuple[str, ...] | None = None) -> str:
    """The table of a `Results`.

    Parameters
    ----------
    results : Results.
    metrics : names to show; by default all that were measured.

    Returns
    -------
    str: a heading per family; per metric a row, the generated music with its 95 % interval (and p-value of a lift), and below it the
    controls that reach it, with ``!`` where the difference is beyond noise.
    """
    shown = [name for name in results.metrics if metrics is None or name in metrics]
    controls = [system for system in results.systems if system != GENERATED]
    n = len({clip.dance for clip in results.clips})
    kind = "one dance: no interval" if n == 1 else "mean over dances [95 % interval]"
    lines = [f"{results.name}: {results.dances}, {counted(len(results.clips), 'file')}; {kind}"]
    labels = {name: _label(results.metrics[name]) for name in shown}
    ours = {name: _interval(results.summary[name].get(GENERATED), n) for name in shown}
    left = max([_LABEL, *(len(label) + 2 for label in labels.values())])
    middle = max([_OURS, *(len(text) + 2 for text in ours.values())])
    family = ""
    for name in shown:
        info, row = results.metrics[name], results.summary[name]
        if info.family != family:
            family = info.family
            heads = "".join(f"{_HEADS.get(control, control):>{_CELL}}" for control in controls)
            lines += ["", f"{family:{left}}{'generated':{middle}}{heads}"]
        cells = "".join(f"{_number(row[control].mean) if control in row else '-':>{_CELL}}" for control in controls)
        lines.append(f"{labels[name]:{left}}{ours[name]:{middle}}{cells}".rstrip())
        beaten = results.beaten_by.get(name, [])
        if beaten:
            reached = ", ".join(f"{CONTROLS[b.control]} ({_number(b.value)}){'!' if b.beyond_noise else ''}" for b in beaten)
            lines.append(f"    reached by {reached}")
    for kind in dict.fromkeys(group.kind for group in results.groups):
        lines += ["", *_group_lines(results, kind)]
    lines += _lacking(results, shown)
    embedding = results.settings.get("embedding", "unknown")
    lines += ["", f"↓ less is better, · neither is; ! better than the generated music beyond noise. Embedding: {embedding}."]
    return "\n".join(lines)


def _label(info: MetricInfo) -> str:
    return info.label + (f", {info.unit}" if info.unit else "") + {"lower": " ↓", "": " ·"}.get(info.better, "")


def _lacking(results: Results, shown: Sequence[str]) -> list[str]:
    """Why rows that are shown have no value, those of one reason in one line, and which controls there are none of."""
    told: dict[str, list[str]] = {}
    for name in shown:
        ours, known = results.summary[name].get(GENERATED), results.settings.get("undefined", {})
        if ours is None or math.isnan(ours.mean):
            told.setdefault(known.get(name) or why_nan(name), []).append(results.metrics[name].label)
    lines = [f"Undefined: {'; '.join(labels)}: {reason}." for reason, labels in told.items()]
    lines += missing_controls(results)
    return ["", *lines] if lines else []


def missing_controls(results: Results) -> list[str]:
    """One line that names the controls there are none of, each with the reason; none where all are there."""
    needs = {"reference": "no --reference", "click_kinematic": "no --videos or --motion", "other_song": "all dances are to one song"}
    absent = [f"{CONTROLS[control]} ({why})" for control, why in needs.items() if control not in results.systems]
    return [f"Controls that are missing: {', '.join(absent)}."] if absent else []


def _group_lines(results: Results, kind: str) -> list[str]:
    """Headline scores of the parts of one kind, each with the best that a control scores on the same clips."""
    shown = [name for name in _OF_GROUPS if name in results.metrics]
    title = {"genre": "by genre", "length": "by length of the clip", "window": "clips cut to a length"}[kind] + "; best control in brackets"
    lines = [title, f"{'':{_GROUP}}{'n':>4} " + "".join(f"{name:>{_PAIR}}" for name in shown)]
    for group in (group for group in results.groups if group.kind == kind):
        cells = []
        for name in shown:
            row, sign = group.summary.get(name, {}), 1.0 if results.metrics[name].better == "higher" else -1.0
            controls = [row[c].mean for c in CONTROLS if c != "reference" and c in row and not math.isnan(row[c].mean)]
            ours = row[GENERATED].mean if GENERATED in row else math.nan
            best = max(controls, key=lambda value: sign * value, default=math.nan)
            cells.append(f"{_number(ours)} ({_number(best)})")
        lines.append(f"{group.label:{_GROUP}}{group.n:>4} " + "".join(f"{cell:>{_PAIR}}" for cell in cells))
    return lines


def _interval(row: Interval | None, n: int) -> str:
    if row is None or math.isnan(row.mean):
        return "undefined"
    p = "" if row.p is None else f" p {row.p:.3f}"
    few = f" n {row.n}" if row.n != n else ""
    bounds = f" [{_number(row.low)}, {_number(row.high)}]" if math.isfinite(row.low) else ""
    return f"{_number(row.mean)}{bounds}{p}{few}"


def _number(value: float) -> str:
    """Three decimals for small numbers, one for large ones."""
    if math.isnan(value):
        return "-"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}"
