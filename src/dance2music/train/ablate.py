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

LEVELS = ("high", "low")


@dataclass(frozen=True)
class Row:
    """A row of a table: its name, what is trained, and whether it decodes with a fine-tuned decoder."""

    name: str
    config: GanTraining
    fine_tuned: bool = False


def rows_of(table: str, size: str = "embedded") -> list[Row]:
    """Rows of a table of `TABLES`, in the printed order, at a size: "embedded", or "paper" where the papers' networks allow it.

    Raises
    ------
    InputError
        If there is no such table or size.
    """
    if table not in TABLES:
        raise InputError(f"table {table!r}: unknown; expected one of {', '.join(TABLES)}")
    return TABLES[table](size)


def base_of(kind: str, level: str, size: str, data: str = "aist") -> GanTraining:
    """The full model that rows differ from: ``kind`` d2m-gan or creative-gan, ``level`` high or low."""
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


def d2m_modalities(size: str, data: str = "aist") -> list[Row]:
    """D2M-GAN Table 4 (AIST++) and, for "tiktok", Table 2."""
    rows = []
    for level in LEVELS:
        base = base_of("d2m-gan", level, size, data)
        rows += [
            Row(f"{level} without motion", replace(base, inputs=("visual",))),
            Row(f"{level} without pictures", replace(base, inputs=("motion",))),
            Row(f"{level} full", base),
        ]
    return rows


def d2m_lengths(size: str) -> list[Row]:
    """D2M-GAN Table 3: at the embedded size only, the papers' networks are made for two seconds."""
    _any_length_only(size)
    return [
        Row(f"{level} {n} s", replace(base_of("d2m-gan", level, size), segment_seconds=float(n))) for level in LEVELS for n in (2, 3, 4)
    ]


def d2m_architecture(size: str) -> list[Row]:
    """D2M-GAN Table 5. All rows but "without fine-tuning" decode with the decoder of section 3.4."""
    rows = []
    for level in LEVELS:
        base = base_of("d2m-gan", level, size)
        rows += [
            Row(f"{level} 1 discriminator", replace(base, discriminator=replace(base.discriminator, scales=1)), True),
            Row(f"{level} 2 discriminators", replace(base, discriminator=replace(base.discriminator, scales=2)), True),
            Row(f"{level} without scaling", replace(base, generator=with_sigma(base.generator, 1.0)), True),
            Row(f"{level} without reshape", replace(base, discriminator=LatentDiscriminatorConfig()), True),
            Row(f"{level} without fine-tuning", base),
            Row(f"{level} full", base, True),
        ]
    return rows


def d2m_losses(size: str) -> list[Row]:
    """D2M-GAN Table 6."""
    rows = []
    for level in LEVELS:
        base = base_of("d2m-gan", level, size)
        rows += [
            Row(f"{level} without feature matching", replace(base, weights=replace(base.weights, feature_matching=0.0))),
            Row(f"{level} without waveform loss", replace(base, weights=replace(base.weights, waveform=0.0))),
            Row(f"{level} without mel loss", replace(base, weights=replace(base.weights, mel=0.0))),
            Row(f"{level} full", base),
        ]
    return rows


def creative_lengths(size: str) -> list[Row]:
    """Creative-GAN Table 4 (its numbers are those of the low level)."""
    _any_length_only(size)
    return [Row(f"{n} s", replace(base_of("creative-gan", "low", size), segment_seconds=float(n))) for n in (2, 3, 4, 5)]


def creative_losses(size: str) -> list[Row]:
    """Creative-GAN Table 5, cumulative (its numbers are those of the low level)."""
    base = base_of("creative-gan", "low", size)
    a = replace(base, weights=GanWeights(feature_matching=0.0, commitment=0.0, waveform=0.0, mel=0.0))
    b = replace(a, weights=replace(a.weights, style=base.weights.style))
    c = replace(b, weights=replace(b.weights, feature_matching=base.weights.feature_matching))
    d = replace(c, weights=replace(c.weights, commitment=base.weights.commitment))
    return [
        Row("A adversarial", a),
        Row("B + style", b),
        Row("C + feature matching", c),
        Row("D + codebook commitment", d),
        Row("E + perceptual", base),
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
"""Tables 2-6 of D2M-GAN and 4-5 of Creative-GAN; their printed numbers are in `metrics.published_tables`."""


class Bench:
    """What rows are trained and measured on: codecs by level, composed segments coded by them, held-out clips.

    Parameters
    ----------
    folder : composed clips are kept in ``data`` in it.
    codecs : a codec's model file by level, high and low, and by "high fine-tuned" and "low fine-tuned" for rows that need these.
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
    out = folder / f"{row.name.replace(' + ', '-').replace(' ', '-')}-{steps}-{seed}"
    path = out / "result.json"
    if path.exists():
        finished: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return finished
    loop = replace(row.config.loop, steps=steps, seed=seed, warmup_steps=min(row.config.loop.warmup_steps, steps // 5))
    config = replace(row.config, loop=replace(loop, log_every_steps=max(1, min(loop.log_every_steps, steps // 5))))
    codec = bench.codecs[config.level]
    if row.fine_tuned and f"{config.level} fine-tuned" not in bench.codecs:
        raise InputError(
            f"row {row.name!r}: needs a fine-tuned decoder of the {config.level} level; make one with 'dance2music train-decoder'"
        )
    segments = bench.segments(config.level, config.segment_seconds)
    generator = train_gan(config, segments, codec, out, perceptual=bench.perceptual(config), preset=row.name)
    decoder = bench.codecs[f"{config.level} fine-tuned"] if row.fine_tuned else codec
    scores = measure([generated(generator.cpu(), decoder, clip, config) for clip in bench.held], bench.held)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    result: dict[str, Any] = {"row": row.name, "seed": seed, "steps": steps, "scores": scores, "first": lines[0], "last": lines[-1]}
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
    from dance2music.metrics.published_tables import TABLES as PUBLISHED

    printed = PUBLISHED[table]
    assert len(printed.rows) == len(rows), "the rows of a table are in the printed order"
    labels = [f"paper: {column.label}" for column in printed.columns]
    lines = [
        f"{printed.address} ({printed.title}). Here: {about}.",
        "",
        f"| row | seeds | {' | '.join(COLUMNS)} | {' | '.join(labels)} |",
        "|" + "---|" * (2 + len(COLUMNS) + len(labels)),
    ]
    for row, published in zip(rows, printed.rows):
        found = [result["scores"] for result in results if result["row"] == row.name]
        cells = [_spread([scores[column] for scores in found]) for column in COLUMNS]
        paper = ["-" if value is None else f"{value:g}" for value in published.values]
        lines.append(f"| {row.name} | {len(found)} | {' | '.join(cells)} | {' | '.join(paper)} |")
    return "\n".join(lines) + "\n"


def _spread(values: list[float]) -> str:
    if not values:
        return "not run"
    digits = 1 if abs(float(np.mean(values))) >= 20 else 2
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 and not math.isnan(float(np.std(values))) else ""
    return f"{np.mean(values):.{digits}f}{spread}"
