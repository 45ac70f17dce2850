"""Command line of music for many dances at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dance2music.cli.engines import Address, Workers, chosen
from dance2music.cli.generate import among
from dance2music.cli.inputs import check_there
from dance2music.cli.progress import progress_bars
from dance2music.documents import json_text
from dance2music.takes.methods import METHODS

app = typer.Typer()


@app.command("generate-set", rich_help_panel="Make music")
def generate_set(
    prepared: Annotated[Path, typer.Argument(help="Folder of 'data prepare', or any folder of dance videos.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write; a second call makes what is missing.")],
    split: Annotated[str | None, typer.Option(help="train, validation or test.", show_default="test")] = None,
    method: Annotated[str, typer.Option(help="As of 'generate'.", autocompletion=among(METHODS))] = "",
    level: Annotated[str | None, typer.Option(help="high or low, as of 'generate'.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="What 'dance2music train' wrote, folder or file; without --method, the method that plays it.")
    ] = None,
    codec: Annotated[Path | None, typer.Option(help="Codec that it was trained with.", show_default="the package's")] = None,
    decoder: Annotated[Path | None, typer.Option(help="Codec with a decoder tuned by 'train decoder'.")] = None,
    precision: Annotated[str, typer.Option(help="fp32, bf16 or auto, as of 'generate'.")] = "fp32",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Setting of the method as name=value.")] = None,
    sound: Annotated[str, typer.Option(help="As of 'generate'.", show_default="the method's own")] = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same music.")] = 0,
    takes: Annotated[int, typer.Option(help="How many takes of each.")] = 1,
    whole: Annotated[bool, typer.Option("--whole", help="Music for whole clips instead of segments of two seconds.")] = False,
    denoise: Annotated[bool, typer.Option(help="Take the codec's noise floor out of the music.")] = True,
    limit: Annotated[int, typer.Option(help="Stop after so many.", show_default="all")] = 0,
    workers: Workers = 1,
    engine: Annotated[str, typer.Option(help="process, serial or ray.", show_default="process for several workers")] = "",
    address: Address = "",
    json_report: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make music for a folder of videos, or for a split of a prepared data set beside the dances' own: what 'evaluate' takes."""
    check_there(prepared, "a folder of 'data prepare', or of dance videos", folder=True)
    engine = engine or ("process" if workers > 1 else "ray" if address else "")
    executor = chosen(engine, workers, address) if engine else None
    if not (prepared / "manifest.jsonl").is_file() and (split, whole, limit) == (None, False, 0):
        from dance2music.evaluation.video_sets import generate_videos, videos_in
        from dance2music.generation.request import Request

        if videos_in(prepared):
            asked = Request(
                method=method, level=level, weights=weights, codec=codec, decoder=decoder, precision=precision,
                settings=tuple(settings or ()), sound=sound, seed=seed, takes=takes, denoise=denoise,
            )  # fmt: skip
            with progress_bars() as progress:
                told = generate_videos(prepared, out, asked, executor=executor, progress=progress)
            _tell_videos(told, as_json=json_report)
            return
    split = split or "test"
    with progress_bars() as progress:
        progress("load", 0.0)
        from dance2music.evaluation.sets import SetRequest
        from dance2music.evaluation.sets import generate_set as run

        request = SetRequest(
            prepared=prepared, out=out, split=split, method=method, level=level, weights=weights, codec=codec, decoder=decoder,
            precision=precision, settings=tuple(settings or ()), sound=sound, seed=seed, takes=takes, whole=whole, denoise=denoise,
            limit=limit,
        )  # fmt: skip
        report = run(request, executor=executor, progress=progress)
    if json_report:
        typer.echo(json_text(report, indent=2))
        return
    for skip in report["skipped"]:
        typer.echo(f"left out {skip['name']}: {skip['reason']}")
    typer.echo(f"{out}: {report['names']} of {split} by {report['method']}, {report['made']} made now in {report['seconds']:.1f} s")


def _tell_videos(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_text(report, indent=2))
        return
    for row in report["rows"]:
        if "reason" in row:
            typer.echo(f"left out {row['video']}: {row['reason']}")
    counts = f"{report['made']} made now, {report['there']} were there, {report['left_out']} left out"
    typer.echo(f"{Path(report['out']) / 'report.json'}: {report['videos']} videos, {counts}, in {report['seconds']:.1f} s")
