"""An evaluation as text for a terminal: every metric with its interval, all controls beside it, and which of them it does not beat."""

from __future__ import annotations

import math

from dance2music.evaluation.results import CONTROLS, GENERATED, Interval, Results

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
    n = results.inputs.get("n_dances", len(results.clips))
    lines = [f"{results.name}: {n} dances, {len(results.clips)} files; mean over dances [95 % interval]"]
    family = ""
    for name in shown:
        info, row = results.metrics[name], results.summary[name]
        if info.family != family:
            family = info.family
            heads = "".join(f"{_HEADS.get(control, control):>{_CELL}}" for control in controls)
            lines += ["", f"{family:{_LABEL}}{'generated':{_OURS}}{heads}"]
        label = info.label + (f", {info.unit}" if info.unit else "") + {"lower": " ↓", "": " ·"}.get(info.better, "")
        cells = "".join(f"{_number(row[control].mean) if control in row else '-':>{_CELL}}" for control in controls)
        lines.append(f"{label:{_LABEL}}{_interval(row.get(GENERATED), n):{_OURS}}{cells}".rstrip())
        beaten = results.beaten_by.get(name, [])
        if beaten:
            reached = ", ".join(f"{CONTROLS[b.control]} ({_number(b.value)}){'!' if b.beyond_noise else ''}" for b in beaten)
            lines.append(f"    reached by {reached}")
    for kind in dict.fromkeys(group.kind for group in results.groups):
        lines += ["", *_group_lines(results, kind)]
    for name, reason in results.settings.get("undefined", {}).items():
        lines += ["", f"Undefined: {results.metrics[name].label if name in results.metrics else name}: {reason}."]
    embedding = results.settings.get("embedding", "unknown")
    lines += ["", f"↓ less is better, · neither is; ! better than the generated music beyond noise. Embedding: {embedding}."]
    return "\n".join(lines)


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
    return f"{_number(row.mean)} [{_number(row.low)}, {_number(row.high)}]{p}{few}"


def _number(value: float) -> str:
    """Three decimals for small numbers, one for large ones."""
    if math.isnan(value):
        return "-"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}"
