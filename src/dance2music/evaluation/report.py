"""The report of an evaluation: one HTML file that needs nothing else, with beats per clip, distributions, controls, genres and lengths."""

from __future__ import annotations

import json
import math
from html import escape
from importlib.resources import files
from pathlib import Path

from dance2music.evaluation.report_pictures import lanes, mark, number, strip
from dance2music.evaluation.results import CONTROLS, GENERATED, Group, Interval, MetricInfo, Results, counted
from dance2music.files import whole_file

HEADLINE = ("lift", "kinematic_beat_f", "beat_f_70ms", "phase_error_ms", "genre_classifier", "frechet", "noise_likeness", "beats_hit")
"""Metrics on cards at the top, those of them that were measured."""

OPEN_CLIPS = 12
MAX_CLIPS = 200
"""Clips whose beats are shown at once, and on unfolding; of the rest results.json has the values."""

_GROUP_TITLES = {"genre": "By genre", "length": "By length of the clips", "window": "The same clips cut to windows"}


def write_report(results: Results, path: str | Path) -> None:
    """Write `report_html` to a file, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(report_html(results), encoding="utf-8")


def report_html(results: Results) -> str:
    """The report as HTML: style and pictures inside, nothing loaded from anywhere, light or dark as the reader prefers."""
    style = files("dance2music.evaluation").joinpath("report.css").read_text(encoding="utf-8")
    pieces = counted(len(results.clips), "piece")
    alone = len({clip.dance for clip in results.clips}) == 1
    means = "One dance: no interval" if alone else "Values are means over dances with 95 % bootstrap intervals"
    sections = [
        f"<h1>{escape(results.name)}</h1>",
        f'<p class="soft">{pieces} of music for {results.dances}, {escape(results.created[:10])}. {means}. '
        "Beside every score stand controls that know nothing of the dance, or only its beats. "
        "A score that a control reaches is marked and shows little of what it is named for; only that shifting music leaves its genre and "
        "its sound as they are.</p>",
        _cards(results),
        _scores(results),
        _beats(results),
        *(_groups(results, kind) for kind in _GROUP_TITLES),
        _protocol(results),
    ]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(results.name)}</title>'
    )
    body = "\n".join(section for section in sections if section)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{head}\n<style>\n{style}</style></head>\n<body><main>\n{body}\n</main></body>\n</html>\n'
    )


def _cards(results: Results) -> str:
    cards = []
    for name in (name for name in HEADLINE if GENERATED in results.summary.get(name, {})):
        info, ours = results.metrics[name], results.summary[name][GENERATED]
        unit = f" {escape(info.unit)}" if info.unit else ""
        p = "" if ours.p is None else f", p {ours.p:.3f}"
        cards.append(
            f'<div class="card"><span>{escape(info.label)}{_arrow(info)}</span><b>{number(ours.mean)}{unit}</b>'
            f"<span>{_range(ours)}{p}, n {ours.n}</span>{_verdict(results, name)}</div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _verdict(results: Results, name: str) -> str:
    """Whether a control reaches the score, in words."""
    if not results.metrics[name].better:
        return ""
    beaten = results.beaten_by.get(name, [])
    if not beaten:
        return '<span class="good">No control reaches it</span>'
    worst = next((b for b in beaten if b.beyond_noise), beaten[0])
    verb = "Beaten beyond noise by" if worst.beyond_noise else "Reached by"
    more = f" and {len(beaten) - 1} more" if len(beaten) > 1 else ""
    return f'<span class="flag">{verb}: {escape(CONTROLS[worst.control])}{more}</span>'


def _scores(results: Results) -> str:
    marks = "".join(
        f'<span><svg viewBox="-11 -7 22 14" aria-hidden="true">{mark(system, 0, 0, title)}</svg>{escape(title)}</span>'
        for system, title in CONTROLS.items()
        if system in results.systems
    )
    key = '<span><svg viewBox="-11 -7 22 14" aria-hidden="true">{}</svg>{}</span>'
    ours = key.format('<path class="ours" stroke-width="3" d="M-10 0H10M0 -7V7"/>', "generated, with its interval")
    dots = key.format('<circle class="dots" r="3"/>', "one clip of it")
    parts = [
        "<h2>All scores and what the controls reach</h2>",
        '<p class="soft">The better end is always to the right; each line has its own scale. Hover over a mark for its value.</p>',
        f'<div class="key">{ours}{dots}{marks}</div>',
    ]
    families = dict.fromkeys(info.family for name, info in results.metrics.items() if results.summary.get(name))
    for family in families:
        rows = [
            _score_row(results, name, info)
            for name, info in results.metrics.items()
            if info.family == family and GENERATED in results.summary.get(name, {})
        ]
        if rows:
            parts.append(f'<h3>{escape(family.capitalize())}</h3><div class="wide"><table>{"".join(rows)}</table></div>')
    return "\n".join(parts)


def _score_row(results: Results, name: str, info: MetricInfo) -> str:
    row = results.summary[name]
    ours = row[GENERATED]
    picture = strip(info, row, list(results.values(name).values()) if info.per_clip else [])
    beaten = results.beaten_by.get(name, [])
    flags = ", ".join(_flag(b.control, b.value, beyond_noise=b.beyond_noise) for b in beaten)
    note = f"reached by {flags}" if beaten else ('<span class="soft">not ranked</span>' if not info.better else "")
    unit = f' <span class="soft">{escape(info.unit)}</span>' if info.unit else ""
    cells = (
        f'<td class="text" title="{escape(info.source)}">{escape(info.label)}{_arrow(info)}{unit}</td>',
        f'<td class="strip">{picture}</td>',
        f'<td><b>{number(ours.mean)}</b> <span class="soft">{_range(ours)}</span></td>',
        f'<td class="text">{note}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _flag(control: str, value: float, *, beyond_noise: bool) -> str:
    text = f"{CONTROLS[control]} {number(value)}"
    return f'<span class="flag">{escape(text)}!</span>' if beyond_noise else f'<span class="soft">{escape(text)}</span>'


def _beats(results: Results) -> str:
    clips = [clip for clip in results.clips if f"{GENERATED}_beats" in clip.events]
    if not clips:
        return ""
    figures = []
    for clip in clips[:MAX_CLIPS]:
        values = clip.values.get(GENERATED, {})
        told = [
            f"{results.metrics[name].label} {number(values[name])}"
            for name in ("kinematic_beat_f", "beat_f_70ms", "lift")
            if name in values
        ]
        about = ", ".join([*([clip.genre] if clip.genre else []), f"{clip.duration_seconds:.1f} s", *told])
        figures.append(f'<div class="card clip"><h3>{escape(clip.name)} <span class="soft">{escape(about)}</span></h3>{lanes(clip)}</div>')
    more = "".join(figures[OPEN_CLIPS:])
    folded = f"<details><summary>{len(figures) - OPEN_CLIPS} more clips</summary>{more}</details>" if more else ""
    if len(clips) > MAX_CLIPS:
        folded += f'<p class="soft">results.json has the other {len(clips) - MAX_CLIPS} clips.</p>'
    return (
        "<h2>Beats, clip by clip</h2>"
        '<p class="soft">Above, the dancer\'s kinetic velocity; its minima, the kinematic beats, are dotted through all lanes. Below, '
        "beats (long) and onsets (short) of the generated and of the original music. A beat within 70 ms of one of the dancer's is strong, "
        "any other faint. "
        "After D2M-GAN Fig. 5 and Creative-GAN Fig. 4.</p>" + "".join(figures[:OPEN_CLIPS]) + folded
    )


def _groups(results: Results, kind: str) -> str:
    groups = [group for group in results.groups if group.kind == kind]
    names = [name for name in HEADLINE if any(GENERATED in group.summary.get(name, {}) for group in groups)]
    if not groups or not names:
        return ""
    infos = [results.metrics[name] for name in names]
    head = "".join(f"<th>{escape(info.label)}{_arrow(info)}</th>" for info in infos)
    rows = []
    for group in groups:
        cells = "".join(_group_cell(info, group, name) for info, name in zip(infos, names))
        rows.append(f"<tr><td>{escape(group.label)}</td><td>{group.n}</td>{cells}</tr>")
    return (
        f"<h2>{_GROUP_TITLES[kind]}</h2>"
        '<p class="soft">In brackets what the best control scores on the same clips; red where that is as good.</p>'
        f'<div class="wide"><table><tr><th></th><th>dances</th>{head}</tr>{"".join(rows)}</table></div>'
    )


def _group_cell(info: MetricInfo, group: Group, name: str) -> str:
    row = group.summary.get(name, {})
    if GENERATED not in row or not math.isfinite(row[GENERATED].mean):
        return "<td>–</td>"
    sign = -1.0 if info.better == "lower" else 1.0
    controls = [row[s].mean for s in CONTROLS if s != "reference" and s in row and math.isfinite(row[s].mean)]
    if not controls or not info.better:
        return f"<td>{number(row[GENERATED].mean)}</td>"
    best = max(controls, key=lambda value: sign * value)
    flag = ' class="flag"' if sign * best >= sign * row[GENERATED].mean else ""
    return f"<td{flag}>{number(row[GENERATED].mean)} <span class='soft'>({number(best)})</span></td>"


def _protocol(results: Results) -> str:
    told = {"seed": results.seed, "inputs": results.inputs, "settings": results.settings, "versions": results.versions}
    text = escape(json.dumps(told, indent=1, ensure_ascii=False))
    return f"<h2>Protocol</h2><details><summary>Inputs, settings and versions</summary><pre>{text}</pre></details>"


def _range(interval: Interval) -> str:
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return "no interval"
    return f"[{number(interval.low)}, {number(interval.high)}]"


def _arrow(info: MetricInfo) -> str:
    return {"lower": " <span class='soft'>↓</span>", "higher": ""}.get(info.better, "")
