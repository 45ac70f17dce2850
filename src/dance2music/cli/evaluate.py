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
    database: Annotated[
        Path | None,
        typer.Option(help="Music for genre retrieval, or a folder of 'data prepare': its training split.", show_default="the references"),
    ] = None,
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
    start_bpm: Annotated[float, typer.Option(help="Tempo at which AIST++'s score begins.", show_default="the piece's, else 120")] = 0.0,
    protocol: Annotated[str, typer.Option(help="Only what a paper reports, as it does: d2m-gan or creative-gan, over all 2 s.")] = "",
    denoise: Annotated[
        bool | None,
        typer.Option("--denoise/--no-denoise", help="With --protocol: gate noise first.", show_default="sets with a codec's noise"),
    ] = None,
    alignment: Annotated[
        str, typer.Option("--beat-alignment", help="With --protocol creative-gan: smoothed, or aist (SMPL motion at 60 fps).")
    ] = "smoothed",
    table: Annotated[str, typer.Option(help="Print a table of a paper instead (d2m-1 to d2m-6, creative-2 to creative-5).")] = "",
    measured: Annotated[
        list[Path] | None,
        typer.Option(help="With --table a results.json or scores of listen score, with --protocol a results.json of it; repeat."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="Of a table: text, latex, csv or json.")] = "text",
) -> None:
    """Score generated music by every metric, with controls beside each score."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from dance2music.cli.progress import progress_bars
    from dance2music.errors import InputError
    from dance2music.experiments.formats import checked_format, rendered
    from dance2music.experiments.tables import read_measured, table_text

    checked_format(form)
    if table and protocol:
        raise InputError(f"--table {table}: is not for --protocol {protocol}, which has its own; leave one of them out")
    given = [row for path in measured or [] for row in read_measured(path)]
    if table:
        typer.echo(table_text(table, given, form=form))
        return
    try:
        seconds = tuple(float(part) for part in lengths.split(",") if part.strip())
    except ValueError:
        raise InputError(f"--lengths {lengths}: expected seconds with commas between them, for example 2,5,10") from None
    if protocol:
        from dance2music.experiments.protocols import PAPER_SECONDS, ProtocolRequest, check_measured, evaluate_protocol, protocol_sheet

        if len(seconds) > 1 or training is not None:
            wrong = f"--lengths {lengths}: expected one length" if len(seconds) > 1 else f"--training {training}: measures no column of it"
            raise InputError(f"{wrong} with --protocol {protocol}; leave it out")
        request = ProtocolRequest(protocol, seconds[0] if seconds else PAPER_SECONDS, denoise, alignment).checked()
        check_measured(request, given)
        if given and generated is None:
            typer.echo(rendered(protocol_sheet(request, given), form))
            return
    elif denoise is not None or alignment != "smoothed":
        raise InputError(f"{'--beat-alignment' if denoise is None else '--denoise'}: is for --protocol; give that too, or leave it out")
    elif given or form != "text":
        raise InputError(f"{'--measured' if given else '--format'}: is for --table or --protocol; give one, or leave it out")
    if generated is None or out is None:
        raise InputError("evaluate: expected --generated FOLDER and -o FOLDER, or --table NAME; see dance2music evaluate --help")
    for folder in (generated, reference, videos, motion):
        check_there(folder, "a folder", folder=True)
    for file in (genres, database, training, vggish):
        check_there(file, "a file or folder")
    from dance2music.evaluation.evaluate import EvaluateConfig
    from dance2music.evaluation.evaluate import evaluate as run
    from dance2music.evaluation.jobs import check_apart, of_set
    from dance2music.evaluation.report import write_report
    from dance2music.evaluation.terminal import results_text

    def text(path: Path | None) -> str:
        return "" if path is None else str(path)

    config = EvaluateConfig(
        generated=str(generated), reference=text(reference), videos=text(videos), motion=text(motion), name=name, genres=text(genres),
        database=text(database), training=text(training), vggish=text(vggish), lengths_seconds=() if protocol else seconds, codec=codec,
        cache=text(cache), partial=partial, start_bpm=start_bpm,
        seed=seed, workers=workers,
    )  # fmt: skip
    executor = chosen(engine, workers, address)
    with progress_bars() as progress:
        progress("score", 0.0)

        def told(done: int, of: int) -> None:
            progress("score", done / of)

        if protocol:
            results = evaluate_protocol(request, config, out, executor=executor, progress=told, report=write_report)
        else:
            check_apart(config, out)
            results = run(of_set(config), out, executor=executor, progress=told, report=write_report)
    if protocol:
        typer.echo(rendered(protocol_sheet(request, [*read_measured(out / "results.json"), *given]), form))
        return
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

    from dance2music.evaluation.results import load_results
    from dance2music.experiments.compare import MAIN, comparison_text
    from dance2music.experiments.compare import compare as run

    chosen = tuple(metric) if metric else MAIN
    comparison = run(load_results(a), load_results(b), metrics=None if "all" in chosen else chosen)
    typer.echo(json.dumps(comparison.as_dict(), indent=2) if json_report else comparison_text(comparison))
