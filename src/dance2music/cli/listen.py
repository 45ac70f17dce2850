"""The verbs of ``dance2music listen``: build a listening test, score what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dance2music.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Listening tests in a browser.")


@app.command()
def build(
    out: Annotated[Path, typer.Argument(help="Folder to make; listeners open index.html in it.")],
    method: Annotated[list[str], typer.Option("--method", help="NAME=DIR, a folder of generated music or videos; repeat it.")],
    original: Annotated[Path | None, typer.Option(help="Folder of the dances with their own music.")] = None,
    videos: Annotated[Path | None, typer.Option(help="Folder of the dances, if not --original.")] = None,
    part: Annotated[list[str] | None, typer.Option("--part", help="coherence, quality, preference; repeat it.", show_default="all")] = None,
    listeners: Annotated[int, typer.Option(help="How many different assignments.")] = 30,
    items: Annotated[int, typer.Option(help="Ratings per listener in coherence and in quality.")] = 15,
    pairs: Annotated[int, typer.Option(help="Comparisons per listener.")] = 25,
    checks: Annotated[int, typer.Option(help="Attention checks per part.")] = 2,
    focus: Annotated[str, typer.Option(help="Method that is in every pair.", show_default="all pairs")] = "",
    symbolic: Annotated[list[str] | None, typer.Option(help="Method of notes, left out of the quality part; repeat it.")] = None,
    symbolic_in_quality: Annotated[bool, typer.Option("--symbolic-in-quality", help="Rate symbolic methods there too.")] = False,
    controls: Annotated[bool, typer.Option(help="Hide shifted music, clicks and noise among the items.")] = True,
    reference: Annotated[bool, typer.Option("--reference", help="Show the original beside coherence items, as D2M-GAN does.")] = False,
    seconds: Annotated[float, typer.Option(help="Cut clips to this length.", show_default="the shortest version's")] = 0.0,
    loudness: Annotated[float, typer.Option(help="Loudness of every sample, LUFS.")] = -23.0,
    compressed: Annotated[bool, typer.Option("--compressed", help="Sound without video as m4a instead of wav.")] = False,
    common: Annotated[bool, typer.Option("--common", help="Leave out clips that some method lacks.")] = False,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Music for dance: a listening test",
    seed: Annotated[int, typer.Option(help="Draws the order and the names of samples.")] = 0,
    key: Annotated[Path | None, typer.Option(help="Where the key goes, which listeners must not see.", show_default="OUT.key.json")] = None,
) -> None:
    """Make a listening test: a folder that runs in any browser without a server, and the key to score it with."""
    from dance2music.cli.progress import progress_bars
    from dance2music.listening.build import build as build_test
    from dance2music.listening.design import PARTS, ListeningConfig

    methods: dict[str, Path] = {}
    for text in method:
        name, sign, folder = text.partition("=")
        if not (name and sign and folder):
            raise InputError(f"--method {text!r}: expected NAME=DIR, for example ours=out/ours")
        if name in methods:
            raise InputError(f"--method {name}: given twice; expected a name of its own for each folder")
        methods[name] = Path(folder)
    config = ListeningConfig(
        parts=tuple(part or PARTS),
        listeners=listeners,
        rated_items=items,
        pairs=pairs,
        checks=checks,
        focus=focus,
        symbolic=tuple(symbolic or ()),
        symbolic_in_quality=symbolic_in_quality,
        controls=controls,
        reference_shown=reference,
        seconds=seconds,
        loudness_lufs=loudness,
        compressed=compressed,
        seed=seed,
        title=title,
    )
    key = key or out.with_name(f"{out.name}.key.json")
    with progress_bars() as progress:
        made = build_test(out, methods, original=original, videos=videos, config=config, key=key, common=common, progress=progress)
    count = len(made["sessions"][0])
    typer.echo(f"{out / 'index.html'}: {len(made['clips'])} clips, {listeners} assignments of {count} items, test {made['test']}")
    typer.echo(f"{key}: keep it to score the test; do not give it to listeners")
    if quiet := made["quieter_than_the_rest"]:
        typer.echo(f"quieter than the rest, the limiter held them back: {', '.join(quiet[:4])}{' ...' if len(quiet) > 4 else ''}")


@app.command()
def score(
    results: Annotated[list[Path], typer.Argument(help="Files that listeners sent.")],
    key: Annotated[Path, typer.Option(help="The key that listen build wrote.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="JSON file to write.")] = None,
) -> None:
    """Score a listening test: mean opinions, win rates, intervals, agreement, beside the papers' numbers."""
    from dance2music.files import check_writable
    from dance2music.listening.score import score as score_test
    from dance2music.listening.score import write_scores
    from dance2music.listening.table import scores_text

    if out is not None:
        check_writable(out)
    scores = score_test(results, key)
    typer.echo(scores_text(scores))
    if out is not None:
        write_scores(scores, out)
