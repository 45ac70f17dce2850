"""Scores of a listening test as text, beside the numbers of the papers."""

from __future__ import annotations

from typing import Any

from dance2music.experiments.formats import layout
from dance2music.metrics.published_tables import TABLES

_PAPERS = {"D2M-GAN": "d2m-1", "Creative-GAN": "creative-2"}
_TITLES = {"coherence": "Coherence with the dance, 1 to 5", "quality": "Overall quality, 1 to 5"}


def scores_text(scores: dict[str, Any]) -> str:
    """What `listening.score.score` gave, for people: who counts, tables with intervals, agreement, warnings."""
    counted, left_out = scores["listeners"]["counted"], scores["listeners"]["left_out"]
    lines = [f"Test {scores['test']}: {len(counted)} listeners counted, {len(left_out)} left out ({scores['rule']})"]
    lines += [f"  left out: listener {who['listener']} ({who['session']}), {who['why']}" for who in left_out]
    lines += [f"  sent twice, the fuller file counts: {name}" for name in scores["listeners"]["sent_twice"]]
    for part, scored in scores["parts"].items():
        lines += ["", *(_preference(scored) if part == "preference" else _opinions(part, scored))]
        alpha = "undefined" if scored["alpha"] is None else f"{scored['alpha']:.2f}"
        lines.append(f"Agreement of listeners (Krippendorff's alpha, {scored['alpha_scale']}): {alpha}; {scored['n']} answers")
    if scores["warnings"]:
        lines += ["", *(f"Warning: {text}" for text in scores["warnings"])]
    return "\n".join(lines)


def _opinions(part: str, scored: dict[str, Any]) -> list[str]:
    rows = [["", "MOS", "95 %", "n", "listeners", "clips", *_PAPERS]]
    for source, row in sorted(scored["scores"].items(), key=lambda item: -item[1]["value"]):
        printed = [_printed(table, source, f"mos_{part}") for table in _PAPERS.values()]
        counts = [str(row[name]) for name in ("n", "listeners", "clips")]
        name = f"({source})" if row["hidden"] else source
        rows.append([name, f"{row['value']:.2f}", f"{row['low']:.2f} to {row['high']:.2f}", *counts, *printed])
    return [_TITLES[part], layout(rows), "(in brackets: hidden controls; the last columns: as printed in the papers' tables)"]


def _preference(scored: dict[str, Any]) -> list[str]:
    rows = [["Which music follows the dance better", "first wins %", "95 %", "n", "p"]]
    for pair in scored["pairs"]:
        rows.append([f"{pair['first']} over {pair['second']}", *_share(pair), str(pair["n"]), f"{pair['p']:.3f}"])
    rates = [["Against all others", "wins %", "95 %", "n"]]
    for source, row in sorted(scored["win_rates"].items(), key=lambda item: -item[1]["value"]):
        rates.append([source, *_share(row), str(row["n"])])
    return [layout(rows), "", layout(rates)]


def _share(row: dict[str, Any]) -> list[str]:
    return [f"{100 * row['value']:.1f}", f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"]


def _printed(table_name: str, key: str, metric: str) -> str:
    """The paper's value of a row, by the key of the row, or "-"."""
    table = TABLES[table_name]
    for row in table.rows:
        for value, column in zip(row.values, table.columns):
            if row.key == key and column.metric == metric and value is not None:
                return f"{value:.{column.decimals}f}"
    return "-"
