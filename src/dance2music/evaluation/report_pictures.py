"""Pictures of a report as inline SVG: values of one metric with its controls, and the beats of one clip on one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from dance2music.evaluation.results import CONTROLS, GENERATED, ClipValues, Interval, MetricInfo
from dance2music.metrics.rhythm import F_WINDOW_SECONDS, nearest_distance

STRIP_WIDTH, STRIP_HEIGHT = 380.0, 34.0
LANES_WIDTH, LANE_LABEL = 1040.0, 96.0
_CURVE, _LANE, _AXIS = 70.0, 34.0, 20.0
CONTROL_MARKS: dict[str, str] = {
    "reference": "M-4 0L0 -5L4 0L0 5Z",
    "click_fixed": "M-4 -4H4V4H-4Z",
    "click_kinematic": "M-4 4L0 -5L4 4Z",
    "other_song": "M0 -5V5M-5 0H5",
    "shifted": "M-4 -4L4 4M-4 4L4 -4",
    "noise": "M-3.5 0A3.5 3.5 0 1 0 3.5 0A3.5 3.5 0 1 0 -3.5 0",
    "silence": "M0 -5V5",
}
"""Outline of the mark of each control around its value."""


def mark(system: str, x: float, y: float, title: str) -> str:
    """The mark of a control, with what it is on hovering."""
    shape = "reference" if system == "reference" else "control"
    place = f'transform="translate({x:.1f} {y:.1f})" d="{CONTROL_MARKS[system]}"'
    return f'<path class="{shape}" style="fill:none;stroke-width:1.5" {place}><title>{escape(title)}</title></path>'


def strip(info: MetricInfo, row: dict[str, Interval], values: Sequence[float]) -> str:
    """One metric on a line: a dot per clip, mean and interval of the generated music, a mark per control; the better end to the right."""
    means = {system: interval.mean for system, interval in row.items() if math.isfinite(interval.mean)}
    points = [value for value in values if math.isfinite(value)]
    ends = [*means.values(), *points]
    if not ends or GENERATED not in means:
        return ""
    low, high = min(ends), max(ends)
    if info.worst is not None and info.ideal is not None:
        low, high = min(low, info.ideal, info.worst), max(high, info.ideal, info.worst)
    reach = max(high - low, 1e-9)

    def at(value: float) -> float:
        share = (min(max(value, low), high) - low) / reach
        return 10 + (STRIP_WIDTH - 20) * (1 - share if info.better == "lower" else share)

    middle = STRIP_HEIGHT / 2
    parts = [f'<line class="axis" x1="10" x2="{STRIP_WIDTH - 10}" y1="{middle}" y2="{middle}"/>']
    spread = np.random.default_rng(0).uniform(-7, 7, len(points))
    parts += [f'<circle class="dots" cx="{at(value):.1f}" cy="{middle + dy:.1f}" r="2.6"/>' for value, dy in zip(points, spread)]
    for system in CONTROLS:
        if system in means:
            parts.append(mark(system, at(means[system]), middle, f"{CONTROLS[system]}: {number(means[system])}"))
    ours = row[GENERATED]
    if math.isfinite(ours.low):
        parts.append(f'<line class="ours" stroke-width="3" x1="{at(ours.low):.1f}" x2="{at(ours.high):.1f}" y1="{middle}" y2="{middle}"/>')
    x = at(ours.mean)
    parts.append(f'<line class="ours" stroke-width="3" x1="{x:.1f}" x2="{x:.1f}" y1="{middle - 9}" y2="{middle + 9}"/>')
    label = f"{info.label}: {number(ours.mean)}; " + ", ".join(f"{CONTROLS[s]} {number(m)}" for s, m in means.items() if s in CONTROLS)
    return f'<svg viewBox="0 0 {STRIP_WIDTH:g} {STRIP_HEIGHT:g}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def lanes(clip: ClipValues, *, shown_seconds: float = 30.0) -> str:
    """Beats of one clip on one axis: the dancer's velocity and kinematic beats, beats and onsets of generated and of original music.

    As Creative-GAN Fig. 4 (kinematic against music beats) and D2M-GAN Fig. 5 (generated against original). A music beat within
    `F_WINDOW_SECONDS` of a kinematic beat (without a dance: of a beat of the original) is drawn strong, any other faint.
    """
    events = clip.events
    seconds = min(clip.duration_seconds, shown_seconds)
    dance = [t for t in events.get("kinematic_beats", []) if t <= seconds]
    against = dance or events.get("reference_beats", [])
    y, parts = 0.0, []

    def at(time: float) -> float:
        return LANE_LABEL + (LANES_WIDTH - LANE_LABEL - 8) * time / seconds

    total = (_CURVE if "kinematic_beats" in events else 0.0) + _LANE * sum(f"{s}_beats" in events for s in (GENERATED, "reference"))
    for time in dance:
        parts.append(
            f'<line class="dance" stroke-dasharray="2 3" opacity=".7" x1="{at(time):.1f}" x2="{at(time):.1f}" y1="4" y2="{total}"/>'
        )
    if "kinematic_beats" in events:
        parts += [*_label("dancer", _CURVE / 2), *_curve(events, seconds, at)]
        y += _CURVE
    for system, name in ((GENERATED, "generated"), ("reference", "original")):
        if f"{system}_beats" in events:
            parts += [*_label(name, y + _LANE / 2), *_ticks(events, system, against, seconds, at, y)]
            y += _LANE
    step = next(s for s in (0.5, 1.0, 2.0, 5.0, 10.0) if seconds / s <= 16)
    for n in range(int(seconds / step) + 1):
        parts.append(f'<text x="{at(n * step):.1f}" y="{y + 14:.1f}" text-anchor="middle">{n * step:g} s</text>')
    height = y + _AXIS
    label = f"{clip.name}: {_met(events, GENERATED, against)} of the generated beats meet " + (
        "the dancer's" if dance else "the original's"
    )
    return f'<svg viewBox="0 0 {LANES_WIDTH:g} {height:g}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def number(value: float) -> str:
    """Three significant digits or so, a dash for what is undefined."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 3 if 0 < size < 0.1 else 2
    return f"{value:.{decimals}f}"


def _label(text: str, y: float) -> list[str]:
    return [f'<text x="0" y="{y + 4:.1f}">{escape(text)}</text>']


def _curve(events: dict[str, list[float]], seconds: float, at) -> list[str]:  # type: ignore[no-untyped-def]
    """The dancer's kinetic velocity."""
    velocity, fps = events.get("kinetic_velocity", []), (events.get("kinetic_fps") or [0.0])[0]
    count = min(len(velocity), int(seconds * fps) + 1) if fps > 0 else 0
    if count < 2:
        return []
    top = max(velocity[:count]) or 1.0
    path = " ".join(f"{at(i / fps):.1f},{_CURVE - 6 - (_CURVE - 14) * velocity[i] / top:.1f}" for i in range(count))
    return [f'<polyline class="curve" points="{path}"/>']


def _ticks(events: dict[str, list[float]], system: str, against: Sequence[float], seconds: float, at, y: float) -> list[str]:  # type: ignore[no-untyped-def]
    """Onsets as short ticks, beats as long ones."""
    kind = "ours" if system == GENERATED else "reference"
    parts = [f'<line class="axis" x1="{LANE_LABEL}" x2="{LANES_WIDTH - 8}" y1="{y + _LANE - 6}" y2="{y + _LANE - 6}"/>']
    for time in events.get(f"{system}_onsets", []):
        if time <= seconds:
            parts.append(
                f'<line class="{kind}" opacity=".5" x1="{at(time):.1f}" x2="{at(time):.1f}" y1="{y + _LANE - 11}" y2="{y + _LANE - 6}"/>'
            )
    beats = [time for time in events.get(f"{system}_beats", []) if time <= seconds]
    for time, met in zip(beats, _meets(beats, against)):
        faint = "" if met else " faint"
        parts.append(
            f'<line class="{kind}{faint}" stroke-width="2.5" x1="{at(time):.1f}" x2="{at(time):.1f}" y1="{y + 5}" y2="{y + _LANE - 6}"/>'
        )
    return parts


def _meets(beats: Sequence[float], against: Sequence[float]) -> np.ndarray:
    """Which beats lie near one of the others: bool [n]."""
    if not len(beats) or not len(against):
        return np.zeros(len(beats), dtype=bool)
    return nearest_distance(np.asarray(beats), np.asarray(against)) <= F_WINDOW_SECONDS


def _met(events: dict[str, list[float]], system: str, against: Sequence[float]) -> str:
    beats = events.get(f"{system}_beats", [])
    return f"{int(_meets(beats, against).sum())} of {len(beats)}"
