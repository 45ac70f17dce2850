"""A picture of every loss of a run over its steps, as D2M-GAN's appendix has it (Fig. 6 of the paper with appendix)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.files import whole_file

_LEFT_OUT = ("step", "steps_per_second", "items_per_second", "seconds_left")
_COLUMNS = 3
_DOTS_UP_TO = 40
"""A curve of so few lines shows them as dots."""


def read_losses(log: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Every value of a ``log.jsonl`` over the steps: name -> (steps [n], values [n]).

    A line that a resumed run wrote again replaces the earlier one of that step.

    Raises
    ------
    InputError
        If the file cannot be read, a line but the last (which a kill may have cut) is no JSON, or there is nothing to show.
    """
    log = Path(log)
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{log}: cannot be read; expected the log of a training run; check the folder") from error
    curves: dict[str, dict[int, float]] = {}
    for i, line in enumerate(lines):
        try:
            row = json_value(line)
            step = int(row["step"])
        except (ValueError, KeyError, TypeError) as error:
            if i == len(lines) - 1:
                break
            raise InputError(f"{log}: line {i + 1} is no line of a training log; expected JSON with a step") from error
        for name, value in row.items():
            if name not in _LEFT_OUT and isinstance(value, int | float):
                curves.setdefault(name, {})[step] = float(value)
    if not curves:
        raise InputError(f"{log}: holds no values yet; train longer than log_every_steps")
    return {name: (np.array(sorted(rows)), np.array([rows[step] for step in sorted(rows)])) for name, rows in curves.items()}


def plot_losses(log: str | Path, out: str | Path) -> None:
    """Draw every curve of a ``log.jsonl`` into a png, one panel each, over a common axis of steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = read_losses(log)
    rows = math.ceil(len(curves) / _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 2.3 * rows), layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    last = max(int(steps[-1]) for steps, _ in curves.values())
    for i, (name, (steps, values)) in enumerate(curves.items()):
        axes = figure.add_subplot(rows, _COLUMNS, i + 1)
        axes.plot(steps, values, linewidth=1.2, marker="." if len(steps) <= _DOTS_UP_TO else None, color="tab:blue")
        axes.set_title(name.replace("_", " "), fontsize=10)
        axes.set_xlim(0, last)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        if _spans_decades(values):
            axes.set_yscale("log")
        if i >= len(curves) - _COLUMNS:
            axes.set_xlabel("step", fontsize=9)
    figure.suptitle(Path(log).parent.name, fontsize=11)
    with whole_file(out) as temporary:
        figure.savefig(temporary, format="png")


def _spans_decades(values: Sequence[float] | np.ndarray) -> bool:
    finite = np.asarray(values)[np.isfinite(values)]
    return bool(len(finite) and finite.min() > 0 and finite.max() / finite.min() > 50)
