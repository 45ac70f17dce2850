"""The papers' ablations: every row is its base with one thing replaced; training, measuring and the table beside the paper's numbers.

What is measured on composed music is not the papers' data: the tables say so, and lead with scores that an unsynchronised music fails
(`metrics.rhythm`). The papers' Beats Coverage and Beats Hit stand beside them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.models.discriminators import LatentDiscriminatorConfig
from dance2music.train.gan import GanTraining, GanWeights, train_gan
from dance2music.train.gan_scores import COLUMNS, generated, measure
from dance2music.train.segments import ComposedConfig, StackedSegments, coded, composed_segments, held_out_clips


@dataclass(frozen=True)
class Row:
    """A row of a table: what is trained, and the paper's numbers by the paper's names."""

    name: str
    config: GanTraining
    paper: dict[str, float]
    fine_tuned: bool = False


def rows_of(table: str, size: str = "embedded") -> list[Row]:
    """Rows of a table of `TABLES` at a size: "embedded", or "paper" where the papers' networks allow it.

    Raises
    ------
    InputError
        If there is no such table or size.
    """
    if table not in TABLES:
        raise InputError(f"table {table!r}: unknown; expected one of {', '.join(TABLES)}")
    return TABLES[table](size)


def _base(kind: str, level: str, size: str, data: str = "aist") -> GanTraining:
    from dance2music.train.gan_presets import GAN_TRAININGS

    form = {"embedded": "embedded", "paper": f"{data}-paper" if kind == "d2m-gan" else "paper"}.get(size)
    if form is None:
        raise InputError(f"size {size!r}: unknown; expected embedded or paper")
    return GAN_TRAININGS[f"{kind}-{level}-{form}"]


def with_sigma(config: Any, sigma: float) -> Any:
    """A generator's config with another factor after tanh, wherever it sits."""
    for inner in ("generator", "network"):
        if hasattr(config, inner):
            return replace(config, **{inner: with_sigma(getattr(config, inner), sigma)})
    return replace(config, sigma=sigma)


def _d2m(names: str, *values: float) -> dict[str, float]:
    return dict(zip(names.split(), values))


_CHG = "beats_coverage beats_hit genre_accuracy"
_CHDB = "beats_coverage beats_hit dist_m beat_alignment"


def d2m_modalities(size: str, data: str = "aist") -> list[Row]:
    """D2M-GAN Table 4 (AIST++) and, for "tiktok", Table 2."""
    printed = {
        ("aist", "high"): ((83.5, 82.9, 15.1), (87.1, 88.2, 16.3), (88.2, 84.7, 24.4)),
        ("aist", "low"): ((89.4, 87.6, 15.1), (90.6, 90.0, 17.4), (92.3, 91.7, 26.7)),
        ("tiktok", "high"): ((85.5, 72.4), (86.3, 81.7), (88.4, 82.3)),
        ("tiktok", "low"): ((83.8, 74.6), (85.2, 81.7), (87.1, 83.9)),
    }
    rows = []
    for level in ("high", "low"):
        base, numbers = _base("d2m-gan", level, size, data), printed[data, level]
        rows += [
            Row(f"{level} without motion", replace(base, inputs=("visual",)), _d2m(_CHG, *numbers[0])),
            Row(f"{level} without pictures", replace(base, inputs=("motion",)), _d2m(_CHG, *numbers[1])),
            Row(f"{level} full", base, _d2m(_CHG, *numbers[2])),
        ]
    return rows


def d2m_lengths(size: str) -> list[Row]:
    """D2M-GAN Table 3: at the embedded size only, the papers' networks are made for two seconds."""
    printed = {
        "high": ((88.2, 84.7, 24.4), (88.2, 85.3, 25.6), (87.1, 83.0, 23.3)),
        "low": ((92.3, 91.7, 26.7), (90.1, 88.2, 25.6), (88.2, 84.7, 23.3)),
    }
    _any_length_only(size)
    return [
        Row(f"{level} {n} s", replace(_base("d2m-gan", level, size), segment_seconds=float(n)), _d2m(_CHG, *numbers))
        for level in ("high", "low")
        for n, numbers in zip((2, 3, 4), printed[level])
    ]


def d2m_architecture(size: str) -> list[Row]:
    """D2M-GAN Table 5. All rows but "without fine-tuning" decode with the decoder of section 3.4."""
    printed = {
        "high": ((75.3, 72.9, 9.3), (85.3, 82.9, 21.0), (72.9, 71.8, 14.0), (73.5, 70.1, 11.6), (87.0, 84.7, 24.4), (88.2, 84.7, 24.4)),
        "low": ((73.5, 71.8, 8.1), (87.0, 85.9, 22.1), (72.4, 70.1, 12.8), (73.5, 71.8, 12.8), (92.3, 91.2, 26.7), (92.3, 91.7, 26.7)),
    }
    rows = []
    for level in ("high", "low"):
        base = _base("d2m-gan", level, size)
        variants = {
            "1 discriminator": replace(base, discriminator=replace(base.discriminator, scales=1)),
            "2 discriminators": replace(base, discriminator=replace(base.discriminator, scales=2)),
            "without scaling": replace(base, generator=with_sigma(base.generator, 1.0)),
            "without reshape": replace(base, discriminator=LatentDiscriminatorConfig(channels=64 if size == "embedded" else 512)),
            "without fine-tuning": base,
            "full": base,
        }
        for (name, config), numbers in zip(variants.items(), printed[level]):
            rows.append(Row(f"{level} {name}", config, _d2m(_CHG, *numbers), fine_tuned=name != "without fine-tuning"))
    return rows


def d2m_losses(size: str) -> list[Row]:
    """D2M-GAN Table 6."""
    printed = {
        "high": ((85.3, 84.7, 23.3), (85.9, 84.7, 23.3), (77.6, 76.5, 18.6), (88.2, 84.7, 24.4)),
        "low": ((91.7, 90.1, 24.4), (89.4, 88.8, 23.3), (78.8, 77.1, 17.4), (92.3, 91.7, 26.7)),
    }
    rows = []
    for level in ("high", "low"):
        base = _base("d2m-gan", level, size)
        variants = {
            "without feature matching": replace(base, weights=replace(base.weights, feature_matching=0.0)),
            "without waveform loss": replace(base, weights=replace(base.weights, waveform=0.0)),
            "without mel loss": replace(base, weights=replace(base.weights, mel=0.0)),
            "full": base,
        }
        rows += [Row(f"{level} {name}", config, _d2m(_CHG, *numbers)) for (name, config), numbers in zip(variants.items(), printed[level])]
    return rows


def creative_lengths(size: str) -> list[Row]:
    """Creative-GAN Table 4 (its numbers are those of the low level)."""
    printed = ((92.1, 91.8, 7.68, 0.245), (89.9, 88.4, 6.35, 0.234), (87.8, 84.7, 6.17, 0.224), (84.1, 79.9, 5.32, 0.207))
    _any_length_only(size)
    base = _base("creative-gan", "low", size)
    return [Row(f"{n} s", replace(base, segment_seconds=float(n)), _d2m(_CHDB, *numbers)) for n, numbers in zip((2, 3, 4, 5), printed)]


def creative_losses(size: str) -> list[Row]:
    """Creative-GAN Table 5, cumulative (its numbers are those of the low level)."""
    base = _base("creative-gan", "low", size)
    a = replace(base, weights=GanWeights(feature_matching=0, commitment=0, waveform=0, mel=0))
    b = replace(a, weights=replace(a.weights, style=base.weights.style))
    c = replace(b, weights=replace(b.weights, feature_matching=base.weights.feature_matching))
    d = replace(c, weights=replace(c.weights, commitment=base.weights.commitment))
    return [
        Row("A adversarial", a, _d2m(_CHDB, 84.8, 84.1, 4.37, 0.206)),
        Row("B + style", b, _d2m(_CHDB, 85.2, 84.5, 7.53, 0.214)),
        Row("C + feature matching", c, _d2m(_CHDB, 87.4, 86.9, 7.58, 0.237)),
        Row("D + codebook commitment", d, _d2m(_CHDB, 88.4, 87.1, 7.61, 0.241)),
        Row("E + perceptual", base, _d2m(_CHDB, 92.1, 91.8, 7.68, 0.245)),
    ]


def _any_length_only(size: str) -> None:
    if size != "embedded":
        raise InputError(f"size {size!r}: the papers' networks are made for two seconds; expected embedded, whose length is free")


TABLES: dict[str, Callable[[str], list[Row]]] = {
    "d2m-2": lambda size: d2m_modalities(size, "tiktok"),
    "d2m-3": d2m_lengths,
    "d2m-4": d2m_modalities,
    "d2m-5": d2m_architecture,
    "d2m-6": d2m_losses,
    "creative-4": creative_lengths,
    "creative-5": creative_losses,
}
"""Tables 2-6 of D2M-GAN and 4-5 of Creative-GAN."""


class Bench:
    """What rows are trained and measured on: codecs by level, composed segments coded by them, held-out clips.

    Parameters
    ----------
    data : "composed": clips are drawn and kept in ``folder``.
    codecs : by level, a codec's model file.
    clips, held_out : how many are trained on and measured on.
    """

    def __init__(self, folder: str | Path, codecs: dict[str, Path], *, clips: int = 200, held_out: int = 12) -> None:
        from dance2music.checkpoint import load_model

        self.folder, self.clips = Path(folder), clips
        self.codecs: dict[str, Any] = {level: load_model(path) for level, path in codecs.items()}
        self.held = held_out_clips(ComposedConfig(clips=clips, held_out=held_out))
        self._coded: dict[tuple[str, float], StackedSegments] = {}

    @property
    def about(self) -> str:
        """The data, for a table's head."""
        return f"{self.clips} composed clips of {ComposedConfig.clip_seconds:g} s, measured on {len(self.held)} others"

    def segments(self, level: str, seconds: float) -> StackedSegments:
        """Coded training segments."""
        if (level, seconds) not in self._coded:
            whole = math.ceil(ComposedConfig.clip_seconds / seconds) * seconds
            plain = composed_segments(ComposedConfig(clips=self.clips, clip_seconds=whole, segment_seconds=seconds), self.folder / "data")
            self._coded[level, seconds] = coded(plain, self.codecs[level])
        return self._coded[level, seconds]

    def perceptual(self, config: GanTraining) -> nn.Module | None:
        """The embedded perceptual network, where the objective needs one."""
        from dance2music.models.perceptual import embedded_perceptual

        return embedded_perceptual() if config.weights.perceptual else None


def run_row(row: Row, bench: Bench, folder: Path, *, steps: int, seed: int) -> dict[str, Any]:
    """Train and measure one row with one seed; a finished one is read, a broken one goes on."""
    out = folder / f"{row.name.replace(' ', '-')}-{seed}"
    path = out / "result.json"
    if path.exists():
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if result["steps"] == steps:
            return result
    loop = replace(row.config.loop, steps=steps, seed=seed, warmup_steps=min(row.config.loop.warmup_steps, steps // 5))
    config = replace(row.config, loop=replace(loop, log_every_steps=max(1, min(loop.log_every_steps, steps // 5))))
    codec = bench.codecs[config.level]
    segments = bench.segments(config.level, config.segment_seconds)
    generator = train_gan(config, segments, codec, out, perceptual=bench.perceptual(config), preset=row.name)
    decoder = bench.codecs.get(f"{config.level} fine-tuned", codec) if row.fine_tuned else codec
    scores = measure([generated(generator.cpu(), decoder, clip, config) for clip in bench.held], bench.held)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    result = {"row": row.name, "seed": seed, "steps": steps, "scores": scores, "first": lines[0], "last": lines[-1]}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def run_table(table: str, bench: Bench, out: str | Path, *, steps: int, seeds: int = 3, size: str = "embedded") -> str:
    """Train and measure every row of a table with seeds 0, 1, ...; finished rows are kept.

    Writes ``OUT/TABLE/`` with a folder per row and seed, ``table.json`` and ``table.md``, both anew after every row.

    Returns
    -------
    The table as text, .
    """
    rows, folder = rows_of(table, size), Path(out) / table
    about = f"{bench.about}, {steps} steps of {rows[0].config.batch_size} segments, {seeds} seeds"
    results: list[dict[str, Any]] = []
    text = ""
    for seed in range(seeds):
        for row in rows:
            results.append(run_row(row, bench, folder, steps=steps, seed=seed))
            text = table_text(table, rows, results, about)
            for name, content in (("table.json", json.dumps({"about": about, "results": results}, indent=1) + "\n"), ("table.md", text)):
                with whole_file(folder / name) as temporary:
                    temporary.write_text(content, encoding="utf-8")
    return text


def table_text(table: str, rows: Sequence[Row], results: Sequence[dict[str, Any]], about: str) -> str:
    """The table in Markdown: mean ± standard deviation over seeds, "not run" where there is none, and the paper's numbers."""
    names = list(rows[0].paper)
    title = {"d2m": "D2M-GAN", "creative": "Creative-GAN"}[table.split("-")[0]]
    lines = [
        f"{title} Table {table.rpartition('-')[2]}: {about}",
        "",
        f"| row | seeds | {' | '.join(COLUMNS)} | {' | '.join('paper: ' + name for name in names)} |",
        "|" + "---|" * (2 + len(COLUMNS) + len(names)),
    ]
    for row in rows:
        found = [result["scores"] for result in results if result["row"] == row.name]
        cells = [_spread([scores[column] for scores in found]) for column in COLUMNS]
        paper = [f"{row.paper[name]:g}" if name in row.paper else "-" for name in names]
        lines.append(f"| {row.name} | {len(found)} | {' | '.join(cells)} | {' | '.join(paper)} |")
    return "\n".join(lines) + "\n"


def _spread(values: list[float]) -> str:
    if not values:
        return "not run"
    digits = 1 if abs(float(np.mean(values))) >= 20 else 2
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 and not math.isnan(float(np.std(values))) else ""
    return f"{np.mean(values):.{digits}f}{spread}"
