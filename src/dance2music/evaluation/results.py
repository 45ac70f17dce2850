"""The layout of ``results.json``: what an evaluation writes, and what reports, tables and comparisons read.

One file holds one *method* (a folder of generated music) and, beside it under the same metrics, the controls. Everything that is
scored is called a *system*: ``generated`` and the names in `CONTROLS`. JSON has no NaN: an undefined value (a ratio with nothing
below the line) is ``null`` in the file, NaN in memory, and left out of means, whose ``n`` says how many were left.

::

    {"format": "dance2music-evaluation-1", "name": "creative-gan", "created": "2026-11-21T15:00:00+00:00", "seed": 0,
     "settings": {...}, "versions": {...}, "inputs": {"generated": "DIR", "reference": "DIR" | null, ..., "left_out": [...]},
     "metrics": {"beat_f_70ms": {"label": ..., "family": ..., "unit": ..., "better": "higher", "ideal": 1.0, "worst": 0.0, ...}},
     "systems": ["generated", "reference", ...],
     "clips": [{"name": "gBR_...", "dance": ..., "take": 0, "genre": "break", "song": "mBR0", "duration_seconds": 10.0,
                "values": {"generated": {"beat_f_70ms": 0.8, ...}, "click_fixed": {...}}, "events": {...}}],
     "summary": {"beat_f_70ms": {"generated": {"mean": 0.8, "low": 0.7, "high": 0.9, "n": 20, "p": null}, ...}},
     "beaten_by": {"beat_f_70ms": [{"control": "click_kinematic", "value": 0.85, "beyond_noise": false}]},
     "groups": [{"kind": "genre", "label": "house", "n": 4, "summary": {...as above...}}]}
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dance2music.documents import finite, fits, json_value
from dance2music.errors import InputError
from dance2music.files import whole_file

FORMAT = "dance2music-evaluation-1"

GENERATED = "generated"
CONTROLS: dict[str, str] = {
    "reference": "the reference itself",
    "click_fixed": "click track at 120 bpm",
    "click_kinematic": "click track on the kinematic beats",
    "other_song": "music of another clip",
    "shifted": "the same music shifted",
    "noise": "white noise",
    "silence": "silence",
}
"""What is scored beside the generated music, always, and how a table calls it."""


@dataclass(frozen=True)
class MetricInfo:
    """What a reader must know of one metric.

    Attributes
    ----------
    label : str, for tables. family : str, the heading it stands under.
    unit : str, empty for a plain ratio.
    better : 'higher', 'lower', or '' where neither is better (loudness).
    ideal, worst : float or None (no bound).
    needs : of 'reference', 'dance', 'genre', 'takes', 'training', 'notes': what must be at hand, else the metric is missing.
    per_clip : False for values of a whole set (Fréchet distance, diversity): those are in the summary only.
    source : paper, equation or tool.
    measure : gives the value of one clip from an `evaluation.catalogue.Pair`; None where the metric is computed with others of its family,
        or of the whole set. In memory only.
    """

    label: str
    family: str
    unit: str = ""
    better: str = "higher"
    ideal: float | None = None
    worst: float | None = None
    needs: tuple[str, ...] = ()
    per_clip: bool = True
    source: str = ""
    measure: Callable[[Any], float] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Interval:
    """A mean over ``n`` clips with its 95 % bootstrap interval, and a p-value where the metric has a null hypothesis (`p` else None)."""

    mean: float
    low: float
    high: float
    n: int
    p: float | None = None


@dataclass(frozen=True)
class Beaten:
    """A control that does at least as well as the generated music; ``beyond_noise`` if the interval of the paired difference excludes 0."""

    control: str
    value: float
    beyond_noise: bool


@dataclass(frozen=True)
class ClipValues:
    """Every value of one clip.

    Attributes
    ----------
    name : str, of the generated file without suffix; ``take`` 0, 1, ...
    dance : the unit of intervals and tests: the name that reference, video and motion share, of a segment the clip that it is cut from.
    segment : of a segment the name that reference, video and motion share, else "".
    genre, song : str or None.
    duration_seconds : float, of the generated music.
    values : system -> metric -> float (NaN: undefined).
    events : for pictures, times in seconds unless said otherwise: ``kinematic_beats``, ``generated_onsets``, ``generated_beats``,
        ``reference_onsets``, ``reference_beats``, and ``kinetic_velocity`` (body sizes per second) at ``kinetic_fps`` [1]; missing where
        unknown.
    files : 'generated', 'reference', 'video', 'motion' -> path as given.
    """

    name: str
    dance: str
    take: int
    genre: str | None
    song: str | None
    duration_seconds: float
    values: dict[str, dict[str, float]]
    events: dict[str, list[float]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    segment: str = ""


@dataclass(frozen=True)
class Group:
    """The summary of a part of the clips: ``kind`` 'genre', 'length' (whole clips of about that length) or 'window' (clips cut to it)."""

    kind: str
    label: str
    n: int
    summary: dict[str, dict[str, Interval]]


@dataclass(frozen=True)
class Results:
    """One evaluation, see the head of this file."""

    name: str
    created: str
    seed: int
    settings: dict[str, Any]
    versions: dict[str, str]
    inputs: dict[str, Any]
    metrics: dict[str, MetricInfo]
    systems: tuple[str, ...]
    clips: tuple[ClipValues, ...]
    summary: dict[str, dict[str, Interval]]
    beaten_by: dict[str, list[Beaten]]
    groups: tuple[Group, ...] = ()

    @property
    def dances(self) -> str:
        """Over how many dances, in words: "2 dances", "3 segments of 1 dance"."""
        n, segments = len({clip.dance for clip in self.clips}), len({clip.segment for clip in self.clips if clip.segment})
        return (f"{counted(segments, 'segment')} of " if segments else "") + counted(n, "dance")

    def values(self, metric: str, system: str = GENERATED) -> dict[str, float]:
        """Clip name -> value of one per-clip metric, undefined ones left out."""
        found = ((clip.name, clip.values.get(system, {}).get(metric, math.nan)) for clip in self.clips)
        return {name: value for name, value in found if not math.isnan(value)}


def counted(n: int, noun: str) -> str:
    """``1 dance``, ``2 dances``."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def save_results(results: Results, path: str | Path) -> None:
    """Write ``results.json``, whole or not at all."""
    content = {"format": FORMAT, **finite(dataclasses.asdict(results))}
    for info in content["metrics"].values():
        del info["measure"]
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load_results(path: str | Path) -> Results:
    """Read what `save_results` wrote.

    Raises
    ------
    InputError
        If the file is missing, no JSON, or not of this format.
    """
    expected = "expected the results.json of dance2music evaluate"
    try:
        content = json_value(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); {expected}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: format {content.get('format') if isinstance(content, dict) else None!r}; {expected} ({FORMAT})")
    try:
        results = Results(
            **{key: content[key] for key in ("name", "created", "seed", "settings", "versions", "inputs")},
            metrics={name: MetricInfo(**{**info, "needs": tuple(info["needs"])}) for name, info in content["metrics"].items()},
            systems=tuple(content["systems"]),
            clips=tuple(
                ClipValues(**{**clip, "values": {system: _numbers(row) for system, row in clip["values"].items()}})
                for clip in content["clips"]
            ),
            summary=_intervals(content["summary"]),
            beaten_by={metric: [Beaten(**beaten) for beaten in row] for metric, row in content["beaten_by"].items()},
            groups=tuple(Group(**{**group, "summary": _intervals(group["summary"])}) for group in content["groups"]),
        )
        if not fits(results, Results) or not all(info.better in ("higher", "lower", "") for info in results.metrics.values()):
            raise TypeError("a value of another kind")
        return results
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: incomplete ({type(error).__name__}: {error}); {expected}") from error


def _numbers(row: dict[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in row.items()}


def _intervals(table: dict[str, dict[str, dict[str, Any]]]) -> dict[str, dict[str, Interval]]:
    def interval(row: dict[str, Any]) -> Interval:
        numbers = _numbers({key: row[key] for key in ("mean", "low", "high")})
        return Interval(**numbers, n=row["n"], p=row["p"])

    return {metric: {system: interval(row) for system, row in systems.items()} for metric, systems in table.items()}
