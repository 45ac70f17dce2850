"""Command line of the evaluation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dance2music.cli.engines import Address, EngineName, Workers, chosen
from dance2music.cli.inputs import check_there

app = typer.Typer()


@app.command(rich_help_panel="Measure")
def evaluate(
    generated: Annotated[Path | None, typer.Option(help="Folder of generated music, or of 'generate-set'.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for results.json and report.html; a second call resumes.")] = None,
    reference: Annotated[Path | None, typer.Option(help="Folder of the dances' own music, matched by name.")] = None,
    videos: Annotated[Path | None, typer.Option(help="Folder of dance videos, matched by name.")] = None,
    motion: Annotated[Path | None, typer.Option(help="Folder of motion files, matched by name; instead of watching videos.")] = None,
    name: Annotated[str, typer.Option(help="Name of the method for tables.", show_default="the folder's")] = "",
    genres: Annotated[Path | None, typer.Option(help="File of name,genre lines.", show_default="read from AIST++ names")] = None,
    database: Annotated[Path | None, typer.Option(help="Music for genre retrieval.", show_default="the references")] = None,
    training: Annotated[Path | None, typer.Option(help="Music that the method was trained on, to measure novelty.")] = None,
    vggish: Annotated[Path | None, typer.Option(help="VGGish weights.", show_default="the embedded genre classifier's layer")] = None,
    lengths: Annotated[str, typer.Option(help="Also score windows of these lengths in seconds, for example 2,3,4,5,10,30,60.")] = "",
    codec: Annotated[bool, typer.Option(help="Measure what the embedded codec makes of everything.")] = True,
    cache: Annotated[Path | None, typer.Option(help="Folder of what was heard, shared between methods.", show_default="OUT/cache")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Leave out what does not match, and say so in the results.")] = False,
    seed: Annotated[int, typer.Option(help="Of controls, shifts and intervals.")] = 0,
    workers: Workers = 2,
    engine: EngineName = "process",
    address: Address = "",
    table: Annotated[str, typer.Option(help="Print a table of a paper instead (d2m-1 to d2m-6, creative-2 to creative-5).")] = "",
    measured: Annotated[list[Path] | None, typer.Option(help="With --table: a results.json, or scores of listen score; repeat it.")] = None,
) -> None:
    """Score generated music by every metric, with controls beside each score."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from dance2music.cli.progress import progress_bars
    from dance2music.errors import InputError

    if table:
        from dance2music.evaluation.tables import read_measured, table_text

        typer.echo(table_text(table, [row for path in measured or [] for row in read_measured(path)]))
        return
    if generated is None or out is None:
        raise InputError("evaluate: expected --generated FOLDER and -o FOLDER, or --table NAME; see dance2music evaluate --help")
    for folder in (generated, reference, videos, motion):
        check_there(folder, "a folder", folder=True)
    for file in (genres, database, training, vggish):
        check_there(file, "a file or folder")
    from dance2music.evaluation.evaluate import EvaluateConfig
    from dance2music.evaluation.evaluate import evaluate as run
    from dance2music.evaluation.jobs import of_set
    from dance2music.evaluation.report import write_report
    from dance2music.evaluation.terminal import results_text

    try:
        seconds = tuple(float(part) for part in lengths.split(",") if part.strip())
    except ValueError:
        raise InputError(f"--lengths {lengths}: expected seconds with commas between them, for example 2,5,10") from None

    def text(path: Path | None) -> str:
        return "" if path is None else str(path)

    config = EvaluateConfig(
        generated=str(generated), reference=text(reference), videos=text(videos), motion=text(motion), name=name, genres=text(genres),
        database=text(database), training=text(training), vggish=text(vggish), lengths_seconds=seconds, codec=codec,
        cache=text(cache), partial=partial,
        seed=seed, workers=workers,
    )  # fmt: skip
    config = of_set(config)
    executor = chosen(engine, workers, address)
    with progress_bars() as progress:
        progress("score", 0.0)
        results = run(config, out, executor=executor, progress=lambda done, of: progress("score", done / of), report=write_report)
    typer.echo(results_text(results))
    typer.echo(f"{out / 'results.json'} and report.html")


@app.command(rich_help_panel="Measure")
def compare(
    a: Annotated[Path, typer.Argument(help="A results.json of dance2music evaluate.")],
    b: Annotated[Path, typer.Argument(help="Another one, best of the same dances.")],
    metric: Annotated[list[str] | None, typer.Option(help="Metric to test, or all; repeat it.", show_default="the main ones")] = None,
    json_report: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Say which differences between two evaluations are beyond noise."""
    for path in (a, b):
        check_there(path, "the results.json of dance2music evaluate")
    import json

    from dance2music.evaluation.compare import MAIN, comparison_text
    from dance2music.evaluation.compare import compare as run
    from dance2music.evaluation.results import load_results

    chosen = tuple(metric) if metric else MAIN
    comparison = run(load_results(a), load_results(b), metrics=None if "all" in chosen else chosen)
    typer.echo(json.dumps(comparison.as_dict(), indent=2) if json_report else comparison_text(comparison))
