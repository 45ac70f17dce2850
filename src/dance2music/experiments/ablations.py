"""The papers' ablations: every row is its base with one thing replaced; training, measuring and the table beside the paper's numbers.

The data are composed clips or a prepared folder (`experiments.material`). Composed music is not the papers' data: the tables say on what
they were measured, and have, beside the papers' columns by their protocol (test segments, denoised), scores that an unsynchronised music
fails (`metrics.rhythm`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.config import override
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.experiments.material import AblationContext
from dance2music.experiments.scores import COLUMNS, reasons, score
from dance2music.files import whole_file
from dance2music.papers.gan_step import GanTraining, GanWeights, train_gan
from dance2music.papers.runs import open_perceptual

LEVELS = ("high", "low")
LATENT_DIM = 64
"""Of both papers' codebooks."""


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
    """The full model that rows differ from: ``kind`` d2m-gan or creative-gan, ``level`` high or low, ``size`` embedded or paper.

    Raises
    ------
    InputError
        If the size is none of these.
    """
    from dance2music.papers.trainings import GAN_TRAININGS

    form = {"embedded": "embedded", "paper": f"{data}-paper" if (kind, data) != ("creative-gan", "aist") else "paper"}.get(size)
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
            Row(f"{level} without reshape", replace(base, discriminator=replace(base.discriminator, rows_as_channels=LATENT_DIM)), True),
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


def creative_tiktok(size: str) -> list[Row]:
    """Creative-GAN Table 3: on data without genres, so that what learns from them is off."""
    rows = []
    for level in LEVELS:
        base = base_of("creative-gan", level, size, "tiktok")
        generator = base.generator
        if hasattr(generator, "network"):
            generator = replace(generator, network=replace(generator.network, genre_dim=0))
        without = replace(base, generator=generator, genre_discriminator=False, weights=replace(base.weights, style=0.0))
        rows.append(Row(f"{level} level", without))
    return rows


def creative_lengths(size: str) -> list[Row]:
    """Creative-GAN Table 4 (its numbers are those of the low level)."""
    _any_length_only(size)
    return [Row(f"{n} s", replace(base_of("creative-gan", "low", size), segment_seconds=float(n))) for n in (2, 3, 4, 5)]


def creative_losses(size: str) -> list[Row]:
    """Creative-GAN Table 5, cumulative (its numbers are those of the low level)."""
    base = base_of("creative-gan", "low", size)
    a = replace(base, weights=GanWeights(base.weights.adversarial, 0.0, 0.0, 0.0, 0.0))
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
    "creative-3": creative_tiktok,
    "creative-4": creative_lengths,
    "creative-5": creative_losses,
}
"""Tables 2-6 of D2M-GAN and 3-5 of Creative-GAN; their printed numbers are in `metrics.published_tables`."""


def run_row(row: Row, context: AblationContext, folder: Path, *, steps: int, seed: int) -> dict[str, Any]:
    """Train and measure one row with one seed; a finished one is read, a broken one goes on.

    Raises
    ------
    InputError
        If the context lacks what the row needs (`AblationContext.open`), or the folder holds the row's result with other settings.
    """
    loop = replace(row.config.loop, steps=steps, seed=seed, warmup_steps=min(row.config.loop.warmup_steps, steps // 5))
    config = replace(row.config, loop=replace(loop, log_every_steps=max(1, min(loop.log_every_steps, steps // 5))))
    out = folder / f"{row.name.replace(' + ', '-').replace(' ', '-')}-{steps}-{seed}"
    path = out / "result.json"
    if path.exists():
        finished: dict[str, Any] = json_value(path.read_text(encoding="utf-8"))
        if finished.get("settings", _settings(config)) != _settings(config):
            raise InputError(f"{path}: row {row.name!r} was trained with other settings; choose another folder or delete this one")
        return finished
    material = context.open(config, fine_tuned=row.fine_tuned)
    perceptual = open_perceptual(config)
    generator = train_gan(config, material.segments, material.codec, out, perceptual=perceptual, preset=row.name).cpu()
    scores = score(generator, material.decoder.cpu(), material.held, config, database=material.database)
    lines = [json_value(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    about = {"row": row.name, "seed": seed, "steps": steps, "settings": _settings(config)}
    told = {name: None if math.isnan(value) else value for name, value in scores.items()}
    result: dict[str, Any] = {**about, "scores": told, "undefined": reasons(material.held, material.database)}
    result |= {"first": lines[0], "last": lines[-1]}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _settings(config: GanTraining) -> str:
    """Digest of everything that a row is trained with."""
    return hashlib.sha256(repr(config).encode()).hexdigest()[:12]


def run_table(
    table: str,
    context: AblationContext,
    out: str | Path,
    *,
    steps: int,
    seeds: int = 3,
    size: str = "embedded",
    settings: Sequence[str] = (),
) -> str:
    """Train and measure every row of a table with seeds 0, 1, ...; finished rows are kept.

    Writes ``OUT/TABLE/`` with a folder per row and seed, ``table.json`` and ``table.md``, both anew after every row.

    Parameters
    ----------
    settings : ``name=value`` of `GanTraining`, replaced in every row.

    Returns
    -------
    The table as text (`table_text`); rows that the context lacks something for say what.

    Raises
    ------
    InputError
        If there is no row that can be run, or there are no steps or seeds.
    """
    for what, count in (("steps", steps), ("seeds", seeds)):
        if count < 1:
            raise InputError(f"{what}: {count}; expected 1 or more; give so many")
    rows, folder = [replace(row, config=override(row.config, list(settings))) for row in rows_of(table, size)], Path(out) / table
    folder.mkdir(parents=True, exist_ok=True)
    lacking: dict[str, str] = {}
    for row in rows:
        try:
            context.open(row.config, fine_tuned=row.fine_tuned)
        except InputError as error:
            lacking[row.name] = str(error)
    if len(lacking) == len(rows):
        raise InputError(f"table {table!r}: no row can be run: {lacking[rows[0].name]}")
    about = f"{context.about}, {steps} steps of {rows[0].config.batch_size} segments, {seeds} seed{'s' * (seeds > 1)}"
    about += f", {' '.join(settings)}" * bool(settings)
    results: list[dict[str, Any]] = []
    text = ""
    for seed in range(seeds):
        for row in rows:
            if row.name in lacking:
                continue
            results.append(run_row(row, context, folder, steps=steps, seed=seed))
            text = table_text(table, rows, results, about, lacking=lacking)
            kept = json.dumps({"about": about, "results": results, "not run": lacking}, indent=1) + "\n"
            for name, content in (("table.json", kept), ("table.md", text)):
                with whole_file(folder / name) as temporary:
                    temporary.write_text(content, encoding="utf-8")
    return text


def table_text(
    table: str, rows: Sequence[Row], results: Sequence[dict[str, Any]], about: str, *, lacking: Mapping[str, str] | None = None
) -> str:
    """The table in Markdown: mean ± standard deviation over seeds, and the paper's numbers; "not run" where there is none, and below it why
    (``lacking``, by row)."""
    from dance2music.metrics.published_tables import TABLES as PUBLISHED

    printed = PUBLISHED[table]
    assert len(printed.rows) == len(rows), "the rows of a table are in the printed order"
    labels, columns = [f"paper: {column.label}" for column in printed.columns], (*COLUMNS, "codes")
    lines = [
        f"{printed.address} ({printed.title}). Here: {about}.",
        "",
        f"| row | seeds | {' | '.join(columns)} | {' | '.join(labels)} |",
        "|" + "---|" * (2 + len(columns) + len(labels)),
    ]
    for row, published in zip(rows, printed.rows):
        found = [result["scores"] for result in results if result["row"] == row.name]
        cells = [_spread([_value(scores, column) for scores in found]) for column in columns]
        paper = ["-" if value is None else f"{value:g}" for value in published.values]
        lines.append(f"| {row.name} | {len(found)} | {' | '.join(cells)} | {' | '.join(paper)} |")
    undefined = {column: why for result in results for column, why in result.get("undefined", {}).items()}
    lines += ["", *(f"Undefined: {column}: {why}." for column, why in undefined.items())] * bool(undefined)
    without: dict[str, list[str]] = {}
    for name, reason in (lacking or {}).items():
        without.setdefault(reason, []).append(name)
    lines += ["", *(f"Not run: {', '.join(names)}: {reason}." for reason, names in without.items())] * bool(without)
    return "\n".join(lines) + "\n"


def _value(scores: Mapping[str, float | None], column: str) -> float:
    value = scores.get(column)
    return math.nan if value is None else value


def _spread(values: list[float]) -> str:
    if not values:
        return "not run"
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return "-"
    digits = 1 if abs(float(np.mean(values))) >= 20 else 2
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"
