"""Command line of making music."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dance2music.cli.progress import _progress
from dance2music.types import GENRES

app = typer.Typer()

METHODS = (
    "creative-gan, composer or memory; or a system to compare with: d2m-gan, dance2music-offline, dance2music-online, foley-music, cmt, "
    "inverse-mv, jukebox-random, jukebox-reconstruction."
)


@app.command()
def generate(
    video: Annotated[Path | None, typer.Argument(help="The dance: a video file of 1 s to 10 min.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Video to write [default: VIDEO with .music before its suffix].")] = None,
    from_motion: Annotated[Path | None, typer.Option(help="Start from a motion file; -o then names an audio file.")] = None,
    genre: Annotated[str | None, typer.Option(help=f"One of {', '.join(GENRES)} [default: chosen from the dance].")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same music.")] = 0,
    takes: Annotated[int, typer.Option(help="How many different takes to write.")] = 1,
    tempo: Annotated[float | None, typer.Option(help="Tempo in bpm [default: the dance's own].")] = None,
    method: Annotated[str, typer.Option(help=METHODS)] = "creative-gan",
    level: Annotated[
        str | None, typer.Option(help="high or low, with --weights; of jukebox-reconstruction high, low or finest, without, too.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Folder of imported weights (see 'dance2music weights import'), or a model file of the method.")
    ] = None,
    precision: Annotated[str, typer.Option(help="Of d2m-gan with --weights: fp32, bf16 (half the time) or auto (by CPU).")] = "fp32",
    wav: Annotated[bool, typer.Option("--wav", help="Write the music as a .wav file too.")] = False,
    midi: Annotated[Path | None, typer.Option(help="File to write the notes to (.mid), where the method has notes.")] = None,
    stems: Annotated[Path | None, typer.Option(help="Folder to write each instrument to as .wav, where notes are played.")] = None,
    soundfont: Annotated[str | None, typer.Option(help="Soundfont to play notes with: .sf2 or .sf3 file [default: TimGM6mb].")] = None,
    instruments: Annotated[str, typer.Option(help="For cmt: some of drums,piano,guitar,bass,strings [default: all].")] = "",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Setting of the method as name=value, see docs/methods.md.")] = None,
    denoise: Annotated[bool, typer.Option(help="Take the codec's noise floor out of the music.")] = True,
    plot: Annotated[bool, typer.Option(help="Write a picture of beats and mel-spectrogram beside the output.")] = True,
    json_report: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of a summary.")] = False,
) -> None:
    """Give a dance video back with newly generated music that is in time with the dancer."""
    with _progress() as progress:
        progress("load", 0.0)
        from dance2music.generation.job import run
        from dance2music.generation.request import Request

        request = Request(
            video=video,
            out=out,
            from_motion=from_motion,
            genre=genre,
            seed=seed,
            takes=takes,
            tempo_bpm=tempo,
            method=method,
            level=level,
            weights=weights,
            precision=precision,
            wav=wav,
            midi=midi,
            stems=stems,
            soundfont=soundfont,
            instruments=tuple(name.strip() for name in instruments.split(",")) if instruments else (),
            settings=tuple(settings or ()),
            denoise=denoise,
            plot=plot,
        )
        reports = run(request, progress=progress)
    if json_report:
        typer.echo(json.dumps(reports, indent=2))
        return
    for report in reports:
        sync = report["sync"]
        typer.echo(
            f"{report['output']}: {report['genre']} at {report['tempo_bpm']:.1f} bpm, sync {sync['beat_alignment']:.2f} "
            f"(by chance {sync['shifted_mean']:.2f})"
        )
        typer.echo(f"  and {', '.join(Path(name).name for name in report['files'][1:])}")
    last = reports[-1]
    typer.echo(f"{last['seconds']['total']:.1f} s for {last['duration_seconds']:.1f} s of dance")


@app.command()
def example(
    out: Annotated[Path, typer.Argument(help="Video to write.")] = Path("dance.mp4"),
    seconds: Annotated[float, typer.Option(help="Length in seconds.")] = 10.0,
) -> None:
    """Draw an example video: a dancer whose beats are known."""
    from dance2music.synthetic.drawing import example_video

    out.parent.mkdir(parents=True, exist_ok=True)
    example_video(out, seconds=seconds)
    typer.echo(f"{out}: {seconds:g} s of dance")
